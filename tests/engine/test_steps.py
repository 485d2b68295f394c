"""Which steps a plan has and what they wait for."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest

from planform.core.addresses import Address, ResourceAddress
from planform.core.configuration import Configuration, Dependency, Place, ResourceBlock, SourceFile
from planform.core.plan import Action, Change, RunPlan, Step
from planform.core.schemas import Attribute, Schema
from planform.engine.steps import steps_of

PLACE = Place(SourceFile("main.pf.yaml", ""), (), 1, 1)
SCHEMAS = {
    "queue": Schema("queue", "", {"arn": Attribute(computed=True)}),
    "environment": Schema("environment", "", {"arn": Attribute(computed=True)}),
    "trainer": Schema(
        "trainer",
        "",
        {
            "job_arn": Attribute(computed=True, milestone="launched"),
            "model": Attribute(computed=True, milestone="completed"),
        },
        has_runs=True,
    ),
}


def configuration(**needs: tuple[tuple[str, str], ...]) -> Configuration:
    """Blocks named type_name -> what they refer to: (type_name, attribute)."""

    def resource(text: str) -> ResourceAddress:
        return ResourceAddress(*text.split("_"))

    blocks = {
        resource(name): ResourceBlock(
            resource(name),
            PLACE,
            {},
            None,
            tuple(Dependency(resource(other), attribute, PLACE) for other, attribute in uses),
        )
        for name, uses in needs.items()
    }
    return Configuration("p", "default", "/", ("local", {}), {}, {}, blocks, {}, {}, {}, ())


def change(name: str, action: Action, run: RunPlan | None = None, key: str | None = None) -> Change:
    return Change(Address(*name.split("_"), key), action, None, {}, run=run)


def steps(
    changes: list[Change], config: Configuration, recorded: dict[str, tuple[str, ...]] | None = None
) -> list[Step]:
    now = {
        str(address): tuple(str(item.resource) for item in block.dependencies)
        for address, block in config.resources.items()
    }
    return list(steps_of(changes, config, {**(recorded or {}), **now}, recorded or {}, SCHEMAS))


def order(found: list[Step]) -> list[str]:
    """The steps in an order that their gates allow; a circle raises."""
    gates: dict[str, set[str]] = {}
    for step in found:
        gates.setdefault(f"gate {step.gate}", set()).add(f"{step.verb} {step.address}")
        gates.setdefault(f"{step.verb} {step.address}", set()).update(f"gate {gate}" for gate in step.after)
    return [item for item in TopologicalSorter(gates).static_order() if not item.startswith("gate ")]


NEW = RunPlan("new_run", number=1)


def test_a_run_is_launched_after_its_queue_and_awaited() -> None:
    found = steps(
        [change("queue_q", Action.CREATE), change("trainer_t", Action.CREATE, NEW)],
        configuration(queue_q=(), trainer_t=(("queue_q", "arn"),)),
    )
    assert order(found) == ["create queue.q", "launch trainer.t", "await trainer.t"]


@pytest.mark.parametrize(
    ("attribute", "waits"),
    [("job_arn", ("trainer.a#launched",)), ("model", ("trainer.a#launched", "trainer.a#completed"))],
)
def test_a_reference_waits_for_the_milestone_of_its_attribute(attribute: str, waits: tuple[str, ...]) -> None:
    found = steps(
        [change("trainer_a", Action.CREATE, NEW), change("trainer_b", Action.CREATE, NEW)],
        configuration(trainer_a=(), trainer_b=(("trainer_a", attribute),)),
    )
    launch = next(step for step in found if step.verb == "launch" and step.address.name == "b")
    assert launch.after == waits


def test_replacing_two_that_depend_deletes_the_user_first() -> None:
    found = steps(
        [change("environment_e", Action.DELETE_THEN_CREATE), change("queue_q", Action.DELETE_THEN_CREATE)],
        configuration(environment_e=(), queue_q=(("environment_e", "arn"),)),
        {"queue.q": ("environment.e",)},
    )
    assert order(found) == ["delete queue.q", "delete environment.e", "create environment.e", "create queue.q"]


def test_an_object_is_deleted_after_its_user_looks_elsewhere() -> None:
    found = steps(
        [
            change("environment_new", Action.CREATE),
            change("environment_old", Action.DELETE),
            change("queue_q", Action.UPDATE),
        ],
        configuration(environment_new=(), queue_q=(("environment_new", "arn"),)),
        {"queue.q": ("environment.old",)},
    )
    assert order(found) == ["create environment.new", "update queue.q", "delete environment.old"]


def test_gates_that_would_close_a_circle_let_deletion_go_first() -> None:
    # environment.e loses instance "a" and replaces "b"; its user is updated in place.
    found = steps(
        [
            change("environment_e", Action.DELETE, key="a"),
            change("environment_e", Action.DELETE_THEN_CREATE, key="b"),
            change("queue_q", Action.UPDATE),
        ],
        configuration(environment_e=(), queue_q=(("environment_e", "arn"),)),
        {"queue.q": ("environment.e",)},
    )
    assert order(found).index('create environment.e["b"]') < order(found).index("update queue.q")


def test_a_run_in_progress_is_awaited_only_by_those_who_need_it() -> None:
    going = RunPlan("in_progress", number=1)
    config = configuration(trainer_a=(), trainer_b=(("trainer_a", "model"),))
    assert steps([change("trainer_a", Action.NO_OP, going)], config) == []
    found = steps([change("trainer_a", Action.NO_OP, going), change("trainer_b", Action.CREATE, NEW)], config)
    assert order(found) == ["await trainer.a", "launch trainer.b", "await trainer.b"]


def test_what_a_deposed_object_uses_is_deleted_after_it() -> None:
    """Its resource uses something else by now; what it used itself is kept by its own address."""
    config = configuration(queue_q=(("environment_new", "arn"),), environment_new=())
    left = Address("queue", "q", deposed="1a2b3c4d")
    changes = [Change(left, Action.DELETE, {}, None), change("environment_old", Action.DELETE)]
    recorded = {"queue.q": ("environment.new",), str(left): ("environment.old",)}
    for order in (changes, changes[::-1]):
        found = {str(step.address): step for step in steps(order, config, recorded)}
        assert found[str(left)].gate in found["environment.old"].after
        assert found["environment.old"].gate not in found[str(left)].after
