"""What is curated has no doubles, keeps kinds in balance, and shares no 13 words in a row with evaluation data."""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from agentkit import protocol
from agentkit.compress.collect import Collected, Collection
from agentkit.compress.curate import Curated, curate, sizes
from agentkit.compress.lesson import Lesson, read_lessons, write_lessons
from agentkit.compress.overlap import Evaluation
from agentkit.errors import ConfigurationError, TraceError, UnknownName
from agentkit.events import Told
from agentkit.knowledge.database import alone

from .making import DATA, collected, needs_data

STORY = "the old keeper of the lighthouse counted {} gulls before {} rowed out to the ship that lay in the bay"


def lesson(task: str, *, name: str = "l", kind: str = "maths", answer: str = "42", seen: str = "") -> Lesson:
    opening = protocol.opening((), (), task, plan=False, examples=False)
    answered = protocol.compact({"answer": {"evidence": [], "text": answer}})
    seen_first = [Told(role="assistant", content='{"plan":[]}'), Told(role="user", content=seen)] if seen else []
    messages = (*opening, *seen_first, Told(role="assistant", content=answered))
    return Lesson(
        id=name,
        source="made",
        kind=kind,
        protocol=protocol.fingerprint(),
        messages=messages,
        learned=(len(messages) - 1,),
    )


def kept(run: Path, lessons: Sequence[Lesson], evaluation: Path, **options: Any) -> tuple[Curated, list[str]]:
    """What is kept of lessons that were collected."""
    made = Collection(source="made", licence="MIT", seed=0, protocol=protocol.fingerprint(), agentkit="0")
    done = Collected(made=made, problems=len(lessons), kept=len(lessons), kinds={}, rejected={})
    write_lessons(run / "collected/made.jsonl", lessons)
    (run / "collected/made.json").write_text(done.model_dump_json(), encoding="utf-8")
    curated = curate(run, evaluation=evaluation, **options)
    return curated, sorted(found.id for found in read_lessons(run / "lessons.jsonl"))


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    folder = tmp_path / "eval"
    (folder / "deep").mkdir(parents=True)
    question = {"question": f"How come {STORY.format(17, 'Smith')}?", "answer": "no"}
    (folder / "a.jsonl").write_text(json.dumps(question) + "\nnot JSON\n", encoding="utf-8")
    (folder / "deep/b.json").write_text(json.dumps([{"x": [[{"content": "one " * 20}]]}]), encoding="utf-8")
    (folder / "c.jsonl.gz").write_bytes(
        gzip.compress(
            b'{"facts":["Seals eat fish on every","second day of the week and sleep on ice in winter nights."]}'
        )
    )
    (folder / "d.txt").write_text("Who rowed to the ship with 9 oars?\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("planted", "file"),
    [
        ({"task": f"Why, {STORY.format(17, 'Smith')}?"}, "a.jsonl"),
        ({"task": f"Why, {STORY.format('2,300', 'Jones')}?"}, "a.jsonl"),  # other numbers, another name
        ({"task": f"Why, {STORY.format(17, 'smith').upper()}?"}, "a.jsonl"),
        ({"task": "Why?", "answer": f"Since {STORY.format(3, 'Ann')}."}, "a.jsonl"),
        ({"task": "Why?", "seen": f"[1] retrieval (x): So {STORY.format(3, 'Ann')}."}, "a.jsonl"),
        ({"task": "Why do seals eat fish on every second day of the week and sleep on ice?"}, "c.jsonl.gz"),
        ({"task": "Who rowed to the ship with 12 oars?"}, "d.txt"),  # fewer than 13 words, but all of them
        ({"task": "one " * 15}, "deep/b.json"),
    ],
)
def test_a_planted_leak_is_left_out(tmp_path: Path, evaluation: Path, planted: dict[str, str], file: str) -> None:
    innocent = lesson("The old keeper counted gulls before Smith rowed out to the ship. How many?", name="innocent")
    curated, ids = kept(tmp_path / "run", [lesson(name="leak", **planted), innocent], evaluation)
    assert ids == ["innocent"]
    assert curated.compared == {name: int(name == file) for name in ("a.jsonl", "c.jsonl.gz", "d.txt", "deep/b.json")}
    assert curated.dropped == {"13 words in a row with evaluation data": 1}


def test_a_leak_in_a_reply_that_is_no_decision_is_left_out(tmp_path: Path, evaluation: Path) -> None:
    plain = lesson("What is 6 * 7?")
    said = Told(role="assistant", content=f"Well, {STORY.format(17, 'Smith')}.")
    leaking = lesson("Why?", name="leaking")
    leaking = leaking.model_copy(update={"messages": (*leaking.messages[:-1], said)})
    assert kept(tmp_path / "run", [plain, leaking], evaluation)[1] == ["l"]


def test_the_protocols_own_words_are_no_leak(tmp_path: Path, evaluation: Path) -> None:
    (evaluation / "rules.txt").write_text(protocol.SYSTEM, encoding="utf-8")
    _, ids = kept(tmp_path / "run", [lesson("What is 6 * 7?")], evaluation)
    assert ids == ["l"]


def grams(text: str) -> Iterator[tuple[str, ...]]:
    """Sequences of 13 words, counted the plain way: lower case, numbers and capitalised words masked."""
    words = re.findall(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*", text)
    masked = ["#" if w[0].isdigit() else "@" if w[0].isupper() else w for w in words]
    yield from (tuple(masked[i : i + 13]) for i in range(len(masked) - 12))


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings(list(cast(dict[str, Any], value).values()))
    elif isinstance(value, list):
        for item in cast(list[Any], value):
            yield from strings(item)


@needs_data
@pytest.mark.slow
def test_no_lesson_of_real_problems_shares_13_words_with_real_evaluation_data(tmp_path: Path) -> None:
    for name in ("gsm8k_train", "gsm8k_renumbered", "gsm8k_reworded", "word_problem_programs"):
        collected(tmp_path / "run", name, data=DATA / "train", limit=30)
    [leak] = [lesson(json.loads((DATA / "eval/svamp.jsonl").read_text().splitlines()[7])["question"], name="leak")]
    write_lessons(tmp_path / "run/collected/leak.jsonl", [leak])
    made = Collection(source="leak", licence="", seed=0, protocol=protocol.fingerprint(), agentkit="0")
    done = Collected(made=made, problems=1, kept=1, kinds={}, rejected={})
    (tmp_path / "run/collected/leak.json").write_text(done.model_dump_json(), encoding="utf-8")
    curated = curate(tmp_path / "run", evaluation=DATA / "eval")
    assert len(curated.compared) == len(list((DATA / "eval").iterdir()))
    assert curated.compared["svamp.jsonl"] >= 1
    lessons = list(read_lessons(tmp_path / "run/lessons.jsonl"))
    assert len(lessons) > 70
    assert "leak" not in {found.id for found in lessons}
    taught = {gram for found in lessons for m in found.messages[1:] for gram in grams(m.content)}
    for file in (DATA / "eval").glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            for text in strings(json.loads(line)):
                assert taught.isdisjoint(grams(text)), (file, text)


def test_what_was_taught_already_is_left_out(tmp_path: Path, evaluation: Path) -> None:
    lessons = [
        lesson("What is 6 * 7?", name="first"),
        lesson("what is  6 * 7", name="same"),
        lesson("What is 6 * 7?", name="another way", answer="It is 42."),
        lesson("What is 6 * 7?", name="a third way", answer="42 it is."),
        lesson("What is 6 * 8?", name="other", answer="48"),
        lesson("What is " + "6 + " * 4000 + "6?", name="long"),
    ]
    curated, ids = kept(tmp_path / "run", lessons, evaluation)
    assert ids == ["another way", "first", "other"]
    assert curated.dropped == {
        "longer than 12,000 characters": 1,
        "the same lesson twice": 1,
        "the same task more than 2 times": 1,
    }


@pytest.mark.parametrize(
    ("there", "shares", "expected"),
    [
        ({"a": 100}, {"a": 0.4}, {"a": 100}),  # alone, it is the whole
        ({"a": 100, "b": 60}, {"a": 0.4}, {"a": 40, "b": 60}),
        ({"a": 100, "b": 60}, {"a": 0.9}, {"a": 100, "b": 60}),
        ({"a": 100, "b": 20}, {"a": 0.5, "b": 0.5}, {"a": 20, "b": 20}),
        ({"a": 900, "b": 300, "c": 300}, {"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 500, "b": 300, "c": 200}),
        ({"a": 50, "b": 7}, {"b": 0.0}, {"a": 50, "b": 0}),
    ],
)
def test_no_kind_has_more_than_its_share(
    there: dict[str, int], shares: dict[str, float], expected: dict[str, int]
) -> None:
    found = sizes(there, shares)
    assert all(abs(found[kind] - count) <= 1 for kind, count in expected.items()), found


def test_a_collection_can_be_left_out(tmp_path: Path, evaluation: Path) -> None:
    run = tmp_path / "run"
    kept(run, [lesson("What is 6 * 7?")], evaluation)
    with pytest.raises(UnknownName, match="no collection named 'maid'; there are: made"):
        curate(run, evaluation=evaluation, without=["maid"])
    with pytest.raises(ConfigurationError, match="no lesson"):
        curate(run, evaluation=evaluation, without=["made"])


def test_curating_again_gives_the_same_file_and_another_seed_another_order(tmp_path: Path, evaluation: Path) -> None:
    lessons = [lesson(f"What is {n} * 7?", name=str(n), kind="maths" if n % 3 else "reading") for n in range(30)]
    written: list[bytes] = []
    for seed in (0, 0, 1):
        kept(tmp_path / "run", lessons, evaluation, seed=seed)
        written.append((tmp_path / "run/lessons.jsonl").read_bytes())
    assert written[0] == written[1] != written[2]


def test_the_summary_says_what_a_card_needs(tmp_path: Path, evaluation: Path) -> None:
    lessons = [lesson("What is 6 * 7?"), lesson("Who?", kind="refusal", name="r")]
    kept(tmp_path / "run", lessons, evaluation, shares={"maths": 1, "refusal": 1})
    summary = Curated.model_validate_json((tmp_path / "run/lessons.json").read_text(encoding="utf-8"))
    assert summary.kinds == {"maths": 1, "refusal": 1}
    assert summary.licences == {"made": "MIT"}
    assert summary.protocol == protocol.fingerprint()
    assert re.fullmatch("[0-9a-f]{64}", summary.sha256)


def test_lessons_of_another_protocol_a_bad_line_or_no_evaluation_data_are_told(
    tmp_path: Path, evaluation: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(ConfigurationError, match="nothing is collected"):
        curate(run, evaluation=evaluation)
    kept(run, [lesson("What is 6 * 7?")], evaluation)
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigurationError, match="has no files to compare with"):
        curate(run, evaluation=tmp_path / "none")
    with pytest.raises(ConfigurationError, match=r"the share maths=1\.5 isn't one"):
        curate(run, evaluation=evaluation, shares={"maths": 1.5})
    with pytest.raises(UnknownName, match=r"no kind of lessons named .mathz.; there are: .*maths"):
        curate(run, evaluation=evaluation, shares={"mathz": 0.5})
    with (run / "collected/made.jsonl").open("a") as file:
        file.write('{"id": 1}\n')
    with pytest.raises(TraceError, match=r"made\.jsonl:2 is not a lesson"):
        curate(run, evaluation=evaluation)
    summary = run / "collected/made.json"
    summary.write_text(summary.read_text().replace(protocol.fingerprint(), "0" * 12))
    with pytest.raises(ConfigurationError, match="collected under protocol 000000000000"):
        curate(run, evaluation=evaluation)
    (run / "collected/x.partial.jsonl").write_text("{}\n")
    with pytest.raises(ConfigurationError, match="x isn't collected to its end"):
        curate(run, evaluation=evaluation)


def test_an_evaluation_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(ConfigurationError, match=r"x\.jsonl\.gz can't be read, so nothing can be compared"):
        Evaluation(tmp_path)


def test_lessons_are_not_chosen_anew_under_a_training_that_reads_them(tmp_path: Path, evaluation: Path) -> None:
    kept(tmp_path / "run", [lesson("What is 6 times 7?")], evaluation)
    before = (tmp_path / "run/lessons.jsonl").read_bytes()
    with alone(tmp_path / "run"), pytest.raises(ConfigurationError, match=r"at work in .*run: wait"):
        kept(tmp_path / "run", [lesson("What is 7 times 8?")], evaluation)
    assert (tmp_path / "run/lessons.jsonl").read_bytes() == before


def test_what_was_killed_before_it_could_tidy_up_is_collected_all_the_same(tmp_path: Path, evaluation: Path) -> None:
    collected(tmp_path / "run")
    partial = tmp_path / "run/collected/gsm8k_train.partial.jsonl"
    partial.write_text("{}\n", encoding="utf-8")
    assert curate(tmp_path / "run", evaluation=evaluation).lessons
    collected(tmp_path / "run")
    assert not partial.exists()
