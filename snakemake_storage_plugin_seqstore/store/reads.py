"""What a job read beyond what it was told, as its record keeps it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from snakemake_storage_plugin_seqstore.store.parsing import (
    MalformedError,
    any_text,
    each,
    fields,
    integer,
    mapping,
    natural,
    optional,
    sha256,
    text,
)

# For people, or of no account for whether the reads hold.
_SAYS_NOTHING = ("notes", "rejected")
_OF_FILES = ("files", "asked", "absent", "listed", "searched", "products", "made", "rejected")
_OF_MACHINE = ("programs", "software", "system", "search_path")


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
    workdir : str
        The working directory, if any place so far is an absolute path.
    products : mapping of str to str
        What other jobs make and this one read without declaring it: place to SHA-256.
    executable : tuple of str
        Places of those among `files` and `asked` that were executable.
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
    variables : mapping of str to str
        Variables that count: name to a salted digest; and the locale and time zone as they are.
    named : mapping of str to str
        What sources that were read name of the job and the config: the way there, as JSON, to the
        SHA-256 of what it was.
    ancient : mapping of str to str
        Content of inputs that the user calls ancient, by their number: what it is elsewhere.
    piped : tuple of Piped
        For each of its inputs that is a pipe, what the job read that filled it.
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
    workdir: str = ""
    products: Mapping[str, str] = field(default_factory=dict)
    executable: tuple[str, ...] = ()
    made: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    software: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    search_path: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    ancient: Mapping[str, str] = field(default_factory=dict)
    piped: tuple[Piped, ...] = ()
    notes: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()

    @cached_property
    def has_files(self) -> bool:
        """Whether files or directories were read, or looked for, that are no software."""
        return any(getattr(self, name) for name in _OF_FILES)

    def to_json(self) -> dict[str, Any]:
        """As JSON values; what is empty is left out.

        A path's bytes that are no UTF-8 stand as lone surrogates: write it with ``ensure_ascii``.
        """
        return self._part([item.name for item in dataclasses.fields(self)])

    def machine(self) -> tuple[Any, ...]:
        """Programs, software, system files and PATH, as JSON values; None for what is empty."""
        part = self._part(_OF_MACHINE)
        return tuple(map(part.get, _OF_MACHINE))

    def _part(self, names: Iterable[str]) -> dict[str, Any]:
        values = ((name, getattr(self, name)) for name in names)
        return {name: _plain(value) for name, value in values if value}

    @classmethod
    def from_json(cls, value: object) -> Reads:
        """From JSON values.

        Raises
        ------
        MalformedError
            If they are no such reads.
        """
        return cls(**_FORM(value))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that says whether these reads hold: equal for equal reads."""
        value = {k: v for k, v in self.to_json().items() if k not in _SAYS_NOTHING}
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

    @cached_property
    def software_digest(self) -> str:
        """SHA-256 of programs, software, system files and PATH: equal for equal software."""
        text = json.dumps(self._part(_OF_MACHINE), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Piped:
    """What a job read that filled a pipe of another one.

    Attributes
    ----------
    rule : str
        Its rule, for people.
    reads : Reads
        What it read.
    """

    rule: str
    reads: Reads

    @classmethod
    def from_json(cls, value: object) -> Piped:
        """From JSON values.

        Raises
        ------
        MalformedError
            If it is no such object.
        """
        return cls(**_PIPED(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, Piped):
        return {"rule": value.rule, "reads": value.reads.to_json()}
    return [*map(_plain, value)] if isinstance(value, tuple) else value


def _status(value: Any) -> str | tuple[int, int]:
    """Check what is kept of a file of which only the status was asked for."""
    if type(value) is list:
        if len(value) != 2:
            raise MalformedError("it is no size with a time")
        return natural(value[0]), integer(value[1])
    return sha256(value) if value != "" else ""


def _owner(value: Any) -> str:
    """Check what a program is: a package with its prefix, or a digest."""
    found = any_text(value)
    return found if "|" in found else sha256(found)


_DIGESTS = optional(mapping(sha256), {})
_TEXTS = optional(each(any_text), ())
_FORM = fields(
    files=_DIGESTS,
    asked=optional(mapping(_status), {}),
    absent=_TEXTS,
    listed=_DIGESTS,
    wrote=optional(mapping(each(any_text)), {}),
    searched=_DIGESTS,
    modules=_TEXTS,
    workdir=optional(any_text, ""),
    products=_DIGESTS,
    executable=_TEXTS,
    made=_DIGESTS,
    programs=optional(mapping(_owner), {}),
    software=optional(mapping(mapping(any_text)), {}),
    system=_DIGESTS,
    search_path=optional(any_text, ""),
    variables=optional(mapping(text), {}),
    named=_DIGESTS,
    ancient=optional(mapping(any_text), {}),
    piped=optional(each(Piped.from_json), ()),
    notes=_TEXTS,
    rejected=_TEXTS,
)
_PIPED = fields(rule=text, reads=Reads.from_json)
