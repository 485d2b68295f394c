"""Queues, capacity and training on AWS: planned against what is live, by the command line, against a fake that is strict."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from planform.backends.local import LocalBackend
from planform.core.state import RunRecorded
from tests.fake_aws import ACCOUNT, BUCKET, REGION, FakeAws

from .conftest import User, until

HEAD = f"""
planform: {{name: team, default_provider: aws}}
provider:
  aws:
    region: {REGION}
    role: arn:aws:iam::{ACCOUNT}:role/train
    default_tags: {{cost-centre: "42"}}
    poll_interval_in_seconds: 0.01
"""
QUEUES = """
variable:
  capacity: {type: number, default: 2}
  priority: {type: number, default: 5}
  weight: {type: number, default: 0.3}
  queue_name: {type: string, default: null}
resource:
  scheduling_policy:
    fair: {fair_share_policy: {share_decay_seconds: 60, share_distribution: [{share_identifier: lab, weight_factor: "${var.weight}"}, {share_identifier: "ab*"}]}}
  service_environment:
    cpu: {capacity_limits: [{max_capacity: "${var.capacity}"}], tags: {owner: vision}}
  job_queue:
    main:
      name: "${var.queue_name}"
      priority: "${var.priority}"
      scheduling_policy_arn: "${scheduling_policy.fair.arn}"
      service_environment_order: ["${service_environment.cpu.arn}"]
      job_state_time_limit_actions: [{reason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", max_time_seconds: 3600}]
"""
TRAINERS = """
variable:
  lr: {type: number, default: 0.1}
resource:
  trainer:
    t:
      for_each: {a: 1, b: 2, c: 3, d: 4}
      queue: "${job_queue.main.arn}"
      share_identifier: lab
      training_image: {framework: sklearn, version: "1.4-2"}
      source_code: {source_dir: src, entry_script: train.py}
      input_data: {train: data}
      hyperparameters: {seed: "${each.value}", lr: "${var.lr}"}
      stopping_condition: {max_runtime_in_seconds: 600}
      metric_definitions: [{name: acc, regex: "acc=([0-9.]+)"}]
      tags: {owner: vision}
output:
  model: {value: "${trainer.t['a'].model_artifacts}"}
  acc: {value: "${try(trainer.t['a'].metrics.acc, null)}"}
"""
# The same without a queue: training jobs at once.
DIRECT = re.sub(r"\n      (queue|share_identifier): [^\n]*", "", TRAINERS)
EMPTY = "No changes."


@pytest.fixture
def team(user: User, aws: FakeAws) -> User:
    (user.folder / "src").mkdir()
    (user.folder / "data").mkdir()
    (user.folder / "src" / "train.py").write_text("print('acc=0.5')\n")
    (user.folder / "data" / "digits.csv").write_text("1,2\n")
    user.write(HEAD + QUEUES)
    return user


def with_jobs(user: User, jobs: str, queues: str = QUEUES) -> None:
    user.write(HEAD + queues)
    user.write(jobs, "jobs.pf.yaml")


def edit(user: User, old: str, new: str) -> None:
    """In whichever file it is."""
    found = [name for name in ("main.pf.yaml", "jobs.pf.yaml") if old in (user.folder / name).read_text()]
    user.edit(old, new, found[0])


def empty(user: User) -> None:
    said = user.run("plan", "--detailed-exitcode")
    assert said.startswith(EMPTY), said


def test_queues_from_first_to_last(team: User, aws: FakeAws) -> None:
    """Create, no-op, drift, update, replace, destroy; and how many calls each takes."""
    plan = team.run("plan")
    assert "3 to create" in plan
    assert aws.changes() == []  # a plan changes nothing
    team.run("apply", "-y")
    assert aws.changes() == ["Batch.CreateJobQueue", "Batch.CreateSchedulingPolicy", "Batch.CreateServiceEnvironment"]
    queue = aws.objects("job_queue")["team-default-main"]
    assert queue["tags"]["planform:address"] == "job_queue.main"
    assert queue["tags"]["cost-centre"] == "42"
    aws.calls()

    empty(team)
    assert aws.calls() == {
        "sts.GetCallerIdentity": 1,
        "Batch.DescribeJobQueues": 1,
        "Batch.DescribeServiceEnvironments": 1,
        "Batch.DescribeSchedulingPolicies": 1,
    }

    aws.alter("job_queue", "team-default-main", priority=9)
    aws.alter("service_environment", "team-default-cpu", tags={"owner": "somebody"})
    drifted = team.run("plan")
    assert re.search(r"priority +9 -> 5", drifted)
    assert re.search(r'tags.owner +"somebody" -> "vision"', drifted)
    assert aws.changes() == []
    team.run("apply", "-y")
    assert aws.objects("job_queue")["team-default-main"]["priority"] == 5
    assert aws.objects("service_environment")["team-default-cpu"]["tags"]["owner"] == "vision"
    assert "Batch.TagResource" in aws.changes()
    empty(team)

    aws.calls()
    team.run("apply", "-y", "--var", "capacity=4", "--var", "weight=0.25")
    assert aws.objects("service_environment")["team-default-cpu"]["capacityLimits"][0]["maxCapacity"] == 4
    assert aws.changes() == ["Batch.UpdateSchedulingPolicy", "Batch.UpdateServiceEnvironment"]
    assert team.run("plan", "--var", "capacity=4", "--var", "weight=0.25").startswith(EMPTY)

    named = ["--var", "queue_name=other", "--var", "capacity=4", "--var", "weight=0.25"]
    assert "forces replacement" in team.run("plan", *named)
    team.run("apply", "-y", *named)
    assert list(aws.objects("job_queue")) == ["other"]

    team.run("destroy", "-y", *named)
    assert not any(aws.objects(kind) for kind in ("job_queue", "service_environment", "scheduling_policy"))


@pytest.mark.parametrize(
    "settings",
    [{"page": 1}, {"delay": 200.0}, {"lag": 2}, {"delay": 60.0, "tick": 1.0}],
    ids=["pages of one", "long CREATING", "describe lags", "slow clock"],
)
def test_an_account_that_takes_its_time(team: User, aws: FakeAws, settings: dict[str, float]) -> None:
    aws.reset(**settings)
    said = team.run("apply", "-y")
    assert ("service_environment.cpu: CREATING\n" in said) == ("delay" in settings)
    empty(team)
    said = team.run("destroy", "-y")
    assert ("job_queue.main: UPDATING: JobQueue Healthy\n" in said) == ("delay" in settings)
    assert not any(aws.objects(kind) for kind in ("job_queue", "service_environment", "scheduling_policy"))


def test_what_takes_too_long_says_how_it_stands(team: User, aws: FakeAws) -> None:
    aws.reset(delay=1e9)
    team.edit("poll_interval_in_seconds: 0.01", "poll_interval_in_seconds: 0.01\n    timeout_in_seconds: 1")
    said = team.run("apply", "-y", code=1)
    assert "AWS Batch did not make team-default-cpu valid within 1 seconds. It is CREATING." in said
    assert "job_queue.main: not tried: service_environment.cpu" in said
    aws.set(delay=3.0)
    aws.alter("service_environment", "team-default-cpu", _until=0)
    team.run("apply", "-y")  # it goes on with what is there
    assert len(aws.objects("service_environment")) == 1


FAULTS = ["throttle", "500", "500_after", "drop", "drop_after"]


@pytest.mark.parametrize("do", FAULTS)
def test_faults_of_queues_converge(team: User, aws: FakeAws, do: str) -> None:
    """Every call that changes something meets the fault once: one object each, no false error, nothing left."""
    aws.faults(
        *({"op": f"{verb}.*", "do": do, "times": 2, "skip": 1} for verb in ("Create", "Update", "Delete", "Describe"))
    )
    team.run("apply", "-y")
    empty(team)
    aws.faults(
        *(
            {"op": f"{verb}{kind}", "do": do}
            for verb in ("Update", "Delete")
            for kind in ("JobQueue", "ServiceEnvironment", "SchedulingPolicy")
        )
    )
    team.run("apply", "-y", "--var", "capacity=3", "--var", "priority=6")
    for kind in ("job_queue", "service_environment", "scheduling_policy"):
        assert len(aws.objects(kind)) == 1
    assert team.run("plan", "--var", "capacity=3", "--var", "priority=6").startswith(EMPTY)
    team.run("destroy", "-y")
    assert not any(aws.objects(kind) for kind in ("job_queue", "service_environment", "scheduling_policy"))


def test_deleted_by_hand_and_made_by_others(team: User, aws: FakeAws) -> None:
    team.run("apply", "-y")
    aws.remove("job_queue", "team-default-main")
    assert re.search(r"job_queue.main +create", team.run("plan"))
    team.run("apply", "-y")
    empty(team)
    team.run("state", "rm", "job_queue.main")
    said = team.run("plan", code=1)
    assert "already exists" in said
    assert "import:" in said
    team.run("import", "job_queue.main", "team-default-main")
    empty(team)
    # Somebody else's: an apply that only then finds it does not take it.
    team.run("state", "rm", "job_queue.main")
    aws.alter(
        "job_queue", "team-default-main", tags={"planform:lineage": "another", "planform:address": "job_queue.main"}
    )
    assert "already exists" in team.run("apply", "-y", code=1)


def test_invalid_objects_and_accounts_that_are_not_allowed(team: User, aws: FakeAws) -> None:
    team.run("apply", "-y")
    aws.alter("job_queue", "team-default-main", _becomes="INVALID", statusReason="no such role")
    said = team.run("apply", "-y", "--var", "priority=7", code=1)
    assert "INVALID: no such role" in said
    team.edit("    region:", "    allowed_account_ids: ['999']\n    region:")
    said = team.run("plan", code=1)
    assert f"These credentials are of account {ACCOUNT}, which is not allowed here." in said
    team.environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(team.folder)}
    assert "There are no AWS credentials." in team.run("plan", code=1)


def test_a_policy_cannot_be_added_to_a_queue(team: User, aws: FakeAws) -> None:
    line = '      scheduling_policy_arn: "${scheduling_policy.fair.arn}"\n'
    team.edit(line, "")
    team.run("apply", "-y")
    team.edit("      job_state", line + "      job_state")
    plan = team.run("plan")
    assert re.search(r"job_queue.main +replace", plan)
    assert "forces replacement" in plan
    team.run("apply", "-y")
    empty(team)


def test_a_policy_of_another_kind_needs_another_queue(team: User, aws: FakeAws) -> None:
    team.run("apply", "-y")
    team.edit("    fair: {", "    quotas: {quota_share_policy: {}}\n    fair: {")
    team.edit(
        '{capacity_limits: [{max_capacity: "${var.capacity}"}]',
        "{capacity_limits: [{max_capacity: 2, capacity_unit: ml.m5.xlarge}]",
    )
    team.edit("${scheduling_policy.fair.arn}", "${scheduling_policy.quotas.arn}")
    said = team.run("plan", code=1)
    assert "The policy of a fair-share queue can be exchanged for one of its kind only" in said
    assert "main.pf.yaml:" in said
    team.run("apply", "-y", "--replace", "job_queue.main")
    empty(team)


def test_a_new_name_for_what_a_queue_uses(team: User, aws: FakeAws) -> None:
    """Made under its new name, the queue looks there, the old one goes: nothing in use is deleted, and no job is lost."""
    team.run("apply", "-y")
    aws.calls()
    team.edit("    cpu: {", "    cpu: {name: cpus, ")
    team.edit("    fair: {", "    fair: {name: shares, ")
    said = team.run("plan")
    assert re.search(r"\+/- scheduling_policy.fair +replace", said)
    assert re.search(r"\+/- service_environment.cpu +replace", said)
    assert re.search(r"~ job_queue.main +change", said)
    team.run("apply", "-y")
    assert list(aws.objects("service_environment")) == ["cpus"]
    assert list(aws.objects("scheduling_policy")) == ["shares"]
    assert "Batch.DeleteJobQueue" not in aws.calls()
    empty(team)
    for address in ("service_environment.cpu", "scheduling_policy.fair"):
        said = team.run("plan", "--replace", address, code=1)
        assert f"{address} cannot be replaced under its name: job_queue.main uses it" in said
        assert "main.pf.yaml:" in said
    team.run("apply", "-y", "--replace", "service_environment.cpu", "--replace", "job_queue.main")
    empty(team)
    team.edit("    cpu: {name", "    cpu: {lifecycle: {create_before_destroy: true}, name")
    said = team.run("plan", "--replace", "service_environment.cpu", code=1)
    assert 'would be made beside the old one, and both be named "cpus"' in said


def test_quota_shares(team: User, aws: FakeAws) -> None:
    team.write(
        HEAD
        + """
variable: {quota: {type: number, default: 1}}
resource:
  scheduling_policy: {quotas: {quota_share_policy: {}}}
  service_environment: {gpu: {capacity_limits: [{max_capacity: 4, capacity_unit: ml.g5.xlarge}]}}
  job_queue:
    shared: {scheduling_policy_arn: "${scheduling_policy.quotas.arn}", service_environment_order: ["${service_environment.gpu.arn}"]}
  quota_share:
    vision:
      job_queue: "${job_queue.shared.arn}"
      capacity_limits: [{max_capacity: "${var.quota}", capacity_unit: ml.g5.xlarge}]
      resource_sharing_configuration: {strategy: LEND_AND_BORROW}
"""
    )
    team.run("apply", "-y")
    empty(team)
    team.run("apply", "-y", "--var", "quota=3")
    assert aws.objects("quota_share")["team-default-vision"]["capacityLimits"] == [
        {"maxCapacity": 3, "capacityUnit": "ml.g5.xlarge"}
    ]
    aws.remove("quota_share", "team-default-vision")
    assert re.search(r"quota_share.vision +create", team.run("plan"))
    team.run("apply", "-y")
    team.edit("    shared: {", "    shared: {name: everybody, ")  # its shares move along, before the old queue goes
    team.run("apply", "-y")
    assert aws.objects("quota_share")["team-default-vision"]["jobQueueArn"].endswith("/everybody")
    assert list(aws.objects("job_queue")) == ["everybody"]
    empty(team)
    team.edit("ml.g5.xlarge}]}}", "NUM_INSTANCES}]}}")
    assert "counts an instance type, such as ml.g5.xlarge, not NUM_INSTANCES" in team.run("plan", code=1)
    team.edit("NUM_INSTANCES}]}}", "ml.g5.xlarge}]}}")
    team.run("destroy", "-y")
    assert not any(aws.objects(kind) for kind in ("job_queue", "quota_share", "service_environment"))


def jobs(aws: FakeAws) -> Counter[str]:
    return Counter(job["jobName"] for job in aws.objects("service_job").values())


def test_a_queue_and_four_trainers(team: User, aws: FakeAws) -> None:
    """First runs, no-op, a new run, reuse, destroy: every definition is trained once."""
    with_jobs(team, TRAINERS)
    assert "4 new runs (at most 0.67 instance-hours)" in team.run("plan")
    assert aws.changes() == []
    said = team.run("apply", "-y")
    assert "run 1 succeeded" in said
    assert "acc 0.75" in said
    assert set(jobs(aws).values()) == {1}
    assert len(jobs(aws)) == 4
    calls = aws.calls()
    uploads = calls["s3.PutObject"]
    assert uploads < 20  # code, runtime and data once, whatever the number of trainers
    job = next(iter(aws.objects("service_job").values()))
    assert job["shareIdentifier"] == "lab"
    assert job["tags"]["owner"] == "vision"
    assert job["tags"]["planform:run"]

    empty(team)
    assert not any("Job" in name and "JobQueue" not in name for name in aws.calls())  # ended jobs are not asked again
    assert json.loads(team.run("output", "--json"))["acc"]["value"] == 0.75
    assert re.search(rf"s3://{BUCKET}/planform/output/\S+/output/model.tar.gz", team.run("output", "--raw", "model"))

    team.run("apply", "-y", "--var", "lr=0.2")
    assert len(jobs(aws)) == 8
    assert aws.calls()["s3.PutObject"] < uploads  # the data and the code are there already
    assert "4 reused" in team.run("plan")
    team.run("apply", "-y")
    assert len(jobs(aws)) == 8
    model = team.run("output", "--raw", "model").removeprefix(f"s3://{BUCKET}/").strip()
    team.run("apply", "-y", "--var", "lr=0.2")
    aws.client("s3").delete_object(Bucket=BUCKET, Key=model)
    assert "1 new run (at most 0.17 instance-hours), 3 reused" in team.run("plan")  # one has lost its artifacts
    team.run("destroy", "-y")
    assert not aws.objects("job_queue")


def test_a_run_that_fails_is_held_and_one_that_lacked_capacity_is_not(team: User, aws: FakeAws) -> None:
    with_jobs(team, DIRECT, "")
    aws.outcomes(
        {"job": r"-a\b", "reason": "AlgorithmError: ValueError: no digits"},
        {"job": r"-b\b", "reason": "CapacityError: Unable to provision requested ML compute capacity."},
    )
    said = team.run("apply", "-y", code=1)
    assert "AlgorithmError: ValueError: no digits" in said
    plan = team.run("plan")
    assert re.search(r't\["a"\] +held', plan)
    assert re.search(r't\["b"\] +new run 2', plan)
    team.run("apply", "-y", "--retry", 'trainer.t["a"]')
    empty(team)
    assert len(aws.objects("training_job")) == 6


@pytest.mark.parametrize("form", [TRAINERS, DIRECT], ids=["batch", "sagemaker"])
@pytest.mark.parametrize("do", FAULTS)
def test_faults_of_jobs_launch_each_once(team: User, aws: FakeAws, form: str, do: str) -> None:
    with_jobs(team, form)
    submit = "SubmitServiceJob" if "queue:" in form.split("trainer:")[1] else "CreateTrainingJob"
    aws.faults(
        {"op": submit, "do": do, "times": 2},
        {"op": "Describe(Service|Training)Job", "do": do, "times": 2, "skip": 2},
    )
    team.run("apply", "-y")
    empty(team)
    assert len(aws.objects("training_job")) == 4
    assert set(jobs(aws).values()) <= {1}


@pytest.mark.parametrize("form", ["queued", "direct"])
def test_jobs_that_aws_does_not_see_at_once(team: User, aws: FakeAws, form: str) -> None:
    aws.reset(lag=2)
    with_jobs(team, TRAINERS if form == "queued" else DIRECT)
    team.run("apply", "-y")
    assert team.run("runs").count("succeeded") == 4
    assert "model.tar.gz" in team.run("output", "model")
    assert team.run("output", "acc") == "0.75\n"
    assert len(aws.objects("service_job" if form == "queued" else "training_job")) == 4
    empty(team)


@pytest.mark.parametrize("form", ["queued", "direct"])
def test_killed_while_aws_answers_the_launch_is_adopted(team: User, aws: FakeAws, form: str) -> None:
    """kill -9 after the job was made and before planform knows: the next apply finds it and makes no second one."""
    with_jobs(team, TRAINERS if form == "queued" else DIRECT)
    if form == "queued":
        team.run("apply", "-y", "--target", "job_queue.main")
    kind, operation = ("service_job", "SubmitServiceJob") if form == "queued" else ("training_job", "CreateTrainingJob")
    aws.faults({"op": operation, "do": "hold_after"})
    process = team.start("apply", "-y", "--target", "trainer.t['a']")
    until(lambda: aws.objects(kind), "the launch")
    process.kill()
    process.communicate()
    aws.release()
    team.run("apply", "-y", "--target", "trainer.t['a']")
    assert len(aws.objects(kind)) == 1
    assert team.run("runs").count("trainer.t") == 1
    assert "succeeded" in team.run("runs")


@pytest.mark.parametrize(
    "operation",
    [
        f"{verb}{kind}"
        for verb in ("Create", "Update", "Delete")
        for kind in ("ServiceEnvironment", "SchedulingPolicy", "JobQueue")
    ],
)
def test_killed_in_the_middle_of_a_change_it_converges(team: User, aws: FakeAws, operation: str) -> None:
    """kill -9 after AWS took the call and before planform knows: the same command again ends where it should."""
    kinds = ("job_queue", "service_environment", "scheduling_policy")
    changed = ("--var", "capacity=4", "--var", "weight=0.5", "--var", "priority=7")
    words = {"Create": ("apply", "-y"), "Update": ("apply", "-y", *changed), "Delete": ("destroy", "-y")}[operation[:6]]
    if not operation.startswith("Create"):
        team.run("apply", "-y")
    aws.faults({"op": operation, "do": "hold_after"})
    process = team.start(*words)
    until(lambda: not aws.pending(), operation)
    process.kill()
    process.communicate()
    aws.release()
    said = team.run(*words)
    if operation.startswith("Update"):
        assert "record (an apply that was interrupted had changed it)" in said
        assert "outside planform" not in said
    if operation.startswith("Delete"):
        assert not any(aws.objects(kind) for kind in kinds)
        return
    assert [len(aws.objects(kind)) for kind in kinds] == [1, 1, 1]
    assert team.run("plan", *(changed if operation.startswith("Update") else ())).startswith(EMPTY)


def test_what_somebody_deletes_just_now_is_made_again_when_it_has_gone(team: User, aws: FakeAws) -> None:
    """Its name is taken for as long as the deletion lingers: that is waited for, and no error."""
    team.run("apply", "-y")
    queue = aws.objects("job_queue")["team-default-main"]
    aws.alter("job_queue", "team-default-main", status="DELETING", _until=queue["_until"] + 10_000)
    assert re.search(r"job_queue.main +create", team.run("plan"))
    process = team.start("apply", "-y")
    asked: list[str] = []
    until(lambda: asked.extend(aws.changes()) or asked.count("Batch.CreateJobQueue") >= 2, "a second try")
    aws.advance(20_000)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert aws.objects("job_queue")["team-default-main"]["status"] in ("CREATING", "VALID")
    empty(team)


def test_thirty_jobs_at_five_a_second(team: User, aws: FakeAws) -> None:
    aws.reset(rate=5, training_seconds=1.0)
    thirty = "\"${{for n in range(30) : format('n%d', n) => n}}\""
    with_jobs(team, TRAINERS.partition("output:")[0].replace("{a: 1, b: 2, c: 3, d: 4}", thirty))
    team.run("apply", "-y", "--var", "capacity=50")
    assert set(jobs(aws).values()) == {1}
    assert len(jobs(aws)) == 30
    assert aws.calls()["Batch.SubmitServiceJob"] >= 30


def test_detached_stopped_followed(team: User, aws: FakeAws) -> None:
    """A run goes on without planform; its log and its place in the queue are told; stopping it is no success."""
    aws.reset(training_seconds=100_000.0, tick=1.0)
    with_jobs(team, TRAINERS)
    team.run("apply", "-y", "--detach", "--var", "capacity=1")
    aws.advance(1)  # the first job gets the capacity
    aws.advance(50_000)
    shown = team.run("runs")
    assert shown.count("running") == 1
    assert "number 1 in team-default-main" in shown
    running = next(line.split()[0] for line in team.run("runs").splitlines() if " running" in line)
    assert "[algo-1] epoch 1 acc=0.5" in team.run("logs", running)
    said = team.run("plan", "--var", "capacity=1", "--var", "queue_name=other")
    assert "a queue that goes ends the jobs that wait in it, on AWS also those that run: trainer.t" in " ".join(
        said.split()
    )
    assert len(re.findall(r"run 1 \((?:queued|running)\)", said)) == 4
    team.run("stop", running)
    until(lambda: "stopped" in team.run("runs"), "the end of the run")
    team.run("refresh")
    assert "held" in team.run("plan", "--var", "capacity=1")
    team.run("destroy", "-y")
    assert all(job["status"] == "FAILED" for job in aws.objects("service_job").values())


def test_the_last_lines_of_a_log_come_late(team: User, aws: FakeAws) -> None:
    aws.reset(late=["the last word"], tick=1.0)
    with_jobs(team, DIRECT)
    team.run("apply", "-y", "--detach", "--target", "trainer.t['a']")
    assert team.run("logs", "-f", "trainer.t['a']").splitlines()[-1] == "[algo-1] the last word"


def test_artifacts_without_compression_are_downloaded_as_files(team: User, aws: FakeAws) -> None:
    with_jobs(team, DIRECT.replace("      tags:", "      output_data: {compression_type: NONE}\n      tags:"))
    team.run("apply", "-y", "--target", "trainer.t['a']")
    assert "model/deep/config.json" in team.run("runs", "download", "trainer.t['a']", "--to", "here")
    assert next((team.folder / "here").rglob("weights.bin")).read_text() == "model"


def test_source_code_in_s3(team: User, aws: FakeAws) -> None:
    """A folder is not also the folders whose names begin like it; an archive is unpacked by the runtime."""
    for given, uri, archive in (
        ("s3://code/src", "s3://code/src/", ""),
        ("s3://code/sourcedir.tar.gz", "s3://code/sourcedir.tar.gz", "sourcedir.tar.gz"),
    ):
        with_jobs(team, DIRECT.replace("source_dir: src", f"source_dir: {given}"))
        team.run("apply", "-y", "--target", "trainer.t['a']")
        job = max(aws.objects("training_job").values(), key=lambda job: job["CreationTime"])
        channels = {item["ChannelName"]: item["DataSource"]["S3DataSource"]["S3Uri"] for item in job["InputDataConfig"]}
        assert channels["code"] == uri
        bucket, _, key = channels["sm_drivers"].removeprefix("s3://").partition("/")
        told = aws.client("s3").get_object(Bucket=bucket, Key=f"{key}sourcecode.json")["Body"].read()
        assert json.loads(told)["archive"] == archive


def test_a_pinned_image_is_what_runs(team: User, aws: FakeAws) -> None:
    """A tag may be moved; what is pinned is asked for by its digest, and a new pin is a new run."""
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/train:1"
    form = 'training_image: {framework: sklearn, version: "1.4-2"}'
    with_jobs(team, DIRECT.replace(form, f"training_image: {uri}"))
    assert "RepositoryNotFound" in team.run("images", "pin", code=1)
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="team/train")

    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}

    def push(content: str) -> str:
        image = ecr.put_image(
            repositoryName="team/train",
            imageManifest=json.dumps(manifest | {"config": {"digest": content}}),
            imageTag="1",
        )
        return str(image["image"]["imageId"]["imageDigest"])

    first = push("sha256:a")
    assert team.run("images", "pin") == f"{uri}: {first}\n"
    assert f'training_image: "{uri.removesuffix(":1")}@{first}" (pinned: train:1)' in team.run("plan", "--full")
    team.run("apply", "-y", "--target", "trainer.t['a']")
    job = next(iter(aws.objects("training_job").values()))
    assert job["AlgorithmSpecification"]["TrainingImage"] == f"{uri.removesuffix(':1')}@{first}"
    second = push("sha256:b")
    assert team.run("images", "pin") == f"{uri}: {first}\n"
    assert EMPTY in team.run("plan", "--target", "trainer.t['a']")
    assert team.run("images", "pin", "--upgrade") == f"{uri}: {first} -> {second}\n"
    assert "new run 2" in team.run("plan", "--target", "trainer.t['a']")
    assert "training_image" in team.run("plan", "--target", "trainer.t['a']")


ADOPT = """
import: [{to: trainer.x, id: theirs}]
resource:
  trainer:
    x:
      training_image: img
      source_code: {source_dir: src, entry_script: train.py}
      hyperparameters: {lr: 0.1}
      stopping_condition: {max_runtime_in_seconds: 600}
output:
  model: {value: "${trainer.x.model_artifacts}"}
"""


def by_hand(aws: FakeAws, name: str) -> None:
    """Somebody launches a training job without planform."""
    aws.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/train",
        AlgorithmSpecification={"TrainingImage": "img", "TrainingInputMode": "File"},
        HyperParameters={"lr": "0.2", "sagemaker_program": "train.py"},
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/theirs"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )


def test_a_job_of_others_is_adopted_as_a_run(team: User, aws: FakeAws) -> None:
    """It counts as the run of the definition it was imported for; once that has changed it is not reused before
    somebody has confirmed it."""
    with_jobs(team, ADOPT, queues="")
    assert 'knows no training job "theirs"' in team.run("plan", code=1)
    by_hand(aws, "theirs")
    aws.advance(1000)
    aws.calls()
    said = team.run("plan", "--out", "p.pfplan")
    assert 'import  "theirs"' in said
    assert "hyperparameters.lr is 0.1 here, and was 0.2 in the job" in said
    team.run("apply", "p.pfplan")
    assert aws.changes() == []
    assert f"s3://{BUCKET}/theirs/theirs/output/model.tar.gz" in team.run("output", "model")
    assert "(imported)" in team.run("runs")
    empty(team)
    assert "[algo-1] epoch 1 acc=0.5" in team.run("logs", "trainer.x")
    edit(team, "lr: 0.1", "lr: 0.3")
    team.run("apply", "-y")
    edit(team, "lr: 0.3", "lr: 0.1")
    assert "new run 3" in team.run("plan")
    team.run("runs", "confirm", "trainer.x", "--run", "1")
    assert "reuse run 1" in team.run("plan")
    assert "nothing to confirm" in team.run("runs", "confirm", "trainer.x", "--run", "1", code=1)


JOBS = """
resource:
  trainer: {t: {queue: team-default-main, share_identifier: lab, training_image: img, hyperparameters: {lr: 0.1}}}
  tuning_job:
    search:
      trainer: {training_image: img, metric_definitions: [{name: acc, regex: "acc=([0-9.]+)"}]}
      strategy: Random
      objective: {metric_name: acc}
      parameter_ranges: {continuous: {lr: {min_value: 0.1, max_value: 0.9}}}
      resource_limits: {max_number_of_training_jobs: 2, max_parallel_training_jobs: 2}
"""


def test_jobs_of_queues_and_searches_are_adopted_by_their_arn(team: User, aws: FakeAws) -> None:
    team.run("apply", "-y")
    team.write(JOBS, "jobs.pf.yaml")
    team.run("apply", "-y")
    (queued,) = aws.objects("service_job").values()
    (search,) = aws.objects("tuning_job").values()
    ids = {"trainer.t": queued["jobArn"], "tuning_job.search": search["HyperParameterTuningJobArn"]}
    blocks = ", ".join(f"{{to: {address}, id: '{found}'}}" for address, found in ids.items())
    team.write(f"{HEAD.replace('name: team', 'name: other')}{JOBS}import: [{blocks}]\n", "other/main.pf.yaml")
    team.folder = team.folder / "other"
    aws.calls()
    assert "2 to import, 0 to create, 0 to change, 0 to destroy." in team.run("plan")
    team.run("apply", "-y")
    assert aws.changes() == []
    empty(team)
    assert team.run("runs").count("(imported)") == 2
    assert "[algo-1] epoch 1 acc=0.5" in team.run("logs", "trainer.t")


def test_a_job_under_way_is_adopted_and_followed(team: User, aws: FakeAws) -> None:
    with_jobs(team, ADOPT, queues="")
    by_hand(aws, "theirs")
    team.run("apply", "-y")
    until(lambda: "succeeded" in team.run("runs"), "the end of the run")
    team.run("apply", "-y")
    empty(team)
    assert f"s3://{BUCKET}/theirs" in team.run("output", "model")
    assert "as part of a plan" in team.run("import", "trainer.x", "theirs", code=1)


def test_a_job_that_the_queue_gives_up_is_proposed_again(team: User, aws: FakeAws) -> None:
    """Nobody stopped it: the time limit of its queue did, for lack of capacity."""
    aws.reset(training_seconds=100_000.0, tick=1.0)
    with_jobs(team, TRAINERS)
    team.run(
        "apply", "-y", "--detach", "--var", "capacity=1", "--target", "trainer.t['a']", "--target", "trainer.t['b']"
    )
    waiting = next(job for job in aws.objects("service_job").values() if job["status"] in ("RUNNABLE", "SUBMITTED"))
    aws.client("batch").terminate_service_job(jobId=waiting["jobArn"], reason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY")
    team.run("refresh", "--var", "capacity=1")
    said = team.run("plan", "--var", "capacity=1", "--target", "trainer.t")
    assert "attempt 2 of 2" in said


def test_live_fields_change_in_place(team: User, aws: FakeAws) -> None:
    aws.reset(training_seconds=100_000.0, tick=1.0)
    with_jobs(team, TRAINERS.replace("      tags:", "      priority: 3\n      tags:"))
    team.run("apply", "-y", "--detach", "--var", "capacity=1")
    edit(team, "tags: {owner: vision}\noutput", "tags: {owner: speech}\noutput")
    edit(team, "priority: 3", "priority: 7")
    plan = team.run("plan", "--var", "capacity=1")
    assert "priority" in plan
    assert "0 new runs" not in plan
    team.run("apply", "-y", "--detach", "--var", "capacity=1")
    found = aws.objects("service_job").values()
    assert len(found) == 4
    assert {job["schedulingPriority"] for job in found if job["status"] == "RUNNABLE"} == {7}
    team.run("destroy", "-y")


WRONG = {
    "no role": ("    role: arn:aws:iam::123456789012:role/train\n", "", "A job on AWS needs a role"),
    "version": ('version: "1.4-2"', 'version: "9.9"', 'knows no sklearn "9.9"'),
    "spot": (
        "stopping_condition",
        "compute: {enable_managed_spot_training: true}\n      stopping_condition",
        "max_wait_time_in_seconds",
    ),
    "local type": (
        "stopping_condition",
        "compute: {instance_type: local_cpu}\n      stopping_condition",
        "is this machine, not an instance",
    ),
    "share": ("share_identifier: lab\n", "priority: 1\n", "its jobs name a share_identifier"),
    "width": ("stopping_condition", "compute: {instance_count: 3}\n      stopping_condition", "3 instances never fit"),
    "secret": (
        "tags: {owner: vision}\noutput",
        "environment: {TOKEN: \"${sensitive('x')}\"}\noutput",
        "allow_plaintext",
    ),
    "payload": (
        "tags: {owner: vision}\noutput",
        "environment: {A: \"${join('', [for n in range(40) : '0123456789'])}\", ${MANY}}\noutput",
        "AWS Batch takes 10,240",
    ),
    "kms": (
        "tags: {owner: vision}\noutput",
        'output_data: {kms_key_id: "a key!"}\noutput',
        "SageMaker would refuse OutputDataConfig.KmsKeyId",
    ),
    "warm spot": (
        "stopping_condition: {",
        "compute: {enable_managed_spot_training: true, keep_alive_period_in_seconds: 60}\n"
        "      stopping_condition: {max_wait_time_in_seconds: 7200, ",
        "Spot instances are not kept warm",
    ),
    "file system": (
        "input_data: {train: data}\n",
        "input_data: {lustre: {data_source: {file_system_data_source: {file_system_id: fs-0123456789a, "
        "file_system_type: FSxLustre, file_system_access_mode: ro, directory_path: /x}}}}\n",
        "a file system is mounted from inside its VPC",
    ),
    "isolated": (
        "tags: {owner: vision}\noutput",
        "networking: {enable_network_isolation: true}\n      secrets: {T: {ssm: name}}\noutput",
        "cannot fetch a secret",
    ),
    "many tags": (
        "tags: {owner: vision}\noutput",
        'tags: "${{for n in range(47) : tostring(n) => tostring(n)}}"\noutput',
        "48 tags are too many",
    ),
    "manifest": (
        "input_data: {train: data}\n",
        "input_data: {lines: {data_source: {s3_data_source: {s3_uri: s3://b/m, "
        "s3_data_type: AugmentedManifestFile}}}}\n",
        "delivered in Pipe mode only",
    ),
    "key of a disk": (
        "stopping_condition",
        "compute: {instance_type: ml.g5.xlarge, volume_kms_key_id: k}\n      stopping_condition",
        "disks of its own",
    ),
    "content type": (
        "input_data: {train: data}\n",
        "input_data: {lines: {data_source: s3://b/m, content_type: \"${join('', [for n in range(300) : 'x'])}\"}}\n",
        "SageMaker would refuse InputDataConfig.lines.ContentType",
    ),
    "subnet": (
        "tags: {owner: vision}\noutput",
        'networking: {subnets: ["a b"], security_group_ids: [sg-1]}\noutput',
        "SageMaker would refuse VpcConfig.Subnets",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_aws_would_refuse_is_refused_by_plan(team: User, aws: FakeAws, case: str) -> None:
    old, new, says = WRONG[case]
    many = ", ".join(f"V{number}: \"${{join('', [for n in range(40) : '0123456789'])}}\"" for number in range(30))
    with_jobs(team, TRAINERS)
    edit(team, old, new.replace("${MANY}", many))
    said = team.run("plan", code=1)
    assert says in said
    assert re.search(r"\.pf\.yaml:\d+:\d+", said)
    assert aws.changes() == []


def test_many_queues_and_runs_take_few_calls(team: User, aws: FakeAws) -> None:
    """The figure of a refresh: 50 queues, 50 environments, 1,000 finished jobs that are not asked, 20 that run."""
    aws.reset(training_seconds=0.5)
    many = """
variable: {wave: {type: number, default: 1}}
resource:
  service_environment: {e: {count: 50, capacity_limits: [{max_capacity: 20}]}}
  job_queue: {q: {count: 50, service_environment_order: ["${service_environment.e[count.index].arn}"]}}
  trainer:
    t:
      count: 20
      training_image: img
      hyperparameters: {wave: "${var.wave}", n: "${count.index}"}
"""
    team.write(HEAD + many)
    team.run("apply", "-y")
    aws.set(training_seconds=1_000_000.0)
    team.run("apply", "-y", "--detach", "--var", "wave=2")
    backend = LocalBackend(team.folder / "state" / "default.json")
    with backend.lock("test") as session:  # as if there had been more waves before
        runs = [runs[0] for runs in session.snapshot().ledger.runs.values()]
        older = [run._replace(id=f"{run.id}-{wave}", number=100 + wave) for wave in range(49) for run in runs]
        session.append([RunRecorded(run) for run in older])
        session.fold()
    assert sum(not run.active for runs in backend.read().ledger.runs.values() for run in runs) == 1000
    aws.calls()
    team.run("refresh", "--var", "wave=2")
    calls = aws.calls()
    assert calls["SageMaker.DescribeTrainingJob"] == 20
    assert calls.total() == 22, calls


def test_the_same_files_here_and_in_the_cloud(team: User, aws: FakeAws, tmp_path: Path) -> None:
    """One definition, two workspaces: the same digests, the same job from inside, outputs of one shape."""
    with_jobs(team, DIRECT)
    edit(team, "default_provider: aws", 'default_provider: "${var.target}"')
    edit(team, "variable:\n  capacity", "variable:\n  target: {default: local}\n  capacity")
    team.write("target: aws\n", "workspaces/cloud.pfvars.yaml")
    team.write(
        "import json, os, sys\n"
        "told = {k: v for k, v in os.environ.items() if k.startswith('SM_')}\n"
        "open(os.environ['SM_MODEL_DIR'] + '/told.json', 'w').write(json.dumps([sys.argv[1:], told]))\n"
        "print('acc=0.75')\n",
        "src/train.py",
    )
    team.run("apply", "-y")
    team.run("-w", "cloud", "apply", "-y")
    here, there = (json.loads(team.run(*words, "runs", "--json")) for words in ([], ["-w", "cloud"]))
    digests = [{run["address"]: run["digest"] for run in found["runs"]} for found in (here, there)]
    assert digests[0] == digests[1]
    outputs = [json.loads(team.run(*words, "output", "--json")) for words in ([], ["-w", "cloud"])]
    assert outputs[0].keys() == outputs[1].keys()
    assert outputs[0]["acc"] == outputs[1]["acc"]
    # The cloud's job, replayed: its channels laid out as SageMaker does, its entry point run by a plain process.
    job = next(job for name, job in aws.objects("training_job").items() if re.search(r"-a\b", name))
    cloud = replayed(job, aws, tmp_path / "opt-ml")
    local = json.loads(next(iter(unpacked(team, "a"))).read_text())
    assert cloud[0] == local[0]
    base = re.compile(r"\S*?(/opt-ml|/nodes/algo-1)(?=/|\b)")
    told = [{name: base.sub("", value) for name, value in found[1].items()} for found in (cloud, local)]
    differs = {name for name in told[0] if told[0][name] != told[1].get(name)} | (told[1].keys() - told[0].keys())
    assert differs <= {"SM_NETWORK_INTERFACE_NAME", "SM_RESOURCE_CONFIG", "SM_TRAINING_ENV", "SM_INPUT_DATA_CONFIG"}


def replayed(job: dict, aws: FakeAws, base: Path) -> list:  # type: ignore[type-arg]
    """What the script of a training job says when its request is carried out here."""
    import os
    import subprocess
    import sys

    s3 = aws.client("s3")
    config: dict[str, dict[str, str]] = {}
    for channel in job["InputDataConfig"]:
        bucket, _, prefix = channel["DataSource"]["S3DataSource"]["S3Uri"].removeprefix("s3://").partition("/")
        config[channel["ChannelName"]] = {"TrainingInputMode": channel.get("InputMode", "File")}
        for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
            place = base / "input" / "data" / channel["ChannelName"] / item["Key"].removeprefix(prefix)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
    for folder in ("input/config", "model", "output/data"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    resources = {
        "current_host": "algo-1",
        "hosts": ["algo-1"],
        "network_interface_name": "eth0",
        "current_instance_type": job["ResourceConfig"]["InstanceType"],
    }
    for name, content in (
        ("hyperparameters", job["HyperParameters"]),
        ("resourceconfig", resources),
        ("inputdataconfig", config),
    ):
        (base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))
    algorithm = job["AlgorithmSpecification"]
    command = [*algorithm["ContainerEntrypoint"], *algorithm["ContainerArguments"]]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {
        **job.get("Environment", {}),
        "PATH": path,
        "SAGEMAKER_BASE_DIR": str(base),
        "TRAINING_JOB_NAME": job["TrainingJobName"],
    }
    command[-1] = command[-1].replace("/opt/ml", str(base))
    subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    return list(json.loads((base / "model" / "told.json").read_text()))


def unpacked(user: User, key: str) -> list[Path]:
    import tarfile

    archive = next(user.folder.glob(f".planform/runs/trainer.t@{key}/*/model/model.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(archive.parent, filter="data")
    return [archive.parent / "told.json"]


def test_data(team: User, aws: FakeAws) -> None:
    """What others own is looked up before anything is planned; what is not there is said with its place."""
    team.run("apply", "-y")
    aws.client("s3").put_object(Bucket=BUCKET, Key="vocabulary.txt", Body=b"512")
    team.write(
        HEAD
        + f"""
data:
  aws_caller_identity: {{me: {{}}}}
  job_queue: {{shared: {{name: team-default-main}}}}
  s3_object: {{size: {{bucket: {BUCKET}, key: vocabulary.txt}}}}
  image_uri: {{torch: {{framework: pytorch, version: "2.5.1", instance_type: ml.g5.xlarge}}}}
output:
  account: {{value: "${{data.aws_caller_identity.me.account_id}}"}}
  priority: {{value: "${{data.job_queue.shared.priority}}"}}
  size: {{value: "${{tonumber(data.s3_object.size.body) + 1}}"}}
  image: {{value: "${{data.image_uri.torch.uri}}"}}
""",
        "other/main.pf.yaml",
    )
    team.folder = team.folder / "other"
    team.run("apply", "-y")
    told = {name: item["value"] for name, item in json.loads(team.run("output", "--json")).items()}
    assert told == {
        "account": ACCOUNT,
        "priority": 5,
        "size": 513,
        "image": "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.5.1-gpu-py311",
    }
    team.edit("team-default-main", "team-default-mine")
    team.edit("2.5.1", "2.5.9")
    said = team.run("plan", code=1)
    assert f'There is no job_queue "team-default-mine" in {REGION}.' in said
    assert 'knows no pytorch "2.5.9"' in said
    assert "main.pf.yaml:" in said
