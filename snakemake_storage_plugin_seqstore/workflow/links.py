"""Inputs that are links into a store, where the filesystem has no clones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.observe import Access, Accesses
from snakemake_storage_plugin_seqstore.store import Materialisation, way
from snakemake_storage_plugin_seqstore.workflow import whereabouts
from snakemake_storage_plugin_seqstore.workflow.claims import file_name
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, stored
from snakemake_storage_plugin_seqstore.workflow.publishing import made_at
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


class Links:
    """Inputs that are links into a store; a rule whose jobs do not do with links has files.

    Which rules these are is remembered in the working directory's ``.snakemake``.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._left: dict[Job, list[StoredFile]] = {}  # to look through a directory takes long

    def replace(self, job: Job, is_inside: bool) -> None:
        """Let inputs that are links be files where links are not wanted.

        An earlier run left them, they lead out of what a container sees, or the rule needs files.

        Parameters
        ----------
        is_inside : bool
            Whether commands of the job run in a container.
        """
        left = self._left[job] = []
        for ours in self._linked(job):
            provider, path = ours.provider, ours.copy_path
            how = way(provider.store, path.parent, provider.materialisation)
            if how is Materialisation.SYMLINK and (is_inside or self._mark(job).exists()):
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
                self._note(job)
                return f"{ours.label}, a link to a read-only file of the store,"
        return ""

    def minded(self, job: Job, accesses: Accesses | None, has_failed: bool) -> str:
        """What a job did, perhaps, with inputs that are links into a store; empty if nothing.

        Its rule has files from then on.

        Parameters
        ----------
        accesses : Accesses or None
            What it did; None if that was not observed.
        """
        linked = self._left.get(job, [])
        folders = tuple({each for ours in linked for each in self._folders(ours)})
        if not linked or (accesses is None and not has_failed):
            return ""
        if accesses is not None and not _minds(accesses, linked, folders, has_failed):
            has_asked = any(access.asked_link for access in accesses.paths.values())
            made = (made_at(job, file) for file in job.output)
            payloads = (target for ours in linked for target in _targets(ours))
            if has_failed or not has_asked or not whereabouts.name_payloads(made, payloads):
                return ""
        self._note(job)
        did = "failed" if has_failed else "looked at them instead of the files"
        return (
            f"its inputs are links to read-only files of the store, and it {did}; "
            "from now on the rule has files here"
        )

    def _note(self, job: Job) -> None:
        """Give files to the rule of a job from now on."""
        mark = self._mark(job)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()

    def _mark(self, job: Job) -> Path:
        """Exists if a rule needs files."""
        folder: Path = self._reuse.directory.path / "needs_files"
        return folder / file_name(job.rule.name)

    def _folders(self, file: StoredFile) -> tuple[str, ...]:
        return self._reuse.stores.folders(file.provider.store)

    def _linked(self, job: Job) -> Iterator[StoredFile]:
        """Inputs in their own places that are links into a store, or directories of such links."""
        for file in job.input:
            ours = stored(file)
            if ours and ours.is_in_place:
                folders = self._folders(ours)
                if any(target.startswith(folders) for target in _targets(ours)):
                    yield ours


def _targets(file: StoredFile) -> Iterator[str]:
    """Where links lead: a file in its own place, or those in a directory."""
    waiting = [os.fspath(file.copy_path)]
    while waiting:
        path = waiting.pop()
        if os.path.islink(path):
            yield os.readlink(path)
        elif os.path.isdir(path):
            with os.scandir(path) as entries:  # it says what they are
                waiting += [each.path for each in entries if each.is_symlink() or each.is_dir()]


def _minds(
    accesses: Accesses, linked: list[StoredFile], folders: tuple[str, ...], has_failed: bool
) -> bool:
    """Whether a job did more with links into a store than to follow them.

    It looked at a link, or listed a directory of links, but did not look at what is behind them.
    Or it found out what a link leads to, and used that name. Or it failed, and looked at a link, or
    was not let write to a file, which is behind one or, as its copy, read-only too.
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
    if used := {os.path.dirname(path) for path in paths if path.startswith(folders)}:
        there = {os.path.dirname(target) for ours in linked for target in _targets(ours)}
        if not used.isdisjoint(there):
            return True
    for ours in linked:
        start = os.path.abspath(ours.copy_path) + os.sep
        inside = [path for path in paths if f"{path}/".startswith(start)]
        read = (path for path in inside if paths[path].read and not os.path.isdir(path))
        if any(paths[path].listed for path in inside) and not any(read):
            return True
    return False
