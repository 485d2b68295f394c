"""What may stand in each kind of block: its attribute tables."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.schemas import ANY, BOOL, STRING, Attribute, Nested, attributes, list_of, map_of
from planform.language.blocks import Repetition
from planform.language.guards import SETTINGS

# The tables of the blocks, read like a resource's.
_BACKENDS = attributes(
    local=Attribute(Nested(attributes(path=Attribute(STRING)))),
    s3=Attribute(
        Nested(
            attributes(
                bucket=Attribute(STRING, required=True),
                key=Attribute(STRING, required=True),
                region=Attribute(STRING),
                profile=Attribute(STRING),
                endpoint_url=Attribute(STRING),
                kms_key_id=Attribute(STRING),
            )
        )
    ),
)
PLANFORM = attributes(
    name=Attribute(
        STRING, pattern=r"[A-Za-z][A-Za-z0-9-]{0,30}", pattern_hint="a letter, then letters, digits and -, at most 31"
    ),
    required_version=Attribute(STRING),
    default_provider=Attribute(STRING),
    backend=Attribute(Nested(_BACKENDS)),
    encryption=Attribute(
        Nested(
            attributes(
                passphrase_env=Attribute(STRING),
                kms_key_id=Attribute(STRING),
                region=Attribute(STRING),
                profile=Attribute(STRING),
                endpoint_url=Attribute(STRING),
            )
        )
    ),
)
PLANFORM |= SETTINGS
_VALIDATION = attributes(condition=Attribute(ANY, required=True), error_message=Attribute(STRING, required=True))
VARIABLE = attributes(
    type=Attribute(STRING),
    default=Attribute(ANY),
    description=Attribute(STRING),
    validation=Attribute(list_of(Nested(_VALIDATION))),
    sensitive=Attribute(BOOL),
    nullable=Attribute(BOOL),
    ephemeral=Attribute(BOOL),
    deprecated=Attribute(STRING),
)
OUTPUT = attributes(
    value=Attribute(ANY),
    description=Attribute(STRING),
    sensitive=Attribute(BOOL),
    depends_on=Attribute(list_of(STRING)),
    precondition=Attribute(list_of(Nested(_VALIDATION))),
    ephemeral=Attribute(BOOL),
)
_REPEAT = attributes(
    count=Attribute(ANY), for_each=Attribute(ANY), enabled=Attribute(ANY), depends_on=Attribute(list_of(STRING))
)
MODULE = {**_REPEAT, **attributes(source=Attribute(STRING, required=True), inputs=Attribute(map_of(ANY)))}
_LIFECYCLE = attributes(
    prevent_destroy=Attribute(BOOL),
    create_before_destroy=Attribute(BOOL),
    ignore_changes=Attribute(list_of(STRING)),
    precondition=Attribute(list_of(Nested(_VALIDATION))),
    postcondition=Attribute(list_of(Nested(_VALIDATION))),
    replace_triggered_by=Attribute(list_of(STRING)),
    destroy=Attribute(BOOL),
)
CHECK = attributes(**{"assert": Attribute(list_of(Nested(_VALIDATION)), required=True)})
META = {
    **_REPEAT,
    **attributes(provider=Attribute(STRING), region=Attribute(STRING), lifecycle=Attribute(Nested(_LIFECYCLE))),
}
REPEATS: tuple[Repetition, ...] = ("count", "for_each", "enabled")
DATA_META = {name: item for name, item in META.items() if name not in ("lifecycle", "depends_on")}

_MOVED = attributes(
    **{"from": Attribute(STRING, required=True), "to": Attribute(STRING, required=True), "for_each": Attribute(ANY)},
)
_IMPORT = attributes(to=Attribute(STRING, required=True), id=Attribute(STRING, required=True), for_each=Attribute(ANY))
_REMOVED = attributes(
    **{"from": Attribute(STRING, required=True), "destroy": Attribute(BOOL, default=True), "for_each": Attribute(ANY)}
)
LISTED: Mapping[str, Mapping[str, Attribute]] = {"moved": _MOVED, "removed": _REMOVED, "import": _IMPORT}

BLOCKS = (
    *("planform", "provider", "variable", "locals", "defaults", "data", "resource", "module"),
    *("moved", "removed", "import", "check", "output"),
)
# How deep an expression must at least stand in these.
WRITTEN: Mapping[str | int, int] = {"validation": 3, "precondition": 3, "inputs": 2, "depends_on": 2}
LITERAL = (
    "type",
    "description",
    "sensitive",
    "nullable",
    "source",
    "required_version",
    "destroy",
    "ephemeral",
    "deprecated",
)
