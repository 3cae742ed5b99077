"""What follows from the names in directories: found once, and again when one of them changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from snakemake_storage_plugin_seqstore.file_hashes import Signature, is_settled, signature_of

T = TypeVar("T")


class Directories:
    """What was found in directories in this process, for as long as it holds."""

    def __init__(self) -> None:
        self._read: dict[tuple[object, str], tuple[Signature, Any]] = {}
        self._derived: dict[Hashable, tuple[Hashable, Any]] = {}
        self._large: set[str] = set()

    def read(self, directory: str, what: Callable[[str], T]) -> T | None:
        """What a directory has; None if it cannot be read.

        Parameters
        ----------
        directory : str
            The directory. Its times change with the names in it.
        what : callable
            Reads a directory; it may look at names alone.
        """
        try:
            status = os.stat(directory)
            signature = signature_of(status)
            known = self._read.get((what, directory))
            if known and known[0] == signature:
                remembered: T = known[1]
                return remembered
            started = time.time_ns()
            found = what(directory)
        except OSError:
            return None
        if is_settled(status, started):
            self._read[what, directory] = signature, found
        return found

    def is_large(self, directory: str, most: int) -> bool:
        """Whether there are more than so many files below a directory, or were once.

        Who is told so does not rely on what is in it.
        """
        path = os.path.realpath(directory)
        if path not in self._large:
            count = 0
            for _, below, files in os.walk(path):
                count += len(below) + len(files)
                if count > most:
                    self._large.add(path)
                    break
        return path in self._large

    def derive(self, what: Hashable, state: Hashable, find: Callable[[], T]) -> T:
        """What follows from a state, which is found again when that is another one."""
        known = self._derived.get(what)
        if known is None or known[0] != state:
            self._derived[what] = known = state, find()
        found: T = known[1]
        return found
