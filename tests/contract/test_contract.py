"""One contract for every executor: arguments, environment, folders, failures and artifacts of SageMaker's V3 scripts."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from planform.providers.local.process import own_opt_ml
from tests.test_cases import run_planform

from .conftest import TELL, Job, Told, on

VALUES = {
    "epochs": 3,
    "lr": 5e-5,
    "flag": True,
    "nothing": None,
    "text": 'it\'s "quoted" and\nbroken, ünïcode',
    "deep": {"a": [1, {"b": False}], "c": None},
    "id": "007",
    "with-dash": 1,
}


def test_hyperparameters_are_arguments_and_variables(job: Job, executor: str, tmp_path: Path) -> None:
    """Written in the module, or in a file of JSON or YAML: it is the same."""
    values = dict(VALUES)
    if executor == "cloud":
        values["text"] = str(VALUES["text"]).replace("\n", " ")  # SageMaker takes no line breaks, which plan says
    told = job({"train.py": TELL}, hyperparameters=values)
    assert told.argv == [
        "--epochs", "3", "--lr", "5e-05", "--flag", "true", "--nothing", "null", "--text", values["text"],
        "--deep", '{"a": [1, {"b": false}], "c": null}', "--id", "007", "--with-dash", "1",
    ]  # fmt: skip
    assert json.loads(told.environment["SM_HPS"]) == values
    assert told.environment["SM_HP_TEXT"] == values["text"]
    assert told.environment["SM_HP_WITH_DASH"] == "1"
    (tmp_path / "project" / "h.json").write_text(json.dumps(values))
    (tmp_path / "project" / "h.yaml").write_text(yaml.safe_dump(values).replace("5.0e-05", "5e-5"))
    for function in ("jsondecode(file('h.json'))", "yamldecode(file('h.yaml'))"):
        again = job({"train.py": TELL}, hyperparameters=f"${{{function}}}")
        assert again.folder == told.folder  # nothing to do: it is the same definition


def test_channels_folders_and_the_rest_of_the_environment(job: Job, executor: str, tmp_path: Path) -> None:
    (tmp_path / "project" / "data").mkdir()
    (tmp_path / "project" / "data" / "x.csv").write_text("1,2\n")
    script = TELL + (
        "assert open(os.environ['SM_CHANNEL_TRAIN'] + '/x.csv').read() == '1,2\\n'\n"
        "assert open(os.environ['SM_CHANNEL_ONE_FILE_V2'] + '/x.csv').read() == '1,2\\n'\n"
        "assert open('helper/words.txt').read() == 'words'\n"
        "open(os.path.join(os.environ['SM_OUTPUT_DATA_DIR'], 'report.txt'), 'w').write('done')\n"
    )
    if executor != "process" or own_opt_ml(tmp_path):  # where Linux allows, a script may write these paths down
        script += "assert os.listdir('/opt/ml/input/data/train') == ['x.csv']\nopen('/opt/ml/model/m', 'w').close()\n"
    told = job(
        {"train.py": script, "helper/words.txt": "words"},
        input_data={"train": "data", "one-file.v2": "data/x.csv"},
        environment={"QUOTED": 'it\'s "so" $HOME', "EMPTY": ""},
        compute={"instance_type": "ml.m5.xlarge", "instance_count": 1},
    )
    seen = told.environment
    assert seen["QUOTED"] == 'it\'s "so" $HOME'
    assert seen["SM_CURRENT_HOST"] == "algo-1"
    assert seen["SM_HOSTS"] == '["algo-1"]'
    assert seen["SM_CURRENT_INSTANCE_TYPE"] == "ml.m5.xlarge"
    assert set(json.loads(seen["SM_CHANNELS"])) == {"train", "one-file.v2", "code", "sm_drivers"}
    assert seen["TRAINING_JOB_NAME"].startswith("contract-")
    assert told.hosts["algo-1"]["cwd"].endswith("/input/data/code")
    assert (told.folder / "output" / "report.txt").read_text() == "done"
    assert ("m" in models(told)) == ("/opt/ml/model/m" in script)


def models(told: Told) -> list[str]:
    """The names in the packed model, without what scripts told."""
    with tarfile.open(told.folder / "model" / "model.tar.gz") as archive:
        return [name for name in archive.getnames() if not name.startswith("told-")]


def test_a_shell_script_and_a_command(job: Job) -> None:
    script = "#!/bin/bash\nset -eu\nprintf '%s|' \"$@\" > $SM_OUTPUT_DATA_DIR/args\n"
    told = job({"train.sh": script}, source_code={"entry_script": "train.sh"}, hyperparameters={"a": "x y", "b": 1})
    assert (told.folder / "output" / "args").read_text() == "--a|x y|--b|1|"
    command = "python3 -c 'print(\"from a  command\")' && echo"
    told = job({}, source_code={"entry_script": None, "command": command, "args": ["one two", "$HOME"]})
    assert told.log() == "from a  command\none two $HOME\n"


def test_requirements_are_installed_first(job: Job, tmp_path: Path) -> None:
    needs = "--no-index\n./wheel/tiny-1-py3-none-any.whl\n"
    wheel = tmp_path / "project" / "src" / "wheel" / "tiny-1-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("tiny.py", "word = 'installed'\n")
        packed.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        packed.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr("tiny-1.dist-info/RECORD", "")
    files = {"train.py": "import tiny\n" + TELL, "requirements.txt": needs}
    assert job(files, source_code={"requirements": "requirements.txt"}).argv == []


def test_source_code_may_come_packed(job: Job, executor: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TELL + "import helper\nprint(helper.word, os.environ['SM_SOURCE_DIR'])\n")
    (tmp_path / "helper.py").write_text("word = 'helped'\n")
    (tmp_path / "project" / "packed").mkdir()
    with tarfile.open(tmp_path / "project" / "packed" / "sourcedir.tar.gz", "w:gz") as packed:
        for name in ("train.py", "helper.py"):
            packed.add(tmp_path / name, name)
    # "auto": requirements.txt is installed where there is one.
    told = job({}, source_code={"source_dir": "packed/sourcedir.tar.gz", "requirements": "auto"})
    assert told.log() == f"helped {told.environment['SM_SOURCE_DIR']}\n"
    assert told.hosts["algo-1"]["cwd"] == told.environment["SM_SOURCE_DIR"]
    if executor == "process":
        (tmp_path / "project" / "packed" / "sourcedir.tar.gz").write_text("not an archive")
        told = job({}, code=1, source_code={"source_dir": "packed/sourcedir.tar.gz"})
        assert "sourcedir.tar.gz cannot be unpacked" in told.failure


def test_a_failure_is_the_scripts_own_words(job: Job) -> None:
    told = job({"train.py": "print('about to')\nraise KeyError('no digits')\n"}, code=1)
    assert told.failure.splitlines()[0] == "train.py exited with code 1: KeyError: 'no digits'"
    assert "Traceback (most recent call last)" in told.failure
    assert told.record["exit_codes"] == {"algo-1": 1}
    assert "KeyError: 'no digits'" in told.said
    own = "import os\nopen(os.environ['SM_OUTPUT_FAILURE'], 'w').write('I said so')\nraise SystemExit(3)\n"
    told = job({"train.py": own}, code=1)
    assert told.failure == "I said so"
    assert told.record["exit_codes"] == {"algo-1": 3}


def test_the_time_limit_sends_sigterm_and_keeps_the_model(job: Job) -> None:
    told = limited(job)
    assert told.argv == []  # the model so far is kept


@on("process", "docker")
def test_the_time_limit_reaches_what_a_shell_runs(job: Job) -> None:
    """Which may take longer to end than the shell."""
    limited(job, command="python3 -u train.py; echo after", entry_script=None)


def limited(job: Job, **source: str | None) -> Told:
    """A job that goes on until it is asked to end, which takes it a moment."""
    script = TELL + (
        "import signal, time\n"
        "def bye(*_):\n    time.sleep(0.7)\n    print('asked to end', flush=True)\n    raise SystemExit(0)\n"
        "signal.signal(signal.SIGTERM, bye)\n"
        "print('waiting', flush=True)\nwhile True: time.sleep(0.05)\n"
    )
    limit = {"max_runtime_in_seconds": 8}
    told = job({"train.py": script}, code=1, source_code=source, stopping_condition=limit)
    assert told.record["status"] == "stopped"
    assert "MaxRuntimeExceeded" in told.record["reason"]
    assert "asked to end" in told.log()
    return told


def test_a_retry_has_the_checkpoints_and_not_the_model_of_the_run_before(job: Job) -> None:
    script = (
        "import os\nplace = os.environ.get('PLACE') or '/opt/ml/checkpoints'\n"
        "place = place if os.path.isdir(place) else os.path.join(os.environ['SM_MODEL_DIR'], '..', 'checkpoints')\n"
        "seen, model = os.path.exists(os.path.join(place, 'step')), os.environ['SM_MODEL_DIR']\n"
        "open(os.path.join(place, 'step'), 'w').write('7')\n"
        "print('resumed', seen, os.listdir(model))\n"
        "open(os.path.join(model, 'second' if seen else 'first'), 'w').close()\n"
        "raise SystemExit(0 if seen else 5)\n"
    )
    told = job({"train.py": script}, code=1)
    assert told.log() == "resumed False []\n"
    again = job({}, words=["--retry-failed"])
    assert again.folder != told.folder
    assert again.log() == "resumed True []\n"
    assert models(again) == ["second"]


def test_two_nodes_know_each_other_and_both_are_kept(job: Job) -> None:
    """Also when one of them has ended long before the other."""
    script = (
        "import os, time\ntime.sleep(2 * (os.environ['SM_CURRENT_HOST'] == 'algo-2'))\n"
        + TELL
        + "open(os.path.join(os.environ['SM_MODEL_DIR'], os.environ['SM_CURRENT_HOST']), 'w').close()\n"
    )
    told = job({"train.py": script}, compute={"instance_count": 2})
    assert sorted(told.hosts) == ["algo-1", "algo-2"]
    assert told.record["exit_codes"] == {"algo-1": 0, "algo-2": 0}
    for rank, host in enumerate(["algo-1", "algo-2"]):
        seen = told.hosts[host]["environment"]
        assert seen["SM_HOSTS"] == '["algo-1", "algo-2"]'
        assert seen["SM_CURRENT_HOST_RANK"] == str(rank)
        assert seen["SM_HOST_COUNT"] == "2"


def test_the_first_node_that_fails_ends_the_others(job: Job) -> None:
    script = (
        "import os, time\n"
        "if os.environ['SM_CURRENT_HOST'] == 'algo-2':\n    raise ValueError('bad node')\n"
        "while True: time.sleep(0.05)\n"
    )
    told = job({"train.py": script}, code=1, compute={"instance_count": 2})
    assert "ValueError: bad node" in told.failure
    assert told.record["exit_codes"]["algo-2"] == 1
    assert told.record["exit_codes"]["algo-1"] not in (0, None)


@on("cloud")
def test_a_node_of_another_kind_that_fails_ends_the_others(job: Job) -> None:
    script = (
        "import os, time\n"
        "kind = os.environ['SM_CURRENT_INSTANCE_TYPE']\n"
        "if kind == 'ml.m5.xlarge' and os.environ['SM_CURRENT_HOST_RANK'] == '2':\n"
        "    raise ValueError('bad ' + kind)\n"
        "while True: time.sleep(0.05)\n"
    )
    groups = [
        {"instance_group_name": "train", "instance_type": "ml.g5.xlarge", "instance_count": 1},
        {"instance_group_name": "data", "instance_type": "ml.m5.xlarge", "instance_count": 2},
    ]
    told = job({"train.py": script}, code=1, compute={"instance_groups": groups})
    assert "ValueError: bad ml.m5.xlarge" in told.failure
    assert told.record["exit_codes"]["algo-3"] == 1
    assert 0 not in told.record["exit_codes"].values()


def test_a_custom_driver_gets_every_variable(job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    driver = TELL + (
        "import subprocess\n"
        "config = json.loads(os.environ['SM_DISTRIBUTED_CONFIG'])\n"
        "assert config == {'workers': 2, 'name': \"it's\"}, config\n"
        "assert os.path.isfile(os.path.join(os.environ['SM_DISTRIBUTED_DRIVER_DIR'], 'driver.py'))\n"
        "assert os.path.isfile(os.path.join(os.environ['SM_DISTRIBUTED_DRIVER_DIR'], 'lib', 'helper.py'))\n"
        "for name in ('SM_HPS', 'SM_HOSTS', 'SM_CURRENT_HOST', 'SM_CURRENT_HOST_RANK', 'SM_HOST_COUNT', 'SM_MASTER_ADDR',\n"
        "             'SM_MASTER_PORT', 'SM_NUM_CPUS', 'SM_NUM_GPUS', 'SM_NETWORK_INTERFACE_NAME', 'SM_SOURCE_DIR',\n"
        "             'SM_ENTRY_SCRIPT', 'SM_MODEL_DIR', 'SM_TRAINING_ENV', 'SM_RESOURCE_CONFIG', 'TRAINING_JOB_NAME'):\n"
        "    assert name in os.environ, name\n"
        "sys.exit(subprocess.call([sys.executable, os.environ['SM_ENTRY_SCRIPT']]))\n"
    )
    folder = tmp_path / "project" / "driver"
    (folder / "lib").mkdir(parents=True)
    (folder / "driver.py").write_text(driver)
    (folder / "lib" / "helper.py").write_text("")
    custom = {"driver_dir": "driver", "driver_script": "driver.py", "config": {"workers": 2, "name": "it's"}}
    told = job(
        {"train.py": "print('started by the driver')\n"}, distributed={"custom": custom}, hyperparameters={"a": 1}
    )
    assert told.argv == []  # hyperparameters are for the driver to pass on
    assert "started by the driver" in told.log()
    (folder / "driver.py").write_text(driver + "# changed\n")
    assert "new run 2" in run_planform(capsys, "plan")[1]  # the driver is part of the definition


@on("process", "docker")  # AWS has no environment of the caller
def test_a_secret_of_the_caller_arrives_and_stays_out_of_what_is_kept(
    job: Job, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2-and-more")
    script = "import os\nassert os.environ['TOKEN'] == 'hunter2-and-more'\nprint('has it')\n"
    if executor == "docker":  # what is not named stays out; a process inherits it
        script += "assert 'MY_TOKEN' not in os.environ\n"
    told = job({"train.py": script}, secrets={"TOKEN": {"env": "MY_TOKEN"}})
    assert "has it" in told.log()
    kept = [path for path in told.folder.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hunter2-and-more" in path.read_bytes()]
