"""The operation on tracks that a job is which runs one of our wrappers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore import bundled
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.provenance import Provenance, content_id
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.unknown import Unknown
from snakemake_storage_plugin_seqstore.workflow.counted_files import demands

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


def provenance_of(job: Job, params: Any, inputs: Sequence[Version]) -> Provenance | None:
    """How the output of one of our wrappers is made, if it is that of an operation on tracks.

    Python, and any rule that asks for the same, has the same.

    Parameters
    ----------
    params : Namedlist
        The params that the job is told.
    inputs : sequence of Version
        What its inputs contain, in their order.

    Raises
    ------
    Unknown
        If it asks for something else than an operation.
    """
    offer = bundled.offer(job.rule.wrapper) if job.rule.wrapper else None
    if offer is None:
        return None
    if len(job.output) != 1:
        raise Unknown(f"its wrapper has one output, not {len(job.output)}")
    from snakemake_storage_plugin_seqstore.tracks.operations.wrapped import asked

    files = [*map(str, job.input)]
    items = [*params._allitems()] if job.rule.params else []
    try:
        if any(name is None for name, _ in items):
            raise InputError("a param has no name")
        found = asked(offer, files, dict(job.input._get_names()), dict(items), str(job.output[0]))
        ids = [content_id(inputs[place].kind, inputs[place].digest) for place in found.order]
        made = found.request.provenance(ids)
    except InputError as error:
        raise Unknown(str(error)) from None
    demanded = demands(job.output[0], job)
    return replace(made, params=(*made.params, ("demands", demanded))) if demanded else made
