"""What is in the places of a job's outputs, where no record says it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.claims import Claims
from snakemake_storage_plugin_seqstore.workflow.files import label, stored

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


def members(job: Job, claims: Claims, contents: Contents) -> dict[str, Version]:
    """What the outputs of a job are that are there, in directories that other jobs made.

    So it is with those of a checkpoint whose paths its own pattern fits. Empty if they are not.
    """
    found: dict[str, Version] = {}
    for file in job.output:
        ours = stored(file)
        if not (ours and ours.is_in_place and claims.is_inside(ours.label)):
            return {}
        version = contents.known(ours.copy_path)
        if version is None:
            return {}
        found[ours.label] = version
    return found


def is_as_recorded(job: Job, versions: Mapping[str, Version], contents: Contents) -> bool:
    """Whether what is in the places of files that a job updates is what its record says.

    Parameters
    ----------
    versions : mapping of str to Version
        What that is, by label.
    """
    for file in filter(snakemake_api.is_updated, job.output):
        version = contents.known(file)
        if version is None or version != versions.get(label(file)):
            return False
    return True


def is_unclaimed(job: Job, claims: Claims, incomplete: Collection[str]) -> bool:
    """Whether outputs are in their places that nobody claims, nor began to make.

    Parameters
    ----------
    incomplete : collection of str
        Labels of what a run that was interrupted began to make.
    """
    for file in job.output:
        ours, name = stored(file), label(file)
        if ours and ours.is_in_place and not snakemake_api.is_updated(file):
            is_known = claims.get(name) or name in incomplete
            if not is_known and os.path.lexists(ours.copy_path):
                return True
    return False
