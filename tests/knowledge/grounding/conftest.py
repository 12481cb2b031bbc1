"""A BERT of two narrow layers with random weights, and training data of a few rows."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PLACES = ("Brenn", "Hallen", "Sorva", "Tilm", "Ostra", "Vell", "Marn", "Keld", "Ruvik", "Dorsa", "Elvin", "Norrad")
WIDTH, INNER, LAYERS, POSITIONS = 32, 64, 2, 128


def passage(n: int) -> str:
    place, other = PLACES[n % len(PLACES)], PLACES[(n + 5) % len(PLACES)]
    return f"The mill of {place} was built in {1800 + n}. It belongs to {other} and has {n + 3} rooms."


def right(n: int) -> str:
    return f"The mill of {PLACES[n % len(PLACES)]} was built in {1800 + n}."


def wrong(n: int) -> str:
    return f"The mill of {PLACES[n % len(PLACES)]} was built in {1900 - n}."


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training data in the form of the real files."""
    folder = tmp_path_factory.mktemp("data")

    def put(name: str, rows: list[dict[str, Any]]) -> None:
        (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    claims = [(n, right(n) if label else wrong(n), label) for n in range(40) for label in (0, 1)]
    put(
        "grounding_nli.jsonl",
        [{"premise": passage(n), "claim": c, "supported": s, "source": "fever"} for n, c, s in claims],
    )
    long = [" ".join(passage(k) for k in range(n, n + 20)) for n in range(6)]
    put("grounding_summedits.jsonl", [{"premise": long[n % 6], "claim": c, "supported": s} for n, c, s in claims[:12]])
    labels = ("Fully attributable", "Not fully attributable", "Generic")
    put(
        "grounding_begin_dev.jsonl",
        [
            {"knowledge": passage(n), "response": right(n), "begin_label": labels[n % 3], "data_source": source}
            for n, source in enumerate(("cmu", "tc", "wow", "cmu", "tc", "wow"), start=50)
        ],
    )
    context = [[f"Mill {n}", [f"{part}." for part in passage(n).split(".") if part]] for n in range(60, 72)]
    facts = [
        {"context": of, "supporting_facts": [[of[0][0], 0]], "question": f"When was {of[0][0]} built?", "answer": year}
        for of, year in ((context[:6], "1860"), (context[6:], "1866"))
    ]
    put("hotpotqa_passages.jsonl", facts)
    asked = [{"question": f"who owns tower {n} ?", "sentence": f"tower {n} is the count 's ."} for n in range(100, 120)]
    put("squad_question_sentence.jsonl", asked)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the kind that all-MiniLM-L6-v2 comes in."""
    folder = tmp_path_factory.mktemp("tiny")
    characters = "abcdefghijklmnopqrstuvwxyz0123456789.,-"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *characters, *(f"##{c}" for c in characters)]
    words = sorted({w for n in range(90) for w in passage(n).lower().replace(".", " ").split() if w.isalpha()})
    vocabulary = {piece: n for n, piece in enumerate([*pieces, *(w for w in words if w not in pieces)])}
    parts: Any = import_module("tokenizers")
    tokenizer = parts.Tokenizer(parts.models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = parts.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = parts.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = parts.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "vocab_size": len(vocabulary),
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    chance = np.random.default_rng(3)
    weights: dict[str, Any] = {}

    def norm(name: str) -> None:
        weights[f"{name}.weight"] = np.ones(WIDTH, dtype=np.float32)
        weights[f"{name}.bias"] = np.zeros(WIDTH, dtype=np.float32)

    def linear(name: str, rows: int, columns: int) -> None:
        weights[f"{name}.weight"] = chance.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)
        weights[f"{name}.bias"] = chance.normal(0, 0.02, rows).astype(np.float32)

    for kind, rows in (("word", len(vocabulary)), ("position", POSITIONS), ("token_type", 2)):
        weights[f"embeddings.{kind}_embeddings.weight"] = chance.normal(0, 0.5, (rows, WIDTH)).astype(np.float32)
    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        for name in ("query", "key", "value"):
            linear(f"{at}attention.self.{name}", WIDTH, WIDTH)
        linear(f"{at}attention.output.dense", WIDTH, WIDTH)
        norm(f"{at}attention.output.LayerNorm")
        linear(f"{at}intermediate.dense", INNER, WIDTH)
        linear(f"{at}output.dense", WIDTH, INNER)
        norm(f"{at}output.LayerNorm")
    safetensors: Any = import_module("safetensors.numpy")
    safetensors.save_file(weights, folder / "model.safetensors")
    return folder
