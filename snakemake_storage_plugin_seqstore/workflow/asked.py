"""What a run is asked for: the jobs that it ends with, and the files that it should put in place.

Snakemake leaves out jobs only when it has looked at all of them, and does not ask again of those
that remain. So it is said here beforehand, as its own ``set_until_jobs`` and
``delete_omitfrom_jobs`` will find it: for ``--until``, ``--omit-from`` and ``--batch``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import label

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import DAG, Job


class Asked:
    """What a run is asked for, whether or not Snakemake has left out the rest by now.

    Parameters
    ----------
    dag : DAG
        The DAG, complete or not.
    """

    def __init__(self, dag: DAG) -> None:
        self._dag = dag

    @cached_property
    def last(self) -> set[Job]:
        """The jobs that the run ends with."""
        dag = self._dag
        jobs = {*dag.bfs(dag.dependencies, *dag.targetjobs)}
        is_cut = dag.untilrules or dag.untilfiles
        last = {*filter(dag.in_until, jobs)} if is_cut else {*dag.targetjobs}
        omitted = {*dag.bfs(dag.depending, *filter(dag.in_omitfrom, jobs))}
        return last.union(*(snakemake_api.makers(job) for job in omitted)) - omitted

    @cached_property
    def jobs(self) -> set[Job]:
        """The jobs that the run may come to."""
        return {*self._dag.bfs(self._dag.dependencies, *self.last)}

    @cached_property
    def files(self) -> set[str]:
        """Labels of the files that the run should put in place."""
        named = {*map(label, self._dag.targetfiles)}
        files = set(named)
        for job in self.last:
            if snakemake_api.is_target(job):
                files.update(map(label, job.input))
            elif named.isdisjoint(map(label, job.output)):  # the rule is asked for, not its file
                files.update(map(label, job.output))
        return files
