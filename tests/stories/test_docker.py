"""Containers of real Docker: nothing of a run is left behind, however it ends, and two runs never meet."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from .conftest import User, until

pytestmark = pytest.mark.docker

WAITS = "import os, time\nprint('up', os.environ['SM_NUM_CPUS'], flush=True)\nwhile True: time.sleep(0.05)\n"


@pytest.fixture
def client(docker_image: str) -> Any:
    import docker

    return docker.from_env()


@pytest.fixture
def docked(user: User, docker_image: str) -> User:
    user.write(
        f"""
planform: {{name: docked, default_provider: local}}
provider: {{local: {{executor: docker, stop_grace_in_seconds: 1, max_instances: 8, docker: {{pull: never}}}}}}
variable: {{count: {{type: number, default: 1}}, docker: {{type: any, default: {{}}}}}}
resource:
  trainer:
    t:
      training_image: {docker_image}
      compute: {{instance_count: "${{var.count}}"}}
      docker: "${{var.docker}}"
      source_code: {{source_dir: src, entry_script: train.py}}
"""
    )
    user.write(WAITS, "src/train.py")
    return user


def mine(client: Any, user: User) -> list[Any]:
    from planform.providers.local.container import ROOT, root_label

    label = {"label": f"{ROOT}={root_label(user.folder)}"}
    return [*client.containers.list(all=True, filters=label, ignore_removed=True), *client.networks.list(filters=label)]


def running(user: User, host: str = "algo-1") -> bool:
    return any(
        "up" in (folder / "logs" / f"{host}.log").read_text()
        for folder in user.run_folders()
        if (folder / "logs" / f"{host}.log").exists()
    )


def records(user: User) -> list[dict[str, Any]]:
    return [json.loads((folder / "run.json").read_text()) for folder in user.run_folders()]


def test_the_quickstart_in_a_container(digits: User, docker_image: str, client: Any) -> None:
    digits.edit("local: {executor: process", "local: {executor: docker, docker: {pull: never}")
    digits.edit('training_image: {framework: sklearn, version: "1.4-2"}', f"training_image: {docker_image}")
    said = digits.run("apply", "-y")
    assert "accuracy 0.9556" in said  # as in plain processes, to the last digit
    assert "image not used" not in said
    assert mine(client, digits) == []
    assert digits.run("plan", "--detailed-exitcode").startswith("No changes.")
    owner = os.getuid()
    assert all(path.stat().st_uid == owner for path in (digits.folder / ".planform").rglob("*"))


def test_limits_and_mounts_and_what_ctrl_c_leaves(docked: User, client: Any) -> None:
    docked.write("x", "data/x")
    docked.edit("      source_code", "      input_data: {train: data}\n      source_code")
    process = docked.start("apply", "-y", "--var", "docker={shm_size: 128m, memory: 256m, cpus: 0.5}")
    until(lambda: running(docked), "the start")
    (container,) = [item for item in mine(client, docked) if hasattr(item, "exec_run")]
    host = container.attrs["HostConfig"]
    assert (host["ShmSize"], host["Memory"], host["NanoCpus"]) == (128 << 20, 256 << 20, 500_000_000)
    assert "up 1\n" in docked.run("logs", "trainer.t")  # SM_NUM_CPUS
    assert container.attrs["Config"]["User"] == f"{os.getuid()}:{os.getgid()}"
    for place in ("code/x", "code/train.py", "train/x", "sm_drivers/train.py"):  # what is given cannot be changed
        assert container.exec_run(["touch", f"/opt/ml/input/data/{place}"]).exit_code != 0
    assert container.exec_run(["touch", "/opt/ml/model/x"]).exit_code == 0
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert len(mine(client, docked)) == 2  # the run goes on
    docked.run("destroy", "-y")
    until(lambda: not mine(client, docked), "the end")
    until(lambda: not (docked.run_folders()[0] / "nodes").exists(), "the end of the working tree")


def kill(module: str, user: User) -> None:
    """SIGKILL to every process of planform that has to do with a user's folder."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            line = (place / "cmdline").read_bytes()
            if f"-m\0{module}".encode() in line and os.fsencode(user.folder) in line + (place / "environ").read_bytes():
                os.kill(int(place.name), signal.SIGKILL)


@pytest.mark.parametrize("victim", ["planform", "supervisor", "supervisor and its guard", "everything of planform"])
def test_killed_nothing_is_left(docked: User, client: Any, victim: str) -> None:
    if victim == "planform":
        docked.write("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WAITS, "src/train.py")
    process = docked.start("apply", "-y", "--var", "count=2")
    until(lambda: running(docked) and running(docked, "algo-2"), "the start")
    if victim == "planform":
        process.kill()
        process.communicate()
        assert len(mine(client, docked)) == 3  # two containers and a network: the run goes on
        docked.run("stop", "trainer.t")
        # The end is told when the containers are gone, also when SIGKILL had to end them: until then a job may write
        # into what is being packed.
        until(lambda: records(docked)[0]["status"] == "stopped", "the record of the end")
        assert mine(client, docked) == []
    elif victim == "supervisor":
        os.kill(records(docked)[0]["pid"], signal.SIGKILL)
        process.communicate(timeout=60)
        assert records(docked)[0]["reason"] == "the supervisor died"
        assert len(mine(client, docked)) <= 1  # containers are gone before that is said
    elif victim == "supervisor and its guard":
        kill("planform.providers.local.supervisor", docked)
        until(lambda: not mine(client, docked), "the end of what the dead run had")  # without another command
        process.communicate(timeout=60)
        docked.run("runs", "resume")
    else:
        kill("planform", docked)
        process.communicate(timeout=60)
        docked.run("runs", "resume")
    until(lambda: not mine(client, docked), "the end of all containers and networks")
    until(lambda: all(record["status"] in ("failed", "stopped") for record in records(docked)), "the record of the end")


def test_two_runs_at_once_never_meet(user: User, docker_image: str, client: Any) -> None:
    """Both have hosts of the same names; each finds its own."""
    script = (
        "import os, socket, time\n"
        "word, host = os.environ['SM_HP_WORD'], os.environ['SM_CURRENT_HOST']\n"
        "if host == 'algo-1':\n"
        "    server = socket.create_server(('', 5000))\n"
        "    peer = server.accept()[0]\n"
        "    heard = peer.recv(16).decode()\n"
        "    print('heard=%d' % (heard == word), flush=True)\n"
        "    raise SystemExit(heard != word)\n"
        "while True:\n"
        "    try:\n        peer = socket.create_connection(('algo-1', 5000)); break\n"
        "    except OSError: time.sleep(0.05)\n"
        "peer.sendall(word.encode())\n"
    )
    user.write(
        f"""
planform: {{name: two, default_provider: local}}
provider: {{local: {{executor: docker, max_instances: 8, docker: {{pull: never}}}}}}
resource:
  trainer:
    t:
      for_each: {{a: one, b: two, c: three}}
      training_image: {docker_image}
      compute: {{instance_count: 2}}
      source_code: {{source_dir: src, entry_script: train.py}}
      hyperparameters: {{word: "${{each.value}}"}}
      metric_definitions: [{{name: heard, regex: "heard=([0-9])"}}]
"""
    )
    user.write(script, "src/train.py")
    said = user.run("apply", "-y")
    assert said.count("heard 1") == 3
    assert mine(client, user) == []


def test_a_copy_of_a_folder_never_meets_it(docked: User, client: Any) -> None:
    """Its next run has the same id, as it has the same state."""
    docked.run("apply", "-y", "--var", "docker={pull: never, network: no-such-network}", code=1)
    copy = User(docked.folder.with_name("copy"))
    shutil.copytree(docked.folder, copy.folder, symlinks=True)
    for user in (docked, copy):
        user.run("apply", "-y", "--detach")
    until(lambda: running(docked) and running(copy), "the start")
    assert records(docked)[1]["run_id"] == records(copy)[1]["run_id"]
    copy.run("destroy", "-y")
    until(lambda: not mine(client, copy), "the end of the copy")
    assert len(mine(client, docked)) == 2  # a container and its network
    docked.run("destroy", "-y")


def contained(image: str, base: Path, host: str, command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """One node of a run, without the run."""
    (base / "output").mkdir(parents=True)
    names = {"image": image, "name": f"planform-{base.parents[1].name}-{host}", "host": host, "base": os.fspath(base)}
    network = {"network": "none", "own_network": False, "hosts": 1, "labels": {}}
    rest = {"environment": {}, "command": ["/bin/sh", "-c", command], "mounts": [], "user": "0:0", "shm_size": "1m"}
    told = {**os.environ, "PLANFORM_CONTAINER": json.dumps({**names, **network, **rest, **more})}
    words = [sys.executable, "-P", "-m", "planform.providers.local.container"]
    return subprocess.run(words, env=told, stdout=subprocess.PIPE, text=True, check=False, timeout=60)


def test_a_host_may_be_over_before_another_has_begun(client: Any, docker_image: str, tmp_path: Path) -> None:
    """The network stays until the last of them has been in it."""
    from planform.providers.local.files import hold

    network = {"network": f"planform-quick-{tmp_path.name}", "own_network": True, "hosts": 2}

    def container(host: str) -> tuple[int, list[str]]:
        done = contained(docker_image, tmp_path / "nodes" / host, host, ":", **network)
        return done.returncode, [item.name for item in client.networks.list(names=[network["network"]])]

    supervisor = hold(tmp_path / "lock")
    assert container("algo-1") == (0, [network["network"]])
    assert container("algo-2") == (0, [])
    os.close(supervisor)


@contextmanager
def engine_behind(place: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """The Engine at an address of our own, and what ends all connections to it."""
    there = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    server, open_now = socket.socket(socket.AF_UNIX), []
    server.bind(os.fspath(place))
    server.listen()

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 16):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, far = server.accept()[0], socket.socket(socket.AF_UNIX)
                far.connect(there)
                open_now.extend((near, far))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=copy, args=ends, daemon=True).start()

    def cut() -> None:
        server.close()
        place.unlink()
        for end in open_now:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=serve, daemon=True).start()
    yield f"unix://{place}", cut
    for end in (server, *open_now):
        end.close()


@pytest.mark.parametrize(("user", "name"), [("0:0", "root"), ("1234:1235", "planform")])
def test_who_runs_a_container_has_a_name_in_it_and_owns_what_it_makes(
    docker_image: str, tmp_path: Path, user: str, name: str
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model").chmod(0o777)
    ask = "touch /opt/ml/model/made && python3 -c 'import getpass, os; print(getpass.getuser(), os.getuid())'"
    mount = {"source": os.fspath(tmp_path / "model"), "target": "/opt/ml/model", "read_only": False}
    done = contained(docker_image, tmp_path / "nodes" / "algo-1", "algo-1", ask, user=user, mounts=[mount])
    assert done.stdout == f"{name} {user.partition(':')[0]}\n"
    made = (tmp_path / "model" / "made").stat()
    assert f"{made.st_uid}:{made.st_gid}" == user


def test_a_pull_keeps_nobody_waiting(docked: User) -> None:
    """While one command pulls an image, other runs of this machine are submitted, started and ended."""
    with socket.create_server(("127.0.0.1", 0)) as registry:  # it listens and never answers
        docked.edit("docker: {pull: never}", "docker: {pull: missing}")
        text = (docked.folder / "main.pf.yaml").read_text()
        image = f"127.0.0.1:{registry.getsockname()[1]}/slow:1"
        docked.write(text.replace(text.partition("training_image: ")[2].split()[0], image))
        pulling = docked.start("apply", "-y")
        registry.settimeout(30)
        registry.accept()[0].close()  # the Engine asks with TLS, then without
        waiting = registry.accept()[0]
        docked.write(text.replace("executor: docker", "executor: process"))
        docked.write("print('up')\n", "src/train.py")
        assert "1 succeeded" in docked.run("-w", "other", "apply", "-y")
        assert pulling.poll() is None
        waiting.close()
    said = "".join(pulling.communicate(timeout=60))
    assert pulling.returncode == 1
    assert f"trainer.t: pulling {image}\n" in said
    assert "cannot be pulled" in said


def test_a_network_of_the_engine_and_names_with_colons(docked: User) -> None:
    docked.write("x", "data/10:30/a:b.csv")
    docked.edit("      source_code", "      input_data: {day: 'data/10:30'}\n      source_code")
    docked.write(
        "import os\nprint(os.listdir('/sys/class/net'), os.listdir('/opt/ml/input/data/day'))\n", "src/train.py"
    )
    docked.run("apply", "-y", "--var", "docker={network: none}")
    assert "['lo'] ['a:b.csv']" in docked.run("logs", "trainer.t")
    said = docked.run("plan", "--var", "docker={network: host}", "--var", "count=2", code=1)
    assert 'On the network "host" the hosts of a job cannot find each other' in said


@pytest.mark.parametrize("settings", ["memory: lots", "shm_size: 2GiB", "gpus: some", "pull: sometimes"])
def test_settings_are_checked_by_plan(docked: User, settings: str) -> None:
    said = docked.run("plan", "--var", f"docker={{{settings}}}", code=1)
    assert "main.pf.yaml:" in said
    assert f'"{settings.partition(" ")[2]}"' in said


def test_an_engine_without_root_has_another_name_for_the_user() -> None:
    from planform.providers.local.docker import inside

    assert inside({"SecurityOptions": ["name=seccomp,profile=default"]}, "1000:100") == "1000:100"
    assert inside({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}, "1000:100") == "0:0"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "training_image: planform-test",
            "training_image: no-such",
            "is not on this machine, and docker.pull is never",
        ),
        ("docker: {pull: never}", "docker: {pull: missing}", "cannot be pulled"),
    ],
    ids=["never", "missing"],
)
def test_an_image_that_is_not_to_be_had(docked: User, client: Any, old: str, new: str, says: str) -> None:
    docked.edit("training_image: planform-test", "training_image: no-such")
    if "pull" in old:
        docked.edit(old, new)
    said = docked.run("apply", "-y", code=1)
    assert says in said
    assert mine(client, docked) == []
    assert docked.run_folders() == []


def test_no_engine_is_one_sentence(docked: User, client: Any) -> None:
    docked.environment["DOCKER_HOST"] = f"unix://{docked.folder}/no.sock"
    assert "1 new run" in docked.run("plan")  # a plan needs none
    said = docked.run("apply", "-y", code=1)
    assert "Docker does not answer at unix://" in said
    assert "use executor: process" in said


def test_an_engine_that_goes_away(docked: User, client: Any) -> None:
    """What was left is found by its labels when it is back."""
    with engine_behind(docked.folder / "engine.sock") as (host, cut):
        docked.environment["DOCKER_HOST"] = host
        process = docked.start("apply", "-y")
        until(lambda: running(docked), "the start")
        cut()
        said = process.communicate(timeout=60)[0]
        assert "Docker answers no more about the container of algo-1" in said
        assert records(docked)[0]["failure"] == "infrastructure"
        assert len(mine(client, docked)) == 2
    del docked.environment["DOCKER_HOST"]
    docked.run("runs", "resume")
    assert mine(client, docked) == []


def test_an_image_without_python_is_named(docked: User) -> None:
    docked.edit("      source_code", "      environment: {PATH: /nowhere}\n      source_code")
    assert "The image has no python3 to run source_code with." in docked.run("apply", "-y", code=1)


def test_what_a_container_may_not_have_is_not_its_codes_fault(docked: User, client: Any) -> None:
    said = docked.run("apply", "-y", "--var", "docker={network: no-such-network}", code=1)
    assert "could not be run" in said
    assert records(docked)[0]["failure"] == "infrastructure"
    docked.write("x = bytearray(1 << 30)\n", "src/train.py")
    said = docked.run("apply", "-y", "--var", "docker={memory: 64m}", code=1)
    assert "memory" in said
    assert mine(client, docked) == []
    assert not (docked.run_folders()[1] / "nodes").exists()


def test_data_in_s3_is_fetched_once(docked: User, client: Any, aws: Any) -> None:
    from tests.fake_aws import BUCKET

    s3 = aws.client("s3")
    for name in ("a.csv", "deep/b.csv"):
        s3.put_object(Bucket=BUCKET, Key=f"digits/{name}", Body=name.encode())
    s3.put_object(Bucket=BUCKET, Key="digits2/c.csv", Body=b"another folder")
    docked.write(
        "import os\nplace = os.environ['SM_CHANNEL_TRAIN']\nprint(sorted(os.listdir(place)), open(place + '/deep/b.csv').read())\n",
        "src/train.py",
    )
    docked.edit(
        "      source_code",
        f"      input_data: {{train: s3://{BUCKET}/digits}}\n      hyperparameters: {{n: 1}}\n      source_code",
    )
    aws.calls()
    docked.run("apply", "-y")
    assert "['a.csv', 'deep'] deep/b.csv" in docked.run("logs", "trainer.t")
    first = aws.calls()["s3.GetObject"]
    docked.edit("hyperparameters: {n: 1}", "hyperparameters: {n: 2}")
    docked.run("apply", "-y")
    assert aws.calls()["s3.GetObject"] < first  # listed again, not loaded again


def test_trials_of_a_search_in_containers(user: User, docker_image: str, client: Any) -> None:
    user.write(
        f"""
planform: {{name: docked, default_provider: local}}
provider: {{local: {{executor: docker, max_instances: 4, docker: {{pull: never}}}}}}
resource:
  tuning_job:
    t:
      trainer:
        training_image: {docker_image}
        source_code: {{command: "echo acc=$SM_HP_X; echo $SM_HP_X > $SM_MODEL_DIR/x"}}
        metric_definitions: [{{name: acc, regex: "acc=([0-9]+)"}}]
      strategy: Grid
      objective: {{metric_name: acc}}
      parameter_ranges: {{categorical: {{x: [7, 9]}}}}
      resource_limits: {{max_parallel_training_jobs: 2}}
output:
  best: {{value: "${{tuning_job.t.best_run}}"}}
"""
    )
    user.run("apply", "-y")
    best = json.loads(user.run("output", "--json"))["best"]["value"]
    assert best["hyperparameters"] == {"x": 9}
    assert (user.folder / best["model_artifacts"]).is_file()
    assert "9" in user.run("logs", "tuning_job.t", "--node", "trial-2/algo-1")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert not [
        item for item in client.containers.list(all=True) if item.labels.get("planform.address") == "tuning_job.t"
    ]
