"""What the jobs of a workflow make, by path: who makes it, and which names of a directory it is.

Some make files that their rules do not declare, such as an index beside an output. These are known
from the records of jobs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

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
    """

    def __init__(self, jobs: Iterable[Job], others: Iterable[str] = ()) -> None:
        self._makers: dict[str, tuple[Job, File] | None] = {}
        self._names: dict[str, set[str]] = {}
        self.undeclared: dict[str, Version] = {}  # by absolute path
        self._made_together: dict[str, list[str]] = {}
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
                self._add_names(whole)

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
        """Names in a directory that jobs make, or below which they make something."""
        return self._names.get(directory, set())

    def _around(self, path: str) -> str | None:
        while path not in self._makers:
            parent = os.path.dirname(path)
            if parent == path:
                return None
            path = parent
        return path

    def _add(self, path: str, maker: tuple[Job, File] | None) -> None:
        self._makers[path] = maker
        self._add_names(path)

    def _add_names(self, path: str) -> None:
        while True:
            directory, name = os.path.split(path)
            names = self._names.setdefault(directory, set())
            if name in names or not name:
                return
            names.add(name)
            path = directory
