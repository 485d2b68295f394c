"""Every resource type: found by itself, complete in what a plan, an editor and the docs need of it."""

import pytest

from planform.core.schemas import Collection, Misfit, Nested, OneOf, convert_body
from planform.resources import schemas, short_name, treatment


def fit(type_name, body):
    """The converted body, and where and why it does not fit."""
    schema = schemas()[type_name]
    misfits: list[Misfit] = []
    converted = convert_body(body, schema.attributes, (), misfits)
    return converted, misfits + (schema.check(converted) if schema.check else [])


def test_types_are_found_by_themselves():
    assert {"planform_data", "service_environment", "job_queue", "trainer"} <= set(schemas())
    assert all(schema.type == name.removeprefix("data.") for name, schema in schemas().items())


def every_attribute(table, prefix=""):
    """(dotted path, attribute), also of the objects that are one of several forms."""
    for name, item in table.items():
        yield prefix + name, item
        for inner in objects_in(item.type):
            yield from every_attribute(inner.attributes, f"{prefix}{name}.")


def objects_in(kind):
    match kind:
        case Nested():
            yield kind
        case Collection(_, element):
            yield from objects_in(element)
        case OneOf(kinds):
            for candidate in kinds:
                yield from objects_in(candidate)


@pytest.mark.parametrize("name", schemas())
def test_every_attribute_is_documented(name):
    undocumented = [path for path, item in every_attribute(schemas()[name].attributes) if not item.doc]
    assert undocumented == []


@pytest.mark.parametrize("name", [name for name in schemas() if not name.startswith("data.")])
def test_computed_attributes_say_what_makes_them_unknown(name):
    schema = schemas()[name]
    known = {"new_run", "replace", *schema.attributes}
    for path, item in schema.computed().items():
        assert item.unknown_when, path
        assert set(item.unknown_when) <= known, path


def test_every_field_of_a_trainer_is_digest_live_or_next_run():
    fields = {path: item for path, item in every_attribute(schemas()["trainer"].attributes) if not item.computed}
    classes = {path: item.change for path, item in fields.items() if not list(objects_in(item.type))}
    assert set(classes.values()) == {"digest", "live", "next_run"}
    assert {path for path, change in classes.items() if change == "live"} == {
        "compute.keep_alive_period_in_seconds",
        "max_attempts",
        "on_change",
        "priority",
        "remote_debug.enable_remote_debug",
        "run",
        "tags",
        "wait",
    }


@pytest.mark.parametrize(
    ("attribute", "milestone"),
    [("job_name", "launched"), ("run_number", "launched"), ("metrics", "completed"), ("model_artifacts", "completed")],
)
def test_exports_of_a_trainer_have_a_milestone(attribute, milestone):
    assert schemas()["trainer"].attributes[attribute].milestone == milestone


@pytest.mark.parametrize(
    ("type_name", "body", "problem"),
    [
        pytest.param("service_environment", {}, '"capacity_limits" is required here.', id="no limits"),
        pytest.param(
            "service_environment", {"capacity_limits": []}, "At least one capacity limit is required.", id="empty"
        ),
        pytest.param(
            "service_environment",
            {"capacity_limits": [{"max_capacity": 0}]},
            "0 is too small: at least 1.",
            id="nothing",
        ),
        pytest.param(
            "service_environment", {"capacity_limits": [{"max_capacity": 1.5}]}, "1.5 is not a whole number.", id="half"
        ),
        pytest.param(
            "service_environment",
            {"capacity_limits": [{"max_capacity": 1}], "name": "a b"},
            '"a b" is not allowed: letters, digits, - and _, at most 128, beginning with a letter or digit.',
            id="name",
        ),
        pytest.param(
            "job_queue",
            {"service_environment_order": ["a"], "priority": 1001},
            "1001 is too large: at most 1000.",
            id="priority",
        ),
        pytest.param(
            "job_queue",
            {"service_environment_order": ["a", "planform:local:service_environment/a"]},
            'Service environment "a" is listed more than once.',
            id="an environment twice",
        ),
        pytest.param(
            "job_queue",
            {"service_environment_order": ["a", {"order": 1, "service_environment": "b"}]},
            "Names and {order, service_environment} cannot be mixed.",
            id="two forms",
        ),
        pytest.param(
            "job_queue", {"service_environment_order": [], "priority": 1}, "At least one service", id="no place"
        ),
    ],
)
def test_what_does_not_fit(type_name, body, problem):
    _, misfits = fit(type_name, body)
    assert len(misfits) == 1
    assert misfits[0].summary.startswith(problem)


@pytest.mark.parametrize(
    "places",
    [
        pytest.param(["a", "b"], id="names"),
        pytest.param(["arn:aws:batch:us-west-2:123456789012:service-environment/a", "b"], id="ARN"),
        pytest.param(
            [{"order": 2, "service_environment": "b"}, {"order": 1, "service_environment": "a"}], id="ordered"
        ),
    ],
)
def test_orders_of_service_environments_compare_equal(places):
    schema = schemas()["job_queue"]
    body, misfits = fit("job_queue", {"service_environment_order": places})
    assert misfits == []
    assert schema.normalise(body)["service_environment_order"] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("main", "main"),
        ("arn:aws:batch:us-west-2:123456789012:job-queue/main", "main"),
        ("planform:local:job_queue/main", "main"),
        (None, None),
    ],
)
def test_short_name(value, name):
    assert short_name(value) == name


def test_a_process_ignores_with_a_note_and_refuses_with_a_reason():
    body, _ = fit(
        "trainer",
        {
            "training_image": "image:1",
            "compute": {"instance_groups": [], "training_plan_arn": "arn:x", "enable_managed_spot_training": False},
            "role": "trainer-role",
            "secrets": {"HF_TOKEN": {"ssm": "token"}, "OTHER": {"env": "OTHER"}},
            "input_data": {"train": {"data_source": "data", "shuffle_config": {"seed": 1}}},
        },
    )
    refused, notes = treatment(schemas()["trainer"], "process", body)
    assert [misfit.path for misfit in refused] == [("compute", "training_plan_arn"), ("secrets", "HF_TOKEN", "ssm")]
    assert "secrets.HF_TOKEN.ssm cannot be used here: parameters are not fetched from AWS" in refused[1].summary
    assert sorted(notes) == ["image not used (process)", "role not used (process)", "shuffle_config not used (process)"]


def test_an_executor_without_a_word_honours_everything():
    body, _ = fit("trainer", {"training_image": "image:1", "role": "trainer-role"})
    assert treatment(schemas()["trainer"], "sagemaker", body) == ([], [])
