"""A job that Snakemake schedules all the same is fetched where its result is known by then."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import (
    Entry,
    Materialisation,
    Record,
    Version,
    version_log,
)
from snakemake_storage_plugin_seqstore.store.filesystem import discard
from snakemake_storage_plugin_seqstore.workflow import made_again, messages, snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import label, mark_directory, stored
from snakemake_storage_plugin_seqstore.workflow.plan import needs_to_run
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse
from snakemake_storage_plugin_seqstore.workflow.traces import recorded_traces

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job

logger = logging.getLogger(__name__)


class Fetching:
    """Puts outputs of jobs in place that need not run.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse

    def is_allowed(self, job: Job) -> bool:
        """Whether a stored result of a job may stand in for its run."""
        return (
            all(stored(file) for file in job.output)
            and not any(map(snakemake_api.is_updated, job.output))
            and not snakemake_api.pipes(job)  # who fills them would wait for ever
            and not self._reuse.is_forced(job)
            and not (self._reuse.workflow.is_main_process and needs_to_run(job))
        )

    def fetch(self, job: Job, told: Told) -> Record | None:
        """Put the outputs of a job in place, all or none."""
        reuse = self._reuse
        records = reuse.stores.find_records(job, told.key)
        if not records:
            return None
        resolution = reuse.resolution()
        names = [label(file) for file in job.output]
        traces = [label(file) for file in snakemake_api.traces(job)]
        needed = {*map(label, snakemake_api.needed_traces(job))}
        resolved = resolution.jobs.get(job)
        # Snakemake took it away, as a job before it ran.
        known = resolved.record.digest if resolved and resolved.is_hit and resolved.record else ""
        conditions = reuse.new_conditions(reuse.directory.contents, resolution)
        record = next(
            (
                each
                for each in records
                if reuse.stores.has_payloads(job, each)
                and needed <= recorded_traces(job, each).keys()
                and not conditions.failing(
                    each,
                    job,
                    told,
                    reuse.claims.own(each, names, traces),
                    each.digest == known,
                    records,
                )
                and not made_again.lacking(resolution, job, each, reuse.stores.here, True)
            ),
            None,
        )
        if record is None:
            return None
        try:
            for file, version in zip(job.output, record.outputs, strict=True):
                self._place(file, version)
            found = recorded_traces(job, record)
            for file in snakemake_api.traces(job):
                if stored(file) and label(file) in found:
                    self._place(file, found[label(file)])
            if job.benchmark and not os.path.lexists(job.benchmark):  # Snakemake waits for it
                snakemake_api.write_benchmark(job, record.seconds)
        except (DamageError, OSError) as error:
            logger.warning(f"seqstore: rule {job.rule.name} is computed: {error}")
            for file in job.output:
                discard(str(file))
            return None
        logger.info(
            f"seqstore: rule {job.rule.name} was not computed but fetched: the same computation "
            f"took {messages.duration(record.seconds)} when it was made."
        )
        return record

    def _place(self, file: Any, version: Version) -> None:
        ours = stored(file)
        assert ours
        holder = self._reuse.stores.holder(ours.provider.store, version)
        if holder is None:
            raise DamageError(f"the stored bytes of {ours.parsed} are gone")
        query = ours.parsed
        entry = Entry(query.collection, query.name, version, version_log.now())
        path, how = ours.copy_path, ours.provider.materialisation
        if file.flags.get("protected"):
            how = Materialisation.REFLINK  # Snakemake changes its mode, which that of a link is not
        path.parent.mkdir(parents=True, exist_ok=True)
        transfer.bring(holder, entry, query, path, how, ours.provider.verify)
        mark_directory(path, entry.time)
