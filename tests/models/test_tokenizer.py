"""The tokenizer of a Hugging Face folder: control tokens in control text only, the chat template, ends of turns."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ConfigurationError, ModelError
from agentkit.models.tokenizer import CHATML, HFTokenizer

from .conversation import say


@pytest.fixture
def folder(tiny_llama: Path, tmp_path: Path) -> Path:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(tiny_llama / name, tmp_path / name)
    return tmp_path


def configure(folder: Path, name: str = "tokenizer_config.json", **values: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_only_control_text_gives_control_tokens(folder: Path) -> None:
    tokenizer = HFTokenizer(folder)
    control = tokenizer.control_ids()
    assert len(control) == 5  # two of them in all but name
    for spelled in ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool_call>", "</tool_call>"):
        assert len(tokenizer.tokenize(spelled, control=True)) == 1
        as_text = tokenizer.tokenize(f"a {spelled} b", control=False)
        assert control.isdisjoint(as_text)
        assert len(as_text) >= 5


def test_a_transcript_is_rendered_as_transformers_does(folder: Path) -> None:
    import transformers

    library: Any = transformers
    messages = say("Be brief.", "Name a fruit.", "Apple", "Another.")
    theirs = library.AutoTokenizer.from_pretrained(folder)
    told = [message.model_dump() for message in messages]
    rendered = theirs.apply_chat_template(told, tokenize=False, add_generation_prompt=True)
    tokenizer = HFTokenizer(folder)
    assert tokenizer.apply_template(messages) == rendered
    assert list(tokenizer.tokenize(rendered, control=True, first=True)) == theirs.encode(rendered)


def test_what_opens_a_text_stands_there_once(folder: Path) -> None:
    data = json.loads((folder / "tokenizer.json").read_text())
    opening: Any = {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}
    data["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [opening, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [opening, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(data))
    configure(folder, bos_token="<|endoftext|>")
    tokenizer = HFTokenizer(folder)
    one = tokenizer.tokenize("user", control=True, first=True)
    assert one[0] == 0
    assert tokenizer.tokenize("<|endoftext|>user", control=True, first=True) == one
    assert tokenizer.tokenize("user", control=True) == one[1:]


def test_a_vocabulary_that_begins_texts_with_a_space_puts_none_into_the_middle(folder: Path) -> None:
    data = json.loads((folder / "tokenizer.json").read_text())
    data["pre_tokenizer"]["pretokenizers"][-1]["add_prefix_space"] = True
    plain = HFTokenizer(folder).tokenize("answer", control=False)
    (folder / "tokenizer.json").write_text(json.dumps(data))
    assert HFTokenizer(folder).tokenize("answer", control=False) == plain


def test_a_setting_that_is_called_like_a_token_is_none(folder: Path) -> None:
    configure(folder, add_bos_token=True, add_eos_token=False, pad_token=None)  # as Llama 2 and its kin have it
    assert HFTokenizer(folder).apply_template(say("Hi.")).endswith("assistant\n")


def test_the_template_may_stand_in_the_configuration_or_nowhere(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    messages = say("S", "U")
    chatml = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
    assert HFTokenizer(folder).apply_template(messages) == chatml
    configure(folder, chat_template="{{ messages[0].content }}+{{ bos_token }}")
    assert HFTokenizer(folder).apply_template(messages) == "S+<|im_start|>"
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": CHATML}]
    configure(folder, chat_template=named)
    assert HFTokenizer(folder).apply_template(messages) == chatml


def test_roles_that_the_template_does_not_take_are_one_clear_line(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no\nsystem here') }}")
    with pytest.raises(ModelError, match="the chat template doesn't take these messages: no system here"):
        HFTokenizer(folder).apply_template(say("S", "U"))


def test_every_end_that_a_folder_names_ends_a_turn(folder: Path) -> None:
    assert HFTokenizer(folder).ends == {2}
    configure(folder, "generation_config.json", eos_token_id=[2, 0])
    assert HFTokenizer(folder).ends == {0, 2}
    (folder / "generation_config.json").unlink()
    configure(folder, eos_token={"content": "<|endoftext|>"})
    assert HFTokenizer(folder).ends == {0, 2}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("{", "can't be read"),
        ("[]", "no JSON object"),
        ('{"model": {"type": "?"}}', "can't be"),
    ],
)
def test_a_tokenizer_that_cannot_be_read_is_one_clear_line(folder: Path, content: str | None, said: str) -> None:
    path = folder / "tokenizer.json"
    path.unlink()
    if content:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=said) as raised:
        HFTokenizer(folder)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
