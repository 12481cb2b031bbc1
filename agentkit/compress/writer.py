"""A model that words tasks: what it writes is data, and kept only if all that was to be told can be read from it."""

import hashlib
import json
import re
from dataclasses import dataclass, replace

from agentkit import grammars
from agentkit.compress.problem import Brief, Problem, Unusable
from agentkit.errors import ContextOverflow
from agentkit.evaluate.strategies.bench import Repeatable
from agentkit.models.grammar import admits
from agentkit.models.known import KNOWN
from agentkit.models.model import Completion, Grammar, Model, Sampling

TEMPERATURE = 0.8
"""Greedy, a model asks for all that is alike in the same words."""
TOKEN_CHARS = 2
"""Characters of a token, at the least: so many more tokens than that a wording never takes."""
MARKUP = re.compile(r"<[^<>]*[^\W\d][^<>]*>|\[[^\[\]]*[^\W\d][^\[\]]*\]|[{}`|\\]|\*\*|<<|>>|<\||\|>")
"""Control tokens of models, place holders, JSON, code: nothing that somebody says."""


@dataclass(frozen=True)
class Writer:
    """A model that words the tasks of problems that have a brief.

    The wording is drawn with a seed of its problem's own and in sessions that don't depend on one another, so that it
    is the same whatever was asked before; an endpoint may be less exact. Then the model itself is given the task, by
    the real loop: what it doesn't understand as it was meant isn't kept.
    """

    model: Model
    seed: int = 0
    temperature: float = TEMPERATURE
    alone: bool = True
    """Whether its problems are worded one after the other. A local engine computes what it is asked at once in one
    batch, which shifts probabilities by rounding errors, and so the tokens that are drawn."""

    @property
    def name(self) -> str:
        """The model's, and how it is asked where that isn't the usual way."""
        usual = self.temperature == TEMPERATURE
        return self.model.name if usual else f"{self.model.name}~{self.temperature:g}"

    @property
    def licence(self) -> str:
        """Whose words they are, for the card of what is trained on them."""
        known = KNOWN.get(self.model.name.partition("+")[0])
        return f"worded by {self.model.name}{f' ({known.licence})' if known else ''}"

    async def solve(self, problem: Problem) -> Problem | Unusable:
        """The problem with its task in the model's words, if they say what they should.

        Raises:
            ModelError: The model failed.
        """
        name = f"{problem.id}@{self.name}"
        brief = problem.brief
        if brief is None:
            return Unusable(name, "nothing says what its task could be worded from")
        model = Repeatable(self.model)
        try:
            completion = await self.written(brief, problem.id, model)
            text = read(completion, brief)
            if not text:
                return Unusable(name, "the wording was cut off or is none", completion.text[-120:])
            found = unspoken(text) or brief.objection(text)
            worded = brief.problem(text)
            found = found or await brief.misread(worded, model)
        except ContextOverflow as error:
            return Unusable(name, "too long for the teacher", str(error))
        if found:
            reason, detail = found
            return Unusable(name, reason, f"{detail}: {text}" if detail else text)
        return replace(worded, id=name, source=f"{problem.source}@{self.name}")

    async def written(self, brief: Brief, problem: str, model: Model) -> Completion:
        """What the model writes to a brief."""
        seed = int.from_bytes(hashlib.sha256(f"{self.seed} {problem}".encode()).digest()[:4]) & 0x7FFFFFFF
        sampling = Sampling(max_tokens=brief.longest // TOKEN_CHARS, temperature=self.temperature, seed=seed)
        async with model.session() as session:
            return await session.generate(brief.asked, grammar=grammar(brief), sampling=sampling)


def grammar(brief: Brief) -> Grammar:
    """One JSON object with the wording: whatever else a model would say around it has no place."""
    text = grammars.bounded({"type": "string", "minLength": 1, "maxLength": brief.longest})
    return Grammar(json_schema=grammars.keyed(brief.key, text))


def read(completion: Completion, brief: Brief) -> str:
    """The wording on one line; empty if there is none."""
    if completion.finish != "stop" or not admits(grammar(brief), completion.text):
        return ""
    return " ".join(str(json.loads(completion.text)[brief.key]).split())


def unspoken(text: str) -> tuple[str, str] | None:
    """What is in a wording that nobody says: control tokens, markup, characters that can't be seen."""
    if (mark := MARKUP.search(text)) is not None:
        return "it has markup or control tokens", mark[0]
    if not text.isprintable():
        return "it has characters that can't be printed", ""
    return None
