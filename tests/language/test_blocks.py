"""The blocks beside resources: defaults, data, lists of addresses, variables that are handled with care."""

from __future__ import annotations

import pytest

from planform.core.addresses import parse_address
from planform.core.configuration import Lifecycle
from planform.core.errors import Diagnosed
from planform.core.schemas import ANY, NUMBER, STRING, Attribute, Schema, attributes
from planform.core.values import Sensitive
from planform.language import modules
from planform.language.expand import expand
from planform.language.files import DiskFiles
from planform.language.variables import variable_values
from tests.language.helpers import NOW, SCHEMAS, load_text, told, write

TYPES = {
    **SCHEMAS,
    "named_queue": Schema(
        "named_queue", "A queue with a name.", attributes(name=Attribute(STRING), size=Attribute(NUMBER)), named=True
    ),
    "data.image": Schema(
        "image", "An image.", attributes(name=Attribute(STRING, required=True), uri=Attribute(ANY, computed=True))
    ),
}


def expanded(folder, main, **files):
    named = {name.replace("__", "/") + ".pf.yaml": text for name, text in files.items()}
    module = modules.load(str(write(folder, {"main.pf.yaml": main, **named})), TYPES)
    values = variable_values(module, str(folder), "default")[0]
    return expand(module, values, "default", DiskFiles(str(folder)), NOW)


def bodies(folder, main, **files):
    configuration, evaluation = expanded(folder, main, **files)
    return {str(address): evaluation.body(item) for address, item in configuration.instances.items()}


def evaluated(folder, main, **files):
    configuration, evaluation = expanded(folder, main, **files)
    for item in configuration.instances.values():
        evaluation.body(item)
    for name in configuration.outputs:
        evaluation.output(name)


def problems(folder, main, **files):
    with pytest.raises(Diagnosed) as stopped:
        evaluated(folder, main, **files)
    return told(stopped.value)


# defaults (S1.8)


def test_defaults_fill_what_is_absent(tmp_path):
    main = """
defaults:
  trainer:
    compute: {instance_type: ml.small, instance_count: 2}
    tags: {team: a, for: "${each.key}"}
resource:
  trainer:
    plain: {for_each: {x: 1}}
    own: {for_each: {x: 1}, compute: {instance_count: 4}, tags: {team: b}}
  planform_data: {other: {}}
"""
    found = bodies(tmp_path, main)
    assert found['trainer.plain["x"]']["compute"] == {"instance_type": "ml.small", "instance_count": 2}
    assert found['trainer.plain["x"]']["tags"] == {"team": "a", "for": "x"}
    assert found['trainer.own["x"]']["compute"] == {"instance_type": "ml.small", "instance_count": 4}
    assert found['trainer.own["x"]']["tags"] == {"team": "b", "for": "x"}


def test_lists_are_replaced_and_null_is_said(tmp_path):
    main = """
defaults: {job_queue: {priority: 1, order: [a, b], shares: [x]}}
resource: {job_queue: {q: {order: [c]}, r: {shares: null}}}
"""
    found = bodies(tmp_path, main)
    assert found["job_queue.q"] == {"priority": 1, "order": ["c"], "shares": found["job_queue.q"]["shares"]}
    assert "shares" not in found["job_queue.r"]


def test_defaults_of_lifecycle_and_provider(tmp_path):
    main = """
defaults: {job_queue: {priority: 1, provider: aws, lifecycle: {prevent_destroy: true}}}
resource: {job_queue: {q: {}, r: {lifecycle: {create_before_destroy: true}, provider: local}}}
"""
    configuration, _ = expanded(tmp_path, main)
    queue, other = (configuration.instances[parse_address(f"job_queue.{name}")] for name in "qr")
    assert (queue.provider, queue.block.lifecycle) == ("aws", Lifecycle(prevent_destroy=True))
    assert (other.provider, other.block.lifecycle) == ("local", Lifecycle(True, True))


def test_defaults_are_those_of_their_module(tmp_path):
    child = "resource: {job_queue: {q: {priority: 2}}}"
    main = "defaults: {job_queue: {order: [x]}}\nmodule: {m: {source: ./m}}"
    assert "order" not in bodies(tmp_path, main, m__main=child)["module.m.job_queue.q"]


def test_problems_in_defaults_stand_there(tmp_path):
    main = """
defaults:
  job_queue: {priorty: 1}
  trainr: {tags: {}}
  trainer: {tags: {a: "${local.nope}"}, count: 2}
resource: {job_queue: {q: {priority: 1}}, trainer: {t: {}}}
"""
    assert [(place, summary) for place, summary, _ in problems(tmp_path, main)] == [
        ("main.pf.yaml:3 priorty", "Unsupported argument"),
        ("main.pf.yaml:4 trainr", "Invalid resource type"),
        ("main.pf.yaml:5 count", "Unsupported argument"),
    ]


def test_an_expression_of_defaults_that_fails_is_shown_where_it_stands(tmp_path):
    main = """
defaults:
  trainer: {tags: {a: "${1 / 0}"}}
resource:
  trainer: {t: {}}
"""
    ((place, summary, _),) = problems(tmp_path, main)
    assert (place, summary) == ("main.pf.yaml:3 1 / 0", "Division by zero")


# data


def test_data_are_instances_of_their_own(tmp_path):
    configuration, evaluation = expanded(
        tmp_path,
        """
data: {image: {base: {name: a}, each: {for_each: {x: 1}, name: "${each.key}"}}}
resource: {planform_data: {p: {input: "${data.image.each['x'].uri}"}}}
""",
    )
    assert [str(address) for address in configuration.data] == ["data.image.base", 'data.image.each["x"]']
    evaluation.set(parse_address('data.image.each["x"]'), {"name": "x", "uri": "x:1"})
    assert evaluation.body(configuration.instances[parse_address("planform_data.p")]) == {"input": "x:1"}


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        pytest.param(
            "data: {image: {a: {name: '${planform_data.p.output}'}}}\nresource: {planform_data: {p: {}}}",
            "Data cannot depend on a resource",
            id="a resource",
        ),
        pytest.param(
            "locals: {x: '${planform_data.p.id}'}\ndata: {image: {a: {name: '${local.x}'}}}\n"
            "resource: {planform_data: {p: {}}}",
            "Data cannot depend on a resource",
            id="a resource behind a local",
        ),
        pytest.param("data: {imag: {a: {name: x}}}", "Invalid data source", id="no such type"),
        pytest.param("data: {image: {a: {nam: x}}}", "Unsupported argument", id="no such argument"),
        pytest.param("data: {image: {a: {name: x, lifecycle: {}}}}", "Unsupported argument", id="lifecycle"),
        pytest.param(
            "data: {image: {a: {name: x}}}\noutput: {o: {value: '${data.image.b.uri}'}}",
            "Reference to undeclared data source",
            id="not declared",
        ),
        pytest.param(
            "data: {image: {a: {name: x}}}\noutput: {o: {value: '${data.image.a.ur}'}}",
            "Unsupported attribute",
            id="no such attribute",
        ),
        pytest.param(
            "data: {image: {a: {name: x}}}\nresource: {planform_data: {p: {for_each: '${data.image.a.uri}'}}}",
            "Invalid for_each argument",
            id="keys of expansion",
        ),
    ],
)
def test_what_data_cannot_be(tmp_path, main, expected):
    assert expected in [summary for _, summary, _ in problems(tmp_path, main)]


def test_the_error_about_keys_from_data_says_that_data_come_later(tmp_path):
    main = "data: {image: {a: {name: x}}}\nresource: {planform_data: {p: {for_each: '${data.image.a.uri}'}}}"
    ((_, _, rest),) = problems(tmp_path, main)
    assert "data.image.a.uri is read only when all instances are known" in rest


# moved, removed, import


def test_lists_of_addresses_with_for_each(tmp_path):
    configuration, _ = expanded(
        tmp_path,
        """
locals: {names: [a, b]}
moved:
  - {for_each: "${toset(local.names)}", from: 'named_queue.old_${each.key}', to: 'named_queue.q["${each.key}"]'}
removed:
  - {from: named_queue.gone, destroy: false}
import:
  - {for_each: {a: 1, b: 2}, to: 'named_queue.q["${each.key}"]', id: "queue-${each.value}"}
resource: {named_queue: {q: {for_each: "${toset(local.names)}"}}}
""",
    )
    assert [(item.source, item.target) for item in configuration.moved] == [
        ("named_queue.old_a", 'named_queue.q["a"]'),
        ("named_queue.old_b", 'named_queue.q["b"]'),
    ]
    assert [(item.source, item.destroy) for item in configuration.removed] == [("named_queue.gone", False)]
    assert [(item.target, item.id) for item in configuration.imports] == [
        ('named_queue.q["a"]', "queue-1"),
        ('named_queue.q["b"]', "queue-2"),
    ]


def test_lists_of_addresses_in_a_module_are_those_of_each_instance(tmp_path):
    child = "import: [{to: named_queue.q, id: x}]\nmoved: [{from: named_queue.a, to: named_queue.q}]\nresource: {named_queue: {q: {}}}"
    configuration, _ = expanded(tmp_path, "module: {m: {source: ./m, for_each: {k: 1}}}", m__main=child)
    assert [item.target for item in configuration.imports] == ['module.m["k"].named_queue.q']
    assert [item.source for item in configuration.moved] == ['module.m["k"].named_queue.a']


@pytest.mark.parametrize(
    ("main", "summary"),
    [
        pytest.param("import: [{to: planform_data.d, id: x}]", "Not importable", id="nothing to find it by"),
        pytest.param("import: [{to: named_queue.q}]", "Missing required argument", id="no id"),
        pytest.param("import: [{to: 'named_queue..q', id: x}]", "Invalid address", id="address"),
        pytest.param(
            "moved: [{for_each: {'1': 1}, from: 'a.${each.key}', to: named_queue.q}]",
            "Invalid address",
            id="an address that only evaluation knows",
        ),
        pytest.param(
            "import: [{to: named_queue.q, id: '${named_queue.r.size}'}]\nresource: {named_queue: {r: {}}}",
            "Value known only after apply",
            id="what is only known after apply",
        ),
    ],
)
def test_lists_of_addresses_that_say_nothing(tmp_path, main, summary):
    assert [found for _, found, _ in problems(tmp_path, main)] == [summary]


# Variables


def test_ephemeral_values_may_be_used_where_nothing_is_stored(tmp_path):
    configuration, _ = expanded(
        tmp_path,
        """
variable: {token: {default: t, ephemeral: true}}
locals: {known: "${var.token != ''}"}
check: {c: {assert: [{condition: "${local.known}", error_message: no token}]}}
resource:
  planform_data: {p: {lifecycle: {precondition: [{condition: "${local.known}", error_message: no token}]}}}
""",
    )
    assert configuration.ephemeral == {"token"}
    assert isinstance(configuration.variables["token"], Sensitive)


@pytest.mark.parametrize(
    "main",
    [
        pytest.param('resource: {planform_data: {p: {input: "${var.token}"}}}', id="resource"),
        pytest.param('output: {o: {value: "${var.token}"}}', id="output"),
        pytest.param('data: {image: {i: {name: "${var.token}"}}}', id="data"),
        pytest.param(
            'locals: {l: "x${var.token}"}\nresource: {planform_data: {p: {input: "${local.l}"}}}', id="through a local"
        ),
        pytest.param('module: {m: {source: ./m, inputs: {a: "${var.token}"}}}', id="through a module"),
    ],
)
def test_ephemeral_values_are_not_stored(tmp_path, main):
    child = 'variable: {a: {}}\nresource: {planform_data: {p: {input: "${var.a}"}}}'
    found = problems(tmp_path, f"variable: {{token: {{default: t, ephemeral: true}}}}\n{main}", m__main=child)
    assert [summary for _, summary, _ in found] == ["Ephemeral value would be stored"]


def test_an_output_cannot_be_ephemeral(tmp_path):
    ((_, summary, _),) = problems(tmp_path, "output: {o: {value: 1, ephemeral: true}}")
    assert summary == "An output cannot be ephemeral"


def test_a_deprecated_variable_warns_who_sets_it(tmp_path):
    main = "variable: {old: {default: 1, deprecated: Use new.}}\nmodule: {m: {source: ./m, inputs: {a: 1}}}"
    child = "variable: {a: {default: 0, deprecated: Use b.}, c: {default: 0, deprecated: Use d.}}"
    module = load_text(tmp_path, main, m__main=child)
    assert [(item.severity, item.summary, item.detail) for item in module.warnings] == [
        ("warning", "Variable a is deprecated", "Use b.")
    ]
    assert variable_values(module, str(tmp_path), "default")[1] == ()
    (tmp_path / "planform.pfvars.yaml").write_text("old: 2")
    ((warning),) = variable_values(module, str(tmp_path), "default")[1]
    assert (warning.summary, str(warning.span)) == ("Variable old is deprecated", "planform.pfvars.yaml:1:1")


def test_a_rule_of_a_variable_may_look_at_others(tmp_path):
    main = """
variable:
  low: {default: 1}
  high:
    default: 0
    validation: [{condition: "${var.high > var.low}", error_message: "high (${var.high}) must be above low"}]
"""
    ((place, _, rest),) = problems(tmp_path, main)
    assert "high (0) must be above low" in rest
    assert "var.low is 1" in rest
    assert place


def test_a_precondition_of_an_output(tmp_path):
    main = """
locals: {n: 0}
output:
  o:
    value: "${10 / local.n}"
    precondition: [{condition: "${local.n > 0}", error_message: n must be positive}]
"""
    ((place, summary, rest),) = problems(tmp_path, main)
    assert (place, summary) == ('main.pf.yaml:6 "${local.n > 0}"', "Precondition of output o failed")
    assert "n must be positive" in rest


def test_destroy_is_a_setting_of_lifecycle(tmp_path):
    configuration, _ = expanded(
        tmp_path,
        'variable: {keep: {default: true}}\nresource: {named_queue: {q: {lifecycle: {destroy: "${!var.keep}"}}}}',
    )
    (instance,) = configuration.instances.values()
    assert instance.block.lifecycle.keep
