"""The few words of a sentence that answer a question, where the words of the question leave but one choice.

An answer is made of words that the question hasn't. Where the sentence, without what it shares with the question, has
just one run of words of the kind that is asked for, that run holds the answer; elsewhere none is given.
"""

import re

from agentkit.checks.words import STOPWORDS, stem

LONGEST = 6
"""Words of a short answer."""
MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
DATE = re.compile(
    rf"\b(?:(?:{MONTH})(?: \d{{1,2}})?(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}(?:st|nd|rd|th)? (?:{MONTH}) \d{{4}}"
    rf"|(?:{MONTH}) \d{{1,2}}|1\d{{3}}s?|20\d\ds?)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"(?<![\w.,–-])\$?\d+(?:,\d{3})*(?:\.\d+)?(?: (?:million|billion|thousand|percent))?%?(?![\w–]|[.,]\d)"
)
WHEN = re.compile(r"\b(?:when|(?:what|which) (?:year|date|day|month))\b")
COUNT = re.compile(r"\b(?:how (?:many|much|old|tall|long|large|big|far|high)|what percent\w*)\b")
UNIT = re.compile(r"\bhow (?:old|tall|long|large|big|far|high)\b")
SPELLED = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|twice)\b", re.IGNORECASE
)
WHO = re.compile(r"\b(?:who|whom|whose)\b")
TOKEN = re.compile(r"[^\s,;:()\[\]\"–]+|[,;:()\[\]\"–]")
BRIDGES = frozenset("of the and de la 's & in for".split())
WEAK = frozenset(
    "also first one two many most such other however although while during later often well both several "
    "known called made used became including between among through since until around within without there "
    "located considered".split()
)


def short_answer(question: str, sentence: str) -> str:
    """The words of the sentence that answer the question; empty where it isn't clear which do."""
    asked = question.lower()
    if asked.startswith(("why", "how do", "how did", "how does", "is ", "was ", "did ", "does ", "are ", "were ")):
        return ""
    if WHEN.search(asked):
        return _only([d for d in _found(DATE, sentence) if d.lower() not in asked])
    if COUNT.search(asked):
        dated = DATE.sub("", sentence)
        numbers = [n for n in _found(NUMBER, dated) if n not in question and not re.fullmatch(r"1\d{3}|20\d\d", n)]
        number = "" if SPELLED.search(sentence) else _only(numbers)
        unit = re.search(rf"{re.escape(number)} (\w+)", sentence) if number and UNIT.search(asked) else None
        return f"{number} {unit[1]}" if unit and unit[1] not in STOPWORDS else number
    found = [run for run in runs(question, sentence) if not (WHO.search(asked) and re.search(r"\d", run))]
    found = [run for run in found if not DATE.fullmatch(re.sub(r"^(?:in|on|by) ", "", run))]
    best = _only(found)
    return best if 0 < len(best.split()) <= LONGEST else ""


def runs(question: str, sentence: str) -> list[str]:
    """The runs of words that the question hasn't, without function words at their ends."""
    known = {stem(word.strip(".?!'")) for word in question.split()}
    found: list[list[str]] = [[]]
    tokens = TOKEN.findall(sentence.rstrip(".!? "))
    for token in tokens:
        word = token.lower().strip(".?!'")
        if not re.search(r"\w", token) or stem(word) in known:
            found.append([])
        elif word in STOPWORDS or word in WEAK:
            if word in BRIDGES and found[-1]:
                found[-1].append(token)
            else:
                found.append([])
        else:
            found[-1].append(token)
    trimmed = [_trimmed(run) for run in found]
    return [" ".join(run) for run in trimmed if run and not _weak(run)]


def _trimmed(run: list[str]) -> list[str]:
    while run and run[-1].lower() in BRIDGES:
        run = run[:-1]
    return run


def _weak(run: list[str]) -> bool:
    """An adverb or a verb alone is hardly what is asked for."""
    return len(run) == 1 and run[0].lower().endswith(("ly", "ed", "ing"))


def _found(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match[0] for match in pattern.finditer(text)]


def _only(found: list[str]) -> str:
    distinct = list(dict.fromkeys(found))
    return distinct[0] if len(distinct) == 1 else ""
