"""Tokens to a tree: HCL's expressions and templates, by operator precedence (Pratt)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from planform.core.values import Value
from planform.language.errors import ExpressionError, Unsuitable
from planform.language.lexer import Token, digits_at, piece_at, token_at
from planform.language.operators import number
from planform.language.syntax import (
    Binary,
    Call,
    Conditional,
    For,
    Literal,
    Name,
    Node,
    Object,
    Splat,
    Step,
    Template,
    Traversal,
    Tuple,
    Unary,
)

DEEPEST = 100  # levels of nesting
LONGEST = 250  # operators in a row


@dataclass(slots=True, eq=False, repr=False)
class _Directive:
    """`%{if}`, `%{else}`, `%{endif}`, `%{for}` or `%{endfor}`, before they are nested."""

    token: Token
    word: str
    node: Node | None = None
    names: tuple[str | None, str] = (None, "")


_Piece: TypeAlias = str | Node | _Directive
_POWER = {
    "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 5, ">": 5, "<=": 5, ">=": 5, "+": 6, "-": 6, "*": 7, "/": 7, "%": 7,
}  # fmt: skip
_KEYWORDS: dict[str, Value] = {"true": True, "false": False, "null": None}


class Parser:
    """Reads `text` from `position` up to `end`."""

    def __init__(self, text: str, position: int = 0, end: int | None = None) -> None:
        self.text, self.position, self.end = text, position, len(text) if end is None else end
        self.last_end = position
        self.depth = 0
        self.bound: tuple[str, ...] = ()
        self.line_ends = False  # whether a new line ends an item, as inside { }
        self._peeked: Token | None = None

    # Tokens

    def peek(self) -> Token:
        if self._peeked is None:
            self._peeked = token_at(self.text, self.position, self.end)
        return self._peeked

    def advance(self) -> Token:
        token = self.peek()
        self.jump(token.end)
        return token

    def jump(self, position: int) -> None:
        self.position = self.last_end = position
        self._peeked = None

    def accept(self, *operators: str) -> Token | None:
        token = self.peek()
        return self.advance() if token.kind == "operator" and token.text in operators else None

    def expect(self, operator: str, after: str, opened: int | None = None) -> Token:
        token = self.accept(operator)
        if token is not None:
            return token
        found = self.peek()
        if found.kind == "end" and opened is not None:
            raise ExpressionError(f"Unclosed {after}", f'There is no "{operator}" for this opening.', offset=opened)
        raise self.unexpected(f'"{operator}" to end the {after}' if opened is not None else f'"{operator}" {after}')

    def keyword(self, word: str) -> bool:
        token = self.peek()
        if token.kind == "identifier" and token.text == word:
            self.advance()
            return True
        return False

    def identifier(self, what: str) -> str:
        if self.peek().kind != "identifier":
            raise self.unexpected(what)
        return self.advance().text

    def unexpected(self, wanted: str) -> ExpressionError:
        token = self.peek()
        if token.kind == "end":
            return ExpressionError(
                "Missing expression",
                f"The expression ends where {wanted} is expected.",
                offset=max(self.last_end - 1, 0),
            )
        hints = {
            "=": "Write == to compare.",
            "'": "",
            "}": "A closing brace too many?",
            ")": "A closing parenthesis too many?",
        }
        return ExpressionError(
            "Invalid expression",
            f'Expected {wanted}, found "{token.text}".',
            hints.get(token.text, ""),
            token.start,
            len(token.text),
        )

    @contextmanager
    def lines(self, line_ends: bool) -> Iterator[None]:
        before, self.line_ends = self.line_ends, line_ends
        yield
        self.line_ends = before

    @contextmanager
    def names(self, *names: str | None) -> Iterator[None]:
        before, self.bound = self.bound, (*self.bound, *filter(None, names))
        yield
        self.bound = before

    # Expressions

    def whole(self) -> Node:
        """One expression and nothing after it."""
        node = self.expression()
        if self.peek().kind != "end":
            raise self.unexpected("an operator or the end of the expression")
        return node

    def expression(self, power: int = 0) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError(
                "Expression is nested too deeply",
                f"There are more than {DEEPEST} levels of parentheses, brackets or operators here.",
                "Give parts of it names under `locals`.",
                self.position,
            )
        left = self.prefix()
        for _ in range(LONGEST):
            token = self.peek()
            if token.kind != "operator" or (self.line_ends and "\n" in self.text[self.last_end : token.start]):
                break
            if token.text == "?" and power < 1:
                left = self.conditional(left)
                continue
            binding = _POWER.get(token.text, 0)
            if binding <= power:
                break
            self.advance()
            right = self.expression(binding)
            left = Binary(left.start, right.end, token.text, left, right)
        else:
            raise ExpressionError(
                "Expression is too long",
                f"There are more than {LONGEST} operators in a row.",
                "Use join, sum, concat, alltrue or anytrue over a list.",
                self.position,
            )
        self.depth -= 1
        return left

    def conditional(self, condition: Node) -> Node:
        self.advance()
        then = self.expression()
        self.expect(":", "between the two results of this condition")
        otherwise = self.expression()
        return Conditional(condition.start, otherwise.end, condition, then, otherwise)

    def prefix(self) -> Node:
        token = self.peek()
        if token.kind == "operator" and token.text in "-!":
            self.advance()
            self.depth += 1
            operand = self.expression(8)
            self.depth -= 1
            return Unary(token.start, operand.end, token.text, operand)
        return self.traversal(self.primary())

    def primary(self) -> Node:
        token = self.peek()
        match token.kind, token.text:
            case "number", text:
                self.advance()
                try:
                    return Literal(token.start, token.end, number(text))
                except Unsuitable as error:
                    length = token.end - token.start
                    raise ExpressionError("Invalid number", error.detail, "", token.start, length) from None
            case "quote", quote:
                self.jump(token.end)
                return self.template(token, quote)
            case "heredoc", _:
                return self.heredoc()
            case "operator", "(":
                self.advance()
                with self.lines(False):
                    inner = self.expression()
                    self.expect(")", "parentheses", token.start)
                return inner
            case "operator", "[":
                return self.tuple_literal()
            case "operator", "{":
                return self.object_literal()
            case "identifier", name:
                self.advance()
                if self.peek().text == "(" and self.peek().kind == "operator" and self.peek().start == token.end:
                    return self.call(token)
                if name in _KEYWORDS:
                    return Literal(token.start, token.end, _KEYWORDS[name])
                return Name(token.start, token.end, name, name in self.bound)
        raise self.unexpected("a value")

    def call(self, name: Token) -> Node:
        opened = self.advance()
        arguments: list[Node] = []
        expand = False
        with self.lines(False):
            while not (closing := self.accept(")")):
                arguments.append(self.expression())
                if self.accept("..."):
                    expand = True
                    self.accept(",")
                    closing = self.expect(")", f"arguments of {name.text}", opened.start)
                    break
                if not self.accept(",") and self.peek().text != ")":
                    self.expect(")", f"arguments of {name.text}", opened.start)
        return Call(name.start, closing.end, name.text, tuple(arguments), expand)

    def traversal(self, base: Node) -> Node:
        steps: list[Step | Splat] = []
        while step := self.step(legacy=False):
            steps.append(step)
        if not steps:
            return base
        if isinstance(base, Traversal):  # (a.b).c is a.b.c
            return Traversal(base.start, steps[-1].end, base.base, (*base.steps, *steps))
        return Traversal(base.start, steps[-1].end, base, tuple(steps))

    def step(self, legacy: bool) -> Step | Splat | None:
        """The next `.name`, `.0`, `[key]`, `[*]` or `.*`. After `.*` only names follow (`legacy`)."""
        token = self.peek()
        if token.kind != "operator" or token.text not in (".", "[") or (token.text == "[" and legacy):
            return None
        if self.line_ends and "\n" in self.text[self.last_end : token.start]:
            return None
        self.advance()
        if token.text == ".":
            if self.accept("*"):
                return self.splat(token, legacy=True)
            digits = digits_at(self.text, self.position, self.end)
            if digits:
                self.jump(digits.end)
                return Step(token.start, digits.end, Literal(digits.start, digits.end, int(digits.text)), False)
            name = self.peek()
            self.identifier("a name after the dot")
            return Step(token.start, name.end, Literal(name.start, name.end, name.text), True)
        with self.lines(False):
            if self.accept("*"):
                self.expect("]", "index", token.start)
                return self.splat(token, legacy=False)
            key = self.expression()
            closing = self.expect("]", "index", token.start)
        return Step(token.start, closing.end, key, False)

    def splat(self, opened: Token, legacy: bool) -> Splat:
        steps: list[Step | Splat] = []
        end = self.last_end
        self.depth += 1
        while step := self.step(legacy):
            steps.append(step)
        self.depth -= 1
        return Splat(opened.start, steps[-1].end if steps else end, tuple(steps))

    def tuple_literal(self) -> Node:
        opened = self.advance()
        with self.lines(False):
            if self.keyword("for"):
                return self.for_expression(opened, "]")
            items: list[Node] = []
            while not (closing := self.accept("]")):
                items.append(self.expression())
                if not self.accept(",") and self.peek().text != "]":
                    self.expect("]", "list", opened.start)
        return Tuple(opened.start, closing.end, tuple(items))

    def object_literal(self) -> Node:
        opened = self.advance()
        with self.lines(False):
            if self.keyword("for"):
                return self.for_expression(opened, "}")
        items: list[tuple[Node, Node]] = []
        while not (closing := self.accept("}")):
            with self.lines(True):
                key = self.object_key()
                if not self.accept("=", ":"):
                    raise self.unexpected('"=" or ":" after the key')
                items.append((key, self.expression()))
            next_line = "\n" in self.text[self.last_end : self.peek().start]
            if not self.accept(",") and not next_line and self.peek().text != "}":
                self.expect("}", "object", opened.start)
        return Object(opened.start, closing.end, tuple(items))

    def object_key(self) -> Node:
        token = self.peek()
        if token.kind == "identifier":
            self.advance()
            if self.peek().text in ("=", ":"):
                return Literal(token.start, token.end, token.text)
            self.jump(token.start)
        return self.expression()

    def for_expression(self, opened: Token, closing: str) -> Node:
        names, collection = self.for_intro()
        self.expect(":", "after the collection of this for")
        key: Node | None = None
        group = False
        condition: Node | None = None
        with self.names(*names):
            value = self.expression()
            if closing == "}":
                self.expect("=>", "between key and value")
                key, value = value, self.expression()
                group = self.accept("...") is not None
            if self.keyword("if"):
                condition = self.expression()
        end = self.expect(closing, "for", opened.start).end
        return For(opened.start, end, *names, collection, key, value, condition, group)

    def for_intro(self) -> tuple[tuple[str | None, str], Node]:
        first: str | None = None
        second = self.identifier("a name for each element")
        if self.accept(","):
            first, second = second, self.identifier("a name for each element")
        if not self.keyword("in"):
            raise self.unexpected('"in" and a collection')
        return (first, second), self.expression()

    # Templates

    def template(self, opened: Token, quote: str) -> Node:
        """A template up to its closing quote, or to the end of the text when there is no quote."""
        pieces = self.pieces(opened, quote)
        return _nest(pieces, opened.start, self.last_end)

    def heredoc(self) -> Node:
        opened = self.advance()
        word = opened.text.strip().lstrip("<").removeprefix("-")
        closing = re.compile(rf"^[ \t]*{re.escape(word)}[ \t]*\r?$", re.MULTILINE).search(
            self.text, opened.end, self.end
        )
        if closing is None:
            raise ExpressionError(
                "Unclosed heredoc",
                f"There is no line with only {word} on it.",
                offset=opened.start,
                length=len(word) + 2,
            )
        inner = Parser(self.text, opened.end, closing.start())
        inner.bound, inner.depth = self.bound, self.depth
        pieces = inner.pieces(opened, "")
        if opened.text.startswith("<<-"):
            _flush(pieces)
        self.jump(closing.end())
        return _nest(pieces, opened.start, closing.end())

    def pieces(self, opened: Token, quote: str) -> list[_Piece]:
        """Literal lines, interpolations and directives in a row, trimmed where `~` says so."""
        pieces: list[_Piece] = []
        trim = False
        outer, line_ends = self.bound, self.line_ends
        self.line_ends = False
        while True:
            literal, token = piece_at(self.text, self.position, self.end, quote)
            lines = [literal] if quote else literal.splitlines(keepends=True)
            # As in HCL `~` takes away space on its own line only, and the end of that line.
            if trim and lines:
                lines[0] = lines[0].lstrip()
            if token.text.endswith("~") and lines:
                lines[-1] = lines[-1].rstrip()
            pieces.extend(filter(None, lines))
            self.jump(token.end)
            if token.kind != "open":
                break
            pieces.append(self.expression_or_directive(token))
            trim = self.text[self.position - 2] == "~"
        if token.kind == "end" and quote:
            raise ExpressionError(
                "Unclosed string", f"There is no closing {quote} for this string.", offset=opened.start
            )
        self.bound, self.line_ends = outer, line_ends
        return pieces

    def expression_or_directive(self, opened: Token) -> Node | _Directive:
        piece = self.directive(opened) if opened.text[0] == "%" else self.expression()
        if not self.accept("}", "~}"):
            if self.peek().kind == "end":
                raise ExpressionError(
                    "Unclosed template interpolation sequence",
                    f'There is no closing brace for this "{opened.text[:2]}".',
                    f'Write ${opened.text[:2]} for a literal "{opened.text[:2]}".' if opened.text[0] == "$" else "",
                    opened.start,
                    2,
                )
            raise self.unexpected('an operator or "}"')
        return piece

    def directive(self, opened: Token) -> _Directive:
        word = self.identifier("if, else, endif, for or endfor")
        match word:
            case "if":
                return _Directive(opened, word, self.expression())
            case "for":
                names, collection = self.for_intro()
                self.bound = (*self.bound, *filter(None, names))
                return _Directive(opened, word, collection, names)
            case "else" | "endif" | "endfor":
                return _Directive(opened, word)
        raise ExpressionError(
            "Invalid template directive",
            f'"{word}" is not a directive.',
            'Write %%{ for a literal "%{".',
            opened.start,
            self.last_end - opened.start,
        )


def _nest(pieces: list[_Piece], start: int, end: int) -> Node:
    """The tree of a flat run of template pieces."""
    root: list[Node] = []
    open_parts = root
    # Each open directive with the parts outside it and, after %{else}, those of its first branch.
    stack: list[tuple[_Directive, list[Node], list[Node] | None]] = []
    for piece in pieces:
        if isinstance(piece, str):
            open_parts.append(Literal(start, end, piece))
        elif isinstance(piece, Node):
            open_parts.append(piece)
        elif piece.word in ("if", "for"):
            stack.append((piece, open_parts, None))
            open_parts = []
        else:
            wanted = "for" if piece.word == "endfor" else "if"
            directive, outside, first = stack.pop() if stack else (piece, root, None)
            if directive.word != wanted or directive.node is None or (piece.word == "else" and first is not None):
                raise _misplaced(piece, f"There is no open %{{{wanted}}} for this %{{{piece.word}}}.")
            body = Template(directive.token.start, piece.token.end, tuple(open_parts))
            if piece.word == "else":
                stack.append((directive, outside, open_parts))
                open_parts = []
                continue
            at = (directive.token.start, piece.token.end)
            if wanted == "for":
                outside.append(For(*at, *directive.names, directive.node, None, body, text=True))
            else:
                then, otherwise = (body, Template(*at, ())) if first is None else (Template(*at, tuple(first)), body)
                outside.append(Conditional(*at, directive.node, then, otherwise))
            open_parts = outside
    if stack:
        raise _misplaced(stack[-1][0], f"There is no %{{end{stack[-1][0].word}}} for this %{{{stack[-1][0].word}}}.")
    if all(isinstance(part, Literal) and isinstance(part.value, str) for part in root) and not any(
        isinstance(piece, Node) for piece in pieces
    ):
        return Literal(start, end, "".join(str(part.value) for part in root if isinstance(part, Literal)))
    return Template(start, end, tuple(root))


def _misplaced(directive: _Directive, detail: str) -> ExpressionError:
    token = directive.token
    return ExpressionError(
        "Unclosed or misplaced template directive", detail, offset=token.start, length=len(token.text)
    )


def _flush(pieces: list[_Piece]) -> None:
    """Take away the indentation that all lines of a `<<-` heredoc share."""
    starts: list[int] = []
    fewest: int | None = None
    new_line = True
    for index, piece in enumerate(pieces):
        if new_line:
            blank = isinstance(piece, str) and not piece.strip() and piece.endswith("\n")
            if not blank:
                spaces = len(piece) - len(piece.lstrip()) if isinstance(piece, str) else 0
                fewest = spaces if fewest is None else min(fewest, spaces)
                starts.append(index)
        new_line = isinstance(piece, str) and piece.endswith("\n")
    for index in starts:
        piece = pieces[index]
        if isinstance(piece, str):
            pieces[index] = piece[fewest:]
