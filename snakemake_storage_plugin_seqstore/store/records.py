"""Records of how results were made: what a computation, named by its key, gave.

``records/ab/<key>/`` is a version log. All outputs of one execution are in one record, so that all
are found or none is. A computation that gave other bytes another time has several versions: the
newest one counts, the others stay as evidence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import plain, result_id
from snakemake_storage_plugin_seqstore.store import directories, version_log
from snakemake_storage_plugin_seqstore.store.parsing import (
    MalformedError,
    anything,
    each,
    fields,
    flag,
    is_sha256,
    load,
    mapping,
    number,
    one_of,
    sha256,
    text,
)
from snakemake_storage_plugin_seqstore.store.version import Version

FORMAT = 1


@dataclass(frozen=True)
class Record:
    """What one execution of a computation gave.

    Parameters
    ----------
    key : str
        Digest of the provenance.
    outputs : tuple of Version
        What was made, in the order in which the outputs are declared.
    stored : tuple of bool
        For each output, whether its payload was stored, or only its digest is known.
    provenance : dict
        The parts of the provenance as canonical values, by name, to be compared with another's.
    seconds : float
        How long it took.
    rule : str
        What made it, for people.
    digest : str
        SHA-256 of the record itself; set when it is written or read.
    time : int
        When it was written, in ns since the epoch.
    """

    key: str
    outputs: tuple[Version, ...]
    stored: tuple[bool, ...]
    provenance: dict[str, Any]
    seconds: float
    rule: str
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


class Records:
    """The records of a store: ``root/records``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "records"

    def find(self, key: str, prefer: Mapping[int, Version] | None = None) -> Record | None:
        """The newest record of a computation, or the newest with the outputs that are preferred.

        Parameters
        ----------
        prefer : mapping of int to Version, optional
            Outputs by their number.

        Raises
        ------
        MalformedError
            If the record is damaged.
        """
        found = version_log.newest(partial(version_log.history, self._directory(key)))
        if found is None:
            return None
        newest = _load(key, *found)
        if prefer and not _has(newest, prefer):
            return next((old for old in self.all(key) if _has(old, prefer)), newest)
        return newest

    def all(self, key: str) -> list[Record]:
        """All records of a computation that can be read, newest first."""
        return list(_readable(key, version_log.history(self._directory(key))).values())

    def add(self, record: Record) -> Record:
        """Write a record, unless what counts says the same already."""
        directory = self._directory(record.key)
        before = version_log.history(directory)
        known = _readable(record.key, before)
        newest = known.get(before[0]) if before else None  # what counts, unless it is damaged
        if newest and (newest.outputs, newest.stored) == (record.outputs, record.stored):
            return newest
        content = dump(record)
        digest = hashlib.sha256(content).hexdigest()
        stamp = version_log.add(directory, digest, content, before, self.root)
        for older, found in known.items():
            if found.outputs == record.outputs:
                directories.remove(self.root, directories.relative(self.root, older.path))
        return replace(record, digest=digest, time=stamp.time)

    def nondeterministic(self) -> Iterator[list[Record]]:
        """The records, newest first, of each computation that gave other bytes another time."""
        for key in self:
            records = self.all(key)
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


def _readable(key: str, stamps: Iterable[version_log.Stamp]) -> dict[version_log.Stamp, Record]:
    records = {}
    for stamp in stamps:
        with suppress(MalformedError, OSError):
            records[stamp] = _load(key, stamp, stamp.read())
    return records


def _has(record: Record, outputs: Mapping[int, Version]) -> bool:
    return all(record.outputs[number] == version for number, version in outputs.items())


def dump(record: Record) -> bytes:
    """What the file of a record holds."""
    document = {
        "record": FORMAT,
        "key": record.key,
        "outputs": [vars(version) for version in record.outputs],
        "stored": record.stored,
        "provenance": record.provenance,
        "seconds": round(record.seconds, 3),
        "rule": record.rule,
    }
    return json.dumps(document, sort_keys=True).encode()


def _load(key: str, stamp: version_log.Stamp, content: bytes) -> Record:
    if hashlib.sha256(content).hexdigest() != stamp.digest:
        raise MalformedError(f"{stamp.path} is damaged")
    try:
        found = fields(
            load(content),
            record=one_of(FORMAT),
            key=one_of(key),
            outputs=each(Version.load),
            stored=each(flag),
            provenance=mapping(anything),
            seconds=number,
            rule=text,
        )
    except MalformedError as error:
        raise MalformedError(f"{stamp.path} is no record of this format: {error}") from None
    del found["record"]
    if len(found["outputs"]) != len(found["stored"]):
        raise MalformedError(f"{stamp.path} does not say which outputs are stored")
    return Record(**found, digest=stamp.digest, time=stamp.time)
