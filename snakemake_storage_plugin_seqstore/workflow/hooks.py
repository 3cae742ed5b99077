"""How Snakemake's executor comes to ask before it runs a job: through its own output cache.

Its executor asks ``job.rule.cache`` to fetch a job's outputs before it runs the job, and to store
them afterwards, in the process that runs the job, if ``workflow_settings.cache`` is set. Rules that
the user caches with ``--cache`` are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snakemake.caching.rule import CacheFlag, RuleCache
from snakemake.exceptions import CacheMissException

from snakemake_storage_plugin_seqstore.workflow.execution import Executions
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


class Settings:
    """The workflow settings of Snakemake, with the cache on as soon as there is a DAG.

    Before that Snakemake would look for the place of a cache of its own.

    Parameters
    ----------
    settings : snakemake.settings.types.WorkflowSettings
        The settings that the user gave.
    workflow : snakemake.workflow.Workflow
        The workflow.
    reuse : Reuse
        What answers for the workflow's outputs.
    executions : Executions
        What is asked before and after each job.
    """

    def __init__(self, settings: Any, workflow: Any, reuse: Reuse, executions: Executions) -> None:
        self._settings = settings
        self._workflow = workflow
        self.seqstore = (reuse, executions)
        self._installed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)

    @property
    def cache(self) -> Any:
        """The rules that the user caches; none, but no longer unset, once there is a DAG."""
        given = self._settings.cache
        if self._workflow.dag is None or self._workflow.dryrun:
            return given
        if not self._installed:
            self._installed = True
            for rule in self._workflow.rules:
                by_user = given is not None and rule.cache and rule.cache.output
                if rule.output and not rule.norun and not by_user:
                    rule.cache = ProvenanceCache(rule, self.seqstore[1])
        return given if given is not None else ()


class ProvenanceCache(RuleCache):  # type: ignore[misc]
    """What the executor asks before and after it runs a job of one rule."""

    def __init__(self, rule: Any, executions: Executions) -> None:
        super().__init__(rule, CacheFlag.output)
        self._executions = executions

    async def fetch(self, job: Job) -> None:
        """Put the outputs of a job in place, or say that it has to run."""
        if job.dag.workflow.subprocess_exec:
            self._executions.start_there(job)
        elif self._executions.start(job):
            return
        raise CacheMissException(f"Job {job} has to run.")

    async def store(self, job: Job) -> None:
        """Look at what a job did; Snakemake stores its outputs once it has accepted them."""
        if job.dag.workflow.subprocess_exec:
            self._executions.finish_there(job)
        else:
            self._executions.finish(job)
