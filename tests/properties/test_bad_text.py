"""Whatever stands in a file, planform says what is wrong with it: in two seconds of work, and without a traceback."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planform.core.errors import PlanformError
from planform.project import Options, open_project
from tests.properties.configurations import EXAMPLES

ROOT = Path(__file__).parents[2]
CORPUS = sorted(
    path.read_bytes()
    for pattern in ("examples/**/*.pf.yaml", "modules/*/main.pf.yaml", "tests/cases/*/*/main.pf.yaml")
    for path in ROOT.glob(pattern)
)
PIECES = [
    *(b"${", b"}", b"%{", b"$${", b"{", b"[", b"]", b":", b": ", b"- ", b"#", b"'", b'"', b"|", b">", b"&a ", b"*a"),
    *(b"\t", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"!!python/object:os.system ", b"<<: "),
    *(b"---\n", b"...\n", b"? ", b"1e999", b"0x", b".nan", b"null", b"~", b"for_each: ", b"each.key", b"[*]"),
    *(b"${{for a in var.b : a => ", b"...", b"%{if true}", b"%{for x in y}", b"file('/etc/passwd')", b"/", b"*" * 50),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of ours with a few pieces cut out, doubled or put in."""
    text = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4)))
        match draw(st.sampled_from(["cut", "put", "double", "replace"])):
            case "cut":
                text = text[:start] + text[end:]
            case "put":
                text = text[:start] + piece + text[start:]
            case "double":
                text = text[:end] + text[start:end] + text[end:]
            case _:
                text = text[:start] + piece + text[end:]
    return text


def said_of(text: bytes) -> float:
    """Open a project whose file holds the text: how many seconds of work until it opened or was refused in words."""
    with tempfile.TemporaryDirectory(prefix="planform-property-") as name:
        Path(name, "main.pf.yaml").write_bytes(text)
        begin = process_time()  # ours alone, however busy the machine is
        try:
            open_project(Options(Path(name))).plan()
        except PlanformError as error:
            for problem in error.diagnostics():
                assert problem.summary
        return process_time() - begin


@given(damaged())
@EXAMPLES
def test_damaged_files(text: bytes) -> None:
    assert said_of(text) < 2


@given(st.binary(max_size=200))
@EXAMPLES
def test_any_bytes(text: bytes) -> None:
    assert said_of(text) < 2


@given(st.text(alphabet=st.sampled_from("${}%[]()'\".,:?!&|=<>+-*/ ~\n#abf01"), max_size=60))
@EXAMPLES
def test_any_expression(text: str) -> None:
    quoted = text.replace("'", "''")
    assert said_of(f"locals: {{a: [1], b: '${{{quoted}}}'}}\noutput: {{o: {{value: '${{local.b}}'}}}}".encode()) < 2


def _aliases() -> str:
    lines = ["x-0: &a0 [lol, lol]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join([*lines, "locals: {all: *a11}"])


def _merges() -> str:
    lines = ["x-0: &a0 {k0: 1}"]
    lines += [f"x-{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, 200)]
    return "\n".join([*lines, "locals: *a199"])


BOMBS: dict[str, Callable[[], str]] = {
    "aliases of aliases": _aliases,
    "merges of merges": _merges,
    "deep flow lists": lambda: "locals: {a: " + "[" * 10_000 + "]" * 10_000 + "}",
    "deep flow mappings": lambda: "locals: " + "{a: " * 10_000 + "}" * 10_000,
    "deep block mappings": lambda: "\n".join(" " * n + "a:" for n in range(3_000)),
    "deep dashes": lambda: "locals:\n  a: " + "- " * 5_000 + "1",
    "a huge text": lambda: f"locals: {{a: {'x' * 5_000_000}}}",
    "a huge quoted text": lambda: f'locals: {{a: "{"x" * 5_000_000}"}}',
    "a huge text with expressions": lambda: f'locals: {{a: "{"${1}" * 50_000}"}}',
    "a huge number": lambda: f"locals: {{a: {'9' * 1_000_000}}}",
    "a huge exponent": lambda: "locals: {a: 1e999999999, b: '${10 / 1e-300 * 1e300 * 1e300}'}",
    "many keys": lambda: "locals:\n" + "".join(f"  k{n}: {n}\n" for n in range(50_000)),
    "a key many times": lambda: "locals:\n" + "  k: 1\n" * 20_000,
    "many anchors": lambda: "x-a:\n" + "".join(f"  - &a{n} {n}\n" for n in range(20_000)),
    "parentheses": lambda: f"locals: {{a: '${{{'(' * 20_000}1{')' * 20_000}}}'}}",
    "open parentheses": lambda: f"locals: {{a: '${{{'(' * 20_000}'}}",
    "many nots": lambda: f"locals: {{a: '${{{'!' * 20_000}true}}'}}",
    "many minuses": lambda: f"locals: {{a: '${{{'-' * 20_000}1}}'}}",
    "a long sum": lambda: f"locals: {{a: '${{{'+'.join(['1'] * 20_000)}}}'}}",
    "a long choice": lambda: f"locals: {{a: '${{{'true ? ' * 3_000}1{' : 0' * 3_000}}}'}}",
    "templates in templates": lambda: "locals: {a: '" + '${"' * 3_000 + "x" + '"}' * 3_000 + "'}",
    "directives in directives": lambda: "locals: {a: '" + "%{if true}" * 3_000 + "x" + "%{endif}" * 3_000 + "'}",
    "lists in an expression": lambda: f"locals: {{a: '${{{'[' * 20_000}{']' * 20_000}}}'}}",
    "a long chain of indexes": lambda: f"locals: {{a: '${{local.b{'[0]' * 20_000}}}', b: [1]}}",
    "a long chain of locals": lambda: (
        "locals:\n  k0: 1\n" + "".join(f'  k{n}: "${{local.k{n - 1}}}"\n' for n in range(1, 5_000))
        + 'output: {o: {value: "${local.k4999}"}}'
    ),
    "texts that double": lambda: (
        "locals:\n  k0: ab\n"
        + "".join(f'  k{n}: "${{local.k{n - 1}}}${{local.k{n - 1}}}"\n' for n in range(1, 60))
        + 'output: {o: {value: "${local.k59}"}}'
    ),
    "a range": lambda: "locals: {a: '${range(100000000)}'}\noutput: {o: {value: '${local.a}'}}",
    "a product": lambda: (
        "locals: {a: '${range(300)}'}\noutput: {o: {value: '${length(setproduct(local.a, local.a, local.a))}'}}"
    ),
    "a format": lambda: "output: {o: {value: \"${format('%999999999d', 1)}\"}}",
    "a count": lambda: "resource: {planform_data: {a: {count: 100000000}}}",
    "carriage returns": lambda: "locals:\r  a: 1\r" * 5_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str) -> None:
    assert said_of(BOMBS[name]().encode()) < 2
