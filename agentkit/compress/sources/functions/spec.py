"""The hand-written functions, read from `catalogue/*.txt`.

A file is a domain; its first line names modules that its functions could be in. A blank line ends a function:

    calculate_triangle_area / triangle_area ~ triangle     names, and what it is kin to: never shown beside its kin
    Calculate the area of a triangle from base and height.
    > area of the triangle                                 what a plan says the call is for
    base/base_length: integer 2..80 | Length of the base.  names: kind | description
    unit?: one of cm|m = cm | Unit of both lengths.        may be left out; then it is cm
    - How large is a triangle with base {base}[ {unit}]?   a request; in brackets, what goes with an optional parameter
    => {area: integer 1..99} cm² => It has {area} cm².     a report and the answer that follows from it

A flag is asked for by words: `[vegan: , vegan please]` makes it true, `[!vegan: , meat is fine]` false.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SEGMENT = re.compile(r"\[(?:(!?)(\w+): )?([^\]]*)\]")
SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function."""

    names: tuple[str, ...]
    """The first is what templates call it; any may be what the schema calls it."""
    kind: str
    description: str
    optional: bool = False
    default: str = ""

    @property
    def name(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Spec:
    """A function with ways to ask for it."""

    names: tuple[str, ...]
    domain: str
    modules: tuple[str, ...]
    kin: frozenset[str]
    description: str
    purpose: str
    parameters: tuple[Parameter, ...]
    templates: tuple[str, ...]
    reports: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return self.names[0]

    def near(self, other: "Spec") -> bool:
        """Whether a request for one could be meant for the other."""
        return self.name == other.name or bool(self.kin & other.kin)


@cache
def catalogue() -> tuple[Spec, ...]:
    """All functions, in the order of their files."""
    folder = files("agentkit.compress.sources.functions").joinpath("catalogue")
    texts = {entry.name.removesuffix(".txt"): entry.read_text(encoding="utf-8") for entry in folder.iterdir()}
    return tuple(spec for domain in sorted(texts) for spec in parsed(domain, texts[domain]))


def parsed(domain: str, text: str) -> Iterator[Spec]:
    """The functions of one file.

    Raises:
        ValueError: A block isn't one; the message has its first line.
    """
    head, *blocks = re.split(r"\n\s*\n", text.strip())
    modules = tuple(name.strip() for name in head.split(","))
    for block in blocks:
        lines = [line.strip() for line in block.splitlines()]
        try:
            yield _function(domain, modules, lines)
        except ValueError as error:
            raise ValueError(f"{domain}: {lines[0]!r}: {error}") from None


def _function(domain: str, modules: tuple[str, ...], lines: list[str]) -> Spec:
    title, description, purpose, *rest = lines
    names, _, kin = title.partition("~")
    if not purpose.startswith("> "):
        raise ValueError("the third line should say what it is for, after >")
    parameters: list[Parameter] = []
    templates: list[str] = []
    reports: list[tuple[str, str]] = []
    for line in rest:
        if line.startswith("- "):
            templates.append(line[2:])
        elif line.startswith("=> "):
            report, _, answer = line[3:].partition(" => ")
            reports.append((report, answer))
        else:
            parameters.append(_parameter(line))
    known = {p.name for p in parameters}
    for template in templates:
        asked = {*SLOT.findall(template), *(m[2] for m in SEGMENT.finditer(template) if m[2])}
        if strangers := asked - known:
            raise ValueError(f"{template!r} has {', '.join(sorted(strangers))}, which is no parameter")
        bare = set(SLOT.findall(SEGMENT.sub("", template)))
        if missing := {p.name for p in parameters if not p.optional} - bare:
            raise ValueError(f"{template!r} lacks {', '.join(sorted(missing))}")
    if not templates:
        raise ValueError("no request")
    return Spec(
        names=tuple(name.strip() for name in names.split("/")),
        domain=domain,
        modules=modules,
        kin=frozenset(kin.split()),
        description=description,
        purpose=purpose[2:],
        parameters=tuple(parameters),
        templates=tuple(templates),
        reports=tuple(reports),
    )


def _parameter(line: str) -> Parameter:
    told, _, description = line.partition(" | ")
    names, colon, kind = told.partition(": ")
    if not colon or not description:
        raise ValueError(f"{line!r} is no parameter")
    kind, _, default = kind.partition(" = ")
    optional = "?" in names
    return Parameter(
        names=tuple(names.replace("?", "").split("/")),
        kind=kind.strip(),
        description=description,
        optional=optional,
        default=default.strip(),
    )
