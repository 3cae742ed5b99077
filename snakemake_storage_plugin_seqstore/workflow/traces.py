"""What the logs and benchmarks of jobs mean that are not run: of which run they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.store import Record, Version
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims
from snakemake_storage_plugin_seqstore.workflow.files import label, stored
from snakemake_storage_plugin_seqstore.workflow.stores import Stores

if TYPE_CHECKING:
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


class Traces:
    """Says what logs and benchmarks mean.

    Parameters
    ----------
    claims : Claims
        What the working directory claims.
    stores : Stores
        Where payloads are.
    contents : Contents
        Says what local files contain.
    now : int
        Time of new claims, in ns since the epoch.
    """

    def __init__(self, claims: Claims, stores: Stores, contents: Contents, now: int) -> None:
        self._claims = claims
        self._stores = stores
        self._contents = contents
        self._now = now

    def of(self, job: Job, record: Record, key: str, newest: int) -> dict[str, Claim] | None:
        """What the logs and the benchmark mean; None if one is not there that others need.

        Snakemake takes a benchmark that is older than an input for a reason to run.
        """
        found: dict[str, Claim] = {}
        versions = recorded_traces(job, record)
        needed = snakemake_api.needed_traces(job)
        for file in snakemake_api.traces(job):
            ours, version = stored(file), versions.get(label(file))
            known = self._claims.known(label(file))
            if file not in needed:
                if ours and known and known.version:
                    found[label(file)] = replace(known, time=max(known.time, newest))
            elif ours is None:
                if not self._is_of(file, key):
                    return None
            elif version is None or self._stores.holder(ours.provider.store, version) is None:
                return None
            else:
                since = known.time if known and known.version == version else self._now
                found[label(file)] = Claim(version, max(since, newest), key)
        return found

    def _is_of(self, trace: File, key: str) -> bool:
        """Whether a log or benchmark that is here is of the run that made a result."""
        claim = self._claims.known(label(trace))
        if claim is None or claim.key != key:
            return False
        try:
            return self._contents.version(trace) == claim.version
        except (OSError, SeqstoreError):
            return False
