"""Times of day in prose: 17:00, 5 pm, 5 p.m., 5:30 pm."""

import re
from collections.abc import Iterator

TIME = re.compile(
    r"(?<![\w:.,])(?:(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s?(?P<half>[ap])(?:m\b|\.\s?m\b\.?)"
    r"|(?P<hour24>\d{1,2}):(?P<minute24>\d\d)(?![\w:]|\.\d))",
    re.IGNORECASE,
)


def times_in(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """The times of day of a text, each with where and how it is written, in minutes since midnight."""
    for match in TIME.finditer(text):
        hour, minute = int(match["hour"] or match["hour24"]), int(match["minute"] or match["minute24"] or 0)
        if match["half"] and hour <= 12:
            hour = hour % 12 + (12 if match["half"] in "pP" else 0)
        if hour < 24 and minute < 60:
            yield match, 60 * hour + minute
