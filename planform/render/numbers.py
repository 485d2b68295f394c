"""Numbers and times as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from planform.render.values import value_text


def metrics_text(metrics: Mapping[str, float], most: int = 4) -> str:
    """`accuracy 0.957, loss 0.13`."""
    return ", ".join(f"{name} {number(value)}" for name, value in list(metrics.items())[:most])


def number(value: float) -> str:
    """A metric in at most four significant digits."""
    return value_text(value) if isinstance(value, int) else f"{value:.4g}"


def seconds_text(seconds: float) -> str:
    """`0.2 s`, `41 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def duration(start: str, end: str) -> float | None:
    """Seconds between two RFC 3339 times, when both are known."""
    if not start or not end:
        return None
    from datetime import datetime

    try:
        return max((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 0.0)
    except ValueError:
        return None
