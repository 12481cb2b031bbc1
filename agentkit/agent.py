"""Agent: what a user configures, and the driver that does a run's I/O."""

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing
from copy import copy
from importlib.metadata import version
from types import TracebackType
from typing import Any, Generic, Self, cast

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypeVar

from agentkit import grammars, protocol
from agentkit.answer import Answer, Finding, Passage
from agentkit.checks import Check, Draft, agreement, default_checks, judge, name_of
from agentkit.errors import ConfigurationError, ContextOverflow, DefinitionError, GrammarError, UnknownName
from agentkit.events import Event, Finished, Started, Turn
from agentkit.limits import Limits
from agentkit.models.catalog import load as load_model
from agentkit.models.grammar import compile_grammar
from agentkit.models.model import Completion, Message, Model, Sampling, Session
from agentkit.needs import Ask, Invoke, Need, Result, Verified, Verify
from agentkit.run import Exhausted, Run
from agentkit.threads import run_sync
from agentkit.tools import Outcome, Tool, load_tools, one_line, tool
from agentkit.voting import MOST_DRAWS, TEMPERATURE, ballot, decided, elected

T = TypeVar("T", default=Any)

Refuse = Callable[[str], str]
"""Asked with each task before the model is; says why the task is refused, or nothing."""
Approve = Callable[[str, Mapping[str, Any]], bool | Awaitable[bool]]
"""Asked with a tool's name and arguments before a call that acts on the world."""


class Agent(Generic[T]):
    """A model with tools, checks and limits.

        agent = Agent("qwen2.5-coder-0.5b", tools=["calculator"])
        print(agent.run("What is 15% of 80?").text)

    Args:
        model: A loaded model, or what names one: a catalog name, a path to a GGUF or a folder, `http(s)://…#model`.
            A model that was named is loaded at the first run and closed with the agent.
        tools: Tools, typed functions, or names of installed tools.
        resources: What tools and checks are bound to by type, a corpus say.
        checks: The self-correction pass. None takes the checks that ship; with an empty list no answer is
            ever `supported`.
        output: A type that the answer is decoded and validated into.
        unchecked: Hand over the text of an answer that no check applies to.
        approve: Asked before a call of a tool that acts on the world; without it such calls are refused.
        tool_settings: For the names of some of these tools, their settings.
        instructions: What the model is told below the rules: whom it answers as, in which style.
        refuse: Asked before the model; a task that it has a reason to refuse ends as `abstained`, with this reason.
        record: What else the header of a trace should say, for replay.

    Raises:
        ConfigurationError: A tool, a check or a resource is unknown, missing or misconfigured.
    """

    def __init__(
        self,
        model: Model | str,
        *,
        tools: Sequence[Tool | Callable[..., Any] | str] = (),
        resources: Sequence[object] = (),
        checks: Sequence[Check] | None = None,
        output: type[T] | None = None,
        limits: Limits = Limits(),
        plan: bool = True,
        seed: int = 0,
        temperature: float = 0.0,
        unchecked: bool = False,
        approve: Approve | None = None,
        tool_settings: Mapping[str, Mapping[str, Any]] | None = None,
        instructions: str = "",
        refuse: Refuse | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(tools, str):
            raise ConfigurationError(f"tools={tools!r} is one name, not a list of tools: write tools=[{tools!r}]")
        for check in checks or ():
            if not callable(check):
                raise ConfigurationError(
                    f"{check!r} is no check: checks are functions; load_checks([{check!r}]) gives those of a name, "
                    "default_checks() those that are on by themselves"
                )
        if not isinstance(limits, Limits):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"limits={limits!r} are no Limits: write limits=Limits(steps=…)")
        settings = dict(tool_settings or {})
        self.tools = [t.bind(*resources, settings=settings.get(t.name)) for t in map(as_tool, tools)]
        for bound in self.tools:
            if bound.missing:
                raise ConfigurationError(
                    f"tool {bound.name!r} needs a {' and a '.join(bound.missing)}: pass it in `resources`"
                )
            try:
                compile_grammar(grammars.act_grammar([bound], []))
            except GrammarError as error:
                raise DefinitionError(f"tool {bound.name!r}: a model can't write its arguments: {error}") from None
        names = [t.name for t in self.tools]
        if twice := {n for n in names if names.count(n) > 1}:
            raise ConfigurationError(f"two tools are named {', '.join(sorted(twice))}; rename one with @tool(name=…)")
        for name in settings:
            if name not in names:
                raise UnknownName("tool", name, names, hint="`tool_settings` has settings for it")
        self.checks = list(default_checks(resources) if checks is None else checks)
        self.output: TypeAdapter[T] | None = None if output is None else TypeAdapter(output)
        self.limits = limits
        self.plan = plan
        self.seed = seed
        self.temperature = temperature
        self.unchecked = unchecked
        self.approve = approve
        self.instructions = instructions
        self.refuse = refuse
        self.record = dict(record or {})
        self._named = model if isinstance(model, str) else ""
        self._model = None if isinstance(model, str) else model
        self._opening = threading.Lock()

    def run(
        self, task: str, *, history: Sequence[Turn] = (), passages: Sequence[Passage] = (), draws: int = 1
    ) -> Answer[T]:
        """Run to the end, see `arun`; also where an event loop already runs, in a notebook say."""
        return run_sync(self.arun(task, history=history, passages=passages, draws=draws))

    async def arun(
        self,
        task: str,
        *,
        history: Sequence[Turn] = (),
        passages: Sequence[Passage] = (),
        draws: int = 1,
        told: Callable[[Event], None] | None = None,
    ) -> Answer[T]:
        """Run to the end; or several times, and keep the answer that the checks support and most runs give.

        Args:
            task: What is wanted.
            history: As of `stream`.
            passages: As of `stream`.
            draws: Runs at most. Each has the limits to itself, and they end once no further run can change the outcome.
            told: Called with each event of every run as it happens.

        Raises:
            ConfigurationError: There is nothing to draw, or as `stream` does.
        """
        answers = list[Answer[T]]()
        for agent in self.sampled(draws):
            async with aclosing(agent.stream(task, history=history, passages=passages)) as events:
                async for event in events:
                    if told is not None:
                        told(event)
                    if isinstance(event, Finished):
                        answers.append(cast(Answer[T], event.answer))
            if len(answers) < draws and decided([ballot(task, answer) for answer in answers], draws):
                break
        return elected(task, answers)

    def sampled(self, draws: int) -> Iterator[Self]:
        """This agent, then as many more as make `draws`, which write other tokens and share its model.

        Raises:
            ConfigurationError: There are less than one, or too many, or a tool would act on the world in each.
        """
        if not 1 <= draws <= MOST_DRAWS:
            raise ConfigurationError(f"draws is {draws} but must be 1 to {MOST_DRAWS}")
        if draws > 1 and (acting := [tool.name for tool in self.tools if tool.approval]):
            raise ConfigurationError(
                f"{acting[0]} acts on the world and would in each of {draws} draws: leave it out, or draw once"
            )
        yield self
        for number in range(1, draws):
            other = copy(self)
            other.seed, other.temperature = self.seed + number, TEMPERATURE
            yield other

    async def stream(
        self, task: str, *, history: Sequence[Turn] = (), passages: Sequence[Passage] = ()
    ) -> AsyncGenerator[Event]:
        """Run the loop, yielding each event as it happens; the text comes only with the last.

        Args:
            task: What is wanted.
            history: Earlier exchanges of the conversation; what their answers stand on is the first numbered evidence.
            passages: What the answer may stand on besides that and what tools report: the next.

        Raises:
            ConfigurationError: The task is empty, or the model was taught another protocol.
            ContextOverflow: The task doesn't fit the model's context, or the run doesn't with this history.
            ModelError: The model failed otherwise; what had happened was yielded before.
        """
        if not task.strip():
            raise ConfigurationError("the task is empty; say what you want to know")
        model = await self.open_model()
        start = time.monotonic()
        run = Run(
            task.strip(),
            tools=self.tools,
            limits=self.limits,
            clock=lambda: time.monotonic() - start,
            history=history,
            passages=passages,
            plan=self.plan,
            output=self.output.json_schema() if self.output else None,
            rederive=agreement in self.checks,
            unchecked=self.unchecked,
            instructions=self.instructions,
            examples=not model.taught,
        )
        yield self.header(run, model)
        if self.refuse is not None and (reason := self.refuse(run.task)):
            yield Finished(answer=Answer(status="abstained", reason=reason))
            return
        loop = run.loop()
        async with model.session() as session:
            state = advance(lambda: next(loop))
            for event in run.take():
                yield event
            while not isinstance(state, Answer):
                state = await self.fulfil(state, run, session, loop)
                for event in run.take():
                    yield event
        yield Finished(answer=self.parsed(state))

    async def fulfil(
        self, need: Need, run: Run, session: Session, loop: Generator[Need, Result, Answer[Any]]
    ) -> Need | Answer[Any]:
        """Give the run what it needs; returns what it needs next."""
        clock = asyncio.timeout(None if self.limits.seconds is None else self.limits.seconds - run.clock())
        try:
            async with clock:
                match need:
                    case Ask():
                        result: Result = await self.decide(need, session)
                    case Invoke():
                        result = await self.invoke(need)
                    case Verify():
                        result = await self.verify(need)
        except TimeoutError:
            if not clock.expired():
                raise  # it is the caller's own, of `approve` say
            limit = Exhausted(f"the limit of {self.limits.seconds:g} seconds")
            return advance(lambda: loop.throw(limit))
        except ContextOverflow as error:
            if run.steps == 1 or (run.history and not run.acted):
                raise  # the task itself is too long, or it may be done with less history
            overflow = Exhausted(str(error))
            return advance(lambda: loop.throw(overflow))
        return advance(lambda: loop.send(result))

    async def decide(self, need: Ask, session: Session) -> Completion:
        """Have the model write the next decision."""
        messages = [Message(role=m.role, content=m.content) for m in need.messages]
        # An endpoint isn't asked for probabilities unless they are needed: some refuse to tell.
        local = self._model is not None and self._model.place is not None
        told = int(local or self.limits.confidence is not None)
        sampling = Sampling(max_tokens=need.max_tokens, temperature=self.temperature, seed=self.seed, logprobs=told)
        return await session.generate(messages, grammar=need.grammar, sampling=sampling)

    async def invoke(self, need: Invoke) -> Outcome:
        """Call a tool, if it may be called."""
        if need.tool.approval:
            asked = self.approve(need.tool.name, need.arguments) if self.approve else False
            if not (await asked if inspect.isawaitable(asked) else asked):
                return Outcome(error=f"the call of {need.tool.name} was not approved", hint="go on without it")
        return await need.tool.invoke(need.arguments)

    async def verify(self, need: Verify) -> Verified:
        """Run the checks over a draft."""
        start = time.monotonic()
        verdict, findings = await judge(need.draft, self.checks)
        if self.output is not None and (error := self.misfit(need.draft)):
            misfit = Finding(check="output", claim=need.draft.text, verdict="failed", reason=error)
            verdict, findings = "failed", (*findings, misfit)
        return Verified(verdict=verdict, findings=findings, seconds=time.monotonic() - start)

    def misfit(self, draft: Draft) -> str:
        """Why a draft doesn't validate as the output type; empty when it does."""
        assert self.output is not None
        try:
            self.output.validate_json(draft.value)
        except ValidationError as error:
            return f"the value does not fit: {one_line(error)}"
        return ""

    def parsed(self, answer: Answer[Any]) -> Answer[Any]:
        """The answer with its value, if the agent has an output type."""
        if self.output is None or answer.text is None:
            return answer
        return answer.model_copy(update={"value": self.output.validate_json(answer.text)})

    def header(self, run: Run, model: Model) -> Started:
        """All that decides how the run goes."""
        return Started(
            agentkit=version("agentkit"),
            protocol=protocol.fingerprint(),
            model=model.name,
            seed=self.seed,
            task=run.task,
            history=run.history,
            passages=run.passages,
            tools=tuple(t.name for t in self.tools),
            checks=tuple(name_of(c) for c in self.checks),
            settings={
                "limits": self.limits.model_dump(),
                "plan": self.plan,
                "temperature": self.temperature,
                "unchecked": self.unchecked,
                **({"instructions": self.instructions} if self.instructions else {}),
                **({"taught": True} if model.taught else {}),
                **self.record,
            },
        )

    async def open_model(self) -> Model:
        """The model, loaded if it was only named so far."""
        while not self._opening.acquire(blocking=False):  # runs at the same time, in other event loops too, share it
            await asyncio.sleep(0.01)
        try:
            if self._model is None:
                self._model = await load_model(self._named)
        finally:
            self._opening.release()
        if self._model.protocol:
            protocol.require(self._model.protocol, of=self._model.name)
        return self._model

    async def aclose(self) -> None:
        """Close the model, if the agent loaded it."""
        if self._named and self._model is not None:
            model, self._model = self._model, None
            await model.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def advance(resume: Callable[[], Need]) -> Need | Answer[Any]:
    """What a run needs next, or its answer when it is over."""
    try:
        return resume()
    except StopIteration as ended:
        return cast(Answer[Any], ended.value)


def as_tool(given: Tool | Callable[..., Any] | str) -> Tool:
    """A tool, from what a caller may give for one."""
    if isinstance(given, Tool):
        return given
    return load_tools([given])[0] if isinstance(given, str) else tool(given)
