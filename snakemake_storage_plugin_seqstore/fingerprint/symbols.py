"""Symbols in place of what does not count: directories, and the paths of a job's own files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from snakemake_storage_plugin_seqstore.unknown import Unknown

# What a path may stand behind: the begin, a blank, `=`, `-I`, `file://`; not a part of its name.
_BEGINS = re.compile(r"(?:|.*[^\w./\0})*?\]~\\-]|(?:.*[\s\"'=])?-[A-Za-z]|.*://)", re.DOTALL)
_ENDS = re.compile(r"(?![\w+@%~*?\[{$\\\0-]|\.(?![\s\"');,]|$))")


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


class Whole(Symbol):
    """A symbol for a value that counts, and for whatever part of it is formatted."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> str:
        return self

    def __getattr__(self, name: str) -> Any:
        return self


_symbol = lru_cache(Symbol)

Places = tuple[tuple[str, Symbol], ...]  # directories and their symbols


def without_places(text: str, places: Places) -> str:
    r"""Put symbols in place of directories, where they are whole parts of a path.

    Parameters
    ----------
    text : str
        A command, a param or the like.
    places : tuple of (str, Symbol)
        Directories and their symbols, in any order; the longest that fits is taken.

    Examples
    --------
    >>> without_places("cat /a/b/x /a/bc", (("/a/b", Symbol("workdir")),))
    'cat \x00workdir\x00/x /a/bc'
    """
    for place, symbol in _longest_first(places):
        if place in text:
            text = _replaced(text, place, symbol)
    return text


def own_paths(files: Mapping[str, Iterable[str]]) -> dict[str, Symbol]:
    """Symbols of a job's own files and of the directories that they are in.

    A directory whose name is one word is left out: the word may mean anything else.

    Parameters
    ----------
    files : mapping of str to iterable of str
        Paths by kind, such as ``input``, ``output`` and ``log``, in their order.

    Returns
    -------
    dict
        ``{path: Symbol("output:0"), directory: Symbol("output:0/.."), ...}``.
    """
    found: dict[str, Symbol] = {}
    folders: dict[str, Symbol] = {}
    for kind, paths in files.items():
        for number, path in enumerate(map(str, paths)):
            found.setdefault(path, _symbol(f"{kind}:{number}"))
            folder = os.path.dirname(path)
            if "/" in folder.rstrip("/"):
                folders.setdefault(folder, _symbol(f"{kind}:{number}/.."))
    return folders | found


@lru_cache
def _longest_first(places: Places) -> Places:
    found = [(place.rstrip("/"), symbol) for place, symbol in places]
    return tuple(sorted(filter(_first, found), key=lambda item: len(item[0]), reverse=True))


def _first(item: tuple[str, Symbol]) -> str:
    return item[0]


def _replaced(text: str, place: str, symbol: Symbol) -> str:
    parts: list[str] = []
    done = at = 0
    while (at := text.find(place, at)) >= 0:
        end = at + len(place)
        if _BEGINS.fullmatch(text, max(0, at - 3), at) and _ENDS.match(text, end):
            parts += [text[done:at], str(symbol)]
            done = end
        at = end
    return "".join([*parts, text[done:]])
