"""Evaluation: what names mean before and after objects are known, and what bodies and outputs become."""

from __future__ import annotations

import pytest

from planform.core.addresses import parse_address
from planform.core.errors import Diagnosed
from planform.core.values import Sensitive, Unknown
from tests.language.helpers import expanded, told


def queue(arn):
    return {"priority": 1, "arn": arn}


MAIN = """
planform: {name: digits}
variable: {rate: {default: 0.5}, token: {default: t, sensitive: true}}
locals:
  twice: "${var.rate * 2}"
  arn: "${job_queue.main.arn}"
  all: "${[for k, t in trainer.each : t.job_name]}"
resource:
  job_queue:
    main: {priority: 1}
    off: {enabled: false, priority: 1}
    on: {enabled: "${var.rate > 0}", priority: 1}
    many: {count: 2, priority: "${count.index}"}
  trainer:
    each:
      for_each: {slow: 1, fast: "${job_queue.main.arn}"}
      queue: "${local.arn}"
      tags: {key: "${each.key}", value: "${each.value}"}
module:
  m: {source: ./m, inputs: {queue: "${local.arn}"}}
  n: {source: ./m, for_each: {a: x, b: "${job_queue.main.arn}"}, inputs: {queue: "${each.value}-${each.key}"}}
  c: {source: ./m, count: 2, inputs: {queue: "${count.index}"}}
  gone: {source: ./m, enabled: false, inputs: {queue: q}}
output:
  arn: {value: "${local.arn}"}
  token: {value: "${var.token}", sensitive: true}
  leak: {value: "x${var.token}"}
"""
CHILD = """
variable: {queue: {type: string}, size: {type: number, default: 2}}
locals: {upper: "${upper(var.queue)}"}
resource: {trainer: {inner: {queue: "${var.queue}"}}}
output:
  queue: {value: "${local.upper}"}
  job: {value: "${trainer.inner.job_name}"}
  secret: {value: s, sensitive: true}
"""


@pytest.fixture
def evaluation(tmp_path):
    return expanded(tmp_path, MAIN, m__main=CHILD)[1]


def known(value):
    """The value with each Unknown as `?origin`."""
    match value:
        case Unknown():
            return f"?{value.origin}"
        case Sensitive():
            return ("secret", known(value.value))
        case dict():
            return {key: known(item) for key, item in value.items()}
        case list():
            return [known(item) for item in value]
    return value


MANY = ["?job_queue.many[0].arn", "?job_queue.many[1].arn"]
EACH = ['?trainer.each["fast"].job_name', '?trainer.each["slow"].job_name']


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("local.twice", 1, 1),
        ("var.token", ("secret", "t"), ("secret", "t")),
        ("planform.name", "digits", "digits"),
        ("planform.workspace", "default", "default"),
        ("path.module", ".", "."),
        ("local.arn", "?job_queue.main.arn", "A"),
        ("job_queue.main.arn", "?job_queue.main.arn", "A"),
        ("${job_queue.main.arn}!", "?job_queue.main.arn", "A!"),
        ("keys(job_queue.main)", ["arn", "order", "priority", "shares"], ["arn", "priority"]),
        ("job_queue.off", None, None),
        ("job_queue.on.arn", "?job_queue.on.arn", "?job_queue.on.arn"),
        ("job_queue.many[1].arn", "?job_queue.many[1].arn", "?job_queue.many[1].arn"),
        ("length(job_queue.many)", 2, 2),
        ("job_queue.many[*].arn", MANY, MANY),
        ("keys(trainer.each)", ["fast", "slow"], ["fast", "slow"]),
        ('trainer.each["fast"].job_name', '?trainer.each["fast"].job_name', "J"),
        ("local.all", EACH, ["J", EACH[1]]),
        ("module.m.queue", "?job_queue.main.arn", "A"),
        ("module.m.job", "?module.m.trainer.inner.job_name", "?module.m.trainer.inner.job_name"),
        ("module.m.secret", ("secret", "s"), ("secret", "s")),
        ("keys(module.m)", ["job", "queue", "secret"], ["job", "queue", "secret"]),
        ('module.n["a"].queue', "X-A", "X-A"),
        ('module.n["b"].queue', "?job_queue.main.arn", "A-B"),
        ("[for k, v in module.n : k]", ["a", "b"], ["a", "b"]),
        ("module.c[1].queue", "1", "1"),
        ("module.c[*].queue", ["0", "1"], ["0", "1"]),
        ("module.gone", None, None),
        ("try(job_queue.off.arn, 1)", 1, 1),
    ],
)  # fmt: skip
def test_names_before_and_after_objects_are_known(evaluation, text, before, after):
    assert known(evaluation.evaluate_string(text)) == before
    evaluation.set(parse_address("job_queue.main"), queue("A"))
    evaluation.set(parse_address('trainer.each["fast"]'), {"job_name": "J"})
    assert known(evaluation.evaluate_string(text)) == after
    assert known(evaluation.fresh().evaluate_string(text)) == before


def test_objects_are_forgotten_when_dropped(evaluation):
    address = parse_address("job_queue.main")
    evaluation.set(address, queue("A"))
    assert evaluation.evaluate_string("local.arn") == "A"
    evaluation.set(address, queue("B"))
    assert evaluation.evaluate_string("module.m.queue") == "B"
    evaluation.drop(address)
    assert known(evaluation.evaluate_string("[local.arn, module.m.queue]")) == ["?job_queue.main.arn"] * 2


def test_a_value_that_was_handed_out_does_not_change(evaluation):
    evaluation.set(parse_address('trainer.each["fast"]'), {"job_name": "old"})
    before = evaluation.evaluate_string("trainer.each")
    evaluation.set(parse_address('trainer.each["fast"]'), {"job_name": "new"})
    assert before["fast"] == {"job_name": "old"}
    assert evaluation.evaluate_string("trainer.each")["fast"] == {"job_name": "new"}


def test_bodies(tmp_path):
    configuration, evaluation = expanded(tmp_path, MAIN, m__main=CHILD)

    def body(text):
        return known(evaluation.body(configuration.instances[parse_address(text)]))

    assert body("job_queue.main") == {"priority": 1}
    assert body("job_queue.many[1]") == {"priority": 1}
    assert body('trainer.each["slow"]') == {"queue": "?job_queue.main.arn", "tags": {"key": "slow", "value": "1"}}
    assert body('trainer.each["fast"]')["tags"] == {"key": "fast", "value": "?job_queue.main.arn"}
    assert body('module.n["b"].trainer.inner') == {"queue": "?job_queue.main.arn"}
    evaluation.set(parse_address("job_queue.main"), queue("A"))
    assert body('trainer.each["fast"]') == {"queue": "A", "tags": {"key": "fast", "value": "A"}}
    assert body('module.n["b"].trainer.inner') == {"queue": "A-b"}
    assert body("module.c[0].trainer.inner") == {"queue": "0"}


def test_outputs(evaluation):
    assert known(evaluation.output("arn")) == "?job_queue.main.arn"
    assert known(evaluation.output("token")) == ("secret", "t")
    with pytest.raises(Diagnosed) as caught:
        evaluation.output("leak")
    ((place, summary, said),) = told(caught.value)
    assert (place, summary) == ("main.pf.yaml:27 leak", "Output refers to sensitive values")
    assert "sensitive: true" in said


FAILING = """
variable: {n: {default: two}, s: {default: hidden, sensitive: true}}
locals: {bad: "${var.n + 1}"}
resource:
  job_queue:
    q:
      priority: "${var.n}"
      order: ["${var.s - 1}", "x ${local.bad}", "${[1][var.n == 'two' ? 3 : 0]}"]
    t: {priority: "${length(var.n)}", shares: "${var.n}"}
    c: {priority: 1, shares: ["${local.bad}"]}
  pair: {p: {a: 1, b: "${var.n}"}}
"""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param(
            "job_queue.q",
            [
                ("main.pf.yaml:3 var.n", "Invalid operand", 'var.n is "two"'),
                ("main.pf.yaml:8 var.s", "Invalid operand", "var.s is (sensitive value)"),
                ("main.pf.yaml:8 [1][var.n == 'two' ? 3 : 0]", "Invalid index", "no element 3"),
            ],
            id="all expressions at once",
        ),
        pytest.param(
            "job_queue.t",
            [('main.pf.yaml:9 "${var.n}"', "Incorrect attribute value", '${var.n} is "two"')],
            id="a value that does not fit",
        ),
        pytest.param(
            "pair.p",
            [("main.pf.yaml:11 1", "Incorrect attribute value", "exclude each other")],
            id="a rule of the type",
        ),
    ],
)
def test_what_is_wrong_with_a_body(tmp_path, address, expected):
    configuration, evaluation = expanded(tmp_path, FAILING)
    instance = configuration.instances[parse_address(address)]
    with pytest.raises(Diagnosed) as caught:
        evaluation.body(instance)
    found = told(caught.value)
    assert [item[:2] for item in found] == [item[:2] for item in expected]
    for (_, _, said), (_, _, rest) in zip(found, expected, strict=True):
        assert rest in said
    assert "hidden" not in repr(caught.value.problems)


def test_failing_locals_are_found_from_every_body_that_uses_them(tmp_path):
    configuration, evaluation = expanded(tmp_path, FAILING)
    for name in ("job_queue.c", "job_queue.q"):
        with pytest.raises(Diagnosed) as caught:
            evaluation.body(configuration.instances[parse_address(name)])
        assert any(place == "main.pf.yaml:3 var.n" for place, _, _ in told(caught.value))


@pytest.mark.parametrize(
    ("text", "place", "summary"),
    [
        ("var.ratee", "<console>:1 var.ratee", "Reference to undeclared input variable"),
        ("[1", "<console>:1 [", "Unclosed list"),
        ("nope", "<console>:1 nope", "Invalid reference"),
    ],
)
def test_what_the_console_says(evaluation, text, place, summary):
    with pytest.raises(Diagnosed) as caught:
        evaluation.evaluate_string(text)
    ((where, headline, _),) = told(caught.value)
    assert (where, headline) == (place, summary)


def test_the_console_sees_a_child_module(evaluation):
    module = parse_address("module.c[1].trainer.inner").module
    assert evaluation.evaluate_string("var.queue", module) == "1"
    assert evaluation.evaluate_string("path.root", module) == ".."


def test_input_that_does_not_fit_once_it_is_known(tmp_path):
    main = 'module: {m: {source: ./m, inputs: {queue: q, size: "${local.size}"}}}\nlocals: {size: big}'
    configuration, evaluation = expanded(tmp_path, main, m__main=CHILD)
    assert configuration.instances
    with pytest.raises(Diagnosed) as caught:
        evaluation.evaluate_string("var.size", parse_address("module.m.trainer.inner").module)
    ((place, summary, said),) = told(caught.value)
    assert (place, summary) == ('main.pf.yaml:1 "${local.size}"', "Invalid value for module input")
    assert 'module.m: size: a number is required, not "big".' in said
