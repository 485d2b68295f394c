"""What each reference means: names are resolved to nodes of the graph, and what does not exist is reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from planform.core.addresses import ResourceAddress
from planform.core.configuration import Body, Place, SourceFile
from planform.core.errors import Diagnostic, Problems, Span, did_you_mean, nearest
from planform.core.schemas import Nested, Schema, describe
from planform.language.blocks import Module, ModuleCall, Resource, Variable, leaves_of
from planform.language.documents import Expr, locate, span_in_scalar
from planform.language.errors import ExpressionError
from planform.language.expressions import Reference, compile_expression
from planform.language.graph import Edge, Graph, Node, node_of, ordered, reached, title_of
from planform.language.text import diagnostic_at

Parts: TypeAlias = tuple[str | int | None, ...]

ROOTS = ("var", "local", "module", "data", "each", "count", "path", "planform")
PATHS = ("module", "root", "cwd")
FACTS = ("name", "workspace")


def build_graph(module: Module, lost: frozenset[str], problems: Problems) -> Graph:
    """The graph of a tree of modules; every problem with names and every cycle is added to `problems`.

    `lost` are names of resources declared with a type that does not exist: not a second problem wherever they are used.
    """
    builder = _Builder(module.schemas, lost, problems)
    builder.module(module, None)
    order, cycles = ordered(builder.edges)
    for cycle in cycles:
        problems.add(_cycle(builder.edges, cycle))
    graph = Graph(builder.edges, reached(builder.edges, order))
    problems.items += data_behind_resources(module, graph)
    problems.items += stored_ephemerals(module, graph, order)
    return graph


class _Builder:
    """Walks the modules once, resolving each reference to the node it means."""

    def __init__(self, schemas: Mapping[str, Schema], lost: frozenset[str], problems: Problems) -> None:
        self.schemas, self.lost, self.problems = schemas, lost, problems
        self.edges: dict[Node, list[Edge]] = {}

    def module(self, module: Module, call: ModuleCall | None) -> None:
        path = module.path
        enclosing: list[Edge] = []
        if call is not None:
            enclosing = [Edge((path[:-1], "call", path[-1]), None, call.place)]
        for settings in (module.planform, *module.providers.values()):
            if settings is not None:
                self.follow(module, settings.body, settings.place, ())
        for variable in module.variables.values():
            for validation in variable.validations:
                place = Place(variable.place.source, validation.path, variable.place.line, variable.place.column)
                self.follow(module, [validation.condition, validation.message], place, ())
        for name, local in module.locals.items():
            self.edges[(path, "local", name)] = self.follow(module, local.value, local.place, ())
        for resource in module.resources.values():
            self.edges[node_of(resource.address)] = enclosing + self.resource(module, resource)
        for source in module.data.values():
            self.edges[node_of(source.address)] = self.resource(module, source)
        for listed in (*module.moved, *module.removed, *module.imports):
            node = (path, "listed", listed.title)
            allowed = _repeated_names(listed.repetition)
            self.edges[node] = self.follow(module, listed.repeat, listed.place, (), "for_each")
            for name in ("from", "to", "id"):
                self.follow(module, listed.body.get(name), listed.place, allowed, name)
        for name, output in module.outputs.items():
            edges = self.follow(module, output.value, output.place, (), "value")
            edges += self.follow(module, output.preconditions, output.place, (), "precondition")
            self.edges[(path, "output", name)] = edges + self.depends_on(module, output.depends_on, output.place)
        for name, inner in module.calls.items():
            edges = enclosing + self.follow(module, inner.repeat, inner.place, (), inner.repetition)
            self.edges[(path, "call", name)] = edges + self.depends_on(module, inner.depends_on, inner.place)
            allowed = _repeated_names(inner.repetition)
            for key, value in inner.inputs.items():
                node = (inner.module.path, "var", key)
                followed = self.follow(module, value, inner.place, allowed, "inputs", key)
                repeated = any(
                    reference.parts[0] in allowed
                    for leaf in leaves_of(value)
                    for reference in leaf.expr.expression.references
                )
                self.edges[node] = followed + edges if repeated else followed
            self.module(inner.module, inner)
        for check in module.checks.values():
            self.follow(module, check.body, check.place, ())

    def resource(self, module: Module, resource: Resource) -> list[Edge]:
        place, allowed = resource.place, _repeated_names(resource.repetition)
        edges: list[Edge] = []
        if resource.repeat is not None:
            edges += self.follow(module, resource.repeat, place, (), resource.repetition)
        if resource.converted is None:
            edges += self.follow(module, resource.body, place, allowed)
        for name, body in (("provider", resource.provider), ("region", resource.region)):
            if body is not None:
                edges += self.follow(module, body, place, allowed, name)
        if isinstance(resource.lifecycle, dict):
            edges += self.lifecycle(module, resource, allowed)
        if resource.depends_on is not None:
            edges += self.depends_on(module, resource.depends_on, place)
        return edges

    def lifecycle(self, module: Module, resource: Resource, allowed: tuple[str, ...]) -> list[Edge]:
        """Conditions may use what the body may use; a postcondition also `self`. Settings are known before."""
        edges: list[Edge] = []
        for name, body in resource.lifecycle.items():
            names: tuple[str, ...] = ()
            if name in ("precondition", "postcondition"):
                names = (*allowed, "self") if name == "postcondition" else allowed
            elif name == "replace_triggered_by":
                edges += self.triggers(module, resource, body)
            edges += self.follow(module, body, resource.place, names, "lifecycle", name)
        return edges

    def triggers(self, module: Module, resource: Resource, body: Body) -> list[Edge]:
        """The edges of replace_triggered_by: resources of this module, or attributes of them."""
        edges: list[Edge] = []
        for index, text in enumerate(body if isinstance(body, list) else ()):
            path = (*resource.place.path, "lifecycle", "replace_triggered_by", index)
            parts = text.split(".") if isinstance(text, str) else []
            address = ResourceAddress(parts[0], parts[1], module.path) if len(parts) in (2, 3) else None
            found = module.resources.get(address) if address is not None else None
            if address is None or found is None:
                span = locate(resource.place.source, path)
                known = [str(item._replace(module=())) for item in module.resources]
                detail = f"{describe(text)} is no resource of this module, nor an attribute of one."
                advice = did_you_mean(text if isinstance(text, str) else "", known)
                if isinstance(text, Expr):
                    detail = "replace_triggered_by names resources of this module, or attributes of them."
                    advice = (
                        f"Write the name alone: {text.expression.text.removeprefix('${').removesuffix('}').strip()}"
                    )
                title = "Invalid replace_triggered_by reference"
                self.problems.add(diagnostic_at(resource.place.source, span, title, detail, advice))
                continue
            span = locate(resource.place.source, path)
            place = Place(resource.place.source, path, span.line, span.column)
            edges.append(Edge(node_of(address), parts[2] if len(parts) == 3 else None, place))
        return edges

    # Following references

    def follow(
        self, module: Module, body: Body, place: Place, allowed: tuple[str, ...], *inner: str | int
    ) -> list[Edge]:
        """The edges of every expression in a body that stands at `inner` of a block."""
        edges: list[Edge] = []
        for leaf in leaves_of(body, inner):
            here = leaf.expr.place or Place(place.source, (*place.path, *leaf.path), leaf.expr.line, leaf.expr.column)
            for reference in leaf.expr.expression.references:
                for target, attribute in self.resolve(module, reference, leaf.expr, here, allowed):
                    edges.append(Edge(target, attribute, here))
        return edges

    def resolve(
        self, module: Module, reference: Reference, expr: Expr, place: Place, allowed: tuple[str, ...]
    ) -> Iterable[tuple[Node, str | None]]:
        parts = reference.parts
        root, second = parts[0], parts[1] if len(parts) > 1 else None
        told = _Teller(self.problems, module, reference, expr, (expr.place or place).source)
        match root:
            case "var":
                return self.named(told, module, "var", module.variables, second)
            case "local":
                return self.named(told, module, "local", module.locals, second)
            case "each" | "count":
                self.repeated(told, str(root), second, allowed)
            case "self" if "self" in allowed:
                return ()
            case "path" | "planform":
                known = PATHS if root == "path" else FACTS
                if isinstance(second, str) and second not in known:
                    told.unsupported(f"{root} has no attribute named", second, known)
            case "module":
                return self.output(told, module, parts)
            case "data":
                return self.data(told, module, parts)
            case str() if root in self.schemas:
                return self.instance(told, module, root, parts)
            case _:
                self.unknown_root(told, module, str(root))
        return ()

    def named(
        self, told: _Teller, module: Module, kind: str, known: Mapping[str, object], name: str | int | None
    ) -> Iterable[tuple[Node, str | None]]:
        if name is None:
            return [((module.path, kind, each), None) for each in known]
        if name in known:
            return [((module.path, kind, str(name)), None)]
        title = {"var": "input variable", "local": "local value"}[kind]
        told.undeclared(
            title, f"{kind}.", str(name), {each: item.place for each, item in known.items() if hasattr(item, "place")}
        )
        return ()

    def repeated(self, told: _Teller, root: str, name: str | int | None, allowed: tuple[str, ...]) -> None:
        meta, known = ("for_each", ("key", "value")) if root == "each" else ("count", ("index",))
        if root not in allowed:
            detail = f'"{root}" stands only for the instances of a block with {meta}.'
            suggestion = f"Add {meta} to this block, or use something else here."
            told.problem(f'Reference to "{root}" in context without {meta}', detail, suggestion)
        elif name not in known:
            told.unsupported(f"{root} has no attribute named", str(name or ""), known)

    def output(self, told: _Teller, module: Module, parts: Parts) -> Iterable[tuple[Node, str | None]]:
        name = parts[1] if len(parts) > 1 else None
        if name is None:
            return [target for each in module.calls for target in self.output(told, module, ("module", each))]
        call = module.calls.get(str(name))
        if call is None:
            told.undeclared("module", "module.", str(name), {each: item.place for each, item in module.calls.items()})
            return ()
        rest = parts[2:]
        outputs = call.module.outputs
        if call.repetition in ("count", "for_each"):
            if rest and rest[0] in outputs and rest[0] not in _literal_keys(call.repeat):
                told.needs_key(f"module.{name}", str(rest[0]), call.repetition, call.repeat)
                return ()
            rest = rest[1:]
        wanted = rest[0] if rest else None
        base: Node = (module.path, "call", call.name)
        if wanted is None or call.repetition == "count":
            return [(base, None), *(((call.module.path, "output", each), None) for each in outputs)]
        if wanted not in outputs:
            told.unsupported(f"module.{name} has no output named", str(wanted), outputs)
            return ()
        # An instance of a repeated module exists only once its keys are known.
        return [((call.module.path, "output", str(wanted)), None), (base, None)][: 1 + (call.repetition != "single")]

    def data(self, told: _Teller, module: Module, parts: Parts) -> Iterable[tuple[Node, str | None]]:
        """`data.TYPE.NAME.ATTRIBUTE`."""
        kind, name = (*parts[1:3], None, None)[:2]
        known = {item.address: item for item in module.data.values() if kind in (None, item.address.type)}
        if name is None and known:
            return [(node_of(address), None) for address in known]
        found = known.get(ResourceAddress(str(kind), str(name), module.path, "data"))
        if found is None:
            if name not in self.lost:
                places = {f"{item.address.type}.{item.address.name}": item.place for item in module.data.values()}
                told.undeclared("data source", "data.", f"{kind}.{name}" if name is not None else str(kind), places)
            return ()
        return [(node_of(found.address), self.attribute(told, found, parts[3:]))]

    def instance(self, told: _Teller, module: Module, kind: str, parts: Parts) -> Iterable[tuple[Node, str | None]]:
        name = parts[1] if len(parts) > 1 else None
        known = (
            {item.name: declared.place for item, declared in module.resources.items() if item.type == kind}
            if name is None
            else {}
        )
        if name is None:
            return [((module.path, "resource", f"{kind}.{each}"), None) for each in known]
        address = ResourceAddress(kind, str(name), module.path)
        resource = module.resources.get(address)
        if resource is None:
            if name not in self.lost:
                told.undeclared_resource(kind, str(name))
            return ()
        attribute = self.attribute(told, resource, parts[2:])
        return [(node_of(address), attribute)]

    def attribute(self, told: _Teller, resource: Resource, rest: Parts) -> str | None:
        """The attribute a reference to a resource names, when it does; checked against the schema."""
        schema, short = self.schemas[resource.address.kind], f"{resource.address.kind}.{resource.address.name}"
        if resource.repetition in ("count", "for_each"):
            if (
                rest
                and isinstance(rest[0], str)
                and rest[0] in schema.attributes
                and rest[0] not in _literal_keys(resource.repeat)
            ):
                told.needs_key(short, rest[0], resource.repetition, resource.repeat)
                return None
            keys = _literal_keys(resource.repeat)
            if rest and keys and resource.repetition == "for_each" and isinstance(rest[0], str) and rest[0] not in keys:
                told.problem(
                    "Invalid index", f'{short} has no instance with the key "{rest[0]}".', did_you_mean(rest[0], keys)
                )
                return None
            rest = rest[1:]
        elif rest and isinstance(rest[0], int):
            detail = f'{short} has neither "count" nor "for_each", so there is one instance and no index.'
            told.problem(
                "Unexpected resource instance key",
                detail,
                f"Write {short}" + "".join(f".{part}" for part in rest[1:2] if part) + ".",
            )
            return None
        elif rest and rest[0] is None:
            rest = rest[1:]
        wanted = rest[0] if rest else None
        if not isinstance(wanted, str):
            return None
        table, title = schema.attributes, short
        for part in rest:
            if not isinstance(part, str):
                break
            attribute = table.get(part)
            if attribute is None:
                told.unsupported(f"{title} has no attribute named", part, table)
                return None
            if not isinstance(attribute.type, Nested):
                break
            table, title = attribute.type.attributes, f"{title}.{part}"
        return wanted

    def unknown_root(self, told: _Teller, module: Module, root: str) -> None:
        types = {address.type for address in module.resources}
        rest = told.reference.parts[1:]
        for kind, known in (("var", module.variables), ("local", module.locals)):
            if root in known:
                told.problem(
                    "Invalid reference", f'A name on its own means nothing: "{root}".', f"Did you mean {kind}.{root}?"
                )
                return
        if rest:
            if rest[0] in self.lost:
                return
            close = nearest(root, self.schemas)
            if close is not None and isinstance(rest[0], str):
                told.undeclared_resource(root, rest[0], unknown_type=close)
                return
        detail = f'Nothing here is called "{root}".'
        suggestion = did_you_mean(root, {*ROOTS, *types})
        if not rest and nearest(root, {*ROOTS, *types}) is None:
            suggestion = f"For text write it in quotes: '{root}'. " + suggestion
        told.problem("Invalid reference", detail, suggestion)

    def depends_on(self, module: Module, body: Body, place: Place) -> list[Edge]:
        """The edges of depends_on: whole resources, and for a module everything in it."""
        if body is None:
            return []
        edges: list[Edge] = []
        for index, item in enumerate(body if isinstance(body, list) else ()):
            path = (*place.path, "depends_on", index)
            if isinstance(item, Expr):
                expr = item
            elif isinstance(item, str):
                span = locate(place.source, path)
                try:
                    expr = Expr(compile_expression(item), span.line, span.column)
                except ExpressionError as error:
                    self.problems.add(diagnostic_at(place.source, span, error.summary, error.detail, error.suggestion))
                    continue
            else:
                continue
            here = Place(place.source, path, expr.line, expr.column)
            edges += self.whole(module, expr, here)
        return edges

    def whole(self, module: Module, expr: Expr, place: Place) -> list[Edge]:
        references = expr.expression.references
        parts: Parts = references[0].parts if len(references) == 1 else ()
        if len(parts) < 2 or parts[0] in ("var", "local", "each", "count", "path", "planform"):
            span = span_in_scalar(place.source, expr.line, expr.column, 0, len(expr.expression.text))
            detail = "depends_on names resources and modules: trainer.digits or module.sweep."
            self.problems.add(
                diagnostic_at(place.source, span, "Invalid depends_on reference", detail, "Write the name alone.")
            )
            return []
        if parts[0] != "module":
            return [
                Edge(target, None, place)
                for target, _ in self.resolve(module, references[0], expr, place, ("each", "count"))
            ]
        call = module.calls.get(str(parts[1]))
        if call is None:
            list(self.resolve(module, references[0], expr, place, ()))
            return []
        inside = [resource for inner in call.module.walk() for resource in inner.resources]
        return [Edge(node_of(resource), None, place) for resource in inside]


def data_behind_resources(module: Module, graph: Graph) -> Iterator[Diagnostic]:
    """Data is read before anything is planned, so what it is found by must not come from a resource (S2.1)."""
    for inner in module.walk():
        for source in inner.data.values():
            for needed in graph.dependencies(node_of(source.address)):
                name = f"{needed.resource}{f'.{needed.attribute}' if needed.attribute else ''}"
                place = needed.place
                title = str(source.address)
                yield diagnostic_at(
                    place.source,
                    locate(place.source, place.path),
                    "Data cannot depend on a resource",
                    f"{title} is read before anything is planned, but it uses {name}.",
                    f"Use {needed.resource} itself instead of {title}: what it exports needs no looking up.",
                    address=title,
                )


def stored_ephemerals(module: Module, graph: Graph, order: Sequence[Node]) -> Iterator[Diagnostic]:
    """An ephemeral value must not end up in what is stored: resources, data and the root module's outputs."""
    declared = {(inner.path, "var", item.name) for inner in module.walk() for item in inner.variables.values()}
    tainted = {node for node in declared if _variable_of(module, node).ephemeral}
    if not tainted:
        return
    for node in order:
        kept = node[1] in ("resource", "data") or (node[1] == "output" and not node[0])
        for edge in graph.edges.get(node, ()):
            if edge.target not in tainted or "lifecycle" in edge.place.path or "precondition" in edge.place.path:
                continue
            if not kept:
                tainted.add(node)
                continue
            place = edge.place
            yield diagnostic_at(
                place.source,
                locate(place.source, place.path),
                "Ephemeral value would be stored",
                f"{title_of(node)} is stored, and {title_of(edge.target)} is ephemeral.",
                "Ephemeral values may be used in provider settings, conditions and checks; otherwise use sensitive.",
            )


def _variable_of(module: Module, node: Node) -> Variable:
    for name in node[0]:
        module = module.calls[name].module
    return module.variables[node[2]]


def _cycle(edges: Mapping[Node, Sequence[Edge]], nodes: list[Node]) -> Diagnostic:
    """A cycle, edge by edge, from the one that comes first in the files."""
    steps: list[tuple[Span, str, Node, SourceFile]] = []
    for node, target in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        place = next(edge.place for edge in edges[node] if edge.target == target)
        text = f"{title_of(node)} refers to {title_of(target)}"
        steps.append((locate(place.source, place.path), text, node, place.source))
    first = min(range(len(steps)), key=lambda index: steps[index][0])
    steps = steps[first:] + steps[:first]
    return diagnostic_at(
        steps[0][3],
        steps[0][0],
        "Cycle: " + " -> ".join(title_of(node) for _, _, node, _ in (*steps, steps[0])),
        "It refers to itself." if len(nodes) == 1 else "Each refers to the next, so none of them can come first.",
        "Take one of these references out.",
        related=tuple((span, text) for span, text, _, _ in steps),
    )


class _Teller:
    """Makes the diagnostics about one reference."""

    def __init__(
        self, problems: Problems, module: Module, reference: Reference, expr: Expr, source: SourceFile
    ) -> None:
        self.problems, self.module, self.reference, self.expr, self.source = problems, module, reference, expr, source

    def problem(
        self, summary: str, detail: str, suggestion: str = "", related: tuple[tuple[Span, str], ...] = ()
    ) -> None:
        span = span_in_scalar(
            self.source, self.expr.line, self.expr.column, self.reference.offset, self.reference.length
        )
        self.problems.add(diagnostic_at(self.source, span, summary, detail, suggestion, related=related))

    def undeclared(self, title: str, prefix: str, name: str, known: Mapping[str, Place]) -> None:
        article = "An" if title[0] in "aeiou" else "A"
        detail = f'{article} {title} with the name "{name}" has not been declared in {self.module.title}.'
        self.problem(f"Reference to undeclared {title}", detail, *_suggest(prefix, name, known))

    def undeclared_resource(self, kind: str, name: str, unknown_type: str = "") -> None:
        declared = self.module.resources
        detail = f'A resource "{kind}" "{name}" has not been declared in {self.module.title}.'
        if unknown_type:
            detail = f'There is no resource type "{kind}".'
            same_name = {item.name: found.place for item, found in declared.items() if item.type == unknown_type}
            suggestion, related = _suggest(f"{unknown_type}.", name, same_name)
            if not same_name:
                suggestion = f"The nearest type is {unknown_type}, of which there is no {name} here."
            self.problem("Reference to undeclared resource", detail, suggestion, related)
            return
        known = {item.name: found.place for item, found in declared.items() if item.type == kind}
        suggestion, related = _suggest(f"{kind}.", name, known)
        if not related:
            elsewhere = {f"{item.type}.{item.name}": found.place for item, found in declared.items()}
            twin = next((title for title in elsewhere if title.endswith(f".{name}")), None)
            if twin is not None:
                suggestion, related = _suggest("", twin, elsewhere)
            elif not known:
                suggestion = _list_of("", elsewhere)
        self.problem("Reference to undeclared resource", detail, suggestion, related)

    def unsupported(self, title: str, name: str, known: Iterable[str]) -> None:
        self.problem("Unsupported attribute", f'{title} "{name}".', did_you_mean(name, known))

    def needs_key(self, title: str, attribute: str, repetition: str, repeat: Body) -> None:
        if repetition == "count":
            keys, word = ["0"], "count.index"
        else:
            keys, word = [f'"{key}"' for key in _literal_keys(repeat)][:1] or ["each.key"], "each.key"
        suggestion = f"Use {title}[{keys[0]}].{attribute}"
        if keys[0] != word:
            suggestion += f", {title}[{word}].{attribute} in a block with {repetition}"
        suggestion += (
            f", or {title}[*].{attribute} for all."
            if repetition == "count"
            else f", or [for k, v in {title} : v.{attribute}] for all."
        )
        self.problem(
            "Missing instance key",
            f'Because {title} has "{repetition}" set, its attributes belong to its instances.',
            suggestion,
        )


def _suggest(prefix: str, name: str, known: Mapping[str, Place]) -> tuple[str, tuple[tuple[Span, str], ...]]:
    close = nearest(name, known)
    if close is None:
        return _list_of(prefix, known), ()
    span = known[close].span
    return f"Did you mean {prefix}{close} ({span.file}:{span.line})?", ((span, f"{prefix}{close} is declared here"),)


def _list_of(prefix: str, known: Iterable[str]) -> str:
    names = sorted(f"{prefix}{name}" for name in known)
    if not names:
        return "There are none here."
    return f"There is: {', '.join(names[:12])}" + (", ..." if len(names) > 12 else ".")


def _repeated_names(repetition: str) -> tuple[str, ...]:
    return {"for_each": ("each",), "count": ("count",)}.get(repetition, ())


def _literal_keys(repeat: Body) -> tuple[str, ...]:
    """The keys of a for_each that is written out."""
    return tuple(repeat) if isinstance(repeat, dict) else ()
