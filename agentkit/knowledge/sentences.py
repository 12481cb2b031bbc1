"""Where one sentence ends and the next begins. Pure Python: the checks use it too.

Rules rather than a model: pysbd (last released in 2021) is slow on long text and drops white space, and
trained splitters bring a runtime each. A missed boundary costs little here (two sentences are judged as
one), a false one costs a claim its subject, so doubtful cases stay together.
"""

import re
from textwrap import wrap


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\S+", text))


TITLES = _words("mr mrs ms dr prof rev hon gen col capt lt sgt st mt messrs e.g i.e eg ie cf vs viz")
"""Never the end of a sentence."""
BEFORE_NUMBER = _words(
    "no nos nr p pp vol ch fig figs eq eqs sec art para tab ca c approx max min tel ext v ver "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
"""Not the end of a sentence when a number follows: `No. 5`, but `He said no.`"""
DOUBTFUL = _words("etc al inc ltd co corp jr sr dept est incl excl resp ph.d b.sc m.sc a.m p.m am pm u.s u.k")
"""The end of a sentence only when a word follows that commonly starts one."""
STARTERS = _words(
    "a after all also an and as at because before both but by each every for from he her his how however if in it its "
    "most my no not of on once one our she since so some that the their then there these they this those to under "
    "until we what when where which while who why with you your"
)
LOOK_BACK = 40
"""Characters before a full stop in which the word it may abbreviate is sought."""

_OPENING = r"\"'\u2018\u201c\u00ab(\[*_"
_CLOSING = r"\"'\u2019\u201d\u00bb)\]*_"
_END = re.compile(
    rf"(?<![.!?\u2026])[.!?\u2026]++(?P<close>[{_CLOSING}]*+)(?=\s)"  # so written, it never backtracks
    '|[\u3002\uff01\uff1f]+["\u201d\u300d\u300f]*'  # East Asian full stops need no space after them
)
_BREAK = re.compile(r"\n[ \t]*(?:\n\s*|(?=(?:[-*+\u2022|#>]|\d{1,3}[.)])[ \t|]))")
"""A blank line, or a new line that starts a list item, a table row, a heading or a quotation."""
_LAST_WORD = re.compile(rf"[^\s{_OPENING}/\u2013\u2014-]+$")
_NEXT_WORD = re.compile(rf"[\s{_OPENING}]*(\w+)")
_WORD_BEFORE = re.compile(r"(\w+)\W*$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order; each is a slice of it without the white space around it.

    List items, table rows and paragraphs end a sentence whether or not they end in a full stop.
    """
    found: list[str] = []
    for block in _BREAK.split(text):
        start = 0
        for match in _END.finditer(block):
            if _ends(block, start, match):
                found.append(block[start : match.end()])
                start = match.end()
        found.append(block[start:])
    return [stripped for sentence in found if (stripped := sentence.strip())]


def sentences_within(text: str, longest: int) -> list[str]:
    """The sentences of a text, those with more characters in parts: rows of figures or letters without end."""
    found = sentences(text)
    if all(len(sentence) <= longest for sentence in found):
        return found
    return [part for sentence in found for part in wrap(sentence, longest, break_on_hyphens=False)]


def _ends(block: str, start: int, match: re.Match[str]) -> bool:
    """Whether the punctuation that `match` found ends the sentence that began at `start`."""
    following = _NEXT_WORD.match(block, match.end())
    if following is None or match["close"] is None:  # the block's last sentence, or East Asian punctuation
        return True
    after = following[1]
    if after[0].islower():
        return False
    if block[match.start()] != "." or match.group().startswith(".."):
        return True
    back = max(start, match.start() - LOOK_BACK)
    word = _LAST_WORD.search(block, back, match.start())
    if word is None:
        return True
    before = word[0].lower()
    if before.isdigit() and not block[start : word.start()].strip():
        return False  # `1. Mix the flour`
    if before in TITLES or (before in BEFORE_NUMBER and after[0].isdigit()):
        return False
    if before in DOUBTFUL:
        return after.lower() in STARTERS
    if len(before) == 1 and word[0].isupper():  # an initial (`J. K. Rowling`) or a label (`tank B. It holds …`)
        name = _WORD_BEFORE.search(block, back, word.start())
        in_name = name is None or name[1][0].isupper()
        return not in_name or after.lower() in STARTERS
    return True
