"""Write the same N trivial resources for planform and for Terraform.

    python benchmarks/generate.py {blocks,foreach,chains,modules} N FOLDER [--tool TOOL] [--changed] [--state]

blocks   N separate resource blocks
foreach  one block with for_each over N items read from items.json
chains   N separate blocks in chains of ten, each but the first reading the value of the one before
modules  a module of such a chain of ten, with for_each over N/10 items read from items.json, and an output of all

--changed alters exactly one resource; --state also writes the state that `terraform apply` would have left, because an
apply of many resources takes Terraform so long that nobody would wait for it only to time a plan.
"""

import argparse
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

SHAPES = ("blocks", "foreach", "chains", "modules")
TOOLS = ("planform", "terraform")
CHAIN = 10


def item(index: int, altered: int) -> dict[str, object]:
    name = f"job-{index}-altered" if index == altered else f"job-{index}"
    return {"name": name, "value": f"value-{index}", "tags": {"team": f"t{index % 7}", "env": "prod"}}


def chained(index: int) -> tuple[str, str | None]:
    """The name of a block in a chain, and of the block before it."""
    chain, place = divmod(index, CHAIN)
    return f"c{chain}_{place}", f"c{chain}_{place - 1}" if place else None


def blocks(shape: str, items: list[dict[str, object]]) -> Iterator[tuple[str, dict[str, object], str | None]]:
    """Name, item, and the name of the block whose value replaces the item's own; those of a module once."""
    if shape == "modules":
        content: dict[str, object] = {"name": "", "value": "", "tags": {}}
        yield from ((f"r{place}", content, f"r{place - 1}" if place else None) for place in range(CHAIN))
        return
    for index, content in enumerate(items):
        name, before = chained(index) if shape == "chains" else (f"r{index}", None)
        yield name, content, before


def key(index: int) -> str:
    return f"k{index:06d}"


def write_items(items: list[dict[str, object]], folder: Path) -> None:
    (folder / "items.json").write_text(json.dumps({key(index): content for index, content in enumerate(items)}))


def planform(shape: str, items: list[dict[str, object]], folder: Path) -> None:
    lines = ["planform: {name: bench}", "", "resource:", "  planform_data:"]
    if shape == "foreach":
        write_items(items, folder)
        lines += [
            "    r:",
            """      for_each: '${jsondecode(file("items.json"))}'""",
            """      input: '${each.value}'""",
        ]
    elif shape == "modules":
        write_items(items[CHAIN - 1 :: CHAIN], folder)
        lines[2:] = [
            "module:",
            "  chain:",
            "    source: ./chain",
            """    for_each: '${jsondecode(file("items.json"))}'""",
            """    inputs: {item: '${each.value}'}""",
            """output: {ends: {value: '${[for each in values(module.chain) : each.end]}'}}""",
        ]
        inside = ["variable: {item: {type: any}}", "resource:", "  planform_data:"]
        for name, _, before in blocks(shape, items):
            value = f"planform_data.{before}.output.value" if before else "var.item.value"
            inside += [f"    {name}:", f"      input: '${{merge(var.item, {{value = {value}}})}}'"]
        inside.append(f"output: {{end: {{value: '${{planform_data.r{CHAIN - 1}.id}}'}}}}")
        (folder / "chain").mkdir(exist_ok=True)
        (folder / "chain" / "main.pf.yaml").write_text("\n".join(inside) + "\n")
    else:
        for name, content, before in blocks(shape, items):
            tags = content["tags"]
            assert isinstance(tags, dict)
            value = f"'${{planform_data.{before}.output.value}}'" if before else content["value"]
            lines += [
                f"    {name}:",
                "      input:",
                f"        name: {content['name']}",
                f"        value: {value}",
                f"        tags: {{team: {tags['team']}, env: {tags['env']}}}",
            ]
    (folder / "main.pf.yaml").write_text("\n".join(lines) + "\n")


def terraform(shape: str, items: list[dict[str, object]], folder: Path) -> None:
    lines = []
    if shape == "foreach":
        write_items(items, folder)
        lines += [
            'resource "terraform_data" "r" {',
            '  for_each = jsondecode(file("${path.module}/items.json"))',
            "  input    = each.value",
            "}",
        ]
    elif shape == "modules":
        write_items(items[CHAIN - 1 :: CHAIN], folder)
        lines += [
            'module "chain" {',
            '  source   = "./chain"',
            '  for_each = jsondecode(file("${path.module}/items.json"))',
            "  item     = each.value",
            "}",
            'output "ends" { value = [for each in values(module.chain) : each.end] }',
        ]
        inside = ['variable "item" { type = any }']
        for name, _, before in blocks(shape, items):
            value = f"terraform_data.{before}.output.value" if before else "var.item.value"
            inside += [
                f'resource "terraform_data" "{name}" {{',
                f"  input = merge(var.item, {{ value = {value} }})",
                "}",
            ]
        inside.append(f'output "end" {{ value = terraform_data.r{CHAIN - 1}.id }}')
        (folder / "chain").mkdir(exist_ok=True)
        (folder / "chain" / "main.tf").write_text("\n".join(inside) + "\n")
    else:
        for name, content, before in blocks(shape, items):
            tags = content["tags"]
            assert isinstance(tags, dict)
            value = f"terraform_data.{before}.output.value" if before else json.dumps(content["value"])
            lines += [
                f'resource "terraform_data" "{name}" {{',
                "  input = {",
                f"    name  = {json.dumps(content['name'])}",
                f"    value = {value}",
                f"    tags  = {{ team = {json.dumps(tags['team'])}, env = {json.dumps(tags['env'])} }}",
                "  }",
                "}",
            ]
    (folder / "main.tf").write_text("\n".join(lines) + "\n")


def terraform_state(shape: str, items: list[dict[str, object]], folder: Path) -> None:
    text = "string"
    kind = ["object", {"name": text, "tags": ["object", {"env": text, "team": text}], "value": text}]

    def instance(content: dict[str, object], **more: object) -> dict[str, object]:
        value = {"value": content, "type": kind}
        attributes = {"id": str(uuid.uuid4()), "input": value, "output": value, "triggers_replace": None}
        return {"schema_version": 0, "attributes": attributes, "sensitive_attributes": [], **more}

    def resource(name: str, instances: list[dict[str, object]]) -> dict[str, object]:
        return {
            "mode": "managed",
            "type": "terraform_data",
            "name": name,
            "provider": 'provider["terraform.io/builtin/terraform"]',
            "instances": instances,
        }

    resources = []
    if shape == "foreach":
        resources.append(resource("r", [instance(each, index_key=key(i)) for i, each in enumerate(items)]))
    elif shape == "modules":
        for index, each in enumerate(items[CHAIN - 1 :: CHAIN]):
            names = [f"r{place}" for place in range(CHAIN)]
            for place, name in enumerate(names):
                needs = [f"module.chain.terraform_data.{other}" for other in names[:place]]
                resources.append(
                    {"module": f'module.chain["{key(index)}"]', **resource(name, [instance(each, dependencies=needs)])}
                )
    else:
        earlier: list[str] = []
        value: object = None
        for name, content, before in blocks(shape, items):
            earlier, value = (earlier, value) if before else ([], content["value"])
            resources.append(resource(name, [instance({**content, "value": value}, dependencies=list(earlier))]))
            earlier.append(f"terraform_data.{name}")
    state = {"version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": str(uuid.uuid4()), "outputs": {}}
    (folder / "terraform.tfstate").write_text(json.dumps({**state, "resources": resources, "check_results": None}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("n", type=int, metavar="N")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--tool", choices=TOOLS, action="append", help="may be repeated; both when absent")
    parser.add_argument("--changed", action="store_true")
    parser.add_argument("--state", action="store_true")
    args = parser.parse_args()

    # The last resource of a chain, so that a change of its name changes nothing else.
    middle = args.n // 2
    altered = min(middle // CHAIN * CHAIN + CHAIN, args.n) - 1
    items = [item(index, altered if args.changed else -1) for index in range(args.n)]
    tools = args.tool or TOOLS
    args.folder.mkdir(parents=True, exist_ok=True)
    if "planform" in tools:
        planform(args.shape, items, args.folder)
    if "terraform" in tools:
        terraform(args.shape, items, args.folder)
        if args.state:
            terraform_state(args.shape, items, args.folder)


if __name__ == "__main__":
    main()
