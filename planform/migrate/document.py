"""Drafts as the text of one module, laid out, with a variable for each thing that is not known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from planform.core.configuration import SourceFile
from planform.core.schemas import ANY, BOOL, NUMBER, STRING, Collection, Nested, OneOf, Schema, Type
from planform.language.documents import load_document
from planform.language.formatting import format_text
from planform.migrate.drafts import Conversion, Draft, Finding, code_name
from planform.migrate.values import (
    MISSING,
    Choice,
    Compared,
    Expression,
    Made,
    Place,
    Question,
    Reference,
    Text,
    Unknown,
    Value,
)
from planform.migrate.variables import Variable, Variables, unique
from planform.migrate.yaml_text import Noted, Raw, lines_of
from planform.resources import schemas

ORDER = ("scheduling_policy", "service_environment", "job_queue", "quota_share", "trainer", "tuning_job")
# Fields that name another resource, with its type; a name that the same program gives one is a reference to it.
NAMES: Mapping[tuple[str, str], str] = {
    ("trainer", "queue"): "job_queue",
    ("job_queue", "service_environment_order"): "service_environment",
    ("job_queue", "scheduling_policy_arn"): "scheduling_policy",
    ("quota_share", "job_queue"): "job_queue",
}


_DEPTHS = {"planform": 0, "resource": 3}


OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Written(NamedTuple):
    """A module: its text, its resources and its variables."""

    text: str
    drafts: tuple[Draft, ...] = ()
    variables: tuple[Variable, ...] = ()
    findings: tuple[Finding, ...] = ()


def written(
    conversions: Sequence[Conversion],
    name: str,
    sources: Sequence[str],
    others: Mapping[str, str] = MappingProxyType({}),
) -> Written:
    """The module of one or more programs. `others`: the texts of the files that are in its folder already; their names
    are taken, and one with a `planform` block speaks for this one too."""
    drafts = [draft for conversion in conversions for draft in conversion.drafts]
    there = [load_document(SourceFile(path, text)).value for path, text in others.items()]
    alone = not any(isinstance(body, dict) and "planform" in body for body in there)
    _name(drafts, _taken(there))
    writer = _Writer(drafts)
    writer.variables.taken = _names(there, "variable")
    bodies = [(draft, writer.body(draft)) for draft in drafts]
    provider = {key: value for conversion in conversions for key, value in conversion.provider.items()}
    trainers = [draft for draft in drafts if draft.type == "trainer"]
    local = bool(trainers) and all(map(_is_local, trainers))
    document: dict[str, Value] = {}
    if alone:
        document["planform"] = {"name": _project(name), "default_provider": "local" if local else "aws"}
        settings = {"local": {"executor": "docker"}} if local else {"aws": provider} if provider else {}
        document["provider"] = settings
    document["variable"] = {variable.name: _variable(variable) for variable in writer.variables.found.values()}
    document["resource"] = _resources(bodies, local and alone)
    imports = [{"to": f"{draft.type}.{draft.name}", "id": draft.import_id} for draft in drafts if draft.import_id]
    document["import"] = imports
    blocks = [lines_of({key: value}, _DEPTHS.get(key, 1)) for key, value in document.items() if value]
    head = f"# Written by `planform migrate` from {', '.join(sources)}."
    whole = "\n\n".join([head, *("\n".join(lines) for lines in blocks)])
    text = format_text(SourceFile("main.pf.yaml", whole + "\n"))
    findings = [finding for conversion in conversions for finding in conversion.findings]
    found = sorted([*findings, *writer.findings], key=lambda finding: sources_order(finding, sources))
    return Written(text, tuple(drafts), tuple(writer.variables.found.values()), tuple(found))


def _project(name: str) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return text if text[:1].isalpha() else f"project-{text}".strip("-")


def _is_local(draft: Draft) -> bool:
    return draft.body.get("provider") == "local"


def sources_order(finding: Finding, sources: Sequence[str]) -> tuple[int, int, int]:
    """Findings in the order of their files and lines."""
    place = finding.place
    return (sources.index(place.file) if place.file in sources else 0, place.cell, place.line)


def _names(bodies: Sequence[Value], *path: str) -> set[str]:
    """The keys under a path of any of the files."""
    found: set[str] = set()
    for body in bodies:
        for key in path:
            body = body.get(key) if isinstance(body, dict) else None
        found |= set(body) if isinstance(body, dict) else set()
    return found


def _taken(bodies: Sequence[Value]) -> dict[str, set[str]]:
    """The names of resources that are there, by type."""
    return {kind: _names(bodies, "resource", kind) for kind in _names(bodies, "resource")}


def _name(drafts: Sequence[Draft], taken: dict[str, set[str]]) -> None:
    """Each resource has a name of its own among those of its type."""
    for draft in drafts:
        used = taken.setdefault(draft.type, set())
        draft.name = unique(draft.name or _from_name(draft), used)
        used.add(draft.name)


def _from_name(draft: Draft) -> str:
    from planform.migrate.objects import object_name

    name = draft.body.get("name")
    return object_name(name) if isinstance(name, str) and object_name(name) else "main"


def _resources(bodies: Sequence[tuple[Draft, dict[str, Value]]], local: bool) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for kind in ORDER:
        members = {}
        for draft, body in bodies:
            if draft.type != kind:
                continue
            if local:  # the provider's settings say it for all
                body = {key: value for key, value in body.items() if key not in ("provider", "executor")}
            members[draft.name] = Noted(body, (f"{draft.place}: {draft.source}",))
        if members:
            result[kind] = members
    return result


def _variable(variable: Variable) -> Value:
    unknown = variable.unknown
    block: dict[str, Value] = {"type": variable.type} if variable.type else {}
    if not variable.is_required and not variable.is_secret:
        block["default"] = unknown.default
    if variable.is_secret:
        block["sensitive"] = True
    return Noted(block, (f"{unknown.place}: {unknown.code}",) if unknown.place.file else (unknown.code,))


class _Writer:
    """Turns the values of drafts into those of a module."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.variables = Variables()
        self.findings: list[Finding] = []
        self.place = Place("", 0)  # of the draft that is written

    def body(self, draft: Draft) -> dict[str, Value]:
        schema: Schema = schemas()[draft.type]
        self.place = draft.place
        body: dict[str, Value] = {}
        if draft.conditions:
            body["enabled"] = Raw("${" + " && ".join(map(self._condition, draft.conditions)) + "}")
        order = ["executor", "provider", *schema.attributes]
        for key, value in sorted(draft.body.items(), key=lambda item: order.index(item[0])):
            kind = schema.attributes[key].type if key in schema.attributes else ANY
            target = NAMES.get((draft.type, key))
            if target is not None:
                value = self._referred(target, value)
            body[key] = self.value(value, (kind,), key)
        return body

    def _condition(self, condition: tuple[Question, bool]) -> str:
        question, holds = condition
        if isinstance(question, Compared):
            sign = question.operator if holds else OPPOSITES[question.operator]
            kind = STRING if isinstance(question.other, str) else None if question.other is None else NUMBER
            left = self.variables.name(question.unknown, kind, "value")
            return f"var.{left} {sign} {self._operand(question.other, kind, 'value')}"
        return f"{'' if holds else '!'}var.{self.variables.name(question, BOOL, 'enabled')}"

    def _referred(self, target: str, value: Value) -> Value:
        """The resource that a name or ARN is the name of."""
        if isinstance(value, list):
            return [self._referred(target, item) for item in value]
        if isinstance(value, dict):  # {order, service_environment}
            return {key: self._referred(target, item) for key, item in value.items()}
        name = value.rpartition("/")[2] if isinstance(value, str) else value
        for draft in self.drafts:
            if draft.type == target and draft.body.get("name") is not None and draft.body["name"] == name:
                return Raw(f"${{{target}.{draft.name}.arn}}")
        return value

    def value(self, value: Value, kinds: tuple[Type, ...], name: str) -> Value:
        match value:
            case Unknown() | Reference() | Expression() | Choice():
                return Raw(f"${{{self._hole(value, kinds[0] if len(kinds) == 1 else None, name)}}}")
            case Text(parts):
                return Raw("".join(self._part(part) for part in parts))
            case dict():
                items = sorted(value.items(), key=lambda item: _rank(kinds, item[0]))
                return {key: self.value(item, _inner(kinds, key), str(key)) for key, item in items if self._is_key(key)}
            case list():
                return [self.value(item, _inner(kinds, 0), name) for item in value]
        return value

    def _is_key(self, key: str) -> bool:
        """Whether a key can be written; one that looks like a template cannot."""
        if "${" not in key and "%{" not in key:
            return True
        self.findings.append(Finding("unsupported", self.place, f"the key {key!r}", "a key may hold no ${ and no %{"))
        return False

    def _part(self, part: Value) -> str:
        if isinstance(part, str):
            return part.replace("${", "$${").replace("%{", "%%{")
        usual = code_name(part.code) if isinstance(part, Unknown) else "value"
        kind = STRING if isinstance(part, Unknown) and part.default is MISSING else None
        return f"${{{self._hole(part, kind, usual)}}}"

    def _hole(self, value: Value, kind: Type | None, name: str) -> str:
        """What stands between `${` and `}`."""
        match value:
            case Unknown():
                return f"var.{self.variables.name(value, kind, name)}"
            case Reference(made, attribute):
                return self._reference(made, attribute, name)
            case Expression(function, argument):
                return f"{function}({self._operand(argument, STRING, name)}{')' * (function.count('(') + 1)}"
            case Choice(test, yes, no):
                sides = f"{self._operand(yes, kind, name)} : {self._operand(no, kind, name)}"
                return f"{self._condition((test, True))} ? {sides}"
        raise AssertionError(value)

    def _operand(self, value: Value, kind: Type | None, name: str) -> str:
        """A value as a part of an expression."""
        match value:
            case str() | Text():
                text = "".join(map(self._part, value.parts if isinstance(value, Text) else (value,)))
                if "'" not in text and "\\" not in text and text.isprintable():
                    return f"'{text}'"
                return json.dumps(text, ensure_ascii=False)
            case Choice():
                return f"({self._hole(value, kind, name)})"
            case Unknown() | Reference() | Expression():
                return self._hole(value, kind, name)
        return json.dumps(value)

    def _reference(self, made: Made, attribute: str, name: str) -> str:
        for draft in self.drafts:
            if draft.made is made:
                address = f"{draft.type}.{draft.name}"
                return f"{address}.{attribute}" if attribute else address
        return self._hole(Unknown(name, f"{attribute} of {made.code or made.kind}", made.place), None, name)


def _inner(kinds: tuple[Type, ...], key: str | int) -> tuple[Type, ...]:
    """The types that a part of a value of these types may have."""
    found: list[Type] = []
    for kind in kinds:
        match kind:
            case Nested(table) if key in table:
                found.append(table[str(key)].type)
            case Collection(_, element):
                found.append(element)
            case OneOf(types):
                found += _inner(tuple(types), key)
    return tuple(found)


def _rank(kinds: tuple[Type, ...], key: str) -> int:
    """Where a key stands among those that a type declares; keys of a map stay as they are."""
    tables = [list(kind.attributes) for kind in kinds if isinstance(kind, Nested)]
    return next((table.index(key) for table in tables if key in table), 0)
