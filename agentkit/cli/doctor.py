"""`agentkit doctor`: what is here, what is missing, and how to get it."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from agentkit.cli.health import Report


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Say what is installed, what is missing, how to get it. Exit code 1 if `ask` can't run."""
    from rich.console import Console

    from agentkit.cli.health import examined, loaded_settings
    from agentkit.cli.text import as_json as dumped

    report = examined(*loaded_settings())
    if as_json:
        print(dumped(report.model_dump(mode="json")))
    else:
        show(Console(highlight=False), report)
    return 1 if report.problems else 0


def show(console: "Console", report: "Report") -> None:
    """Print it, section by section: what is fine in a word, what isn't with the way out."""
    from rich.text import Text

    from agentkit.cli.text import one_line, size

    def line(label: str, text: str, *, good: bool | None = None, note: str = "") -> None:
        sign = {True: ("✓ ", "green"), False: ("✗ ", "yellow"), None: ("", "")}[good]
        told = Text(f"{label:>9} ", style="dim").append(*sign).append(one_line(text))
        console.print(told.append(f"  {one_line(note)}" if note else "", style="dim"), soft_wrap=True)

    def memory(number: int | None) -> str:
        return size(number) if number is not None else "unknown"

    line("agentkit", f"{report.agentkit}, Python {report.python}, {report.system}", note=report.executable)
    line("packages", ", ".join(f"{name} {version or 'missing'}" for name, version in report.packages.items()))
    for number, (name, extra) in enumerate(report.extras.items()):
        missing: list[str] = extra["missing"]
        there = ", ".join(f"{package} {version}" for package, version in extra["packages"].items() if version)
        note = f"lacks {', '.join(missing)}: {extra['install']}" if missing else there
        line("extras" if number == 0 else "", name, good=not missing, note=note)
    line("machine", f"{report.cores} cores, {report.threads} threads used")
    line("", f"{memory(report.memory_total)} memory, {memory(report.memory_available)} available")
    line("", f"{memory(report.cache_free)} free in the cache", note=report.cache)
    for number, model in enumerate(report.models):
        here = model["path"] is not None
        note = size(model["bytes"]) + ("" if here else f" to fetch: agentkit models pull {model['name']}")
        line("models" if number == 0 else "", model["name"], good=here, note=note)
    line("", f"ask takes {report.model}")
    for number, tier in enumerate(report.sandbox):
        reason = tier["unavailable"]
        note = f"{reason}; to get it: {tier['install']}" if reason else tier["description"]
        line("sandbox" if number == 0 else "", tier["tier"], good=not reason, note=note)
    set_by_user = [s for s in report.settings if s["from"] != "default"]
    for number, setting in enumerate(set_by_user):
        line("settings" if number == 0 else "", f"{setting['key']} = {setting['value']!r}", note=setting["from"])
    if not set_by_user:
        line("settings", "all defaults")
    for name in report.ignored:
        line("", f"{name} is no setting and is ignored", good=False)
    for number, problem in enumerate(report.problems):
        line("problems" if number == 0 else "", problem, good=False)
    if not report.problems:
        line("", "ready: agentkit ask TASK", good=True)
