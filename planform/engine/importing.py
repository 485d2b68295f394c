"""Recording one object that exists already, outside of any plan: `planform import`."""

from __future__ import annotations

from planform.core.addresses import Address
from planform.core.configuration import Configuration
from planform.core.errors import PlanformError, did_you_mean
from planform.core.state import Record, Recorded, Snapshot
from planform.engine.edges import Edges
from planform.engine.places import provider_of
from planform.engine.walk import dependency_table


def importable(configuration: Configuration, edges: Edges, text: str) -> Address:
    """The address of a declared resource that can be found by a name.

    Raises:
        PlanformError: there is none.
    """
    declared = {str(address): address for address in configuration.instances}
    address = declared.get(text.replace("'", '"'))
    if address is None:
        raise PlanformError(
            f"The files declare no {text}.",
            suggestion=did_you_mean(text, declared) or "Declare it first: the block says what the object shall be.",
        )
    schema = edges.schemas[address.type]
    if schema.has_runs:
        raise PlanformError(
            f"{address} has runs: a job is imported as one of them, as part of a plan.",
            suggestion=f"Add to the files: import: [{{to: {text}, id: NAME_OF_THE_JOB}}]; then planform plan.",
        )
    if not schema.named:
        raise PlanformError(f"A {address.type} cannot be imported: there is nothing outside to find by a name.")
    return address


def import_entry(
    configuration: Configuration, edges: Edges, snapshot: Snapshot, address: Address, object_id: str
) -> Recorded:
    """The journal entry that records the object.

    Raises:
        PlanformError: there is no such object, or the address has one.
    """
    if address in snapshot.state.records:
        raise PlanformError(
            f"{address} is recorded already.", suggestion=f"To look at it: planform state show '{address}'"
        )
    instance, schema = configuration.instances[address], edges.schemas[address.type]
    provider = provider_of(instance)
    handler = edges.handler(provider, address.type)
    found = handler.find([object_id]) if handler is not None else {}
    if object_id not in found:
        raise PlanformError(
            f'Provider {provider} knows no {address.type} "{object_id}".', suggestion="The id is its name or its ARN."
        )
    lifecycle = instance.block.lifecycle
    record = Record(
        address,
        provider,
        found[object_id],
        dict(edges.provider(provider).coordinates()),
        schema.version,
        lifecycle.prevent_destroy,
        lifecycle.keep,
    )
    return Recorded(record, dependency_table(configuration).get(str(address.resource), ()))
