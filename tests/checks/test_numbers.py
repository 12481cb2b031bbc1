"""Every number stands in the role that its evidence gives it, or was computed from such numbers."""

from collections.abc import Sequence

import pytest

from agentkit.answer import Evidence, Finding
from agentkit.checks import Draft, numbers
from agentkit.events import Called, Turn

WATER = """\
| Tank | Volume (litres) | Place | Built |
|---|---|---|---|
| Tank A | 12,000 | under the Main House | 1987 |
| Tank B | 8,500 | behind the North Laboratory | 2014 |"""
USE = "Each person uses 95 litres of water a day in summer and 70 litres a day in winter."
GENERATORS = """\
- **Generator 1** delivers 60 kW and burns 15 litres of diesel per hour at full load.
- **Generator 2**, the reserve, delivers 25 kW and burns 7 litres of diesel per hour at full load."""


def judge(
    text: str,
    passages: list[str],
    task: str,
    *,
    calls: Sequence[tuple[str, str]] = (),
    history: Sequence[Turn] = (),
    source: str = "x.md",
) -> list[Finding]:
    evidence = [Evidence(id=i, tool="retrieval", call=1, text=p, source=source) for i, p in enumerate(passages, 1)]
    called = [Called(call=1, tool="retrieval", arguments={"query": "x"})]
    for expression, result in calls:
        called.append(Called(call=len(called) + 1, tool="calculator", arguments={"expression": expression}))
        evidence.append(Evidence(id=len(evidence) + 1, tool="calculator", call=len(called), text=result))
    cited = tuple(e.id for e in evidence)
    draft = Draft(
        text=text, cited=cited, task=task, evidence=tuple(evidence), calls=tuple(called), history=tuple(history)
    )
    return list(numbers(draft))


GPL = "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007\n\nCopyright (C) 2007 Free Software Foundation, Inc."
LICENCE = "7. Additional Terms. You may charge any price or no price for each copy that you convey."
GOLD = "Gold has the symbol Au and the atomic weight 196.967. The density of gold is 19.3 g/cm³."
HYDROGEN = (
    "Hydrogen has the symbol H and the atomic number 1.\n\nIt was found by: H. Cavendish. Year of discovery: 1766."
)
HUT = "The hut has six beds in the north and eight in the south."
PUMP = "The pump has a warranty of 24 months, the filter one of 12 months."
BUILT = "The telescope was built in 1932 and rebuilt in 1950."
WAR = "The war lasted from 1914 to 1918."
ROOM = "The hut has one room with 6 beds."
FRIDGE = "Keep the vaccine between 2 and 8 °C in the fridge."
SUNDAY = "On weekdays the museum opens at 11 o'clock, on Sunday already at 9 o'clock."
TOOLS = """\
| Article | Size | Pence |
|---|---|---|
| Bean seed | packet | 165 |
| Trowel | small | 880 |

A sack of potting soil weighs 19 kilograms and fills 37 pots."""
HIRE = """\
A repaired bicycle stands here for 14 days; afterwards we charge 3 pounds a day. Others cost 63 pounds.

| Bicycle | Number | Pounds a day |
|---|---|---|
| City | 23 | 9 |
| Touring | 7 | 18 |"""
TWO = "There are two tanks. A holds 500 litres. B holds 300 litres."
COURSES = (
    "Sol teaches a course about mending tubes. It costs 16 pounds and has 10 places. In winter Marta gives a longer "
    "course on building wheels, which costs 83 pounds."
)
SALES = "Sales were 1.2 million euros in 2021, 1.5 million in 2022 and 0.9 million in 2023."
DOSES = "Ibuprofen: adults 400 mg three times a day. Paracetamol: adults 1 g four times a day."
PILLS = "Take 500 mg of aspirin. Take 100 mg of paracetamol."
NOTICE = "Section 5 requires 14 days of notice, section 6 requires 30 days of notice."
JOBS = "The industry, with 163,400 jobs in August 2013, is the largest, accounting in 2012 for 5 percent of all."
STYLES = "The city was a center of jazz in the 1940s, expressionism in the 1950s, and hip hop in the 1970s."
BRIDGE = "The bridge was opened on 4 May 1932 and closed on 7 June 1988."
RIGHT = [
    (JOBS, [JOBS], "How many jobs had the industry in 2013?"),
    (STYLES, [STYLES], "What emerged from the city in the 1970s?"),
    ("Sales were 1.5 million euros in 2022.", [SALES], "What were the sales in 2022?"),
    ("Adults take 1 g of paracetamol.", [DOSES], "What is the dose of paracetamol for adults?"),
    ("Take 100 mg of paracetamol.", [PILLS], "How much paracetamol should I take?"),
    ("14 days.", [NOTICE], "How much notice does section 5 require?"),
    ("On Sunday the museum opens at 9 o'clock.", [SUNDAY], "When does it open on Sunday?"),
    ("A trowel costs 880 pence.", [TOOLS], "What does a trowel cost?"),
    ("On 4 May.", [BRIDGE], "When in 1932 was the bridge opened?"),
    ("It costs £0.75.", ["A packet of seed costs 75 pence."], "What does a packet cost?"),
    ("It costs 75 pence.", ["A packet of seed costs £0.75."], "What does a packet cost?"),
    ("A city bicycle costs 9 pounds a day.", [HIRE], "What does a city bicycle cost a day?"),
    ("The course about mending tubes costs 16 pounds.", [COURSES], "What does the course about mending tubes cost?"),
    ("Cavendish discovered hydrogen in 1766.", [HYDROGEN], "Who discovered hydrogen?"),
    ("Its date is June 29, 2007.", [GPL], "What is the date of version 3?"),
    ("Its date is 2007-06-29.", [GPL], "What is the date of version 3?"),
    ("It is of June 2007.", [GPL], "What is the date of version 3?"),
    ("It closes on 3 August.", ["It closes on 03/08/2024."], "When does it close?"),
    ("It closes on 3 August.", ["It closes on the 3rd of August."], "When does it close?"),
    ("Its atomic weight is 196.967.", ["Gold has the symbol Au and the atomic weight 196.967."], "What is it?"),
    ("They wait 3 hours.", ["| Day | Waiting time, hours |\n|---|---|\n| Monday | 3 |"], "How many hours on Monday?"),
    ("Tank B holds 8,500 litres.", [WATER], "How much does Tank B hold?"),
    ("Tank B holds 8500 l.", [WATER], "How much does Tank B hold?"),
    ("8,500 litres.", [WATER], "How much does Tank B hold?"),
    ("Tank A holds 12,000 litres and Tank B holds 8,500 litres.", [WATER], "How much do the tanks hold?"),
    ("Tank A was built in 1987.", [WATER], "When was Tank A built?"),
    ("Each person uses 70 litres of water a day in winter.", [USE], "How much water does a person use in winter?"),
    ("Generator 1 burns 15 litres of diesel per hour.", [GENERATORS], "How much diesel does Generator 1 burn?"),
    ("Generator 2 delivers 25 kW.", [GENERATORS], "What does Generator 2 deliver?"),
    ("The first cabin leaves at 07:40.", ["In summer the first cabin leaves Orsa at 07:40."], "When does it leave?"),
    ("It starts on 4 May 2026.", ["The next overhaul starts on 4 May 2026."], "When does it start?"),
    ("The line is 2.9 km long.", ["The line is 2.9 kilometres long."], "How long is the line?"),
    ("It costs 36.00 euros.", ["A family ticket costs 36 euros."], "What does a family ticket cost?"),
    ("The cold room is kept at -20 °C.", ["The cold room is kept at -20 °C."], "How cold is it?"),
    ("Three technicians work there.", ["The team has 3 technicians."], "How many technicians are there?"),
    ("There are six beds in the north.", [HUT], "How many beds are in the north of the hut?"),
    ("There are eight beds in the south.", [HUT], "How many beds are in the south of the hut?"),
    ("The pump has a warranty of 24 months.", [PUMP], "How long is the warranty of the pump?"),
    ("The filter has a warranty of 12 months.", [PUMP], "How long is the warranty of the filter?"),
    ("It was built in 1932.", [BUILT], "When was the telescope built?"),
    ("It was rebuilt in 1950.", [BUILT], "When was the telescope rebuilt?"),
    ("Sales halved.", ["Sales halved after two good years."], "Did sales rise or fall?"),
    ("It is cleaned 2 times a day.", ["It is cleaned twice a day."], "How often is it cleaned?"),
    ("Nobody under 18 may use the pool.", ["Nobody under 18 may use the pool."], "Who may use the pool?"),
    ("It closes on 18 May.", ["It closes on 18 May 2024."], "When does it close?"),
    ("It is open from 9:00 to 17:00.", ["It is open 9:00-17:00 on weekdays."], "When is it open?"),
    ("It is open 9:00–17:00.", ["It is open from 9 am to 5 pm."], "When is it open?"),
    ("It is open until 5 p.m.", ["It is open from 9 am to 5 pm."], "Until when is it open?"),
    ("It opens at 9.", ["It is open from 9 am to 5 pm."], "When does it open?"),
    ("It starts at 2:30 pm.", ["It starts at 14:30."], "When does it start?"),
    ("The vaccine is kept at 2–8 °C.", [FRIDGE], "How warm is the vaccine kept?"),
    ("The trail is 12–15 km long.", ["The trail is 12-15 km long."], "How long is the trail?"),
    ("The trail is 12-15 km long.", ["The trail is 12 to 15 km long."], "How long is the trail?"),
    ("The war lasted 1914–1918.", [WAR], "When was the war?"),
    ("It falls to –20 °C.", ["It falls to -20 °C."], "How cold is it?"),
    ("The hut has 1 room.", [ROOM], "How many rooms does the hut have?"),
    ("The hut has one room.", [ROOM.replace("one", "1")], "How many rooms does the hut have?"),
    ("One of the rooms has 6 beds.", [ROOM], "How many beds are there?"),
    ("One guest may use all 6 beds.", [ROOM], "How many beds may a guest use?"),
    ("It has 1 million fibres.", ["The nerve has more than one million fibres."], "How many fibres has the nerve?"),
    ("It has about a million fibres.", ["The nerve has 1 million fibres."], "How many fibres has the nerve?"),
    ("A box holds 24 bottles.", ["A box holds twenty-four bottles."], "What does a box hold?"),
    ("A box holds twenty-four bottles.", ["A box holds 24 bottles."], "What does a box hold?"),
    ("A box holds 120 bottles.", ["A box holds one hundred and twenty bottles."], "What does a box hold?"),
    ("It takes 2.5 hours.", ["The climb takes two and a half hours."], "How long does the climb take?"),
    ("Use 0.5 litres of water.", ["Use half a litre of water."], "How much water is used?"),
    ("Use half a cup of water.", ["Use ½ cup of water."], "How much water is used?"),
    ("The warranty lasts two years.", ["The warranty lasts 24 months."], "How long is the warranty?"),
    ("The warranty lasts 24 months.", ["The warranty lasts two years."], "How long is the warranty?"),
    ("Take 0.5 g every 6 hours.", ["Take 500 mg every 6 hours."], "How much should be taken?"),
]
WRONG = [
    ("It was on 7 June.", [BRIDGE], "What happened to the bridge in 1932?"),
    (
        "Inspired by the 2016 movie Zakhm.",
        ["It premiered in 2016. It is inspired by the 1998 movie Zakhm."],
        "What is it?",
    ),
    ("Sales were 1.2 million euros in 2022.", [SALES], "What were the sales in 2022?"),
    ("Adults take 400 mg of paracetamol.", [DOSES], "What is the dose of paracetamol for adults?"),
    ("Take 500 mg of paracetamol.", [PILLS], "How much paracetamol should I take?"),
    ("30 days.", [NOTICE], "How much notice does section 5 require?"),
    ("On Sunday the museum opens at 11 o'clock.", [SUNDAY], "When does it open on Sunday?"),
    ("A trowel costs 165 pence.", [TOOLS], "What does a trowel cost?"),
    ("The cost was $30 million.", ["The cost was $10 million, the revenue $30 million."], "What was the cost?"),
    ("Tank A holds 300 litres.", [TWO], "How much does Tank A hold?"),
    ("The course about mending tubes costs 83 pounds.", [COURSES], "What does the course about mending tubes cost?"),
    ("Its date is July 29, 2007.", [GPL], "What is the date of version 3?"),
    ("Its date is 28 June 2007.", [GPL], "What is the date of version 3?"),
    ("Its date is 29 June 2017.", [GPL], "What is the date of version 3?"),
    ("It closes on 2 August.", ["It closes on 3 August 2024."], "When does it close?"),
    ("The fine is 7 euros.", [LICENCE], "How many euros is the fine?"),
    ("The mass of gold is 196.967 grams.", [GOLD], "What is the mass in grams of 10 cm³ of gold?"),
    ("Tank B holds 8,600 litres.", [WATER], "How much does Tank B hold?"),
    ("Tank B holds 12,000 litres.", [WATER], "How much does Tank B hold?"),
    ("12,000 litres.", [WATER], "How much does Tank B hold?"),
    ("Tank B holds 8,500 kilograms.", [WATER], "How much does Tank B hold?"),
    ("Tank A was built in 2014.", [WATER], "When was Tank A built?"),
    ("Each person uses 95 litres a day in winter.", [USE], "How much water does a person use in winter?"),
    ("Generator 1 burns 7 litres of diesel per hour.", [GENERATORS], "How much diesel does Generator 1 burn?"),
    ("Generator 2 delivers 60 kW.", [GENERATORS], "What does Generator 2 deliver?"),
    ("The first cabin leaves at 08:40.", ["In summer the first cabin leaves Orsa at 07:40."], "When does it leave?"),
    ("It starts on 14 May 2026.", ["The next overhaul starts on 4 May 2026."], "When does it start?"),
    ("The line is 2.9 miles long.", ["The line is 2.9 kilometres long."], "How long is the line?"),
    ("The cold room is kept at 20 °C.", ["The cold room is kept at -20 °C."], "How cold is it?"),
    ("Four technicians work there.", ["The team has 3 technicians."], "How many technicians are there?"),
    ("There are eight beds in the north.", [HUT], "How many beds are in the north of the hut?"),
    ("There are six beds in the south.", [HUT], "How many beds are in the south of the hut?"),
    ("The pump has a warranty of 12 months.", [PUMP], "How long is the warranty of the pump?"),
    ("12 months.", [PUMP], "How long is the warranty of the pump?"),
    ("The filter has a warranty of 24 months.", [PUMP], "How long is the warranty of the filter?"),
    ("It was built in 1950.", [BUILT], "When was the telescope built?"),
    ("It was rebuilt in 1932.", [BUILT], "When was the telescope rebuilt?"),
    ("Sales doubled.", ["Sales halved after two good years."], "Did sales rise or fall?"),
    ("Two of the members voted.", ["Half of the members voted."], "Who voted?"),
    ("Nobody under 16 may use the pool.", ["Nobody under 18 may use the pool."], "Who may use the pool?"),
    ("Up to 31 may enter.", ["Up to 12 may enter at a time."], "How many may enter?"),
    ("It opens at 17:00.", ["It opens at 9:00 and closes at 17:00."], "When does it open?"),
    ("It is open until 5 a.m.", ["It is open from 9 am to 5 pm."], "Until when is it open?"),
    ("The vaccine is kept at -8 °C.", [FRIDGE.replace(" and ", "–")], "How warm is the vaccine kept?"),
    ("The trail is 12–18 km long.", ["The trail is 12-15 km long."], "How long is the trail?"),
    ("The hut has one room.", ["The hut has two rooms."], "How many rooms does the hut have?"),
    ("A box holds twenty-five bottles.", ["A box holds twenty-four bottles."], "What does a box hold?"),
    ("A box holds 20 bottles.", ["A box holds one hundred and twenty bottles."], "What does a box hold?"),
    ("Use 2 litres of water.", ["Use half a litre of water."], "How much water is used?"),
    ("The warranty lasts 24 years.", ["The warranty lasts 24 months."], "How long is the warranty?"),
    ("The warranty lasts three years.", ["The warranty lasts 24 months."], "How long is the warranty?"),
    ("Take 500 g every 6 hours.", ["Take 500 mg every 6 hours."], "How much should be taken?"),
]


@pytest.mark.parametrize(("text", "passages", "task"), RIGHT, ids=[r[0] for r in RIGHT])
def test_a_number_in_its_role_stands(text: str, passages: list[str], task: str) -> None:
    assert [(f.verdict, f.reason) for f in judge(text, passages, task)] == [("supported", "")]


@pytest.mark.parametrize(("text", "passages", "task"), WRONG, ids=[w[0] for w in WRONG])
def test_a_number_out_of_its_role_fails(text: str, passages: list[str], task: str) -> None:
    assert [f.verdict for f in judge(text, passages, task)] == ["failed"]


def test_a_number_may_be_computed_from_evidence_and_task() -> None:
    task = "How much water do 9 people use in a week in winter?"
    calls = [("70 * 9 * 7", "4410")]
    [finding] = judge("They use 4,410 litres of water.", [USE], task, calls=calls)
    assert finding.verdict == "supported"


def test_a_result_computed_from_an_invented_number_fails() -> None:
    task = "How much water do 9 people use in a day in winter?"
    [finding] = judge("They use 720 litres.", [USE], task, calls=[("80 * 9", "720")])
    assert finding.verdict == "failed"
    assert "from 80, which nothing says" in finding.reason


def test_a_rounded_result_stands_and_a_wrongly_rounded_one_fails() -> None:
    task = "What is a third of 100?"
    assert judge("It is 33.33.", [], task, calls=[("100 / 3", "100/3 ≈ 33.333333")])[0].verdict == "supported"
    assert judge("It is 33.34.", [], task, calls=[("100 / 3", "100/3 ≈ 33.333333")])[0].verdict == "failed"


def test_what_is_counted_must_be_spoken_of() -> None:
    task = "What is 17% of 2300?"
    assert judge("391 jars are whole.", [], task, calls=[("17% of 2300", "391")])[0].verdict == "failed"
    assert judge("It is 391.", [], task, calls=[("17% of 2300", "391")])[0].verdict == "supported"


def test_a_number_that_only_repeats_the_task_is_no_answer() -> None:
    [finding] = judge("The baker gave 37 rolls away.", [], "A baker gives 37 of 90 rolls away. How many are left?")
    assert finding.reason == "it only repeats numbers of the task"


def test_numbers_of_the_task_and_of_earlier_answers_may_be_repeated() -> None:
    history = [Turn(task="What does a ticket cost?", answer="A ticket costs 14.50 euros.")]
    found = judge(
        "At 14.50 euros each, 4 tickets cost 58 euros.", [], "And 4?", calls=[("14.50 * 4", "58")], history=history
    )
    assert [f.verdict for f in found] == ["supported"]


def test_a_sentence_without_numbers_is_left_to_other_checks() -> None:
    assert judge("Ilse Maranth leads the station.", [USE], "Who leads it?") == []


def test_a_name_tells_more_than_a_verb() -> None:
    passages = [WATER, "The diesel tank holds 4,000 litres. Diesel is ordered when the tank falls below 1,200 litres."]
    [finding] = judge("Tank B holds 8,500 litres.", passages, "How many litres does Tank B hold?")
    assert (finding.verdict, finding.evidence) == ("supported", (1,))


def test_a_true_equation_of_the_draft_works_out_a_number() -> None:
    task = "How many litres of diesel does Generator 1 burn in 8 hours?"
    right = "Generator 1 burns 15 litres per hour, so in 8 hours it burns 15 * 8 = 120 litres."
    assert judge(right, [GENERATORS], task)[0].verdict == "supported"
    invented = "Generator 1 burns 16 litres per hour, so in 8 hours it burns 16 * 8 = 128 litres."
    assert judge(invented, [GENERATORS], task)[0].verdict == "failed"


def test_a_number_of_another_year_does_not_answer() -> None:
    task = "What does an adult ticket cost in 2026?"
    passage = "In 2025 an adult ticket cost 13.00 euros."
    [finding] = judge("An adult ticket costs 13.00 euros.", [passage], task)
    assert finding.reason == "13.00 euros is of 2025, not of 2026"
    assert judge("An adult ticket costs 13.00 euros.", ["An adult ticket costs 13 euros."], task)[0].reason == ""
    assert judge("An adult ticket costs 13.00 euros.", [passage[8:]], task, source="x.md > Prices of 2025")[0].reason


def test_a_year_in_the_name_of_a_file_is_no_year_of_its_numbers() -> None:
    task = "What does an adult ticket cost members since 2020?"
    passages = ["An adult ticket costs 13 euros."]
    [finding] = judge("An adult ticket costs 13 euros.", passages, task, source="2025/price-list-2025.md")
    assert (finding.verdict, finding.reason) == ("supported", "")


def test_one_supports_nothing_where_it_says_no_more_than_a() -> None:
    assert judge("One man leads the station.", ["A man leads the station."], "Who leads it?") == []


def test_a_number_before_the_verb_may_is_no_date() -> None:
    passage = "Up to 12 may enter at a time. The door opens at 7."
    wrong, right = judge("Up to 31 may enter at a time. The door opens at 7.", [passage], "Who may enter?")
    assert (wrong.verdict, right.verdict) == ("failed", "supported")
    assert judge(passage, [passage], "Who may enter?")[0].verdict == "supported"


def test_a_range_of_days_is_no_negative_number() -> None:
    passage = "The storm of January 1–2, 2006, was strong."
    assert judge(passage, [passage], "When was the storm?")[0].verdict == "supported"
