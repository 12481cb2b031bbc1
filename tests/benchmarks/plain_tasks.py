"""Ten plain tasks over the quickstart corpus, with real models: how many does each get?

    python tests/benchmarks/plain_tasks.py --model qwen2.5-coder-0.5b [--file plain_tasks.jsonl] [--only ID]

A task counts as right when the run ends `supported` with the expected text, or, for what the corpus
doesn't tell, when it abstains. `plain_tasks.jsonl` was committed before any prompt was tuned;
`paraphrases.jsonl` was written after tuning had ended.
"""

import argparse
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agentkit.agent import Agent
from agentkit.answer import Answer
from agentkit.knowledge.corpus import Corpus
from agentkit.knowledge.embedder import Embedder
from agentkit.models import catalog
from agentkit.models.model import Model

HERE = Path(__file__).parent
DOCUMENTS = HERE.parent.parent / "examples" / "quickstart" / "documents"
TOOLS = ("retrieval", "calculator", "python")


class PlainTask(BaseModel, frozen=True):
    """One task; `expect` is a regular expression, None when the corpus doesn't tell."""

    id: str
    kind: str
    task: str
    expect: str | None

    def right(self, answer: Answer[Any]) -> bool:
        """Whether the answer counts."""
        if self.expect is None:
            return answer.status == "abstained"
        found = re.search(rf"(?<![\d.,]){self.expect}(?![\d]|[.,]\d)", answer.text or "")
        return answer.status == "supported" and found is not None


def plain_tasks(name: str = "plain_tasks.jsonl") -> list[PlainTask]:
    """The tasks of a file beside this one."""
    return [PlainTask.model_validate_json(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def corpus_of(documents: Path = DOCUMENTS, store: Path | None = None) -> Corpus:
    """The quickstart corpus with the real embedder."""
    folder = catalog.locate("all-minilm-l6-v2")
    if folder is None:
        raise SystemExit("the embedder isn't here: agentkit models pull all-minilm-l6-v2")
    return Corpus.open(documents, embedder=Embedder.load(folder), store=store)


def agent_for(model: Model, corpus: Corpus) -> Agent[str]:
    """The agent that `agentkit ask --docs` makes."""
    return Agent(model, tools=TOOLS, resources=[corpus])


async def measure(spec: str, tasks: Sequence[PlainTask], *, verbose: bool) -> int:
    """Run the tasks one after the other; how many were right."""
    model = await catalog.load(spec)
    right = 0
    async with model:
        agent = agent_for(model, corpus_of())
        for task in tasks:
            answer: Answer[Any] | None = None
            async for event in agent.stream(task.task):
                if verbose and event.event in ("decided", "observed", "checked"):
                    print("   ", event.model_dump_json(exclude={"usage", "finish", "seconds", "step"})[:700])
                if event.event == "finished":
                    answer = event.answer
            assert answer is not None
            good = task.right(answer)
            right += good
            usage = answer.usage
            print(
                f"{'right' if good else 'WRONG'} {task.id:8} {answer.status:10} {usage.seconds:5.1f} s "
                f"{usage.prompt:5} prompt {usage.cached:5} cached {usage.generated:4} generated | "
                f"{answer.text or answer.reason}"
            )
    print(f"{spec}: {right} of {len(tasks)}")
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=catalog.DEFAULT)
    parser.add_argument("--file", default="plain_tasks.jsonl")
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    tasks = [t for t in plain_tasks(options.file) if options.only in ("", t.id)]
    asyncio.run(measure(options.model, tasks, verbose=options.verbose))


if __name__ == "__main__":
    main()
