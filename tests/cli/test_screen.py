"""What a run looks like."""

import io
from collections.abc import Sequence

from rich.console import Console

from agentkit.answer import Answer, Evidence, Finding, Status, Usage
from agentkit.cli.screen import Screen
from agentkit.events import (
    Asked,
    Called,
    Checked,
    Corrected,
    Decided,
    Drafted,
    Event,
    Finished,
    Observed,
    Planned,
    Started,
    Step,
)

PRICE = Evidence(id=1, tool="retrieval", call=1, text="A litre costs [bold]12.40[/bold] €. " * 20, source="p.md > Oils")
TOTAL = Evidence(id=2, tool="calculator", call=2, text="186", source="15 * 12.40")
STARTED = Started(agentkit="0", protocol="p", model="small", seed=0, task="What do 15 litres cost?", tools=("a", "b"))
CALLED = Called(call=2, tool="calculator", arguments={"expression": "15 * 12.40"})
PASSED = Finding(check="numbers", claim="c", verdict="supported")


def shown(*events: Event, width: int = 80, task: bool = False, encoding: str = "utf-8") -> tuple[str, str]:
    """What the screen prints: beside the answer, and the answer."""
    view, out = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    consoles = [Console(file=file, width=width, highlight=False) for file in (view, out)]
    with Screen(view=consoles[0], out=consoles[1], task=task) as screen:
        for event in events:
            screen(event)
    printed = [file.buffer.getvalue().decode(encoding) for file in (view, out) if not file.flush()]  # type: ignore[attr-defined]
    return printed[0], printed[1]


def finished(status: Status = "supported", text: str | None = "15 litres cost 186 €.", reason: str = "") -> Finished:
    usage = Usage(prompt=5210, cached=4100, generated=131, seconds=4)
    return Finished(
        answer=Answer(
            status=status, text=text, reason=reason, evidence=(PRICE, TOTAL), cited=(2,) if text else (), usage=usage
        )
    )


def test_the_answer_goes_to_the_output_and_everything_else_beside_it() -> None:
    view, out = shown(STARTED, finished())
    assert out == "15 litres cost 186 €.\n"
    assert "186 €" not in view


def test_a_long_answer_is_not_wrapped() -> None:
    assert shown(finished(text="word " * 50 + "end."))[1] == "word " * 50 + "end.\n"


def test_the_header_names_model_and_tools_and_on_replay_the_task() -> None:
    assert shown(STARTED)[0] == "  model small  a, b\n"
    assert shown(STARTED, task=True)[0].splitlines()[1] == "   task What do 15 litres cost?"


def test_a_plan_is_numbered() -> None:
    plan = Planned(steps=(Step(tool="retrieval", purpose="the price"), Step(tool="calculator", purpose="multiply")))
    assert shown(plan)[0] == "   plan 1 retrieval  the price\n        2 calculator  multiply\n"
    assert shown(Planned(steps=()))[0] == "   plan no steps\n"


def test_a_call_shows_its_arguments() -> None:
    assert shown(CALLED)[0] == "   call calculator  15 * 12.40\n"
    several = Called(call=1, tool="t", arguments={"n": 2, "names": ["a", "b"]}, repeated=True)
    assert shown(several)[0] == '   call t  n=2  names=["a", "b"]  (as before: not called again)\n'


def test_a_program_keeps_its_lines_and_a_long_one_is_cut() -> None:
    code = "\n".join(f"  x = {n}" for n in range(20))
    lines = shown(Called(call=1, tool="python", arguments={"code": f"for n in y:\n{code}"}))[0].splitlines()
    assert lines[:3] == ["   call python", "        for n in y:", "          x = 0"]
    assert lines[-1] == "        … 9 more lines"


def test_evidence_is_numbered_and_shortened_beside_its_number() -> None:
    lines = shown(CALLED, Observed(call=1, evidence=(PRICE,)))[0].splitlines()[1:]
    assert lines[0].startswith("    [1] p.md > Oils  A litre costs [bold]12.40[/bold] €.")
    assert lines[1].startswith(" " * 8)
    assert lines[1].endswith("…")
    assert len(lines) == 2


def test_the_source_of_a_value_is_left_out_where_it_repeats_the_call() -> None:
    assert shown(CALLED, Observed(call=2, evidence=(TOTAL,)))[0].splitlines()[1] == "    [2] 186"


def test_a_failed_call_says_why_and_an_empty_one_that_nothing_was_found() -> None:
    assert "✗ no such file; try another" in shown(Observed(call=1, error="no such\nfile", hint="try another"))[0]
    assert "nothing found" in shown(Observed(call=1))[0]
    assert "found before: [1]" in shown(Observed(call=1, known=(1,)))[0]
    assert "300 characters were too many" in shown(Observed(call=1, evidence=(TOTAL,), cut=300))[0]


def test_an_unreadable_reply_says_why() -> None:
    decided = Decided(step=1, text="{", finish="length", usage=Usage(), malformed="cut off at 320 tokens")
    assert "✗ unreadable reply: cut off at 320 tokens" in shown(decided)[0]


def failing() -> Sequence[Event]:
    finding = Finding(check="numbers", claim="They cost 187 €.", verdict="failed", reason="187 stands nowhere")
    absent = Finding(check="citations", claim="They cost 187 €.", verdict="unavailable", reason="no embedder")
    return [
        Drafted(text="They cost 187 €.", cited=(2,)),
        Checked(verdict="failed", findings=(finding, finding, absent, PASSED)),
        Corrected(reason="187 stands nowhere.", numbers=("15", "186")),
    ]


def test_a_draft_is_never_shown_but_what_the_checks_found() -> None:
    view, out = shown(*failing(), finished("abstained", None, "187 stands nowhere."))
    assert "They cost" not in view + out
    assert view.splitlines()[:4] == [
        "  check ✗ numbers: 187 stands nowhere",
        "        – citations: no embedder",
        "        ✓ numbers",
        "  retry another draft, with only the numbers 15, 186",
    ]


def test_checks_that_passed_are_told_by_name() -> None:
    assert shown(Checked(verdict="supported", findings=(PASSED, PASSED)))[0] == "  check ✓ numbers\n"
    assert shown(Checked(verdict="unchecked", findings=()))[0] == "  check – no check applies\n"


def test_a_run_without_an_answer_says_why() -> None:
    view, out = shown(finished("exhausted", None, "the limit of 3 steps"))
    assert out == ""
    assert "✗ exhausted: the limit of 3 steps" in view


def test_the_end_tells_what_the_answer_stands_on_and_what_it_cost() -> None:
    decided = Decided(step=3, text="", finish="stop", usage=Usage(prompt=1, generated=1, seconds=4))
    view, _ = shown(decided, Observed(call=1, seconds=0.5, known=(1,)), finished())
    assert view.splitlines()[-3:] == [
        "    [2] 15 * 12.40  186",
        "      ✓ supported",
        "        3 steps · 5,210 tokens in, 4,100 cached · 131 out · 33 tokens/s · 4.5 s",
    ]


def test_nothing_that_a_tool_or_model_wrote_steers_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e[red]x[/red]\r"
    events = [
        Started(agentkit="0", protocol="p", model=evil, seed=0, task=evil),
        Planned(steps=(Step(tool="t", purpose=evil),)),
        Called(call=1, tool="t", arguments={evil: evil, "n": [evil]}),
        Observed(call=1, evidence=(Evidence(id=1, tool="t", call=1, text=evil, source=evil),)),
        Observed(call=1, error=evil, hint=evil),
        Decided(step=1, text=evil, finish="stop", usage=Usage(), malformed=evil),
        Checked(verdict="failed", findings=(Finding(check="c", claim=evil, verdict="failed", reason=evil),)),
        Corrected(reason=evil, numbers=(evil,)),
        finished(text=evil),
        finished("abstained", None, evil),
    ]
    for printed in shown(*events, task=True):
        assert "[red]x[/red]" in printed
        assert not set(printed) & set("\x1b\x07\r\u202e")


def test_a_terminal_without_utf8_gets_plain_signs() -> None:
    view, _ = shown(Checked(verdict="supported", findings=(PASSED,)), encoding="latin-1")
    assert view == "  check + numbers\n"


def test_lines_have_no_trailing_spaces_and_fit_the_width() -> None:
    view, _ = shown(STARTED, CALLED, Observed(call=1, evidence=(PRICE, TOTAL)), *failing(), width=50)
    assert all(line == line.rstrip() and len(line) <= 50 for line in view.splitlines())


def test_many_allowed_numbers_are_counted_not_listed() -> None:
    numbers = tuple(str(n) for n in range(30))
    assert shown(Corrected(reason="", numbers=numbers))[0].endswith(
        "only the 30 numbers of the task and the evidence\n"
    )
    assert shown(Corrected(reason="", numbers=("7",)))[0].endswith("with only the number 7\n")
    assert shown(Corrected(reason="", numbers=()))[0].endswith("with no numbers\n")


def test_on_a_terminal_what_goes_on_is_shown_and_then_cleared() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, highlight=False)
    asked = Asked(step=1, kind="plan", suffix=(), schema={}, max_tokens=1)
    with Screen(view=console, out=console) as screen:
        screen(asked)
        screen(Drafted(text="secret", cited=()))
    printed = file.getvalue()
    assert "planning…" in printed
    assert "checking the answer…" in printed
    assert "secret" not in printed
    assert printed.endswith("\x1b[1A\x1b[2K")
    assert shown(asked) == ("", "")
