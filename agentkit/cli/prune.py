"""`agentkit prune`: a smaller model out of a model."""

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """Examples:

    agentkit prune smollm2-135m small.gguf --lessons runs/mine/lessons.jsonl --layers 24
    agentkit prune mine.gguf small.gguf --lessons runs/mine/lessons.jsonl --layers 24 --ffn 1024 --heal-steps 1000
    agentkit prune mine.gguf cut.gguf --lessons runs/mine/lessons.jsonl --ffn 1280 --heal-steps 0
    agentkit ask --model small.gguf "What is 15% of 80?"

Killed, interrupted or out of minutes, the same command goes on where it was."""


def prune(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", show_default=False, help="A name, NAME+ADAPTER, a GGUF, an HF folder.")
    ],
    out: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The GGUF file to write.")],
    *,
    lessons: Annotated[
        Path, typer.Option(metavar="FILE", show_default=False, help="As agentkit distil curate writes them.")
    ],
    layers: Annotated[int | None, typer.Option(metavar="N", show_default=False, help="Layers that stay.")] = None,
    ffn: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="Neurons of each layer that stay; 32, 64 …")
    ] = None,
    heal_steps: Annotated[int, typer.Option(metavar="N", min=0, help="Steps of healing; 0 only cuts.")] = 200,
    minutes: Annotated[
        float | None, typer.Option(metavar="X", show_default=False, help="Stop in time; the same command goes on.")
    ] = None,
    rate: Annotated[float, typer.Option(metavar="X", help="Highest learning rate of healing.")] = 1e-4,
    held_out: Annotated[float, typer.Option(metavar="X", help="Share of the tasks kept to score.")] = 0.02,
    to: Annotated[str, typer.Option("--format", metavar="F", help="Q8_0, Q4_0, F16, BF16, F32.")] = "Q8_0",
    like: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="A GGUF of the model, if that is a folder.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N")] = 0,
    device: Annotated[str, typer.Option(metavar="D", help="cpu, cuda, or the best there is.")] = "auto",
) -> int:
    """Make a model smaller: the layers and neurons that do least on lessons go; what is left learns from the whole."""
    from agentkit.cli.distilling import checked, conditions_of
    from agentkit.cli.opening import load_settings
    from agentkit.compress.cutting import Wanted
    from agentkit.compress.network import chosen, has_bf16
    from agentkit.compress.prune import HEALING
    from agentkit.compress.prune import prune as smaller
    from agentkit.compress.weights import FORMATS, Format
    from agentkit.errors import UnknownName

    load_settings()
    formats: dict[str, Format] = {name: name for name in FORMATS}
    form = formats.get(to.upper())
    if form is None:
        raise UnknownName("format", to, FORMATS)
    device = chosen(device)
    recipe = checked(
        {
            **HEALING.model_dump(),
            "steps": heal_steps or None,
            "rate": rate,
            "at_once": 2048 if device == "cpu" else 16384,
            "held_out": held_out,
            "seed": seed,
            "bf16": has_bf16(device),
        }
    )
    conditions = conditions_of(out, lessons, minutes, device)
    wanted = Wanted(layers=layers, ffn=ffn)
    smaller(model, lessons, wanted, conditions, recipe, heal=heal_steps > 0, to=form, like=like)
    print(f"{out}  {out.with_suffix('.md')}")
    return 0
