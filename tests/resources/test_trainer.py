"""The rules between the fields of a trainer, and the one form in which two definitions are compared."""

import pytest

from planform.core.schemas import Misfit, convert_body
from planform.core.values import UNKNOWN, Sensitive
from planform.resources.trainer import SCHEMA

SCRIPT = {"source_dir": "src", "entry_script": "train.py"}


def misfits_of(body):
    misfits: list[Misfit] = []
    converted = convert_body({"training_image": "image:1", **body}, SCHEMA.attributes, (), misfits)
    return misfits + SCHEMA.check(converted)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="an image that runs by itself"),
        pytest.param({"source_code": SCRIPT}, id="a script"),
        pytest.param({"source_code": {"command": "python -m http.server"}}, id="a command alone"),
        pytest.param({"source_code": UNKNOWN, "hyperparameters": UNKNOWN, "compute": UNKNOWN}, id="unknown"),
        pytest.param(
            {"hyperparameters": Sensitive({"key": "x"}), "environment": {"A": Sensitive("x")}}, id="sensitive"
        ),
        pytest.param({"source_code": SCRIPT, "distributed": {"torchrun": {}}}, id="torchrun"),
        pytest.param({"queue": "main", "priority": 3, "share_identifier": "team"}, id="queued"),
        pytest.param(
            {
                "compute": {"enable_managed_spot_training": True},
                "stopping_condition": {"max_runtime_in_seconds": 60, "max_wait_time_in_seconds": 60},
            },
            id="spot",
        ),
        pytest.param(
            {"input_data": {"train": {"data_source": {"s3_data_source": {"s3_uri": "s3://b/x"}}}}}, id="S3 in full"
        ),
        pytest.param({"metric_definitions": [{"name": "loss", "regex": r"loss=(\d+(?:\.\d+)?)"}]}, id="one group"),
    ],
)
def test_fits(body):
    assert misfits_of(body) == []


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        pytest.param({"training_image": None}, (), "One of training_image, algorithm_name or jumpstart", id="nothing"),
        pytest.param(
            {"algorithm_name": "kmeans"},
            ("algorithm_name",),
            "algorithm_name cannot stand beside training_image",
            id="two",
        ),
        pytest.param(
            {"source_code": {}}, ("source_code",), "source_code needs an entry_script or a command", id="no entry"
        ),
        pytest.param(
            {"source_code": {**SCRIPT, "command": "make"}},
            ("source_code", "command"),
            "command cannot stand beside entry_script",
            id="script and command",
        ),
        pytest.param(
            {"source_code": {"source_dir": "src", "entry_script": "train.ipynb"}},
            ("source_code", "entry_script"),
            '"train.ipynb" is not a .py or .sh file',
            id="a notebook",
        ),
        pytest.param(
            {"source_code": {"entry_script": "train.py"}},
            ("source_code", "entry_script"),
            "entry_script needs a source_dir",
            id="no source_dir",
        ),
        pytest.param(
            {"source_code": {"source_dir": "src", "entry_script": "../train.py"}},
            ("source_code", "entry_script"),
            '"../train.py" is not a path inside source_dir',
            id="outside",
        ),
        pytest.param(
            {"source_code": {"command": "make"}, "distributed": {"torchrun": {}}},
            ("distributed",),
            "distributed cannot be used with a command",
            id="distributed command",
        ),
        pytest.param(
            {"source_code": SCRIPT, "distributed": {"torchrun": {}, "mpi": {}}},
            ("distributed",),
            "distributed is exactly one of",
            id="two drivers",
        ),
        pytest.param(
            {"input_data": {"a b": "data"}}, ("input_data", "a b"), '"a b" cannot name a channel', id="channel name"
        ),
        pytest.param(
            {"input_data": {"code": "data"}}, ("input_data", "code"), '"code" is taken', id="reserved channel"
        ),
        pytest.param(
            {"input_data": {"a-b": "x", "a.b": "y"}},
            ("input_data", "a.b"),
            '"a.b" and "a-b" would both be SM_CHANNEL_A_B',
            id="channels with one variable",
        ),
        pytest.param(
            {"input_data": {f"c{index}": "data" for index in range(19)}},
            ("input_data",),
            "19 channels are too many",
            id="channels",
        ),
        pytest.param(
            {"hyperparameters": [{"lr": 1}, ["x.json"]]},
            ("hyperparameters",),
            "a mapping of names to values, the path",
            id="a layer",
        ),
        pytest.param(
            {"hyperparameters": {"long": "x" * 2501}}, ("hyperparameters", "long"), "2501 characters", id="long value"
        ),
        pytest.param(
            {"hyperparameters": {"rate": float("inf")}},
            ("hyperparameters", "rate"),
            "inf is not a number",
            id="infinity",
        ),
        pytest.param(
            {"environment": {"1A": "x"}},
            ("environment", "1A"),
            '"1A" cannot name an environment variable',
            id="variable",
        ),
        pytest.param(
            {"secrets": {"A": {"env": "A"}}}, ("secrets",), "secrets need source_code", id="secret for nobody"
        ),
        pytest.param(
            {"secrets": {"A": {}}, "source_code": {"command": "x"}},
            ("secrets", "A"),
            "A secret is exactly one of",
            id="secret of no kind",
        ),
        pytest.param(
            {"secrets": {"A": {"env": "A"}}, "environment": {"A": "1"}, "source_code": {"command": "x"}},
            ("secrets", "A"),
            "A is in environment as well",
            id="secret twice",
        ),
        pytest.param(
            {"metric_definitions": [{"name": "a", "regex": "acc=[0-9.]+"}]},
            ("metric_definitions", 0, "regex"),
            "A metric's regex needs one group, around the number; this one has 0",
            id="no group",
        ),
        pytest.param(
            {"metric_definitions": [{"name": "a", "regex": "acc=("}]},
            ("metric_definitions", 0, "regex"),
            "This is not a regular expression",
            id="no regex",
        ),
        pytest.param(
            {"stopping_condition": {"max_wait_time_in_seconds": 7200}},
            ("stopping_condition", "max_wait_time_in_seconds"),
            "max_wait_time_in_seconds is for spot training only",
            id="wait without spot",
        ),
        pytest.param(
            {
                "compute": {"enable_managed_spot_training": True},
                "stopping_condition": {"max_wait_time_in_seconds": 60},
            },
            ("stopping_condition", "max_wait_time_in_seconds"),
            "60 is less than max_runtime_in_seconds, 3600",
            id="wait less than runtime",
        ),
        pytest.param(
            {"compute": {"instance_count": 1.5}}, ("compute", "instance_count"), "1.5 is not a whole number", id="half"
        ),
        pytest.param(
            {"networking": {"subnets": ["a"]}}, ("networking",), "subnets needs security_group_ids", id="half a VPC"
        ),
        pytest.param({"tags": {"a": "x" * 257}}, ("tags", "a"), "The value of a tag", id="long tag"),
        pytest.param({"priority": 1}, ("priority",), "priority has a meaning only in a queue", id="no queue"),
        pytest.param(
            {"queue": "q", "share_identifier": "a", "quota_share": "b"},
            ("quota_share",),
            "quota_share cannot stand beside share_identifier",
            id="two shares",
        ),
    ],
)
def test_does_not_fit(body, path, problem):
    misfits = misfits_of(body)
    assert [misfit.path for misfit in misfits] == [path]
    assert misfits[0].summary.startswith(problem)


def test_all_problems_are_found_at_once():
    body = {"training_image": None, "priority": 1, "source_code": {}, "tags": {"": "x"}}
    assert [misfit.path for misfit in misfits_of(body)] == [(), ("source_code",), ("tags", ""), ("priority",)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param({"queue": "planform:local:job_queue/main"}, {"queue": "main"}, id="ARN and name"),
        pytest.param(
            {"hyperparameters": {"epochs": "3", "layers": "[1, 2]", "on": "true", "id": "007"}},
            {"hyperparameters": {"epochs": 3, "layers": [1, 2], "on": True, "id": "007"}},
            id="hyperparameters as they travel",
        ),
        pytest.param(
            {"hyperparameters": {"token": Sensitive("3")}}, {"hyperparameters": {"token": Sensitive(3)}}, id="secret"
        ),
        pytest.param(
            {"input_data": {"train": {"data_source": "data"}}}, {"input_data": {"train": "data"}}, id="short channel"
        ),
        pytest.param(
            {"compute": {"instance_type": "ml.m5.xlarge", "instance_count": 1, "instance_groups": [{}]}},
            {"compute": {"instance_groups": [{}]}},
            id="instance groups",
        ),
    ],
)
def test_normal_form(left, right):
    assert SCHEMA.normalise(left) == right
    assert SCHEMA.normalise(right) == right


def test_defaults_are_those_of_the_sdk():
    body = convert_body({"training_image": "image:1", "compute": {"instance_count": 2}}, SCHEMA.attributes, (), [])
    assert body["compute"] == {"instance_type": "ml.m5.xlarge", "instance_count": 2, "volume_size_in_gb": 30}
    assert body["stopping_condition"] == {"max_runtime_in_seconds": 3600}
