"""What jobs left in this directory without declaring it: which of them, by what it was told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
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
        rows = [*_read(self._file)]
        self._known = dict(rows)
        self._by_output: dict[str, set[str]] = {}
        for path, left in rows:
            self._by_output.setdefault(left.run.output, set()).add(path)
        self._is_long = len(rows) > len(self._known) + _MOST_OLD

    def note(self, files: Mapping[str, Version], run: Run) -> None:
        """Note what a run left, by path from the working directory."""
        new = {path: LeftFile(version, run) for path, version in files.items()}
        if not new:
            return
        with self._lock:
            self._known |= new
            self._by_output.setdefault(run.output, set()).update(new)
            if self._is_long:
                text = json_lines.text(_rows(self._known))
                overwrite(self._file, text, self._file.parent)
                self._is_long = False
            else:
                json_lines.append(self._file, _rows(new))

    def by(self, path: str, version: Version) -> Run | None:
        """The run that left a file as it is; None if it was changed since."""
        left = self._known.get(path)
        return left.run if left and left.version == version else None

    def of(self, output: str) -> dict[str, LeftFile]:
        """What the runs of a job left that no other job left since, by path."""
        found = {path: self._known[path] for path in self._by_output.get(output, ())}
        return {path: left for path, left in found.items() if left.run.output == output}


def _rows(files: Mapping[str, LeftFile]) -> list[list[Any]]:
    return [[path, left.version, *left.run] for path, left in files.items()]


def _read(file: Path) -> Iterator[tuple[str, LeftFile]]:
    for row in json_lines.read(file):
        with suppress(ValueError, TypeError, KeyError):
            path, version, *run = row
            yield path, LeftFile(Version.load(version), Run(*run))
