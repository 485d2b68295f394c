"""Functions: what Terraform cannot be asked in one line: files, documents, marks, signatures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planform.core.values import Sensitive, Set, Unknown
from planform.language.expressions import ExpressionError, Scope, compile_expression
from planform.language.functions import FAMILIES, NAMES, find_function

Make = Callable[..., Scope]
# All that Terraform 1.11.4 lists, but for those left out.
TERRAFORM = """
abs abspath alltrue anytrue base64decode base64encode base64gzip base64sha256 base64sha512 basename can ceil chomp
chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact concat contains csvdecode dirname
distinct element endswith file filebase64 filebase64sha256 filebase64sha512 fileexists filemd5 filesha1 filesha256
filesha512 fileset flatten floor format formatdate formatlist indent index issensitive join jsondecode jsonencode keys
length log lookup lower matchkeys max md5 merge min nonsensitive one parseint pathexpand plantimestamp pow range regex
regexall replace reverse sensitive setintersection setproduct setsubtract setunion sha1 sha256 sha512 signum slice
sort split startswith strcontains strrev substr sum templatefile templatestring textdecodebase64 textencodebase64
timeadd timecmp timestamp title tobool tolist tomap tonumber toset tostring transpose trim trimprefix trimspace
trimsuffix try upper urlencode uuid uuidv5 values yamldecode yamlencode zipmap
"""


def test_every_function_of_terraform_is_there() -> None:
    assert sorted(NAMES) == sorted(TERRAFORM.split())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("can", "try")])
def test_every_name_has_a_function_with_a_signature(name: str) -> None:
    function = find_function(name)
    assert function is not None
    assert function.signature.startswith(f"{name}(")


@pytest.mark.parametrize(
    ("name", "signature", "arity"),
    [
        ("upper", "upper(string)", "1 argument"),
        ("lookup", "lookup(map, key, default?)", "2 to 3 arguments"),
        ("max", "max(number, numbers...)", "at least 1 argument"),
        ("merge", "merge(maps...)", "at least no arguments"),
        ("range", "range(start, limit?, step?)", "1 to 3 arguments"),
        ("file", "file(path)", "1 argument"),
        ("timestamp", "timestamp()", "no arguments"),
    ],
)
def test_signature(name: str, signature: str, arity: str) -> None:
    function = find_function(name)
    assert function is not None
    assert (function.signature, function.arity) == (signature, arity)


def test_families_are_imported_when_used() -> None:
    heavy = {"hashlib", "ipaddress", "uuid", "csv", "gzip", "yaml", "jinja2", "asyncio", "logging", "subprocess"}
    code = (
        f"import sys, planform.language.expressions; print([name for name in {sorted(heavy)} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    families = f"print([name for name in {list(FAMILIES)} if 'planform.language.functions.' + name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, planform.language.expressions; {families}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name, text in {
        "card.md.j2": "# {{ name }}\n{% for item in items %}- {{ item }}\n{% endfor %}",
        "missing.j2": "{{ nope }}",
        "broken.j2": "a\n{% if %}",
        "escape.j2": "{{ ''.__class__.__mro__ }}",
        "loop.tftpl": "${templatefile('loop.tftpl', {})}",
        "run.tftpl": "%{ for n in names ~}\nrun ${n} $${HOME}\n%{ endfor ~}\n",
        "data/a.csv": "x\n1\n",
        "data/b.csv": "x\n2\n",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "raw.bin").write_bytes(b"\xff\x00")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("templatefile('card.md.j2', {name = 'digits', items = [1, 2]})", "# digits\n- 1\n- 2\n"),
        ("templatefile('run.tftpl', {names = ['a', 'b']})", "run a ${HOME}\nrun b ${HOME}\n"),
        ("templatefile('card.md.j2', {name = var.secret, items = []})", Sensitive("# s\n")),
        ("templatefile('card.md.j2', {name = var.queue, items = []})", Unknown()),
        ("templatefile('run.tftpl', {names = [var.secret]})", Sensitive("run s ${HOME}\n")),
        ("templatestring('a $${x}', {x = 1})", "a 1"),
        ("fileset('data', '*.csv')", Set(["a.csv", "b.csv"])),
        ("fileset('.', 'data/*')", Set(["data/a.csv", "data/b.csv"])),
        ("[for row in csvdecode(file('data/a.csv')) : row.x]", ["1"]),
        ("filebase64('raw.bin')", "/wA="),
        ("fileexists('data/c.csv')", False),
    ],
)
def test_files(text: str, expected: Any, folder: Path, scope: Make) -> None:
    here = scope(module_folder=str(folder), var={"secret": Sensitive("s"), "queue": Unknown("q.arn")})
    assert compile_expression(text).evaluate(here) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("templatefile('missing.j2', {})", "'nope' is undefined"),
        ("templatefile('broken.j2', {})", "broken.j2:2:"),
        ("templatefile('escape.j2', {})", "unsafe"),
        ("templatefile('loop.tftpl', {})", "more than 16 levels deep"),
        ("templatefile('run.tftpl', {})", 'There is nothing with the name "names" here.'),
        ("templatefile('run.tftpl', [])", "a map or object is required"),
        ("file('raw.bin')", "not valid UTF-8"),
        ("file('data')", "cannot be read"),
        ("templatestring('$${var.x}', {x = 1})", 'There is nothing with the name "var" here.'),
        ("regex('(a)(?P<b>b)', 'ab')", "not both"),
        ("format('%d', 'x')", "a number is required"),
        ("indent(1000000, 'x')", "from 0 to 1000"),
        ("element(['a'], -1)", "must not be negative"),
        ("base64decode('***')", "not base64"),
        ("yamldecode('a: *b')", "invalid YAML on line 1"),
        ("yamldecode('a: .nan')", "not a number that can be held"),
        ("log(0, 2)", "no logarithm"),
        ("pow(10, 400)", "no number that can be held"),
        ("zipmap(['a'], [])", "number of keys (1)"),
        ("cidrsubnet('10.0.0.0/8', 8, -1)", "does not accommodate"),
        ("cidrhost('10.0.0.0/255.0.0.0', 1)", "is not a CIDR prefix"),
    ],
)
def test_refusals(text: str, says: str, folder: Path, scope: Make) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text).evaluate(scope(module_folder=str(folder)))
    assert says in caught.value.detail


def test_base64gzip_holds_the_text(scope: Make) -> None:
    import gzip
    from base64 import b64decode

    packed = compile_expression("base64gzip('hello')").evaluate(scope())
    assert gzip.decompress(b64decode(packed)) == b"hello"
    assert packed == compile_expression("base64gzip('hello')").evaluate(scope())
