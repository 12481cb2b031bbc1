"""Which texts are said not to be English."""

import sys
from pathlib import Path

import pytest

from agentkit.knowledge.language import foreign

ROOT = Path(__file__).parents[2]

FOREIGN = {
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen "
    "begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
    "conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "Spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y "
    "conciencia, deben comportarse fraternalmente los unos con los otros.",
    "Italian": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di "
    "coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
    "Portuguese": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de "
    "consciência, devem agir uns para com os outros em espírito de fraternidade.",
    "Dutch": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand en "
    "geweten, en behoren zich jegens elkander in een geest van broederschap te gedragen.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni "
    "rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью "
    "и должны поступать в отношении друг друга в духе братства.",
}
"""The first article of the Universal Declaration of Human Rights."""
ENGLISH = (
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and "
    "should act towards one another in a spirit of brotherhood.",
    "def area(width: float, height: float) -> float:\n    return width * height\n\nclass Shape:\n    pass\n" * 3,
    "| Tank | Volume (litres) | Built |\n|---|---|---|\n" + "| Tank A | 12,000 | 1987 |\n" * 10,
    "name: Joe Miller\ncity: Boston\nprice: 12 dollars\nstatus: delivered\n" * 5,
)


@pytest.mark.parametrize("language", FOREIGN)
def test_other_languages_are_named(language: str) -> None:
    assert foreign([FOREIGN[language]]) == language
    assert foreign([FOREIGN[language]] * 40) == language


@pytest.mark.parametrize("text", ENGLISH)
def test_english_prose_code_and_tables_are_let_be(text: str) -> None:
    assert foreign([text]) == ""


def test_the_documents_of_the_project_are_english() -> None:
    texts = [*ROOT.glob("*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("examples/**/*.txt")]
    assert [path for path in texts if foreign([path.read_text(encoding="utf-8")])] == []


@pytest.mark.parametrize("texts", [[], ["Guten Tag"], ["12,000 8,500 " * 50]])
def test_of_little_text_nothing_is_said(texts: list[str]) -> None:
    assert foreign(texts) == ""


def test_without_the_library_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from agentkit.knowledge import language

    monkeypatch.setitem(sys.modules, "py3langid", None)
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    language._identifier.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert foreign([FOREIGN["German"]]) == ""
    language._identifier.cache_clear()  # pyright: ignore[reportPrivateUsage]
