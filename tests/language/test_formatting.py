"""The one layout: what it looks like, and that it never changes what a file says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planform.core.configuration import SourceFile
from planform.core.errors import Diagnosed
from planform.language.documents import Expr, load_document
from planform.language.formatting import format_text

ROOT = Path(__file__).parents[2]
WRITTEN = [
    path
    for folder in ("examples", "modules", "tests/cases/plan")
    for path in sorted((ROOT / folder).rglob("*.pf*.yaml"))
]


def formatted(text: str, *, is_module: bool = True) -> str:
    return format_text(SourceFile("main.pf.yaml", text), is_module=is_module)


def said(text: str) -> Any:
    """What a text says: its values, with the text of expressions."""

    def plain(value: Any) -> Any:
        match value:
            case Expr():
                return ("expression", value.expression.text)
            case dict():
                return {key: plain(item) for key, item in value.items()}
            case list():
                return [plain(item) for item in value]
            case float():
                return repr(value)
            case _:
                return value

    return plain(load_document(SourceFile("main.pf.yaml", text)).value)


def check(text: str) -> str:
    """The layout says the same, and is its own layout."""
    result = formatted(text)
    assert said(result) == said(text)
    assert formatted(result) == result
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a:   1\nb :\n    c:  2\n", "a: 1\nb:\n  c: 2\n", id="spaces"),
        pytest.param("a: 1   \r\n\r\n\r\n\r\nb: 2", "a: 1\n\nb: 2\n", id="line ends and blank lines"),
        pytest.param("\n\n# top\n\na: 1\n\n\n# end\n", "# top\n\na: 1\n\n# end\n", id="comments at the ends"),
        pytest.param("a:\n- 1\n-   b: 2\n    c: 3\n", "a:\n  - 1\n  - b: 2\n    c: 3\n", id="lists are indented"),
        pytest.param("a:\n- - 1\n  - 2\n- - 3\n", "a:\n  - - 1\n    - 2\n  - - 3\n", id="lists in lists"),
        pytest.param("a: {b: 1,c:  [2,3 ],}\n", "a: {b: 1, c: [2, 3]}\n", id="flow"),
        pytest.param("a: [\n  1,\n  2\n]\n", "a: [1, 2]\n", id="flow on several lines"),
        pytest.param("a: [\n  1, # one\n  2\n]\n", "a:\n  - 1 # one\n  - 2\n", id="flow with comments"),
        pytest.param("a: [ # none\n]\n", "a: [] # none\n", id="nothing but a comment"),
        pytest.param("a: {b, c: }\n", "a: {b: null, c: null}\n", id="null in flow"),
        pytest.param(f"a: [{'b' * 60}, {'c' * 60}]\n", f"a:\n  - {'b' * 60}\n  - {'c' * 60}\n", id="too wide"),
        pytest.param("a: 'b'\nc: \"d\"\n", 'a: "b"\nc: "d"\n', id="single quotes"),
        pytest.param("a: 'x[\"y\"]'\nb: 'it''s'\n", "a: 'x[\"y\"]'\nb: \"it's\"\n", id="quotes inside"),
        pytest.param("a: ${var.x}\n", 'a: "${var.x}"\n', id="bare expression"),
        pytest.param('a: ${x["y"]}\n', "a: '${x[\"y\"]}'\n", id="bare expression with quotes"),
        pytest.param("a:\n   'b\n\n     c' # d\n", 'a: "b\n\n  c" # d\n', id="quoted on several lines"),
        pytest.param("a: >-\n     b\n      c\n\nd: |2\n    e\n", "a: >-\n  b\n   c\n\nd: |2\n    e\n", id="text blocks"),
        pytest.param("a: |+ # keep\n    b\n\n\nc: 1\n", "a: |+ # keep\n  b\n\n\nc: 1\n", id="kept blank lines"),
        pytest.param("a: |\n  b", "a: |-\n  b\n", id="a text block without a line end"),
        pytest.param("a: # x\n    b:   1  # y\n    # z\n", "a: # x\n  b: 1 # y\n  # z\n", id="comments keep their line"),
        pytest.param("a:\n  # one\n  - # two\n    b: 1\n", "a:\n  # one\n  - # two\n    b: 1\n", id="comments of elements"),
        pytest.param("a:\n    # none yet\nb: 1\n", "a:\n  # none yet\nb: 1\n", id="comment instead of a value"),
        pytest.param("a:\n  b: 1\n#  c: 2\n  d: 3\n", "a:\n  b: 1\n  # c: 2\n  d: 3\n".replace("# c", "#  c"), id="commented out"),
        pytest.param("a:  &x  {b: 1}\nc:   *x\n", "a: &x {b: 1}\nc: *x\n", id="anchors"),
        pytest.param("a: &x # why\n   b: 1\n", "a: &x # why\n  b: 1\n", id="anchor of a block"),
        pytest.param("? a\n: 1\n", "a: 1\n", id="explicit keys"),
        pytest.param("--- # x\na: 1\n...\n# y\n", "---\n# x\na: 1\n# y\n", id="document marks"),
        pytest.param("# only\n", "# only\n", id="only a comment"),
        pytest.param("", "", id="empty"),
    ],
)  # fmt: skip
def test_layout(text: str, expected: str) -> None:
    assert check(text) == expected


def test_order_of_blocks_and_arguments() -> None:
    assert check(
        """\
# of the file

# of the outputs
output:
  o: {value: 1}
resource: # of resources
  t:
    a:
      # last
      depends_on: [t.b]
      size: 1 # size
      provider: local
      count: 2
    b: {lifecycle: {prevent_destroy: true}, input: 1, for_each: [x]}
  # after b

# of the project
planform: {name: a}
x-base: 1
"""
    ) == (
        """\
# of the file

x-base: 1

# of the project
planform: {name: a}
resource: # of resources
  t:
    a:
      count: 2
      provider: local
      size: 1 # size
      # last
      depends_on: [t.b]
    b: {for_each: [x], input: 1, lifecycle: {prevent_destroy: true}}
  # after b

# of the outputs
output:
  o: {value: 1}
"""
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("resource:\n  t:\n    a: &a {input: 1}\nlocals:\n  x: *a\n", id="used before it is named"),
        pytest.param("locals: {a: &a 1}\nprovider: {b: *a}\n", id="between blocks"),
    ],
)
def test_an_anchor_stays_before_its_aliases(text: str) -> None:
    assert check(text) == text


def test_variable_files_keep_their_order() -> None:
    text = "output: 1\nplanform: 2\nresource: {a: {b: {depends_on: 1, count: 2}}}\n"
    assert formatted(text, is_module=False) == text


@pytest.mark.parametrize(
    "text", ["a: [1\n", "a: 1\na: 2\n", "a:\n\tb: 1\n", 'a: "${1 +}"\n', "--- 1\n--- 2\n"], ids=repr
)
def test_what_cannot_be_read_is_not_laid_out(text: str) -> None:
    with pytest.raises(Diagnosed):
        formatted(text)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_here_say_the_same(path: Path) -> None:
    check(path.read_text())


# Random documents, in random layouts, with comments anywhere.

WORDS = st.sampled_from(
    ["a", "b c", "1e3", "0x1F", "~", "true", "on", "-", "x: y", "'", '"', "\\", "é", "#", "a #b", "", " ", "*", "&a"]
)
PLAIN = st.sampled_from(
    ["word", "two words", "1", "1.50", "null", "~", "", "yes", "a:b", "a#b", "${var.x}", "$${x}", ".inf"]
)
COMMENT = st.one_of(st.none(), st.just(""), st.integers(0, 9).map(lambda number: f"# c{number}"))


@st.composite
def scalars(draw: Callable[..., Any], indent: int) -> str:
    style = draw(st.sampled_from(["plain", "single", "double", "folded", "literal"]))
    if style == "plain":
        return str(draw(PLAIN))
    text = draw(st.one_of(WORDS, st.text(max_size=8)))
    if any(mark in text for mark in ("${", "%{")) or not text.isprintable():
        text = "x"
    if style == "single":
        return "'" + text.replace("'", "''") + "'"
    if style == "double":
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    pad = "\n" + " " * (indent + 3)
    lines = [line for line in (text.strip(), draw(WORDS), draw(WORDS)) if line.strip()] or ["x"]
    marks = draw(st.sampled_from(["", "-", "+"]))
    return (
        ("|" if style == "literal" else ">")
        + marks
        + "".join(pad + line.lstrip() for line in lines)
        + draw(st.sampled_from(["", "\n", "\n\n"]))
    )


@st.composite
def flows(draw: Callable[..., Any], depth: int) -> str:
    if depth == 0 or draw(st.booleans()):
        return str(draw(st.sampled_from(["1", "a", "'b'", '"${c}"', "[]", "{}"])))
    gap = draw(st.sampled_from(["", " ", "\n          ", " # in flow\n          "]))
    parts = draw(st.lists(flows(depth - 1), max_size=3))
    if draw(st.booleans()):
        return f"[{gap}" + f",{gap or ' '}".join(parts) + f"{gap}]"
    return f"{{{gap}" + f",{gap or ' '}".join(f"k{index}: {part}" for index, part in enumerate(parts)) + f"{gap}}}"


@st.composite
def blocks(draw: Callable[..., Any], indent: int, depth: int) -> list[str]:
    pad, lines = " " * indent, []
    keys = ["output", "locals", "resource", "x-a", "planform", "module", "'q'", "depends_on", "count"]
    names = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=4, unique=True))
    as_list = draw(st.booleans()) and depth < 3
    for name in names:
        for comment in draw(st.lists(COMMENT, max_size=2)):
            lines += [] if comment is None else [" " * draw(st.integers(0, 6)) + comment]
        head = pad + ("-" if as_list else f"{name}:")
        end = draw(st.sampled_from(["", " # end"]))
        match draw(st.sampled_from(["scalar", "flow", "block"] if depth else ["scalar", "flow"])):
            case "scalar":
                value = draw(scalars(indent))
                lines += f"{head} {value}{'' if value[:1] in '|>' and value else end}".rstrip(" ").split("\n")
            case "flow":
                lines += f"{head} {draw(flows(2))}{end}".split("\n")
            case _:
                lines += [head + end, *draw(blocks(indent + draw(st.integers(1, 4)), depth - 1))]
    for comment in draw(st.lists(COMMENT, max_size=1)):
        lines += [] if comment is None else [pad + comment]
    return lines


@settings(max_examples=300, deadline=None)
@given(blocks(0, 3))
def test_any_document_says_the_same(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    try:
        said(text)
    except Diagnosed:
        assume(False)
    result = check(text)
    # Comments are all there; what looks like one may also be part of a text.
    for comment in {word for line in lines if (word := line.strip()).startswith("# c")}:
        assert result.count(comment) == text.count(comment)
    assert result.count("# in flow") == text.count("# in flow")
    assert result.count("# end") == text.count("# end")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([path.read_text() for path in WRITTEN]), st.data())
def test_comments_survive_anywhere(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    for number in range(data.draw(st.integers(1, 6))):
        where = data.draw(st.integers(0, len(lines)))
        lines.insert(where, " " * data.draw(st.integers(0, 9)) + f"# comment {number}.")
        if data.draw(st.booleans()):
            lines.insert(where, "")
    text = "\n".join(lines)
    try:
        said(text)
    except Diagnosed:  # a comment inside of a text block ends it
        assume(False)
    result = check(text)
    assert sorted(
        line.strip() for line in result.split("\n") if "# comment" in line and "#" not in line.partition("# comment")[0]
    ) == sorted(line.strip() for line in lines if "# comment" in line)
