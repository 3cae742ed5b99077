"""Files that are links into a store, where the filesystem has no clones."""

from __future__ import annotations

import math
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import Access, Accesses
from snakemake_storage_plugin_seqstore.store import Materialisation, Version, way
from snakemake_storage_plugin_seqstore.workflow import snakemake_api, whereabouts
from snakemake_storage_plugin_seqstore.workflow.claims import file_name
from snakemake_storage_plugin_seqstore.workflow.files import Provider, StoredFile, stored
from snakemake_storage_plugin_seqstore.workflow.publishing import made_at
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job

_MOST_LINKS = 40  # one after the other, as the system follows them


class Links:
    """Links into a store; a rule whose jobs do not do with links has files.

    Which rules these are is remembered in the working directory's ``.snakemake``.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        # Inputs that are links, or have such, by job, and these links with where they lead: to look
        # through a directory takes long, and another job may need files.
        self._left: dict[Job, list[StoredFile]] = {}
        self._linked: dict[Job, dict[str, str]] = {}
        # Why a job ran again: it does so once for each path.
        self._found: dict[Job, set[str]] = {}
        # Links that were, or are about to be files, and since when, in ns since the epoch.
        self._replaced: dict[str, float] = {}
        self._lock = threading.Lock()  # jobs start and end in several threads

    def replace(self, job: Job, is_inside: bool) -> None:
        """Let inputs that are links be files where links are not wanted.

        An earlier run left them, they lead out of what a container sees, or the rule needs files.
        Or the job could not run again for files, as it would update its output twice.

        Parameters
        ----------
        is_inside : bool
            Whether commands of the job run in a container.
        """
        left = self._left[job] = []
        linked = self._linked[job] = {}
        for ours in filter(None, map(stored, job.input)):
            links = [*self._links(os.path.abspath(ours.copy_path))] if ours.is_in_place else []
            if links and (
                is_inside
                or self._mark(job).exists()
                or any(map(snakemake_api.is_updated, job.output))
                or not _makes_links(ours.provider, ours.copy_path.parent)
            ):
                for link in links:
                    self._make_file(job, link)
            elif links:
                left.append(ours)
                linked.update((link, _target(link)) for link in links)

    def damaged(self, job: Job) -> str:
        """An input that is a link to bytes that were written to; empty if there is none."""
        for ours in self._left.get(job, ()):
            claim = self._reuse.current(ours.base_label)
            store, stores = ours.provider.store, self._reuse.stores
            if claim and claim.version and stores.holder(store, claim.version) is None:
                self._note(job)
                return f"{ours.label}, a link to a read-only file of the store,"
        return ""

    def why_not_links(self, job: Job, accesses: Accesses | None, has_failed: bool) -> str:
        """What a job did, perhaps, with files that are links into a store; empty if nothing.

        They are files from then on, and so are all inputs of its rule.

        Parameters
        ----------
        accesses : Accesses or None
            What it did; None if that was not observed.
        """
        if not self._may_be_links:
            return ""
        linked = self._linked.get(job, {})
        if accesses and linked:
            self._loosen(job, accesses)
        if accesses is None:
            found = {*linked} if has_failed else set()
        else:
            found = self._paths_that_need_files(job, accesses, linked, has_failed)
            if not found and not has_failed and self._is_named(job, accesses, linked):
                found = {*linked}
        with self._lock:
            found -= self._found.get(job, set())
            self._found.setdefault(job, set()).update(found)
        if not found:
            return ""
        self._note(job)
        if not [*filter(partial(self._make_file, job), found)]:
            return ""
        did = "failed" if has_failed else "looked at them or would have written to them"
        return (
            f"it reads links to read-only files of the store, and {did}; "
            "from now on its inputs are files here"
        )

    def _loosen(self, job: Job, accesses: Accesses) -> None:
        """Let copies of read-only files be written to, as copies of plain files could be.

        The job made them, or Snakemake did, in a shadow directory.
        """
        shadow = _shadow(job)
        for path in {*accesses.paths, *accesses.refused}:
            is_written = accesses.paths.get(path, Access()).written
            is_copy = is_written or path.startswith(shadow)
            if is_copy and not path.startswith(self._folders):
                with suppress(OSError):
                    mode = os.lstat(path).st_mode
                    if stat.S_ISREG(mode) and not mode & 0o222:
                        os.chmod(path, stat.S_IMODE(mode) | stat.S_IWUSR)

    def _paths_that_need_files(
        self, job: Job, accesses: Accesses, linked: Mapping[str, str], has_failed: bool
    ) -> set[str]:
        """The links with which a job did more, perhaps, than to follow them.

        It looked at a link, or listed a directory of links, but did not look at what is behind
        them. Or it found out what a link leads to, and used that name. Or it was not let write to a
        file, which is behind one or, as its copy, read-only too. Or it failed, and looked at one.
        """
        paths, folders = accesses.paths, self._folders
        found: set[str] = set()

        def replaced_at(path: str) -> float:
            # What the job made may have an old time, as what it unpacked.
            is_own = accesses.has_written(path)
            return 0 if is_own else self._replaced_at(path, accesses.started)

        def links_at(path: str) -> Iterable[str]:
            found = [*self._link_at(path)]  # before it is asked whether it was one
            return found or ((path,) if path in linked or replaced_at(path) else ())

        def is_followed(link: str) -> bool:
            access = paths.get(link, Access())
            if at := replaced_at(link):
                return access.read and access.first_read < at
            return access.read or (access.asked and not access.asked_link)

        for path, access in paths.items():
            if access.asked_link and (has_failed or not access.read):
                found.update(links_at(path))
        shadow = _shadow(job)
        for path in accesses.refused if has_failed else accesses.refused_writes:
            found.update(links_at(path))
            # A copy of an input is read-only, too.
            if paths.get(path, Access()).written or path.startswith(shadow):
                found.update(linked)
        used = {os.path.dirname(path) for path in paths if path.startswith(folders)}
        if used:
            found |= {link for link, to in linked.items() if os.path.dirname(to) in used}
        workdir = os.path.join(os.getcwd(), "")
        for path, access in paths.items():
            if access.listed and f"{path}/".startswith(workdir):
                there = {link for entry in _entries(path) for link in links_at(entry.path)}
                if not any(is_followed(link) for link in there):
                    found |= there
        return found

    def _is_named(self, job: Job, accesses: Accesses, linked: Mapping[str, str]) -> bool:
        """Whether what a job made names what its inputs lead to."""
        made = (made_at(job, file) for file in job.output)
        has_asked = any(access.asked_link for access in accesses.paths.values())
        return has_asked and whereabouts.name_payloads(made, linked.values())

    @cached_property
    def _may_be_links(self) -> bool:
        """Whether files in the working directory may be links."""
        providers = snakemake_api.providers(self._reuse.workflow)
        return any(_makes_links(provider, Path.cwd()) for provider in providers)

    @cached_property
    def _folders(self) -> tuple[str, ...]:
        """Where payloads are, as links into a store begin."""
        workflow, stores = self._reuse.workflow, self._reuse.stores
        providers = snakemake_api.providers(workflow)
        return tuple({each for one in providers for each in stores.folders(one.store)})

    def _links(self, path: str) -> Iterator[str]:
        """Links into a store: a path, or what is in that directory and below it."""
        if target := _target(path):
            if target.startswith(self._folders):
                yield path
        elif os.path.isdir(path):
            for entry in _entries(path):
                if entry.is_symlink() or entry.is_dir():  # a listing says what they are
                    yield from self._links(entry.path)

    def _replaced_at(self, path: str, since: int) -> float:
        """When a link was replaced by a file since some time, in ns since the epoch, else 0.

        Another process that needed a file kept the link's time.
        """
        at = self._replaced.get(path, 0.0)
        with suppress(OSError):
            status = os.lstat(path)
            if not at and stat.S_ISREG(status.st_mode) and status.st_mtime_ns < since:
                at = status.st_ctime_ns
        return at if at > since else 0

    def _link_at(self, path: str) -> Iterator[str]:
        """The link into a store that a path is, or leads to, as in a shadow directory."""
        for _ in range(_MOST_LINKS):
            if not (leads_to := _target(path)):
                return
            target = os.path.join(os.path.dirname(path), leads_to)
            if target.startswith(self._folders):
                yield path
                return
            path = target

    def _make_file(self, job: Job, link: str) -> bool:
        """Put a file in the place of a link into a store, with its time; say whether it is one."""
        with self._lock:
            if target := _target(link):  # else another job needed a file, too
                self._replaced[os.path.abspath(link)] = math.inf
                folder, name = os.path.split(target)
                with suppress(OSError):
                    made, size = os.lstat(link).st_mtime_ns, os.stat(link).st_size
                    version = Version(os.path.basename(folder) + name, "file", size)
                    self._reuse.stores.bring_kept(job, version, Path(link), Materialisation.REFLINK)
                    os.utime(link, ns=(made, made), follow_symlinks=False)
                self._replaced[os.path.abspath(link)] = time.time_ns()
        return not os.path.islink(link)

    def _note(self, job: Job) -> None:
        """Give files to the rule of a job from now on."""
        mark = self._mark(job)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()

    def _mark(self, job: Job) -> Path:
        """Exists if a rule needs files."""
        folder: Path = self._reuse.directory.path / "needs_files"
        return folder / file_name(job.rule.name)


def _shadow(job: Job) -> tuple[str, ...]:
    """How paths begin in the shadow directory of a job, if it has one."""
    return (os.path.join(os.path.abspath(job.shadow_dir), ""),) if job.shadow_dir else ()


def _makes_links(provider: Provider, folder: Path) -> bool:
    how = way(provider.store, folder, provider.materialisation)
    return how is Materialisation.SYMLINK


def _target(path: str) -> str:
    """Where a link leads; empty if there is none, as another job needed a file."""
    with suppress(OSError):
        return os.readlink(path)
    return ""


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a directory; empty if it cannot be listed."""
    with suppress(OSError), os.scandir(folder) as entries:
        return [*entries]
    return []
