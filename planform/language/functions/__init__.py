"""The functions of expressions: Terraform's names and behaviour (S1.1).

Files are read through the plan's snapshot; nothing reaches the network or the clock. A family is imported when one of
its functions is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Literal, TypeAlias

from planform.core.values import (
    Sensitive,
    Set,
    Unknown,
    Value,
    first_unknown,
    has_sensitive,
    is_wholly_known,
    mark,
    reveal,
    type_name,
)
from planform.language.environment import Scope
from planform.language.errors import Unsuitable
from planform.language.operators import settle, to_bool, to_number, to_text

FAMILIES = {
    "collections": """
        alltrue anytrue chunklist coalesce coalescelist compact concat contains distinct element flatten
        index keys length lookup matchkeys merge one range reverse setintersection setproduct setsubtract
        setunion slice sort sum transpose values zipmap
    """,
    "encoding": """
        base64decode base64encode base64gzip csvdecode jsondecode jsonencode textdecodebase64
        textencodebase64 urlencode yamldecode yamlencode
    """,
    "filesystem": """
        abspath basename dirname file filebase64 filebase64sha256 filebase64sha512 fileexists filemd5
        fileset filesha1 filesha256 filesha512 pathexpand
    """,
    "formatting": "format formatlist",
    "hashing": "base64sha256 base64sha512 md5 sha1 sha256 sha512 uuid uuidv5",
    "network": "cidrhost cidrnetmask cidrsubnet cidrsubnets",
    "numbers": "abs ceil floor log max min parseint pow signum",
    "strings": """
        chomp endswith indent join lower regex regexall replace split startswith strcontains strrev substr
        title trim trimprefix trimspace trimsuffix upper
    """,
    "templates": "templatefile templatestring",
    "time": "formatdate plantimestamp timeadd timecmp timestamp",
    "types": "issensitive nonsensitive sensitive tobool tolist tomap tonumber toset tostring",
}
_FAMILY_OF = {name: family for family, names in FAMILIES.items() for name in names.split()}
# `try` and `can` evaluate their arguments themselves, so the compiler knows them.
NAMES = tuple(sorted((*_FAMILY_OF, "can", "try")))

# whole: works on known values without marks; an unknown or sensitive anywhere inside decides the result.
# structural: looks only at the outside, so that parts may be unknown or sensitive and stay so.
# raw: deals with unknown and sensitive arguments itself.
Mode: TypeAlias = Literal["whole", "structural", "raw"]
Implementation: TypeAlias = Callable[..., Value]


@dataclass(frozen=True, slots=True)
class Function:
    """A function and what its Python signature says about its arguments: names, types, how many."""

    name: str
    implementation: Implementation
    parameters: tuple[tuple[str, str], ...]  # name and type; of a variadic one the last
    fewest: int
    most: int | None
    scoped: bool
    mode: Mode

    def call(self, arguments: list[Value], scope: Scope) -> Value:
        """Raises Unsuitable."""
        if self.mode == "whole":
            return self._whole(arguments, scope)
        if self.mode == "structural":
            return self._structural(arguments, scope)
        return self._apply(arguments, scope)

    def _whole(self, arguments: list[Value], scope: Scope) -> Value:
        if any(map(has_sensitive, arguments)):
            return mark(self._whole([reveal(argument) for argument in arguments], scope))
        for argument in arguments:
            if not is_wholly_known(argument):
                return first_unknown(argument)
        return self._apply(arguments, scope)

    def _structural(self, arguments: list[Value], scope: Scope) -> Value:
        if any(type(argument) is Sensitive for argument in arguments):
            bare = [argument.value if type(argument) is Sensitive else argument for argument in arguments]
            return mark(self._structural(bare, scope))
        unknown = next((argument for argument in arguments if type(argument) is Unknown), None)
        result = self._apply(arguments, scope) if unknown is None else unknown
        # What is unknown as a whole may turn out to hold the secret of any argument.
        return mark(result) if type(result) is Unknown and any(map(has_sensitive, arguments)) else result

    def _apply(self, arguments: list[Value], scope: Scope) -> Value:
        fitted = [self._fit(index, argument) for index, argument in enumerate(arguments)]
        return settle(self.implementation(scope, *fitted) if self.scoped else self.implementation(*fitted))

    def _fit(self, index: int, argument: Value) -> Value:
        kind = self.parameters[min(index, len(self.parameters) - 1)][1].removesuffix(" | None")
        if kind == "Value":
            return argument
        try:
            if argument is None:
                raise Unsuitable("it must not be null.")
            return _CONVERSIONS[kind](argument)
        except Unsuitable as error:
            raise Unsuitable(error.detail, error.suggestion, argument=index) from None

    def parameter(self, index: int) -> str:
        return self.parameters[min(index, len(self.parameters) - 1)][0] if self.parameters else "argument"

    @property
    def signature(self) -> str:
        names = [name for name, _ in self.parameters]
        shown = [name if index < self.fewest else f"{name}?" for index, name in enumerate(names)]
        if self.most is None:
            shown[-1] = f"{names[-1]}..."
        return f"{self.name}({', '.join(shown)})"

    @property
    def arity(self) -> str:
        if self.most is None:
            return f"at least {_count(self.fewest)}"
        if self.most == self.fewest:
            return _count(self.most)
        return f"{self.fewest} to {_count(self.most)}"


def _count(number: int) -> str:
    return f"{number or 'no'} argument{'s' * (number != 1)}"


def _integer(value: Value) -> int:
    number = to_number(value)
    if type(number) is not int:
        raise Unsuitable("a whole number is required.")
    if not -(2**63) <= number < 2**63:
        raise Unsuitable("the number is too large here.")
    return number


def _sequence(value: Value) -> list[Value]:
    if isinstance(value, (list, Set)):
        return list(value)
    raise Unsuitable(f"a list, set or tuple is required, not {type_name(value)}.")


def _mapping(value: Value) -> dict[str, Value]:
    if isinstance(value, dict):
        return value
    raise Unsuitable(f"a map or object is required, not {type_name(value)}.")


def _texts(value: Value) -> list[str]:
    return [_element("string", to_text, index, item) for index, item in enumerate(_sequence(value))]


def _numbers(value: Value) -> list[int | float]:
    return [_element("number", to_number, index, item) for index, item in enumerate(_sequence(value))]


def _element(wanted: str, convert: Callable[[Value], Value], index: int, item: Value) -> Value:
    try:
        return convert(item)
    except Unsuitable as error:
        raise Unsuitable(f"a list of {wanted} is required; element {index}: {error.detail}") from None


# What a parameter's annotation in Python makes of an argument.
_CONVERSIONS: dict[str, Callable[[Value], Value]] = {
    "str": to_text,
    "bool": to_bool,
    "float": to_number,
    "int": _integer,
    "list[Value]": _sequence,
    "list[str]": _texts,
    "list[float]": _numbers,
    "dict[str, Value]": _mapping,
}


@cache
def find_function(name: str) -> Function | None:
    """The function with this name, or None."""
    family = _FAMILY_OF.get(name)
    if family is None:
        return None
    module = import_module(f"{__name__}.{family}")
    # Where the name is Python's own the function is defined with a trailing underscore.
    implementation: Implementation = getattr(module, f"{name}_", None) or getattr(module, name)
    mode: Mode = "structural" if name in module.STRUCTURAL else "raw" if name in module.RAW else "whole"
    return _described(name, implementation, mode)


def _described(name: str, implementation: Implementation, mode: Mode) -> Function:
    # The module `inspect` would do this in more ways and in 10 ms.
    code = implementation.__code__
    variadic = bool(code.co_flags & 0x04)
    names = code.co_varnames[: code.co_argcount + variadic]
    scoped = names[:1] == ("scope",)
    annotations = implementation.__annotations__
    parameters = tuple((item, annotations[item]) for item in names[scoped:])
    positional = code.co_argcount - scoped
    fewest = positional - len(implementation.__defaults__ or ())
    return Function(name, implementation, parameters, fewest, None if variadic else positional, scoped, mode)
