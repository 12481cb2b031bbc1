"""From a GGUF file to a Hugging Face folder, which can be trained and pruned, and back."""

import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, get_args

from agentkit.compress.architecture import EMBEDDING, OUTPUT, Shape, gguf_name, hf_name
from agentkit.compress.vocabulary import write_tokenizer
from agentkit.errors import ConfigurationError, ModelError, UnknownName
from agentkit.models.gguf_files import (
    Planned,
    Value,
    file_type,
    gguf_package,
    metadata_of,
    open_gguf,
    plan,
    write_gguf,
)
from agentkit.models.tokenizer import extra, one_line, read_json

DType = Literal["float32", "float16", "bfloat16"]
Format = Literal["Q8_0", "Q4_0", "F16", "BF16", "F32"]
FORMATS: tuple[Format, ...] = get_args(Format)
_FAULTS = (OSError, ValueError, KeyError, IndexError, OverflowError, TypeError, NotImplementedError)
"""What the readers raise of a file that isn't what it should be."""


def gguf_to_hf(
    source: Path,
    target: Path,
    *,
    dtype: DType = "float32",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Make a Hugging Face folder of a GGUF file whose architecture is llama or qwen2.

    The folder has config.json, the weights in safetensors, and the tokenizer, with the file's own ids and chat
    template; it appears complete or not at all. Weights are what the file rounded them to: float32 holds them
    exactly, and so brings back the same file in the same format.

    Args:
        progress: Told the tensors done and the tensors there are.

    Raises:
        MissingExtra: gguf, torch, transformers or one of their parts isn't installed.
        ConfigurationError: `target` is there already.
        ModelError: The file is damaged, of another architecture or vocabulary, or the disk is full.
    """
    if dtype not in get_args(DType):
        raise UnknownName("dtype", dtype, get_args(DType))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(f"{target} is there already; name a folder that isn't")
    torch, safetensors = extra("torch"), extra("safetensors.torch")
    reader = open_gguf(source)

    def field(key: str) -> Any:
        found = reader.get_field(key)
        return None if found is None else found.contents()

    with _whole_folder(target) as part, _told(f"{source} can't be made a Hugging Face folder"):
        shape = Shape.of_gguf(field)
        ids = write_tokenizer(field, part)
        state: dict[str, Any] = {}
        for done, tensor in enumerate(reader.tensors, 1):
            wide = gguf_package().quants.dequantize(tensor.data, tensor.tensor_type)
            rows = torch.from_numpy(shape.halved(tensor.name, wide).copy())
            state[hf_name(tensor.name)] = rows.to(getattr(torch, dtype))
            if progress:
                progress(done, len(reader.tensors))
        config = {
            **shape.config(),
            **ids,
            "vocab_size": len(state[hf_name(EMBEDDING)]),
            "tie_word_embeddings": hf_name(OUTPUT) not in state,
            "dtype": dtype,
        }
        (part / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        safetensors.save_file(state, part / "model.safetensors", metadata={"format": "pt"})
    return target


def hf_to_gguf(
    folder: Path,
    target: Path,
    *,
    format: Format,  # noqa: A002 (what `requantize` and the catalog call it)
    like: Path,
    properties: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the weights of a Hugging Face folder as a GGUF file, which appears complete or not at all.

    Vectors stay F32, rows that a format's blocks don't fill become F16, and in Q4_0 the embedding and the output
    matrix are kept in Q8_0, as they round worst.

    Args:
        folder: A Llama or Qwen2; it may have fewer layers or narrower ones than `like`.
        like: The file whose metadata, tokenizer and chat template are taken.
        properties: Texts to be added to the metadata, before all others.
        progress: Told the tensors done and the tensors there are.

    Raises:
        MissingExtra: gguf, torch or safetensors isn't installed.
        ConfigurationError: `target` is `like`, or the folder lacks a file.
        ModelError: Folder and file don't fit together, one is damaged, or the disk is full.
    """
    if format not in FORMATS:
        raise UnknownName("format", format, FORMATS)
    if target.resolve() == like.resolve():
        raise ConfigurationError(f"writing {target} over its own model would lose it; name another target")
    reader = open_gguf(like)
    with _told(f"{folder} can't be written as {target}"), _Weights.open(folder) as weights:
        weights.check(reader)
        write_gguf(
            target,
            architecture=weights.shape.architecture,
            alignment=reader.alignment,
            metadata=_metadata(reader, weights.shape, format, properties),
            tensors=[weights.planned(name, format) for name in weights.ordered(reader)],
            progress=progress,
        )
    return target


@dataclass(frozen=True)
class _Weights:
    """The weights of a folder, by their names in GGUF."""

    shape: Shape
    files: dict[str, Any]
    """The open file that has each tensor."""

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Generator["_Weights"]:
        config = read_json(folder / "config.json")
        single = folder / "model.safetensors"
        index = folder / "model.safetensors.index.json"
        shards = {single} if single.exists() else {folder / n for n in read_json(index)["weight_map"].values()}
        opened = [extra("safetensors").safe_open(shard, framework="pt") for shard in sorted(shards)]
        files = {gguf_name(name): file for file in opened for name in file.keys()}  # noqa: SIM118 (no mapping)
        if config.get("tie_word_embeddings"):
            files.pop(OUTPUT, None)  # llama.cpp takes the embedding where there is no output matrix
        yield cls(Shape.of_folder(config), files)

    def check(self, reader: Any) -> None:
        """Refuse a folder that isn't complete, or isn't of the file's vocabulary."""
        found = str(reader.get_field("general.architecture").contents())
        if found != self.shape.architecture:
            raise ModelError(f"it is a {self.shape.architecture}, but the file to be like is a {found}")
        names = {tensor.name for tensor in reader.tensors} - {OUTPUT}
        first = {name.removeprefix("blk.0.") for name in names if name.startswith("blk.0.")}
        needed = {name for name in names if not name.startswith("blk.")}
        needed |= {f"blk.{layer}.{name}" for layer in range(self.shape.layers) for name in first}
        if missing := sorted(needed - self.files.keys()):
            raise ModelError(f"it lacks {', '.join(missing[:3])}{' …' if missing[3:] else ''}")
        tokens, rows = len(reader.get_field("tokenizer.ggml.tokens").data), self._slice(EMBEDDING).get_shape()[0]
        if tokens != rows:
            raise ModelError(f"it has {rows} tokens, but the file to be like has {tokens}; don't resize the embedding")

    def ordered(self, reader: Any) -> Iterator[str]:
        """The names in the file's order, then those that it hasn't."""
        names = [tensor.name for tensor in reader.tensors if tensor.name in self.files]
        yield from names
        yield from sorted(self.files.keys() - set(names))

    def planned(self, name: str, to: Format) -> Planned:
        gguf = gguf_package()
        kinds = gguf.GGMLQuantizationType
        dims: list[int] = self._slice(name).get_shape()
        kind = kinds.F32 if len(dims) < 2 else kinds[to]
        if to == "Q4_0" and name in (EMBEDDING, OUTPUT):
            kind = kinds.Q8_0
        if dims[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = kinds.F16
        return plan(name, dims, kind, partial(self._made, name, kind))

    def _made(self, name: str, kind: Any) -> Any:
        wide = self.files[name].get_tensor(hf_name(name)).float().numpy()
        return gguf_package().quants.quantize(self.shape.interleaved(name, wide), kind)

    def _slice(self, name: str) -> Any:
        return self.files[name].get_slice(hf_name(name))


def _metadata(reader: Any, shape: Shape, to: Format, properties: Mapping[str, str] | None) -> Iterator[Value]:
    own: dict[str, Any] = {f"{shape.architecture}.{key}": value for key, value in shape.metadata().items()}
    yield from metadata_of(reader, {**own, "general.file_type": file_type(to)}, properties)
    if shape.head * shape.heads != shape.width:  # else these are what the file says of its width already
        kinds = gguf_package().GGUFValueType
        for key in ("rope.dimension_count", "attention.key_length", "attention.value_length"):
            name = f"{shape.architecture}.{key}"
            if reader.get_field(name) is None:
                yield Value(name, own[name], kinds.UINT32)


@contextmanager
def _whole_folder(target: Path) -> Generator[Path]:
    """A folder to write into, which gets its name once all is there."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        yield part
        if target.exists():
            target.rmdir()  # it is empty
        os.replace(part, target)
    except OSError as error:
        raise ModelError(f"can't write {target}: {one_line(error)}; make room, or name another folder") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _told(what: str) -> Generator[None]:
    """Faults of files in one line."""
    safetensors = cast(type[Exception], extra("safetensors").SafetensorError)
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{what}: {error}") from error
    except (*_FAULTS, safetensors) as error:
        raise ModelError(f"{what}: {one_line(error)}") from error
