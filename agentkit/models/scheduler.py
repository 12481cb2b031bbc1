"""Generations that run at the same time, computed together, in a thread of their own."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from agentkit.errors import ModelError
from agentkit.models.network import Network, Stopped, Wanted
from agentkit.models.padded import Padded
from agentkit.models.tokenizer import one_line

Steps = Generator[Wanted, list[Any], None]
"""A generation: it says what it wants computed, and is sent the logits."""


@dataclass(eq=False)
class _Running:
    steps: Steps
    stopped: Callable[[], bool]
    alone: bool
    ended: Future[None] = field(default_factory=Future[None])
    wanted: Wanted | None = None
    """None before it has begun."""
    over: bool = False
    error: BaseException | None = None

    def go_on(self) -> None:
        """Send it what it wanted, if that is computed, and ask what it wants next."""
        if self.over or (self.wanted and self.wanted.left):
            return
        try:
            self.wanted = self.steps.send(self.wanted.logits) if self.wanted else next(self.steps)
        except StopIteration:
            self.over = True
        except BaseException as error:  # it is raised where the generation is waited for
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        self.over, self.error = True, error

    def tell(self) -> None:
        """Tell whoever waits that it is over."""
        self.steps.close()
        if self.error:
            self.ended.set_exception(self.error)
        else:
            self.ended.set_result(None)


class Scheduler:
    """Brings all generations that run a step further in each turn; one that arrives joins the next turn.

    What they write is computed in one batch, and for each that reads a prompt a chunk of that, alone.
    """

    def __init__(self, network: Network, *, thread_name: str) -> None:
        self._network = network
        self._padded = Padded(network)
        self._lock = threading.Lock()
        self._arrived: list[_Running] = []
        self._busy = False
        # One thread: each that computes would get torch's threads anew.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=thread_name)

    def run(self, steps: Steps, *, stopped: Callable[[], bool], alone: bool) -> None:
        """Run a generation to its end.

        Args:
            stopped: Asked before each turn whether to give up.
            alone: Whether to compute it in no batch with others: who else is in a batch shifts what is computed by a
                rounding error.

        Raises:
            Stopped: `stopped` said so; what was computed is kept.
            ModelError: torch can't compute it.
        """
        running = _Running(steps, stopped, alone)
        with self._lock:
            self._arrived.append(running)
            if not self._busy:
                self._worker.submit(self._work)
                self._busy = True
        running.ended.result()

    def close(self, *, wait: bool) -> None:
        """Let the thread go, once all generations are over."""
        self._worker.shutdown(wait=wait)

    def _work(self) -> None:
        """Take turns until nobody wants anything."""
        live: list[_Running] = []
        while True:
            with self._lock:
                live, self._arrived = [*live, *self._arrived], []
                if not live:
                    self._busy = False
                    return
            try:
                self._turn(live)
            except BaseException as error:  # whatever it is, nobody may be left waiting
                self._break_off(live, error)
            over = [running for running in live if running.over]
            live = [running for running in live if not running.over]
            for running in over:
                running.tell()

    def _turn(self, live: list[_Running]) -> None:
        for running in live:
            if running.stopped():
                running.fail(Stopped())
            running.go_on()
        self._compute([running for running in live if not running.over])
        for running in live:
            running.go_on()
        self._padded.give_back(running.wanted.kept for running in live if running.over and running.wanted)

    def _compute(self, live: list[_Running]) -> None:
        """Bring everyone a step further."""
        wanting = [(running, running.wanted) for running in live if running.wanted]
        together = [(r, wanted) for r, wanted in wanting if not r.alone and self._padded.takes(wanted)]
        if len(together) > 1:
            try:
                self._padded.read([wanted for _, wanted in together])
                wanting = [each for each in wanting if each not in together]
            except RuntimeError:  # it takes more memory than one by one
                self._padded.keep_only(())
        else:
            self._padded.keep_only(())
        for running, wanted in wanting:
            self._read(running, wanted)

    def _read(self, running: _Running, wanted: Wanted) -> None:
        try:
            self._network.read(wanted)
        except Exception as error:
            running.fail(error)

    def _break_off(self, live: list[_Running], error: BaseException) -> None:
        if isinstance(error, RuntimeError):
            error = ModelError(f"torch can't compute any further: {one_line(error)}")
        self._padded.clear()
        for running in live:
            if running.wanted:
                self._network.forget(running.wanted.kept)
            if not running.over:
                running.fail(error)
