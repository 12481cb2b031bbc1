"""Quantization-aware training: a student computes with the weights as they will be rounded in the exported file.

What is learned stays precise, and gradients pass the rounding as if it weren't there (the straight-through estimator of
Bengio et al. 2013; for whole networks Jacob et al. 2018). Rounding is done where the weights are for the formats that
are mostly asked for, else by the package that writes the file; a test holds both to the same weights, bit for bit.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from agentkit.compress.network import library
from agentkit.models.gguf_files import gguf_package
from agentkit.models.requantize import Format


class Rounding:
    """The linear layers of a model that compute with rounded weights."""

    def __init__(self, model: Any, to: Format) -> None:
        """Have them do so, from the next `refresh` on.

        Raises:
            MissingExtra: gguf or numpy isn't installed.
        """
        gguf: Any = gguf_package()
        self.torch = library("torch")
        self.to = gguf.GGMLQuantizationType[to]
        self.rounded = {"Q4_0": q4_0, "Q8_0": q8_0}.get(to, self.by_package)
        self.quants = gguf.quants
        self.layers = list(layers(model, block=gguf.GGML_QUANT_SIZES[self.to][0]))
        for layer in self.layers:
            layer.rounded = None
            layer.forward = partial(changed if hasattr(layer, "base_layer") else whole, self.torch, layer)

    def refresh(self) -> None:
        """Round anew: what is learned has changed."""
        with self.torch.no_grad():
            for layer in self.layers:
                layer.rounded = self.rounded(merged(layer).float()).to(weight(layer).dtype)

    def by_package(self, matrix: Any) -> Any:
        """A matrix in single precision as the format keeps it."""
        array = self.quants.dequantize(self.quants.quantize(matrix.cpu().numpy(), self.to), self.to)
        return self.torch.from_numpy(array).to(matrix.device)


def q4_0(matrix: Any) -> Any:
    """A matrix as Q4_0 keeps it: in blocks of 32 whose widest number is −8 times the scale, from −8 to 7."""
    blocks = matrix.reshape(-1, 32)
    widest = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
    scale = widest / -8
    steps = (blocks * inverse(scale) + 8.5).trunc().clamp(0, 15) - 8
    return (steps * scale.half().float()).reshape(matrix.shape)


def q8_0(matrix: Any) -> Any:
    """A matrix as Q8_0 keeps it: in blocks of 32 whose widest number is 127 times the scale."""
    blocks = matrix.reshape(-1, 32)
    # A tensor: instead of dividing by a number, a GPU multiplies by its reciprocal, a bit off.
    scale = blocks.abs().amax(1, keepdim=True) / blocks.new_full((1, 1), 127)
    steps = blocks * inverse(scale)
    steps = steps.trunc() + (2 * steps.frac()).trunc()  # half away from 0
    return (steps * scale.half().float()).reshape(matrix.shape)


def inverse(scale: Any) -> Any:
    """Of blocks' scales; a block of zeros stays one."""
    return (1 / scale).where(scale != 0, 0)


def layers(model: Any, *, block: int) -> Iterator[Any]:
    """The linear layers that the format rounds: not the output, and none whose rows its blocks don't fill."""
    linear, output = library("torch").nn.Linear, model.get_output_embeddings()
    inner: set[Any] = set()
    for module in model.modules():
        low_rank = hasattr(module, "base_layer")
        if low_rank:
            inner.update(module.modules())  # a layer with its changes is rounded as one
        elif not isinstance(module, linear) or module in inner or module is output:
            continue
        if weight(module).shape[-1] % block == 0:
            yield module


def weight(layer: Any) -> Any:
    """A layer's matrix, without changes."""
    return getattr(layer, "base_layer", layer).weight


def merged(layer: Any) -> Any:
    """A layer's matrix with its low-rank changes, in single precision."""
    if not hasattr(layer, "base_layer"):
        return layer.weight
    [name] = layer.lora_A
    return weight(layer).float() + layer.scaling[name] * layer.lora_B[name].weight @ layer.lora_A[name].weight


def changed(torch: Any, layer: Any, states: Any) -> Any:
    """What a layer with low-rank changes computes: the rounded matrix alone, and nothing more from the changes.

    These add exactly 0, so that the gradient finds its way to them, but not to the states a second time.
    """
    [name] = layer.lora_A
    change = layer.scaling[name] * layer.lora_B[name](layer.lora_A[name](states.detach()))
    return torch.nn.functional.linear(states, layer.rounded, layer.base_layer.bias) + (change - change.detach())


def whole(torch: Any, layer: Any, states: Any) -> Any:
    """What a layer all of whose weights are learned computes."""
    passed = layer.weight + (layer.rounded - layer.weight).detach()
    return torch.nn.functional.linear(states, passed, layer.bias)
