"""The tokenizer of a Hugging Face folder, with its chat template."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from agentkit.errors import ConfigurationError, MissingExtra, ModelError
from agentkit.models.model import Message
from agentkit.models.template import Template

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""What a model without a template of its own is spoken to in, as in llama.cpp."""

TAG = re.compile(r"<[^<>]+>|\[[^\[\]]+\]")
"""How tokens look that a model reads as control, also where its vocabulary doesn't call them so."""


class HFTokenizer:
    """Text to ids as a folder's tokenizer.json says, with or without control tokens.

    Args:
        folder: Has tokenizer.json and usually tokenizer_config.json, generation_config.json, chat_template.jinja.

    Raises:
        MissingExtra: tokenizers or transformers isn't installed.
        ConfigurationError: A file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        library = extra("tokenizers")
        data = read_json(folder / "tokenizer.json")
        config = read_json(folder / "tokenizer_config.json", missing={})
        added: list[dict[str, Any]] = data.get("added_tokens") or []
        tags = [str(t["content"]) for t in added if not t["special"] and TAG.fullmatch(t["content"])]
        for token in added:
            token["special"] = token["special"] or token["content"] in tags
        self.json = json.dumps(data | {"padding": None, "truncation": None}, ensure_ascii=False)
        """The tokenizer with every tag among its special tokens, as llguidance takes it."""
        try:
            self._control: Any = library.Tokenizer.from_str(self.json)
            self._text: Any = library.Tokenizer.from_str(self.json)
        except Exception as error:  # the library raises nothing narrower
            raise ConfigurationError(f"{folder / 'tokenizer.json'} can't be read: {one_line(error)}") from None
        self._text.encode_special_tokens = True
        self._inside = (
            re.compile("|".join(f"(?<={re.escape(t[0])})(?={re.escape(t[1:])})" for t in tags)) if tags else None
        )
        self._spaced = self._encode_plain("a") != [self._text.token_to_id("a")]
        named = {key: config[key] for key in config if key.endswith("_token") and isinstance(config[key], str | dict)}
        self._names = {key: _content(token) for key, token in named.items() if token}  # add_bos_token isn't one
        self.size: int = 1 + max(self._text.get_vocab(with_added_tokens=True).values())
        """One more than the last id."""
        self.ends = self._end_ids()
        """Ids that end a turn."""
        bos: int | None = self._text.token_to_id(self._names["bos_token"]) if self._names.get("bos_token") else None
        self._opening = [] if bos is None or self._control.encode("").ids[:1] != [bos] else [bos]
        self._source = _chat_template(folder, config)
        self.template = Template(self.apply_template)
        self.tokenize = lru_cache(maxsize=2048)(self._tokenize)

    def apply_template(self, messages: Sequence[Message]) -> str:
        """Render messages with the folder's chat template (ChatML if it has none), to be continued.

        Raises:
            ModelError: The template doesn't take these messages.
        """
        render = extra("transformers.utils.chat_template_utils").render_jinja_template
        conversation = [message.model_dump() for message in messages]
        try:
            rendered, _ = render(
                conversations=[conversation],
                chat_template=self._source,
                add_generation_prompt=True,
                enable_thinking=False,
                **self._names,
            )
        except Exception as error:  # a template may fail in any way
            raise ModelError(f"the chat template doesn't take these messages: {one_line(error)}") from error
        return str(rendered[0])

    def control_ids(self) -> frozenset[int]:
        """Ids of the tokens that text never becomes."""
        added: Mapping[int, Any] = self._control.get_added_tokens_decoder()
        return frozenset(token for token, what in added.items() if what.special)

    def _tokenize(self, text: str, *, control: bool, first: bool = False) -> tuple[int, ...]:
        """Token ids of a text; only control text may give control tokens, the first piece what opens a text."""
        if not control:
            parts = self._inside.split(text) if self._inside else [text]
            return tuple(token for part in parts for token in self._encode_text(part))
        ids: list[int] = self._control.encode(text, add_special_tokens=False).ids
        opening = self._opening if first and ids[:1] != self._opening else []
        return (*opening, *ids)

    def _encode_text(self, text: str) -> list[int]:
        """Text from the middle of a transcript: without the space that some vocabularies put before a text."""
        if self._spaced:
            line, whole = self._encode_plain("\n"), self._encode_plain("\n" + text)
            if whole[: len(line)] == line:
                return whole[len(line) :]
        return self._encode_plain(text)

    def _encode_plain(self, text: str) -> list[int]:
        return self._text.encode(text, add_special_tokens=False).ids

    def _end_ids(self) -> frozenset[int]:
        ends: set[int] = set()
        for name in ("generation_config.json", "config.json"):
            given = read_json(self.folder / name, missing={}).get("eos_token_id")
            ends.update(cast(list[int], given) if isinstance(given, list) else [] if given is None else [given])
        for spelled in (self._names.get("eos_token"), "<|im_end|>"):
            token = self._text.token_to_id(spelled) if spelled else None
            ends.update(() if token is None else (token,))
        if not ends:
            raise ConfigurationError(
                f"{self.folder} names no token that ends a turn; set eos_token_id in generation_config.json"
            )
        return frozenset(ends)


def extra(module: str) -> Any:
    """A module of the extra 'transformers'.

    Raises:
        MissingExtra: It isn't installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra("running Hugging Face models", extra="transformers") from error


def read_json(path: Path, *, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON file of a folder; `missing` where there is none, unless that is None.

    Raises:
        ConfigurationError: It can't be read.
    """
    if missing is not None and not path.exists():
        return missing
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} can't be read: {one_line(error)}; save the folder again") from None
    return cast(dict[str, Any], value)


def one_line(error: Exception) -> str:
    """An error's message, short and on one line."""
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(message.split())[:200] or type(error).__name__


def _content(token: str | dict[str, Any]) -> str:
    return token if isinstance(token, str) else str(token["content"])


def _chat_template(folder: Path, config: Mapping[str, Any]) -> str:
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except OSError:
        given = config.get("chat_template") or CHATML
    if isinstance(given, str):
        return given
    named = {entry["name"]: str(entry["template"]) for entry in given}
    return named.get("default") or next(iter(named.values()))
