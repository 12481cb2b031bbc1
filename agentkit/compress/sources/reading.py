"""Questions on passages that come with them: SQuAD's sentences, PubMedQA's abstracts; answered, or given up."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from random import Random

from agentkit.answer import Passage
from agentkit.checks.words import content_words, stem
from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.plain import detokenized, forms, truecased
from agentkit.compress.sources.rows import Problems, embedder, made, one_of, problems, shuffled
from agentkit.compress.sources.spans import short_answer
from agentkit.decision import GiveUp, Proposal, compact
from agentkit.evaluate.tasks.data import Row, read
from agentkit.evaluate.tasks.reading import SHORT
from agentkit.grammars import GIVE_UP

READING = "reading"
REFUSAL = "refusal"
IN_WORDS = f"{SHORT} Use words of the passage."
"""What an evaluation on given passages asks for."""
SENTENCE = "Answer with a sentence of the passage."
ABSTRACT = "Answer yes, no or maybe."
AROUND = 8
"""Rows before and after a question's whose sentences are of the same text."""
REFUSED = 0.1
"""Share of questions that are asked on passages without the answer; of what comes of them it is a third."""
SENTENCES = 0.2
"""Share of the questions without a short answer that are answered with the sentence."""
ALIKE = 0.5
"""Share of a question's words from which on a sentence might answer it too."""


def squad(folder: Path, chance: Random) -> Problems:
    """Questions with the sentence that answers them among others of its text, or with the others alone."""
    rows = read(folder / "squad_question_sentence.jsonl")
    written = forms(folder / "hotpotqa_passages.jsonl")
    places = {row.line: place for place, row in enumerate(rows.rows)}

    @cache  # a sentence is among the others of sixteen questions
    def plain(text: str) -> str:
        return truecased(detokenized(text), written)

    def make(row: Row) -> Iterator[Problem]:
        question, sentence = plain(row.text("question")), plain(row.text("sentence"))
        place = places[row.line]
        around = rows.rows[max(place - AROUND, 0) : place + AROUND]
        others = [
            plain(text)
            for text in dict.fromkeys(str(other.values.get("sentence", "")) for other in around)
            if text and text != row.values["sentence"]
        ]
        answer = short_answer(question, sentence)
        wanted = content_words(question)
        near = [text for text in others if not answers(wanted, answer, text)]
        title = topic([str(other.values.get("question", "")) for other in around])
        name = f"squad-{row.line}"
        if chance.random() < REFUSED:
            if near:
                shown = passages(chance.sample(near, min(len(near), chance.randint(1, 4))), title, chance)
                yield asked(name, f"{question}\n{IN_WORDS}", shown)
            return
        if not answer and (chance.random() > SENTENCES or len(sentence.split()) > 30):
            return
        shown = passages([sentence, *chance.sample(near, min(len(near), chance.randint(0, 3)))], title, chance)
        cited = tuple(n for n, passage in enumerate(shown, start=1) if sentence in passage.text)
        task = f"{question}\n{IN_WORDS if answer else SENTENCE}"
        yield asked(name, task, shown, answer=answer or sentence, cited=cited)

    yield from made(rows, shuffled(rows, chance), make)


def pubmedqa(folder: Path, chance: Random) -> Problems:
    """Questions on the abstract of a study: yes, no or maybe."""
    choices = ("yes", "no", "maybe")

    def make(row: Row) -> Iterator[Problem]:
        answer, parts = row.text("answer"), row.texts("contexts")
        shown = tuple(Passage(text=part, source=f"abstract, part {n}") for n, part in enumerate(parts, start=1))
        # `maybe` is a word that no passage has, so it can only be said without citing one; a study's results come last.
        cited = () if answer == "maybe" else (len(shown),)
        yield Problem(
            id=f"pubmedqa-{row.text('id')}",
            source="pubmedqa_train.jsonl",
            task=f"{row.text('question')}\n{ABSTRACT}",
            passages=shown,
            resources=(embedder(),),
            output=one_of(choices),
            unchecked=True,
            script=[Line(Proposal(text=compact(answer), cited=cited))],
            answer=answer,
            kind=READING,
        )

    yield from problems(folder / "pubmedqa_train.jsonl", chance, make)


def asked(name: str, task: str, shown: Sequence[Passage], *, answer: str = "", cited: tuple[int, ...] = ()) -> Problem:
    """A question on given passages; without an answer it is given up."""
    end = Proposal(text=answer, cited=cited) if answer else GiveUp(reason=GIVE_UP[0])
    return Problem(
        id=name,
        source="squad_question_sentence.jsonl",
        task=task,
        passages=tuple(shown),
        resources=(embedder(),),
        script=[Line(end)],
        answer=answer or None,
        kind=READING if answer else REFUSAL,
    )


def answers(wanted: frozenset[str], answer: str, text: str) -> bool:
    """Whether another sentence might answer the question with these words as well."""
    shared = len(content_words(text) & wanted) >= ALIKE * max(len(wanted), 1)
    return shared or (bool(answer) and answer.lower() in text.lower())


def passages(texts: Sequence[str], title: str, chance: Random) -> list[Passage]:
    """Sentences as one paragraph, or each on its own, in any order."""
    texts = chance.sample(list(texts), len(texts))
    if len(texts) == 1 or chance.random() < 0.6:
        return [Passage(text=" ".join(texts), source=title)]
    return [Passage(text=text, source=f"{title}, part {n}") for n, text in enumerate(texts, start=1)]


def topic(questions: Sequence[str]) -> str:
    """What questions on one text are about: the word that most of them share."""
    counts = Counter(sorted(word for question in questions for word in saying(question)))
    return counts.most_common(1)[0][0].title() if counts else "Passage"


@lru_cache(maxsize=100_000)  # each stands around sixteen others
def saying(question: str) -> frozenset[str]:
    """The words of a question that carry content, as they stand there."""
    content = content_words(question)
    return frozenset(w for w in question.split() if w.isalpha() and len(w) > 3 and stem(w) in content)
