"""What a job looks for where results are reused, and so not in their places: it is brought.

In a finished directory of plain files it would be there.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import TICK, Accesses
from snakemake_storage_plugin_seqstore.store import Materialisation, Version
from snakemake_storage_plugin_seqstore.workflow.files import label
from snakemake_storage_plugin_seqstore.workflow.products import Absent, changed_at
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse
from snakemake_storage_plugin_seqstore.workflow.sought import in_vain

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job

logger = logging.getLogger(__name__)


class Missed:
    """Brings what other jobs made and this directory has not got in its place.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        # What is reused and was not in its place when the DAG was built, and where that would be.
        self._absent: tuple[Mapping[str, Version], Absent] = ({}, Absent((), bool))
        self._brought: set[str] = set()  # a job may remove it: it is brought once
        self._missed: dict[Job, set[str]] = defaultdict(set)  # it has run with them since
        self._lock = threading.Lock()  # jobs end in several threads

    def look_again(self) -> None:
        """Look what is absent, if the DAG has changed; folders in the working directory are made.

        Those of jobs that need not run: who lists the working directory has missed no name.
        """
        versions, products = self._reuse.claims.absent, self._reuse.resolution().products
        with self._lock:
            if self._absent[0] is not versions:
                absent = Absent(versions, products.includes)
                absent.make_folders()
                self._absent = versions, absent

    def bring_undeclared(self, job: Job) -> None:
        """Bring files that other jobs made without declaring them, and that jobs read."""
        for path, version, run in self._reuse.resolution().side_files.missing(job):
            if version.kind == "tree":
                with suppress(OSError):
                    os.makedirs(path)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._reuse.stores.bring_kept(job, version, Path(path))
            if run and os.path.lexists(path):
                self._reuse.directory.left.note({os.path.relpath(path): version}, run)

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
        self.look_again()
        since = accesses.started - TICK
        # These were there when it began, or it made them.
        known = {*map(label, (*job.input, *job.products()))} | self._missed[job]
        missed = {
            name
            for name in self._looked_for(job, accesses, since)
            if name not in known and not accesses.has_written(os.path.abspath(name))
        }
        for name in missed:
            self._bring(job, name, versions[name])
        # Others bring files, too, in their processes.
        came = {name for name in missed if changed_at(name) > since}
        self._missed[job] |= came
        return min(came, default="")

    def note_sought(self, job: Job, accesses: Accesses | None) -> None:
        """Note what a job, which failed, looked for that was left where other jobs ran."""
        rule, sought = job.rule.name, in_vain(accesses, self._reuse.resolution().products)
        self._reuse.directory.sought.note(rule, sought)
        for path, maker in sought.items():
            logger.error(
                f"seqstore: rule {rule} looked for {path}, which rule {maker} leaves without "
                f"declaring it, and which is not here: {maker} is made again in the next run. "
                "Declare it as its output and here as input."
            )

    def _bring(self, job: Job, name: str, version: Version) -> None:
        with self._lock:
            if name not in self._brought and not os.path.lexists(name):
                self._brought.add(name)
                os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
                how = Materialisation.REFLINK  # who lists a folder may not follow links
                self._reuse.stores.bring_kept(job, version, Path(name), how)

    def _looked_for(self, job: Job, accesses: Accesses, since: int) -> Iterator[str]:
        """What a job looked for that was absent at some time, in ns since the epoch, by name."""
        workdir, (_, absent) = os.getcwd(), self._absent
        shadow = os.path.abspath(job.shadow_dir) if job.shadow_dir else workdir
        for path, access in accesses.paths.items():
            if access.absent or access.listed:
                here = workdir + path[len(shadow) :] if path.startswith(shadow) else path
                yield from absent.at(here, since)
