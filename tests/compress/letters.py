"""A student small enough for tests: a random Llama that reads letters, and lessons for it."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from agentkit import protocol
from agentkit.compress.base import Base, Speech
from agentkit.compress.examples import Example, encoded
from agentkit.compress.lesson import Lesson, write_lessons
from agentkit.compress.recipe import Recipe
from agentkit.events import Told
from agentkit.models.model import Message
from agentkit.models.template import Template

START, END = 1, 2
CONTROL = {"<|im_start|>": START, "<|im_end|>": END}
RECIPE = Recipe(rank=8, alpha=8, rate=1e-2, tokens=60, row=256, at_once=512, held_out=0.2, validations=2, steps=6)


def tokenize(text: str, *, control: bool, first: bool = False) -> tuple[int, ...]:
    """A letter is a token; so is a control token, in control text alone."""
    ids: list[int] = []
    while text:
        spelled = next((c for c in CONTROL if control and text.startswith(c)), text[0])
        ids.append(CONTROL.get(spelled) or ord(spelled) % 128)
        text = text[len(spelled) :]
    return tuple(ids)


def chatml(messages: Sequence[Message]) -> str:
    turns = "".join(f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages)
    return f"{turns}<|im_start|>assistant\n"


SPEECH = Speech(tokenize, Template(chatml), (END,))


def text_of(ids: Sequence[int]) -> str:
    spelled = {START: "<|im_start|>", END: "<|im_end|>"}
    return "".join(spelled.get(i, chr(i)) for i in ids)


def lesson(n: int, **changes: Any) -> Lesson:
    """A sum, with a call and an answer; the worked example isn't learned."""
    told = [
        ("system", "Reply in JSON."),
        ("user", "Task: 1+1?"),
        ("assistant", '{"answer":2}'),
        ("user", f"Task: {n}+{n}?"),
        ("assistant", json.dumps({"sum": f"{n}+{n}"})),
        ("user", f"[1] {2 * n}"),
        ("assistant", json.dumps({"answer": 2 * n})),
    ]
    given: dict[str, Any] = {
        "id": f"sum-{n}",
        "source": "sums",
        "kind": "maths",
        "protocol": protocol.fingerprint(),
        "messages": tuple(Told.model_validate({"role": role, "content": content}) for role, content in told),
        "learned": (4, 6),
    }
    return Lesson(**(given | changes))


def example(n: int) -> Example:
    return encoded(lesson(n), SPEECH.whole)


def lessons_file(folder: Path, count: int = 20) -> Path:
    write_lessons(path := folder / "lessons.jsonl", map(lesson, range(10, 10 + count)))
    return path


def tiny_llama(folder: Path, **changes: Any) -> Path:
    """A Hugging Face folder of a random Llama of two narrow layers."""
    torch: Any = import_module("torch")
    transformers: Any = import_module("transformers")
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "vocab_size": 128,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "initializer_range": 0.1,
        "bos_token_id": START,
        "eos_token_id": END,
        "pad_token_id": 0,
    }
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**(sizes | changes)))
    model.save_pretrained(folder)
    letters = {chr(i): i for i in range(3, 128)} | CONTROL
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": letters}}), encoding="utf-8")
    return folder


def base(folder: Path) -> Base:
    return Base(folder=folder, name="letters", sha256="0" * 64, speech=SPEECH)
