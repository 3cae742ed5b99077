"""What a job looks for where results are reused, and so not in their places: it is brought.

In a finished directory of plain files it would be there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import Accesses
from snakemake_storage_plugin_seqstore.store import Materialisation, Version
from snakemake_storage_plugin_seqstore.workflow.files import label
from snakemake_storage_plugin_seqstore.workflow.products import Absent
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


class Missed:
    """Brings what other jobs made and this directory has not got in its place.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._versions: Mapping[str, Version] = {}
        self._absent = Absent(())
        self._brought: dict[str, int] = {}  # when, by name, in ns since the epoch

    def bring_undeclared(self, job: Job) -> None:
        """Bring files that other jobs made without declaring them, and that jobs read."""
        for path, version in self._reuse.resolution().side_files.missing(job):
            if version.kind == "tree":
                with suppress(OSError):
                    os.makedirs(path)
            else:
                self._reuse.stores.bring_kept(job, version, Path(path))

    def bring(self, job: Job, accesses: Accesses | None) -> str:
        """Bring the results that a job looked for in vain, also those of a folder that it listed.

        Returns
        -------
        str
            One of them; empty if it missed nothing.
        """
        versions = self._reuse.claims.absent
        if accesses is None or not versions:
            return ""
        if self._versions is not versions:  # the DAG has changed
            self._versions, self._absent = versions, Absent(versions)
        own = {*map(label, job.products())}
        # Other jobs missed them, too, while this one ran. What was there before it is brought once:
        # the job may remove it.
        recent = {name for name, at in self._brought.items() if at > accesses.started}
        missed = ""
        for name in {*self._looked_for(job, accesses, recent)} - own:
            if name not in self._brought and not os.path.lexists(name):
                os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
                how = Materialisation.REFLINK  # who lists a folder may not follow links
                self._reuse.stores.bring_kept(job, versions[name], Path(name), how)
                if os.path.lexists(name):
                    self._brought[name] = time.time_ns()
                    missed = name
            elif name in recent:
                missed = name
        return missed

    def _looked_for(self, job: Job, accesses: Accesses, recent: Collection[str]) -> Iterator[str]:
        """What is absent of what a job looked for, by name."""
        workdir = os.getcwd()
        shadow = os.path.abspath(job.shadow_dir) if job.shadow_dir else workdir
        for path, access in accesses.paths.items():
            if access.absent or access.listed:
                here = workdir + path[len(shadow) :] if path.startswith(shadow) else path
                yield from self._absent.at(here, recent)
