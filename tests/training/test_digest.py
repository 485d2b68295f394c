"""What makes a new run, and what does not."""

import copy
import shutil

import pytest

from planform.core.schemas import Nested
from planform.core.secrets import sealer
from planform.core.values import UNKNOWN, Sensitive
from planform.resources.trainer import SCHEMA
from planform.training.digest import components, digest

# Field -> another value for it. The trainer of `body` has none of these values.
DIGEST = {
    "training_image": "image:2",
    "algorithm_name": "kmeans",
    "jumpstart.model_id": "m",
    "jumpstart.model_version": "2",
    "jumpstart.hub_name": "h",
    "jumpstart.training_config_name": "small",
    "jumpstart.accept_eula": True,
    "source_code.source_dir": "other",
    "source_code.entry_script": "main.py",
    "source_code.command": "make",
    "source_code.args": ["--fast"],
    "source_code.requirements": "requirements.txt",
    "source_code.ignore_patterns": ["main.py"],
    "source_code.include": [".env"],
    "distributed": {"torchrun": {"process_count_per_node": 2}},
    "input_data": {"train": "s3://bucket/train"},
    "training_input_mode": "FastFile",
    "request": {"EnableNetworkIsolation": True},
    "hyperparameters": {"epochs": 4},
    "environment": {"A": "1"},
    "secrets": {"A": {"env": "X"}},
    "compute.instance_type": "ml.g5.xlarge",
    "compute.instance_count": 2,
    "compute.instance_groups": [{"instance_group_name": "a", "instance_type": "ml.m5.large", "instance_count": 1}],
}
OTHER = {
    "compute.volume_size_in_gb": 50,
    "compute.volume_kms_key_id": "k",
    "compute.keep_alive_period_in_seconds": 60,
    "compute.enable_managed_spot_training": True,
    "compute.training_plan_arn": "arn:x",
    "stopping_condition.max_runtime_in_seconds": 60,
    "stopping_condition.max_wait_time_in_seconds": 60,
    "stopping_condition.max_pending_time_in_seconds": 1800,
    "networking.subnets": ["a"],
    "networking.security_group_ids": ["a"],
    "networking.enable_network_isolation": True,
    "networking.enable_inter_container_traffic_encryption": True,
    "role": "r",
    "output_data.s3_output_path": "s3://b/o",
    "output_data.kms_key_id": "k",
    "output_data.compression_type": "NONE",
    "checkpoint.s3_uri": "s3://b/c",
    "checkpoint.local_path": "/opt/ml/c",
    "tensorboard.s3_output_path": "s3://b/t",
    "tensorboard.local_path": "/opt/ml/t",
    "metric_definitions": [{"name": "a", "regex": "a=(.)"}],
    "queue": "q",
    "priority": 1,
    "share_identifier": "s",
    "quota_share": "q",
    "timeout.attempt_duration_seconds": 60,
    "tags": {"a": "b"},
    "retry_strategy.maximum_retry_attempts": 1,
    "preemption_configuration.preemption_retries_before_termination": 1,
    "allow_plaintext": True,
    "remote_debug.enable_remote_debug": False,
    "infra_check.enable_infra_check": False,
    "docker.shm_size": "1g",
    "docker.memory": "1g",
    "docker.cpus": 1,
    "docker.gpus": "all",
    "docker.network": "n",
    "docker.pull": "never",
    "executor": "docker",
    "wait": False,
    "run": "always",
    "on_change": "stop",
    "max_attempts": 3,
}


def fields(table, prefix=""):
    """(dotted path, class) of every field that is set as one value."""
    for name, item in table.items():
        if isinstance(item.type, Nested) and name != "distributed":  # one of three objects: it counts whole
            yield from fields(item.type.attributes, f"{prefix}{name}.")
        elif not item.computed:
            yield prefix + name, item.change


CLASSES = dict(fields(SCHEMA.attributes))


def test_every_field_has_a_case_here():
    assert {path for path, change in CLASSES.items() if change == "digest"} == set(DIGEST)
    assert {path for path, change in CLASSES.items() if change != "digest"} == set(OTHER)


def changed(body, path, value):
    result = copy.deepcopy(body)
    first, _, rest = path.partition(".")
    if rest:
        result.setdefault(first, {})[rest] = value
    else:
        result[first] = value
    return result


@pytest.fixture
def two_trees(module):
    (module / "src" / "main.py").write_text("print('other')\n")
    (module / "src" / ".env").write_text("A=1\n")
    (module / "src" / ".planformignore").write_text(".env\n")
    shutil.copytree(module / "src", module / "other")
    (module / "other" / "more.py").write_text("")
    return module


@pytest.mark.parametrize("path", DIGEST)
def test_a_change_of_a_digest_field_is_a_new_run(path, body, define, two_trees):
    _, _, before = define(body)
    _, _, after = define(changed(body, path, DIGEST[path]))
    assert digest(before) != digest(after)


@pytest.mark.parametrize("path", OTHER)
def test_a_change_of_any_other_field_is_not(path, body, define):
    _, _, before = define(body)
    _, _, after = define(changed(body, path, OTHER[path]))
    assert digest(before) == digest(after)


def test_components_are_named_for_people(body, define):
    _, trees, found = define({**body, "environment": {"A": "1"}})
    source, data = (tree.digest[:32] for tree in trees.values())
    assert found == {
        "image": '"image:1"',
        "source": f"sha256:{source}",
        "entry_script": '"train.py"',
        "hyperparameters.epochs": "3",
        "hyperparameters.rate": "0.1",
        "environment.A": '"1"',
        "input_data.train": f"sha256:{data}",
        "compute.instance_type": '"ml.m5.xlarge"',
        "compute.instance_count": "1",
    }


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param({"epochs": "3"}, {"epochs": 3}, id="text that is a number"),
        pytest.param({"epochs": 3.0}, {"epochs": 3}, id="3.0 and 3"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="order"),
        pytest.param({"o": {"x": 1, "y": 2}}, {"o": {"y": 2, "x": 1}}, id="order inside"),
    ],
)
def test_equal_hyperparameters(left, right, body, define):
    _, _, one = define({**body, "hyperparameters": left})
    _, _, other = define({**body, "hyperparameters": right})
    assert digest(one) == digest(other)


def test_true_is_not_one(body, define):
    assert define({**body, "hyperparameters": {"a": True}})[2] != define({**body, "hyperparameters": {"a": 1}})[2]


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        pytest.param("s3://bucket/train", "s3://bucket/train", id="S3"),
        pytest.param(
            {"data_source": "s3://bucket/train", "content_type": "text/csv"},
            's3://bucket/train {"content_type": "text/csv"}',
            id="content type",
        ),
        pytest.param("runs/1/model.tar.gz", "run:abc", id="another run"),
    ],
)
def test_inputs_that_are_not_read(channel, text, body, define):
    _, trees, found = define({**body, "input_data": {"train": channel}}, {"runs/1/model.tar.gz": "abc"})
    assert found["input_data.train"] == text
    assert [key.partition(":")[0] for key in trees] == ["source"]


@pytest.mark.parametrize(
    "change",
    [
        {"hyperparameters": {"epochs": UNKNOWN}},
        {"hyperparameters": UNKNOWN},
        {"training_image": UNKNOWN},
        {"source_code": UNKNOWN},
        {"source_code": {"source_dir": UNKNOWN, "entry_script": "train.py"}},
        {"input_data": {"train": UNKNOWN}},
        {"input_data": {"train": {"data_source": UNKNOWN}}},
        {"compute": UNKNOWN},
        {"environment": {"A": Sensitive(UNKNOWN)}},
    ],
    ids=str,
)
def test_an_unknown_input_makes_the_digest_unknown(change, body, define):
    assert define({**body, **change})[2] is None


def test_an_unknown_elsewhere_does_not(body, define):
    change = {"queue": UNKNOWN, "compute": {"volume_size_in_gb": UNKNOWN}, "stopping_condition": UNKNOWN}
    assert define({**body, **change})[2] == define(body)[2]


def test_a_secret_enters_as_its_keyed_digest(body, define, module):
    secret = {**body, "hyperparameters": {"token": Sensitive("hunter2")}, "environment": Sensitive({"A": "hunter2"})}
    desired, trees, found = define(secret)
    assert "hunter2" not in str(found)
    assert found["hyperparameters.token"] != found["environment.A"]
    other_key = components(desired, trees, str(module), {}, sealer("11" * 32))
    assert found["hyperparameters.token"] != other_key["hyperparameters.token"]
    assert define(secret)[2] == found


def test_a_moved_source_tree_is_the_same(body, define, module):
    _, _, before = define(body)
    (module / "src").rename(module / "code")
    _, _, after = define(changed(body, "source_code.source_dir", "./code"))
    assert digest(before) == digest(after)


def test_the_driver_of_a_custom_launch_counts_by_content(body, define, module):
    (module / "driver").mkdir()
    (module / "driver" / "launch.py").write_text("1\n")
    custom = {**body, "distributed": {"custom": {"driver_dir": "driver", "driver_script": "launch.py"}}}
    _, _, before = define(custom)
    (module / "driver" / "launch.py").write_text("2\n")
    _, _, after = define(custom)
    assert {name for name in before if before[name] != after[name]} == {"distributed.driver"}
