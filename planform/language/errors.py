"""What can go wrong in an expression: an error with its place in the text, and a bare refusal that has no place yet."""

from __future__ import annotations

from planform.core.errors import PlanformError


class Unsuitable(ValueError):
    """Values an operator or function cannot work with; who called it knows the place and makes an ExpressionError."""

    def __init__(self, detail: str, suggestion: str = "", summary: str = "", argument: int | None = None) -> None:
        super().__init__(detail)
        self.detail, self.suggestion, self.summary, self.argument = detail, suggestion, summary, argument


class ExpressionError(PlanformError):
    """An expression that cannot be read or evaluated. `offset` and `length` count characters inside its text."""

    def __init__(
        self,
        summary: str,
        detail: str = "",
        suggestion: str = "",
        offset: int = 0,
        length: int = 1,
        values: tuple[str, ...] = (),
    ) -> None:
        super().__init__(summary, detail, suggestion)
        self.offset, self.length, self.values = offset, length, values
