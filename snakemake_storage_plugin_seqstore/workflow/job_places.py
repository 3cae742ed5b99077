"""Where paths lie for the jobs of a workflow."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import TICK, Places, born
from snakemake_storage_plugin_seqstore.workflow import (
    input_numbers,
    snakemake_api,
    snakemake_sources,
)
from snakemake_storage_plugin_seqstore.workflow.products import Products, absolute

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job, Workflow

_BARE_SHADOWS = ("minimal", "copy-minimal")


class JobPlaces:
    """The places of the jobs of one DAG.

    Parameters
    ----------
    workflow : Workflow
        The workflow.
    products : Products
        What the jobs make.
    directory : Directory
        What the working directory knows.
    """

    def __init__(self, workflow: Workflow, products: Products, directory: Directory) -> None:
        self._workflow = workflow
        self._products = products
        self._directory = directory

    def of(self, job: Job, at_end: bool = False) -> Places:
        """The places of a job, here: as they are when it has run, or before."""
        everywhere = self._everywhere
        workdir = everywhere.workdir

        def here(path: str | os.PathLike[str]) -> str:
            return absolute(str(path), workdir)

        shadow, bare = everywhere.shadow, everywhere.bare
        if at_end and job.shadow_dir:
            shadow = {**shadow, here(job.shadow_dir): workdir}
            if job.rule.shadow_depth in _BARE_SHADOWS:
                bare = [here(job.shadow_dir)]
        return replace(
            everywhere,
            workflow_dir=snakemake_sources.basedir(job.rule) or "",
            repository=snakemake_sources.repository(job.rule) or "",
            environment=snakemake_api.environment(job),
            inputs=tuple(map(here, input_numbers.in_order(job))),
            others=frozenset(map(here, (*job.output, *snakemake_api.traces(job)))),
            shadow=shadow,
            bare=bare,
            is_made_before=partial(self._products.is_made_before, reader=job),
            covered_names=self._names_made if at_end else self._products.names_in,
        )

    @cached_property
    def _everywhere(self) -> Places:
        """The places of any job."""
        workdir = os.getcwd()
        providers = snakemake_api.providers(self._workflow)
        copies = (os.path.join(workdir, provider.local_prefix) for provider in providers)
        return Places(
            workdir=workdir,
            home=os.path.expanduser("~"),
            tmpdir=tempfile.gettempdir(),
            shadow={snakemake_sources.source_copies(self._workflow): ""},
            stores=tuple(str(provider.store.root) for provider in providers),
            copies=tuple(map(os.path.normpath, copies)),
            variables=os.environ,
            is_product=self._products.includes,
            is_undeclared=self._products.undeclared.__contains__,
            is_left=self._directory.is_left,
            left_names=self._products.left_in,
        )

    def _names_made(self, directory: str) -> set[str]:
        """Names in a directory that jobs make, or have made in this run.

        What a job that still runs makes without declaring it is not known otherwise.
        """
        found = set(self._products.names_in(directory))
        with suppress(OSError):
            for name in os.listdir(directory):
                if (
                    name not in found
                    and born(os.path.join(directory, name)) > self._directory.claims.began - TICK
                ):
                    found.add(name)
        return found
