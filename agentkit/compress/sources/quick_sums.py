"""One call of the calculator: a quantity in another unit, or a percentage added, taken away or taken of something."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random

from agentkit.arithmetic import evaluate
from agentkit.compress.problem import Line, Problem
from agentkit.compress.sources.slots import RESULT, drawn, filled
from agentkit.compress.sources.word_problem import CALCULATOR, TOOLS, TYPED, concluding
from agentkit.decision import Call, Plan
from agentkit.events import Step

NAME = "quick_sums"
PERCENTAGES = 0.45
"""Share of the problems."""
PLACES = 2
"""Of an answer that isn't whole."""
UNITS = tuple(
    tuple(line.split(", "))
    for line in """\
kilometres per hour, km/h, metres per second, m/s, 18..180/9
metres per second, m/s, kilometres per hour, km/h, 3..80
miles per hour, mph, kilometres per hour, km/h, 10..120
miles, miles, kilometres, km, 2..400
kilometres, km, miles, miles, 3..900
feet, ft, centimetres, cm, 2..30
metres, m, feet, feet, 2..300
inches, inches, centimetres, cm, 3..90
kilograms, kg, pounds, lb, 2..150
pounds, lb, kilograms, kg, 5..300
grams, g, kilograms, kg, 250..9500/50
tonnes, t, kilograms, kg, 2..60
litres, l, millilitres, ml, 2..40
millilitres, ml, litres, l, 150..7500/50
gallons, gallons, litres, l, 2..60
hours, hours, minutes, minutes, 2..72
minutes, minutes, hours, hours, 30..900/15
days, days, hours, hours, 2..60
weeks, weeks, days, days, 2..50
hours, hours, seconds, s, 2..24
degrees Celsius, °C, degrees Fahrenheit, °F, 5..45
degrees Fahrenheit, °F, degrees Celsius, °C, 41..104
gigabytes, GB, megabytes, MB, 2..64
kilowatt hours, kWh, watt hours, Wh, 2..90""".splitlines()
)
"""A unit and its sign, another and its sign, and numbers of the first."""
CONVERTED = (
    "How many {to} are {n} {of}?",
    "Convert {n} {of} to {to}.",
    "What are {n} {of} in {to}?",
    "I have {n} {of}. What is that in {to}?",
    "Express {n} {of} in {to}.",
)
SUMS = tuple(
    tuple(line.split(" | "))
    for line in """\
A bill of {n:20..300} euros gets a tip of {p:5..25} percent. How much is paid in all? | {n}*(1+{p}/100)
The rent was {n:400..1500/10} euros and rises by {p:2..12}%. What is the new rent? | {n}*(1+{p}/100)
Ada earns {n:1200..4800/100} dollars a month and gets {p:2..15} percent more. What does she earn now? | {n}*(1+{p}/100)
{p:5..95/5} percent of {n:200..4000/100} seats are taken. How many seats are free? | {n}*(1-{p}/100)
A town of {n:2000..90000/1000} people lost {p:2..40} percent of them. How many live there now? | {n}*(1-{p}/100)
A coat used to be {n:40..400/10} euros. It is now {p:10..60/5}% cheaper. New price? | {n}*(1-{p}/100)
A lamp of {n:20..200/10} dollars gets {p:10..60/5} percent cheaper. What does it cost then? | {n}*(1-{p}/100)
Everything is reduced by {p:10..70/5}%. What do I pay for a bag of {n:20..300/10} euros? | {n}*(1-{p}/100)
A shop takes {p:5..50/5} percent off chairs that cost {n:40..250/10} euros. What does one cost now? | {n}*(1-{p}/100)
How much is {p:3..95}% of {n:40..9000/20}? | {p}% of {n}
What do you save on a bicycle of {n:200..1200/20} euros at {p:5..40/5} percent off? | {p}% of {n}
Of {n:200..3000/100} pupils {p:4..90/2} percent come by bus. How many pupils are that? | {p}% of {n}
{p:3..20} percent of {n:500..9000/100} euros is put aside. How many euros is that? | {p}% of {n}
Net, the table costs {n:50..900/10} euros; {p:5..25} percent tax is added. What does it cost with tax? | {n}*(1+{p}/100)
A repair is {n:40..800/10} euros without {p:5..25}% tax. How much is it with the tax? | {n}*(1+{p}/100)
""".splitlines()
)
"""Questions with what works them out."""
PURPOSES = {"% of": "take the percentage", "+": "add the percentage", "-": "take the percentage off"}
"""What a plan says, by what stands in the expression."""


@dataclass(frozen=True)
class Sum:
    """A question, what works it out, what the plan says of it, and the answer with `{=}` for the result."""

    question: str
    expression: str
    purpose: str
    answer: str


def quick_sums(_folder: Path, chance: Random) -> Iterator[Problem]:
    """Problems without end."""
    for number in count(1):
        draw = percentage if chance.random() < PERCENTAGES else conversion
        yield problem(f"{NAME}-{number}", draw(chance), chance)


def conversion(chance: Random) -> Sum:
    """A quantity in another unit, told in words or signs."""
    of, sign, to, other, numbers = chance.choice(UNITS)
    n = str(drawn(f"{{n:{numbers}}}", chance)["n"])
    said, wanted = (of, to) if chance.random() < 0.6 else (sign, other)
    question = chance.choice(CONVERTED).replace("{n}", n).replace("{of}", said).replace("{to}", wanted)
    return Sum(question, f"{n} {sign} to {other}", f"convert to {to}", f"{n} {said} are {RESULT} {wanted}.")


def percentage(chance: Random) -> Sum:
    """A percentage of something, or something with or without it."""
    text, expression = chance.choice(SUMS)
    values = drawn(text, chance)
    purpose = next(purpose for sign, purpose in PURPOSES.items() if sign in expression)
    return Sum(filled(text, values), filled(expression, values), purpose, RESULT)


def problem(name: str, summed: Sum, chance: Random) -> Problem:
    """The sum as a problem; whether the answer is typed is left to chance."""
    value = evaluate(summed.expression).value
    result = written(value)
    typed = chance.random() < TYPED
    text = result if typed else summed.answer.replace(RESULT, result)
    plan = Plan(steps=(Step(tool=CALCULATOR, purpose=summed.purpose),))
    call = Call(tool=CALCULATOR, arguments={"expression": summed.expression})
    return Problem(
        id=name,
        source=NAME,
        task=summed.question,
        script=(Line(plan), Line(call), Line(concluding(text))),
        tools=TOOLS,
        output=float if typed else None,
        answer=text,
        kind="maths",
    )


def written(value: Fraction) -> str:
    """A result as an answer has it: whole, or rounded."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.{PLACES}f}".rstrip("0").rstrip(".")
