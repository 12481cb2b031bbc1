"""What a GGUF file says of itself, read without loading it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from agentkit.errors import ModelError

MAGIC = b"GGUF"
PROTOCOL = "agentkit.protocol"
"""The key under which a model that was taught says which protocol; it stands before the vocabulary."""
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 2**24
"""Bytes of one string; more can only be damage. The longest there are, chat templates, have some thousands."""

Value = int | float | bool | str | None


def trained_context(path: Path) -> int | None:
    """Tokens of context that the model was trained for; None if the file doesn't tell.

    Raises:
        ModelError: The file can't be read, isn't GGUF, or its header is damaged.
    """
    return next((int(value) for key, value in _read_header(path) if key.endswith(".context_length") and value), None)


def taught_protocol(path: Path) -> str:
    """Fingerprint of the protocol that the model was taught; empty if it was taught none.

    Raises:
        ModelError: As for `trained_context`.
    """
    before = takewhile(lambda pair: not pair[0].startswith("tokenizer."), _read_header(path))
    return next((str(value) for key, value in before if key == PROTOCOL), "")


def properties(path: Path) -> dict[str, Value]:
    """Every key with its value; None for an array.

    Raises:
        ModelError: As for `trained_context`.
    """
    return dict(_read_header(path))


def _read_header(path: Path) -> Iterator[tuple[str, Value]]:
    try:
        with path.open("rb") as file:
            if (magic := file.read(4)) != MAGIC:
                raise ModelError(
                    f"{path} is not a GGUF file: it begins with {magic!r}; convert the model or fetch it again"
                )
            yield from _metadata(file)
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}; give the path of a GGUF file") from error
    except (struct.error, KeyError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} can't be loaded: its header is cut off or damaged; fetch it again") from error


def _metadata(file: BinaryIO) -> Iterator[tuple[str, Value]]:
    """The keys with their values, in order; None for an array."""
    _version, _tensors, count = _read(file, "IQQ")
    for _ in range(count):
        key = _string(file)
        yield key, _value(file, _read(file, "I")[0])


def _value(file: BinaryIO, kind: int) -> Value:
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        return _read(file, _FORMATS[kind])[0]
    of, length = _read(file, "IQ")
    if of in _FORMATS:
        file.seek(length * struct.calcsize(_FORMATS[of]), 1)
    else:
        for _ in range(length):
            _value(file, of)
    return None


def _string(file: BinaryIO) -> str:
    (length,) = _read(file, "Q")
    if length > _LONGEST:
        raise ValueError(f"a string of {length} bytes")
    return file.read(length).decode()


def _read(file: BinaryIO, form: str) -> tuple[int, ...]:
    form = f"<{form}"
    return struct.unpack(form, file.read(struct.calcsize(form)))
