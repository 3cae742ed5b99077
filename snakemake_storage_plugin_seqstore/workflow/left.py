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


class LeftFile(NamedTuple):
    """A file that a job left.

    Attributes
    ----------
    version : Version
        Its content.
    key : str
        Key of the job.
    output : str
        Its first output, by label, which says which job it was.
    """

    version: Version
    key: str
    output: str


class Left:
    """What jobs that ran here left, a line for each file in ``left.jsonl``.

    A file that is as a job left it, while that job is told something else by now, is no file of
    the user's: Snakemake would have let the job run again.

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
            self._by_output.setdefault(left.output, set()).add(path)
        self._is_long = len(rows) > len(self._known) + _MOST_OLD

    def note(self, files: Mapping[str, Version], key: str, output: str) -> None:
        """Note what a job left, by path from the working directory."""
        new = {path: LeftFile(version, key, output) for path, version in files.items()}
        if not new:
            return
        with self._lock:
            self._known |= new
            self._by_output.setdefault(output, set()).update(new)
            if self._is_long:
                text = json_lines.text(_rows(self._known))
                overwrite(self._file, text, self._file.parent)
                self._is_long = False
            else:
                json_lines.append(self._file, _rows(new))

    def by(self, path: str, version: Version) -> LeftFile | None:
        """What left a file as it is; None if it was changed since."""
        left = self._known.get(path)
        return left if left and left.version == version else None

    def of(self, output: str, key: str) -> dict[str, Version]:
        """What a job left that nobody changed since, by path."""
        found = {path: self._known[path] for path in self._by_output.get(output, ())}
        return {
            path: left.version
            for path, left in found.items()
            if (left.output, left.key) == (output, key)
        }


def _rows(files: Mapping[str, LeftFile]) -> list[list[Any]]:
    return [[path, *left] for path, left in files.items()]


def _read(file: Path) -> Iterator[tuple[str, LeftFile]]:
    for row in json_lines.read(file):
        with suppress(ValueError, TypeError, KeyError):
            path, version, key, output = row
            yield path, LeftFile(Version.load(version), key, output)
