"""A plan survives its file, and nothing sensitive is in it."""

from __future__ import annotations

import gzip

import pytest

from planform.core.addresses import Address
from planform.core.configuration import SourceFile
from planform.core.deeds import plan_id
from planform.core.errors import PlanformError, Span
from planform.core.guards import Finding, Limit
from planform.core.plan import Action, Change, Leaf, OutputChange, Plan, RunPlan, Step
from planform.core.planfile import parse_plan, plan_bytes
from planform.core.values import Sealed, Sensitive, Unknown

TRAINER = Address("trainer", "t", "fast")
PLAN = Plan(
    id="",
    planform_version="0.1.0",
    created_at="2026-01-01T00:00:00Z",
    name="p",
    workspace="default",
    lineage="l",
    serial=3,
    salt="00" * 32,
    fresh=False,
    changes=(
        Change(
            TRAINER,
            Action.UPDATE,
            {"hyperparameters": {"lr": 0.2}},
            {"hyperparameters": {"lr": 0.05, "token": Sensitive("hunter2")}, "status": Unknown("trainer.t.status")},
            "local",
            Span("main.pf.yaml", 3, 5, 9),
            (Leaf(("hyperparameters", "lr"), 0.2, 0.05, Span("main.pf.yaml", 7, 3), "new run"),),
            run=RunPlan(
                "new_run",
                number=2,
                moved=("hyperparameters.lr",),
                largest=(("train.py", 10),),
                unpriced=("no price for ml.a in r",),
                hours_before=0.5,
            ),
        ),
        Change(Address("planform_data", "a", 0), Action.NO_OP, {"input": 1}, {"input": 1}, "planform"),
    ),
    steps=(Step("1:launch", TRAINER, "launch", "trainer.t#launched", ("queue.q",)),),
    outputs=(OutputChange("secret", None, Sensitive("hunter3"), True),),
    sources=(SourceFile("main.pf.yaml", "planform: {}\n"), SourceFile("secret.pf.yaml", "default: hunter4")),
    private_sources={"secret.pf.yaml": "digest"},
    variables={"token": Sensitive("hunter5"), "n": 1},
    records={TRAINER: "abc"},
    coordinates={"local": {"host": "h"}},
    prices_as_of="2026-11-01",
    limits=(
        Limit(
            "max_cost_usd", 1.5, 2, Span("main.pf.yaml", 2, 3, 6), (("trainer.t", 2.0),), (("trainer.u", "no price"),)
        ),
    ),
    accepted=("max_cost_usd",),
    policies=("p.rego",),
    findings=(Finding("deny", "no", "p.rego", "trainer.t"), Finding("warn", "hm", "p.rego")),
)


def test_round_trip() -> None:
    plan = PLAN._replace(id=plan_id(PLAN))
    again = parse_plan(plan_bytes(plan), "p.pfplan")
    assert again.id == plan.id == plan_id(again)
    assert again.changes[0].run == plan.changes[0].run
    assert again.changes[0].leaves == plan.changes[0].leaves
    assert again.changes[0].after is not None
    assert again.changes[0].after["hyperparameters"]["lr"] == 0.05
    assert isinstance(again.changes[0].after["hyperparameters"]["token"], Sealed)
    assert again.changes[0].after["status"] == Unknown()
    assert again.changes[1].before == {"input": 1}
    assert (again.prices_as_of, again.limits, again.accepted) == (plan.prices_as_of, plan.limits, plan.accepted)
    assert (again.policies, again.findings) == (plan.policies, plan.findings)
    assert (again.steps, again.records, again.coordinates) == (plan.steps, plan.records, plan.coordinates)
    assert plan_bytes(again) == plan_bytes(plan)


def test_no_secret_is_written() -> None:
    assert b"hunter" not in gzip.decompress(plan_bytes(PLAN))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "is not a plan file", id="empty"),
        pytest.param(b"{}", "is not a plan file", id="not gzip"),
        pytest.param(gzip.compress(b'{"kind": "x"}'), "is not a plan file", id="other JSON"),
        pytest.param(plan_bytes(PLAN)[:-20], "is not a plan file", id="truncated"),
        pytest.param(
            gzip.compress(gzip.decompress(plan_bytes(PLAN)).replace(b'"serial": 3', b'"serial": 4')),
            "was altered",
            id="altered",
        ),
        pytest.param(
            gzip.compress(gzip.decompress(plan_bytes(PLAN)).replace(b'"format": 1', b'"format": 9')),
            "plan format 9",
            id="newer",
        ),
    ],
)
def test_a_damaged_plan_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(PlanformError, match=says):
        parse_plan(data, "p.pfplan")
