"""The catalogue of a hub, and the two ways to ask it: filters by what is known of a model, and a search of its words.

Both grammars are those of SageMaker's SDK, with what it leaves out: AND, OR, NOT and parentheses in filters too, errors
instead of silence, and a plain word that is found anywhere in a name or keyword.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeAlias

from planform.core.errors import PlanformError, did_you_mean
from planform.core.values import Value


class Entry(NamedTuple):
    """A model in the catalogue of a hub (SageMaker ListHubContents)."""

    model_id: str
    version: str
    display_name: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()


Facts: TypeAlias = Mapping[str, Value]
# Tests one model; the facts of its document are asked for only when a filter needs them.
Test: TypeAlias = Callable[[Entry, Callable[[Entry], Facts]], bool]

# Keys that a catalogue answers by itself.
KEYS = ("model_id", "version", "framework", "task", "display_name", "description", "search_keywords")
# Keys for which the document of each model must be read: members of HubContentDocument, in snake case.
DOCUMENT_KEYS = (
    "model_types", "min_sdk_version", "training_supported", "incremental_training_supported", "gated_bucket", "license",
    "provider", "data_type", "capabilities", "default_training_instance_type", "supported_training_instance_types",
    "training_volume_size", "training_enable_network_isolation", "max_runtime_in_seconds", "fine_tuning_supported",
    "default_inference_instance_type", "supported_inference_instance_types", "url",
)  # fmt: skip

# In the order in which they are looked for: the first that splits the text in two decides.
_OPERATORS = (
    ("starts", (" begins with ", " starts with ")),
    ("ends", (" ends with ",)),
    ("not includes", (" not includes ", " not contains ")),
    ("includes", (" includes ", " contains ")),
    ("!=", ("!==", "!=", " not equals ", " is not ")),
    ("not in", (" not in ",)),
    ("==", ("===", "==", " equals ", " is ")),
    ("in", (" in ",)),
)
_WORD = re.compile(r"\s*(\(|\)|\"[^\"]*\"|'[^']*'|[^\s()]+)")


def parse_filter(text: str) -> Test:
    """A filter such as `task == tc AND NOT framework in ["mxnet"]`.

    Raises:
        PlanformError: it cannot be read, or names a key that there is not.
    """
    pieces = [piece for piece in re.split(r"(\s+(?:AND|OR)(?=\s|$)|\bNOT\s+|[()])", text) if piece.strip()]
    tokens = [piece.strip() if piece.strip() in ("AND", "OR", "NOT", "(", ")") else piece for piece in pieces]
    return _Parser(_with_lists(tokens), _comparison, text).whole()


def parse_search(text: str) -> Test:
    """A search such as `bert AND NOT *large*`. Words side by side must all match.

    Raises:
        PlanformError: it cannot be read.
    """
    words = [match[1] for match in _WORD.finditer(text)]
    joined: list[str] = []
    for word in words:
        form = word.upper() if word.upper() in ("AND", "OR", "NOT") else word
        if joined and joined[-1] not in ("AND", "OR", "NOT", "(") and form not in ("AND", "OR", ")"):
            joined.append("AND")
        joined.append(form)
    return _Parser(joined, _pattern, text).whole()


def _with_lists(tokens: Sequence[str]) -> list[str]:
    """Parentheses of a literal, `in ("a", "b")`, belong to it."""
    joined: list[str] = []
    depth = 0
    for token in tokens:
        opens = token == "(" and bool(joined) and re.search(r"\sin\s*$", joined[-1]) is not None
        if depth or opens:
            joined[-1] += token
            depth += (token == "(") - (token == ")")
        else:
            joined.append(token)
    return joined


class _Parser:
    """or := and (OR and)*; and := not (AND not)*; not := NOT not | ( or ) | leaf."""

    def __init__(self, tokens: Sequence[str], leaf: Callable[[str], Test], text: str) -> None:
        self.tokens, self.leaf, self.text, self.place = list(tokens), leaf, text, 0

    def whole(self) -> Test:
        test = self._or()
        if self.place < len(self.tokens):
            raise self._error(f'"{self.tokens[self.place].strip()}" is not expected there.')
        return test

    def _or(self) -> Test:
        parts = [self._and()]
        while self._take("OR"):
            parts.append(self._and())
        return (lambda entry, facts: any(part(entry, facts) for part in parts)) if len(parts) > 1 else parts[0]

    def _and(self) -> Test:
        parts = [self._not()]
        while self._take("AND"):
            parts.append(self._not())
        return (lambda entry, facts: all(part(entry, facts) for part in parts)) if len(parts) > 1 else parts[0]

    def _not(self) -> Test:
        if self._take("NOT"):
            inner = self._not()
            return lambda entry, facts: not inner(entry, facts)
        if self._take("("):
            inner = self._or()
            if not self._take(")"):
                raise self._error("a parenthesis is not closed.")
            return inner
        if self.place == len(self.tokens) or self.tokens[self.place] in ("AND", "OR", ")"):
            raise self._error("something is missing.")
        self.place += 1
        return self.leaf(self.tokens[self.place - 1])

    def _take(self, token: str) -> bool:
        found = self.place < len(self.tokens) and self.tokens[self.place] == token
        self.place += found
        return found

    def _error(self, why: str) -> PlanformError:
        return PlanformError(f'"{self.text}" cannot be read: {why}')


def _comparison(text: str) -> Test:
    for operator, forms in _OPERATORS:
        for form in forms:
            parts = text.split(form) if form.strip() == form else re.split(re.escape(form), text, flags=re.I)
            if len(parts) == 2 and all(part.strip() for part in parts):
                key, value = parts[0].strip(), parts[1].strip()
                if key not in KEYS and key not in DOCUMENT_KEYS:
                    raise PlanformError(
                        f'Models have no "{key}" to be filtered by.',
                        suggestion=did_you_mean(key, (*KEYS, *DOCUMENT_KEYS)),
                    )
                if value == _unquoted(value) and (word := re.search(r"\s(and|or)\s", value)) is not None:
                    raise PlanformError(
                        f'"{value}" is not one value.',
                        suggestion=f"Filters are joined by {word[1].upper()}; a value with this word goes in quotes.",
                    )
                wanted = _literal(value, text) if operator in ("in", "not in") else _unquoted(value)
                return lambda entry, facts, op=operator: _holds(_value(entry, key, facts), op, wanted)  # type: ignore[misc]
    raise PlanformError(
        f'"{text}" is no filter.',
        suggestion='Write KEY OPERATOR VALUE, such as task == tc, or model_id contains "bert".',
    )


def _literal(value: str, text: str) -> list[str]:
    from ast import literal_eval

    try:
        found = literal_eval(value)
        return [str(item) for item in found]
    except (ValueError, SyntaxError, TypeError):
        raise PlanformError(
            f'"{text}": {value} is no list.', suggestion='Write it so: task in ["tc", "textgeneration"].'
        ) from None


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _value(entry: Entry, key: str, facts: Callable[[Entry], Facts]) -> Value:
    match key:
        case "framework" | "task":
            # A model id is framework-task-rest.
            framework, _, rest = entry.model_id.partition("-")
            return framework if key == "framework" else rest.partition("-")[0]
        case "search_keywords":
            return list(entry.keywords)
    if key in KEYS:
        return getattr(entry, key)
    member = "".join(part.capitalize() for part in key.split("_")).replace("Sdk", "Sdk")
    return facts(entry).get(member)


def _holds(value: Value, operator: str, wanted: str | list[str]) -> bool:
    if operator in ("in", "not in"):
        return (any(_same(value, item) for item in wanted)) is (operator == "in")
    text = str(wanted)
    if operator in ("==", "!="):
        return _same(value, text) is (operator == "==")
    if operator in ("includes", "not includes"):
        items: Iterable[str] = map(str, value) if isinstance(value, list) else [str(value or "")]
        found = text in items if isinstance(value, list) else text in str(value or "")
        return found is (operator == "includes")
    whole = str(value or "")
    return whole.startswith(text) if operator == "starts" else whole.endswith(text)


def _same(value: Value, text: str) -> bool:
    return str(value).lower() == text.lower() if isinstance(value, bool) or value is None else str(value) == text


def _pattern(text: str) -> Test:
    """A word: with *, a pattern of whole keywords; in quotes, a whole keyword; else anything that it is a part of."""
    if text[0] in "\"'":
        exact = text[1:-1].replace(" ", "-")
        return lambda entry, facts: exact in entry.keywords or exact == entry.model_id
    if "*" in text:
        return lambda entry, facts: any(fnmatchcase(word, text) for word in (entry.model_id, *entry.keywords))
    lowered = text.lower()
    return lambda entry, facts: any(lowered in word.lower() for word in _words(entry))


def _words(entry: Entry) -> Iterator[str]:
    yield entry.model_id
    yield entry.display_name
    yield from entry.keywords
