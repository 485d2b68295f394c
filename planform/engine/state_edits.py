"""What `planform state mv`, `rm` and `push` do to a snapshot, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from planform.core.addresses import Address, parse_address
from planform.core.errors import PlanformError, did_you_mean
from planform.core.schemas import Schema
from planform.core.state import Entry, Forgotten, Snapshot
from planform.engine.moves import after


def moved_addresses(
    snapshot: Snapshot, source: str, target: str, schemas: Mapping[str, Schema]
) -> dict[Address, Address]:
    """Old address -> new address of everything recorded under `source`: an instance, a resource or a module.

    Raises:
        PlanformError: nothing is recorded there, or the new address is taken or is none.
    """
    records = snapshot.state.records
    moves: dict[Address, Address] = {}
    for old in sorted(records, key=Address.sort_key):
        rest = after(str(old), source)
        if rest is None:
            continue
        if rest.startswith("[") and target.endswith("]"):
            raise PlanformError(
                f"{source} has instances, and {target} is a single one.",
                suggestion=f"Move them one by one: planform state mv '{old}' '{target}'",
            )
        try:
            moves[old] = parse_address(target + rest)
        except ValueError:
            raise PlanformError(
                f"{target}{rest} is no address of a resource.", suggestion="For example: module.team.trainer.digits"
            ) from None
    if not moves:
        raise PlanformError(
            f"{source} names nothing that is recorded.", suggestion=did_you_mean(source, _texts(records))
        )
    for old, new in moves.items():
        if new.type not in schemas:
            raise PlanformError(f'There is no resource type "{new.type}".', suggestion=did_you_mean(new.type, schemas))
        if new.type != old.type:
            raise PlanformError(
                f"{old} cannot become {new}: a {old.type} is no {new.type}.",
                suggestion="Only names, keys and modules can change.",
            )
        if new in records and new not in moves:
            raise PlanformError(
                f"{new} is recorded already.",
                "Two objects cannot have one address.",
                f"Move that one away first, or forget it: planform state rm '{new}'",
            )
    return moves


def removed_entries(addresses: Iterable[str]) -> list[Entry]:
    """The journal entries that forget what is recorded at these addresses. What exists is not touched."""
    return [Forgotten(parse_address(address)) for address in addresses]


def pushed_snapshot(current: Snapshot, pushed: Snapshot, *, force: bool) -> Snapshot:
    """What is to be written when `pushed` replaces `current`.

    Raises:
        PlanformError: it is another state, or an older or different one of the same serial, and `force` is not given.
    """
    if not current.exists:
        return pushed
    here, there = current.state, pushed.state
    if force:
        return pushed._replace(state=there._replace(serial=max(there.serial, here.serial + 1)))
    if here.lineage != there.lineage:
        raise PlanformError(
            "This is a state of another lineage.",
            f"The state here has the lineage {here.lineage} and {len(here.records)} resources; "
            f"the one to push has the lineage {there.lineage}.",
            "Look whether the workspace is the right one; --force replaces the state all the same.",
        )
    if there.serial < here.serial:
        raise PlanformError(
            f"This state is older: its serial is {there.serial}, that of the state here is {here.serial}.",
            f"The state here was written {here.written_at} by {here.written_by}.",
            "Pull, change that and push it; --force replaces the newer state all the same.",
        )
    if there.serial == here.serial and there._replace(written_by="", written_at="") != here._replace(
        written_by="", written_at=""
    ):
        raise PlanformError(
            f"This state has the serial {there.serial} of the state here, and another content.",
            "One of them is missing what the other knows.",
            "Raise the serial of the file if it is the right one, or give --force.",
        )
    return pushed


def _texts(records: Iterable[Address]) -> list[str]:
    return sorted({text for address in records for text in (str(address), str(address.resource))})
