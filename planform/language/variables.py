"""Values of the root module's variables: from the environment, files and options, in Terraform's order."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.configuration import SourceFile
from planform.core.errors import Diagnosed, Diagnostic, Problems, did_you_mean
from planform.core.schemas import Misfit, Scalar, convert, describe
from planform.core.values import UNKNOWN, Sensitive, Value
from planform.language.blocks import Module, Variable, leaves_of, path_text
from planform.language.documents import load_document, locate
from planform.language.text import diagnostic_at

PREFIX = "PLANFORM_VAR_"
SUFFIX = ".pfvars.yaml"

NO_VALUE = "No value for required variable"


@dataclass(frozen=True, slots=True)
class Given:
    """A value from somewhere: a file, or what `origin` says."""

    value: Value
    source: SourceFile | None = None
    origin: str = ""


def variable_values(
    module: Module,
    folder: str,
    workspace: str,
    var_files: Sequence[str] = (),
    var_options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[dict[str, Value], tuple[Diagnostic, ...]]:
    """A value for every variable of the root module, and warnings. Options are written `name=value`.

    Raises:
        Diagnosed: values that are missing, unreadable, undeclared in an option or of the wrong type.
    """
    problems = Problems()
    files = _files(folder, workspace, var_files, problems)
    given: dict[str, Given] = {}
    for name in module.variables:
        text = (environment or {}).get(PREFIX + name)
        if text is not None:
            given[name] = Given(_parsed(text, module.variables[name], problems, PREFIX + name), None, PREFIX + name)
    unread = [path for path, source in files if not _from_file(module, path, source, given, problems)]
    for option in var_options:
        _from_option(module, option, given, problems)
    searched = [path for path, _ in files]
    values: dict[str, Value] = {}
    for variable in module.variables.values():
        found = given.get(variable.name)
        if found is None and variable.required:
            if not unread:
                problems.add(_missing(variable, searched))
        else:
            values[variable.name] = _value(variable, found, problems)
            if found is not None and variable.deprecated:
                problems.add(_deprecated(variable, found))
    problems.raise_if_any()
    return values, tuple(problems.items)


def _files(folder: str, workspace: str, var_files: Sequence[str], problems: Problems) -> list[tuple[str, SourceFile]]:
    """The files that are there, in the order in which later ones win."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    automatic = ["planform" + SUFFIX, *sorted(name for name in names if name.endswith(".auto" + SUFFIX))]
    automatic.append(f"workspaces/{workspace}{SUFFIX}")
    found = [(name, os.path.join(folder, name)) for name in automatic if os.path.isfile(os.path.join(folder, name))]
    result: list[tuple[str, SourceFile]] = []
    for name, path in [*found, *((name, name) for name in var_files)]:
        try:
            result.append((name, SourceFile(name, Path(path).read_text("utf-8-sig"))))
        except FileNotFoundError:
            suggestion = f"Paths of --var-file start at the working folder, {os.getcwd()}."
            problems.add(
                Diagnostic("Failed to read variables file", f"There is no file {path}.", suggestion=suggestion)
            )
        except OSError as error:
            problems.add(Diagnostic("Failed to read variables file", f"{path}: {error.strerror}."))
        except UnicodeDecodeError as error:
            problems.add(Diagnostic("Failed to read variables file", f"{path} is not UTF-8 text: {error.reason}."))
    return result


def _from_file(module: Module, path: str, source: SourceFile, given: dict[str, Given], problems: Problems) -> bool:
    """Take the values of one file; whether it could be read."""
    try:
        document = load_document(source)
    except Diagnosed as error:
        problems.items += error.problems
        return False
    if document.value is None:
        return True
    if not isinstance(document.value, dict):
        detail = f"A file of variables is a mapping of names to values, not {describe(document.value)}."
        problems.add(diagnostic_at(source, locate(source, ()), "Not a mapping", detail))
        return False
    for name, value in document.value.items():
        span = document.place(name).span
        if name not in module.variables:
            detail = f'The root module declares no variable "{name}", but {path} gives it a value.'
            suggestion = did_you_mean(name, module.variables)
            title = "Value for undeclared variable"
            problems.add(diagnostic_at(source, span, title, detail, suggestion, warning=True))
            continue
        leaves = leaves_of(value, (name,))
        for leaf in leaves:
            detail = "Values are literal here: expressions belong in *.pf.yaml."
            at = locate(source, leaf.path)
            problems.add(diagnostic_at(source, at, "Variables not allowed", detail, "For a literal ${ write $${."))
        given[name] = Given(UNKNOWN if leaves else value, source)
    return True


def _from_option(module: Module, option: str, given: dict[str, Given], problems: Problems) -> None:
    name, equals, text = option.partition("=")
    name = name.strip()
    if not equals or not name:
        detail = f'"{option}" has no name and value.'
        problems.add(Diagnostic("Invalid --var option", detail, suggestion="Write --var name=value."))
    elif name not in module.variables:
        detail = f'The root module declares no variable "{name}".'
        suggestion = did_you_mean(name, module.variables)
        problems.add(Diagnostic("Value for undeclared variable", detail, suggestion=suggestion))
    else:
        given[name] = Given(_parsed(text, module.variables[name], problems, f"--var {name}"), None, f"--var {name}")


def _parsed(text: str, variable: Variable, problems: Problems, origin: str) -> Value:
    """What a text stands for: itself where a string is wanted, else YAML."""
    if variable.type == Scalar("string"):
        return text
    try:
        document = load_document(SourceFile(f"<{origin}>", text))
    except Diagnosed as error:
        if variable.type == Scalar("any"):
            return text
        detail = f"{origin} is no {variable.type}: {error.problems[0].detail or error.problems[0].summary}"
        problems.add(_invalid(variable, detail, "Write it as YAML or JSON."))
        return None
    return text if leaves_of(document.value) else document.value


def _value(variable: Variable, found: Given | None, problems: Problems) -> Value:
    """The value converted to its type, marked when it is sensitive."""
    value = variable.default if found is None else found.value
    if found is not None and value is None and not variable.nullable:
        if variable.required:
            problems.add(_invalid(variable, "It may not be null (nullable: false).", place=found))
        value = variable.default
    misfits: list[Misfit] = []
    converted = convert(value, variable.type, (), misfits)
    for misfit in misfits:
        shown = misfit.summary
        if variable.sensitive:
            shown = f"a value of type {variable.type} is required."
        origin = f" (from {found.origin})" if found is not None and found.origin else ""
        detail = f"var.{variable.name}{path_text(misfit.path)}: {shown}{origin}"
        problems.add(_invalid(variable, detail, misfit.suggestion, found, misfit))
    return Sensitive(converted) if variable.sensitive else converted


def _invalid(
    variable: Variable, detail: str, suggestion: str = "", place: Given | None = None, misfit: Misfit | None = None
) -> Diagnostic:
    summary = "Invalid value for input variable"
    declared = ((variable.place.span, f"variable {variable.name} is declared here"),)
    if place is None or place.source is None:
        return diagnostic_at(variable.place.source, variable.place.span, summary, detail, suggestion)
    span = locate(place.source, (variable.name, *(misfit.path if misfit else ())))
    if variable.sensitive:
        # The line itself would show the secret.
        return Diagnostic(summary, detail, span, "", suggestion, related=declared)
    return diagnostic_at(place.source, span, summary, detail, suggestion, related=declared)


def _deprecated(variable: Variable, found: Given) -> Diagnostic:
    title, place = f"Variable {variable.name} is deprecated", variable.place
    if found.source is None:
        return diagnostic_at(place.source, place.span, title, variable.deprecated, warning=True)
    span = locate(found.source, (variable.name,), key=True)
    if variable.sensitive:
        # The line itself would show the secret.
        return Diagnostic(title, variable.deprecated, span, severity="warning")
    return diagnostic_at(found.source, span, title, variable.deprecated, warning=True)


def _missing(variable: Variable, searched: Sequence[str]) -> Diagnostic:
    where = f"Searched {PREFIX}{variable.name}" + "".join(f", {path}" for path in searched)
    if not searched:
        where += f"; there is no planform{SUFFIX}, *.auto{SUFFIX} or --var-file"
    about = f" {variable.description.rstrip('.')}." if variable.description else ""
    detail = f"var.{variable.name} is not set and has no default.{about} {where}."
    suggestion = f"Give it with --var {variable.name}=..., in planform{SUFFIX}, or as {PREFIX}{variable.name}."
    place = variable.place
    return diagnostic_at(place.source, place.span, f"{NO_VALUE} {variable.name}", detail, suggestion)
