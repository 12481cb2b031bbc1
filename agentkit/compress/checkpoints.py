"""What a training run keeps on disk: the file it goes on from, and the log of its steps."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.compress.student import Student
from agentkit.errors import ConfigurationError

CHECKPOINT = "checkpoint.pt"
LOG = "train.jsonl"


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    tokens: int = 0
    """Of the lessons learned from so far."""
    seconds: float = 0.0
    """Spent on steps."""
    scoring: float = 0.0
    """Seconds that the held-out lessons took to score, the last time."""
    best: float | None = None
    """The least loss on held-out lessons so far."""
    best_step: int = 0
    tensors: dict[str, Any] | None = None
    """Those that had it."""


class Checkpoints:
    """One file from which a run goes on, replaced whole, and a log."""

    def __init__(self, folder: Path, identity: str, student: Student) -> None:
        self.folder = folder
        self.path = folder / CHECKPOINT
        self.log = folder / LOG
        self._identity = identity
        self._student = student

    def note(self, **fields: Any) -> None:
        """Write a line into the log; a run that goes on from before it takes it out again."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({name: shortened(value) for name, value in fields.items()}) + "\n")
        except OSError as error:
            raise unwritable(self.log, error.strerror) from None

    def save(self, progress: Progress) -> None:
        """Keep the present state.

        Raises:
            ConfigurationError: The disk is full, or the place can't be written to.
        """
        student = self._student
        state = {
            "identity": self._identity,
            "tensors": student.tensors(),
            "optimizer": student.optimizer.state_dict(),
            "progress": dict(vars(progress)),
        }
        part = self.path.with_name(f"{CHECKPOINT}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            student.torch.save(state, part)
            os.replace(part, self.path)
        except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
            raise unwritable(self.path, " ".join(str(error).split())[:120]) from None
        finally:
            part.unlink(missing_ok=True)

    def restored(self) -> Progress:
        """Bring the student to where the last checkpoint was; to the beginning if there is none.

        Raises:
            ConfigurationError: It is damaged, or of another run.
        """
        if not self.path.is_file():
            self._forget_after(0)
            return Progress()
        try:
            state: Mapping[str, Any] = self._student.torch.load(self.path, map_location="cpu", weights_only=True)
            identity = state["identity"]
        except Exception as error:  # torch's reader raises many kinds for a bad file
            why = " ".join(str(error).split())[:120]
            raise ConfigurationError(f"{self.path} is damaged ({why}); delete it to begin anew") from None
        if identity != self._identity:
            raise ConfigurationError(
                f"{self.path} is of a run with another recipe, other lessons or another base; "
                "delete it to begin anew, or name another place to write to"
            )
        self._student.put(state["tensors"])
        self._student.optimizer.load_state_dict(state["optimizer"])
        progress = Progress(**state["progress"])
        self._forget_after(progress.step)
        return progress

    def _forget_after(self, step: int) -> None:
        """Take from the log what happened after a step: it will happen again."""
        if not self.log.is_file():
            return
        lines = [line for line in self.log.read_text(encoding="utf-8").splitlines() if kept(line, step)]
        part = self.log.with_name(f"{LOG}.part")
        try:
            part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            os.replace(part, self.log)
        except OSError as error:
            raise unwritable(self.log, error.strerror) from None
        finally:
            part.unlink(missing_ok=True)


def kept(line: str, step: int) -> bool:
    """Whether a line of the log is of a step up to this one; one that was being written when it was killed isn't."""
    try:
        return step > 0 and json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False


def shortened(value: Any) -> Any:
    """Numbers as a reader wants them."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def unwritable(path: Path, why: object) -> ConfigurationError:
    """What is said when a file can't be written."""
    return ConfigurationError(f"can't write {path}: {why}; make room, or name another place")
