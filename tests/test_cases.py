"""Case folders: a project, what was recorded and what is live before, and the exact text planform prints.

`tests/cases/plan/<case>/`: `main.pf.yaml`, optional `state.json` (records and runs in short form), `live.json` (address ->
attributes that differ live, or null for deleted by hand), `args`, other files; `plan.txt` is what `planform plan` prints,
`plan_json.txt`, `graph.mmd` and `graph.svg`, where a case has them, what `show --json` and `graph` make of the saved plan.
`tests/cases/wrong/<case>/`: the same with wrong input; `error.txt` is what it prints on stderr, exit code 1, state untouched.
`pytest --bless` rewrites the expected files; review the difference like code.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from planform.backends.local import LocalBackend
from planform.cli.main import main
from planform.core.addresses import parse_address
from planform.core.resource import Planned
from planform.core.state import Record, Recorded, Run, RunRecorded
from planform.core.values import decode
from planform.providers.local.provider import host_id, local_provider

CASES = Path(__file__).parent / "cases"


def run_planform(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command in this process."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["--no-color", *words])
    printed = capsys.readouterr()
    return int(stopped.value.code or 0), printed.out, printed.err


def cases(kind: str) -> Sequence[Any]:
    return [pytest.param(folder, id=folder.name) for folder in sorted((CASES / kind).iterdir()) if folder.is_dir()]


def set_stage(case: Path, folder: Path) -> None:
    """Copy a case and make what it says is recorded and live."""
    shutil.copytree(
        case,
        folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.txt", "state.json", "live.json", "args", "graph.*"),
    )
    recorded = json.loads((case / "state.json").read_text()) if (case / "state.json").exists() else None
    live = json.loads((case / "live.json").read_text()) if (case / "live.json").exists() else {}
    provider = local_provider({}, folder, "default")
    known = {form["address"] for form in (recorded or {}).get("records", [])}
    for address in [parse_address(text) for text in live if text not in known]:
        handler = provider.handler(address.type)
        assert handler is not None
        handler.create(Planned(address, live[str(address)], "another state", "default"))
    if recorded is None:
        return
    backend = LocalBackend(folder / "state" / "default.json")
    with backend.lock("test") as session:
        lineage = session.snapshot().state.lineage
        for form in recorded.get("records", []):
            address = parse_address(form["address"])
            where = {"host": host_id()} if form["provider"] == "local" else {}
            record = Record(
                address,
                form["provider"],
                decode(form["object"]),
                where,
                prevent_destroy=form.get("prevent_destroy", False),
            )
            session.append([Recorded(record, tuple(form.get("dependencies", ())))])
            now = live.get(form["address"], {})
            handler = provider.handler(address.type) if form["provider"] == "local" else None
            if handler is not None and now is not None:
                handler.create(Planned(address, {**record.object, **now}, lineage, "default"))
        for form in recorded.get("runs", []):
            run = Run(
                **{
                    "provider": "local",
                    "executor": "process",
                    "coordinates": {"host": host_id()},
                    "components": {},
                    "job_arn": "",
                    **form,
                }
            )
            session.append([RunRecorded(run)])
        session.fold()


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    text = re.sub(r"\b[0-9a-f]{10}\b", "<id>", text)
    text = re.sub(r"-default-[a-z2-7]{8}-", "-default-<run>-", text)
    text = re.sub(r'"run_id": "[a-z2-7]{8}"', '"run_id": "<run>"', text)
    text = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>", text)
    text = text.replace(host_id(), "<host>")
    return re.sub(r"/\S*/(case\w*)/", "<folder>/", text)


def compare(actual: str, expected: Path, bless: bool) -> None:
    if bless:
        expected.write_text(actual)
    assert actual == expected.read_text()


@pytest.mark.parametrize("case", cases("plan"))
def test_plan(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bless: bool
) -> None:
    folder = tmp_path / "case"
    set_stage(case, folder)
    monkeypatch.chdir(folder)
    arguments = shlex.split((case / "args").read_text()) if (case / "args").exists() else []
    code, out, err = run_planform(capsys, "plan", *arguments)
    assert (code, err) == (0, "")
    compare(steady(out), case / "plan.txt", bless)
    views = {
        "plan_json.txt": ("show", "--json", "p.pfplan"),
        "graph.mmd": ("graph", "--format", "mermaid", "--plan", "p.pfplan"),
        "graph.svg": ("graph", "--format", "svg", "--plan", "p.pfplan"),
    }
    if any((case / name).exists() for name in views):
        assert run_planform(capsys, "plan", *arguments, "--out", "p.pfplan")[0] == 0
    for name, words in views.items():
        if (case / name).exists():
            code, out, err = run_planform(capsys, *words)
            assert (code, err) == (0, "")
            compare(steady(in_rows(out) if name == "plan_json.txt" else out), case / name, bless)


def in_rows(text: str) -> str:
    """A JSON object with each of its members, and each element of those that are lists, on a line of its own."""
    rows = []
    for name, value in json.loads(text).items():
        rows += [name, *map(json.dumps, value)] if isinstance(value, list) else [f"{name} {json.dumps(value)}"]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("case", cases("wrong"))
def test_wrong_input(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bless: bool
) -> None:
    folder = tmp_path / "case"
    set_stage(case, folder)
    monkeypatch.chdir(folder)
    state = folder / "state" / "default.json"
    before = state.read_bytes() if state.exists() else None
    arguments = shlex.split((case / "args").read_text()) if (case / "args").exists() else ["plan"]
    code, _, err = run_planform(capsys, *arguments)
    assert code == 1
    assert "Traceback" not in err
    assert (state.read_bytes() if state.exists() else None) == before
    compare(steady(err), case / "error.txt", bless)


def test_every_case_spec_is_used() -> None:
    """A case folder without an expected file would show nothing."""
    for kind, expected in (("plan", "plan.txt"), ("wrong", "error.txt")):
        for folder in (CASES / kind).iterdir():
            assert (folder / expected).stat().st_size > 0, folder
