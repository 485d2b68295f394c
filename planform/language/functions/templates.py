"""Documents rendered from templates: HCL's template language, or Jinja2 in its sandbox for `.j2` and `.jinja` files."""

from __future__ import annotations

from planform.core.values import Value, first_unknown, has_sensitive, mark, reveal
from planform.language.environment import Layer, Scope
from planform.language.errors import ExpressionError, Unsuitable
from planform.language.expressions import compile_string
from planform.language.functions.filesystem import text_of

STRUCTURAL = ("templatefile", "templatestring")
RAW = ()
_DEEPEST = 16  # templates that render templates


def templatefile(scope: Scope, path: str, vars: dict[str, Value]) -> Value:
    text = text_of(scope, path)
    if path.endswith((".j2", ".jinja")):
        return _jinja(path, text, vars)
    return _rendered(scope, path, text, vars)


def templatestring(scope: Scope, template: str, vars: dict[str, Value]) -> Value:
    return _rendered(scope, "the template", template, vars)


def _rendered(scope: Scope, name: str, text: str, values: dict[str, Value]) -> Value:
    layer = Layer(scope, values, closed=True)
    if layer.depth > _DEEPEST:
        raise Unsuitable(f"templates render one another more than {_DEEPEST} levels deep.", argument=0)
    try:
        template = compile_string(text)
        return template if isinstance(template, str) else template.evaluate(layer)
    except ExpressionError as error:
        line = text.count("\n", 0, error.offset) + 1
        values_shown = f" ({'; '.join(error.values)})" if error.values else ""
        raise Unsuitable(
            f"{name}:{line}: {error.summary}: {error.detail}{values_shown}", error.suggestion, argument=0
        ) from None


def _jinja(name: str, text: str, values: dict[str, Value]) -> Value:
    if has_sensitive(values):
        return mark(_jinja(name, text, reveal(values)))
    unknown = first_unknown(values)
    if unknown is not None:
        return unknown

    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        return environment.from_string(text).render(values)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise Unsuitable(f"{name}{f':{line}' if line else ''}: {error.message}.", argument=0) from None
    except Exception as error:  # a template may fail in any way that Python can
        raise Unsuitable(f"{name}: {error}.", argument=0) from None
