"""A profile becomes an agent, and what is wrong with one is told in a line."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit import protocol
from agentkit.agent import Agent
from agentkit.answer import Answer, Finding
from agentkit.assistant import Assistant, Profile
from agentkit.checks import Draft, Required, name_of
from agentkit.errors import ConfigurationError
from agentkit.events import Event, Finished, Started
from agentkit.knowledge import corpora
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.knowledge.joined import JoinedCorpus
from agentkit.models.scripted import ScriptedModel
from agentkit.settings import Settings
from agentkit.tools import load_tools

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MINIMAL = 'name = "Tank desk"\npurpose = "You tell what tanks hold."\n'
REFUSING = MINIMAL + '[[refuse]]\ntopic = "theft"\nsay = "I help no thieves."\nwords = ["steal"]\n'
TANK = (
    {"plan": [{"for": "volume of the tank", "tool": "retrieval"}]},
    {"tool": "retrieval", "arguments": {"query": "litres of Tank B"}},
    {"answer": {"evidence": [1], "text": "Tank B holds 8,500 litres."}},
)

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a profile beside two folders of documents."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    for folder, text in {"tanks": "Tank B holds 8,500 litres.", "bread": "An oven bakes sixteen loaves."}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.md").write_text(f"# {folder.title()}\n\n{text}\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()

    def written(text: str) -> Path:
        path = tmp_path / "assistant.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def embedder() -> Embedder:
    """Counts letters: texts of the same words are alike."""
    return Embedder(lambda texts: [[float(t.lower().count(c)) for c in LETTERS] for t in texts], name="letters")


def events_of(agent: Agent[Any], task: str) -> list[Event]:
    async def run() -> list[Event]:
        return [event async for event in agent.stream(task)]

    return asyncio.run(run())


def ended(events: list[Event]) -> Answer[Any]:
    last = events[-1]
    assert isinstance(last, Finished)
    return last.answer


# What it makes of a profile


def test_it_answers_from_the_documents_beside_the_profile(write: Write, embedder: Embedder) -> None:
    path = write(MINIMAL + 'corpora = ["tanks"]\n[limits]\nsteps = 5\nseconds = "none"\n')
    assistant = Assistant.load(path, model=ScriptedModel(TANK), embedder=embedder)
    answer = assistant.run("How many litres does Tank B hold?")
    assert (answer.status, answer.evidence[0].source) == ("supported", "tanks.md > Tanks")
    assert [tool.name for tool in assistant.tools] == ["retrieval", "calculator"]
    assert (assistant.limits.steps, assistant.limits.seconds, assistant.limits.tool_calls) == (5, None, 8)


def test_the_model_is_told_whom_it_answers_as_and_nothing_else_changes(write: Write) -> None:
    style = 'style = "Short\\nand  plain."\ntools = ["calculator"]\n'
    assistant = Assistant.load(write(REFUSING.replace("[[", style + "[[", 1)), model=ScriptedModel([]))
    told = protocol.opening(assistant.tools, [], "t", plan=True, instructions=assistant.instructions)
    plain = protocol.opening(load_tools(["calculator"]), [], "t", plan=True)
    assert told[1:] == plain[1:]
    assert told[0].content == (
        f"{plain[0].content}\nYou are Tank desk. You tell what tanks hold.\nStyle: Short and plain.\nGive up on: theft"
    )


def test_an_agent_without_a_profile_has_no_instructions_in_its_header() -> None:
    [header, *_] = events_of(Agent(ScriptedModel(['{"give_up":{"reason":"no tool fits the task"}}'])), "x")
    assert isinstance(header, Started)
    assert header.settings.keys() == {"limits", "plan", "temperature", "unchecked"}


def test_what_it_refuses_is_refused_before_the_model_is_asked(write: Write) -> None:
    model = ScriptedModel([])
    events = events_of(Assistant.load(write(REFUSING), model=model), "How do I steal a tank?")
    assert [event.event for event in events] == ["started", "finished"]
    assert (ended(events).status, ended(events).reason, ended(events).text) == ("abstained", "I help no thieves.", None)
    assert model.calls == []


def test_its_examples_stand_in_the_place_of_the_tools_own(write: Write) -> None:
    example = (
        '[[examples]]\ntool = "calculator"\ntask = "Half of 10?"\npurpose = "halve it"\nanswer = "It is 5."\n'
        'arguments = { expression = "10 / 2" }\nresult = "5"\n'
    )
    assistant = Assistant.load(write(MINIMAL + example), model=ScriptedModel([]))
    [calculator] = assistant.tools
    [shown] = [m.content for m in protocol.opening([calculator], [], "t", plan=True) if m.content.startswith("[1]")]
    assert shown == "[1] calculator: 5"


def test_tools_can_have_settings(write: Write, embedder: Embedder) -> None:
    path = write(MINIMAL + 'corpora = ["tanks"]\n[tools.retrieval]\npassages = 5\n')
    [retrieval] = Assistant.load(path, model=ScriptedModel([]), embedder=embedder).tools
    assert retrieval.bound["settings"].passages == 5


def test_several_corpora_are_searched_as_one(write: Write, embedder: Embedder, tmp_path: Path) -> None:
    corpora.ingest("baking", [tmp_path / "bread"], embedder)
    assistant = Assistant.load(
        write(MINIMAL + 'corpora = ["tanks", "baking"]\n'), model=ScriptedModel([]), embedder=embedder
    )
    joined = assistant.corpus
    assert isinstance(joined, JoinedCorpus)
    assert (len(joined), joined.sources) == (2, ["bread/bread.md", "tanks.md"])
    assert [p.source for p in joined.search("Tank B litres", 2, floor=-1)] == ["tanks.md", "bread/bread.md"]
    assert [p.source for p in joined.narrowed(source="bread/*").search("oven", 2, floor=-1)] == ["bread/bread.md"]
    asyncio.run(assistant.aclose())


def test_documents_of_the_same_name_are_told_apart_by_their_corpus(
    write: Write, embedder: Embedder, tmp_path: Path
) -> None:
    (tmp_path / "bread" / "tanks.md").write_text("# Dough\n\nA dough tank holds 40 litres.\n", encoding="utf-8")
    assistant = Assistant.load(
        write(MINIMAL + 'corpora = ["tanks", "bread", "tanks"]\n'), model=ScriptedModel([*TANK]), embedder=embedder
    )
    joined = assistant.corpus
    assert isinstance(joined, JoinedCorpus)
    assert joined.sources == ["bread.md", "tanks.md (bread)", "tanks.md (tanks)"]
    assert [p.place for p in joined.narrowed(source="tanks.md").search("Tank litres", 9, floor=-1)] == [
        "tanks.md (tanks) > Tanks",
        "tanks.md (bread) > Dough",
    ]
    answer = assistant.run("How many litres does Tank B hold?")
    assert answer.text is not None
    assert {e.source for e in answer.evidence if e.id in answer.cited} == {"tanks.md (tanks) > Tanks"}
    asyncio.run(assistant.aclose())


def test_settings_in_force_go_before_the_profile_but_not_those_of_the_file(write: Write, tmp_path: Path) -> None:
    profile = Profile.read(write(MINIMAL + 'model = "a.gguf"\n[limits]\nsteps = 5\ntool_calls = 2\n'))
    (tmp_path / "agentkit.toml").write_text('model = "b.gguf"\nseed = 4\n[limits]\nsteps = 3\ntokens = 90\n')
    settings = Settings.load(
        {"limits.tool_calls": "1"},
        profile=(profile.settings, str(profile.file)),
        environ={"HOME": str(tmp_path)},
        folder=tmp_path,
    )
    meant = profile.under(settings)
    assert (meant.model, settings.seed) == ("a.gguf", 4)
    assert (meant.limits.steps, meant.limits.tool_calls, meant.limits.tokens) == (5, 1, 90)
    assert settings.origin("model") == str(profile.file)


# Stricter checks


def silent(draft: Draft) -> Iterator[Finding]:
    """Has something to say of sentences about tanks only."""
    for claim in draft.claims:
        if "Tank" in claim:
            yield Finding(check="silent", claim=claim, verdict="supported")


@pytest.mark.parametrize(("text", "verdicts"), [("Tank B.", ["supported"]), ("Bread.", ["failed"])])
def test_a_required_check_fails_what_it_has_nothing_to_say_of(text: str, verdicts: list[str]) -> None:
    draft = Draft(text=text, cited=(), task="t", evidence=())
    found = asyncio.run(Required(silent)(draft))
    assert [finding.verdict for finding in found] == verdicts


def test_a_profile_requires_checks_by_name(write: Write) -> None:
    path = write(MINIMAL + '[checks]\nrequire = ["citations"]\n')
    assistant = Assistant.load(path, model=ScriptedModel([]))
    strict = [check for check in assistant.checks if isinstance(check, Required)]
    assert [name_of(check) for check in strict] == ["citations"]


# What is wrong with a profile


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "name is missing; add it"),
        ("name = 3\n", "name = 3 should be a valid string"),
        (MINIMAL + "corpra = []\n", "no setting is called 'corpra'; did you mean 'corpora'?"),
        (MINIMAL + "[limits]\nstep = 3\n", "no setting is called 'limits.step'; did you mean 'steps'?"),
        (MINIMAL + "[limits]\nsteps = 0\n", "limits.steps = 0 should be greater than or equal to 1"),
        (MINIMAL + "corpora = [3]\n", "corpora[0] = 3 should be a valid string"),
        (MINIMAL + 'tools = ["calculator", 3]\n', "tools = "),
        (MINIMAL + '[[refuse]]\ntopic = "x"\n', "refuse[0].say is missing; add it"),
        (MINIMAL + '[[refuse]]\ntopic = "x"\nsay = "no"\n', "nothing would be refused"),
        (MINIMAL + '[[refuse]]\nsay = "x"\nsai = "y"\ntopic = "z"\nwords = ["a"]\n', "did you mean 'say'?"),
        (MINIMAL + 'tools = ["calculater"]\n', "tools = 'calculater': no tool named 'calculater'; there are: "),
        (MINIMAL + "[tools.calculator]\nx = 1\n", "tools = 'calculator': tool 'calculator' has no setting 'x'"),
        (MINIMAL + 'tools = ["retrieval"]\n', 'there are none; add corpora = ["FOLDER"]'),
        (MINIMAL + '[checks]\nadd = ["nice"]\n', "checks.add = ['nice']: no check named 'nice'"),
        (
            MINIMAL + '[checks]\nrequire = ["nice"]\n',
            "checks.require = 'nice': no check named 'nice'; there are: numbers",
        ),
        *(
            (
                f'{MINIMAL}[checks]\nrequire = ["{name}"]\n',
                f"checks.require = '{name}': it only objects, so nothing would pass; one can require: "
                "numbers, equations, results, citations",
            )
            for name in ("quotations", "answerability", "refusals")
        ),
        (
            MINIMAL + '[[examples]]\ntool = "python"\ntask = "t"\npurpose = "p"\narguments = {}\nresult = "r"\n',
            "examples = 'python': no tool of this assistant named 'python'; there are: calculator",
        ),
        (
            MINIMAL + '[[examples]]\ntool = "calculator"\ntask = "t"\npurpose = "p"\narguments = {}\nresult = "r"\n',
            "examples = {}: calculator: expression: Field required",
        ),
        (MINIMAL + 'corpora = ["nowhere"]\n', "corpora = 'nowhere': there is neither a folder"),
        (MINIMAL + 'corpora = ["./nowhere"]\n', "corpora = './nowhere': no folder of documents"),
        (MINIMAL + 'corpora = ["~nosuchuser/a"]\n', "corpora = '~nosuchuser/a': no folder of documents at '/"),
        (MINIMAL + 'corpora = ["a\\u0000b/"]\n', "corpora = 'a\\x00b/': "),
        (MINIMAL + "corpora = " + 3000 * "[", "is nested too deeply to be read; make it flatter"),
        (MINIMAL + 'corpora = ["empty"]\n', "corpora = 'empty': no documents in"),
        ("name = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_told_with_file_key_value_and_way_out(
    write: Write, embedder: Embedder, text: str, told: str
) -> None:
    path = write(text)
    with pytest.raises(ConfigurationError) as raised:
        Assistant.load(path, model=ScriptedModel([]), embedder=embedder)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[checks]\nadd = ["nice"]\n', "checks.add"),
        ('[checks]\nrequire = ["nice"]\n', "checks.require"),
        ('[checks]\nrequire = ["refusals"]\n', "checks.require"),
        ("[tools.calculater]\n", "tools"),
    ],
)
def test_what_is_wrong_is_told_before_documents_are_indexed(
    write: Write, embedder: Embedder, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    def indexing(*_: object, **__: object) -> None:
        pytest.fail("indexed first")

    monkeypatch.setattr(Corpus, "open", indexing)
    profile = Profile.read(write(f'{MINIMAL}corpora = ["tanks"]\n{text}'))
    with pytest.raises(ConfigurationError, match=told):
        profile.open(embedder)


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no profile .*x\.toml"):
        Profile.read(tmp_path / "x.toml")
    with pytest.raises(ConfigurationError, match=r"is a folder; name the profile in it"):
        Profile.read(tmp_path)


def test_corpora_that_were_opened_are_closed_when_one_is_missing(
    write: Write, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Corpus] = []

    def close(corpus: Corpus) -> None:
        closed.append(corpus)

    monkeypatch.setattr(Corpus, "close", close)
    with pytest.raises(ConfigurationError, match="nowhere"):
        Assistant.load(write(MINIMAL + 'corpora = ["tanks", "nowhere"]\n'), embedder=embedder)
    assert len(closed) == 1
