"""What the jobs of a workflow make, by path: who makes it, and which names of a directory it is.

Some make files that their rules do not declare, such as an index beside an output. These are known
from the records of jobs.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import born
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow import snakemake_api

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job


_UNCLEAN = re.compile(r"//|/\.|/$")


class Products:
    """The products of a workflow: outputs, logs and benchmarks.

    Parameters
    ----------
    jobs : set of Job
        The jobs of the DAG.
    others : iterable of str
        Paths that jobs make, or made, that are not in the DAG.
    since : int
        When the first run here began, in ns since the epoch: what is older, no job made.
    known : Products, optional
        What was known before the DAG changed.
    left : iterable of str
        Paths of what jobs left here in earlier runs without declaring it.
    """

    def __init__(
        self,
        jobs: Set[Job],
        others: Iterable[str],
        since: int,
        known: Products | None = None,
        left: Iterable[str] = (),
    ) -> None:
        self._since = since
        self._workdir = os.getcwd()
        self._makers: dict[str, tuple[Job, File] | None] = {}
        self._folders: dict[str, str | None] = {}  # what is around them, as far as asked for
        self._names: dict[str, set[str]] = {}
        self.undeclared: dict[str, dict[Job, Version]] = {}  # by absolute path, and by its maker
        self.made_by: dict[Job, dict[str, Version]] = {}  # the same by maker
        # Of which another run is found here than before.
        self.switched: set[Job] = {*(jobs & known.switched)} if known else set()
        self._on_the_way: dict[str, set[str]] = {}  # names of folders with undeclared files below
        self._walks: dict[str, _Walk] = {}  # through folders, for files that no job makes
        self.add_others(others)
        for job in jobs:
            for file in job.products():
                self._add(absolute(file, self._workdir), (job, file))
        made_before = known.made_by if known else {}
        for job in jobs & made_before.keys():
            self._add_undeclared(job, made_before[job])
        self._left: dict[str, set[str]] = {}  # names of what earlier runs left, by folder
        for path in left:
            _add_way(absolute(path, self._workdir), self._left)

    def add_others(self, paths: Iterable[str]) -> None:
        """Note paths that jobs make, or made, that are not in the DAG."""
        for path in paths:
            self._add(absolute(path, self._workdir), None)

    def add_undeclared(self, job: Job, files: Mapping[str, Version]) -> None:
        """Note what a job made that its rule does not declare, by path from the working directory.

        It may have made it anew, or changed what was there.
        """
        self._add_undeclared(job, dict(self.undeclared_of(job, files)))

    def _add_undeclared(self, job: Job, made: dict[str, Version]) -> None:
        for path in self.made_by.get(job, {}).keys() - made.keys():
            del self.undeclared[path][job]
        self.made_by[job] = made
        for path, version in made.items():
            makers = self.undeclared.setdefault(path, {})
            makers.pop(job, None)  # so that it is the last one
            makers[job] = version
            folder, name = os.path.split(path)
            self._names.setdefault(folder, set()).add(name)
            _add_way(folder, self._on_the_way)

    def undeclared_of(
        self, job: Job, files: Mapping[str, Version]
    ) -> Iterator[tuple[str, Version]]:
        """Those of the files that a job made which no rule declares, by absolute path.

        One in a directory that another job makes is none of that one's. One that leads out of the
        working directory is left out.
        """
        if not files:
            return
        start = os.getcwd() + os.sep
        for path, version in files.items():
            whole = os.path.abspath(path)
            around = self._around(whole)
            maker = self._makers[around] if around is not None else None
            is_declared = around == whole or (maker is not None and maker[0] is job)
            if not is_declared and whole.startswith(start):
                yield whole, version

    def made_with(self, path: str) -> set[str]:
        """All that jobs made without declaring it that made a path so: another reads the rest."""
        makers = [*self.undeclared[path]]  # other jobs end meanwhile
        return {other for maker in makers for other in self.made_by[maker]}

    def before(
        self, path: str, reader: Job, also: Mapping[Job, Version] | None = None
    ) -> list[Version]:
        """What an undeclared file may be when a job starts; what was noted last comes first.

        What the last of the jobs made before which this one depends on: several, if these do not
        depend on each other. If none of them makes it, the order of the jobs is not known: what
        any other one makes.

        Parameters
        ----------
        also : mapping of Job to Version, optional
            What others make there if their results are taken.
        """
        makers = {**self.undeclared.get(path, {}), **(also or {})}
        makers.pop(reader, None)
        if len(makers) > 1:
            last = {job for job in jobs_before(reader, makers) if job in makers}
            if len(last) > 1:
                last = last.difference(*(jobs_before(job) for job in last)) or last
            makers = {job: made for job, made in makers.items() if job in last} or makers
        return [*reversed(makers.values())]

    def is_made_before(self, path: str, reader: Job) -> bool:
        """Whether a job finds at a path what jobs made, without declaring it, that it depends on.

        What is not there may have been taken away before it looked; unless another run of its
        maker is found here than before.
        """
        makers = self.undeclared.get(path, {}).keys() - {reader}
        if not makers or not (os.path.lexists(path) or makers & self.switched):
            return False
        return makers <= {*jobs_before(reader)}

    def includes(self, path: str) -> bool:
        """Whether a job makes a path, or a directory that it is in."""
        return path in self.undeclared or self._around(path) is not None

    def maker(self, path: str) -> tuple[Job, File, str] | None:
        """The job of the DAG that makes a path: with its file, and the path inside that."""
        around = self._around(path)
        found = self._makers[around] if around is not None else None
        return (*found, path[len(around) + 1 :]) if found and around is not None else None

    def around(self, path: str) -> tuple[str, str] | None:
        """The directory that a job makes, or made, in which a path lies, and the path inside it.

        Both paths are relative: from the working directory, and from that directory.
        """
        whole = absolute(path, self._workdir)
        around = self._around(whole)
        if around in (None, whole):
            return None
        return os.path.relpath(around, self._workdir), os.path.relpath(whole, around)

    def names_in(self, directory: str) -> set[str]:
        """Names in a directory that jobs make, or below which they make something.

        What they make without declaring it is known when they have run. So a folder of the user's
        in which they leave something is not among them: it was there all the time.
        """
        ways = self._on_the_way.get(directory, set())
        made = {name for name in ways if not self._has_sources(os.path.join(directory, name))}
        return self._names.get(directory, set()) | made

    def left_in(self, directory: str) -> set[str]:
        """Names in a directory of what earlier runs left, but of folders that have other files."""
        names = self._left.get(directory, set())
        paths = {name: os.path.join(directory, name) for name in names}
        return {
            name
            for name, path in paths.items()
            if path not in self._left or not self._has_sources(path)
        }

    def _has_sources(self, folder: str) -> bool:
        """Whether a folder has files that no job makes, as far as is known by now.

        A job that still runs, or has no record, made others. More and more is known to be made by
        jobs, so each file is looked at once.
        """
        if folder not in self._walks:
            self._walks[folder] = _Walk(folder)
        walk = self._walks[folder]
        while walk.file and (self.includes(walk.file) or born(walk.file) >= self._since):
            walk.go_on()
        return bool(walk.file)

    def _around(self, path: str) -> str | None:
        """What a job makes that is a path, or a directory around it."""
        if path in self._makers:
            return path
        folder = os.path.dirname(path)
        if folder == path:
            return None
        if folder in self._folders:
            return self._folders[folder]
        found = self._folders[folder] = self._around(folder)
        return found

    def _add(self, path: str, maker: tuple[Job, File] | None) -> None:
        self._makers[path] = maker
        self._folders.clear()
        _add_way(path, self._names)


class Absent:
    """Files and directories that are not there.

    Parameters
    ----------
    names : iterable of str
        Their paths, as the workflow has them.
    is_made : callable
        Whether a job makes a directory itself, by absolute path.
    """

    def __init__(self, names: Iterable[str], is_made: Callable[[str], bool]) -> None:
        self._below: dict[str, list[str]] = {}  # by absolute path: they are there, or below it
        self._folders: set[str] = set()  # of the working directory, in which they are
        workdir = os.getcwd()
        for name in names:
            path = whole = os.path.abspath(name)
            while path.startswith(workdir):
                self._below.setdefault(path, []).append(name)
                if os.path.dirname(path) == workdir and path != whole and not is_made(path):
                    self._folders.add(path)
                path = os.path.dirname(path)

    def make_folders(self) -> None:
        """Make the folders of the working directory that are absent.

        Who looks for a name there (``ls *.tmp``) finds the names that are there after a whole run,
        and has not missed what is in these folders.
        """
        for folder in self._folders:
            os.makedirs(folder, exist_ok=True)

    def at(self, path: str, since: float = math.inf) -> list[str]:
        """What is missed by who looks for an absolute path, or lists it if it is a directory.

        A directory in it that is there is not looked into, nor one that is made before a job runs.

        Parameters
        ----------
        since : float
            What came to be there since then is missed, too; in ns since the epoch.
        """
        entered: dict[str, bool] = {}
        missed = []
        for name in self._below.get(path, ()):
            step = os.path.join(path, os.path.relpath(name, path).split(os.sep)[0])
            if step not in entered:
                is_there = os.path.lexists(step) and born(step) <= since
                entered[step] = is_there or step in self._folders
            if not entered[step] or changed_at(name) > since:
                missed.append(name)
        return missed


class _Walk:
    """The files in a folder and below it, one after the other; empty when there are no more."""

    def __init__(self, folder: str) -> None:
        self._files = (
            os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names
        )
        self.go_on()

    def go_on(self) -> None:
        self.file = next(self._files, "")


def absolute(path: str, workdir: str) -> str:
    """A path from a directory, as ``os.path.abspath`` has it; most of thousands are clean."""
    whole = os.path.join(workdir, str(path))
    return os.path.normpath(whole) if _UNCLEAN.search(whole) else whole


def jobs_before(job: Job, until: Container[Job] = ()) -> Iterator[Job]:
    """The jobs that a job depends on, on each way up to the first of some that is met."""
    waiting, seen = [job], {job}
    while waiting:
        reader = waiting.pop()
        for maker in {*snakemake_api.makers(reader)} - seen:
            seen.add(maker)
            yield maker
            if maker not in until:
                waiting.append(maker)


def makers_past_flags(jobs: Iterable[Job], is_flag: Callable[[Job, File], bool]) -> Iterator[Job]:
    """The jobs that make what jobs read, and those before them where that is a flag.

    An empty file says only that its job ran: who reads it may read what that one read.

    Parameters
    ----------
    is_flag : callable
        Whether a file is empty that a job makes.
    """
    waiting = [*jobs]
    walked, found = {*waiting}, set()
    while waiting:
        for maker, files in snakemake_api.makers(waiting.pop()).items():
            if maker not in found:
                found.add(maker)
                yield maker
            if maker not in walked and any(is_flag(maker, file) for file in files):
                walked.add(maker)
                waiting.append(maker)


def _add_way(path: str, found: dict[str, set[str]]) -> None:
    """Note the name of a path, and those of the folders on the way to it."""
    while True:
        directory, name = os.path.split(path)
        names = found.setdefault(directory, set())
        if name in names or not name:
            return
        names.add(name)
        path = directory


def changed_at(path: str) -> int:
    """When a file, or its name, was last changed, in ns since the epoch; 0 if it is not there."""
    with suppress(OSError):
        return os.lstat(path).st_ctime_ns
    return 0
