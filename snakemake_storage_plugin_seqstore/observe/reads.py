"""The reads of a job, as its record keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reads:
    """What a job read beyond what it was told. Places are as `Places` names them.

    Attributes
    ----------
    files : mapping of str to str
        Files that were read: place to SHA-256.
    asked : mapping of str to str or (int, int)
        Files whose status was asked for: place to SHA-256, or to size and mtime (ns) of large
        ones; an empty text for a directory.
    absent : tuple of str
        Places where nothing was.
    listed : mapping of str to str
        Directories that were listed: place to the SHA-256 of the names that count.
    searched : mapping of str to str
        Directories that were searched for modules: place to the SHA-256 of the names there whose
        stem is one of `modules`.
    modules : tuple of str
        Names of modules that were searched for.
    products : mapping of str to str
        What other jobs make and this one read without declaring it: place to SHA-256.
    made : mapping of str to str
        What the job looked for and then wrote: place to SHA-256. It holds if it is absent, or
        the same.
    programs : mapping of str to str
        Programs that were executed: path to the package that owns it (``PREFIX|NAME``), or to
        SHA-256.
    software : mapping of str to mapping
        Prefix to packages, each with its version.
    system : mapping of str to str
        Files below such prefixes that no package owns: path to SHA-256.
    search_path : str
        The job's PATH.
    notes : tuple of str
        For people: ``talked to the network``.
    rejected : tuple of str
        Why the result must not be reused: ``changed in place: PATH``.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, str | tuple[int, int]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    listed: Mapping[str, str] = field(default_factory=dict)
    searched: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    products: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    software: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    search_path: str = ""
    notes: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values; what is empty is left out."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: object) -> Reads:
        """From JSON values.

        Raises
        ------
        InputError
            If that is no such record.
        """
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """SHA-256 of all that counts: equal for equal reads."""
        raise NotImplementedError
