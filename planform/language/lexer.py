"""Characters to tokens. Tokens are cut when the parser asks, because inside quotes other rules hold."""

from __future__ import annotations

import re
from typing import NamedTuple

from planform.language.errors import ExpressionError


class Token(NamedTuple):
    kind: str  # number, identifier, heredoc, quote, operator, end
    text: str
    start: int
    end: int


IDENTIFIER = r"[^\W\d][\w-]*"
_SPACE = re.compile(r"(?:\s+|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(
    rf"""(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<identifier>{IDENTIFIER})
    |(?P<heredoc><<-?{IDENTIFIER}[ \t]*\r?\n)
    |(?P<quote>["'])
    |(?P<operator>&&|\|\||==|!=|<=|>=|=>|\.\.\.|~\}}|[-+*/%<>!?:.,()\[\]{{}}=])""",
    re.VERBOSE,
)
_DIGITS = re.compile(r"\d+")
# Literal text of a template runs up to the next opening, escape or end. A doubled sign before `{` is a literal one.
_MARKER = r"(?P<literal>\$\$\{|%%\{)|(?P<open>[$%]\{~?)"
_PIECE = {
    '"': re.compile(
        _MARKER + r'|(?P<escape>\\(?:[nrt"\\]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}))|(?P<bad>\\|\n)|(?P<close>")'
    ),
    "'": re.compile(_MARKER + r"|(?P<double>'')|(?P<bad>\n)|(?P<close>')"),
    "": re.compile(_MARKER),
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def token_at(text: str, position: int, end: int) -> Token:
    """The token after the space and comments at `position`."""
    space = _SPACE.match(text, position, end)
    start = space.end() if space else position
    if start >= end:
        return Token("end", "", end, end)
    found = _TOKEN.match(text, start, end)
    if found is None:
        raise _bad_character(text, start)
    if text.startswith("/*", start):
        raise ExpressionError("Unterminated comment", "There is no */ for this /*.", offset=start, length=2)
    return Token(str(found.lastgroup), found.group(), start, found.end())


def digits_at(text: str, position: int, end: int) -> Token | None:
    """The digits of `a.0`: there `0.1` is two keys, not a number."""
    found = _DIGITS.match(text, position, end)
    return found and Token("number", found.group(), position, found.end())


def piece_at(text: str, position: int, end: int, quote: str) -> tuple[str, Token]:
    """Literal template text from `position`, and what ended it: a token `open`, `close` or `end`."""
    literal: list[str] = []
    for found in _PIECE[quote].finditer(text, position, end):
        literal.append(text[position : found.start()])
        position = found.end()
        match found.lastgroup:
            case "literal" | "double":
                literal.append(found.group()[1:])
            case "escape":
                code = found.group()[1:]
                literal.append(_ESCAPES[code] if code in _ESCAPES else _character(code, found.start()))
            case "bad" if found.group() == "\n":
                raise ExpressionError(
                    "Unclosed string",
                    "The line ends before this string does; a string in quotes stays on one line.",
                    "Write \\n for a new line, or use a heredoc: <<EOT.",
                    found.start(),
                )
            case "bad":
                raise ExpressionError(
                    "Invalid escape sequence",
                    f'"{text[found.start() :][:2]}" is not one of \\n \\r \\t \\" \\\\ \\uNNNN \\UNNNNNNNN.',
                    "Write \\\\ for a backslash, or put the string in single quotes, where backslashes are literal.",
                    found.start(),
                    2,
                )
            case kind:
                return "".join(literal), Token(str(kind), found.group(), found.start(), found.end())
    literal.append(text[position:end])
    return "".join(literal), Token("end", "", end, end)


def _character(code: str, offset: int) -> str:
    number = int(code[1:], 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise ExpressionError(
            "Invalid escape sequence", f"\\{code} is not a Unicode character.", offset=offset, length=len(code) + 1
        )
    return chr(number)


def _bad_character(text: str, start: int) -> ExpressionError:
    hints = {
        "&": "Write && for a logical and.",
        "|": "Write || for a logical or.",
        "`": "Put strings in double or single quotes.",
        ";": "Separate elements with commas.",
        "$": "Inside ${ } a name stands alone: write var.x, not ${var.x}.",
    }
    return ExpressionError(
        "Invalid character", f"{text[start]!r} has no meaning in an expression.", hints.get(text[start], ""), start
    )
