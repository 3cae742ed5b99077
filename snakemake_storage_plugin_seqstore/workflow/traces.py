"""What the logs and benchmarks of jobs mean that are not run: of which run they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.store import Record, Version
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.files import label, stored

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job


def recorded_traces(job: Job, record: Record) -> dict[str, Version]:
    """What a record says of the logs and the benchmark of a job, by label.

    They are no part of the key, and a record has no names: it says nothing of a job that has more
    of them by now, or fewer.
    """
    traces = snakemake_api.traces(job)
    if len(traces) != len(record.traces):
        return {}
    pairs = zip(traces, record.traces, strict=True)
    return {label(file): version for file, version in pairs if version}


def claims_to_traces(
    directory: Directory, job: Job, record: Record, newest: int, now: int
) -> dict[str, Claim] | None:
    """What the logs and the benchmark of a job mean; None if one is not there that others need.

    Snakemake takes a benchmark that is older than an input for a reason to run.

    Parameters
    ----------
    directory : Directory
        What the working directory knows.
    record : Record
        The run whose result the job has.
    newest : int
        Time of its newest input, in ns since the epoch.
    now : int
        Time of new claims, in ns since the epoch.
    """
    found: dict[str, Claim] = {}
    versions = recorded_traces(job, record)
    needed = snakemake_api.needed_traces(job)
    for file in snakemake_api.traces(job):
        ours, version = stored(file), versions.get(label(file))
        known = directory.claims.known(label(file))
        if file not in needed:
            if ours and known and known.version:
                found[label(file)] = replace(known, time=max(known.time, newest))
        elif ours is None:
            if not _is_of(directory, file, record.key):
                return None
        elif version is None or directory.stores.holder(ours.provider.store, version) is None:
            return None
        else:
            since = known.time if known and known.version == version else now
            found[label(file)] = Claim(version, max(since, newest), record.key)
    return found


def _is_of(directory: Directory, trace: File, key: str) -> bool:
    """Whether a log or benchmark that is here is of the run that made a result."""
    claim = directory.claims.known(label(trace))
    if claim is None or claim.key != key or claim.version is None:
        return False
    return directory.contents.known(trace) == claim.version
