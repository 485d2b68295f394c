"""Programs as they are on disk, Python files and notebooks, and their syntax trees."""

from __future__ import annotations

import ast
import json
import posixpath
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planform.core.errors import Diagnosed, Diagnostic, Problems, Span
from planform.migrate.values import Place

# Cells that begin with these are Python behind their first line; other %%cells are another language, or a file.
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%python3", "%%local")
_MAGIC = re.compile(r"^(\s*)(?:[%!?]|[\w.]+\?\??\s*$)")
_ASSIGNED_MAGIC = re.compile(r"^(\s*[\w, ]+=\s*)[%!]")


@dataclass(frozen=True, slots=True)
class Script:
    """One program. `cells`: for each line of a notebook's code, its cell and its line in there."""

    file: str
    tree: ast.Module
    cells: tuple[tuple[int, int], ...] = ()

    def place(self, node: ast.AST) -> Place:
        line = getattr(node, "lineno", 1)
        if not self.cells:
            return Place(self.file, line)
        cell, inner = self.cells[min(line, len(self.cells)) - 1]
        return Place(self.file, inner, cell)


def read_scripts(paths: tuple[str, ...]) -> tuple[Script, ...]:
    """The programs at these paths.

    Raises:
        Diagnosed: files that are missing, are no Python and no notebook, or cannot be parsed; all of them.
    """
    problems, found = Problems(), []
    for path in dict.fromkeys(paths):
        try:
            found.append(_script(path))
        except Diagnosed as error:
            problems.items += error.problems
    problems.raise_if_any()
    return tuple(found)


def _script(path: str) -> Script:
    if not path.endswith((".py", ".ipynb")):
        exists = Path(path).exists()
        what = "is no Python file and no notebook" if exists else "is not there, and is no Python file or notebook"
        raise _problem(f"{path} {what}.", suggestion="Name *.py and *.ipynb files: planform migrate train.py")
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _problem("The file is not UTF-8 text.", span=Span(path, line), suggestion="Save it as UTF-8.") from None
    except OSError as error:
        raise _problem(f"{path} cannot be read: {error.strerror}.") from None
    return _notebook(path, text) if path.endswith(".ipynb") else Script(path, _parsed(path, text))


def _notebook(path: str, text: str) -> Script:
    """The code of all cells, one after another."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise _problem("The file is not a notebook: it is no JSON.", f"{error}.", Span(path, line)) from None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise _problem(
            "The file is not a notebook of format 4: it has no cells.",
            span=Span(path, 1),
            suggestion="Older notebooks: jupyter nbconvert --to notebook --nbformat 4",
        )
    language = _language(document)
    if language not in ("", "python"):
        raise _problem(f"The notebook is written in {language}, not in Python.", span=Span(path, 1))
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    problems = Problems()
    codes = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    for number, cell in enumerate(codes, 1):
        source = cell.get("source") or ""
        code = _without_magics("".join(map(str, source)) if isinstance(source, list) else str(source))
        try:
            _parsed(f"{path}:cell {number}", code)
        except Diagnosed as error:
            problems.items += error.problems
            continue
        lines += (inner := code.split("\n"))
        places += [(number, line) for line in range(1, len(inner) + 1)]
    problems.raise_if_any()
    return Script(path, _parsed(path, "\n".join(lines)), tuple(places))


def _language(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    return str(info.get("name", "")).lower() if isinstance(info, dict) else ""


def _without_magics(code: str) -> str:
    """The cell with IPython's own lines taken out; a line stays a line."""
    lines = code.split("\n")
    if lines[0].startswith("%%"):
        if lines[0].split()[0] not in _PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
        lines[0] = ""
    elif _is_python(code):
        return code
    kept, continued = [], False
    for line in lines:
        magic = _MAGIC.match(line)
        assigned = _ASSIGNED_MAGIC.match(line)
        if continued:
            kept.append("")
        elif assigned:
            kept.append(f"{assigned[1]}__magic__")
        else:
            kept.append(f"{magic[1]}pass" if magic else line)
        continued = (continued or bool(magic) or bool(assigned)) and line.endswith("\\")
    return "\n".join(kept)


def _is_python(code: str) -> bool:
    try:
        _tree(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # "\d" in a program is not our matter
        warnings.simplefilter("ignore", DeprecationWarning)
        return ast.parse(text)


def _parsed(name: str, text: str) -> ast.Module:
    try:
        return _tree(text)
    except SyntaxError as error:
        line = error.lineno or 1
        lines = text.splitlines()
        raise _problem(
            f"The code cannot be parsed: {error.msg}.",
            span=Span(name, line, error.offset or 1, error.end_offset or 0),
            source=lines[line - 1] if line <= len(lines) else "",
            suggestion="It is read as Python 3.",
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise _problem(f"The code cannot be parsed: {error}.", span=Span(name, 1)) from None


def _problem(
    summary: str, detail: str = "", span: Span | None = None, source: str = "", suggestion: str = ""
) -> Diagnosed:
    return Diagnosed([Diagnostic(summary, detail, span, source, suggestion)])


def imported_file(folder: str, path: str) -> str:
    """The file beside a program that a name of it is imported from, when that may make something of the SDK."""
    parts = path.lstrip(".").split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = posixpath.join(*parts[:length])
        for name in (f"{module}.py", f"{module}/__init__.py"):
            try:
                text = (Path(folder) / name).read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            return name if "sagemaker" in text else ""
    return ""
