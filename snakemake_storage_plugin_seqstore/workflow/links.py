"""Inputs that are links into a store, where the filesystem has no clones."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.observe import Access, Accesses
from snakemake_storage_plugin_seqstore.store import Materialisation, way
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, stored
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job

logger = logging.getLogger(__name__)


class Links:
    """Inputs that are links into a store.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._left: dict[Job, list[StoredFile]] = {}  # to look through a directory takes long
        self._is_told = False

    def replace(self, job: Job, is_inside: bool) -> None:
        """Let inputs that are links be files where links are not wanted.

        An earlier run left them, or they lead out of what a container sees.

        Parameters
        ----------
        is_inside : bool
            Whether commands of the job run in a container.
        """
        left = self._left[job] = []
        for ours in self._linked(job):
            provider, path = ours.provider, ours.copy_path
            how = way(provider.store, path.parent, provider.materialisation)
            if how is Materialisation.SYMLINK and is_inside:
                how = Materialisation.REFLINK
            if how is not Materialisation.SYMLINK and (found := self._reuse.entry(ours)):
                transfer.bring(*found, ours.parsed, path, how)
            else:
                left.append(ours)

    def damaged(self, job: Job) -> str:
        """An input that is a link to bytes that were written to; empty if there is none."""
        for ours in self._left.get(job, ()):
            claim = self._reuse.current(ours.base_label)
            store, stores = ours.provider.store, self._reuse.stores
            if claim and claim.version and stores.holder(store, claim.version) is None:
                self._tell(job, "one of them was written to")
                return ours.label
        return ""

    def explain(self, job: Job, accesses: Accesses | None, has_failed: bool) -> None:
        """Tell once in a run that inputs are links, where that is why a job went wrong.

        Parameters
        ----------
        accesses : Accesses or None
            What it did; None if that was not observed.
        """
        if self._is_told or not (has_failed or accesses):
            return
        left = self._left.get(job)  # unless it started in another process
        linked = [*self._linked(job)] if left is None else left
        folders = {each for ours in linked for each in self._folders(ours)}
        if linked and (accesses is None or _minds(accesses, linked, tuple(folders), has_failed)):
            what = "it failed" if has_failed else "it did not read what is behind them"
            # The process of a job shows errors only.
            self._tell(job, what, logging.ERROR if has_failed else logging.WARNING)

    def _folders(self, file: StoredFile) -> tuple[str, ...]:
        return self._reuse.stores.folders(file.provider.store)

    def _linked(self, job: Job) -> Iterator[StoredFile]:
        """Inputs in their own places that are links into a store, or directories of such links."""
        for file in job.input:
            ours = stored(file)
            if ours and ours.is_in_place:
                path, folders = ours.copy_path, self._folders(ours)
                found = (path, *path.rglob("*")) if path.is_dir() else (path,)
                links = (each for each in found if each.is_symlink())
                if any(os.readlink(link).startswith(folders) for link in links):
                    yield ours

    def _tell(self, job: Job, what: str, level: int = logging.WARNING) -> None:
        if not self._is_told:
            self._is_told = True
            logger.log(
                level,
                f"seqstore: inputs of rule {job.rule.name} are links to read-only files of the "
                f"store, and {what}: if the rule needs files of its own, set "
                "--storage-seqstore-materialize copy.",
            )


def _minds(
    accesses: Accesses, linked: list[StoredFile], folders: tuple[str, ...], has_failed: bool
) -> bool:
    """Whether it made a difference to a job, perhaps, that inputs are links into a store.

    It looked at a link, or listed a directory of links, but did not look at what is behind them.
    Or it failed, and looked at a link, or was not let write to a file, which is behind one or, as
    its copy, read-only too.
    """
    paths = accesses.paths

    def is_behind(path: str) -> bool:
        return os.path.realpath(path).startswith(folders)

    refused = accesses.refused if has_failed else ()
    made = (path for path in refused if paths.get(path, Access()).written)
    looked = (path for path, access in paths.items() if access.asked_link)
    links = (path for path in looked if has_failed or not paths[path].read)
    if any(made) or any(map(is_behind, (*refused, *filter(os.path.islink, links)))):
        return True
    for ours in linked:
        start = os.path.abspath(ours.copy_path) + os.sep
        inside = [path for path in paths if f"{path}/".startswith(start)]
        read = (path for path in inside if paths[path].read and not os.path.isdir(path))
        if any(paths[path].listed for path in inside) and not any(read):
            return True
    return False
