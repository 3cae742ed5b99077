"""Records of how results were made: what executions of a computation, named by its key, gave.

``records/ab/<key>/`` is a version log, one file an execution. A record says what the job was told,
what it was seen to read, and what it made; all outputs of an execution are in one record, so that
all are found or none is. Several records may stand under one key: the newest whose reads hold is
the answer. The same key and reads with other bytes is kept as evidence of non-determinism.

A record has three lines of JSON: what decides, what was read, and what only people ask. So what
many records share is parsed once, and what nobody asks is not parsed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import plain, result_id
from snakemake_storage_plugin_seqstore.store import directories, version_log
from snakemake_storage_plugin_seqstore.store.parsing import (
    MalformedError,
    absent,
    any_object,
    any_text,
    each,
    either,
    fields,
    flag,
    is_sha256,
    load,
    mapping,
    number,
    one_of,
    optional,
    relative_path,
    sha256,
    text,
)
from snakemake_storage_plugin_seqstore.store.reads import Reads
from snakemake_storage_plugin_seqstore.store.version import Version

FORMAT = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MadeIn:
    """The working directory in which something was made.

    Parameters
    ----------
    path : str
        Its absolute path then.
    project : str
        Under which files in their own places are listed there, wherever it is moved to.
    """

    path: str
    project: str

    @classmethod
    def load(cls, document: object) -> MadeIn:
        """Read it back from what its fields were written as.

        Raises
        ------
        MalformedError
            If it is not one.
        """
        return cls(**_MADE_IN(document))


class Later(Mapping[str, Any]):
    """A mapping that is read when somebody asks.

    Parameters
    ----------
    read : callable
        Gives it.
    """

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self._read = read

    @cached_property
    def _mapping(self) -> Mapping[str, Any]:
        return self._read()

    def __getitem__(self, name: str) -> Any:
        return self._mapping[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping)

    def __len__(self) -> int:
        return len(self._mapping)


@dataclass(frozen=True)
class Record:
    """What one execution of a computation gave.

    Parameters
    ----------
    key : str
        Digest of the provenance: of what the job was told.
    outputs : tuple of Version
        What was made, in the order in which the outputs are declared.
    stored : tuple of bool
        For each output, whether its payload was stored, or only its digest is known.
    provenance : mapping
        The parts of the provenance as canonical values, by name, to be compared with another's.
    seconds : float
        How long it took.
    rule : str
        What made it, for people.
    traces : tuple of Version or None
        Its logs and its benchmark, in their order, as far as they were stored: others may read
        them.
    reads : Reads
        What was read beyond that.
    undeclared : dict of str to Version
        Files that it made without declaring them, by their path from the working directory.
    is_observed : bool
        Whether the reads were seen; if not, they are what is plain from the code.
    about : mapping
        What people ask of it besides: workflow, commit, command, user, host, log.
    made_in : MadeIn or None
        Where it was made, if something that was made contains the absolute path of that.
    digest : str
        SHA-256 of the record itself; set when it is written or read.
    time : int
        When it was written, in ns since the epoch.
    """

    key: str
    outputs: tuple[Version, ...]
    stored: tuple[bool, ...]
    provenance: Mapping[str, Any]
    seconds: float
    rule: str
    traces: tuple[Version | None, ...] = ()
    reads: Reads = field(default_factory=Reads)
    undeclared: dict[str, Version] = field(default_factory=dict)
    is_observed: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)
    made_in: MadeIn | None = None
    digest: str = ""
    time: int = 0

    @property
    def names(self) -> list[str]:
        """What the outputs were called when this was made; only suffixes if names do not count.

        Numbers, if whoever wrote the record did not say it.
        """
        try:
            files, _ = plain(self.provenance["outputs"])
            return [str(name) for name, _ in files]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return [f"output {number}" for number in range(len(self.outputs))]

    @property
    def id(self) -> str:
        """UUID of the result: the same computation has the same id in every store."""
        return result_id(self.key)

    def is_like(self, other: Record) -> bool:
        """Whether another execution read the same and gave the same, with all that others read."""
        return (
            self.reads == other.reads
            and self.is_observed == other.is_observed
            and (self.outputs, self.stored) == (other.outputs, other.stored)
            and (self.traces, self.undeclared) == (other.traces, other.undeclared)
            and self.made_in == other.made_in
        )


class Records:
    """The records of a store: ``root/records``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "records"

    def all(self, key: str) -> list[Record]:
        """All records of a computation that can be read, newest first."""
        return list(_readable(key, self.history(key)).values())

    def history(self, key: str) -> list[version_log.Stamp]:
        """The files of all records of a computation, newest first."""
        return version_log.history(self._directory(key))

    def add(self, record: Record) -> Record:
        """Write a record, unless the newest one says the same already."""
        directory = self._directory(record.key)
        before = version_log.history(directory)
        known = _readable(record.key, before)
        newest = known.get(before[0]) if before else None  # what counts, unless it is damaged
        if newest and newest.is_like(record):
            return newest
        content = dump(record)
        digest = hashlib.sha256(content).hexdigest()
        stamp = version_log.add(directory, digest, content, before, self.root)
        for older, found in known.items():
            if found.is_like(record):
                directories.remove(self.root, directories.relative(self.root, older.path))
        return replace(record, digest=digest, time=stamp.time)

    def nondeterministic(self) -> Iterator[list[Record]]:
        """The records, newest first, of each computation that gave other bytes from equal reads."""
        for key in self:
            by_reads: dict[tuple[str, MadeIn | None], list[Record]] = {}
            for record in self.all(key):
                if any(version.is_unseen for version in record.outputs):
                    continue
                by_reads.setdefault((record.reads.digest, record.made_in), []).append(record)
            for records in by_reads.values():
                if len({record.outputs for record in records}) > 1:
                    yield records

    def __iter__(self) -> Iterator[str]:
        """The keys of all computations, in order."""
        for shard in directories.folders(self.root, "records"):
            for name in directories.folders(self.root, f"records/{shard}"):
                # There may be somebody's stray directory.
                if len(shard) == 2 and is_sha256(shard + name):
                    yield shard + name

    def _directory(self, key: str) -> str:
        sha256(key)  # else it might lead anywhere
        return f"{self.directory}/{key[:2]}/{key[2:]}"


def read(key: str, stamp: version_log.Stamp) -> Record | None:
    """The record in a file; None if it cannot be read."""
    try:
        return _load(key, stamp, stamp.read())
    except (MalformedError, OSError) as error:
        logger.warning(f"seqstore: a record counts as missing: {error}")
        return None


def _readable(key: str, stamps: Iterable[version_log.Stamp]) -> dict[version_log.Stamp, Record]:
    return {stamp: record for stamp in stamps if (record := read(key, stamp))}


def dump(record: Record) -> bytes:
    """What the file of a record holds."""
    decides = {
        "record": FORMAT,
        "key": record.key,
        "outputs": [vars(version) for version in record.outputs],
        "stored": record.stored,
        "traces": [trace and vars(trace) for trace in record.traces],
        "undeclared": {path: vars(version) for path, version in record.undeclared.items()},
        "is_observed": record.is_observed,
        "seconds": round(record.seconds, 3),
        "rule": record.rule,
    } | ({"made_in": vars(record.made_in)} if record.made_in else {})
    asked = {"about": {**record.about}, "provenance": {**record.provenance}}
    lines = decides, record.reads.to_json(), asked
    return "\n".join(json.dumps(line, sort_keys=True) for line in lines).encode()


def _load(key: str, stamp: version_log.Stamp, content: bytes) -> Record:
    if hashlib.sha256(content).hexdigest() != stamp.digest:
        raise MalformedError(f"{stamp.path} is damaged")
    try:
        found = _parsed(content)
        one_of(key)(found["key"])
        for path in found["undeclared"]:
            relative_path(path)
    except MalformedError as error:
        raise MalformedError(f"{stamp.path} is no record of this format: {error}") from None
    if len(found["outputs"]) != len(found["stored"]):
        raise MalformedError(f"{stamp.path} does not say which outputs are stored")
    del found["record"]
    return Record(**found, digest=stamp.digest, time=stamp.time)


def _parsed(content: bytes) -> dict[str, Any]:
    lines = content.split(b"\n")
    if len(lines) == 1:
        return _OF_ONE_LINE(load(content))
    if len(lines) != 3:
        raise MalformedError("it has not three lines")
    found = _OF_FIRST_LINE(load(lines[0]))
    found["reads"] = _reads(lines[1])
    for name in ("provenance", "about"):
        found[name] = Later(partial(_asked, lines[2], name))
    return found


@lru_cache(maxsize=128)  # most jobs of a rule read the same
def _reads(line: bytes) -> Reads:
    return Reads.from_json(load(line))


def _asked(line: bytes, name: str) -> Mapping[str, Any]:
    """What people ask of a record; empty if that cannot be read."""
    try:
        part: Mapping[str, Any] = _OF_LAST_LINE(load(line))[name]
    except MalformedError as error:
        logger.warning(f"seqstore: what a record says of its {name} cannot be read: {error}")
        return {}
    return part


_MADE_IN = fields(path=any_text, project=text)
_DECIDES: dict[str, Any] = {
    "key": sha256,
    "outputs": each(Version.load),
    "stored": each(flag),
    "traces": each(either(absent, Version.load)),
    "undeclared": mapping(Version.load),
    "is_observed": flag,
    "seconds": number,
    "rule": text,
    "made_in": optional(MadeIn.load, None),
}
_ASKED: dict[str, Any] = {"provenance": any_object, "about": any_object}
_OF_FIRST_LINE = fields(record=one_of(FORMAT), **_DECIDES)
_OF_LAST_LINE = fields(**_ASKED)
_OF_ONE_LINE = fields(record=one_of(2), reads=Reads.from_json, **_DECIDES, **_ASKED)
