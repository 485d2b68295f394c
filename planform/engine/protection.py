"""Objects that may not be destroyed: the refusal, with the change that would have done it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planform.core.addresses import Address
from planform.core.configuration import Instance, ResourceBlock
from planform.core.errors import Diagnostic, Span
from planform.core.plan import Change, Leaf
from planform.core.schemas import Misfit, describe
from planform.core.values import Unknown, Value
from planform.engine.places import misfit_diagnostic
from planform.language.blocks import path_text
from planform.language.documents import locate

SHOWN = 5  # of the leaves that are the cause
# Terraform's reasons in words, and what of the block decides.
_REMOVED = {
    "delete_because_no_resource_config": ("Its block is not in the files any more.", ""),
    "delete_because_no_module": ("Its module is not in the files any more.", ""),
    "delete_because_each_key": ("for_each has its key no longer.", "for_each"),
    "delete_because_count_index": ("count is now too small for its index.", "count"),
    "delete_because_enabled_false": ("enabled is false now.", "enabled"),
    "delete_because_wrong_repetition": ("count, for_each or enabled was added to its block, or taken away.", ""),
    "delete_because_deposed": ("It is what a replacement left over.", ""),
    "": ("It is among what shall be destroyed.", ""),
}


def replacement_prevented(instance: Instance, forcing: Sequence[Leaf], trigger: Change | None) -> Diagnostic:
    """An object with prevent_destroy would be replaced: for what differs, for what triggers it, or on request."""
    causes = list(forcing)
    if causes:
        cause = f"a change of {', '.join(dict.fromkeys(str(leaf.path[0]) for leaf in causes))}"
    elif trigger is not None:
        cause, causes = f"the change of {trigger.address}, which replace_triggered_by names,", list(trigger.leaves)
    else:
        cause = "--replace"
    related = [(leaf.span, _difference(leaf)) for leaf in causes[:SHOWN] if leaf.span is not None]
    if trigger is not None and not forcing and trigger.span is not None:
        related.insert(0, (trigger.span, f"{trigger.address} is declared here"))
    diagnostic = misfit_diagnostic(
        instance,
        Misfit(
            ("lifecycle", "prevent_destroy"),
            f"{instance.address} may not be destroyed, and {cause} would replace it.",
            "lifecycle.prevent_destroy is set.",
            "Undo the change, or set prevent_destroy to false.",
        ),
    )
    return replace(diagnostic, related=tuple(related))


def replacement_of_kept(instance: Instance, forcing: Sequence[str]) -> Diagnostic:
    """An object that is only ever forgotten would be replaced."""
    cause = f"a change of {', '.join(forcing)}" if forcing else "what is asked"
    return misfit_diagnostic(
        instance,
        Misfit(
            ("lifecycle", "destroy"),
            f"{instance.address} is never destroyed, and {cause} would replace it.",
            "lifecycle.destroy is false.",
            "Undo the change, or give the new object a block of its own and take this one out: it is then forgotten.",
        ),
    )


def destruction_prevented(
    address: Address, instance: Instance | None, block: ResourceBlock | None, reason: str
) -> Diagnostic:
    """An object with prevent_destroy would be destroyed. `block` is that of its resource, where there is one still."""
    why, decides = _REMOVED[reason]
    summary = f"{address} may not be destroyed."
    if instance is not None:
        misfit = Misfit(("lifecycle", "prevent_destroy"), summary, why, "Set prevent_destroy to false first.")
        return misfit_diagnostic(instance, misfit)
    related: tuple[tuple[Span, str], ...] = ()
    if block is not None:
        place = block.place
        span = locate(place.source, (*place.path, decides), key=True) if decides else place.span
        related = ((span, f"{decides or 'the block'} is here"),)
    return Diagnostic(
        summary,
        f"{why} lifecycle.prevent_destroy was set when it was last applied; removing the block does not lift it.",
        address=str(address),
        suggestion="Bring it back with prevent_destroy: false, and apply.",
        related=related,
    )


def _difference(leaf: Leaf) -> str:
    """`name: "a" -> "b"`."""
    return f"{path_text(leaf.path).lstrip('.')}: {_shown(leaf.before)} -> {_shown(leaf.after)}"


def _shown(value: Value) -> str:
    return "(known after apply)" if isinstance(value, Unknown) else describe(value)
