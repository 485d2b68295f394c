"""Apply does what the plan says and nothing else: with a provider in memory, through the real language and state."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path

import pytest

from planform.core.addresses import Address
from planform.core.errors import Diagnosed, PlanStale, ProviderError, StateError
from planform.core.values import Object
from planform.engine.planner import PlanOptions
from tests.engine.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_create_update_replace_delete(bench: Bench) -> None:
    assert bench.apply(bench.plan("resource: {thing: {a: {size: 1, kind: x}, b: {size: '${thing.a.id}'}}}")).ok
    assert bench.workshop.calls == ["create thing.a", "create thing.b"]
    assert bench.workshop.made[Address("thing", "b")]["size"] == "id-a"
    bench.workshop.calls.clear()
    assert bench.apply(bench.plan("resource: {thing: {a: {size: 2, kind: x}, b: {size: '${thing.a.id}'}}}")).ok
    assert bench.workshop.calls == ["update thing.a"]
    bench.workshop.calls.clear()
    assert bench.apply(bench.plan("resource: {thing: {a: {size: 2, kind: y}, b: {size: '${thing.a.id}'}}}")).ok
    assert bench.workshop.calls == ["delete thing.a", "create thing.a", "update thing.b"]
    bench.workshop.calls.clear()
    assert bench.apply(bench.plan("resource: {}")).ok
    assert bench.workshop.calls == ["delete thing.b", "delete thing.a"]
    assert bench.recorded() == []


def test_a_plan_after_an_apply_is_empty(bench: Bench) -> None:
    text = "resource: {thing: {a: {size: {n: 1.0, s: [true, null]}, kind: x}, b: {count: 3, size: '${count.index}'}}}"
    bench.apply(bench.plan(text))
    serial = bench.backend.read().state.serial
    assert bench.plan(text).is_empty
    assert bench.backend.read().state.serial == serial


def test_independent_steps_run_side_by_side(bench: Bench) -> None:
    bench.workshop.together = threading.Barrier(4)
    assert bench.apply(bench.plan("resource: {thing: {a: {count: 4}}}"), parallelism=4).ok


def test_one_failure_skips_what_needs_it_and_nothing_else(bench: Bench) -> None:
    def refuse(item: Object) -> Object:
        raise ProviderError("the workshop is out of wood")

    bench.workshop.sabotage = {"thing.a": refuse}
    planned = bench.plan("resource: {thing: {a: {}, b: {size: '${thing.a.id}'}, c: {size: '${thing.b.id}'}, d: {}}}")
    outcome = bench.apply(planned)
    assert outcome.failures == ((Address("thing", "a"), "the workshop is out of wood"),)
    assert [str(step.address) for step in outcome.skipped] == ["thing.b", "thing.c"]
    assert bench.recorded() == ["thing.d"]
    bench.workshop.sabotage = {}
    again = bench.plan("resource: {thing: {a: {}, b: {size: '${thing.a.id}'}, c: {size: '${thing.b.id}'}, d: {}}}")
    assert bench.apply(again).ok
    assert bench.recorded() == ["thing.a", "thing.b", "thing.c", "thing.d"]


def test_what_comes_back_otherwise_is_recorded_and_reported(bench: Bench) -> None:
    bench.workshop.sabotage = {"thing.a": lambda item: {**item, "size": 99}}
    outcome = bench.apply(bench.plan("resource: {thing: {a: {size: 1}, b: {size: '${thing.a.id}'}}}"))
    ((address, error),) = outcome.failures
    assert str(address) == "thing.a"
    assert "size is 99, the plan said 1" in error
    assert [str(step.address) for step in outcome.skipped] == ["thing.b"]
    assert bench.backend.read().state.records[address].object["size"] == 99
    assert bench.workshop.calls == ["create thing.a"]


def test_an_interrupt_starts_nothing_new(bench: Bench) -> None:
    planned = bench.plan("resource: {thing: {a: {}, b: {size: '${thing.a.id}'}}}")
    outcome = bench.apply(planned, stop=lambda: bool(bench.workshop.calls))
    assert outcome.interrupted
    assert bench.workshop.calls == ["create thing.a"]
    assert bench.recorded() == ["thing.a"]


def test_a_full_disk_loses_none_of_the_calls_under_way(bench: Bench, tmp_path: Path) -> None:
    """Four calls come back to a journal that takes nothing more: each result is kept, and nothing else is started."""
    write = os.write

    def full(file: int, data: bytes) -> int:
        if os.path.samestat(os.fstat(file), bench.backend.journal_path.stat()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    planned = bench.plan("resource: {thing: {a: {count: 4}, b: {size: '${thing.a[0].id}'}}}")
    with pytest.MonkeyPatch.context() as disk:
        disk.setattr("tempfile.tempdir", str(tmp_path))
        bench.workshop.together = threading.Barrier(4, action=lambda: disk.setattr(os, "write", full))
        with pytest.raises(StateError, match="no space is left") as refusal:
            bench.apply(planned, parallelism=4)
    assert len(bench.workshop.calls) == 4
    for index in range(4):
        assert f"thing.a[{index}]" in refusal.value.detail
    assert bench.recorded() == []
    subprocess.run(refusal.value.suggestion.partition("then: ")[2], shell=True, check=True)
    assert bench.recorded() == [f"thing.a[{index}]" for index in range(4)]


def test_intents_are_durable_before_the_call(bench: Bench) -> None:
    """What a killed apply leaves: the intent of a call that may have happened."""

    def look(item: Object) -> Object:
        (bench.folder / "seen").write_text((bench.folder / "state.journal").read_text())
        return item

    bench.workshop.sabotage = {"thing.a": look}
    bench.apply(bench.plan("resource: {thing: {a: {}}}"))
    assert '"create"' in (bench.folder / "seen").read_text()
    assert "thing.a" in (bench.folder / "seen").read_text()
    assert not (bench.folder / "state.journal").exists()


def test_a_plan_made_elsewhere_or_before_is_refused(bench: Bench) -> None:
    text = "resource: {thing: {a: {size: 1}}}"
    first = bench.plan(text)
    bench.apply(first)
    with pytest.raises(PlanStale):
        bench.apply(first)
    changed = bench.plan("resource: {thing: {a: {size: 2}}}")
    bench.apply(bench.plan("resource: {thing: {a: {size: 3}}}"))
    with pytest.raises(PlanStale, match=r"thing\.a changed after it was made"):
        bench.apply(changed)
    assert bench.workshop.made[Address("thing", "a")]["size"] == 3


@pytest.mark.parametrize(
    ("ignored", "kept"),
    [
        ("[size]", {"size": {"a": 1, "b": 1}, "kind": "y"}),
        ("[size.a]", {"size": {"a": 1, "b": 2}, "kind": "y"}),
        ("[size.a, kind]", {"size": {"a": 1, "b": 2}, "kind": "x"}),
        ("[all]", {"size": {"a": 1, "b": 1}, "kind": "x"}),
    ],
)
def test_ignored_changes_are_left_as_they_are(bench: Bench, ignored: str, kept: Object) -> None:
    bench.apply(bench.plan("resource: {thing: {a: {size: {a: 1, b: 1}, kind: x}}}"))
    text = f"resource: {{thing: {{a: {{size: {{a: 2, b: 2}}, kind: y, lifecycle: {{ignore_changes: {ignored}}}}}}}}}"
    bench.apply(bench.plan(text))
    recorded = bench.backend.read().state.records[Address("thing", "a")].object
    assert {name: recorded[name] for name in ("size", "kind")} == kept
    assert bench.plan(text).is_empty


def test_create_before_destroy_keeps_the_new_object(bench: Bench) -> None:
    text = "resource: {thing: {a: {kind: KIND, lifecycle: {create_before_destroy: true}}, b: {size: '${thing.a.arn}'}}}"
    bench.apply(bench.plan(text.replace("KIND", "x")))
    bench.workshop.calls.clear()
    assert bench.apply(bench.plan(text.replace("KIND", "y"))).ok
    assert bench.workshop.calls == ["create thing.a", "update thing.b", "delete thing.a"]
    assert bench.backend.read().state.records[Address("thing", "a")].object["kind"] == "y"
    assert bench.recorded() == ["thing.a", "thing.b"]


def test_what_may_not_be_destroyed_is_not(bench: Bench) -> None:
    text = "resource: {thing: {a: {kind: x, lifecycle: {prevent_destroy: true}}}}"
    bench.apply(bench.plan(text))
    with pytest.raises(Diagnosed, match="a change of kind would replace it"):
        bench.plan(text.replace("kind: x", "kind: y"))
    with pytest.raises(Diagnosed, match="may not be destroyed"):
        bench.plan("resource: {}")


def test_refresh_only_records_what_is_live_and_touches_nothing(bench: Bench) -> None:
    text = "resource: {thing: {a: {size: 1}, b: {size: 1}, c: {size: 1}}}"
    bench.apply(bench.plan(text))
    assert bench.plan(text, PlanOptions(refresh_only=True)).is_empty
    bench.workshop.made[Address("thing", "a")]["size"] = 5
    del bench.workshop.made[Address("thing", "b")]
    bench.workshop.calls.clear()
    planned = bench.plan(text, PlanOptions(refresh_only=True))
    assert [(str(drift.address), drift.gone) for drift in planned.drift] == [("thing.a", False), ("thing.b", True)]
    assert bench.apply(planned).ok
    assert bench.workshop.calls == []
    assert bench.recorded() == ["thing.a", "thing.c"]
    assert bench.backend.read().state.records[Address("thing", "a")].object["size"] == 5
    assert bench.plan(text, PlanOptions(refresh_only=True)).is_empty


def test_only_what_is_managed_can_drift(bench: Bench) -> None:
    text = "resource: {thing: {a: {size: 1}}}"
    bench.apply(bench.plan(text))
    bench.workshop.made[Address("thing", "a")]["arn"] = "arn:of:somebody"
    assert bench.plan(text, PlanOptions(refresh_only=True)).is_empty


@pytest.mark.parametrize(
    ("options", "made"),
    [
        (PlanOptions(targets=("thing.b",)), ["thing.a", "thing.b"]),
        (PlanOptions(excludes=("thing.b",)), ["thing.a", 'thing.d["x"]', 'thing.d["y"]']),
        (PlanOptions(excludes=("thing.d*x*",)), ["thing.a", "thing.b", "thing.c", 'thing.d["y"]']),
        (PlanOptions(targets=("thing.d", "thing.a"), excludes=("thing.d['y']",)), ["thing.a", 'thing.d["x"]']),
    ],
)
def test_targets_and_exclusions(bench: Bench, options: PlanOptions, made: list[str]) -> None:
    text = "resource: {thing: {a: {}, b: {size: '${thing.a.id}'}, c: {size: '${thing.b.id}'}, d: {for_each: {x: 1, y: 2}}}}"
    assert bench.apply(bench.plan(text, options)).ok
    assert bench.recorded() == made


@pytest.mark.parametrize("option", ["targets", "excludes", "replace", "retry", "run"])
def test_a_pattern_that_matches_nothing_is_refused(bench: Bench, option: str) -> None:
    with pytest.raises(Diagnosed, match=r"thing\.zz matches nothing"):
        bench.plan("resource: {thing: {a: {}}}", PlanOptions(**{option: ("thing.zz",)}))


def test_excluding_everything_is_refused(bench: Bench) -> None:
    with pytest.raises(Diagnosed, match="leaves nothing to plan"):
        bench.plan("resource: {thing: {a: {}, b: {size: '${thing.a.id}'}}}", PlanOptions(excludes=("thing.a",)))


CONDITIONS = """
resource:
  thing:
    a:
      size: SIZE
      lifecycle:
        precondition: [{condition: "${path.root == '.'}", error_message: never}]
        postcondition:
          - {condition: "${self.size > 1}", error_message: "${'size ' }${self.size} is too small"}
          - {condition: "${self.id == 'id-a'}", error_message: the id is wrong}
    b:
      size: "${thing.a.id}"
      lifecycle:
        precondition: [{condition: "${thing.a.id != 'bad'}", error_message: a came back bad}]
    c: {size: "${thing.b.id}"}
check:
  large: {assert: [{condition: "${thing.a.size > 10}", error_message: a is not large}]}
"""


def test_conditions_that_are_known_fail_the_plan(bench: Bench) -> None:
    with pytest.raises(Diagnosed) as refused:
        bench.plan(CONDITIONS.replace("SIZE", "1"))
    (problem,) = refused.value.problems
    assert (problem.summary, problem.detail) == ("Resource postcondition failed", "size 1 is too small")
    assert str(problem.span) == "main.pf.yaml:10:25"


def test_conditions_that_become_known_stop_what_comes_after(bench: Bench) -> None:
    text = CONDITIONS.replace("SIZE", "2")
    bench.workshop.sabotage = {"thing.a": lambda item: {**item, "id": "bad"}}
    outcome = bench.apply(bench.plan(text))
    assert [(str(address), error) for address, error in outcome.failures] == [
        ("thing.a", "Resource postcondition failed the id is wrong")
    ]
    assert bench.recorded() == ["thing.a"]
    refused = bench.backend.read().state.records[Address("thing", "a")]
    assert refused.object["id"] == "bad"


def test_a_failing_check_warns_and_stops_nothing(bench: Bench) -> None:
    planned = bench.plan(CONDITIONS.replace("SIZE", "2"))
    assert [(warning.summary, warning.detail) for warning in planned.warnings] == [
        ('Check "large" failed', "a is not large")
    ]
    outcome = bench.apply(planned)
    assert outcome.ok
    assert len(outcome.warnings) == 1
    assert bench.plan(CONDITIONS.replace("SIZE", "11")).warnings == ()


def test_a_trigger_replaces(bench: Bench) -> None:
    text = """
resource:
  thing:
    a: {size: SIZE, kind: KIND}
    whole: {lifecycle: {replace_triggered_by: [thing.a]}}
    part: {lifecycle: {replace_triggered_by: [thing.a.kind]}}
"""
    bench.apply(bench.plan(text.replace("SIZE", "1").replace("KIND", "x")))
    bench.workshop.calls.clear()
    planned = bench.plan(text.replace("SIZE", "2").replace("KIND", "x"))
    assert {str(change.address): change.reason for change in planned.changes if change.does_something} == {
        "thing.a": "",
        "thing.whole": "replace_by_triggers",
    }
    assert bench.apply(planned).ok
    assert bench.workshop.calls == [
        "update thing.a",
        "delete thing.whole",
        "create thing.whole",
    ] or bench.workshop.calls == [
        "delete thing.whole",
        "update thing.a",
        "create thing.whole",
    ]
    assert bench.plan(text.replace("SIZE", "2").replace("KIND", "x")).is_empty
