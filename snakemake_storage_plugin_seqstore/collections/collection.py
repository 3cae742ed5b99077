"""What a collection is: the one place where collections differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from snakemake_storage_plugin_seqstore.collections.payload import Payload


class Example(NamedTuple):
    """A query for the documentation, and what it means."""

    query: str
    description: str


@dataclass(frozen=True)
class Views:
    """What can be derived from the entries of a collection.

    Parameters
    ----------
    keys : tuple of str
        Keys that a view may have, beside ``format`` and ``sha256``.
    check : callable
        Checks a view, without its entry: name of the entry, parameters, format. It raises
        QueryError.
    write : callable
        Writes a view: payload, parameters, format, target.
    default : str
        Format of a view that names none; if empty, that of the entry.
    version : int
        Raised when the bytes of a view change.
    """

    keys: tuple[str, ...]
    check: Callable[[str, Mapping[str, str], str], None]
    write: Callable[[Payload, Mapping[str, str], str, Path | BinaryIO], None]
    default: str = ""
    version: int = 1


@dataclass(frozen=True)
class Collection:
    """Entries of one kind.

    Parameters
    ----------
    name : str
        What it is called in queries.
    entry : str
        What one entry is, for people.
    examples : tuple of Example
        For the documentation.
    suffixes : tuple of str
        In which names must end; any may if there are none.
    validate : callable, optional
        Checks a file or directory that is to be published under a name; raises SeqstoreError.
    views : Views, optional
        What can be derived from the entries.
    summary : callable, optional
        Says what is in a payload, by what it is called.
    """

    name: str
    entry: str
    examples: tuple[Example, ...]
    suffixes: tuple[str, ...] = ()
    validate: Callable[[Path, str], None] = field(default=lambda source, name: None)
    views: Views | None = None
    summary: Callable[[Payload], Mapping[str, Any]] | None = None
