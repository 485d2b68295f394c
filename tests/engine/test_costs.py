"""What a run may cost at most, by its definition."""

from __future__ import annotations

import pytest

from planform.core.guards import Prices
from planform.core.values import Object, Sensitive, Unknown
from planform.engine.costs import Cost, run_cost

PRICES = Prices(
    "p.yaml",
    "2026-11-01",
    {"us-west-2": {"ml.a": 1.0, "ml.b": 10.0}, "local": {"ml.a": 0.1}},
    {"us-west-2": {"ml.a": 0.25}},
)
NO_LOCAL = PRICES._replace(on_demand={"us-west-2": {"ml.a": 1.0}})
HOUR = {"stopping_condition": {"max_runtime_in_seconds": 3600}}
A = {"compute": {"instance_type": "ml.a", "instance_count": 2}, **HOUR}
GROUPS = [{"instance_type": "ml.a", "instance_count": 3}, {"instance_type": "ml.b", "instance_count": 1}]
SPOT = {**A, "compute": {**A["compute"], "enable_managed_spot_training": True}}
RETRIED = {**A, "retry_strategy": {"maximum_retry_attempts": 3}}


@pytest.mark.parametrize(
    ("desired", "executor", "region", "prices", "cost"),
    [
        pytest.param(A, "sagemaker", "us-west-2", PRICES, Cost(2.0, 2.0), id="instances, hours, price"),
        pytest.param({**A, "compute": {"instance_groups": GROUPS}}, "sagemaker", "us-west-2", PRICES, Cost(4.0, 13.0), id="groups"),
        pytest.param(A, "sagemaker", "us-west-2", None, Cost(2.0), id="no prices at all"),
        pytest.param(A, "sagemaker", "eu-west-3", PRICES, Cost(2.0, None, ("no price for ml.a in eu-west-3",)), id="region"),
        pytest.param(A, "process", "local", PRICES, Cost(2.0, 0.2), id="this machine with prices"),
        pytest.param(A, "process", "local", NO_LOCAL, Cost(2.0, 0.0), id="this machine without"),
        pytest.param(A, "process", "local", None, Cost(2.0, 0.0), id="this machine and no file"),
        pytest.param(SPOT, "sagemaker", "us-west-2", PRICES, Cost(2.0, 0.5), id="spot"),
        pytest.param(SPOT, "sagemaker", "us-west-2", NO_LOCAL._replace(spot={}), Cost(2.0, 2.0, at_on_demand=True), id="spot without a price"),
        pytest.param(RETRIED, "sagemaker", "us-west-2", PRICES, Cost(2.0, 2.0), id="attempts of SageMaker share the time"),
        pytest.param(RETRIED, "batch", "us-west-2", PRICES, Cost(8.0, 8.0), id="attempts of Batch do not"),
        pytest.param({**RETRIED, "timeout": {"attempt_duration_seconds": 900}}, "batch", "us-west-2", PRICES, Cost(2.0, 2.0), id="a shorter time for each attempt"),
        pytest.param({**A, "retry_strategy": {"maximum_retry_attempts": 30}}, "batch", "us-west-2", PRICES, Cost(20.0, 20.0), id="at most ten attempts"),
        pytest.param({**A, "compute": {"instance_count": Unknown("x"), "instance_type": "ml.a"}}, "sagemaker", "us-west-2", PRICES, Cost(unsized="instance_count is known after apply"), id="count unknown"),
        pytest.param({**A, "compute": Unknown("x")}, "sagemaker", "us-west-2", PRICES, Cost(unsized="instance_count is known after apply"), id="compute unknown"),
        pytest.param({**A, "stopping_condition": {"max_runtime_in_seconds": Sensitive(3600)}}, "sagemaker", "us-west-2", PRICES, Cost(unsized="its time limit is sensitive"), id="time sensitive"),
        pytest.param({**A, "compute": {"instance_type": Unknown("x")}}, "sagemaker", "us-west-2", PRICES, Cost(1.0, None, ("instance_type is known after apply",)), id="type unknown"),
    ],
)  # fmt: skip
def test_cost_of_a_run(desired: dict, executor: str, region: str, prices: Prices | None, cost: Cost) -> None:
    assert run_cost([(desired, 1.0)], executor, region, prices) == cost


def test_a_search_costs_at_most_what_the_dearest_of_its_definitions_would() -> None:
    small, large = trainer(600, 1, "ml.m5.xlarge"), trainer(3600, 4, "ml.m5.xlarge")
    found = run_cost([(small, 10.0), (large, 10.0)], "sagemaker-tuning", "us-west-2", None)
    assert (found.instance_hours, found.usd, found.unsized) == (40.0, None, "")
    endless = run_cost([(small, 10.0), (large, None)], "sagemaker-tuning", "us-west-2", None)
    assert endless.unsized == "nothing says how many training jobs there are"


def trainer(seconds: int, count: int, kind: str) -> Object:
    compute = {"instance_type": kind, "instance_count": count}
    return {"compute": compute, "stopping_condition": {"max_runtime_in_seconds": seconds}}
