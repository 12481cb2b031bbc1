"""The tokenizer of a GGUF file as the files of a Hugging Face folder, with the same ids and chat template."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from agentkit.errors import ModelError
from agentkit.models.tokenizer import extra, one_line

_NORMAL, _UNKNOWN, _CONTROL, _USER = 1, 2, 3, 4
_UNUSED = 5
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"


class _Cut(NamedTuple):
    """How a text is cut before its parts are merged."""

    pattern: str | None
    """None for GPT-2's own."""
    digits: bool = False
    """Whether each digit is cut off first."""
    whole: bool = False
    """Whether a part that is in the vocabulary is taken without looking at the merges."""


_GPT2, _DIGITS = _Cut(None), _Cut(None, digits=True)
_QWEN2 = _Cut(_CONTRACTIONS + _WORDS % r"\p{N}")
_LLAMA3 = _Cut(_CONTRACTIONS + _WORDS % r"\p{N}{1,3}", whole=True)
CUTS: Mapping[str, _Cut] = MappingProxyType(
    {
        **dict.fromkeys(("default", "gpt-2", "mpt", "olmo", "jais"), _GPT2),
        **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"), _DIGITS),
        **dict.fromkeys(("qwen2", "stablelm2", "deepseek-r1-qwen"), _QWEN2),
        **dict.fromkeys(("llama-bpe", "llama3", "llama-v3"), _LLAMA3),
    }
)
"""By what GGUF calls them in tokenizer.ggml.pre; llama.cpp's src/llama-vocab.cpp has the same patterns."""

ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>", "</s>")
"""Control tokens that end a generation in llama.cpp whatever the file calls its end."""


def write_tokenizer(field: Callable[[str], Any], folder: Path) -> dict[str, Any]:
    """Write tokenizer.json, tokenizer_config.json, generation_config.json and chat_template.jinja.

    Args:
        field: The value of a key of the file's metadata; None where there is no such key.
        folder: Where to.

    Returns:
        What config.json needs to know of the tokenizer: ids of special tokens.

    Raises:
        MissingExtra: tokenizers isn't installed.
        ModelError: The vocabulary is of a kind that can't be converted.
    """
    spelled: list[str] = field("tokenizer.ggml.tokens") or []
    kinds: list[int] = field("tokenizer.ggml.token_type") or [_NORMAL] * len(spelled)
    if not spelled or field("tokenizer.ggml.model") != "gpt2":
        raise ModelError(
            f"its vocabulary is of the kind {field('tokenizer.ggml.model')!r}, but only byte-level BPE ('gpt2') can be "
            "converted"
        )
    special: dict[str, int | None] = {name: field(f"tokenizer.ggml.{key}_token_id") for name, key in _SPECIAL.items()}
    bos = special["bos"] if field("tokenizer.ggml.add_bos_token") else None
    tokenizer = _tokenizer(spelled, kinds, field("tokenizer.ggml.merges") or [], _cut(field), bos=bos)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {f"{name}_token": spelled[token] for name, token in special.items() if token is not None}
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **names,
    }
    _dump(folder / "tokenizer_config.json", config)
    if template := field("tokenizer.chat_template"):
        (folder / "chat_template.jinja").write_text(str(template), encoding="utf-8")
    ids = {f"{name}_token_id": token for name, token in special.items() if token is not None and name != "unk"}
    ends = {token for token in (special["eos"], field("tokenizer.ggml.eot_token_id")) if token is not None}
    ends |= {token for token, kind in enumerate(kinds) if kind == _CONTROL and spelled[token] in ENDS}
    _dump(folder / "generation_config.json", {**ids, "eos_token_id": sorted(ends)})
    return ids


_SPECIAL: Mapping[str, str] = MappingProxyType({"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"})


def _cut(field: Callable[[str], Any]) -> _Cut:
    name = str(field("tokenizer.ggml.pre") or "default")
    if name not in CUTS:
        raise ModelError(f"its vocabulary cuts words as {name!r} does, but only these are known: {', '.join(CUTS)}")
    return CUTS[name]


def _tokenizer(spelled: list[str], kinds: list[int], merges: list[str], cut: _Cut, *, bos: int | None) -> Any:
    library = extra("tokenizers")
    before, after = library.pre_tokenizers, library.processors
    vocabulary = {text: token for token, text in enumerate(spelled) if kinds[token] != _UNUSED}
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    try:
        tokenizer = library.Tokenizer(library.models.BPE(vocabulary, pairs, ignore_merges=cut.whole))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"its vocabulary is damaged ({one_line(error)}); fetch it again") from error
    first = [before.Digits(individual_digits=True)] if cut.digits else []
    if cut.pattern:
        first.append(before.Split(library.Regex(cut.pattern), behavior="isolated"))
    bytewise = before.ByteLevel(add_prefix_space=False, use_regex=cut.pattern is None)
    tokenizer.pre_tokenizer = before.Sequence([*first, bytewise])
    tokenizer.decoder = library.decoders.ByteLevel()
    tokenizer.post_processor = after.ByteLevel(trim_offsets=False)
    if bos is not None:
        opening = spelled[bos]
        tokenizer.post_processor = after.TemplateProcessing(
            single=[opening, "$A"], pair=[opening, "$A", "$B"], special_tokens=[(opening, bos)]
        )
    for kind, is_special in ((_CONTROL, True), (_UNKNOWN, True), (_USER, False)):
        texts = [text for text, token in vocabulary.items() if kinds[token] == kind]
        tokenizer.add_tokens([library.AddedToken(text, special=is_special, normalized=False) for text in texts])
    return tokenizer


def _dump(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
