"""Rewriting a GGUF file's weights in another number format.

Formats differ in speed, size and quality, and the order differs between machines and sizes of model; what
was measured for the catalog's models stands in `tests/benchmarks/results/formats.md`. Going to a wider format
than the source's brings no quality back: the weights stay what the source rounded them to.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from agentkit.errors import ConfigurationError, ModelError, UnknownName
from agentkit.models.gguf_files import (
    Planned,
    file_type,
    gguf_package,
    metadata_of,
    open_gguf,
    plan,
    write_gguf,
)

Format = Literal["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"]
"""The formats that the gguf package can write; it reads K-quants but can't make them."""

WIDE = frozenset({"token_embd.weight", "output.weight"})
"""The matrices that round worst."""
HOLDING = frozenset({"F16", "BF16"})
"""The formats that hold these as well."""
FORMATS: tuple[Format, ...] = get_args(Format)


def known(name: str) -> Format:
    """A format by its name, in any case.

    Raises:
        UnknownName: There is none.
    """
    found: dict[str, Format] = {each.lower(): each for each in FORMATS}
    if name.lower() not in found:
        raise UnknownName("format", name, FORMATS)
    return found[name.lower()]


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
    are. A token embedding or output matrix that the source keeps in a wider format stays so, up to Q8_0, except for
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
    gguf = gguf_package()
    reader = open_gguf(source)
    try:
        architecture = reader.get_field("general.architecture")
        if architecture is None:
            raise ValueError("it names no general.architecture")
        changes = changes or {}
        if absent := changes.keys() - {tensor.name for tensor in reader.tensors}:
            raise ValueError(f"it has no tensor {min(absent)}")
        wanted = gguf.GGMLQuantizationType[to]
        write_gguf(
            target,
            architecture=architecture.contents(),
            alignment=reader.alignment,
            metadata=metadata_of(reader, {"general.file_type": file_type(to)}, properties),
            tensors=[_tensor(gguf, tensor, wanted, changes.get(tensor.name)) for tensor in reader.tensors],
            progress=progress,
        )
    except (OSError, ValueError, NotImplementedError) as error:  # the last: a format that gguf can't read, as Q1_0
        raise ModelError(f"{source} can't be rewritten as {target}: {error}") from error
    return target


def _tensor(gguf: Any, tensor: Any, wanted: Any, change: Callable[[], Any] | None) -> Planned:
    shape = [int(n) for n in reversed(tensor.shape)]
    kept, block = tensor.tensor_type, gguf.GGML_QUANT_SIZES[wanted][0]
    if len(shape) < 2:
        chosen = kept
    elif shape[-1] % block:
        chosen = gguf.GGMLQuantizationType.F16  # rows that the format's blocks don't fill
    elif wanted.name not in HOLDING and tensor.name in WIDE and _bits(gguf, kept) > _bits(gguf, wanted):
        chosen = min(kept, gguf.GGMLQuantizationType.Q8_0, key=lambda kind: _bits(gguf, kind))
    else:
        chosen = wanted
    return plan(tensor.name, shape, chosen, lambda: _converted(gguf, tensor, chosen, change))


def _bits(gguf: Any, kind: Any) -> float:
    elements, nbytes = gguf.GGML_QUANT_SIZES[kind]
    return 8 * nbytes / elements


def _converted(gguf: Any, tensor: Any, to: Any, change: Callable[[], Any] | None) -> Any:
    if change is None and tensor.tensor_type == to:
        return tensor.data
    wide = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    return gguf.quants.quantize(wide if change is None else wide + change(), to)
