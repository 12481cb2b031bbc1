"""Which documents aren't English: the embedder, and the words that checks know, are.

py3langid (a model of 4 MB, loaded in half a second) judges up to 3,000 characters of a document. Of 1,100 English texts
(Wikipedia, medicine, privacy policies, Python programs, package descriptions) it took none for another language; of
1,400 manual pages in twelve languages it named 93 %, most of the others being pages that are still half English
(tests/knowledge/test_language.py has a few of each). What it can't tell: texts of less than a hundred letters, and
what else is in a document that is part English.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

SAMPLE = 3000
"""Characters of a document that are looked at."""
PIECES = 10
"""Passages that these are taken from, spread over the document."""
LETTERS = 100
"""Below this nothing is said."""
SURE = 0.9
"""Least probability of a language."""
NO_LANGUAGE = "zxx"
"""What numbers and the like are taken for."""
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "nb": "Norwegian", "nn": "Norwegian", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""Names of common languages by code; another is shown by its code."""


def foreign(texts: Sequence[str]) -> str:
    """The language of a document given by its passages, if it isn't English and that is clear; else nothing.

    Without py3langid, nothing as well.
    """
    step = max(1, -(-len(texts) // PIECES))
    sample = " ".join(text[: SAMPLE // PIECES if len(texts) > 1 else SAMPLE] for text in texts[::step])[:SAMPLE]
    if sum(map(str.isalpha, sample)) < LETTERS or (identifier := _identifier()) is None:
        return ""
    code, probability = identifier.classify(sample)
    if code in ("en", NO_LANGUAGE) or probability < SURE:
        return ""
    return NAMES.get(code, f"language {code!r}")


@lru_cache(maxsize=1)
def _identifier() -> Any:
    try:
        langid: Any = import_module("py3langid.langid")
    except ImportError:
        return None
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
