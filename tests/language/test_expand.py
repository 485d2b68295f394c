"""Expansion: instances, providers, settings, and keys that cannot be known."""

from __future__ import annotations

import time

import pytest

from planform.core.addresses import parse_address
from planform.core.configuration import Lifecycle
from planform.core.errors import Diagnosed
from planform.core.schemas import STRING, Attribute, attributes
from planform.core.values import Sensitive, Unknown
from planform.language.expand import expand
from planform.language.files import DiskFiles
from planform.language.modules import load
from tests.language.helpers import NOW, SCHEMAS, expanded, load_text, told, write


def addresses(folder, main, **files):
    return [str(address) for address in expanded(folder, main, **files)[0].instances]


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ("", ["t.x"]),
        ("count: 0", []),
        ("count: 2", ["t.x[0]", "t.x[1]"]),
        ('count: "2"', ["t.x[0]", "t.x[1]"]),
        ('count: "${length(local.list)}"', ["t.x[0]", "t.x[1]"]),
        ("enabled: true", ["t.x"]),
        ('enabled: "${1 > 2}"', []),
        ("for_each: {}", []),
        ("for_each: {b: 1, a: 2}", ['t.x["b"]', 't.x["a"]']),
        ('for_each: "${toset(local.list)}"', ['t.x["p"]', 't.x["q"]']),
        ('for_each: "${{for p in local.list : upper(p) => p}}"', ['t.x["P"]', 't.x["Q"]']),
        ('for_each: {a: "${planform_data.known.output}"}', ['t.x["a"]']),
        ('for_each: "${planform_data.each}"', ['t.x["k"]', 't.x["l"]']),
        ('for_each: "${{for k, v in planform_data.each : k => v.output}}"', ['t.x["k"]', 't.x["l"]']),
        ('for_each: "${module.m.keys}"', ['t.x["m"]']),
        ("for_each: \"${jsondecode(file('items.json'))}\"", ['t.x["one"]']),
    ],
)
def test_instances(tmp_path, meta, expected):
    write(tmp_path, {"items.json": '{"one": 1}'})
    main = f"""
locals: {{list: [p, q]}}
resource:
  trainer:
    x: {{{meta}}}
  planform_data:
    known: {{}}
    each: {{for_each: {{k: 1, l: 2}}}}
module: {{m: {{source: ./m}}}}
"""
    found = addresses(tmp_path, main, m__main="output: {keys: {value: {m: 1}}}")
    assert [address.replace("trainer.", "t.") for address in found if address.startswith("trainer.x")] == expected


def test_instances_of_modules(tmp_path):
    main = """
module:
  m: {source: ./m, for_each: {a: 1, b: 2}}
  n: {source: ./m, count: 1}
  o: {source: ./m, enabled: false}
"""
    assert addresses(
        tmp_path,
        main,
        m__main="module: {deep: {source: ../d, count: 2}}",
        d__main="resource: {trainer: {x: {}}}",
    ) == [
        'module.m["a"].module.deep[0].trainer.x',
        'module.m["a"].module.deep[1].trainer.x',
        'module.m["b"].module.deep[0].trainer.x',
        'module.m["b"].module.deep[1].trainer.x',
        "module.n[0].module.deep[0].trainer.x",
        "module.n[0].module.deep[1].trainer.x",
    ]


def test_each_value_may_be_unknown(tmp_path):
    configuration, _ = expanded(
        tmp_path,
        'resource: {planform_data: {a: {}, b: {for_each: {x: "${planform_data.a.output}", y: 1}}}}',
    )
    value = configuration.instances[parse_address('planform_data.b["x"]')].each_value
    assert isinstance(value, Unknown)
    assert value.origin == "planform_data.a.output"
    assert configuration.instances[parse_address('planform_data.b["y"]')].each_value == 1


UNKNOWN_KEYS = """
resource:
  planform_data:
    a: {input: 1}
    b:
      for_each: "${local.keys}"
  trainer:
    c: {count: "${length(planform_data.a.output)}"}
    d: {enabled: "${module.m.on}"}
locals:
  keys: "${toset([local.first, 'x'])}"
  first: "${planform_data.a.output}"
module:
  m: {source: ./m, inputs: {on: "${planform_data.a.id}"}}
"""


def test_unknown_keys_show_the_way_to_the_attribute_and_the_two_ways_out(tmp_path):
    with pytest.raises(Diagnosed) as caught:
        expanded(tmp_path, UNKNOWN_KEYS, m__main="variable: {on: {}}\noutput: {on: {value: '${var.on}'}}")
    for_each, count, enabled = caught.value.problems
    assert for_each.summary == "Invalid for_each argument"
    assert for_each.detail == (
        "The keys of the instances must be known before anything is planned, "
        "but planform_data.a.output is known only after apply."
    )
    assert for_each.values == ("${local.keys} is known only after apply",)
    assert [f"{place.line}: {text}" for place, text in for_each.related] == [
        "6: for_each of planform_data.b uses local.keys",
        "11: local.keys uses local.first",
        "12: local.first uses planform_data.a.output",
    ]
    assert "Use a map whose keys stand in the files" in for_each.suggestion
    assert "planform apply --target 'planform_data.a'" in for_each.suggestion
    assert count.summary == "Invalid count argument"
    assert enabled.summary == "Invalid enabled argument"
    assert [text for _, text in enabled.related] == [
        "enabled of trainer.d uses module.m.output.on",
        "module.m.output.on uses module.m.var.on",
        "module.m.var.on uses planform_data.a.id",
    ]


WRONG = [
    ("for_each: [a, b]", "[a, b]", "Invalid for_each argument", "Write for_each: \"${toset(['a', 'b'])}\"."),
    (
        'for_each: "${local.list}"',
        '"${local.list}"',
        "Invalid for_each argument",
        'Write for_each: "${toset(local.list)}".',
    ),
    ("for_each: 3", "3", "Invalid for_each argument", "Use count"),
    ("for_each: null", "null", "Invalid for_each argument", "null"),
    ('for_each: "${toset([1, 2])}"', '"${toset([1, 2])}"', "Invalid for_each argument", "set of strings"),
    ('for_each: "${toset([var.secret])}"', '"${toset([var.secret])}"', "Invalid for_each argument", "nonsensitive"),
    ('for_each: "${var.secret}"', '"${var.secret}"', "Invalid for_each argument", "${var.secret} is (sensitive value)"),
    ("count: -1", "-1", "Invalid count argument", "from 0 on"),
    ("count: 1.5", "1.5", "Invalid count argument", "from 0 on"),
    ("count: true", "true", "Invalid count argument", "enabled"),
    ("count: many", "many", "Invalid count argument", '"many"'),
    ('count: "${local.list}"', '"${local.list}"', "Invalid count argument", "length(...)"),
    ("enabled: 1", "1", "Invalid enabled argument", "true or false"),
    ('count: "${local.list + 1}"', "local.list", "Invalid operand", "list"),
    (
        'provider: "aws.${local.list[0]}"',
        '"aws.${local.list[0]}"',
        "Unknown provider",
        'Provider "aws.a" is not configured',
    ),
    (
        'provider: "${planform_data.a.output}"',
        '"${planform_data.a.output}"',
        "Value known only after apply",
        "planform_data.a.output is known only after apply",
    ),
    (
        'lifecycle: {prevent_destroy: "${planform_data.a.output}"}',
        '"${planform_data.a.output}"',
        "Value known only after apply",
        "lifecycle.prevent_destroy must be known",
    ),
]


@pytest.mark.parametrize(("meta", "place", "summary", "rest"), WRONG, ids=[case[0] for case in WRONG])
def test_what_is_wrong_with_meta_arguments(tmp_path, meta, place, summary, rest):
    main = f"""
variable: {{secret: {{default: {{s: 1}}, sensitive: true}}}}
locals: {{list: [a, b]}}
resource:
  planform_data: {{a: {{}}}}
  trainer:
    x: {{{meta}}}
"""
    with pytest.raises(Diagnosed) as caught:
        expanded(tmp_path, main)
    ((where, headline, said),) = told(caught.value)
    assert (where, headline) == (f"main.pf.yaml:7 {place}", summary)
    assert rest in said


SETTINGS = """
planform:
  name: "${var.team}-models"
  default_provider: "${var.target}"
  backend: {local: {path: "state/${planform.workspace}.json"}}
provider:
  aws: {region: "${var.region}", retries: 3}
  aws.eu: {region: eu-west-1}
variable: {team: {default: a}, target: {default: aws}, region: {default: us-west-2}}
resource:
  planform_data: {p: {}}
  trainer:
    d: {}
    own: {provider: local}
    eu: {provider: aws.eu}
    each: {for_each: {x: local, y: aws.eu}, provider: "${each.value}"}
    kept: {lifecycle: {prevent_destroy: "${var.target == 'aws'}", ignore_changes: [tags]}}
"""


def test_settings_and_providers(tmp_path):
    configuration, evaluation = expanded(tmp_path, SETTINGS)
    assert configuration.name == "a-models"
    assert evaluation.evaluate_string("planform.name") == "a-models"
    assert configuration.backend == ("local", {"path": "state/default.json"})
    assert configuration.provider_settings == {
        "aws": {"region": "us-west-2", "retries": 3},
        "aws.eu": {"region": "eu-west-1"},
    }
    assert {str(address): instance.provider for address, instance in configuration.instances.items()} == {
        "planform_data.p": "",
        "trainer.d": "aws",
        "trainer.own": "local",
        "trainer.eu": "aws.eu",
        'trainer.each["x"]': "local",
        'trainer.each["y"]': "aws.eu",
        "trainer.kept": "aws",
    }
    kept = configuration.instances[parse_address("trainer.kept")].block
    assert kept.lifecycle == Lifecycle(prevent_destroy=True, ignore_changes=("tags",))


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("", "local"),
        ("provider: {aws: {}}", "aws"),
        ("provider: {aws: {}, aws.eu: {}}", "aws"),
        ("provider: {aws: {}, local: {}}", "local"),
    ],
)
def test_the_default_provider(tmp_path, text, default):
    configuration, _ = expanded(tmp_path, f"resource: {{trainer: {{x: {{}}}}}}\n{text}")
    assert configuration.instances[parse_address("trainer.x")].provider == default


def test_the_name_of_a_project_without_one_is_its_folder(tmp_path):
    folder = tmp_path / "my models"
    folder.mkdir()
    assert expanded(folder, "locals:")[0].name == "my-models"


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ("planform: {backend: {local: {path: '${planform_data.a.id}'}}}", "Value known only after apply"),
        ("provider: {aws: {region: '${planform_data.a.id}'}}", "Value known only after apply"),
        ("planform: {name: '${planform.name}'}", "Unsupported attribute"),
        ("planform: {default_provider: \"${lower('ASW')}\"}", "Unknown provider"),
    ],
)
def test_settings_that_cannot_be_known(tmp_path, main, expected):
    with pytest.raises(Diagnosed) as caught:
        expanded(tmp_path, f"{main}\nresource: {{planform_data: {{a: {{}}}}}}")
    assert caught.value.problems[0].summary == expected


def test_the_configuration_holds_what_the_engine_needs(tmp_path):
    main = """
variable: {a: {default: 1}, s: {default: x, sensitive: true}}
resource: {job_queue: {q: {priority: "${var.a}"}, p: {priority: 2}}}
output: {o: {value: "${job_queue.q.arn}", description: The queue.}}
module: {m: {source: ./m, count: 2}}
"""
    files = {
        "m__main": "resource: {trainer: {t: {}}}",
        "m__more": "locals: {x: \"${sensitive('y')}\"}",
        "z": "x-note: 1",
    }
    configuration, _ = expanded(tmp_path, main, **files)
    assert configuration.variables == {"a": 1, "s": Sensitive("x")}
    assert [str(path[0]) for path in configuration.modules if path] == ["module.m[0]", "module.m[1]"]
    assert [str(address) for address in configuration.resources] == ["job_queue.q", "job_queue.p", "module.m.trainer.t"]
    q, p, _ = configuration.resources.values()
    assert (q.converted, p.converted) == (None, {"priority": 2})
    output = configuration.outputs["o"]
    assert [(str(item.resource), item.attribute) for item in output.dependencies] == [("job_queue.q", "arn")]
    assert output.description == "The queue."
    assert sorted(source.path for source in configuration.sources) == [
        "m/main.pf.yaml",
        "m/more.pf.yaml",
        "main.pf.yaml",
        "z.pf.yaml",
    ]
    assert configuration.private_sources == {"main.pf.yaml", "m/more.pf.yaml"}
    assert configuration.folder == str(tmp_path)


def test_variables_without_values_are_unknown(tmp_path):
    module = load_text(tmp_path, "variable: {x: {}}\noutput: {o: {value: '${var.x}'}}")
    _, evaluation = expand(module, {}, "default", DiskFiles(str(tmp_path)), NOW)
    assert evaluation.output("o").origin == "var.x"


# Files


def test_files_are_read_once_and_digested(tmp_path):
    write(tmp_path, {"data/a.txt": "one", "m/b.txt": "b"})
    files = DiskFiles(str(tmp_path))
    base = str(tmp_path)
    assert files.read("data/a.txt", base) == b"one"
    write(tmp_path, {"data/a.txt": "two"})
    assert files.read("./data/../data/a.txt", base) == b"one"
    assert files.exists("b.txt", str(tmp_path / "m"))
    assert not files.exists("none", base)
    assert files.digests == {
        "data/a.txt": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
        "m/b.txt": "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
        "none": "",
    }


@pytest.mark.parametrize(
    ("git", "path", "allowed"),
    [
        ("", "../up.txt", False),
        ("..", "../up.txt", True),
        ("..", "../../far.txt", False),
        ("", "/etc/hostname", False),
        ("", "link", False),
    ],
)
def test_files_outside_the_repository_are_refused(tmp_path, git, path, allowed):
    root = tmp_path / "repo" / "root"
    write(
        tmp_path,
        {
            "repo/up.txt": "",
            "far.txt": "",
            "repo/root/main.pf.yaml": f"output: {{o: {{value: \"${{file('{path}')}}\"}}}}",
        },
    )
    (root / "link").symlink_to("/etc/hostname")
    if git:
        (root / git / ".git").mkdir()
    module = load(str(root), SCHEMAS)
    _, evaluation = expand(module, {}, "default", DiskFiles(str(root)), NOW)
    if allowed:
        assert evaluation.output("o") == ""
        return
    with pytest.raises(Diagnosed) as caught:
        evaluation.output("o")
    assert "is outside the repository" in told(caught.value)[0][2]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt"]),
        ("**/*.txt", ["a.txt", "d/b.txt", "d/e/c.txt"]),
        ("d/**", ["d/b.txt", "d/e/c.txt", "d/x.md"]),
        ("d/?.{txt,md}", ["d/b.txt", "d/x.md"]),
        ("[!a].txt", []),
        ("d/[a-c].txt", ["d/b.txt"]),
    ],
)
def test_globs(tmp_path, pattern, found):
    write(tmp_path, {"a.txt": "", "d/b.txt": "", "d/e/c.txt": "", "d/x.md": ""})
    assert DiskFiles(str(tmp_path)).glob(pattern, ".", str(tmp_path)) == found


# Speed


def generated(count):
    return "resource:\n  planform_data:\n" + "".join(
        f"    r{i}:\n      input: {{name: job-{i}, value: value-{i}, tags: {{team: t1, env: prod}}}}\n"
        for i in range(count)
    )


def test_ten_thousand_blocks(tmp_path):
    write(tmp_path, {"main.pf.yaml": generated(10_000)})
    started = time.process_time()
    configuration, _ = expand(load(str(tmp_path), SCHEMAS), {}, "default", DiskFiles(str(tmp_path)), NOW)
    assert len(configuration.instances) == 10_000
    assert time.process_time() - started < 2.4


def test_instances_that_refer_to_instances_take_linear_time(tmp_path):
    main = """
locals: {names: "${{for k, v in planform_data.a : k => v.output}}"}
resource:
  planform_data:
    a: {for_each: "${{for i in range(1000) : format('k%d', i) => i}}", input: "${each.value}"}
    b: {for_each: "${planform_data.a}", input: "${planform_data.a[each.key].output} ${local.names[each.key]}"}
"""
    configuration, evaluation = expanded(tmp_path, main)
    evaluation = evaluation.fresh()
    started = time.process_time()
    for address, instance in configuration.instances.items():
        body = evaluation.body(instance)
        evaluation.set(address, {**body, "output": body["input"], "id": "x"})
    assert time.process_time() - started < 1


def test_a_region_of_its_own(tmp_path):
    """`region` is another region of the same provider; a provider without regions pays no heed to it."""
    main = """
provider:
  aws: {region: us-west-2}
  aws.eu: {region: eu-west-1}
  local: {}
planform: {default_provider: aws}
variable:
  place: {default: us-east-1}
resource:
  job_queue:
    here: {priority: 1}
    there: {priority: 1, region: "${var.place}"}
    same: {priority: 1, region: us-west-2}
    alias: {priority: 1, provider: aws.eu, region: eu-west-3}
    each: {for_each: {a: eu-west-1, b: eu-west-2}, priority: 1, region: "${each.value}"}
    home: {priority: 1, provider: local, region: eu-west-1}
"""
    write(tmp_path, {"main.pf.yaml": main})
    settings = {"aws": attributes(region=Attribute(STRING)), "local": {}}
    module = load(str(tmp_path), SCHEMAS, None, settings)
    configuration, _ = expand(module, {"place": "us-east-1"}, "default", DiskFiles(str(tmp_path)), NOW)
    assert {str(address): instance.provider for address, instance in configuration.instances.items()} == {
        "job_queue.here": "aws",
        "job_queue.there": "aws@us-east-1",
        "job_queue.same": "aws",
        "job_queue.alias": "aws.eu@eu-west-3",
        'job_queue.each["a"]': "aws@eu-west-1",
        'job_queue.each["b"]': "aws@eu-west-2",
        "job_queue.home": "local",
    }
