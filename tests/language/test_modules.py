"""Modules: blocks, their checks, references, cycles and dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from planform.core.addresses import ResourceAddress
from planform.core.errors import Diagnosed
from planform.language.graph import node_of
from planform.language.modules import load
from tests.language.helpers import SCHEMAS, load_text, told, write


def problems(folder, main, **files):
    with pytest.raises(Diagnosed) as caught:
        load_text(folder, main, **files)
    return told(caught.value)


# text, place and underlined text, headline, a part of the rest
WRONG = [
    # Blocks
    ("resorce: {}", "1 resorce", "Unsupported block type", 'Did you mean "resource"?'),
    ("movd: [1]", "1 movd", "Unsupported block type", "moved"),
    ("moved: 1", "1 moved", "A list is required", "this is 1"),
    ("[1]", "1 [1]", "Not a module", "list with 1 element"),
    ("resource: [x]", "1 resource", "Names are missing", "list with 1 element"),
    ("resource: {trainer: x}", "1 trainer", "Names are missing", '"x"'),
    ("resource: {trainr: {x: {}}}", "1 trainr", "Invalid resource type", 'Did you mean "trainer"?'),
    ("resource: {trainer: {'a b': {}}}", "1 'a ", "Invalid name", "letter or _"),
    ("resource: {trainer: {x: [1]}}", "1 x", "Not a block", "trainer.x is a mapping"),
    ('planform: {required_version: ">= 99"}', '1 ">= 99"', "Unsupported planform version", "requires planform >= 99"),
    ("planform: {required_version: new}", "1 new", "Invalid version constraint", '"new"'),
    ("planform: {nam: x}", "1 nam", "Unsupported argument", 'Did you mean "name"?'),
    ("planform: {name: 'a b'}", "1 'a b'", "Incorrect attribute value", "a letter, then"),
    ("planform: {default_provider: asw}", "1 asw", "Unknown provider", 'Did you mean "aws"?'),
    ("planform: {backend: {s4: {}}}", "1 s4", "Unsupported argument", "There is: local, s3."),
    ("planform: {backend: {s3: {bucket: b}}}", "1 {bucket: b}", "Missing required argument", '"key" is required'),
    ("planform: {backend: {local: {}, s3: {bucket: b, key: k}}}", "1 backend", "One backend", "here are 2"),
    ("planform: {backend: {}}", "1 backend", "One backend", "here are 0"),
    ("provider: {gcp: {}}", "1 gcp", "Unknown provider", "aws, local"),
    ("provider: {aws: [1]}", "1 aws", "Invalid provider settings", "list"),
    # Variables and outputs
    ("variable: {x: {typ: string}}", "1 typ", "Unsupported argument", 'Did you mean "type"?'),
    ("variable: {x: {type: strin}}", "1 strin", "", "string"),
    (
        "variable: {x: {type: number, default: a}}",
        "1 a",
        "Invalid default value for variable x",
        'var.x: a number is required, not "a".',
    ),
    (
        "variable: {x: {type: map(number), default: {k: [1]}}}",
        "1 [1]",
        "Invalid default value for variable x",
        "var.x.k:",
    ),
    ('variable: {x: {default: "${1 + 1}"}}', '1 "${1 + 1}"', "Variables not allowed", "locals"),
    ("variable: {x: {nullable: false, default: null}}", "1 null", "Invalid default value for variable x", "nullable"),
    (
        "variable: {x: {validation: [{condition: true}]}}",
        "1 {condition: true}",
        "Missing required argument",
        "error_message",
    ),
    ('variable: {x: {type: "${y}"}}', '1 "${y}"', "A literal is required", "type"),
    ("output: {o: {valu: 1, value: 1}}", "1 valu", "Unsupported argument", 'Did you mean "value"?'),
    ("output: {o: {description: x}}", "1 o", "Missing required argument", '"value" is required in output o'),
    ('variable: {x: {validation: ["${y}"]}}', '1 "${y}"', "Not computable", "validation"),
    ('resource: {trainer: {x: {depends_on: "${y}"}}}', '1 "${y}"', "Not computable", "depends_on"),
    # Bodies
    ("resource: {trainer: {x: {queu: a}}}", "1 queu", "Unsupported argument", 'Did you mean "queue"?'),
    ("resource: {trainer: {x: {for_eac: a}}}", "1 for_eac", "Unsupported argument", 'Did you mean "for_each"?'),
    ("resource: {trainer: {x: {job_name: a}}}", "1 job_name", "Unsupported argument", "set by planform"),
    ("resource: {job_queue: {x: {}}}", "1 x", "Missing required argument", "Higher goes first."),
    (
        "resource: {job_queue: {x: {priority: high}}}",
        "1 high",
        "Incorrect attribute value",
        'a number is required, not "high".',
    ),
    ("resource: {job_queue: {x: {priority: 1, order: a}}}", "1 a", "Incorrect attribute value", "list(string)"),
    (
        "resource: {trainer: {x: {compute: {instance_type: a, instance_count: 9}}}}",
        "1 9",
        "Incorrect attribute value",
        "compute.instance_count: 9 is too large: at most 8.",
    ),
    (
        "resource: {trainer: {x: {compute: {instance_typ: a, instance_type: a}}}}",
        "1 instance_typ",
        "Unsupported argument",
        'Did you mean "instance_type"?',
    ),
    (
        "resource: {trainer: {x: {tags: {a: [1]}}}}",
        "1 [1]",
        "Incorrect attribute value",
        "tags.a: a string is required",
    ),
    ("resource: {pair: {x: {a: 1, b: 2}}}", "1 1", "Incorrect attribute value", "exclude each other"),
    ("resource: {trainer: {x: {count: 1, for_each: {}}}}", "1 for_each", "Invalid combination", "count and for_each"),
    ("resource: {trainer: {x: {provider: gcp}}}", "1 gcp", "Unknown provider", "aws, local"),
    (
        "resource: {trainer: {x: {lifecycle: {prevent_destory: true}}}}",
        "1 prevent_destory",
        "Unsupported argument",
        "prevent_destroy",
    ),
    (
        "resource: {trainer: {x: {lifecycle: {ignore_changes: [tag]}}}}",
        "1 tag",
        "Unsupported attribute",
        'Did you mean "tags"?',
    ),
    # References
    (
        'variable: {queue_name: {}}\noutput: {o: {value: "${var.queue_nam}"}}',
        "2 var.queue_nam",
        "Reference to undeclared input variable",
        "Did you mean var.queue_name (main.pf.yaml:1)?",
    ),
    (
        'locals: {a: 1, b: 2}\noutput: {o: {value: "${local.zzz}"}}',
        "2 local.zzz",
        "Reference to undeclared local value",
        "local.a, local.b",
    ),
    (
        'resource: {trainer: {digits: {}}}\noutput: {o: {value: "x ${trainer.digit.job_name}"}}',
        "2 trainer.digit.job_name",
        "Reference to undeclared resource",
        "Did you mean trainer.digits (main.pf.yaml:1)?",
    ),
    (
        'resource: {trainer: {digits: {}}}\noutput: {o: {value: "${job_queue.digits.arn}"}}',
        "2 job_queue.digits.arn",
        "Reference to undeclared resource",
        "Did you mean trainer.digits",
    ),
    (
        'resource: {trainer: {digits: {}}}\noutput: {o: {value: "${trainr.digits.job_name}"}}',
        "2 trainr.digits.job_name",
        "Reference to undeclared resource",
        "Did you mean trainer.digits",
    ),
    (
        'resource: {trainer: {digits: {}}}\noutput: {o: {value: "${trainer.digits.job_nam}"}}',
        "2 trainer.digits.job_nam",
        "Unsupported attribute",
        'Did you mean "job_name"?',
    ),
    (
        'resource: {trainer: {digits: {}}}\noutput: {o: {value: "${trainer.digits.compute.instanc_type}"}}',
        "2 trainer.digits.compute.instanc_type",
        "Unsupported attribute",
        'Did you mean "instance_type"?',
    ),
    ('variable: {x: {}}\noutput: {o: {value: "${x}"}}', "2 x", "Invalid reference", "Did you mean var.x?"),
    ('output: {o: {value: "${foo}"}}', "1 foo", "Invalid reference", "'foo'"),
    ('output: {o: {value: "${module.a.b}"}}', "1 module.a.b", "Reference to undeclared module", "none"),
    (
        'output: {o: {value: "${each.key}"}}',
        "1 each.key",
        'Reference to "each" in context without for_each',
        "for_each",
    ),
    (
        'output: {o: {value: "${count.index}"}}',
        "1 count.index",
        'Reference to "count" in context without count',
        "count",
    ),
    ('output: {o: {value: "${path.modul}"}}', "1 path.modul", "Unsupported attribute", 'Did you mean "module"?'),
    (
        'output: {o: {value: "${planform.workspce}"}}',
        "1 planform.workspce",
        "Unsupported attribute",
        'Did you mean "workspace"?',
    ),
    (
        'resource: {trainer: {x: {for_each: {a: 1}, queue: "${each.valu}"}}}',
        "1 each.valu",
        "Unsupported attribute",
        'Did you mean "value"?',
    ),
    (
        'resource: {trainer: {x: {for_each: {fast: 1}}}}\noutput: {o: {value: "${trainer.x.job_name}"}}',
        "2 trainer.x.job_name",
        "Missing instance key",
        'Use trainer.x["fast"].job_name, trainer.x[each.key].job_name in a block with for_each',
    ),
    (
        'resource: {trainer: {x: {count: 2}}}\noutput: {o: {value: "${trainer.x.job_name}"}}',
        "2 trainer.x.job_name",
        "Missing instance key",
        "Use trainer.x[0].job_name, trainer.x[count.index].job_name",
    ),
    (
        "resource: {trainer: {x: {for_each: {fast: 1}}}}\noutput: {o: {value: \"${trainer.x['fas'].job_name}\"}}",
        "2 trainer.x['fas'].job_name",
        "Invalid index",
        'Did you mean "fast"?',
    ),
    (
        'resource: {trainer: {x: {}}}\noutput: {o: {value: "${trainer.x[0].job_name}"}}',
        "2 trainer.x[0].job_name",
        "Unexpected resource instance key",
        "Write trainer.x.job_name.",
    ),
    (
        "resource: {trainer: {x: {depends_on: [trainer.y]}}}",
        "1 trainer.y",
        "Reference to undeclared resource",
        "trainer.x",
    ),
    (
        "resource: {trainer: {x: {depends_on: [local.y]}}}",
        "1 local.y",
        "Invalid depends_on reference",
        "trainer.digits",
    ),
    ("resource: {trainer: {x: {depends_on: [module.y]}}}", "1 module.y", "Reference to undeclared module", "none"),
]


@pytest.mark.parametrize(("text", "place", "summary", "rest"), WRONG, ids=[case[0] for case in WRONG])
def test_what_is_wrong_with_a_module(tmp_path, text, place, summary, rest):
    ((where, headline, said),) = problems(tmp_path, text)
    assert where == f"main.pf.yaml:{place}"
    assert headline == summary or not summary
    assert rest in said


TWO_KINDS = """
resource:
  trainr: {x: {}}
  trainer: {a: {queu: 1, queue: "${var.x}"}}
output: {o: {value: "${trainr.x.y}"}}
"""


@pytest.mark.parametrize(
    ("extra", "places"),
    [
        # What follows from the unknown type is not said again.
        pytest.param("locals: {a: 1}", ["main:3 trainr", "main:4 queu", "main:4 var.x"], id="names"),
        # A file that cannot be read may declare what is missing; an expression that cannot, does not.
        pytest.param("locals: {a: 'x", ["extra:1 '", "main:3 trainr", "main:4 queu"], id="text"),
        pytest.param(
            "locals: {a: '${1 +}'}", ["extra:1 }", "main:3 trainr", "main:4 queu", "main:4 var.x"], id="expression"
        ),
    ],
)
def test_everything_at_once_in_the_order_of_the_files(tmp_path, extra, places):
    found = problems(tmp_path, TWO_KINDS, extra=extra)
    assert [place.replace(".pf.yaml", "") for place, _, _ in found] == places


def test_blocks_of_several_files_belong_together(tmp_path):
    module = load_text(
        tmp_path,
        "x-base: &b {priority: 1}\nresource: {job_queue: {a: {<<: *b}}}",
        more="resource: {job_queue: {b: {priority: 2}}}\nlocals:\n",
        empty="",
    )
    assert [str(address) for address in module.resources] == ["job_queue.a", "job_queue.b"]
    assert module.resources[ResourceAddress("job_queue", "a")].converted == {"priority": 1}


def test_duplicates_name_both_places(tmp_path):
    found = problems(
        tmp_path, "resource: {trainer: {x: {}}}\nlocals: {a: 1}", z="resource: {trainer: {x: {}}}\nlocals: {a: 2}"
    )
    assert [(place, summary) for place, summary, _ in found] == [
        ("z.pf.yaml:1 x", "Duplicate resource trainer.x"),
        ("z.pf.yaml:2 a", "Duplicate local.a"),
    ]
    assert "[main.pf.yaml:1:22: first declared here]" in found[0][2]


CYCLES = [
    pytest.param(
        "locals:\n  a: '${local.b}'\n  b: '${local.c + 1}'\n  c: '${local.a}'",
        "Cycle: local.a -> local.b -> local.c -> local.a",
        ["main.pf.yaml:2:6: local.a refers to local.b", "main.pf.yaml:4:6: local.c refers to local.a"],
        id="locals",
    ),
    pytest.param(
        "resource:\n  planform_data:\n    x: {input: '${planform_data.x.output}'}",
        "Cycle: planform_data.x -> planform_data.x",
        ["main.pf.yaml:3:16: planform_data.x refers to planform_data.x"],
        id="itself",
    ),
    pytest.param(
        "resource:\n  planform_data:\n    x: {input: '${local.y}'}\n    y: {depends_on: [planform_data.x]}\n"
        "locals:\n  y: '${planform_data.y}'",
        "Cycle: planform_data.x -> local.y -> planform_data.y -> planform_data.x",
        ["main.pf.yaml:4:22: planform_data.y refers to planform_data.x", "main.pf.yaml:6:6: local.y"],
        id="through depends_on and a local",
    ),
    pytest.param(
        "module:\n  m: {source: ./m, inputs: {i: '${module.m.o}'}}",
        "Cycle: module.m.output.o -> module.m.var.i -> module.m.output.o",
        ["main.pf.yaml:2:32: module.m.var.i refers to module.m.output.o", "m/main.pf.yaml:1:41: "],
        id="through a module",
    ),
]


@pytest.mark.parametrize(("text", "summary", "edges"), CYCLES)
def test_cycles_show_each_edge(tmp_path, text, summary, edges):
    ((_, headline, said),) = problems(tmp_path, text, m__main="{variable: {i: {}}, output: {o: {value: '${var.i}'}}}")
    assert headline == summary
    for edge in edges:
        assert edge in said


def test_outputs_that_do_not_meet_are_no_cycle(tmp_path):
    load_text(
        tmp_path,
        """
module:
  a: {source: ./m, inputs: {i: 1, j: "${module.b.o}"}}
  b: {source: ./m, inputs: {i: "${module.a.o}", j: 2}}
""",
        m__main="variable: {i: {}, j: {}}\noutput: {o: {value: '${var.i}'}, p: {value: '${var.j}'}}",
    )


CHILD = """
variable:
  a: {type: number}
  b: {type: string, default: x}
output:
  o: {value: "${var.b}"}
"""

WRONG_CALLS = [
    ("module: {m: {source: sub}}", "1 sub", "Invalid module source", "begins with ./"),
    ("module: {m: {source: ./su}}", "1 ./su", "Module not found", 'Did you mean "sub"?'),
    ("module: {m: {source: ./none}}", "1 ./none", "Empty module", "none"),
    ("module: {m: {inputs: {}}}", "1 m", "Missing required argument", "source"),
    ('module: {m: {source: ./sub, inputs: "${1}"}}', '1 "${1}"', "Not computable", "written out"),
    ("module: {m: {source: ./sub}}", "1 m", "Missing required argument", 'needs the input "a"'),
    ("module: {m: {source: ./sub, inputs: {a: 1, bb: 1}}}", "1 bb", "Unsupported argument", 'Did you mean "b"?'),
    (
        "module: {m: {source: ./sub, inputs: {a: x}}}",
        "1 x",
        "Invalid value for module input",
        "[sub/main.pf.yaml:3:3: variable a",
    ),
    ("module: {m: {source: ./loop}}", "1 ../loop", "Module cycle", "loop -> loop"),
    (
        "module: {m: {source: ./sub, inputs: {a: 1}}}\noutput: {o: {value: '${module.m.oo}'}}",
        "2 module.m.oo",
        "Unsupported attribute",
        'Did you mean "o"?',
    ),
    (
        "module: {m: {source: ./sub, inputs: {a: 1}, for_each: {k: 1}}}\noutput: {o: {value: '${module.m.o}'}}",
        "2 module.m.o",
        "Missing instance key",
        'Use module.m["k"].o',
    ),
]


@pytest.mark.parametrize(("text", "place", "summary", "rest"), WRONG_CALLS, ids=[case[0] for case in WRONG_CALLS])
def test_what_is_wrong_with_a_module_call(tmp_path, text, place, summary, rest):
    (tmp_path / "none").mkdir()
    loop = "module: {again: {source: ../loop}}"
    ((where, headline, said),) = problems(tmp_path, text, sub__main=CHILD, loop__main=loop)
    assert where.split(":", 1)[1] == place
    assert headline == summary
    assert rest in said


def test_provider_settings_belong_to_the_root(tmp_path):
    ((where, headline, _),) = problems(tmp_path, "module: {m: {source: ./m}}", m__main="provider: {aws: {}}")
    assert (where, headline) == ("m/main.pf.yaml:1 aws", "Provider settings in a child module")


def test_a_folder_without_configuration(tmp_path):
    with pytest.raises(Diagnosed) as caught:
        load(str(tmp_path), SCHEMAS)
    ((_, headline, said),) = told(caught.value)
    assert headline == "No configuration"
    assert "planform init" in said


def test_a_file_that_is_not_text(tmp_path):
    (tmp_path / "main.pf.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(Diagnosed) as caught:
        load(str(tmp_path), SCHEMAS)
    (found,) = caught.value.problems
    assert (found.summary, str(found.span)) == ("The file is not UTF-8 text", "main.pf.yaml:2:1")


def test_sources_of_a_saved_plan_are_all_that_is_read(tmp_path):
    root = (
        write(tmp_path, {"root/main.pf.yaml": "resource: {trainer: {other: {}}}", "root/late.pf.yaml": "broken: ["})
        / "root"
    )
    sources = {
        "main.pf.yaml": "module: {m: {source: ../shared}, n: {source: ./n}}",
        "../shared/main.pf.yaml": "resource: {trainer: {a: {}}}",
        "n/main.pf.yaml": "resource: {trainer: {b: {}}}",
    }
    module = load(str(root), SCHEMAS, sources)
    assert [str(address) for inner in module.walk() for address in inner.resources] == [
        "module.m.trainer.a",
        "module.n.trainer.b",
    ]
    assert {source.path: source.text for inner in module.walk() for source in inner.sources} == sources


DEPENDENCIES = """
resource:
  job_queue:
    q: {priority: 1}
    r: {priority: 2}
  trainer:
    direct: {queue: "${job_queue.q.arn}"}
    whole: {hyperparameters: {q: "${jsonencode(job_queue.q)}"}}
    through_locals: {queue: "${local.b}"}
    twice: {queue: "${job_queue.q.arn}${job_queue.q.arn}"}
    declared: {depends_on: [job_queue.r, "${job_queue.q}"]}
    after_module: {depends_on: [module.m]}
    from_output: {queue: "${module.m.name}"}
    splat: {tags: {a: "${join(',', trainer.each[*].job_name)}"}}
    each:
      count: 2
      queue: "${job_queue.q.arn}"
    keyed: {queue: "${trainer.each[0].job_name}"}
    none: {}
locals:
  a: "${job_queue.q.arn}"
  b: "${local.a}-${job_queue.r.priority}"
module:
  m: {source: ./m, inputs: {i: "${job_queue.r.arn}"}}
  n: {source: ./m, inputs: {i: x}, depends_on: [job_queue.q]}
output:
  o: {value: "${module.m.name} ${job_queue.q.arn}"}
"""
INNER = """
variable: {i: {}}
resource: {trainer: {inner: {queue: "${var.i}"}, free: {}}}
output: {name: {value: "${trainer.inner.job_name}"}}
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("direct", ["job_queue.q.arn"]),
        ("whole", ["job_queue.q."]),
        ("through_locals", ["job_queue.q.arn", "job_queue.r.priority"]),
        ("twice", ["job_queue.q.arn"]),
        ("declared", ["job_queue.q.", "job_queue.r."]),
        ("after_module", ["module.m.trainer.free.", "module.m.trainer.inner."]),
        ("from_output", ["module.m.trainer.inner.job_name"]),
        ("splat", ["trainer.each.job_name"]),
        ("keyed", ["trainer.each.job_name"]),
        ("none", []),
        ("m.inner", ["job_queue.r.arn"]),
        ("m.free", []),
        ("n.inner", ["job_queue.q."]),
        ("n.free", ["job_queue.q."]),
    ],
)
def test_dependencies_are_followed_through_locals_and_modules(tmp_path, name, expected):
    module = load_text(tmp_path, DEPENDENCIES, m__main=INNER)
    *path, short = name.split(".")
    found = module.graph.dependencies(node_of(ResourceAddress("trainer", short, tuple(path))))
    assert sorted(f"{item.resource}.{item.attribute or ''}" for item in found) == expected


def test_dependencies_know_the_reference_they_come_from(tmp_path):
    module = load_text(tmp_path, DEPENDENCIES, m__main=INNER)
    (found,) = module.graph.dependencies(node_of(ResourceAddress("trainer", "direct")))
    assert found.place.path == ("resource", "trainer", "direct", "queue")
    assert (found.place.line, found.place.column) == (7, 21)
    output = module.graph.dependencies(((), "output", "o"))
    assert [str(item.resource) for item in output] == ["module.m.trainer.inner", "job_queue.q"]


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("main.yaml", "planform: {name: a}\n", "mv main.yaml main.pf.yaml"),
        ("main.pf.yml", "resource: {}\n", "mv main.pf.yml main.pf.yaml"),
        ("compose.yaml", "services: {}\n", "Run planform init"),
    ],
)
def test_a_file_whose_name_is_nearly_right_is_pointed_at(tmp_path: Path, name: str, text: str, advice: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(Diagnosed) as refused:
        load(str(tmp_path), {})
    assert advice in refused.value.problems[0].suggestion
