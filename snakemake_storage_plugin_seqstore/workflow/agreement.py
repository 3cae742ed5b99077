"""Having Snakemake's own view of outputs agree with what the store has."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from snakemake_storage_plugin_seqstore.workflow.files import stored


def forget_answers(workflow: Any, jobs: Iterable[Any]) -> None:
    """Have Snakemake ask again what it asked before it knew what depends on checkpoints.

    It makes a job anew once its checkpoint is there, but remembers what it knew of its outputs.
    """
    cache = workflow.iocache
    for job in jobs:
        for file in job.products():
            if file.is_storage:
                for known in (cache.exists_in_storage, cache.mtime, cache.checksum):
                    known.pop(file, None)
    workflow.dag._reason.clear()


def forget_metadata(workflow: Any, job: Any) -> None:
    """Have Snakemake forget how outputs were last made here, if that was another way.

    They are something else from the store now; it would run the job again.
    """
    persistence = workflow.persistence
    if not any(persistence.metadata(file) for file in job.output):
        return
    changed = (
        persistence.params_changed(job)
        or any(persistence.input_changed(job))
        or any(persistence.code_changed(job))
        or any(persistence.software_stack_changed(job))
    )
    if changed:
        for file in job.output:
            persistence.cleanup_metadata(file)


def forget_removed_copies(workflow: Any, job: Any) -> None:
    """Have Snakemake look again for local copies that it has removed while it built its DAG.

    It would take them for protected files. A run that was killed leaves such copies.
    """
    known = workflow.iocache.exists_local
    for file in job.output:
        if known.get(file) and stored(file) and not os.path.lexists(file):
            known.pop(file)
