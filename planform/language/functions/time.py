"""Times, as RFC 3339 text. The clock is never read: what is now is only known at apply (S1.7)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from planform.core.values import Unknown, Value
from planform.language.environment import Scope
from planform.language.errors import Unsuitable

STRUCTURAL = RAW = ()
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_VERB = re.compile(r"'((?:[^']|'')*)'|(')|(([a-zA-Z])\4*)|([^a-zA-Z']+)")
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def timestamp() -> Value:
    return Unknown("timestamp()")


def plantimestamp(scope: Scope) -> Value:
    return scope.plan_time


def timeadd(timestamp: str, duration: str) -> Value:
    return _text(_shifted(_parsed(timestamp, 0), _seconds(duration)))


def timecmp(timestamp_a: str, timestamp_b: str) -> Value:
    first, second = _parsed(timestamp_a, 0), _parsed(timestamp_b, 1)
    return (first > second) - (first < second)


def formatdate(spec: str, time: str) -> Value:
    moment = _parsed(time, 1)
    texts: list[str] = []
    for found in _VERB.finditer(spec):
        if found[2]:
            raise Unsuitable("unterminated literal '.", argument=0)
        texts.append(_verb(found[3], moment) if found[3] else found[5] or (found[1] or "").replace("''", "'"))
    return "".join(texts)


def _verb(verb: str, moment: datetime) -> str:
    zone = moment.strftime("%z")
    zone = f"{zone[:3]}:{zone[3:5]}"
    utc = zone == "+00:00"
    month, day, hour = _MONTHS[moment.month - 1], _DAYS[moment.weekday()], moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    known = {
        "YYYY": f"{moment.year:04}", "YY": f"{moment.year % 100:02}",
        "MMMM": month, "MMM": month[:3], "MM": f"{moment.month:02}", "M": str(moment.month),
        "DD": f"{moment.day:02}", "D": str(moment.day), "EEEE": day, "EEE": day[:3],
        "hh": f"{moment.hour:02}", "h": str(moment.hour), "HH": f"{hour:02}", "H": str(hour),
        "AA": half, "aa": half.lower(),
        "mm": f"{moment.minute:02}", "m": str(moment.minute), "ss": f"{moment.second:02}", "s": str(moment.second),
        "ZZZZZ": zone, "ZZZZ": zone.replace(":", ""), "ZZZ": "UTC" if utc else zone.replace(":", ""),
        "Z": "Z" if utc else zone,
    }  # fmt: skip
    if verb not in known:
        raise Unsuitable(
            f'invalid date format verb "{verb}".',
            f"There are {' '.join(known)}. Other letters stand in single quotes.",
            argument=0,
        )
    return known[verb]


def _parsed(text: str, argument: int) -> datetime:
    found = _TIME.fullmatch(text)
    if found:
        fraction = f"{found[3] or ''}000000"[:7] if found[3] else ""
        try:
            return datetime.fromisoformat(f"{found[1]}T{found[2]}{fraction}{found[4]}")
        except ValueError:
            pass
    raise Unsuitable(
        f'"{text}" is not a valid RFC 3339 timestamp.', "It looks like 2026-01-02T15:04:05Z.", argument=argument
    )


def _seconds(duration: str) -> float:
    body = duration.removeprefix("-") if duration.startswith("-") else duration.removeprefix("+")
    parts = _DURATION.findall(body)
    if body != "0" and (not parts or "".join(map("".join, parts)) != body):
        raise Unsuitable(
            f'"{duration}" is not a duration.', 'It looks like "1h30m", with h, m, s, ms, us or ns.', argument=1
        )
    total = sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    return -total if duration.startswith("-") else total


def _shifted(moment: datetime, seconds: float) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        raise Unsuitable("the result is beyond the year 9999 or before the year 1.", argument=1) from None


def _text(moment: datetime) -> str:
    if moment.utcoffset() == timedelta(0):
        moment = moment.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    zone = moment.strftime("%z")
    return f"{moment.isoformat(timespec='seconds')[:19]}{zone[:3]}:{zone[3:5]}"
