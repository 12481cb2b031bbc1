"""The figures of agentkit's and the peers' runs side by side, as Markdown."""

from collections.abc import Mapping, Sequence

from peers.running import Counts

from agentkit.evaluate.comparison import compare
from agentkit.evaluate.figures import amount, change, interval, p_value
from agentkit.evaluate.item import Header, Record
from agentkit.evaluate.summary import Spread, Summary, summarize

Run = tuple[Header, Sequence[Record]]

COLUMNS = (
    "task, framework",
    "n",
    "right % [95 %]",
    "replies / item",
    "calls",
    "malformed",
    "of these",
    "raised / time / steps",
    "prompt",
    "cached",
    "generated",
    "s / item",
    "median",
)
LEGEND = """\
* right: a number equal to the gold one; on bfcl-simple the one right call, and no other, whatever was said after it.
* replies: completions of the model; calls: those that reached a tool, on svamp programs that a
  CodeAgent ran itself among them.
* malformed: what the framework could do nothing with (its own parsing error, an unknown tool, arguments that don't fit
  the schema) and, as `call as text`, a call that it took for the answer. agentkit's are completions cut off.
* raised / time / steps: items that ended with an exception of the framework, at the limit of time, out of steps (for
  agentkit: or of tokens).
* prompt, cached, generated: tokens an item, mean, as the endpoint reports them; cached ones are among the prompt's.
* s / item: from question to reply, mean and median, same machine, same threads, one item at a time.
"""


def rows(run: Run, counts: Counts | None) -> list[str]:
    """One row of the table."""
    summary = summarize(*run)
    errors, tokens = summary.tool_errors, summary.tokens
    exhausted = sum(r.reply is not None and r.reply.status == "exhausted" for r in run[1])
    ended = (counts.raised, counts.out_of_time, counts.out_of_steps) if counts else (summary.crashed, 0, exhausted)
    kinds = counts.kinds if counts else {"cut off": errors.malformed} if errors.malformed else {}
    return [
        f"{summary.task}, {framework(summary, run[0])}",
        str(summary.n) if summary.n == summary.asked else f"{summary.n}/{summary.asked}",
        interval(summary.score),
        mean(summary.completions),
        str(errors.calls),
        f"{errors.malformed} of {errors.completions}",
        ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "–",
        " / ".join(map(str, ended)),
        *(mean(spread) for spread in ((tokens.prompt, tokens.cached, tokens.generated) if tokens else (None,) * 3)),
        mean(summary.seconds),
        amount(summary.seconds.median if summary.seconds else None),
    ]


def framework(summary: Summary, header: Header) -> str:
    """The strategy with what ran it."""
    return f"{summary.strategy} ({header.settings.get('peer') or f'agentkit {header.agentkit}'})"


def mean(spread: Spread | None) -> str:
    return amount(spread.mean if spread else None)


def markdown(runs: Sequence[Run], counts: Mapping[tuple[str, str], Counts]) -> str:
    """The table, and each peer against agentkit on the same items.

    Args:
        counts: By task and strategy; agentkit's own have none.
    """
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" + "|---:" * (len(COLUMNS) - 1) + "|"]
    for run in runs:
        lines.append("| " + " | ".join(rows(run, counts.get((run[0].task, run[0].strategy)))) + " |")
    lines += ["", LEGEND]
    own = {header.task: (header, records) for header, records in runs if header.strategy == "agent"}
    for header, records in runs:
        if header.strategy != "agent" and header.task in own and records:
            lines.append(against(own[header.task], (header, records)))
    return "\n".join(lines) + "\n"


def against(own: Run, peer: Run) -> str:
    """A peer compared with agentkit, in a line."""
    compared = compare(own, peer)
    d, ratio = compared.difference, compared.seconds_ratio
    tokens = compared.tokens_ratio
    parts = [
        f"* {compared.task}, {compared.b.strategy} − agent: {change(d.value, d.low, d.high)} points, "
        f"McNemar p = {p_value(compared.p)}"
    ]
    parts += [f"tokens computed × {amount(tokens.value)}"] if tokens else []
    parts += [f"seconds × {amount(ratio.value)}"] if ratio else []
    return ", ".join(parts)
