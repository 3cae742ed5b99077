"""Symbols in place of what does not count: directories, and the paths of a job's own files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from snakemake_storage_plugin_seqstore.unknown import Unknown


class Symbol(str):
    """Stands for a value that does not count; framed by NUL, which no command contains."""

    __slots__ = ()

    def __new__(cls, name: str) -> Symbol:
        """Frame a name."""
        return super().__new__(cls, f"\0{name}\0")

    def __format__(self, spec: str) -> str:
        return f"{self}:{spec}" if spec else str(self)

    def __getitem__(self, index: Any) -> str:
        raise Unknown("it formats a part of a path, a number of threads or the like")

    def __getattr__(self, name: str) -> Any:
        raise Unknown("it formats a part of a path, a number of threads or the like")


Places = tuple[tuple[str, Symbol], ...]  # directories and their symbols


def without_places(text: str, places: Places) -> str:
    """Put symbols in place of directories, where they are whole parts of a path.

    Parameters
    ----------
    text : str
        A command, a param or the like.
    places : tuple of (str, Symbol)
        Absolute directories and their symbols, in any order; the longest that fits is taken.
    """
    raise NotImplementedError


def own_paths(files: Mapping[str, Iterable[str]]) -> dict[str, Symbol]:
    """Symbols of a job's own files and of the directories that they are in.

    Parameters
    ----------
    files : mapping of str to iterable of str
        Paths by kind, such as ``input``, ``output`` and ``log``, in their order.

    Returns
    -------
    dict
        ``{path: Symbol("output:0"), directory: Symbol("output:0/.."), ...}``.
    """
    raise NotImplementedError


def _unused() -> str:
    return os.sep
