"""Choosing the next token from logits: what a grammar allows of them, and what sampling takes."""

import random
from collections.abc import Sequence
from math import exp, log
from typing import Any, cast

import llguidance

from agentkit.errors import ModelError
from agentkit.models.model import TokenLogprob
from agentkit.models.tokenizer import HFTokenizer

TOP_K, TOP_P, MIN_P = 40, 0.95, 0.05
"""How the distribution is truncated above temperature 0, as llama.cpp does by default."""


class Vocabulary:
    """A tokenizer as llguidance wants it.

    llguidance reads a folder's tokenizer.json itself, but then takes what a grammar forces for control tokens where it
    spells them: so it is given the text's tokens by `HFTokenizer`.
    """

    bos_token_id = None

    def __init__(self, tokenizer: HFTokenizer) -> None:
        self._tokenizer = tokenizer
        self.special_token_ids = sorted(tokenizer.control_ids())
        self.eos_token_id = min(tokenizer.ends)
        spelled = llguidance.LLTokenizer(tokenizer.json, n_vocab=tokenizer.size, eos_token=self.eos_token_id, slices=[])
        self.tokens = [spelled.decode_bytes([token]) for token in range(tokenizer.size)]
        """The bytes of each."""
        self.guiding = llguidance.LLTokenizer(
            llguidance.TokenizerWrapper(cast(Any, self)), eos_token=sorted(tokenizer.ends)
        )

    def __call__(self, text: str) -> list[int]:
        return list(self._tokenizer.tokenize(text, control=False))


class Guide:
    """Where a generation stands in its grammar."""

    def __init__(self, vocabulary: Vocabulary, lark: str) -> None:
        self._matcher: Any = llguidance.LLMatcher(vocabulary.guiding, lark, log_level=0)
        self._check()

    @property
    def over(self) -> bool:
        """Whether nothing may follow."""
        return bool(self._matcher.is_stopped())

    def forced(self, limit: int) -> list[int]:
        """The tokens that must follow, as far as they are certain; they count as taken."""
        tokens: list[int] = self._matcher.compute_ff_tokens()[:limit]
        if tokens:
            self.take(*tokens)
        return tokens

    def take(self, *tokens: int) -> None:
        """Go on by tokens that are allowed."""
        self._matcher.consume_tokens(list(tokens))
        self._check()

    def allowed(self, torch: Any, size: int) -> Any:
        """Which ids may follow, as a tensor of truth values."""
        import numpy

        bits = numpy.frombuffer(self._matcher.compute_bitmask(), dtype=numpy.uint8)
        self._check()
        truths = numpy.zeros(size, dtype=bool)
        known = numpy.unpackbits(bits, bitorder="little")[:size]
        truths[: len(known)] = known
        return torch.from_numpy(truths)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ModelError(f"llguidance gave up on the grammar: {' '.join(self._matcher.get_error().split())[:300]}")


def choose(logits: Any, *, temperature: float, source: random.Random) -> int:
    """The next token: the likeliest at temperature 0, else one of the truncated distribution.

    Args:
        logits: One number an id; minus infinity where an id isn't allowed.
        source: Where chance comes from.
    """
    if temperature == 0:
        return int(logits.argmax())
    top = logits.topk(min(TOP_K, len(logits)))
    values, ids = _truncated(top.values.tolist(), top.indices.tolist())
    weights = [exp((value - values[0]) / temperature) for value in values]
    return source.choices(ids, weights)[0]


def _truncated(values: Sequence[float], ids: Sequence[int]) -> tuple[list[float], list[int]]:
    """Of logits in falling order those within top-p and min-p."""
    weights = [exp(value - values[0]) for value in values]
    total, before, kept = sum(weights), 0.0, 0
    for value, weight in zip(values, weights, strict=True):
        if before / total >= TOP_P or value < values[0] + log(MIN_P):
            break
        before += weight
        kept += 1
    return list(values[:kept]), list(ids[:kept])


def logprob(logits: Any, token: int, text: str, alternatives: int, spell: Any) -> TokenLogprob:
    """A token's log-probability by the model itself, and its likeliest alternatives.

    Args:
        logits: As the model gave them, no grammar applied.
        spell: From an id to its text.
    """
    natural = logits.log_softmax(-1)
    top = natural.topk(min(alternatives, len(natural)))
    others = tuple((str(spell(i)), float(p)) for i, p in zip(top.indices.tolist(), top.values.tolist(), strict=True))
    return TokenLogprob(token=text, logprob=float(natural[token]), alternatives=others)
