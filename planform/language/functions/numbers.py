"""Numbers."""

from __future__ import annotations

import math

from planform.core.schemas import number_text
from planform.core.values import Value
from planform.language.errors import Unsuitable
from planform.language.operators import exact, tidy

STRUCTURAL = RAW = ()
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def abs_(number: float) -> Value:
    return abs(number)


def ceil(number: float) -> Value:
    return math.ceil(number)


def floor(number: float) -> Value:
    return math.floor(number)


def log(number: float, base: float) -> Value:
    if number <= 0 or base <= 0 or base == 1:
        raise Unsuitable(f"there is no logarithm of {number_text(number)} to the base {number_text(base)}.")
    return tidy(math.log(number) / math.log(base))


def max_(number: float, *numbers: float) -> Value:
    return max(number, *numbers, number)


def min_(number: float, *numbers: float) -> Value:
    return min(number, *numbers, number)


def parseint(number: Value, base: int) -> Value:
    if not isinstance(number, str):
        raise Unsuitable("a string is required.", argument=0)
    if not 2 <= base <= 62:
        raise Unsuitable("base must be a whole number between 2 and 62 inclusive.", argument=1)
    # Up to base 36 capitals mean the same as small letters.
    text = number if base > 36 else number.lower()
    digits = text.removeprefix("-").removeprefix("+") if text[:2] not in ("-+", "+-") else ""
    total = 0
    for digit in digits:
        value = _DIGITS.find(digit)
        if not 0 <= value < base:
            digits = ""
            break
        total = total * base + value
    if not digits:
        raise Unsuitable(f'cannot parse "{number}" as a base {base} integer.', argument=0)
    return -total if text.startswith("-") else total


def pow_(number: float, power: float) -> Value:
    try:
        return tidy(exact(math.pow(number, power)))
    except (OverflowError, ValueError):
        raise Unsuitable(
            f"{number_text(number)} to the power of {number_text(power)} is no number that can be held."
        ) from None


def signum(number: int) -> Value:
    return (number > 0) - (number < 0)
