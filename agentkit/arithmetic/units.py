"""Units of measure: what a unit word means, and products of units.

pint serves as a table of factors only (its parser reads `17%5` as 85 percent). Its registry is made with
Fractions, so that an inch is exactly 127/5000 m, and only when the first unit that isn't money is looked up.
"""

import difflib
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, cast

from agentkit.errors import ExpressionError

MAX_POWER = 99
"""The largest exponent of a unit."""


class DimensionError(ExpressionError):
    """Quantities of different dimensions were added, compared or converted into each other."""


@dataclass(frozen=True)
class Meaning:
    """What one unit word stands for: a multiple of powers of base units, perhaps with an offset."""

    name: str
    """Canonical, so that `ft`, `foot` and `feet` are one."""
    scale: Fraction
    base: tuple[tuple[str, int], ...]
    offset: Fraction = Fraction(0)
    """Of a temperature scale: its zero point, in base units."""
    exact: bool = True
    """Not where pi is in the factor, as in a degree of arc."""


@dataclass(frozen=True)
class Factor:
    """One unit word raised to a power; it's written the way it was first written."""

    spelling: str
    power: int
    meaning: Meaning


@dataclass(frozen=True, eq=False)
class Unit:
    """A product of powers of units; without factors, that of a plain number."""

    factors: tuple[Factor, ...] = ()
    difference: bool = False
    """Of a temperature: it's a difference of two readings, so no zero point applies."""

    @classmethod
    def of(cls, word: str, power: int = 1) -> "Unit":
        """The unit that a word names, raised to a power.

        Raises:
            ExpressionError: There's no such unit.
        """
        meaning, own_power = lookup(word)
        return cls((Factor(_SPELLINGS.get(meaning.name, word.replace("_", " ")), power * own_power, meaning),))

    @property
    def base(self) -> dict[str, int]:
        """The dimension: powers of base units."""
        powers: Counter[str] = Counter()
        for factor in self.factors:
            for name, power in factor.meaning.base:
                powers[name] += power * factor.power
        return {name: power for name, power in sorted(powers.items()) if power}

    @property
    def scale(self) -> Fraction:
        """How many of the base units one of it is."""
        scale = Fraction(1)
        for factor in self.factors:
            scale *= factor.meaning.scale**factor.power
        return scale

    @property
    def exact(self) -> bool:
        """Whether the scale is exact rather than a long decimal."""
        return all(factor.meaning.exact for factor in self.factors)

    @property
    def offset(self) -> Fraction:
        """The zero point of a temperature reading; 0 of everything else."""
        if len(self.factors) == 1 and self.factors[0].power == 1 and not self.difference:
            return self.factors[0].meaning.offset
        return Fraction(0)

    @property
    def money(self) -> bool:
        """Whether it's an amount of one currency, as `$`."""
        return len(self.factors) == 1 and self.factors[0].power == 1 and self.factors[0].meaning.name in _CURRENCIES

    def raised(self, power: int) -> "Unit":
        """Each factor raised to a power.

        Raises:
            ExpressionError: The power is out of bounds.
        """
        if abs(power) > MAX_POWER or any(abs(f.power * power) > MAX_POWER for f in self.factors):
            raise ExpressionError(f"the power {power} of a unit is too large; at most {MAX_POWER}")
        return Unit(tuple(Factor(f.spelling, f.power * power, f.meaning) for f in self.factors if power))

    def times(self, other: "Unit") -> tuple["Unit", Fraction, bool]:
        """The product, the number that goes with it, and whether that is exact.

        Units of one dimension are merged into the one written first: 3 GB / (2 MB/s) is in seconds. Those within
        one of the two aren't: 8 hours/day times 5 days is in hours.

        Raises:
            ExpressionError: A power is out of bounds.
        """
        merged = list(self.factors)
        number = Fraction(1)
        exact = True
        for factor in other.factors:
            at = _partner(merged, factor)
            if at is None:
                merged.append(factor)
                continue
            there = merged[at]
            number *= (factor.meaning.scale / there.meaning.scale) ** factor.power
            exact &= there.meaning.exact == factor.meaning.exact
            merged[at] = Factor(there.spelling, there.power + factor.power, there.meaning)
        if any(abs(f.power) > MAX_POWER for f in merged):
            raise ExpressionError(f"a power of a unit is too large; at most {MAX_POWER}: leave the units out")
        return Unit(tuple(f for f in merged if f.power)), number, exact

    def beside(self, other: "Unit") -> "Unit":
        """Both as they're written next to each other: hours/day stays that."""
        powers: dict[str, Factor] = {}
        for factor in (*self.factors, *other.factors):
            there = powers.get(factor.meaning.name)
            power = factor.power + (there.power if there else 0)
            powers[factor.meaning.name] = Factor((there or factor).spelling, power, factor.meaning)
        return Unit(tuple(factor for factor in powers.values() if factor.power))

    def __bool__(self) -> bool:
        return bool(self.factors)

    def __str__(self) -> str:
        above = [_power(f.spelling, f.power) for f in self.factors if f.power > 0]
        below = [_power(f.spelling, -f.power) for f in self.factors if f.power < 0]
        return "/".join(["*".join(above), *below])

    def _key(self) -> tuple[object, ...]:
        return (frozenset((f.meaning.name, f.power) for f in self.factors), self.difference)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Unit) and len(self.factors) == len(other.factors) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def _partner(factors: list[Factor], factor: Factor) -> int | None:
    """Which of the factors to merge one into: its own unit, else one of its dimension, best one it cancels."""
    best: tuple[int, int] | None = None
    for at, there in enumerate(factors):
        if there.meaning.base == factor.meaning.base and there.power:
            rank = (there.meaning.name != factor.meaning.name) * 2 + (there.power * factor.power > 0)
            if (there.meaning.base or not rank // 2) and (best is None or rank < best[0]):
                best = rank, at
    return best[1] if best else None


def _power(spelling: str, power: int) -> str:
    return spelling if power == 1 else f"{spelling}^{power}"


PLAIN = Unit()
"""The unit of a plain number."""

_CURRENCIES = {
    "USD": ("$", "US$", "USD", "dollar", "dollars"),
    "EUR": ("€", "EUR", "euro", "euros"),
    "GBP": ("£", "GBP"),
    "JPY": ("¥", "JPY", "yen"),
    "INR": ("₹", "INR", "rupee", "rupees"),
    "CNY": ("CNY", "yuan", "RMB"),
    "CHF": ("CHF",),
    "CAD": ("CAD",),
    "AUD": ("AUD",),
}
CURRENCY_CODES = frozenset(_CURRENCIES)
CURRENCY_SIGNS = "$€£¥₹"
"""The signs that may stand before a number."""

_SPELLINGS = {
    "degree_Celsius": "°C",
    "degree_Fahrenheit": "°F",
    "percent": "%",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "INR": "₹",
}
"""How a unit is written whatever the spelling it came in."""

_OWN: dict[str, Meaning] = {
    spelling: Meaning(code, Fraction(1), ((code, 1),))
    for code, spellings in _CURRENCIES.items()
    for spelling in spellings
} | {
    "%": Meaning("percent", Fraction(1, 100), ()),
    "percent": Meaning("percent", Fraction(1, 100), ()),
    "percentage": Meaning("percent", Fraction(1, 100), ()),
    # pint's acre is the US survey one (43560.17 square feet); since 2023 the foot has one length only.
    "acre": Meaning("acre", 43560 * Fraction(3048, 10000) ** 2, (("meter", 2),)),
}
for _cent in ("cent", "cents", "¢"):
    _OWN[_cent] = Meaning("cent", Fraction(1, 100), (("USD", 1),))
_OWN["acres"] = _OWN["acre"]
_OWN["pence"] = Meaning("pence", Fraction(1, 100), (("GBP", 1),))

_ALIASES: dict[str, str | tuple[str, int]] = {
    "C": "degree_Celsius",
    "°C": "degree_Celsius",
    "℃": "degree_Celsius",
    "degrees_celsius": "degree_Celsius",
    "degree_celsius": "degree_Celsius",
    "degrees_c": "degree_Celsius",
    "F": "degree_Fahrenheit",
    "°F": "degree_Fahrenheit",
    "℉": "degree_Fahrenheit",
    "degrees_fahrenheit": "degree_Fahrenheit",
    "degrees_f": "degree_Fahrenheit",
    "°": "degree",
    "KB": "kilobyte",
    "kb": "kilobit",
    "Kb": "kilobit",
    "Mb": "megabit",
    "Gb": "gigabit",
    "Tb": "terabit",
    "wk": "week",
    "wks": "week",
    "gm": "gram",
    "gms": "gram",
    "kgs": "kilogram",
    "kms": "kilometer",
    "cms": "centimeter",
    "mms": "millimeter",
    "kilo": "kilogram",
    "kilos": "kilogram",
    "tonnes": "metric_ton",
    "fl_oz": "fluid_ounce",
    "sqft": ("foot", 2),
    "sqm": ("meter", 2),
    "sqkm": ("kilometer", 2),
    "sqmi": ("mile", 2),
}
"""What pint lacks, or reads in a way that nobody who writes to a calculator means (Mb: a megabarn)."""

COMPOUNDS: dict[str, tuple[tuple[str, int], ...]] = {
    "mph": (("miles", 1), ("hour", -1)),
    "kph": (("km", 1), ("h", -1)),
    "kmh": (("km", 1), ("h", -1)),
    "kmph": (("km", 1), ("h", -1)),
    "mpg": (("miles", 1), ("gallon", -1)),
    "fps": (("ft", 1), ("s", -1)),
    "bps": (("bit", 1), ("s", -1)),
    "kbps": (("kilobit", 1), ("s", -1)),
    "Kbps": (("kilobit", 1), ("s", -1)),
    "Mbps": (("megabit", 1), ("s", -1)),
    "Gbps": (("gigabit", 1), ("s", -1)),
    "kWh": (("kW", 1), ("h", 1)),
    "Wh": (("W", 1), ("h", 1)),
    "MWh": (("MW", 1), ("h", 1)),
    "GWh": (("GW", 1), ("h", 1)),
}
"""Words that are several units, taken apart so that 60 mph * 30 min comes out in miles."""

_NO_UNITS = frozenset(
    # Everyday words and constants of nature, which are units to pint (a unit: a micronit; a bag: 94 pounds).
    "a am an are at au do has pm rd rds si th ths u n pi e k c R M G alpha gamma lambda sigma zeta gravity tansec "
    "bag bags candle candles chain chains circle circles count counts cycle cycles dot dots fifth fifths grade "
    "grades gray grays hand hands line lines link links molecule molecules octave octaves particle particles perch "
    "pi point points pole poles quarter quarters rod rods section sections shake shakes shot shots stick sticks "
    "strain thou turn turns unit units".split()
)
_CONSTANTS = ("constant", "number", "mass", "density", "quantum", "radius", "speed_of", "wien_", "_factor", "_space",
              "vacuum", "section", "eulers", "standard_gravity")  # fmt: skip
_PREFIXED = frozenset(
    "m g s A K mol cd Hz N Pa J W V Ω ohm S Wb T H lm lx Bq Gy Sv l L eV B bit byte cal bar pc VA rad".split()
)
"""Symbols that take a one- or two-letter prefix; with any unit, a cat would be a centi-atmosphere."""

_COMMON = (
    "m cm mm km inch ft yard mile meter kilometer foot inches feet miles g kg mg gram kilogram lb pound ounce oz ton "
    "tonne s min h hour day week month year second minute hours minutes seconds days weeks months years l ml liter "
    "gallon cup pint quart °C °F celsius fahrenheit kelvin bit byte KB MB GB TB W kW kWh J kJ cal kcal N Pa bar psi Hz "
    "kHz MHz GHz V A ohm mph acre hectare degree radian percent dollar euro USD EUR GBP"
).split()


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint  # 0.35 s with the registry, measured on two cores: not before a unit is used

    return cast(Any, pint).UnitRegistry(non_int_type=Fraction, cache_folder=None, on_redefinition="raise")


@lru_cache(maxsize=4096)
def _found(word: str) -> tuple[Meaning, int] | None:
    """What a word means as a unit and the power it stands for; None when it's none."""
    for spelling in dict.fromkeys((word, word.lower() if len(word) > 1 else word)):
        if spelling in _OWN:
            return _OWN[spelling], 1
        name = _ALIASES.get(spelling, spelling)
        name, power = name if isinstance(name, tuple) else (name, 1)
        meaning = None if spelling in _NO_UNITS else _in_table(name)
        if meaning is not None:
            return meaning, power
    return None


def _in_table(word: str) -> Meaning | None:
    """A unit from pint's table, unless it's a constant of nature or can't be used in exact products."""
    if not word.replace("_", "").replace("°", "").isalpha() or len(word) > 40:
        return None
    registry = _registry()
    for prefix, name, _ in cast(tuple[tuple[str, str, str], ...], registry.parse_unit_name(word)):
        if prefix and not word.startswith(prefix) and _rest(word) not in _PREFIXED:
            continue
        if any(part in name for part in _CONSTANTS):
            continue
        return _meaning(prefix + name)
    return None


def _rest(word: str) -> str:
    """A word without its short prefix: cm → m, daN → N."""
    return word[2:] if word[:2] in {"da", "Ki", "Mi", "Gi", "Ti", "mc", "mu"} and len(word) > 2 else word[1:]


def _meaning(name: str) -> Meaning | None:
    registry = _registry()
    try:
        readings = [registry.Quantity(Fraction(n), name).to_root_units() for n in range(3)]
    except TypeError:  # a logarithm of a Fraction: decibels and the like don't multiply
        return None
    zero, one, two = (reading.magnitude for reading in readings)
    powers = dict(readings[0].unit_items())
    if not all(isinstance(n, Fraction | int) for n in (zero, one, two)) or two - one != one - zero:
        return None
    if any(Fraction(power).denominator != 1 for power in powers.values()):
        return None
    scale = Fraction(one - zero)
    pi = Fraction(registry.Quantity(Fraction(1), "pi").to_root_units().magnitude).numerator
    return Meaning(
        name=name,
        scale=scale,
        base=tuple(sorted((str(base), int(power)) for base, power in powers.items())),
        offset=Fraction(zero),
        exact=bool(scale.numerator % pi and scale.denominator % pi),
    )


@lru_cache(maxsize=1)
def _all_names() -> tuple[str, ...]:
    return tuple(
        n for n in map(str, _registry()) if len(n) > 3 and n not in _NO_UNITS and not any(c in n for c in _CONSTANTS)
    )


def is_unit(word: str) -> bool:
    """Whether a word names a unit."""
    return word in COMPOUNDS or _found(word) is not None


def lookup(word: str) -> tuple[Meaning, int]:
    """What a unit word means, and the power it stands for (`sqft`: the foot, 2).

    Raises:
        ExpressionError: There's no such unit; names the nearest ones.
    """
    found = _found(word)
    if found is None:
        near = difflib.get_close_matches(word[:40], _COMMON, n=3, cutoff=0.6)
        near += [n for n in difflib.get_close_matches(word[:40].lower(), _COMMON, n=3, cutoff=0.6) if n not in near]
        if not near:
            near = difflib.get_close_matches(word[:40].lower(), _all_names(), n=3, cutoff=0.75)
        way_out = (
            f"did you mean {' or '.join(near[:3])}?" if near else "leave the word out or use a unit such as km or h"
        )
        raise ExpressionError(f"unknown unit {word[:40]!r}; {way_out}")
    return found
