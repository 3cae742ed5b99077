"""The reads of a job, as its record keeps them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError

_DIGEST = re.compile(r"[0-9a-f]{64}")
# For people, or of no account for whether the reads hold.
_SAYS_NOTHING = ("notes", "rejected")


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
    wrote : mapping of str to tuple of str
        Names in listed directories that the job wrote: they do not count.
    searched : mapping of str to str
        Directories that were searched for modules: place to the SHA-256 of the names there whose
        stem is one of `modules`.
    modules : tuple of str
        Names of modules that were loaded.
    products : mapping of str to str
        What other jobs make and this one read without declaring it: place to SHA-256.
    made : mapping of str to str
        What the job looked for and then wrote: place to SHA-256. It holds if it is absent, or
        the same.
    programs : mapping of str to str
        Programs that were executed: path to ``PREFIX|NAME`` of the package that owns it, or to
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
    wrote: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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
        """As JSON values; what is empty is left out.

        A path's bytes that are no UTF-8 stand as lone surrogates: write it with ``ensure_ascii``.
        """
        return {
            item.name: _plain(value) for item in fields(self) if (value := getattr(self, item.name))
        }

    @classmethod
    def from_json(cls, value: object) -> Reads:
        """From JSON values.

        Raises
        ------
        InputError
            If that is no such record.
        """
        given = _mapping(value, "reads")
        unknown = given.keys() - _PARSERS.keys()
        if unknown:
            raise InputError(f"reads have no {sorted(unknown)[0]!r}")
        return cls(**{name: _PARSERS[name](given[name], name) for name in given})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that says whether these reads hold: equal for equal reads."""
        value = {k: v for k, v in self.to_json().items() if k not in _SAYS_NOTHING}
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

    @cached_property
    def software_digest(self) -> str:
        """SHA-256 of programs, software, system files and PATH: equal for equal software."""
        names = ("programs", "software", "system", "search_path")
        value = {k: v for k, v in self.to_json().items() if k in names}
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    return list(value) if isinstance(value, tuple) else value


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{name} of a record are not a JSON object")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} of a record has {value!r}, which is no text")
    return value


def _digest(value: object, name: str) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise InputError(f"{name} of a record has {value!r}, which is no SHA-256")
    return value


def _owner(value: object, name: str) -> str:
    text = _text(value, name)
    return text if "|" in text else _digest(value, name)


def _status(value: object, name: str) -> str | tuple[int, int]:
    if value == "":
        return ""
    if isinstance(value, list):
        if len(value) == 2 and all(type(part) is int for part in value):
            return value[0], value[1]
        raise InputError(f"{name} of a record has {value!r}, which is no size and time")
    return _digest(value, name)


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{name} of a record is no list")
    return tuple(_text(part, name) for part in value)


def _each(parse: Callable[[object, str], Any]) -> Callable[[object, str], Any]:
    def parsed(value: object, name: str) -> dict[str, Any]:
        return {key: parse(part, name) for key, part in _mapping(value, name).items()}

    return parsed


_PARSERS: dict[str, Callable[[object, str], Any]] = {
    "files": _each(_digest),
    "asked": _each(_status),
    "absent": _texts,
    "listed": _each(_digest),
    "wrote": _each(_texts),
    "searched": _each(_digest),
    "modules": _texts,
    "products": _each(_digest),
    "made": _each(_digest),
    "programs": _each(_owner),
    "software": _each(_each(_text)),
    "system": _each(_digest),
    "search_path": _text,
    "notes": _texts,
    "rejected": _texts,
}
