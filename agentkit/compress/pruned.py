"""The model card that is written next to a pruned model."""

from agentkit.compress import card as cards
from agentkit.compress.cutting import Cut

TEMPLATE = """\
# {name}

{base} with {layers} of its {all_layers} layers and {ffn} of the {inner} neurons in each of them.{gone} {healed}

* **For**: what {base} is for, where it is too large or too slow.
* **Not for**: what the lessons below have nothing of: that was neither measured nor healed.
{protocol}
## Pruning

    {command}

Seed {seed}, on {hardware}. Layers were chosen by block influence (ShortGPT, Men et al. 2024), neurons by activation and
weight (Minitron, Muralidharan et al. 2024; Wanda, Sun et al. 2024). {lessons} lessons (fingerprint {fingerprint}), made
from:

| source | licence |
|---|---|
{data}

Base: {base} ({licence}), SHA-256 {sha256}.

| | before | after |
|---|---|---|
| layers | {all_layers} | {layers} |
| neurons of a layer | {inner} | {ffn} |
| weights | {weights[0]:,} | {weights[1]:,} |
| size, MB | {sizes[0]:.1f} | {sizes[1]:.1f} |

{losses}

{influence}
"""
PROTOCOL = "* **Protocol** {}: an agentkit that writes runs otherwise refuses it.\n"


def text(
    cut: Cut,
    *,
    name: str,
    base: str,
    sha256: str,
    protocol: str,
    sizes: tuple[int, int],
    healed: tuple[int, float] | None,
    lessons: int,
    fingerprint: str,
    data: dict[str, str],
    seed: int,
    command: str,
) -> str:
    """What the card says.

    Args:
        sizes: Bytes on disk, before and after.
        healed: The step whose weights these are and their loss on held-out lessons; None without healing.
        data: Sources of the lessons, and their licences.
    """
    losses = {"before": cut.losses[0], "cut": cut.losses[1]}
    if healed and healed[0]:
        losses[f"healed, {healed[0]} steps"] = healed[1]
    return TEMPLATE.format(
        name=name,
        base=base,
        layers=len(cut.layers),
        all_layers=len(cut.influence),
        inner=cut.neurons[0],
        ffn=cut.neurons[1],
        gone=f" Layers that went: {', '.join(map(str, cut.gone))}." if cut.gone else "",
        healed=history(healed),
        protocol=PROTOCOL.format(protocol) if protocol else "",
        command=command,
        seed=seed,
        hardware=cut.hardware,
        lessons=lessons,
        fingerprint=fingerprint,
        data=cards.rows(data),
        licence=cards.licence(base.partition("+")[0]),
        sha256=sha256,
        weights=cut.weights,
        sizes=tuple(size / 1e6 for size in sizes),
        losses=cards.rows({key: f"{loss:.4f}" for key, loss in losses.items()}, "held-out loss"),
        influence=cards.rows({f"layer {at}": f"{value:.4f}" for at, value in enumerate(cut.influence)}, "influence"),
    )


def history(healed: tuple[int, float] | None) -> str:
    """What became of the model after it was cut."""
    if healed is None:
        return "It is as it was cut."
    if not healed[0]:
        return "It is as it was cut: no step of healing has brought the loss on held-out lessons down."
    return "All that is left then learned from the whole model."
