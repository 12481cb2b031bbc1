"""Dates in prose, however they are written."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MONTHS = "january february march april may june july august september october november december".split()
_MONTH = rf"(?P<month{{0}}>{'|'.join(f'{m[:3]}(?:{m[3:]})?' if len(m) > 3 else m for m in MONTHS)}|sept)\.?"
_DAY = r"(?P<day{0}>[12]?\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year{0}>[12]\d{{3}})"
_FORMS = (
    rf"{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?",
    rf"{_MONTH} {_DAY}(?!\d|[:.]\d)(?:,? {_YEAR})?",
    rf"{_MONTH},? (?:of )?{_YEAR}",
    r"(?P<year{0}>[12]\d{{3}})-(?P<month{0}>\d\d)-(?P<day{0}>\d\d)",
    r"(?P<day{0}>\d{{1,2}})(?P<mark{0}>[./])(?P<month{0}>\d{{1,2}})(?P=mark{0})(?P<year{0}>[12]\d{{3}})",
)
DATE = re.compile(
    rf"(?<![\w.,-])(?:{'|'.join(form.format(i) for i, form in enumerate(_FORMS))})(?![\w-])".replace(" ", r"\s+"),
    re.IGNORECASE,
)


class Date(NamedTuple):
    """A day, or a month or a day of any year where less is said."""

    year: int | None
    month: int
    day: int | None

    def covers(self, other: "Date") -> bool:
        """Whether what this one says is part of what the other one says: `June 2007` of `29 June 2007`."""
        return all(mine in (None, theirs) for mine, theirs in zip(self, other, strict=True))


def dates_in(text: str) -> Iterator[tuple[re.Match[str], Date]]:
    """The dates of a text, each with where and how it is written; of `3/4/2007` both that it may be."""
    for match in DATE.finditer(text):
        form = next(i for i in range(len(_FORMS)) if match[f"month{i}"])
        said = {key: match.groupdict().get(f"{key}{form}") for key in ("year", "month", "day")}
        if said["month"] in ("may", "march") and not (said["year"] and said["day"]):
            continue  # a verb
        year, day = (int(value) if value else None for value in (said["year"], said["day"]))
        named = next((n for n, m in enumerate(MONTHS, 1) if m.startswith(str(said["month"])[:3].lower())), None)
        month = named or int(str(said["month"]))
        orders = {(month, day)} if named or form == 3 else {(month, day), (day, month)}
        for month_, day_ in sorted(orders, key=str):
            if month_ is not None and 1 <= month_ <= 12 and (day_ is None or 1 <= day_ <= 31):
                yield match, Date(year, month_, day_)


def without_dates(text: str) -> str:
    """A text with white space in the place of its dates: `18 may` of `nobody under 18 may enter` is none."""
    for match, _ in dates_in(text):
        end = match.end() + text.startswith("–", match.end())  # of 1 May–2 June, which would be taken for a minus
        text = text[: match.start()] + " " * (end - match.start()) + text[end:]
    return text
