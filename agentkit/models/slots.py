"""Which session computes where: as many transcripts are kept as an engine has slots."""

import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agentkit.models.model import Session
from agentkit.models.template import shared_prefix


@dataclass(eq=False)
class Slot:
    """What an engine keeps of one transcript."""

    id: int
    tokens: Sequence[int] = ()
    owner: weakref.ref[Session] | None = None
    busy: bool = False
    used: int = 0


class Slots:
    """Gives each generation the slot that has computed most of its prompt already.

    A slot that another open session counts on is taken only when there is no other.
    """

    def __init__(self, count: int) -> None:
        self._slots = [Slot(number) for number in range(count)]
        self._lock = threading.Lock()
        self._clock = 0

    @contextmanager
    def acquire(self, session: Session, prompt: Sequence[int]) -> Generator[Slot]:
        """The best free slot, until the block ends. There is one: there are no more workers than slots."""

        def merit(slot: Slot) -> tuple[bool, int, int]:
            owner = slot.owner and slot.owner()
            return owner is None or owner is session, shared_prefix(slot.tokens, prompt), -slot.used

        with self._lock:
            slot = max((slot for slot in self._slots if not slot.busy), key=merit)
            self._clock += 1
            slot.busy, slot.used, slot.owner = True, self._clock, weakref.ref(session)
        try:
            yield slot
        finally:
            with self._lock:
                slot.busy = False

    def release(self, session: Session) -> None:
        """The session won't come back: its slots are anyone's."""
        with self._lock:
            for slot in self._slots:
                if slot.owner and slot.owner() is session:
                    slot.owner = None
