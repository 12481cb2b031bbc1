"""Texts become unit vectors, the same as the reference library's."""

import json
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.errors import ConfigurationError, MissingExtra
from agentkit.knowledge.embedder import Embedder

TEXTS = [
    "The oven uses 9.5 kWh.",
    "Wie hoch liegt die Station?",
    "",
    "x",
    "word " * 300,
    "\u6c34 \U0001f600 \ud800",
    "a\nb\tc",
]


def test_rows_have_length_one_and_do_not_depend_on_the_batch(embedder: Embedder) -> None:
    together = embedder.embed(TEXTS * 3)
    assert together.shape == (21, 384)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, row in zip(TEXTS, together, strict=False):
        np.testing.assert_allclose(embedder.embed([text])[0], row, atol=2e-6)


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(embedder: Embedder, embedder_folder: Path) -> None:
    with warnings.catch_warnings():  # the reference's own
        warnings.simplefilter("ignore")
        reference = pytest.importorskip("sentence_transformers")
        model: Any = reference.SentenceTransformer(str(embedder_folder), device="cpu", local_files_only=True)
        texts = [text for text in TEXTS if "\ud800" not in text]
        expected: Any = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(embedder.embed(texts), expected, atol=2e-6)


def test_similarity_is_higher_between_texts_of_one_meaning(embedder: Embedder) -> None:
    claims = ["The oven needs 9.5 kWh for a batch.", "The glacier shrinks."]
    passages = ["One batch takes the oven 9.5 kilowatt hours.", "The ice lost 23 metres.", "Soup costs 8 euros."]
    cosines = embedder.similarity(claims, passages)
    assert cosines.shape == (2, 3)
    assert cosines.argmax(axis=1).tolist() == [0, 1]
    assert embedder.similarity([], passages).shape == (0, 3)
    assert embedder.similarity(claims, []).shape == (2, 0)
    assert embedder.embed([]).shape[0] == 0


def test_threads_share_an_embedder(embedder: Embedder) -> None:
    short = [text[:20] for text in TEXTS]
    expected = embedder.embed(short)
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(embedder.embed, [short] * 8):
            np.testing.assert_allclose(rows, expected, atol=2e-6)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux shows them")
def test_no_thread_of_its_own_stays_to_wait_for_work(embedder_folder: Path) -> None:
    code = (
        "import os; from pathlib import Path; from agentkit.knowledge.embedder import Embedder; import onnxruntime\n"
        "before = os.listdir('/proc/self/task')\n"
        f"Embedder.load(Path({str(embedder_folder)!r})).embed(['text', 'more'] * 8)\n"
        "print(len(os.listdir('/proc/self/task')) - len(before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_any_function_can_embed() -> None:
    embedder = Embedder(lambda texts: [[len(text), 4.0] for text in texts], name="length")
    np.testing.assert_allclose(embedder.embed(["abc"]), [[0.6, 0.8]], rtol=1e-6)


@pytest.fixture
def copy(embedder_folder: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged; the weights are linked."""
    folder = tmp_path / "minilm"
    shutil.copytree(embedder_folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "model.safetensors").symlink_to(embedder_folder.resolve() / "model.safetensors")
    return folder


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\0" * 100])
def test_a_missing_or_damaged_file_is_one_clear_line(copy: Path, name: str, content: bytes | None) -> None:
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"agentkit models pull all-minilm-l6-v2|not a plain BERT") as raised:
        Embedder.load(copy)
    assert str(copy) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_another_kind_of_model_is_refused_with_what_to_do(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"model_type": "xlm-roberta"}))
    with pytest.raises(ConfigurationError, match=r"not a plain BERT .*model_type.* Embedder\(model.encode, name="):
        Embedder.load(copy)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtra, match=r"tokenizers.*pip install 'agentkit\[retrieval\]'"):
        Embedder.load(tmp_path)


def test_loading_needs_neither_torch_nor_transformers(embedder_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agentkit.knowledge.embedder import Embedder\n"
        f"Embedder.load(Path({str(embedder_folder)!r})).embed(['text'])\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)
