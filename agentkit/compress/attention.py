"""Attention over packed rows, in transformers' form.

Each example's own tokens attend to what the example goes on from and to one another. On a CPU this is computed branch
by branch: over a row of 2,048 tokens a mask of the whole would have four times the scores. The 135M so learns 187
instead of 107 tokens a second of two threads (`python tests/benchmarks/bench_training.py` compares both on your
machine). A GPU has scores to spare and waits for each small product to be asked for, so there a row is one stretch.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from agentkit.compress.packing import Branch

NAME = "agentkit_packed"
"""As `attn_implementation`."""
FEW = 2**19
"""Scores of a head that are kept for the gradient; more of them would take gigabytes."""
ALIGNED = 16
"""Numbers between the rows of a mask that GPU kernels take as it is."""


class Stretch(NamedTuple):
    """Tokens that are attended from at once."""

    start: int
    end: int
    before: Any
    """Places of the tokens that they go on from, int64 [n]; None where there are none."""
    mask: Any
    """What attends to what, [end - start, n + end - start]: whether, as bool, or what is added to the scores."""


def branched(torch: Any, row: Sequence[Branch]) -> list[Stretch]:
    """A stretch for each branch of a row, on the CPU."""
    found: list[Stretch] = []
    for start, end, before in row:
        own = end - start
        mask = torch.ones(own, len(before) + own, dtype=torch.bool).tril(len(before))
        found.append(Stretch(start, end, torch.tensor(before) if before else None, mask))
    return found


def whole(torch: Any, row: Sequence[Branch], *, device: str, dtype: Any) -> Stretch:
    """All of a row as one stretch; what is added to its scores has the type that is multiplied in."""
    first, last = row[0].start, row[-1].end
    size = last - first
    lengths = torch.tensor([end - start for start, end, _ in row], device=device)
    of = torch.arange(len(row), device=device).repeat_interleave(lengths, output_size=size)
    pairs = [(n, place - first) for n, branch in enumerate(row) for place in branch.before]
    seen = torch.arange(len(row), device=device)[:, None] == of  # by each branch: its own tokens
    if pairs:
        seen[tuple(torch.tensor(pairs, device=device).T)] = True  # and those that it goes on from
    added = torch.zeros(size, -(-size // ALIGNED) * ALIGNED, dtype=dtype, device=device)[:, :size]
    return Stretch(first, last, None, added.masked_fill_(~seen[of].tril(), -torch.inf))


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
        stretches: Of all rows, in order and without gaps.
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
    if mask.is_floating_point() or mask.numel() > FEW:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)
    scores = query @ key.transpose(-1, -2) * (scaling or query.shape[-1] ** -0.5)
    return scores.masked_fill(~mask, -torch.inf).softmax(-1) @ value


def register(transformers: Any) -> str:
    """Make it known to transformers; returns its name there."""
    transformers.AttentionInterface.register(NAME, attend)
    # So that whoever gives no stretches gets the usual mask.
    transformers.AttentionMaskInterface.register(NAME, transformers.masking_utils.sdpa_mask)
    return NAME
