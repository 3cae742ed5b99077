"""All operations, in one registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.operations import (
    combine,
    coverage,
    genome,
    sets,
    transform,
)
from snakemake_storage_plugin_seqstore.tracks.operations.operation import (
    GenomeLike,
    Input,
    Operation,
    Parameter,
)

REGISTRY: dict[str, Operation] = {
    operation.id: operation
    for module in (transform, combine, coverage, genome, sets)
    for operation in module.OPERATIONS
}


def find(operation_id: str) -> Operation:
    """Return an operation.

    Raises
    ------
    InputError
        If there is none of this id.
    """
    if operation_id not in REGISTRY:
        raise InputError(
            f"there is no operation {operation_id!r}", f"there are {', '.join(REGISTRY)}"
        )
    return REGISTRY[operation_id]


def run(operation_id: str, inputs: Sequence[Any], **params: Any) -> Any:
    """Return the track that an operation makes; signals are computed when they are read.

    Parameters
    ----------
    operation_id : str
        Such as ``transform.log``.
    inputs : sequence
        Tracks, genomes or paths of alignments, in the order of the operation's inputs.
    **params
        Its parameters; those that are left out have their defaults.

    Raises
    ------
    InputError
        If there is no such operation, input or parameter.

    Examples
    --------
    >>> from snakemake_storage_plugin_seqstore import TableTrack, TrackLabel
    >>> run("transform.log", [TableTrack(TrackLabel("t"), {"a": 8.0})], base=2).get("a")
    3.0
    """
    operation = find(operation_id)
    told = operation.complete(params)
    for role, given in zip(operation.roles(len(inputs)), inputs, strict=True):
        kind = _kind(given)
        if kind not in role.kinds:
            raise InputError(
                f"{operation_id}: {role.name} must be {' or '.join(role.kinds)}, not {kind}"
            )
    return operation.function(list(inputs), told)


def _kind(given: Any) -> str:
    if kind := getattr(given, "track_type", None):
        return str(kind)
    if hasattr(given, "chrom_lengths"):
        return "genome"
    return "alignments" if isinstance(given, str) or hasattr(given, "__fspath__") else "unknown"


__all__ = ["REGISTRY", "GenomeLike", "Input", "Operation", "Parameter", "find", "run"]
