"""Grammars checked before a model sees them, and texts checked against grammars afterwards.

llama.cpp samples without any constraint when a grammar doesn't compile, so nothing may reach an engine
that llguidance hasn't compiled here; and every output is held against its grammar once more, because an
engine may carry another version of llguidance than this one.
"""

from functools import lru_cache
from typing import Any, Protocol, Self, cast

import llguidance

from agentkit.errors import GrammarError
from agentkit.models.model import Grammar

_EOS = 256


class _ByteVocabulary:
    """One token a byte, so that a language can be tested without any model's vocabulary."""

    eos_token_id = _EOS
    bos_token_id = None
    tokens = (*(bytes([value]) for value in range(256)), b"<end>")
    special_token_ids = (_EOS,)

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


class _Matcher(Protocol):
    """The part of llguidance's matcher that is used here."""

    def deep_copy(self) -> Self: ...
    def is_error(self) -> bool: ...
    def get_error(self) -> str: ...
    def is_accepting(self) -> bool: ...
    def compute_bitmask(self) -> bytes: ...
    def try_consume_tokens(self, tokens: list[int]) -> int: ...


@lru_cache(maxsize=1)
def _byte_tokenizer() -> llguidance.LLTokenizer:
    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(cast(Any, _ByteVocabulary())), slices=[])


@lru_cache(maxsize=64)
def _compiled(lark: str) -> _Matcher:
    """Not to be used itself, only copied. Compiling takes a millisecond, a copy one of microseconds; 0.2 MiB each."""
    return llguidance.LLMatcher(_byte_tokenizer(), lark, log_level=0)


def _matcher(lark: str) -> _Matcher:
    return _compiled(lark).deep_copy()


@lru_cache(maxsize=512)
def _fault(lark: str) -> str:
    """Why the grammar can't be used, in one line; empty if it can."""
    matcher = _matcher(lark)
    if matcher.is_error():
        return _one_line(matcher.get_error())
    if not any(matcher.compute_bitmask()) and not matcher.is_accepting():
        return "it admits no text at all"
    return ""


def _one_line(message: str) -> str:
    """llguidance's message without its drawing of the source."""
    lines = [line.strip() for line in message.splitlines()]
    kept = [line for line in lines if line.strip("^ ") and not line.split(" | ")[0].isdigit()]
    return " ".join(kept).removeprefix("at 1(8): failed to compile JSON schema: ")


def compile_grammar(grammar: Grammar) -> str:
    """The grammar in Lark notation, known to compile.

    Raises:
        GrammarError: It doesn't compile, uses a schema keyword that llguidance hasn't, or admits no text.
    """
    lark = grammar.lark
    if fault := _fault(lark):
        shown = lark if len(lark) <= 200 else lark[:200] + "…"
        raise GrammarError(f"the grammar can't be used: {fault}; simplify the schema {shown}")
    return lark


def admits(grammar: Grammar, text: str) -> bool:
    """Whether the text, whole, belongs to the grammar's language.

    Raises:
        GrammarError: The grammar doesn't compile.
    """
    matcher = _matcher(compile_grammar(grammar))
    data = list(text.encode())
    return matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()
