"""The program that runs a job: what the script gets, what comes back, and what is said of a failure."""

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from base64 import b64encode
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import planform.runtime

TRAIN = Path(planform.runtime.__file__).with_name("train.py")


@dataclass(frozen=True)
class Ended:
    code: int
    output: str
    base: Path

    @property
    def failure(self):
        path = self.base / "output" / "failure"
        return path.read_text() if path.exists() else None


@pytest.fixture
def base(tmp_path):
    for folder in ("input/config", "input/data/code", "input/data/sm_drivers", "model"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def start(base):
    """Start a job of these files; `source` is what sourcecode.json says."""

    def start(files, hyperparameters=None, distributed=None, environment=None, **source):
        for name, content in files.items():
            (base / "input" / "data" / "code" / name).write_text(content)
        documents = {
            "config/hyperparameters.json": hyperparameters or {},
            "config/resourceconfig.json": {"current_host": "algo-1", "hosts": ["algo-1"]},
            "config/inputdataconfig.json": {"train": {}, "code": {}, "sm_drivers": {}},
            "data/sm_drivers/sourcecode.json": source,
            "data/sm_drivers/distributed.json": distributed or {},
        }
        for name, content in documents.items():
            (base / "input" / name).write_text(json.dumps(content))
        return subprocess.Popen(
            [sys.executable, "-u", TRAIN],
            env={**os.environ, **(environment or {}), "SAGEMAKER_BASE_DIR": str(base), "TRAINING_JOB_NAME": "job"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.fixture
def run(start, base):
    def run(files, **how):
        process = start(files, **how)
        output, _ = process.communicate(timeout=30)
        return Ended(process.returncode, output, base)

    return run


SHOW = "import json, os, sys\nprint(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]))\n"


def test_a_python_script_gets_arguments_folder_and_environment(run, base):
    ended = run(
        {"train.py": SHOW},
        entry_script="train.py",
        args=["--fast"],
        hyperparameters={"epochs": "3", "name": "it's $HOME", "layers": "[1, 2]"},
        environment={"MINE": "yes"},
    )
    assert (ended.code, ended.failure) == (0, None)
    argv, folder, variables = json.loads(ended.output)
    assert argv == ["train.py", "--epochs", "3", "--name", "it's $HOME", "--layers", "[1, 2]", "--fast"]
    assert folder == str(base / "input" / "data" / "code")
    assert variables["SM_CHANNEL_TRAIN"] == str(base / "input" / "data" / "train")
    assert variables["SM_ENTRY_SCRIPT"] == "train.py"
    assert json.loads(variables["SM_HPS"]) == {"epochs": 3, "name": "it's $HOME", "layers": [1, 2]}
    assert variables["MINE"] == "yes"


@pytest.mark.parametrize(
    ("script", "shell"),
    [
        pytest.param('echo "sh $1 $2"\n', "sh --epochs 3", id="/bin/sh"),
        pytest.param('#!/usr/bin/env bash\n[[ x == x ]] && echo "bash $1 $2"\n', "bash --epochs 3", id="first line"),
    ],
)
def test_a_shell_script_need_not_be_executable(run, script, shell):
    ended = run({"train.sh": script}, entry_script="train.sh", hyperparameters={"epochs": "3"})
    assert (ended.code, ended.output.strip()) == (0, shell)


def test_a_command_gets_no_hyperparameters_as_arguments(run):
    ended = run(
        {},
        command="printf '%s,' 'a   b' \"$SM_HP_EPOCHS\"",
        args=["c d", "$HOME"],
        hyperparameters={"epochs": "3"},
    )
    assert (ended.code, ended.output) == (0, "a   b,3,c d,$HOME,")


def test_a_command_is_over_with_the_first_that_fails(run):
    ended = run({}, command="echo one; (exit 3); echo two")
    assert (ended.code, ended.output) == (3, "one\n")


def test_a_command_is_carried_out_by_bash_or_by_sh_where_there_is_none(run, tmp_path):
    assert run({}, command="[[ a == a ]] && echo $BASH").output.strip().endswith("bash")
    ended = run({}, command="echo [$BASH]; false; echo two", environment={"PATH": os.fspath(tmp_path)})
    assert (ended.code, ended.output) == (1, "[]\n")


def test_output_comes_in_order(run):
    script = "import sys\nfor i in range(3): print(i); print(i, file=sys.stderr)\nprint('end', end='')\n"
    assert run({"train.py": script}, entry_script="train.py").output == "0\n0\n1\n1\n2\n2\nend"


def test_output_is_passed_on_as_it_comes(start):
    process = start({"train.py": "print('ready')\ninput()\n"}, entry_script="train.py")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


FAILURES = [
    pytest.param("raise ValueError('bad rate')\n", 1, "train.py exited with code 1: ValueError: bad rate", id="raised"),
    pytest.param("import sys\nsys.exit(3)\n", 3, "train.py exited with code 3", id="exit code"),
    pytest.param(
        "print('out of luck')\nraise SystemExit(4)\n", 4, "train.py exited with code 4: out of luck", id="said"
    ),
    pytest.param(
        "import os\nos.kill(os.getpid(), 9)\n",
        137,
        "train.py was killed by SIGKILL, as happens when memory runs out",
        id="killed",
    ),
    pytest.param(
        "class E(Exception): pass\nraise E('one\\n  two')\n",
        1,
        "train.py exited with code 1: E: one",
        id="lines",
    ),
]


@pytest.mark.parametrize(("script", "code", "summary"), FAILURES)
def test_a_failure_is_explained(run, script, code, summary):
    ended = run({"train.py": script}, entry_script="train.py", environment={"API_TOKEN": "hunter2"})
    assert ended.code == code
    assert ended.failure.splitlines()[0] == summary
    assert "hunter2" not in ended.failure


def test_a_failure_holds_the_users_own_traceback_whole(run):
    script = (
        "print('loss=1')\ntry:\n    {}['rate']\nexcept KeyError as error:\n    raise ValueError('no rate') from error\n"
    )
    ended = run({"train.py": script}, entry_script="train.py")
    lines = ended.failure.splitlines()
    assert lines[:3] == ["train.py exited with code 1: ValueError: no rate", "", "Traceback (most recent call last):"]
    assert lines.count("Traceback (most recent call last):") == 2
    assert "subprocess" not in ended.failure
    assert "loss=1" not in ended.failure
    assert ended.output.endswith("ValueError: no rate\n")


def test_only_the_last_traceback_counts(run):
    script = (
        "import traceback\ntry:\n    1/0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n"
        "print('goes on')\nraise ValueError('no rate')\n"
    )
    ended = run({"train.py": script}, entry_script="train.py")
    assert ended.failure.startswith("train.py exited with code 1: ValueError: no rate\n")
    assert "ZeroDivisionError" not in ended.failure


def test_a_long_output_is_cut(run):
    ended = run({"train.py": "for i in range(1000): print(i)\nraise SystemExit(1)\n"}, entry_script="train.py")
    lines = ended.failure.splitlines()
    assert (lines[0], lines[2], lines[-1]) == ("train.py exited with code 1: 999", "900", "999")


def test_what_the_script_says_of_its_failure_stands(run, base):
    script = "import os\nopen(os.environ['SM_OUTPUT_FAILURE'], 'w').write('mine')\nraise SystemExit(1)\n"
    (base / "output").mkdir()
    assert run({"train.py": script}, entry_script="train.py").failure == "mine"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param({"entry_script": "gone.py"}, "gone.py is not in ", id="no script"),
        pytest.param({}, "neither entry_script nor command", id="nothing to run"),
        pytest.param(
            {"entry_script": "train.py", "distributed": {"torchrun": {}}},
            "there is no torchrun, and no package torch",
            id="distributed",
        ),
    ],
)
def test_a_job_that_cannot_be_started(run, how, reason):
    ended = run({"train.py": ""}, **how)
    assert ended.code == 1
    assert reason in ended.output
    assert ended.failure.startswith("The job could not be started: ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_script(start, base, number):
    script = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: (print('saving'), sys.exit(7)))\n"
        "print('ready')\nwhile True: signal.pause()\n"
    )
    process = start({"train.py": script}, entry_script="train.py")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (7, "saving\n")
    assert not (base / "output" / "failure").exists()


SAVES = "import signal, sys, time\nsignal.signal(15, lambda *_: (time.sleep(0.7), print('saved'), sys.exit(0)))\n"
SAVES += "print('ready')\nwhile True: signal.pause()\n"


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"entry_script": "train.sh"}, id="a shell script"),
        pytest.param({"command": "python3 -u train.py; echo after"}, id="a command"),
    ],
)
def test_a_signal_reaches_what_a_shell_runs_and_it_has_time(start, how):
    """A shell passes no signals on, and is gone before what it ran."""
    process = start({"train.py": SAVES, "train.sh": "python3 -u train.py\necho after\n"}, **how)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert "saved" in output
    assert process.returncode == 143


def test_helpers_of_a_script_are_its_own_to_end(start):
    """A loader that is ended from outside would take away what the script needs to save its work."""
    script = (
        "import signal, subprocess, sys\n"
        "helper = subprocess.Popen(['sleep', '30'])\n"
        "signal.signal(15, lambda *_: (print('helper', helper.poll()), helper.kill(), sys.exit(0)))\n"
        "print('ready')\nwhile True: signal.pause()\n"
    )
    process = start({"train.py": script}, entry_script="train.py")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0] == "helper None\n"


def test_what_a_script_leaves_behind_does_not_hold_the_job(run):
    script = "import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid)\n"
    ended = run({"train.py": script}, entry_script="train.py")
    os.kill(int(ended.output), signal.SIGKILL)
    assert ended.code == 0


def test_requirements_are_installed_first(run):
    ended = run(
        {"train.py": "print('ran')\n", "needs.txt": "# nothing\n"}, entry_script="train.py", requirements="needs.txt"
    )
    assert ended.code == 0
    assert ended.output.endswith("ran\n")


@pytest.mark.parametrize("by", ["boto3", "the aws command", "nothing"])
def test_requirements_from_codeartifact(run, tmp_path, by):
    """A repository that only who has the token may read."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("rare.py", "word = 'rare'\n")
        packed.writestr("rare-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: rare\nVersion: 1\n")
        packed.writestr("rare-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr("rare-1.dist-info/RECORD", "")

    class Repository(BaseHTTPRequestHandler):
        def answer(self):
            address = f"http://127.0.0.1:{self.server.server_port}/pypi/ours/"
            told = {
                "/v1/authorization-token": {"authorizationToken": "t0ken-of-the-team"},
                "/v1/repository/endpoint": {"repositoryEndpoint": address},
            }.get(self.path.partition("?")[0])
            body, kind = json.dumps(told).encode(), "application/json"
            if told is None:
                may = self.headers.get("Authorization") == "Basic " + b64encode(b"aws:t0ken-of-the-team").decode()
                page = b'<a href="rare-1-py3-none-any.whl">rare-1-py3-none-any.whl</a>'
                body, kind = content.getvalue() if self.path.endswith(".whl") else page, "text/html"
            self.send_response(200 if told or may else 401)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Repository) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        environment = {
            "CA_REPOSITORY_ARN": "arn:aws:codeartifact:eu-west-1:123456789012:repository/team/ours",
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "PIP_TARGET": str(tmp_path / "installed"),
            "PIP_NO_CACHE_DIR": "1",
            "PYTHONPATH": str(tmp_path / "installed"),
        }
        if by != "boto3":
            (tmp_path / "installed").mkdir()
            (tmp_path / "installed" / "boto3.py").write_text("raise ImportError\n")
            environment["PATH"] = f"{tmp_path}:/bin"
        if by == "the aws command":
            program = tmp_path / "aws"
            answers = '{"authorizationToken": "t0ken-of-the-team", "repositoryEndpoint": "' + address + '/pypi/ours/"}'
            program.write_text(f"#!/bin/sh\n[ $1 = codeartifact ] && echo '{answers}'\n")
            program.chmod(0o755)
        files = {
            "train.py": "import os, rare\nprint(rare.word, 'PIP_INDEX_URL' in os.environ)\n",
            "needs.txt": "rare\n",
        }
        ended = run(files, entry_script="train.py", requirements="needs.txt", environment=environment)
        server.shutdown()
    assert "t0ken" not in ended.output
    if by == "nothing":
        assert "CA_REPOSITORY_ARN: arn:aws:codeartifact:" in ended.failure
        assert "the image has neither boto3 nor the aws command" in ended.failure
    else:
        assert (ended.code, ended.output.splitlines()[-1]) == (0, "rare False"), ended.output


def test_requirements_that_cannot_be_installed(run):
    ended = run(
        {"train.py": "print('ran')\n", "needs.txt": "./no-such-package\n"},
        entry_script="train.py",
        requirements="needs.txt",
    )
    assert ended.code == 1
    assert "ran" not in ended.output.splitlines()
    assert ended.failure.startswith("pip install exited with code 1")


def test_one_at_a_time_installs_into_an_environment(start, tmp_path):
    """Jobs that share an environment wait for each other; one that is asked to end waits no longer."""
    files, lock = {"train.py": "print('ran')\n", "needs.txt": "# nothing\n"}, tmp_path / "lock"
    how = {"entry_script": "train.py", "requirements": "needs.txt", "environment": {"PLANFORM_INSTALL_LOCK": str(lock)}}
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        first, second = start(files, **how), start(files, **how)
        with pytest.raises(subprocess.TimeoutExpired):
            first.wait(2)
        second.send_signal(signal.SIGTERM)
        assert second.communicate(timeout=30)[0] == ""
        assert second.returncode == 143
    assert first.communicate(timeout=60)[0].endswith("ran\n")
    assert first.returncode == 0


RANKS = """
[rank3]: Traceback (most recent call last):
[rank2]: Traceback (most recent call last):
[rank3]:   File "train.py", line 4, in <module>
[rank2]:   File "train.py", line 3, in <module>
[rank3]: RuntimeError: Connection closed by peer
[rank2]: ValueError: bad rate
W1125 22:32:27.918000 32331 torch/distributed/elastic: Sending process 32336 closing signal SIGTERM
Traceback (most recent call last):
  File "/bin/torchrun", line 8, in <module>
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
"""
OF_MPI = """
Traceback (most recent call last):
  File "train.py", line 3, in <module>
ValueError: bad rate:
  that is it
--------------------------------------------------------------------------
NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.
"""


@pytest.mark.parametrize(
    ("output", "summary", "last"),
    [
        (RANKS, "RuntimeError: Connection closed by peer", "RuntimeError: Connection closed by peer"),
        (RANKS.replace("[rank3]: Trace", "[rank3]: trace"), "ValueError: bad rate", "ValueError: bad rate"),
        (RANKS.replace("[rank", "[RANK"), "", "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:"),
        (OF_MPI, "ValueError: bad rate:", "  that is it"),
    ],
    ids=["the first rank that raised", "another", "only the launcher", "mpirun"],
)
def test_what_launchers_say_is_not_why_a_job_failed(run, output, summary, last):
    ended = run({"train.sh": f"cat <<'E'\n{output}E\nexit 1\n"}, entry_script="train.sh")
    lines = ended.failure.splitlines()
    assert lines[0] == f"train.sh exited with code 1: {summary}" or not summary
    assert lines[-1] == last


def test_executable_files_are_so_again(run):
    """S3 keeps no modes; what was executable where it came from is made so."""
    ended = run({"run.sh": "#!/bin/sh\necho ran as it is\n"}, command="./run.sh", executable=["run.sh"])
    assert ended.output == "ran as it is\n"
