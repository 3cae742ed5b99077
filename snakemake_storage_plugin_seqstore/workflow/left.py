"""What jobs left in this directory without declaring it: which of them, by what it was told."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from snakemake_storage_plugin_seqstore.store import Version, json_lines
from snakemake_storage_plugin_seqstore.store.filesystem import overwrite

_MOST_OLD = 1000  # lines that say nothing any more


class Run(NamedTuple):
    """A run of a job.

    Attributes
    ----------
    output : str
        The job's first output, by label, which says which job it was.
    key : str
        Its key.
    reads : str
        Digest of what it read; empty if that is not recorded.
    """

    output: str
    key: str
    reads: str = ""

    def is_same(self, other: Run) -> bool:
        """Whether it is the same run as another one, as far as is known."""
        is_known = self.reads and other.reads
        return (self.output, self.key) == (other.output, other.key) and (
            not is_known or self.reads == other.reads
        )


class LeftFile(NamedTuple):
    """A file that a job left.

    Attributes
    ----------
    version : Version
        Its content.
    run : Run
        The run that left it.
    """

    version: Version
    run: Run


class Left:
    """What jobs left in this directory, a line for each file in ``left.jsonl``.

    They ran here, or their results were brought. A file that is as a run left it, while that is
    not the run by now whose result its job has, is no file of the user's: Snakemake would have let
    the job run again.

    Parameters
    ----------
    directory : Path
        What the working directory knows is kept there; need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "left.jsonl"
        self._lock = threading.Lock()  # jobs end in several threads
        self._files: dict[str, dict[str, LeftFile]] = {}  # by path and output, the last one last
        self._paths: dict[str, set[str]] = {}  # by output
        rows = [*json_lines.load(self._file, _load)]
        for path, left in rows:
            self._add(path, left)
        self._is_long = len(rows) > sum(map(len, self._files.values())) + _MOST_OLD

    def _add(self, path: str, left: LeftFile) -> None:
        files = self._files.setdefault(path, {})
        files.pop(left.run.output, None)
        files[left.run.output] = left
        self._paths.setdefault(left.run.output, set()).add(path)

    def note(self, files: Mapping[str, Version], run: Run) -> None:
        """Note what a run left, by path from the working directory."""
        new = [(path, LeftFile(version, run)) for path, version in files.items()]
        if not new:
            return
        with self._lock:
            for path, left in new:
                self._add(path, left)
            json_lines.append(self._file, map(_row, new))

    def save(self) -> None:
        """Leave out what says nothing any more, while no other process adds to it."""
        if self._is_long:
            rows = ((path, left) for path, by in self._files.items() for left in by.values())
            with suppress(OSError):
                overwrite(self._file, json_lines.text(map(_row, rows)), self._file.parent)
            self._is_long = False

    @property
    def paths(self) -> list[str]:
        """Paths of all that runs left, from the working directory."""
        return [*self._files]

    def has(self, path: str) -> bool:
        """Whether a run left a file, which may have been changed since."""
        return bool(self._files) and os.path.relpath(path) in self._files

    def run_that_left(self, path: str, version: Version) -> Run | None:
        """The last run that left a file as it is; None if it was changed since."""
        files = [*self._files.get(os.path.relpath(path), {}).values()]
        return next((left.run for left in reversed(files) if left.version == version), None)

    def files_of(self, output: str) -> dict[str, LeftFile]:
        """What the runs of a job left, by path; others may have changed it since."""
        paths = [*self._paths.get(output, ())]
        return {path: self._files[path][output] for path in paths}


def _row(file: tuple[str, LeftFile]) -> list[Any]:
    path, left = file
    return [path, left.version, *left.run]


def _load(row: list[Any]) -> tuple[str, LeftFile]:
    path, version, *run = row
    return path, LeftFile(Version.load(version), Run(*run))
