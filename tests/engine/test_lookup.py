"""What is looked up before planning: data sources, objects to import, objects that are there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from planform.core.addresses import Address
from planform.core.errors import Diagnosed, ProviderError
from planform.core.plan import Action, Plan
from planform.core.planfile import parse_plan, plan_bytes
from planform.engine.planner import PlanOptions
from tests.engine.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def problems(bench: Bench, text: str) -> list[str]:
    with pytest.raises(Diagnosed) as stopped:
        bench.plan(text)
    return [f"{item.span}: {item.summary} {item.detail} {item.suggestion}".rstrip() for item in stopped.value.problems]


def actions(planned: Plan) -> dict[str, str]:
    return {str(change.address): change.action.value for change in planned.changes}


# Data


def test_data_is_worth_what_its_source_says(bench: Bench) -> None:
    bench.workshop.sizes["a"] = 7
    planned = bench.plan("data: {sizes: {x: {of: a}}}\nresource: {thing: {t: {size: '${data.sizes.x.size}'}}}")
    assert planned.data == {Address("sizes", "x", mode="data"): {"of": "a", "size": 7}}
    assert bench.apply(planned).ok
    assert bench.workshop.made[Address("thing", "t")]["size"] == 7


def test_data_is_asked_once_for_each_round(bench: Bench) -> None:
    bench.workshop.sizes.update(a="b", b="c", c=1)
    bench.plan(
        """
data:
  sizes:
    first: {of: a}
    second: {of: "${data.sizes.first.size}"}
    third: {for_each: {x: b, y: c}, of: "${each.value}"}
"""
    )
    assert [sorted(names) for names in bench.workshop.asked] == [["a", "b", "c"], ["b"]]


def test_data_without_an_answer_is_a_problem_at_its_argument(bench: Bench) -> None:
    assert problems(bench, "data: {sizes: {x: {of: nowhere}}}") == ["main.pf.yaml:2:24: No nowhere here."]


def test_data_that_nobody_can_look_up(bench: Bench) -> None:
    bench.workshop.sizes["a"] = 1
    bench.workshop.data_source = lambda name: None  # type: ignore[method-assign]
    (told,) = problems(bench, "data: {sizes: {x: {of: a}}}")
    assert told.startswith("main.pf.yaml:2:16: Provider local cannot look up a sizes.")


def test_data_whose_argument_is_only_known_after_apply(bench: Bench) -> None:
    (told,) = problems(bench, 'data: {sizes: {x: {of: "${uuid()}"}}}')
    assert "data.sizes.x cannot be read. It is read before anything is planned, but uuid() is known only" in told


def test_a_saved_plan_carries_what_data_said(bench: Bench) -> None:
    bench.workshop.sizes["a"] = 7
    planned = bench.plan("data: {sizes: {x: {of: a}}}\nresource: {thing: {t: {size: '${data.sizes.x.size}'}}}")
    bench.workshop.sizes["a"] = 8
    assert bench.apply(parse_plan(plan_bytes(planned), "p")).ok
    assert bench.workshop.made[Address("thing", "t")]["size"] == 7


# Import

THEIRS = {"name": "theirs", "size": 1, "kind": None, "id": "id-9", "arn": "arn:None"}
IMPORT = "import: [{to: named.a, id: theirs}]\n"


def test_import_records_what_is_there(bench: Bench) -> None:
    bench.workshop.others["theirs"] = THEIRS
    text = f"{IMPORT}resource: {{named: {{a: {{name: theirs, size: 1}}}}}}"
    planned = bench.plan(text)
    (change,) = planned.changes
    assert (change.action, change.importing, [step.verb for step in planned.steps]) == (
        Action.NO_OP,
        "theirs",
        ["record"],
    )
    assert bench.apply(planned).ok
    assert bench.workshop.calls == []
    bench.workshop.made[Address("named", "a")] = THEIRS
    assert bench.plan(text).is_empty


def test_import_and_change_are_one_plan(bench: Bench) -> None:
    bench.workshop.others["theirs"] = THEIRS
    planned = bench.plan(f"{IMPORT}resource: {{named: {{a: {{name: theirs, size: 2}}}}}}")
    (change,) = planned.changes
    assert (change.action, change.importing) == (Action.UPDATE, "theirs")
    assert bench.apply(planned).ok
    assert bench.workshop.calls == ["update named.a"]
    assert bench.workshop.made[Address("named", "a")]["id"] == "id-9"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            f"{IMPORT}resource: {{named: {{b: {{}}}}}}",
            'main.pf.yaml:2:15: Import to what is not declared The files declare no named.a. Did you mean "named.b"?',
            id="no block",
        ),
        pytest.param(
            "import: [{to: named.a, id: nobody}]\nresource: {named: {a: {}}}",
            'main.pf.yaml:2:28: Nothing to import Provider local knows no named "nobody". '
            "The id is its name or its ARN. If it shall be made, take this entry out.",
            id="no object",
        ),
        pytest.param(
            f"{IMPORT}resource: {{named: {{a: {{kind: other}}}}}}",
            "main.pf.yaml:3:20: named.a would be imported only to be replaced. "
            '"theirs" differs in kind. Write the block as the object is, import it, and change it in a second plan.',
            id="replaced",
        ),
        pytest.param(
            "import: [{to: named.a, id: theirs}, {to: named.a, id: ours}]\nresource: {named: {a: {}}}",
            'main.pf.yaml:2:42: Imported twice named.a is already to be "theirs", by the entry at main.pf.yaml:2:10. '
            "Take one of the two out.",
            id="twice",
        ),
    ],
)
def test_an_import_that_cannot_be(bench: Bench, text: str, told: str) -> None:
    bench.workshop.others["theirs"] = {**THEIRS, "kind": "x"}
    assert problems(bench, text) == [told]


def test_an_object_with_the_wanted_name_is_not_made_again(bench: Bench) -> None:
    bench.workshop.others["p-default-a"] = {**THEIRS, "name": "p-default-a"}
    (told,) = problems(bench, "resource: {named: {a: {size: 1}}}")
    assert told == (
        'main.pf.yaml:2:20: named.a already exists: import it. There is a named "p-default-a" that is not recorded in '
        "this state. Add to the files: import: [{to: named.a, id: p-default-a}]; or choose another name."
    )


def test_what_an_interrupted_apply_made_is_taken_over(bench: Bench) -> None:
    """The intent to make it is in the journal; making it adopts what is there (S4.2)."""

    def torn(item: object) -> dict[str, object]:
        raise ProviderError("the answer was lost")

    bench.workshop.sabotage = {"named.a": torn}
    text = "resource: {named: {a: {size: 1}}}"
    assert not bench.apply(bench.plan(text)).ok
    bench.workshop.others["p-default-a"] = {**THEIRS, "name": "p-default-a"}
    bench.workshop.sabotage = {}
    assert actions(bench.plan(text)) == {"named.a": "create"}
    assert bench.apply(bench.plan(text)).ok


def test_without_refresh_nobody_is_asked_for_names(bench: Bench) -> None:
    bench.workshop.others["p-default-a"] = {**THEIRS, "name": "p-default-a"}
    assert actions(bench.plan("resource: {named: {a: {size: 1}}}", refresh=False)) == {"named.a": "create"}


# Renames


def moves(planned: Plan) -> list[str]:
    return [item.suggestion for item in planned.warnings]


def test_a_rename_is_recognised(bench: Bench) -> None:
    assert bench.apply(bench.plan("resource: {thing: {a: {size: 1}, other: {size: 2}}}")).ok
    planned = bench.plan("resource: {thing: {b: {size: 1}, other: {size: 2}}}")
    assert moves(planned) == ["Add to the files: moved: [{from: thing.a, to: thing.b}]"]


def test_a_made_up_name_does_not_hide_a_rename_and_a_written_one_does(bench: Bench) -> None:
    assert bench.apply(bench.plan("resource: {named: {a: {size: 1}, x: {size: 2, name: mine}}}")).ok
    planned = bench.plan("resource: {named: {b: {size: 1}, y: {size: 2, name: new}}}")
    assert moves(planned) == ["Add to the files: moved: [{from: named.a, to: named.b}]"]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param("resource: {thing: {b: {size: 3}}}", id="other arguments"),
        pytest.param("resource: {thing: {b: {size: 1}, c: {size: 1}}}", id="two that are like it"),
        pytest.param("resource: {named: {b: {size: 1}}}", id="another type"),
        pytest.param("resource: {thing: {b: {size: '${uuid()}'}}}", id="not known yet"),
    ],
)
def test_what_is_no_rename(bench: Bench, after: str) -> None:
    assert bench.apply(bench.plan("resource: {thing: {a: {size: 1}}}")).ok
    assert moves(bench.plan(after)) == []


# What is never destroyed, and what is left over


def test_what_is_kept_is_forgotten(bench: Bench) -> None:
    text = "resource: {thing: {a: {size: 1, lifecycle: {destroy: false}}}}"
    assert bench.apply(bench.plan(text)).ok
    assert actions(bench.plan("")) == {"thing.a": "forget"}
    assert actions(bench.plan(text, PlanOptions(destroy=True))) == {"thing.a": "forget"}
    assert bench.apply(bench.plan("")).ok
    assert bench.workshop.calls == ["create thing.a"]


def test_what_is_kept_is_not_replaced(bench: Bench) -> None:
    text = "resource: {thing: {a: {kind: x, lifecycle: {destroy: false}}}}"
    assert bench.apply(bench.plan(text)).ok
    (told,) = problems(bench, text.replace("kind: x", "kind: y"))
    assert "thing.a is never destroyed, and a change of kind would replace it." in told


@pytest.mark.parametrize("flag", ["prevent_destroy: true", "destroy: false"])
def test_a_flag_of_lifecycle_alone_is_recorded_and_touches_nothing(bench: Bench, flag: str) -> None:
    assert bench.apply(bench.plan("resource: {thing: {a: {size: 1}}}")).ok
    text = f"resource: {{thing: {{a: {{size: 1, lifecycle: {{{flag}}}}}}}}}"
    planned = bench.plan(text)
    assert [(step.verb, str(step.address)) for step in planned.steps] == [("record", "thing.a")]
    assert bench.apply(planned).ok
    assert bench.workshop.calls == ["create thing.a"]
    assert bench.plan(text).is_empty
    (record,) = bench.backend.read().state.records.values()
    assert record.prevent_destroy or record.keep


def test_the_old_object_of_a_torn_replacement_is_deleted_by_the_next_plan(bench: Bench) -> None:
    text = "resource: {thing: {a: {kind: x, lifecycle: {create_before_destroy: true}}}}"
    assert bench.apply(bench.plan(text)).ok
    after = text.replace("kind: x", "kind: y")
    remove = bench.workshop.delete

    def fails(record: object) -> None:
        raise ProviderError("not now")

    bench.workshop.delete = fails  # type: ignore[method-assign, assignment]
    assert not bench.apply(bench.plan(after)).ok
    (left,) = [text for text in bench.recorded() if text != "thing.a"]
    assert left.startswith("thing.a (deposed ")
    bench.workshop.delete = remove  # type: ignore[method-assign]
    planned = bench.plan(after)
    assert actions(planned) == {"thing.a": "no-op", left: "delete"}
    assert bench.apply(planned).ok
    assert bench.recorded() == ["thing.a"]
    assert bench.plan(after).is_empty


def test_a_replacement_that_ends_well_leaves_nothing(bench: Bench) -> None:
    text = "resource: {thing: {a: {kind: x, lifecycle: {create_before_destroy: true}}}}"
    assert bench.apply(bench.plan(text)).ok
    assert bench.apply(bench.plan(text.replace("kind: x", "kind: y"))).ok
    assert bench.recorded() == ["thing.a"]
    assert bench.workshop.calls == ["create thing.a", "create thing.a", "delete thing.a"]
