"""Texts that can be stored, embedded and compared."""


def encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate, which has no encoding.

    Half an emoji that an exporter cut in two is one, and a byte of a command line that is no UTF-8.
    """
    return text.encode("utf-8", "replace").decode("utf-8")
