"""What functions of local modules name of the ``snakemake`` that a script hands them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReader
from snakemake_storage_plugin_seqstore.fingerprint.python_source import read_function
from snakemake_storage_plugin_seqstore.fingerprint.source_names import (
    Handed,
    SourceNames,
    of_ways,
)


def with_handed(
    names: SourceNames, reader: PlainReader, folder: str | None, in_workdir: bool = False
) -> SourceNames:
    """What a script names, with what functions of local modules name of what they get.

    What other functions get counts as it is. But what an installed module gets as the whole object
    does not: it was not made for this workflow, and knows nothing of its config. Python's own may
    give it back, and code that says itself where modules are may mean any, so there it counts.

    Parameters
    ----------
    names : SourceNames
        What the script names itself.
    reader : PlainReader
        Finds local modules.
    folder : str or None
        The directory in which the script lies; None if it is remote.
    in_workdir : bool
        Whether modules are also found in the working directory.
    """
    walk = _Walk(reader, reader.search(folder, in_workdir))
    return names | walk.follow(names, folder or "")


class _Walk:
    def __init__(self, reader: PlainReader, search: Sequence[str]) -> None:
        self._reader = reader
        self._search = search
        self._followed: set[tuple[str, Handed]] = set()

    def follow(self, names: SourceNames, folder: str) -> SourceNames:
        """What is named by all that get a part of ``snakemake`` from code in some folder."""
        found = SourceNames()
        for handed in names.handed:
            if (folder, handed) not in self._followed:
                self._followed.add((folder, handed))
                found |= self._function(handed, folder, names.changes_path)
        return found

    def _function(self, handed: Handed, folder: str, changes_path: bool) -> SourceNames:
        """What a function names of what it gets; all of that if the function is not plain."""
        name = handed.function.lstrip(".")
        dots = handed.function[: len(handed.function) - len(name)]
        module, _, function = name.rpartition(".")
        files = self._reader.module_files(dots + name, self._search, folder)
        ends = [f"{os.sep}{module.replace('.', os.sep)}{end}" for end in (".py", "/__init__.py")]
        for file in files:
            if module and file.endswith(tuple(ends)):
                text = (self._reader.read(file) or b"").decode(errors="replace")
                if found := read_function(text, function, handed):
                    return found | self.follow(found, os.path.dirname(file))
                break
        is_of_python = name.partition(".")[0] in sys.stdlib_module_names
        is_counted = handed.way or files or dots or changes_path or is_of_python
        return of_ways([handed.way] if is_counted else [])
