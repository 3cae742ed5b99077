"""What a rule asks of an operation by one of our wrappers, told from the rule alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.bundled import Offer
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.formats import format_of
from snakemake_storage_plugin_seqstore.tracks.operations import Operation, find
from snakemake_storage_plugin_seqstore.tracks.operations.request import Request, format_of_input

Names = Mapping[str, tuple[int, int | None]]


@dataclass(frozen=True)
class Asked:
    """What a rule asks for.

    Parameters
    ----------
    request : Request
        The operation with its parameters and formats.
    order : tuple of int
        Which of the rule's inputs are those of the operation, in its order.
    """

    request: Request
    order: tuple[int, ...]


def asked(
    offer: Offer,
    inputs: Sequence[str],
    names: Names,
    params: Mapping[str, object],
    output: str,
) -> Asked:
    """Return what a rule asks for.

    Parameters
    ----------
    offer : Offer
        What its wrapper offers.
    inputs : sequence of str
        Paths of its inputs; only what they end in counts.
    names : mapping of str to (int, int or None)
        Named inputs of the rule: start and end; no end for a single one.
    params : mapping of str to object
        Its params; ``operation`` says which operation where there are several.
    output : str
        Path of its output, whose suffix says the format.

    Raises
    ------
    InputError
        If there is no such operation, input, parameter or format.
    """
    told = dict(params)
    operation = _operation(offer, told.pop("operation", None), len(inputs))
    order = _order(operation, len(inputs), names)
    formats = tuple(format_of_input(os.path.basename(inputs[place])) for place in order)
    formats = tuple(
        "" if {"genome", "alignments"} & {*role.kinds} else format
        for role, format in zip(operation.roles(len(order)), formats, strict=True)
    )
    format = format_of(os.path.basename(output))
    if output.lower().endswith(".gz"):
        format += ".gz"
    return Asked(Request(operation, operation.complete(told), formats, format), order)


def _operation(offer: Offer, named: object, inputs: int) -> Operation:
    if named is None:
        fitting = (find(each) for each in offer.default)
        found = next((each for each in fitting if each.takes(inputs)), None)
        if found:
            return found
        if offer.default:
            return find(offer.default[0])  # which says what it takes
        raise InputError(
            "the param 'operation' is missing", f"there are {', '.join(offer.operations)}"
        )
    if named not in offer.operations:
        raise InputError(
            f"this wrapper has no operation {named!r}", f"there are {', '.join(offer.operations)}"
        )
    return find(str(named))


def _order(operation: Operation, inputs: int, names: Names) -> tuple[int, ...]:
    """Return the places of the inputs in the order of the operation's."""
    roles = [role.name for role in operation.inputs]
    if unknown := [name for name in names if name not in roles]:
        raise InputError(
            f"{operation.id} has no input {unknown[0]!r}", f"there are {', '.join(roles)}"
        )
    spans = {
        name: range(start, start + 1 if end is None else end)
        for name, (start, end) in names.items()
    }
    named = {place for span in spans.values() for place in span}
    rest = [place for place in range(inputs) if place not in named]
    order: list[int] = []
    for role in operation.inputs:
        if role.name in spans:
            order += spans[role.name]
        else:
            taken = len(rest) if role.many else 1
            order += rest[:taken]
            del rest[:taken]
    operation.roles(len(order) + len(rest))
    return (*order, *rest)
