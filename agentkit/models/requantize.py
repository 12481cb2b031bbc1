"""Rewriting a GGUF file's weights in another number format.

Formats differ in speed, size and quality, and the order differs between machines and sizes of model; what
was measured for the catalog's models stands in `tests/benchmarks/bench_formats.py`. Going to a wider format
than the source's brings no quality back: the weights stay what the source rounded them to.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from agentkit.errors import ConfigurationError, MissingExtra, ModelError, UnknownName

Format = Literal["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"]
"""The formats that the gguf package can write; it reads K-quants but can't make them."""

FORMATS: tuple[Format, ...] = get_args(Format)


class _Plan(NamedTuple):
    """One tensor of the file to write."""

    name: str
    source: Any
    """The tensor as gguf's reader gives it."""
    format: Any
    """A gguf.GGMLQuantizationType."""
    shape: tuple[int, ...]
    """Bytes along the last axis when quantized, else elements."""
    nbytes: int
    change: Callable[[], Any] | None = None
    """Computes what is added to it."""


def requantize(
    source: Path,
    target: Path,
    to: Format,
    *,
    changes: Mapping[str, Callable[[], Any]] | None = None,
    properties: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write `source` to `target` with its weight matrices in the format `to`.

    Metadata, tokenizer and the order and names of the tensors stay; vectors (norms, biases) stay as they
    are. A token embedding or output matrix that the source keeps in a wider format stays so, except for
    F16 and BF16, which hold everything. The target appears complete or not at all.

    Args:
        changes: By the names of tensors, what computes an array of the tensor's shape to be added to it.
        properties: Texts to be added to the metadata, before all others.
        progress: Told the tensors done and the tensors there are.

    Raises:
        MissingExtra: numpy or gguf isn't installed.
        ConfigurationError: No such format, or `target` is `source`.
        ModelError: The source isn't a GGUF file, is damaged, hasn't a tensor to be changed, or the disk is full.
    """
    if to not in FORMATS:
        raise UnknownName("format", to, FORMATS)
    if target.resolve() == source.resolve():
        raise ConfigurationError(f"requantizing {source} onto itself would lose it; name another target")
    gguf = _gguf()
    try:
        reader = gguf.GGUFReader(source)
    except (OSError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise ModelError(f"{source} can't be read as a GGUF file: {error or type(error).__name__}") from error
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        tell = progress or (lambda _done, _all: None)
        _write(gguf, reader, part, to, changes=changes or {}, properties=properties or {}, progress=tell)
        os.replace(part, target)
    except (OSError, ValueError) as error:
        raise ModelError(f"{source} can't be rewritten as {target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _gguf() -> Any:
    try:
        import gguf
    except ImportError as error:
        raise MissingExtra("writing GGUF files", extra="quantize") from error
    return gguf


def _write(
    gguf: Any,
    reader: Any,
    part: Path,
    to: Format,
    *,
    changes: Mapping[str, Callable[[], Any]],
    properties: Mapping[str, str],
    progress: Callable[[int, int], None],
) -> None:
    """Two passes, since a GGUF file says where each tensor lies before the first one comes."""
    architecture = reader.get_field("general.architecture")
    if architecture is None:
        raise ValueError("it names no general.architecture")
    if absent := changes.keys() - {tensor.name for tensor in reader.tensors}:
        raise ValueError(f"it has no tensor {min(absent)}")
    writer = gguf.GGUFWriter(part, arch=architecture.contents())
    try:
        writer.data_alignment = reader.alignment
        for name, text in properties.items():
            writer.add_string(name, text)
        for field in reader.fields.values():
            if field.name not in properties:
                _copy(gguf, writer, field, to)
        wanted = gguf.GGMLQuantizationType[to]
        plans = [_plan(gguf, tensor, wanted, changes.get(tensor.name)) for tensor in reader.tensors]
        for plan in plans:
            writer.add_tensor_info(plan.name, plan.shape, _stored(plan.format), plan.nbytes, plan.format)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for done, plan in enumerate(plans, 1):
            writer.write_tensor_data(_converted(gguf, plan))
            progress(done, len(plans))
    finally:
        writer.close()


def _copy(gguf: Any, writer: Any, field: Any, to: Format) -> None:
    if field.name.startswith("GGUF.") or field.name == "general.architecture":
        return  # the writer puts these itself
    kind, value = field.types[0], field.contents()
    if field.name == "general.file_type":
        value = int(gguf.LlamaFileType[f"MOSTLY_{to}"])
    inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
    writer.add_key_value(field.name, value, kind, sub_type=inner)


def _plan(gguf: Any, tensor: Any, wanted: Any, change: Callable[[], Any] | None) -> _Plan:
    shape = [int(n) for n in reversed(tensor.shape)]
    kept, block = tensor.tensor_type, gguf.GGML_QUANT_SIZES[wanted][0]
    if len(shape) < 2:
        chosen = kept
    elif shape[-1] % block:
        chosen = gguf.GGMLQuantizationType.F16  # rows that the format's blocks don't fill
    elif tensor.name in ("token_embd.weight", "output.weight") and _bits(gguf, kept) > _bits(gguf, wanted):
        chosen = kept
    else:
        chosen = wanted
    elements, nbytes = gguf.GGML_QUANT_SIZES[chosen]
    row = shape[-1] if chosen.name in ("F32", "F16") else shape[-1] // elements * nbytes
    count = 1
    for n in shape:
        count *= n
    return _Plan(tensor.name, tensor, chosen, (*shape[:-1], row), count // elements * nbytes, change)


def _bits(gguf: Any, kind: Any) -> float:
    elements, nbytes = gguf.GGML_QUANT_SIZES[kind]
    return 8 * nbytes / elements


def _stored(kind: Any) -> Any:
    """The element type of the arrays that hold this format; blocks are rows of bytes."""
    import numpy

    kinds: dict[str, Any] = {"F32": numpy.dtype("float32"), "F16": numpy.dtype("float16")}
    return kinds.get(kind.name, numpy.dtype("uint8"))


def _converted(gguf: Any, plan: _Plan) -> Any:
    tensor = plan.source
    if plan.change is None and tensor.tensor_type == plan.format:
        return tensor.data
    wide = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    return gguf.quants.quantize(wide if plan.change is None else wide + plan.change(), plan.format)
