"""The later half of `agentkit distil`: `train` a student on lessons, `evaluate` it, `export` it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agentkit.cli.options import AssistantFile, CorpusName, Docs

if TYPE_CHECKING:
    from agentkit.compress.recipe import Recipe
    from agentkit.compress.train import Conditions

RUN = Path("runs/distil")
Run = Annotated[Path, typer.Option("--run", metavar="DIR", help="Folder of the run; names the adapter.")]
Trained = Annotated[Path, typer.Option("--run", metavar="DIR", help="Folder of the run, or an adapter's file.")]
Base = Annotated[str, typer.Option(metavar="MODEL", help="The base, if it isn't where the run had it.")]
Like = Annotated[
    Path | None, typer.Option(metavar="FILE", show_default=False, help="A GGUF of the base, if that is a folder.")
]


def train(
    *,
    run: Run = RUN,
    lessons: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="By default the run's lessons.jsonl.")
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            "--base",
            "-b",
            metavar="MODEL",
            help="A name from `agentkit models`, a GGUF, an HF folder; NAME+ADAPTER goes on from that.",
        ),
    ] = "smollm2-135m",
    method: Annotated[Literal["lora", "full"], typer.Option(help="Low-rank changes, or all weights.")] = "lora",
    rank: Annotated[int, typer.Option(metavar="N", help="Of the low-rank changes.")] = 64,
    alpha: Annotated[int, typer.Option(metavar="N", help="Their weight, times their rank.")] = 64,
    rate: Annotated[
        float | None, typer.Option(metavar="X", show_default=False, help="Highest learning rate; 1e-3, full 1e-4.")
    ] = None,
    epochs: Annotated[float, typer.Option(metavar="X", help="Times that each lesson is seen.")] = 1.0,
    steps: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="Steps to take, instead of epochs.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="X", show_default=False, help="Stop in time; the same command goes on.")
    ] = None,
    tokens: Annotated[int, typer.Option(metavar="N", help="Learned tokens a step.")] = 2048,
    row: Annotated[int, typer.Option(metavar="N", help="Tokens of a packed row.")] = 2048,
    at_once: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="Tokens computed at once; 2048, on a GPU 16384.")
    ] = None,
    context: Annotated[int, typer.Option(metavar="N", help="Longer lessons are left out.")] = 8192,
    held_out: Annotated[float, typer.Option(metavar="X", help="Share of the tasks kept to score.")] = 0.02,
    seed: Annotated[int, typer.Option(metavar="N")] = 0,
    bf16: Annotated[
        bool | None, typer.Option("--bf16/--fp32", show_default=False, help="Precision; bf16 where that is faster.")
    ] = None,
    to: Annotated[
        str, typer.Option("--for-format", metavar="F", show_default=False, help="Learn with weights rounded to it.")
    ] = "",
    checkpointing: Annotated[bool, typer.Option("--checkpointing", help="Less memory, half the speed.")] = False,
    teacher: Annotated[str, typer.Option(metavar="DIR", help="HF folder; its distributions are learned too.")] = "",
    weight: Annotated[float, typer.Option(metavar="X", help="Of the teacher in the loss.")] = 0.5,
    divergence: Annotated[
        Literal["forward", "reverse"], typer.Option(help="KL from the teacher, or to it.")
    ] = "forward",
    temperature: Annotated[float, typer.Option(metavar="X", help="Of the compared distributions.")] = 1.0,
    on_policy: Annotated[float, typer.Option(metavar="X", help="Share of steps in which the student writes.")] = 0.0,
    device: Annotated[str, typer.Option(metavar="D", help="cpu, cuda, or the best there is.")] = "auto",
) -> int:
    """Train a student on lessons. Killed or stopped, the same command goes on and ends with the same weights."""
    from agentkit.cli.opening import load_settings
    from agentkit.compress.base import open_base
    from agentkit.compress.network import chosen, has_bf16
    from agentkit.compress.train import train as learn
    from agentkit.models.requantize import known

    load_settings()
    device = chosen(device)
    recipe = checked(
        {
            "method": method,
            "rank": rank,
            "alpha": alpha,
            "rate": (1e-3 if method == "lora" else 1e-4) if rate is None else rate,
            "epochs": epochs,
            "steps": steps,
            "tokens": tokens,
            "row": row,
            "at_once": (2048 if device == "cpu" else 16384) if at_once is None else at_once,
            "context": context,
            "held_out": held_out,
            "seed": seed,
            "bf16": has_bf16(device) if bf16 is None else bf16,
            "format": known(to) if to else None,
            "checkpointing": checkpointing,
            "teacher": teacher,
            "weight": weight,
            "divergence": divergence,
            "temperature": temperature,
            "on_policy": on_policy,
        }
    )
    lessons = lessons or run / "lessons.jsonl"
    conditions = conditions_of(run, lessons, minutes, device)
    result = learn(lessons, open_base(base), recipe, conditions)
    print(f"{result.path}  weights after step {result.card.steps}")
    return 0


def export(
    out: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The GGUF file to write.")],
    *,
    run: Trained = RUN,
    to: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="F", show_default=False, help="Q8_0, Q4_0, F16 …; by default what it was trained for."
        ),
    ] = None,
    base: Base = "",
    like: Like = None,
) -> int:
    """Write what was trained as a GGUF file, merged into its base, with a model card next to it."""
    from agentkit.cli.opening import load_settings
    from agentkit.compress.export import export as write
    from agentkit.models.requantize import known

    load_settings()
    write(run, out, known(to) if to else None, base=base, like=like)
    print(f"{out}  {out.with_suffix('.md')}")
    return 0


def average(
    files: Annotated[list[Path], typer.Argument(metavar="ADAPTER...", show_default=False, help="Two or more.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", show_default=False, help="The .safetensors file to write.")],
) -> int:
    """Write the mean of adapters, of the ends of several passes say, with a model card next to it."""
    from agentkit.cli.evaluate import command
    from agentkit.compress.average import average as mean
    from agentkit.errors import ConfigurationError

    if out.suffix != ".safetensors":
        raise ConfigurationError(f"{out} is to be an adapter; name a file that ends in .safetensors")
    mean(files, out, command=command())
    print(f"{out}  {out.with_suffix('.md')}")
    return 0


def evaluate(
    tasks: Annotated[
        list[str], typer.Argument(metavar="TASK...", show_default=False, help="As for agentkit evaluate.")
    ],
    *,
    run: Trained = RUN,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="For the runs; by default in the run's.")
    ] = None,
    base: Base = "",
    like: Like = None,
    limit: Annotated[int | None, typer.Option(metavar="N", show_default=False, help="Items of each task.")] = None,
    base_limit: Annotated[
        int | None, typer.Option(metavar="N", min=0, show_default=False, help="For the base; 0 leaves it out.")
    ] = None,
    parallel: Annotated[int, typer.Option(metavar="N", help="Items at the same time.")] = 1,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="Data of built-in tasks.")
    ] = None,
    assistant: AssistantFile = None,
    docs: Docs = None,
    corpus: CorpusName = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the draw.")] = 0,
) -> int:
    """Run tasks with the base and with what was trained, compare them, and put the scores into the card."""
    from agentkit.cli.asking import profile_of
    from agentkit.cli.evaluate import report, run_agent
    from agentkit.compress.export import export as write
    from agentkit.compress.results import add_scores, trained
    from agentkit.evaluate.comparison import compare
    from agentkit.evaluate.summary import summarize
    from agentkit.knowledge.database import alone
    from agentkit.models.adapter import Score
    from agentkit.models.identity import sha256

    profile = profile_of(assistant, {"--docs": docs, "--corpus": corpus})
    out = out or (run.parent if run.is_file() else run) / "evaluation"
    file, place = out / "taught.gguf", trained(run)
    limits = {"base": limit if base_limit is None else base_limit, "taught": limit}
    documents = {"profile": profile, "docs": docs, "corpus": corpus}
    how: dict[str, Any] = {"data": data, "seed": seed, "parallel": parallel, **documents}
    with alone(out):  # another would write its own model to the file
        card = write(run, file, base=base, like=like)
        # Trained further, it is another model.
        roots = {"base": out / "base", "taught": out / f"taught-{sha256(file)[:12]}"}
        models = {"base": base or base_alone(card.base), "taught": str(file)}
        found = {
            name: run_agent(model, tasks, root=roots[name], limit=limits[name], **how) if limits[name] != 0 else []
            for name, model in models.items()
        }
    scores = {
        f"{summary.task}, {name}": Score(
            value=round(score.value, 4), low=round(score.low, 4), high=round(score.high, 4), items=score.n
        )
        for name, runs in found.items()
        for summary in (summarize(header, records) for header, records in runs)
        if (score := summary.score)
    }
    add_scores(place, scores)
    pairs = zip(found["base"], found["taught"], strict=True) if found["base"] else ()
    return report([*found["base"], *found["taught"]], [compare(*pair) for pair in pairs], as_json=False, page=None)


def base_alone(name: str) -> str:
    """The base without an adapter that ships with it."""
    from agentkit.models.adapters import NONE
    from agentkit.models.known import KNOWN

    return f"{name}+{NONE}" if name in KNOWN else name


def checked(fields: Mapping[str, Any]) -> "Recipe":
    """The recipe of these options.

    Raises:
        ConfigurationError: One of them can't be; names it.
    """
    from pydantic import ValidationError

    from agentkit.compress.recipe import Recipe
    from agentkit.errors import ConfigurationError

    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        [first, *_] = error.errors()
        flag = "".join(f"--{part}".replace("_", "-") for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{flag} {first['input']}: {said}" if flag else said) from None


def conditions_of(out: Path, lessons: Path, minutes: float | None, device: str) -> "Conditions":
    """Where and for how long a run computes, with the command that runs for its card."""
    from agentkit.cli.evaluate import command
    from agentkit.compress.train import Conditions

    return Conditions(
        out=out,
        command=command(),
        licences=licences(lessons),
        minutes=minutes,
        device=device,
        tell=lambda line: print(line, flush=True),
    )


def licences(lessons: Path) -> Mapping[str, str]:
    """The licence of what each of the lessons was made from, as far as a summary of these beside them says.

    Raises:
        ConfigurationError: The summary is damaged.
    """
    from agentkit.compress.curate import SUMMARY, Curated
    from agentkit.errors import ConfigurationError
    from agentkit.models.identity import sha256

    summary = lessons.with_name(SUMMARY)
    if not (summary.is_file() and lessons.is_file()):
        return {}
    try:
        curated = Curated.model_validate_json(summary.read_text(encoding="utf-8"))
    except ValueError:
        raise ConfigurationError(f"{summary} is damaged; curate the lessons again, or delete it") from None
    return curated.licences if curated.sha256 == sha256(lessons) else {}
