"""`format` and `formatlist`: Go's verbs."""

from __future__ import annotations

import re
from decimal import Decimal

from planform.core.values import Set, Value
from planform.language.errors import Unsuitable
from planform.language.functions.encoding import json_text
from planform.language.operators import exact, to_bool, to_number, to_text

STRUCTURAL = RAW = ()
_VERB = re.compile(
    r"%(?:%|(?P<flags>[ +#0-]*)(?P<width>\d{1,4})?(?:\.(?P<precision>\d{0,4}))?(?:\[(?P<index>\d+)\])?(?P<verb>.)?)",
    re.DOTALL,
)
_VERBS = "vtbdoxXeEfFgGsq"


def format_(spec: str, *values: Value) -> Value:
    texts: list[str] = []
    position = used = following = 0
    for found in _VERB.finditer(spec):
        texts.append(spec[position : found.start()])
        position = found.end()
        if found.group() == "%%":
            texts.append("%")
            continue
        if found["verb"] is None or found["verb"] not in _VERBS:
            raise Unsuitable(
                f'unsupported format verb in "{found.group()}" at offset {found.start()}.',
                f"There are %{' %'.join(_VERBS)}.",
            )
        following = int(found["index"]) if found["index"] else following + 1
        if not 0 < following <= len(values):
            raise Unsuitable(
                f'not enough arguments for "{found.group()}" at {found.start()}: '
                f"need index {following} but have {len(values)} total."
            )
        used = max(used, following)
        try:
            texts.append(_formatted(found, values[following - 1]))
        except Unsuitable as error:
            raise Unsuitable(
                f'unsupported value for "{found.group()}" at {found.start()}: {error.detail}', argument=following
            ) from None
    if used < len(values):
        raise Unsuitable(f"too many arguments; the format string uses {used or 'none'}.", argument=used + 1)
    return "".join((*texts, spec[position:]))


def formatlist(spec: str, *values: Value) -> Value:
    sizes = {index: len(value) for index, value in enumerate(values, start=1) if isinstance(value, (list, Set))}
    if len(set(sizes.values())) > 1:
        raise Unsuitable(
            f"the lists have different lengths: {', '.join(map(str, sizes.values()))}.", argument=max(sizes)
        )
    rows = next(iter(sizes.values()), 1)
    return [
        format_(spec, *(value[row] if index in sizes else value for index, value in enumerate(values, start=1)))
        for row in range(rows)
    ]


def _formatted(found: re.Match[str], value: Value) -> str:
    flags, verb = found["flags"], found["verb"]
    width = int(found["width"] or 0)
    precision = None if found["precision"] is None else int(found["precision"] or 0)
    if verb == "v":
        if "#" in flags or value is None or isinstance(value, (list, dict, Set)):
            return _padded(json_text(value), flags, width)
        verb = "t" if isinstance(value, bool) else "s" if isinstance(value, str) else "g"
    if verb == "t":
        return to_text(to_bool(value))
    if verb in "sq":
        text = to_text(value)[:precision]
        return _padded(json_text(text) if verb == "q" else text, flags, width)
    number = to_number(value)
    if verb in "bdoxX":
        if not isinstance(number, int):
            raise Unsuitable("a whole number is required.")
        digits = format(abs(number), f"{'#' if '#' in flags else ''}{verb}")
    elif verb in "gG" and precision is None:
        digits = _shortest(exact(abs(number)), verb)
    else:
        digits = format(exact(abs(number)), f".{6 if precision is None else precision}{verb}")
        digits = _exponent(digits)
    sign = "-" if number < 0 else "+" if "+" in flags else " " if " " in flags else ""
    if "0" in flags and "-" not in flags:
        return sign + digits.rjust(width - len(sign), "0")
    return _padded(sign + digits, flags, width)


def _padded(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    return text.rjust(width, "0" if "0" in flags else " ")


def _shortest(number: Decimal, verb: str) -> str:
    """`%g` without a precision: all digits, in scientific form from a million up and below a ten-thousandth."""
    number = number.normalize()
    if number and not -4 <= number.adjusted() < 6:
        text = format(number, "e" if verb == "g" else "E")
        return _exponent(text)
    return format(number, "f")


def _exponent(text: str) -> str:
    """Go writes exponents with two digits at least."""
    return re.sub(r"([eE][+-])(\d)$", r"\g<1>0\2", text)
