"""Reading and writing GGUF files with the gguf package, which is untyped."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentkit.errors import MissingExtra, ModelError


class Planned(NamedTuple):
    """One tensor of a file to write."""

    name: str
    format: Any
    """A gguf.GGMLQuantizationType."""
    shape: tuple[int, ...]
    """Bytes along the last axis when quantized, else elements."""
    nbytes: int
    data: Callable[[], Any]
    """Makes the array in that format."""


class Value(NamedTuple):
    """One key of a file's metadata."""

    name: str
    value: Any
    kind: Any
    """A gguf.GGUFValueType."""
    inner: Any = None
    """The kind of an array's elements."""


def gguf_package() -> Any:
    """The gguf package.

    Raises:
        MissingExtra: It isn't installed.
    """
    try:
        import gguf
    except ImportError as error:
        raise MissingExtra("writing GGUF files", extra="quantize") from error
    return gguf


def open_gguf(path: Path) -> Any:
    """The gguf package's reader of a file.

    Raises:
        MissingExtra: gguf isn't installed.
        ModelError: It can't be read, or is only a part of a model.
    """
    gguf = gguf_package()
    try:
        reader = gguf.GGUFReader(path)
        parts = reader.get_field("split.count")
        count = int(parts.contents()) if parts else 1
    except (OSError, ValueError, IndexError, KeyError, OverflowError, TypeError) as error:
        raise ModelError(f"{path} can't be read as a GGUF file: {error or type(error).__name__}") from error
    if count > 1:  # llama.cpp finds the others by their names; what is written from one would lack their tensors
        raise ModelError(f"{path} is one of {count} files of a model; join them: llama-gguf-split --merge FIRST OUT")
    return reader


def metadata_of(reader: Any, other: Mapping[str, Any], properties: Mapping[str, str] | None = None) -> Iterator[Value]:
    """All that a file says of itself, with other values for some of its keys.

    Args:
        properties: Texts to be said before all others.
    """
    properties = properties or {}
    kinds = gguf_package().GGUFValueType
    for name, text in properties.items():
        yield Value(name, text, kinds.STRING)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture" or field.name in properties:
            continue  # the writer puts the first two itself
        kind = field.types[0]
        value = other[field.name] if field.name in other else field.contents()
        yield Value(field.name, value, kind, field.types[-1] if kind == kinds.ARRAY else None)


def file_type(to: str) -> int:
    """What general.file_type says of a file in this format."""
    return int(gguf_package().LlamaFileType["ALL_F32" if to == "F32" else f"MOSTLY_{to}"])


def plan(name: str, shape: Sequence[int], to: Any, data: Callable[[], Any]) -> Planned:
    """A tensor of so many elements along each axis, in the format `to`."""
    elements, nbytes = gguf_package().GGML_QUANT_SIZES[to]
    row = shape[-1] if to.name in ("F32", "F16") else shape[-1] // elements * nbytes
    count = 1
    for n in shape:
        count *= n
    return Planned(name, to, (*shape[:-1], row), count // elements * nbytes, data)


def write_gguf(
    target: Path,
    *,
    architecture: str,
    alignment: int,
    metadata: Iterable[Value],
    tensors: Sequence[Planned],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a file in two passes, since it says where each tensor lies before the first one comes.

    The target appears complete or not at all.

    Args:
        progress: Told the tensors done and the tensors there are.

    Raises:
        OSError: The disk is full, or the folder can't be written.
        ValueError: A tensor can't be made.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        writer = gguf_package().GGUFWriter(part, arch=architecture)
        try:
            writer.data_alignment = alignment
            for value in metadata:
                writer.add_key_value(value.name, value.value, value.kind, sub_type=value.inner)
            for tensor in tensors:
                writer.add_tensor_info(tensor.name, tensor.shape, _stored(tensor), tensor.nbytes, tensor.format)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            for done, tensor in enumerate(tensors, 1):
                writer.write_tensor_data(tensor.data())
                if progress:
                    progress(done, len(tensors))
        finally:
            writer.close()
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _stored(tensor: Planned) -> Any:
    """The element type of the arrays that hold a format; blocks are rows of bytes."""
    import numpy

    kinds: dict[str, Any] = {"F32": numpy.dtype("float32"), "F16": numpy.dtype("float16")}
    return kinds.get(tensor.format.name, numpy.dtype("uint8"))
