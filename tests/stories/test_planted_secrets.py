"""Secrets are planted wherever one can be written, and everything that planform prints or leaves behind is searched."""

from __future__ import annotations

import gzip
import json
import signal
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.fakes.s3 import S3

from .conftest import User, until

# Each is unlike anything else, also in JSON, in a shell and in base 64.
SECRETS = {
    name: f"planted-{name}-{number}zQ"
    for number, name in enumerate(("env", "file", "default", "nested", "flag", "session", "remote", "literal"), 7310)
}

FILES = """
planform: {{name: secrets, default_provider: local, backend: {backend}}}
variable:
  from_env: {{type: string, sensitive: true}}
  from_file: {{type: string, sensitive: true}}
  from_flag: {{type: string, sensitive: true}}
  with_default: {{type: string, sensitive: true, default: {default}}}
  session: {{type: string, ephemeral: true, sensitive: true}}
  whole: {{type: "object({{user = string, inner = list(string)}})", sensitive: true}}
  gate: {{type: bool, default: true, sensitive: true}}
locals:
  secret_map: "${{{{ (var.from_env) = 1 }}}}"
data:
  remote_state:
    tf: {{backend: local, config: {{path: network.tfstate}}}}
resource:
  planform_data:
    env: {{input: {{token: "${{var.from_env}}", list: ["x", "${{var.from_file}}"]}}}}
    text: {{input: "user:${{var.from_flag}}@host"}}
    whole: {{input: "${{var.whole}}", triggers_replace: "${{var.whole.inner}}"}}
    encoded: {{input: "${{base64encode(var.from_env)}} ${{sha256(var.from_file)}}"}}
    literal: {{input: "${{sensitive('{literal}')}}"}}
    key: {{input: "${{local.secret_map}}"}}
    follows: {{input: "${{planform_data.text.output}}"}}
    remote: {{input: "${{data.remote_state.tf.outputs.password}}"}}
    default: {{input: "${{var.with_default}}"}}
  job_queue:
    q:
      service_environment_order: ["${{service_environment.e.arn}}"]
  service_environment:
    e: {{capacity_limits: [{{max_capacity: 1}}]}}
  trainer:
    t:
      training_image: image
      queue: "${{job_queue.q.arn}}"
      source_code: {{command: "echo loss=0.5; test -n $TOKEN && {then}"}}
      hyperparameters: {{token: "${{var.from_flag}}", rate: 1}}
      environment: {{TOKEN: "${{var.from_env}}", NESTED: "${{var.whole.user}}"}}
      metric_definitions: [{{name: loss, regex: "loss=([0-9.]+)"}}]
module:
  m: {{source: ./m, inputs: {{password: "${{var.from_file}}"}}}}
output:
  all: {{value: "${{var.whole}}", sensitive: true}}
  made: {{value: "${{planform_data.env.output}}", sensitive: true}}
check:
  leak:
    assert:
      - {{condition: "${{var.from_env == 'something else'}}", error_message: "not ${{var.from_env}}"}}
"""
MODULE = """
variable: {password: {type: string}}
resource: {planform_data: {inside: {input: "${var.password}"}}}
output: {back: {value: "${var.password}", sensitive: true}}
"""


@pytest.fixture(params=["local", "s3"])
def planted(request: pytest.FixtureRequest, user: User) -> User:
    user.backend = '{local: {path: "state/main.json"}}'  # type: ignore[attr-defined]
    if request.param == "s3":
        s3: S3 = request.getfixturevalue("s3")
        user.backend = f'{{s3: {{bucket: {s3.bucket}, key: main.json, endpoint_url: "{s3.url}"}}}}'  # type: ignore[attr-defined]
    write(user)
    user.write(MODULE, "m/main.pf.yaml")
    user.write(
        f"from_file: {SECRETS['file']}\nwhole: {{user: u-{SECRETS['nested']}, inner: [{SECRETS['nested']}]}}\n",
        "given.yaml",
    )
    outputs = {"password": {"value": SECRETS["remote"], "type": "string", "sensitive": True}}
    user.write(json.dumps({"version": 4, "terraform_version": "1.9.0", "outputs": outputs}), "network.tfstate")
    user.environment.update(PLANFORM_VAR_from_env=SECRETS["env"], PLANFORM_VAR_session=SECRETS["session"])
    return user


def write(user: User, then: str = "exit 0") -> None:
    user.write(
        FILES.format(
            backend=user.backend,  # type: ignore[attr-defined]
            default=SECRETS["default"],
            literal=SECRETS["literal"],
            then=then,
        )
    )


GIVEN = ("--var-file", "given.yaml", "--var", f"from_flag={SECRETS['flag']}")
OWN = {"main.pf.yaml", "given.yaml", "network.tfstate"}  # where the user wrote the secrets


def left_behind(user: User, s3: S3 | None) -> Iterator[tuple[str, bytes]]:
    for path in sorted(user.folder.rglob("*")):
        if path.is_file() and str(path.relative_to(user.folder)) not in OWN:
            data = path.read_bytes()
            yield str(path.relative_to(user.folder)), gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if s3 is not None:
        yield from s3.objects().items()


def assert_clean(where: str, data: bytes) -> None:
    for name, secret in SECRETS.items():
        for form in (secret.encode(), b64encode(secret.encode()).rstrip(b"=")[:-1], secret.upper().encode()):
            assert form not in data, f"the secret {name} is in {where}: ...{around(data, form)}..."


def around(data: bytes, form: bytes) -> str:
    index = data.index(form)
    return data[max(0, index - 200) : index + len(form) + 50].decode(errors="replace")


def run(user: User, *words: str, codes: tuple[int, ...] = (0,)) -> str:
    process = user.start(*words)
    out, err = process.communicate(timeout=60)
    assert process.returncode in codes, f"{words}: exit {process.returncode}\n{out}\n{err}"
    assert "Traceback" not in out + err
    assert_clean(f"what {' '.join(words)} prints", (out + err).encode())
    return out + err


def search(user: User, request: pytest.FixtureRequest) -> None:
    s3 = request.getfixturevalue("s3") if "s3:" in user.backend else None  # type: ignore[attr-defined]
    found = 0
    for where, data in left_behind(user, s3):
        assert_clean(where, data)
        found += 1
    assert found > 2


@pytest.mark.parametrize("planted", ["local"], indirect=True)
def test_nothing_planform_prints_has_a_secret(planted: User, request: pytest.FixtureRequest) -> None:
    run(planted, "validate", "--json")
    for form in ((), ("--full",), ("--json",), ("--format", "json"), ("--format", "markdown")):
        run(planted, "plan", *GIVEN, *form)
    run(planted, "plan", *GIVEN, "--out", "p.pfplan")
    for form in ("dot", "mermaid", "svg"):
        run(planted, "graph", "--format", form, "--plan", "p.pfplan")
    run(planted, "show", "p.pfplan")
    run(planted, "show", "--json", "p.pfplan")
    run(planted, "apply", *GIVEN, "p.pfplan")
    for words in (
        ("show",),
        ("show", "--json"),
        ("state", "list"),
        ("state", "show", "planform_data.env"),
        ("state", "show", "--json", "trainer.t"),
        ("state", "pull"),
        ("output",),
        ("output", "--json"),
        ("runs",),
        ("runs", "--json"),
        ("metrics",),
        ("logs", "trainer.t"),
        ("why", "trainer.t", *GIVEN),
        ("refresh", *GIVEN),
        ("locks", "--json"),
        ("plan", *GIVEN),
    ):
        run(planted, *words)
    search(planted, request)


def test_nothing_planform_writes_has_a_secret(planted: User, request: pytest.FixtureRequest) -> None:
    run(planted, "plan", *GIVEN, "--json-into", "events.jsonl", "--out", "p.pfplan")
    search(planted, request)
    run(planted, "apply", *GIVEN, "p.pfplan", "--json-into", "applied.jsonl")
    search(planted, request)
    for number in ("9911", "9922"):  # and when they change
        changed = ("--var-file", "given.yaml", "--var", f"from_flag={SECRETS['flag']}{number}")
        planted.environment["PLANFORM_VAR_from_env"] = SECRETS["env"] + number
        run(planted, "plan", *changed, "--full")
        run(planted, "apply", *changed, "--json", "-y")
        run(planted, "state", "mv", "planform_data.text", f"planform_data.text{number}")
        search(planted, request)
    run(planted, "destroy", *GIVEN, "-y", "--full")
    search(planted, request)


def test_errors_have_no_secret(planted: User, request: pytest.FixtureRequest) -> None:
    write(planted, "exit 3")
    run(planted, "apply", *GIVEN, "-y", codes=(1,))
    search(planted, request)
    wrong = {
        "number": '"${tonumber(var.from_env)}"',
        "index": '"${var.whole.inner[7]}"',
        "attribute": '"${var.whole.usr}"',
        "regex": "\"${regex('^x$', var.from_file)}\"",
        "json": '"${jsondecode(var.from_flag)}"',
        "file": '"${file(var.from_file)}"',
        "loop": '"${[for x in var.from_env : x]}"',
        "plus": '"${var.from_env + 1}"',
    }
    lines = "".join(f"    wrong_{name}: {{input: {text}}}\n" for name, text in wrong.items())
    text = (planted.folder / "main.pf.yaml").read_text()
    planted.write(text.replace("  job_queue:\n", f"{lines}  job_queue:\n", 1))
    said = run(planted, "plan", *GIVEN, codes=(1,))
    assert said.count("Error: ") == len(wrong)
    run(planted, "validate", "--json", codes=(0, 1))
    planted.write(
        text.replace('{input: "user:${var.from_flag}@host"}', '{for_each: "${toset([var.from_flag])}", input: 1}')
    )
    run(planted, "plan", *GIVEN, codes=(1,))
    planted.write(text)
    run(
        planted,
        "plan",
        "--var-file",
        "given.yaml",
        "--var",
        f"from_flag={SECRETS['flag']}",
        "--var",
        f"gate={SECRETS['flag']}",
        codes=(1,),
    )


def test_a_crash_leaves_no_secret_once_runs_are_over(planted: User, request: pytest.FixtureRequest) -> None:
    write(planted, "while [ ! -e gate ]; do sleep 0.02; done")
    planted.edit('command: "echo', f'command: "cd {planted.folder}; echo')
    process = planted.start("apply", *GIVEN, "-y")
    lines = iter(process.stdout.readline, "")  # type: ignore[arg-type, union-attr]
    assert_clean("what apply prints", "".join(take_until(lines, "run 1 running")).encode())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for path in planted.run_folders():
        for secret_file in path.rglob("*"):
            data = secret_file.read_bytes() if secret_file.is_file() else b""
            if any(secret.encode() in data for secret in SECRETS.values()):
                assert secret_file.stat().st_mode & 0o077 == 0, secret_file
    (planted.folder / "gate").write_text("")
    run(planted, "runs", "wait", "--timeout", "30")
    until(
        lambda: all('"running"' not in path.read_text() for path in planted.folder.glob(".planform/runs/*/*/run.json")),
        "the end",
    )
    search(planted, request)


def take_until(lines: Iterator[str], text: str) -> Iterator[str]:
    for line in lines:
        yield line
        if text in line:
            return
