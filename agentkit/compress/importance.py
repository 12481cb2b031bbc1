"""What the layers of a model and their neurons do on lessons, which says what can go."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from agentkit.compress.network import Network
from agentkit.compress.packing import Row, passes


class Importance(NamedTuple):
    """Of each layer of a model, measured on lessons."""

    influence: tuple[float, ...]
    """Block influence: 1 - the cosine similarity between what goes into the layer and what comes out, the mean over
    tokens (ShortGPT, Men et al. 2024). 0 where a layer changes nothing but the length."""
    neurons: tuple[Any, ...]
    """Float64 [inner]: of each neuron of the feed-forward part the mean size of its activation over tokens (Minitron,
    Muralidharan et al. 2024), times the norm of its column in the down projection, as Wanda weighs activations with
    weights (Sun et al. 2024): what a neuron writes, not only that it fires."""

    def layers(self, count: int) -> list[int]:
        """The indices of so many layers that have most influence, in the model's order."""
        return sorted(sorted(range(len(self.influence)), key=lambda at: -self.influence[at])[:count])

    def kept(self, layer: int, count: int) -> Any:
        """The indices of so many neurons of a layer that matter most, int64 [count], in the layer's order."""
        return self.neurons[layer].argsort(descending=True, stable=True)[:count].sort().values


def measure(network: Network, rows: Sequence[Row], *, at_once: int) -> Importance:
    """Look at every layer while the whole model computes lessons, once: Minitron found no gain in measuring again
    after each cut.

    Args:
        rows: Packed lessons; what several begin with counts once.
        at_once: Tokens computed at a time.
    """
    torch = network.torch
    layers = network.model.get_decoder().layers
    influence = [0.0] * len(layers)
    activation: list[Any] = [0.0] * len(layers)

    def turned(at: int, _layer: Any, given: tuple[Any, ...], made: Any) -> None:
        alike = torch.nn.functional.cosine_similarity(given[0].double(), made.double(), dim=-1)
        influence[at] += float((1 - alike).sum())

    def fired(at: int, _projection: Any, given: tuple[Any, ...]) -> None:
        activation[at] += given[0].double().abs().sum((0, 1)).cpu()

    network.model.eval()
    with ExitStack() as hooks, torch.no_grad():
        for at, layer in enumerate(layers):
            hooks.callback(layer.register_forward_hook(partial(turned, at)).remove)
            hooks.callback(layer.mlp.down_proj.register_forward_pre_hook(partial(fired, at)).remove)
        for batch in passes(rows, at_once):
            network.logits(batch)
        tokens = sum(len(row.ids) for row in rows)
        norms = [layer.mlp.down_proj.weight.double().norm(dim=0).cpu() for layer in layers]
    return Importance(
        influence=tuple(value / tokens for value in influence),
        neurons=tuple(value / tokens * norm for value, norm in zip(activation, norms, strict=True)),
    )
