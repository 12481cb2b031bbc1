"""Code is judged by what it returns; nothing else that it does makes it right."""

import asyncio
import textwrap

import pytest

from agentkit import sandbox
from agentkit.errors import ConfigurationError
from agentkit.evaluate.item import Item, Reply, Score
from agentkit.evaluate.scorers import code
from agentkit.evaluate.scorers.code import CodeScorer, program
from agentkit.evaluate.scorers.worker import WorkerError
from agentkit.sandbox import SandboxLimits

native = any(tier.native and not tier.unavailable() for tier in sandbox.tiers().values())
pytestmark = pytest.mark.skipif(not native, reason="the sandbox has no native tier on this machine")

PROMPT = 'def cube(n: int) -> int:\n    """The third power of n."""\n'
TEST = "def check(candidate):\n    assert candidate(3) == 27\n    assert candidate(2) == 8\n\ncheck(cube)\n"
ITEM = Item(id="cube", question=PROMPT, gold={"test": TEST, "entry_point": "cube"})


@pytest.fixture(scope="module")
def scorer():
    scorer = CodeScorer(limits=SandboxLimits(seconds=1, memory_mb=128, output_chars=100_000))
    yield scorer
    asyncio.run(scorer.aclose())


def judge(scorer: CodeScorer, text: str | None, item: Item = ITEM) -> Score:
    text = None if text is None else textwrap.dedent(text)
    return asyncio.run(scorer(item, Reply(status="unchecked", text=text)))


def with_test(test: str, prompt: str = PROMPT) -> Item:
    return Item(id="own", question=prompt, gold={"test": textwrap.dedent(test), "entry_point": "cube"})


def test_code_that_passes_its_tests_is_right(scorer: CodeScorer):
    assert judge(scorer, "def cube(n):\n    return n ** 3\n") == Score(right=True, value=1, reason="right")


def test_code_that_fails_says_at_which_test(scorer: CodeScorer):
    score = judge(scorer, "def cube(n):\n    return 27\n")
    assert score == Score(right=False, value=0, reason="failed: assert candidate(2) == 8")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no answer"),
        ("", "no code"),
        ("I can't do that.", "no code"),
        ("def cube(n) return n", "no code"),
        ("x" * 60_000, "no code"),
        ("(" * 40_000, "no code"),
        ("def cube(n):\n    return n.x", "failed: assert candidate(3) == 27 raises AttributeError: 'int'"),
        ("def cube(n):\n    return undefined", "failed: assert candidate(3) == 27 raises NameError"),
        ("def cube(n):\n    raise type('Own', (Exception,), {})()", "failed: assert candidate(3) == 27 raises Code"),
        ("import nowhere\ndef cube(n):\n    return n ** 3", "crashed: ModuleNotFoundError"),
        ("def cube(n):\n    while True: pass", "timed out"),
        ("def cube(n):\n    return [0] * 10 ** 9", "failed: assert candidate(3) == 27 raises MemoryError"),
        ("def cube(n):\n    return cube(n)", "failed: assert candidate(3) == 27 raises RecursionError"),
        ("def cube(n):\n    import os\n    os.write(1, b'x' * 500_000)", "crashed: OutputLimit"),
        ("def cube(n):\n    open('/etc/passwd').read(); return n ** 3", "failed: assert candidate(3) == 27 raises"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told(scorer: CodeScorer, text: str | None, reason: str):
    score = judge(scorer, text)
    assert not score.right
    assert score.reason.startswith(reason)


@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "print('right'); print('[[true, 27], [true, 8]]'); raise SystemExit",
        "import os; os.write(1, b'[[true, 27], [true, 8]]'); os._exit(0)",
        "import builtins; builtins.AssertionError = type('Never', (Exception,), {}); return 0",
        "import json; json.dumps = lambda *a, **k: '{\"passed\": true}'; return 0",
        'import json; json.dumps = lambda *a, **k: \'[[true, ["int", "zz"]], [true, ["dict", 1]]]\'; return 0',
        "import json; json.dumps = lambda *a, **k: '[' * 50000; return 0",
        'import json; json.dumps = lambda *a, **k: \'[[true, ["Fraction", "1e9999999999"]], [true, 8]]\'; return 0',
        "import sys; sys.modules['__main__'].encode = lambda value: True; return 0",
        "return type('Equal', (), {'__eq__': lambda self, other: True})()",
        "return type('Equal', (int,), {'__eq__': lambda self, other: True})()",
        "return type('Equal', (int,), {'__int__': lambda self: 27, '__eq__': lambda self, other: True})(1)",
        "return type('Equal', (list,), {'__eq__': lambda self, other: True})()",
        "return type('Equal', (str,), {'__eq__': lambda self, other: True})()",
        "import unittest.mock; return unittest.mock.ANY",
        "return float('nan')",
        "return (x for x in iter(int, 1))",
        "return lambda *a: True",
        "raise AssertionError",
    ],
)
def test_no_verdict_can_be_forged(scorer: CodeScorer, body: str):
    score = judge(scorer, f"def cube(n):\n    {body}\n")
    assert not score.right, score


def test_what_is_expected_is_nowhere_in_the_process_that_runs_the_code(scorer: CodeScorer):
    search = """
    import gc, sys
    def cube(n):
        backwards = "emasesnepo"
        frame = sys._getframe()
        texts = [o for o in gc.get_objects() if isinstance(o, (str, dict, list, tuple))]
        while frame:
            texts += [frame.f_locals, frame.f_globals, frame.f_code.co_consts]
            frame = frame.f_back
        return backwards[::-1] if any(backwards in repr(text)[::-1] for text in texts) else "nothing"
    """
    assert not judge(scorer, search, with_test("assert cube(1) == 'opensesame'")).right
    # The search itself works: it finds a word that does stand in its program.
    found = search.replace("emasesnepo", "rewop driht")
    assert judge(scorer, found, with_test("assert cube(1) == 'third power'")).right


@pytest.mark.parametrize(
    ("body", "test"),
    [
        ("return (n, [n], {n: {n}}, None, b'x', 1.5, 1j, 2 ** 200, frozenset([1]))",
         "assert cube(1) == (1, [1], {1: {1}}, None, b'x', 1.5, 1j, 2 ** 200, frozenset([1]))"),
        ("return True", "assert cube(1) is True"),
        ("return (1, 2)", "assert cube(1) != [1, 2]"),
        ("return 1.0", "assert isinstance(cube(1), float)"),
        ("return float('inf')", "assert cube(1) == float('inf')"),
        ("import collections; return collections.Counter('aab')", "assert cube(1) == {'a': 2, 'b': 1}"),
        ("return (x for x in [1, 2])", "assert list(cube(1)) == [1, 2]"),
        ("return range(3)", "assert cube(1) == range(3)"),
        ("from fractions import Fraction; return Fraction(1, 2)", "assert cube(1) == 0.5"),
        ("return 'ä\\ud800'", "assert cube(1) == 'ä\\ud800'"),
        ("raise KeyError('x')", "try:\n    cube(1)\nexcept KeyError:\n    pass\nelse:\n    raise AssertionError"),
        ("return n + 1", "x = 0\nfor _ in range(5):\n    x = cube(x)\nassert x == 5"),
        ("return n + 1", "x = cube(cube(cube(1)))\nassert {x: 'a'}[4] == 'a'"),
        ("cube.n = getattr(cube, 'n', 0) + 1; return cube.n", "assert [cube(0), cube(0), cube(0)] == [1, 2, 3]"),
        ("return n * 2", "import random\nfor _ in range(50):\n    x = random.random()\n    assert cube(x) == x + x"),
        ("return cube(n=1, k=2) if k == 0 else n + k", "def cube_of(x): return cube(x, k=0)\nassert cube_of(5) == 3"),
    ],
)  # fmt: skip
def test_values_reach_the_tests_as_they_are(scorer: CodeScorer, body: str, test: str):
    item = with_test(test)
    assert judge(scorer, f"def cube(n, k=1):\n    {body}\n", item) == Score(right=True, value=1, reason="right")
    assert not judge(scorer, "def cube(n, k=1):\n    return 'other'\n", item).right or "!=" in test


def test_tests_may_use_what_the_prompt_defines_and_the_reply_cannot_redefine_it(scorer: CodeScorer):
    item = with_test("assert cube(half(4)) == 8", "def half(n):\n    return n // 2\n\n" + PROMPT)
    assert judge(scorer, "def cube(n):\n    return n * n * half(4)\n", item).right
    assert not judge(scorer, "def half(n):\n    return 8\n\ndef cube(n):\n    return n\n", item).right


def test_calls_that_always_lead_to_others_end(scorer: CodeScorer):
    item = with_test("x = 0\nwhile True:\n    x = {cube(x): 0} and cube(x)")
    score = judge(scorer, "def cube(n):\n    return n + 1\n", item)
    assert not score.right


def test_tests_that_cannot_run_are_no_fault_of_the_reply(scorer: CodeScorer):
    with pytest.raises(WorkerError, match="SyntaxError"):
        judge(scorer, "def cube(n):\n    return n ** 3\n", with_test("def ("))


def test_several_replies_are_judged_at_once(scorer: CodeScorer):
    async def both() -> list[Score]:
        replies = [Reply(status="unchecked", text=f"def cube(n):\n    return n ** {k}\n") for k in (3, 2, 3)]
        return list(await asyncio.gather(*(scorer(ITEM, reply) for reply in replies)))

    assert [score.right for score in asyncio.run(both())] == [True, False, True]


WHOLE = "def cube(n):\n    return n ** 3"


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"```python\n{WHOLE}\n```",
        f"Here it is:\n\n```py\n{WHOLE}\n```\nIt multiplies n by itself. Call `cube(2)`.",
        f"```\n{WHOLE}",
        f"```python\nprint('trial')\n```\nThen\n```python\n{WHOLE}\n```",
        f"```python\nimport math\n```\n```python\n{WHOLE}\n```",
        f"Sure! The function:\n{WHOLE}\n\nThis works because it's the third power.",
        f"from the task I gather:\n{WHOLE}",
        f"{WHOLE}\n\nif __name__ == '__main__':\n    cube(int(input()))",
        "from __future__ import annotations\ndef cube(n: List[int]) -> int:\n    return n ** 3",
        "def third(n):\n    return n ** 3\n\ncube = third",
        "cube = lambda n: n ** 3",
        "    return n ** 3",
        "return n ** 3",
        "m = n * n\n    return m * n",
        "m = n * n\nreturn m * n",
        "```python\n    return n ** 3\n```",
        f"\ufeff{WHOLE}".lstrip("\ufeff").replace("\n", "\r\n"),
    ],
)
def test_code_is_found_in_what_is_written_around_it(scorer: CodeScorer, text: str):
    assert asyncio.run(scorer(ITEM, Reply(status="unchecked", text=text))).right


def test_imports_of_the_prompt_hold_for_the_reply():
    assert program("from typing import List\n\n" + PROMPT, "cube", WHOLE)[0].startswith("from typing import List")


def test_without_a_native_tier_there_is_no_scorer(monkeypatch: pytest.MonkeyPatch):
    def unavailable(self: sandbox.Tier) -> str:
        return "not on this machine"

    monkeypatch.setattr(sandbox.Tier, "unavailable", unavailable)
    with pytest.raises(ConfigurationError, match=r"sandlock: not on this machine.*pip install 'agentkit\[sandbox\]'"):
        CodeScorer()


def test_the_harness_imports_nothing_of_agentkit():
    source = code.harness()
    assert "agentkit" not in source.replace("imports nothing of agentkit", "")
