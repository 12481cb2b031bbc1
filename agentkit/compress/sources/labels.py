"""What a step of a worked solution is for, in the words that stand around its equation.

A plan of such labels says what is to be worked out before any number is: what a program's variables say by their names.
"""

import re

from agentkit.grammars import PURPOSE_CHARS

NUMBER = re.compile(r"(?<![A-Za-z])[$€£]?\d[\d.,:/]*(?<![.,:/])(?:%|(?:st|nd|rd|th)\b)?")
TERM = r"[$€£(\s]*\d[\d.,/]*%?\)?(?:\s?[A-Za-z][A-Za-z/-]*){0,2}\)?"
SUM = re.compile(rf"(?:{TERM}\s*(?:[-+*/x×÷^]|\btimes\b)\s*)*(?:{TERM})?\s*=[\s$€£]*$")
"""What is worked out, at the end of what stands before the mark."""
SAID = re.compile(r"^[$€£\s]*[\d.,]*\d(?:%)?(?:st|nd|rd|th)?")
"""What it comes to, at the beginning of what stands behind it."""
OPENERS = re.compile(
    r"^(?:and|so|first find|find|thus|therefore|then|hence|this means|that means|which means|finally|this is|that is|"
    r"that|next|now|since|because|if|but|also|altogether|in total|if so|meanwhile|similarly|to find|we know|step)\b"
    r"[,:]?\s+",
    re.IGNORECASE,
)
DANGLING = re.compile(
    r"[\s,;:.'-]+(?:(?:of|the|is|a|an|and|was|were|are|for|to|in|at|by|with|that|equals?|there|be|has|have|per|from|on|"
    r"or|plus|minus|times|because|so|since|will|would|as|x)\b)?$",
    re.IGNORECASE,
)
"""What no label ends with: it led to the equation."""
END = re.compile(r"[.;?!](?:\s|$)|,\s")
CLAUSE = re.compile(r",\s+|\s(?:so|because|since|which means|by|:)\s(?=.*[a-z]{3} )")
TWICE = re.compile(r"\b(\w+) \1\b")
WORD = re.compile(r"[A-Za-z]{3,}")


def label(before: str, after: str) -> str:
    """What stands in a sentence around an equation, without numbers and in as many characters as a plan takes.

    Args:
        before: From the sentence's begin, or from the equation before, up to the mark.
        after: From behind the mark.

    Returns:
        The label; empty if too little is said.
    """
    said = SUM.sub("", before.rstrip())
    behind = SAID.sub("", after)
    behind = behind[: end.start()] if (end := END.search(behind)) else behind
    *_, clause = CLAUSE.split(said)
    return _cleaned(f"{clause} {behind}") or _cleaned(f"{said} {behind}")


def _cleaned(text: str) -> str:
    text = NUMBER.sub("", re.sub(r"\([^()]*\)", "", text.replace("’", "'")))
    text = TWICE.sub(r"\1", " ".join(re.sub(r"[^A-Za-z'\- ,]", " ", text).split())).replace(" ,", ",").strip(" ,-'")
    while (shorter := OPENERS.sub("", text)) != text:
        text = shorter
    if len(text) > PURPOSE_CHARS:
        text = text[: PURPOSE_CHARS + 1].rpartition(" ")[0]
    while (shorter := DANGLING.sub("", text)) != text:
        text = shorter
    return text if len(WORD.findall(text)) >= 2 else ""
