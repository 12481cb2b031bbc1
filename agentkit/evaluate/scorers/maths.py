"""Answers in mathematical notation, judged by math-verify in a process of its own."""

import re
import string
from importlib.util import find_spec

from agentkit.errors import MissingExtra
from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers.abstention import compared, unanswered
from agentkit.evaluate.scorers.text import MOST_TOKENS, contained
from agentkit.evaluate.scorers.worker import Worker, WorkerError, WorkerTimeout

JUDGE = "agentkit.evaluate.scorers.equivalence:equal"
MEMORY_MB = 1024
TAIL = 4000
"""Characters of a reply that are read, from its end."""

_WORDS = re.compile(r"\\(?:text|mbox|textbf|mathrm)\{([^{}]*)\}")
_DELIMITED = re.compile(r"\$|\\[(\[]|\\boxed")
_MARK = re.compile(r"\banswer\s*(?:is|:|=)\s*:?", re.IGNORECASE)
_COMMAND = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+")
_PROSE = re.compile(r"[A-Za-z]{2,}")
_NAMES = re.compile(r"(?<![\\A-Za-z])(pi|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|log|ln|infty)(?![A-Za-z])")
"""What LaTeX has commands for and people write without the backslash."""


class MathsScorer:
    """Right if the reply is the gold answer written in any way: 1/2, 0.5 or \\frac12; x = 5 for 5.

    A reply may be bare notation, or a text with the answer between dollars, in \\boxed or behind "answer is". An answer
    in words (\\text{Evelyn}) has to stand in the reply as such. What takes too long or too much memory is wrong.
    """

    def __init__(self, *, seconds: float = 5.0) -> None:
        """`seconds` bounds one judgement.

        Raises:
            MissingExtra: math-verify isn't installed.
        """
        if find_spec("math_verify") is None:
            raise MissingExtra("judging mathematical answers", extra="evaluate")
        self._seconds = seconds
        self._worker = Worker(memory_mb=MEMORY_MB)

    async def __call__(self, item: Item, reply: Reply) -> Score:
        score = unanswered(item, reply)
        if score is not None:
            return score
        gold, text = str(item.gold), (reply.text or "")[-TAIL:]
        wanted = wording(gold)
        reason = compared(text, gold)
        if text.strip().strip("$") == gold:
            right = True
        elif wanted:
            found = words(text)
            right = len(found) <= MOST_TOKENS and contained(wanted, found)
        else:
            try:
                right = bool(await self._worker.call(JUDGE, f"${gold}$", notation(text), seconds=self._seconds))
            except WorkerTimeout:
                right, reason = False, f"could not be judged in {self._seconds:g} s: {reason}"
            except WorkerError:
                right, reason = False, f"could not be judged: {reason}"
        return Score(right=right, value=float(right), reason=reason)

    async def aclose(self) -> None:
        """End the process that judges."""
        await self._worker.aclose()


def wording(gold: str) -> list[str]:
    """The words of a gold answer that consists of words only; empty for any other."""
    return words(gold) if not _WORDS.sub("", gold).strip(" .") and _WORDS.search(gold) else []


def words(text: str) -> list[str]:
    """The words of a text, without case, LaTeX's commands for text and punctuation."""
    bare = _WORDS.sub(r" \1 ", text).casefold().replace("$", " ")
    return [word for word in (w.strip(string.punctuation) for w in bare.split()) if word]


def notation(text: str) -> str:
    """A reply with dollars around its formula, as math-verify wants it."""
    if _DELIMITED.search(text.replace(r"\$", "")):
        return text
    marks = list(_MARK.finditer(text))
    tail = text[marks[-1].end() :] if marks else text
    bare = _NAMES.sub(r"\\\1 ", tail.strip().removesuffix(".").strip())
    prose = set(_PROSE.findall(_COMMAND.sub(" ", _WORDS.sub("", bare)))) - {"sqrt"}
    return tail if prose or not bare else f"${bare}$"
