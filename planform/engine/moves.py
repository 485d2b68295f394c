"""Objects that have another address now (`moved`) and objects to be forgotten (`removed` with `destroy: false`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from planform.core.addresses import Address, parse_address
from planform.core.configuration import Configuration, Moved
from planform.core.errors import Diagnostic, Problems
from planform.core.state import Entry, Forgotten, Recorded, RunDropped, RunRecorded, Snapshot, replay
from planform.language.text import diagnostic_at


def moves_of(configuration: Configuration, records: Iterable[Address], problems: Problems) -> dict[Address, Address]:
    """Old address -> new address of every record that a `moved` block reaches. Chains are followed; a new address that
    is taken keeps what it has. A source that the files still declare is a problem."""
    present = set(records)
    moves: dict[Address, Address] = {}
    declared = {str(address) for address in configuration.instances}
    for block in configuration.moved:
        still = next((text for text in declared if after(text, block.source) is not None), None)
        if still is not None:
            problems.add(_still_there(block, still))
    for address in sorted(present, key=Address.sort_key):
        text = str(address)
        for _ in configuration.moved:
            target = next((new for block in configuration.moved if (new := _moved(text, block)) is not None), None)
            if target is None:
                break
            text = target
        if text != str(address) and parse_address(text) not in present | set(moves.values()):
            moves[address] = parse_address(text)
    return moves


def move_entries(snapshot: Snapshot, moves: Mapping[Address, Address]) -> list[Entry]:
    """The journal entries that give records and their runs the new addresses."""
    entries: list[Entry] = []
    for old, new in moves.items():
        record = snapshot.state.records[old]
        needs = snapshot.state.dependencies.get(str(old.resource), ())
        entries += [Forgotten(old), Recorded(record._replace(address=new), needs)]
        for run in snapshot.ledger.of(old):
            entries += [RunDropped(run), RunRecorded(run._replace(address=str(new)))]
    return entries


def present(moves: Mapping[Address, Address], snapshot: Snapshot) -> dict[Address, Address]:
    """The moves whose object is there: a plan may have been made before another apply took it away."""
    return {old: new for old, new in moves.items() if old in snapshot.state.records}


def moved_snapshot(snapshot: Snapshot, moves: Mapping[Address, Address]) -> Snapshot:
    """The snapshot as it will be once the moves are written; its serial stays."""
    if not moves:
        return snapshot
    after = replay(snapshot, move_entries(snapshot, moves))
    return after._replace(state=after.state._replace(serial=snapshot.state.serial))


def is_forgotten(configuration: Configuration, address: Address) -> bool:
    """Whether a `removed` block says that an object leaves the state but stays where it is."""
    text = str(address)
    return any(not block.destroy and after(text, block.source) is not None for block in configuration.removed)


def after(text: str, source: str) -> str | None:
    """What follows `source` in an address (`[0]`, `.trainer.x`), or None when the address is not under it."""
    if text == source:
        return ""
    return text[len(source) :] if text.startswith((f"{source}[", f"{source}.")) else None


def _moved(text: str, block: Moved) -> str | None:
    rest = after(text, block.source)
    if rest is None or (rest.startswith("[") and block.target.endswith("]")):
        return None
    return block.target + rest


def _still_there(block: Moved, still: str) -> Diagnostic:
    place = block.place
    return diagnostic_at(
        place.source,
        place.span,
        "Moved object still exists",
        f"{block.source} moved to {block.target}, but the files still declare {still}.",
        "Rename that block, or take the `moved` entry out.",
    )
