"""Attention over packed rows, in transformers' form.

Each example's own tokens attend to what the example goes on from and to one another, which is computed stretch by
stretch: over a row of 2,048 tokens a mask of the whole would have four times the scores. The 135M so learns 187 instead
of 107 tokens a second of two threads (`python tests/benchmarks/bench_training.py` compares both on your machine).
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

NAME = "agentkit_packed"
"""As `attn_implementation`."""
FEW = 2**19
"""Scores of a head that are kept for the gradient; more of them would take gigabytes."""


class Stretch(NamedTuple):
    """Tokens of one example that no other shares."""

    start: int
    end: int
    before: Any
    """Places of the tokens that they go on from, int64 [n]; None where there are none."""
    mask: Any
    """What attends to what, bool [end - start, n + end - start]."""


def stretch(torch: Any, start: int, end: int, before: Sequence[int], device: str) -> Stretch:
    """The tokens from `start` to `end`, which go on from those in the places `before`."""
    own = end - start
    mask = torch.ones(own, len(before) + own, dtype=torch.bool, device=device).tril(len(before))
    return Stretch(start, end, torch.tensor(before, device=device) if before else None, mask)


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    *,
    scaling: float | None = None,
    stretches: Sequence[Stretch] | None = None,
    **others: Any,
) -> tuple[Any, None]:
    """Attention stretch by stretch; without any, transformers' own.

    Args:
        query: [1, heads, tokens, width of a head].
        key: As many or fewer heads, each for several of the query's.
        stretches: Of the row, in order and without gaps.
    """
    torch: Any = import_module("torch")
    own_way: Any = import_module("transformers.integrations.sdpa_attention")
    if stretches is None:
        return own_way.sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    shared = query.shape[1] // key.shape[1]
    everything = key, value = own_way.repeat_kv(key, shared), own_way.repeat_kv(value, shared)
    lengths = [end - start for start, end, _, _ in stretches]
    parts: list[Any] = []
    for each, own, *later in zip(stretches, *(x.split(lengths, dim=2) for x in (query, key, value)), strict=True):
        if each.before is None:
            known = later
        else:
            earlier = (x.index_select(2, each.before) for x in everything)
            known = [torch.cat(pair, dim=2) for pair in zip(earlier, later, strict=True)]
        parts.append(weighed(own, known[0], known[1], each.mask, scaling))
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def weighed(query: Any, key: Any, value: Any, mask: Any, scaling: float | None) -> Any:
    """Attention of one stretch. The CPU's fused kernel takes longer than its parts, while their scores are few."""
    torch: Any = import_module("torch")
    if query.device.type != "cpu" or mask.numel() > FEW:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)
    scores = query @ key.transpose(-1, -2) * (scaling or query.shape[-1] ** -0.5)
    return scores.masked_fill(~mask, -torch.inf).softmax(-1) @ value


def register(transformers: Any) -> str:
    """Make it known to transformers; returns its name there."""
    transformers.AttentionInterface.register(NAME, attend)
    # So that whoever gives no stretches gets the usual mask.
    transformers.AttentionMaskInterface.register(NAME, transformers.masking_utils.sdpa_mask)
    return NAME
