"""What the jobs of a workflow make, by path: who makes it, and which names of a directory it is.

Some make files that their rules do not declare, such as an index beside an output. These are known
from the records of jobs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import born
from snakemake_storage_plugin_seqstore.store import Version

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job


class Products:
    """The products of a workflow: outputs, logs and benchmarks.

    Parameters
    ----------
    jobs : iterable of Job
        The jobs of the DAG.
    others : iterable of str
        Paths that jobs make, or made, that are not in the DAG.
    since : int
        When the first run here began, in ns since the epoch: what is older, no job made.
    """

    def __init__(self, jobs: Iterable[Job], others: Iterable[str], since: int) -> None:
        self._since = since
        self._makers: dict[str, tuple[Job, File] | None] = {}
        self._names: dict[str, set[str]] = {}
        self.undeclared: dict[str, Version] = {}  # by absolute path
        self._made_together: dict[str, list[str]] = {}
        self._on_the_way: dict[str, set[str]] = {}  # names of folders with undeclared files below
        self._walks: dict[str, _Walk] = {}  # through folders, for files that no job makes
        for path in others:
            self._add(os.path.abspath(path), None)
        for job in jobs:
            for file in job.products():
                self._add(os.path.abspath(file), (job, file))

    def add_undeclared(self, files: Mapping[str, Version]) -> None:
        """Note what a job made that its rule does not declare, by path from the working directory.

        A file that a rule declares, or that leads out of the working directory, is left out.
        """
        together: list[str] = []
        for path, version in files.items():
            whole = os.path.abspath(path)
            if self._around(whole) is None and whole.startswith(os.getcwd() + os.sep):
                self.undeclared[whole] = version
                self._made_together[whole] = together
                together.append(whole)
                folder, name = os.path.split(whole)
                self._names.setdefault(folder, set()).add(name)
                _add_way(folder, self._on_the_way)

    def made_with(self, path: str) -> list[str]:
        """All that a job made without declaring it that made a path so: another reads the rest."""
        return self._made_together[path]

    def includes(self, path: str) -> bool:
        """Whether a job makes a path, or a directory that it is in."""
        return path in self.undeclared or self._around(path) is not None

    def maker(self, path: str) -> tuple[Job, File, str] | None:
        """The job of the DAG that makes a path: with its file, and the path inside that."""
        around = self._around(path)
        found = self._makers[around] if around is not None else None
        return (*found, path[len(around) + 1 :]) if found and around is not None else None

    def names_in(self, directory: str) -> set[str]:
        """Names in a directory that jobs make, or below which they make something.

        What they make without declaring it is known when they have run. So a folder of the user's
        in which they leave something is not among them: it was there all the time.
        """
        ways = self._on_the_way.get(directory, set())
        made = {name for name in ways if not self._has_sources(os.path.join(directory, name))}
        return self._names.get(directory, set()) | made

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
        while path not in self._makers:
            parent = os.path.dirname(path)
            if parent == path:
                return None
            path = parent
        return path

    def _add(self, path: str, maker: tuple[Job, File] | None) -> None:
        self._makers[path] = maker
        _add_way(path, self._names)


class _Walk:
    """The files in a folder and below it, one after the other; empty when there are no more."""

    def __init__(self, folder: str) -> None:
        self._files = (
            os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names
        )
        self.go_on()

    def go_on(self) -> None:
        self.file = next(self._files, "")


def _add_way(path: str, found: dict[str, set[str]]) -> None:
    """Note the name of a path, and those of the folders on the way to it."""
    while True:
        directory, name = os.path.split(path)
        names = found.setdefault(directory, set())
        if name in names or not name:
            return
        names.add(name)
        path = directory
