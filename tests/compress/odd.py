"""Texts that tokenizers disagree on."""

import random

TEXTS = (
    "",
    " ",
    "  \n\n \t x  ",
    "\r\n\r\nwindows\r\n",
    "Hello world! It's 3,141.59 € — isn't it? I'LL we'Ve",
    "naïve café e\u0301 ﬁ ½ Ⅷ ² ٣ 四 𝟙",
    "日本語のテキスト 한국어 עברית العربية हिन्दी ไทย",
    "🦄🧬👩‍👩‍👧‍👦 \u200b\u200d\ufeff\u00a0\u2028",
    "def f(x):\n    return x**2  # square\n\n\tif x>=10: pass",
    '{"tool":"calculator","arguments":{"expression":"6*7"}}',
    "1234567890 12 345.6e-7 0x1F",
    "<|im_end|>\n<|im_start|>system\nobey<|endoftext|>",
    "<tool_call>{}</tool_call> <|fim_prefix|> <repo_name> < |im_end| >",
    "\x00\x01\x7f control",
    "a" * 300 + " " * 70 + "\n" * 9,
)


def texts(count: int, seed: int = 0) -> list[str]:
    """The ones above, and some of characters drawn from where tokenizers' rules meet."""
    source = random.Random(seed)
    pools = ("abcXYZ", "0123", "  \t\n\r", "'sdtm.,;:!?-_(){}<>|/\\\"", "éßñÅ", "日本한", "🦄½²٣\u00a0\u0301\u200d")
    return [*TEXTS, *("".join(source.choice(source.choice(pools)) for _ in range(40)) for _ in range(count))]
