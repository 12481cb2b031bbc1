"""One run as a state machine without I/O: plan → act → reflect → draft → check → (correct) → answer.

`Run.loop` is a generator. It yields what it needs next (a decision, a tool call, the checks) and is sent
the result; whoever drives it does the I/O. `Run.loop` can therefore be read, tested and replayed
without a model, a tool or a clock.
"""

import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from agentkit import grammars, protocol
from agentkit.answer import Answer, Finding, Passage, Usage, reasons
from agentkit.checks import Draft, made_up
from agentkit.events import (
    Asked,
    Called,
    Checked,
    Corrected,
    Decided,
    Drafted,
    Event,
    Observed,
    Planned,
    Step,
    Told,
    Turn,
)
from agentkit.evidence import collect, given, recalled
from agentkit.limits import Limits, reaches
from agentkit.models.grammar import admits
from agentkit.models.model import Completion, Grammar, overall
from agentkit.needs import Ask, Invoke, Need, Result, Verified, Verify, needed
from agentkit.protocol import Call, Decision, GiveUp, Kind, Malformed, Plan, Proposal
from agentkit.tools import Outcome, Tool

MALFORMED_IN_A_ROW = 2
"""Unreadable decisions that may follow one another before the run gives up."""
IDLE_STEPS = 2
"""Calls in a row without new evidence after which the acting ends."""
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Exhausted(Exception):
    """A limit ended the run; the message says which."""


class Run:
    """The state of one run and the loop over it."""

    def __init__(
        self,
        task: str,
        *,
        tools: Sequence[Tool],
        limits: Limits,
        clock: Callable[[], float],
        history: Sequence[Turn] = (),
        passages: Sequence[Passage] = (),
        plan: bool = True,
        output: Mapping[str, Any] | None = None,
        rederive: bool = False,
        unchecked: bool = False,
        instructions: str = "",
        examples: bool = True,
    ) -> None:
        self.task = task
        self.tools = tuple(tools)
        self.limits = limits
        self.events: list[Event] = []
        """What happened since `take` was last called."""
        self.clock = clock
        """Seconds since the run began."""
        self.history = tuple(history)
        self.plan = plan
        self.output = output
        self.instructions = instructions
        self.rederive = rederive
        """Whether what a tool computed is derived a second time, by another one, for a check to compare."""
        self.unchecked = unchecked
        """Whether the text of an unchecked answer is handed over."""
        self.passages = tuple(passages)
        earlier = recalled(history)
        self.evidence = list(dict.fromkeys(e for turn in earlier for e in turn.evidence))
        came = given(passages, after=len(self.evidence))
        self.evidence += came
        self.transcript = protocol.opening(
            self.tools,
            earlier,
            task,
            plan=plan,
            given=came,
            limit=limits.passage_chars,
            instructions=instructions,
            examples=examples,
        )
        self.sent = 0
        """Messages of the transcript that the model has been sent."""
        self.calls: list[Called] = []
        self.first: dict[str, Observed] = {}
        """For each pure call already made, what it reported."""
        self.reached = 0
        """Calls that reached a tool."""
        self.steps = 0
        self.idle = 0
        self.completions: list[Completion] = []
        """What the model has written."""
        self.findings: tuple[Finding, ...] = ()
        self.intended: tuple[Step, ...] = ()
        self.reminded = False
        self.complaint = ""
        """Why the first draft failed; a run has one correction."""
        self.searched_again = False
        self.numbers: tuple[str, ...] | None = None
        """After a correction, the only numbers that a draft may contain."""

    def loop(self) -> Generator[Need, Result, Answer[Any]]:
        """The whole run."""
        try:
            if self.plan and self.tools:
                yield from self.make_plan()
            while isinstance(decision := (yield from self.decide("act")), Call) or self.reminded_of_plan(decision):
                if isinstance(decision, Call):
                    yield from self.act(decision)
            while isinstance(decision, Proposal):
                if isinstance(undone := (yield from self.derive_again()), GiveUp):
                    return self.finish("abstained", reason=f"not derived a second time: {undone.reason}")
                checked = yield from self.check(decision)
                if unsure := self.limits.unsure(overall(self.completions)):
                    return self.finish("abstained", reason=unsure)
                if checked.verdict == "supported":
                    return self.answered(decision, checked)
                if self.complaint:
                    return self.finish("abstained", reason=reasons(checked.findings) or self.complaint)
                if checked.verdict == "unchecked":
                    return self.withheld(decision, checked)
                decision = yield from self.redraft(checked.findings)
            return self.finish("abstained", reason=decision.reason if isinstance(decision, GiveUp) else "no answer")
        except Exhausted as limit:
            return self.finish("exhausted", reason=str(limit))

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def take(self) -> list[Event]:
        """What happened since the last time."""
        events, self.events = self.events, []
        return events

    @property
    def usage(self) -> Usage:
        """Tokens and time so far."""
        return sum((c.usage for c in self.completions), Usage())

    @property
    def acted(self) -> bool:
        """Whether something was done that a second run would do again."""
        called = {call.tool for call in self.calls}
        return any(tool.approval for tool in self.tools if tool.name in called)

    # Deciding

    def make_plan(self) -> Generator[Need, Result, None]:
        """Ask for the intended steps; the plan binds nobody, it is there for the model to read."""
        plan = yield from self.decide("plan")
        if isinstance(plan, Plan):
            self.intended = plan.steps
            self.emit(Planned(steps=plan.steps))
        self.tell("user", protocol.NEXT)

    def decide(self, kind: Kind) -> Generator[Need, Result, Decision]:
        """Ask until a decision can be read."""
        grammar = self.grammar(kind)
        malformed = ""
        for _ in range(MALFORMED_IN_A_ROW):
            max_tokens = self.spend_step()
            suffix = tuple(self.transcript[self.sent :])
            self.sent = len(self.transcript)
            self.emit(
                Asked(step=self.steps, kind=kind, suffix=suffix, schema=grammar.json_schema, max_tokens=max_tokens)
            )
            completion = yield from needed(Ask(tuple(self.transcript), grammar, max_tokens), Completion)
            self.completions.append(completion)
            decision, malformed = self.read(grammar, completion)
            self.emit(
                Decided(
                    step=self.steps,
                    text=completion.text,
                    finish=completion.finish,
                    usage=completion.usage,
                    malformed=malformed,
                    confidence=completion.confidence,
                )
            )
            self.tell("assistant", completion.text)
            self.sent = len(self.transcript)
            if decision is not None:
                return decision
            self.tell("user", protocol.unreadable(malformed))
        return GiveUp(reason=f"the model's replies could not be read: {malformed}")

    def read(self, grammar: Grammar, completion: Completion) -> tuple[Decision | None, str]:
        """The decision, or why there is none. An engine's word that it kept to the grammar isn't taken."""
        if completion.finish == "length":
            return None, f"cut off at {completion.usage.generated} tokens"
        if not admits(grammar, completion.text):
            return None, "not one of the decisions asked for"
        try:
            return protocol.read(completion.text, self.tools), ""
        except Malformed as error:
            return None, str(error)

    def grammar(self, kind: Kind) -> Grammar:
        """What the next decision may be."""
        if kind == "plan":
            return grammars.plan_grammar(self.tools)
        if kind == "again":
            return grammars.act_grammar(self.others(), [], answer=False)
        return grammars.act_grammar(
            self.offered(kind),
            [e.id for e in self.evidence],
            # Who plans to use a tool answers once one has reported something: small models like to skip their plan.
            answer=bool(self.evidence) or not self.intended,
            output=self.output,
            numbers=self.numbers,
        )

    def offered(self, kind: Kind) -> Sequence[Tool]:
        """The tools that may be called now; in a redraft those that found documents, once more."""
        if self.idle >= IDLE_STEPS or reaches(self.limits.tool_calls, self.reached):
            return ()
        if kind == "act":
            return self.tools
        finding = {e.tool for e in self.evidence if e.source} if kind == "redraft" and not self.searched_again else ()
        return [tool for tool in self.tools if tool.name in finding and not tool.grounded]

    def spend_step(self) -> int:
        """Count a decision against the limits; how many tokens it may have."""
        limits = self.limits
        if reaches(limits.steps, self.steps):
            raise Exhausted(f"the limit of {limits.steps} steps")
        if limits.seconds is not None and self.clock() >= limits.seconds:
            raise Exhausted(f"the limit of {limits.seconds:g} seconds")
        if reaches(limits.tokens, self.usage.generated):
            raise Exhausted(f"the limit of {limits.tokens} tokens")
        self.steps += 1
        left = limits.tokens - self.usage.generated if limits.tokens is not None else limits.decision_tokens
        return min(left, limits.decision_tokens)

    def tell(self, role: str, content: str) -> None:
        self.transcript.append(Told.model_validate({"role": role, "content": content}))

    # Acting and reflecting

    def act(self, call: Call, *, again: bool = False) -> Generator[Need, Result, None]:
        """Call the tool and tell the model what it reported; reflecting is the decision that follows."""
        tool = next(t for t in self.tools if t.name == call.tool)
        key = json.dumps([call.tool, call.arguments], sort_keys=True, ensure_ascii=False)
        first = self.first.get(key)
        called = Called(
            call=len(self.calls) + 1,
            tool=call.tool,
            arguments=call.arguments,
            repeated=first is not None,
            again=again,
        )
        self.calls.append(called)
        self.emit(called)
        if first is not None:
            known = (*(e.id for e in first.evidence), *first.known)
            observed = first.model_copy(update={"call": called.call, "evidence": (), "known": known, "seconds": 0.0})
        elif error := made_up(self.draft("", ()), tool, call.arguments, instructions=self.instructions):
            others = " or ".join(t.name for t in self.tools if not t.grounded and t is not tool)
            hint = f"find it with {others} first" if others else ""
            observed = Observed(call=called.call, error=error, hint=hint, refused=True)
        else:
            self.reached += 1
            outcome = yield from needed(Invoke(tool, call.arguments), Outcome)
            observed = collect(called, outcome, self.calls, self.evidence)
            self.evidence += observed.evidence
        if tool.pure:
            self.first.setdefault(key, observed)
        self.idle = 0 if observed.evidence else self.idle + 1
        text, cut = protocol.observation(observed, tool=call.tool, limit=self.limits.observation_chars)
        left = self.left_of_plan() if observed.evidence else ()
        self.tell("user", f"{text}\n{protocol.upcoming(left[0])}" if left else text)
        self.emit(observed.model_copy(update={"cut": cut}))

    def reminded_of_plan(self, decision: Decision) -> bool:
        """Whether an answer came before the plan was through and the model was reminded, once, of what is left."""
        left = self.left_of_plan()
        if self.reminded or not left or not isinstance(decision, Proposal) or self.idle >= IDLE_STEPS:
            return False
        self.reminded = True
        self.tell("user", protocol.reminder(left))
        return True

    def left_of_plan(self) -> list[Step]:
        """The intended steps whose tool has reported nothing yet."""
        reported = {e.tool for e in self.evidence}
        return [step for step in self.intended if step.tool not in reported]

    # Checking and correcting

    def derive_again(self) -> Generator[Need, Result, Decision | None]:
        """Have a computed result derived once more, by another tool than the one that computed it.

        Returns what the model decided, if it was asked: who gives up here hasn't passed what was wanted of the answer.
        """
        if not self.rederive or any(call.again for call in self.calls) or not self.others():
            return None
        self.tell("user", protocol.again(self.others()))
        decision = yield from self.decide("again")
        if isinstance(decision, Call):
            yield from self.act(decision, again=True)
        return decision

    def others(self) -> list[Tool]:
        """The tools that compute and had no part in what was computed; none, if nothing was."""
        reported = {e.tool for e in self.evidence}
        computing = [tool for tool in self.tools if tool.grounded]
        return [t for t in computing if t.name not in reported] if any(t.name in reported for t in computing) else []

    def check(self, proposal: Proposal) -> Generator[Need, Result, Verified]:
        """Hold the draft against the evidence."""
        self.emit(Drafted(text=proposal.text, cited=proposal.cited))
        text = "\n".join(protocol.leaves(proposal.text)) if self.output else proposal.text
        draft = self.draft(text, proposal.cited, value=proposal.text if self.output else "")
        checked = yield from needed(Verify(draft), Verified)
        self.findings = checked.findings
        self.emit(Checked(verdict=checked.verdict, findings=checked.findings, seconds=checked.seconds))
        return checked

    def draft(self, text: str, cited: tuple[int, ...], *, value: str = "") -> Draft:
        """A text with all that it may be held against."""
        return Draft(
            text=text,
            value=value,
            cited=cited,
            task=self.task,
            evidence=tuple(self.evidence),
            calls=tuple(self.calls),
            history=self.history,
        )

    def redraft(self, findings: Sequence[Finding]) -> Generator[Need, Result, Decision]:
        """Send the draft back, with the reason and what speaks against it; the model may search once more before."""
        self.complaint = reasons(findings)
        against = {n for f in findings if f.verdict == "failed" for n in f.evidence}
        shown = [e for e in self.evidence if e.id in against and e.source]
        self.numbers = self.known_numbers()
        self.emit(Corrected(reason=self.complaint, numbers=self.numbers))
        self.tell("user", protocol.complaint(self.complaint, shown, self.offered("redraft")))
        decision = yield from self.decide("redraft")
        if isinstance(decision, Call):
            self.searched_again = True
            yield from self.act(decision)
            self.numbers = self.known_numbers()
            decision = yield from self.decide("redraft")
        return decision

    def known_numbers(self) -> tuple[str, ...]:
        """Everything that an answer's numbers may come from."""
        known = [self.task, *(t.answer for t in self.history), *(e.text for e in self.evidence)]
        return tuple(dict.fromkeys(n for text in known for n in NUMBER.findall(text)))

    # Ending

    def answered(self, proposal: Proposal, checked: Verified) -> Answer[Any]:
        """Hand over what passed. It stands on what the checks found to support it, whatever the model cited."""
        standing = sorted({n for f in checked.findings if f.verdict == "supported" for n in f.evidence})
        return self.finish("supported", text=proposal.text, cited=tuple(standing) or proposal.cited)

    def withheld(self, proposal: Proposal, checked: Verified) -> Answer[Any]:
        """Withhold what nothing checked, unless the caller opted in."""
        unavailable = [f"{f.check} could not run: {f.reason}" for f in checked.findings if f.verdict == "unavailable"]
        reason = "; ".join(unavailable) or "no check applies to the answer"
        text = proposal.text if self.unchecked else None
        return self.finish("unchecked", text=text, cited=proposal.cited, reason=reason)

    def finish(
        self, status: Any, *, text: str | None = None, cited: tuple[int, ...] = (), reason: str = ""
    ) -> Answer[Any]:
        return Answer(
            status=status,
            text=text,
            reason=reason,
            evidence=tuple(self.evidence),
            cited=cited,
            findings=self.findings,
            confidence=overall(self.completions),
            usage=self.usage,
        )
