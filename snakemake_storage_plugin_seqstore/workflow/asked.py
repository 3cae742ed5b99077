"""What a run is asked for: the jobs that it ends with, and the files that it should put in place.

Snakemake leaves out jobs only when it has looked at all of them, and does not ask again of those
that remain. So it is said here beforehand, as its own ``set_until_jobs`` and
``delete_omitfrom_jobs`` will find it: for ``--until``, ``--omit-from`` and ``--batch``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import label

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import DAG, Job


def last_jobs(dag: DAG) -> set[Job]:
    """The jobs that a run ends with, whether or not Snakemake has left out the others by now."""
    jobs = {*dag.bfs(dag.dependencies, *dag.targetjobs)}
    is_cut = dag.untilrules or dag.untilfiles
    last = {*filter(dag.in_until, jobs)} if is_cut else {*dag.targetjobs}
    omitted = {*dag.bfs(dag.depending, *filter(dag.in_omitfrom, jobs))}
    return last.union(*(dag.dependencies[job] for job in omitted)) - omitted


def asked_jobs(dag: DAG) -> set[Job]:
    """The jobs that a run may come to."""
    return {*dag.bfs(dag.dependencies, *last_jobs(dag))}


def asked_files(dag: DAG) -> set[str]:
    """Labels of the files that a run should put in place."""
    files = {*map(label, dag.targetfiles)}
    for job in last_jobs(dag):
        if snakemake_api.is_target(job):
            files.update(map(label, job.input))
        elif files.isdisjoint(map(label, job.output)):  # the rule is asked for, not a file of it
            files.update(map(label, job.output))
    return files
