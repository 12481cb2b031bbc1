"""A model that comes to lie in memory where another was is masked by its own vocabulary."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentkit.models.decoy import decoy

from ..tiny import write_like

pytestmark = pytest.mark.model


def test_models_loaded_by_turns_are_each_masked_by_their_own_vocabulary(tmp_path: Path, tiny_llama: Path) -> None:
    write_like(tmp_path / "0.gguf", tiny_llama)
    (tmp_path / "1.gguf").write_bytes(decoy())
    program = """
import asyncio
from agentkit.models.llamacpp import LlamaCpp
from agentkit.models.model import Grammar, Message, Sampling
async def main():
    for turn in range(24):
        async with await LlamaCpp.load(f"{turn % 2}.gguf", context=512, parallel=1, threads=1) as model:
            completion = await model.session().generate(
                [Message(role="user", content="Hi")],
                grammar=Grammar(json_schema={"const": "yes"}),
                sampling=Sampling(max_tokens=8),
            )
            print(completion.text)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        # With one heap for all threads the same places come soon: without the decoy it ended at the 3rd to 8th load.
        env=os.environ | {"MALLOC_ARENA_MAX": "1", "GGML_NO_BACKTRACE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == '"yes"\n' * 24
