"""A change on its way through a pull request, as docs/pull-requests.md tells it: comment, approval, merge, apply, drift.

A real git repository with two clones: one of a person, one of the forge's jobs, which run the workflows that
`planform ci init github` wrote. AWS and the forge are fakes at the wire. The blocks of the page are what is printed here;
`pytest --bless` writes them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.fake_aws import ACCOUNT, BUCKET, REGION, FakeAws
from tests.fakes.forge import TOKEN, Forge, served
from tests.workflow import Done, run_workflow

from .conftest import User

PAGE = Path(__file__).parents[2] / "docs" / "pull-requests.md"
# A name in a comment, then what was printed under it.
BLOCK = re.compile(r"(<!-- shown: (?P<name>[\w ]+) -->\n(?P<fence>`{3,})\w+\n)(?P<text>.*?)(\n(?P=fence)\n)", re.DOTALL)

FILES = f"""\
planform:
  name: team
  default_provider: aws
  backend: {{s3: {{bucket: {BUCKET}, key: "state/${{planform.workspace}}.json", region: {REGION}}}}}

provider:
  aws: {{region: {REGION}, role: "arn:aws:iam::{ACCOUNT}:role/train", poll_interval_in_seconds: 0.01}}

resource:
  service_environment:
    cpu: {{capacity_limits: [{{max_capacity: 8}}]}}
  job_queue:
    main: {{service_environment_order: ["${{service_environment.cpu.arn}}"]}}
  trainer:
    model:
      for_each: "${{local.models}}"
      queue: "${{job_queue.main.arn}}"
      training_image: {{framework: sklearn, version: "1.4-2"}}
      source_code: {{source_dir: src, entry_script: train.py}}
      hyperparameters: {{learning_rate: "${{each.value.rate}}"}}
      stopping_condition: {{max_runtime_in_seconds: 1800}}
      metric_definitions: [{{name: acc, regex: "acc=([0-9.]+)"}}]
"""


def models(number: int) -> str:
    return "locals:\n  models:\n" + "".join(f"    m{index:02}: {{rate: 0.1}}\n" for index in range(1, number + 1))


class Team:
    """The repository, who works on it, and the forge that runs its jobs."""

    def __init__(self, folder: Path, aws: FakeAws, forge: Forge) -> None:
        self.folder, self.aws, self.forge = folder, aws, forge
        self.shown: dict[str, str] = {}
        self.jobs = 0
        git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", "origin")
        self.alice = User(folder / "alice")
        git(folder, "clone", "--quiet", "origin", "alice")
        git(self.alice.folder, "checkout", "--quiet", "-b", "main")
        git(folder, "clone", "--quiet", "origin", "ci")

    def commit(self, said: str) -> str:
        git(self.alice.folder, "add", "--all")
        git(self.alice.folder, "commit", "--quiet", "--message", said)
        return git(self.alice.folder, "rev-parse", "HEAD")

    def push(self, branch: str) -> None:
        git(self.alice.folder, "push", "--quiet", "origin", branch)

    def branch(self, name: str) -> None:
        git(self.alice.folder, "checkout", "--quiet", "-b", name, "main")

    def pull_request(self, number: int, branch: str) -> Done:
        """The job on a pull request: it works on what the merge would be."""
        git(self.folder / "ci", "fetch", "--quiet", "origin")
        git(self.folder / "ci", "checkout", "--quiet", "--force", "--detach", "origin/main")
        git(self.folder / "ci", "merge", "--quiet", "--no-edit", "--no-ff", f"origin/{branch}")
        event = self.folder / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": number}}))
        head = git(self.folder / "ci", "rev-parse", f"origin/{branch}")

        def keep(given: Mapping[str, str]) -> None:
            files = {path.name: path.read_bytes() for path in Path(given["path"]).iterdir()}
            assert set(files) == {"plan.pfplan", "plan.html"}
            self.forge.keep(given["name"], head, files)

        done = self.job("plan", {"actions/upload-artifact": keep}, GITHUB_EVENT_PATH=str(event))
        assert done is not None
        return done

    def merge(self, number: int, branch: str) -> str:
        """What the green button does; the commit it makes."""
        head = git(self.alice.folder, "rev-parse", branch)
        git(self.alice.folder, "checkout", "--quiet", "main")
        git(self.alice.folder, "merge", "--quiet", "--no-ff", "--no-edit", branch)
        self.push("main")
        made = git(self.alice.folder, "rev-parse", "HEAD")
        self.forge.merged[made] = (number, head)
        return made

    def pushed(self, commit: str) -> Done:
        """The job on the main branch."""
        git(self.folder / "ci", "fetch", "--quiet", "origin")
        git(self.folder / "ci", "checkout", "--quiet", "--force", "--detach", commit)
        done = self.job("apply", {}, GITHUB_SHA=commit)
        assert done is not None
        return done

    def night(self) -> Done:
        git(self.folder / "ci", "checkout", "--quiet", "--force", "--detach", "origin/main")
        done = self.job("drift", {})
        assert done is not None
        return done

    def job(self, name: str, actions: Mapping[str, object], fork: bool = False, **environment: str) -> Done | None:
        self.jobs += 1
        context = {
            "github.event.pull_request.head.repo.full_name": "stranger/models" if fork else "team/models",
            "github.repository": "team/models",
            "github.token": TOKEN,
            "vars.PLANFORM_PLAN_ROLE": f"arn:aws:iam::{ACCOUNT}:role/plan",
            "vars.PLANFORM_APPLY_ROLE": f"arn:aws:iam::{ACCOUNT}:role/apply",
            "vars.AWS_REGION": REGION,
        }
        known = {"GITHUB_API_URL": self.forge.url, "GITHUB_REPOSITORY": "team/models", "GITHUB_BASE_REF": "main"}
        nothing = dict.fromkeys(("actions/checkout", "actions/setup-python", "aws-actions/configure-aws-credentials"))
        does = {action: (lambda given: None) for action in nothing} | dict(actions)
        flow = self.folder / "ci" / ".github" / "workflows" / f"planform-{name}.yml"
        return run_workflow(
            flow, self.folder / "ci", self.folder / f"job-{self.jobs}", context, {**known, **environment}, does
        )

    @property
    def capacity(self) -> int:
        limits = self.aws.objects("service_environment")["team-default-cpu"]["capacityLimits"]
        return int(limits[0]["maxCapacity"])


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def team(request: pytest.FixtureRequest, tmp_path: Path, aws: FakeAws) -> Iterator[Team]:
    """Some trainers that have been trained, in a repository whose forge reviews plans."""
    with served() as forge:
        team = Team(tmp_path, aws, forge)
        team.alice.write(FILES)
        team.alice.write(models(request.param), "models.pf.yaml")
        team.alice.write("print('acc=0.5')\n", "src/train.py")
        team.alice.write(".planform/\n", ".gitignore")
        team.alice.run("ci", "init", "github")
        team.alice.run("apply", "-y")
        team.commit("All models")
        team.push("main")
        yield team


@pytest.mark.parametrize("team", [40], indirect=True)
def test_a_change_is_reviewed_merged_applied_and_watched(team: Team, bless: bool) -> None:
    alice, aws, forge = team.alice, team.aws, team.forge
    trained = len(aws.objects("training_job"))
    assert trained == 40

    # One learning rate and one capacity.
    team.branch("faster")
    alice.edit("m07: {rate: 0.1}", "m07: {rate: 0.3}", "models.pf.yaml")
    alice.edit("max_capacity: 8", "max_capacity: 12")
    team.shown["change"] = git(alice.folder, "diff", "--unified=0")
    team.commit("Train m07 faster")
    team.push("faster")
    assert team.pull_request(7, "faster").code == 0
    (first,) = forge.comments[7].values()
    assert "rate: 0.1 -> 0.3" in first
    assert "max_capacity: 8 -> 12" in first
    assert "1 to change, 0 to destroy; 1 new run (at most 0.5 instance-hours), 40 unchanged." in first

    # A second thought: the comment is the same one, with the new plan.
    alice.edit("m07: {rate: 0.3}", "m07: {rate: 0.2}", "models.pf.yaml")
    team.commit("Not that fast")
    team.push("faster")
    done = team.pull_request(7, "faster")
    assert done.code == 0
    (comment,) = forge.comments[7].values()
    assert "rate: 0.1 -> 0.2" in comment
    assert done.summary == comment
    team.shown["comment"] = comment

    # Meanwhile others merge what touches nothing of this, and the lines move.
    git(alice.folder, "checkout", "--quiet", "main")
    alice.edit("planform:\n  name", "# Of the vision team.\nplanform:\n  name")
    team.commit("Say whose it is")
    merged = team.merge(7, "faster")
    applied = team.pushed(merged)
    assert applied.code == 0, applied.output
    assert "This is what was reviewed." in applied.output
    team.shown["apply"] = part(applied.output, "Apply")
    assert team.capacity == 12
    alice.run("runs", "wait")
    assert len(aws.objects("training_job")) == trained + 1
    assert alice.run("plan", "--detailed-exitcode").startswith("No changes.")

    # The job is started once more: all is done already.
    again = team.pushed(merged)
    assert again.code == 0
    assert "is left to do" in again.output

    assert team.night().code == 0
    aws.alter(
        "service_environment", "team-default-cpu", capacityLimits=[{"maxCapacity": 2, "capacityUnit": "NUM_INSTANCES"}]
    )
    night = team.night()
    assert night.code == 2
    assert "capacity_limits[0].max_capacity  12 -> 2" in night.summary
    team.shown["drift"] = night.summary
    assert team.night().code == 2
    ((number, issue),) = forge.issues.items()  # not one for each night
    assert issue == {"title": "planform drift", "body": night.summary, "state": "open"}
    alice.run("apply", "-y")
    assert f"Closed issue #{number}." in team.night().output
    assert forge.issues[number]["state"] == "closed"
    compare(team.shown, bless)


@pytest.mark.parametrize("team", [1], indirect=True)
def test_a_push_that_is_wrong_takes_the_plan_out_of_the_comment(team: Team) -> None:
    alice, forge = team.alice, team.forge
    team.branch("faster")
    alice.edit("m01: {rate: 0.1}", "m01: {rate: 0.3}", "models.pf.yaml")
    team.commit("Faster")
    team.push("faster")
    assert team.pull_request(7, "faster").code == 0
    alice.edit("m01: {rate: 0.3}", "m01: {rat: 0.3}", "models.pf.yaml")
    wrong = team.commit("Slip")
    team.push("faster")
    done = team.pull_request(7, "faster")
    assert done.code == 1
    (comment,) = forge.comments[7].values()
    assert "**There is no plan.**" in comment
    assert "each.value" in comment
    assert "0.1 -> 0.3" not in comment
    assert done.summary == comment
    # Merged all the same: what was reviewed before it does not count.
    merged = team.merge(7, "faster")
    refused = team.pushed(merged)
    assert refused.code == 1
    assert "No plan was kept for the last commit of pull request #7." in " ".join(refused.output.split())
    assert wrong not in {item["sha"] for item in forge.kept}


@pytest.mark.parametrize("team", [11], indirect=True)
def test_a_plan_that_was_overtaken_is_not_applied(team: Team, bless: bool) -> None:
    """Two pull requests change one model. The second was reviewed as a change from 0.1, and would be one from 0.5."""
    alice = team.alice
    for number, name, rate in ((8, "slow", "0.5"), (9, "slower", "0.9")):
        team.branch(name)
        alice.edit("m11: {rate: 0.1}", f"m11: {{rate: {rate}}}", "models.pf.yaml")
        team.commit(f"Train m11 with {rate}")
        team.push(name)
        assert team.pull_request(number, name).code == 0
    assert team.pushed(team.merge(8, "slow")).code == 0
    # The conflict is solved for 0.9, and nobody looks at a plan again.
    git(alice.folder, "checkout", "--quiet", "slower")
    git(alice.folder, "merge", "--quiet", "--strategy-option", "ours", "--no-edit", "main")
    head = git(alice.folder, "rev-parse", "slower^")
    merged = team.merge(9, "slower")
    team.forge.merged[merged] = (9, head)
    trained = len(team.aws.objects("training_job"))
    refused = team.pushed(merged)
    assert refused.code == 1
    assert 'trainer.model["m11"]: not as reviewed' in refused.output
    assert len(team.aws.objects("training_job")) == trained
    team.shown["refused"] = (
        refused.output.partition("Error: This is not")[1] + refused.output.partition("Error: This is not")[2]
    )
    compare(team.shown, bless)


@pytest.mark.parametrize("team", [1], indirect=True)
def test_what_nobody_reviewed_is_not_applied(team: Team) -> None:
    team.alice.edit("max_capacity: 8", "max_capacity: 99")
    commit = team.commit("Straight to main")
    team.push("main")
    done = team.pushed(commit)
    assert done.code == 1
    assert "so nobody reviewed its plan" in " ".join(done.output.split())
    assert team.capacity == 8


@pytest.mark.parametrize("team", [1], indirect=True)
def test_a_fork_is_not_planned(team: Team) -> None:
    git(team.folder / "ci", "pull", "--quiet", "origin", "main")
    assert team.job("plan", {}, fork=True) is None


def part(output: str, step: str) -> str:
    return output.partition(f"## {step}\n")[2].partition("\n## ")[0].strip("\n")


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, mark in (
        (r"\b[0-9a-f]{10}\b", "3fa9c1d2e0"),
        (r"team-default-[a-z2-7]{8}\b", "team-default-k3x7ab2q"),
        (r'"[a-z2-7]{8}"', '"k3x7ab2q"'),
        (r"(: changed) in [\d.]+ s\b", r"\1"),
        (r"\b\d+\.\d s\b", "0.3 s"),
        (r"git checkout [0-9a-f]{12} ", "git checkout 1a2b3c4d5e6f "),
        (r"trainer\S+: run \d+ \w+\n", ""),  # seen or not, as the clock will have it
        (r"index [0-9a-f]+\.\.[0-9a-f]+", "index 1a2b3c4..5d6e7f8"),
    ):
        text = re.sub(pattern, mark, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def compare(shown: Mapping[str, str], bless: bool) -> None:
    page = PAGE.read_text()
    blocks = {found["name"]: found["text"] for found in BLOCK.finditer(page)}
    assert shown.keys() <= blocks.keys()
    if bless:
        PAGE.write_text(
            BLOCK.sub(
                lambda found: (
                    found[1] + steady(shown[found["name"]]) + found[5] if found["name"] in shown else found[0]
                ),
                page,
            )
        )
        return
    assert {name: steady(text) for name, text in shown.items()} == {name: blocks[name] for name in shown}
