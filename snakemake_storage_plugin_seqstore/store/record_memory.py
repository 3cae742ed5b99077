"""Records that were read or written here, remembered from run to run: a record never changes.

What only people ask of a record is not kept; it is read when somebody asks. A file of lines, each a
JSON list: a digest and `Reads`, or a digest and what else decides of a record.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.store import json_lines
from snakemake_storage_plugin_seqstore.store.filesystem import overwrite
from snakemake_storage_plugin_seqstore.store.reads import Reads
from snakemake_storage_plugin_seqstore.store.records import MadeIn, Record, Records, read
from snakemake_storage_plugin_seqstore.store.version import Version
from snakemake_storage_plugin_seqstore.store.version_log import Stamp

_MOST = 1 << 26  # bytes of the file; then it is begun anew with what is needed


class RecordMemory:
    """What is remembered of records.

    Parameters
    ----------
    file : path
        Where it is kept; need not exist.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.file = Path(file)
        self._reads: dict[str, Any] = {}  # by a digest of their own: as `Reads`, or as written
        self._used: dict[str, list[Any]] = {}  # records by their digests
        self._new: list[list[Any]] = []
        self._lock = threading.Lock()  # jobs start in several threads

    @cached_property
    def _known(self) -> dict[str, list[Any]]:
        """What is written down of records, by their digests."""
        known: dict[str, list[Any]] = {}
        for digest, *row in json_lines.read(self.file):
            if len(row) == 1:
                self._reads.setdefault(digest, row[0])
            else:
                known[digest] = row
        return known

    def all(self, records: Records, key: str) -> list[Record]:
        """All records of a computation that can be read, newest first."""
        found = (self._find(key, stamp) for stamp in records.history(key))
        return [record for record in found if record]

    def _find(self, key: str, stamp: Stamp) -> Record | None:
        digest = stamp.digest or ""
        row = self._known.get(digest)
        if row is None or row[0] != key:
            if record := read(key, stamp):
                self.note(record)
            return record
        self._used[digest] = row
        _, outputs, stored, traces, reads, undeclared, is_observed, seconds, rule, made_in = row
        unread = cache(partial(read, key, stamp))
        return Record(
            key,
            tuple([Version(*each) for each in outputs]),
            tuple(stored),
            _Part(unread, "provenance"),
            seconds,
            rule,
            tuple([each and Version(*each) for each in traces]),
            self._reads_of(reads),
            {path: Version(*each) for path, each in undeclared.items()},
            is_observed,
            _Part(unread, "about"),
            made_in and MadeIn(*made_in),
            digest,
            stamp.time,
        )

    def _reads_of(self, digest: str) -> Reads:
        """Reads by their own digest: one object for many records."""
        found = self._reads[digest]
        if not isinstance(found, Reads):
            found = self._reads[digest] = Reads.from_json(found)
        return found

    def note(self, record: Record) -> None:
        """Remember a record that was read or written."""
        reads = record.reads.to_json()
        digest = hashlib.sha256(json.dumps(reads, sort_keys=True).encode()).hexdigest()[:32]
        row = [
            record.key,
            [_row(version) for version in record.outputs],
            record.stored,
            [trace and _row(trace) for trace in record.traces],
            digest,
            {path: _row(version) for path, version in record.undeclared.items()},
            record.is_observed,
            record.seconds,
            record.rule,
            record.made_in and _row(record.made_in),
        ]
        with self._lock:
            if digest not in self._reads:
                self._reads[digest] = record.reads
                self._new.append([digest, reads])
            self._used[record.digest] = row
            self._new.append([record.digest, *row])

    def save(self) -> None:
        """Write down what is new."""
        with self._lock, suppress(OSError):  # else it is read again
            if self._new:
                json_lines.append(self.file, self._new)
                self._new = []
                if self.file.stat().st_size > _MOST:
                    self._begin_anew()

    def _begin_anew(self) -> None:
        """Keep only what this run has used."""
        reads = dict.fromkeys(row[4] for row in self._used.values())
        rows = [[digest, self._reads_of(digest).to_json()] for digest in reads]
        rows += [[digest, *row] for digest, row in self._used.items()]
        overwrite(self.file, json_lines.text(rows), self.file.parent)


def _row(value: Version | MadeIn) -> list[Any]:
    return [*vars(value).values()]


class _Part(Mapping[str, Any]):
    """A part of a record that is read when somebody asks; empty if that cannot be."""

    def __init__(self, read: Callable[[], Record | None], name: str) -> None:
        self._read = read
        self._name = name

    @property
    def _part(self) -> Mapping[str, Any]:
        record = self._read()
        return getattr(record, self._name) if record else {}

    def __getitem__(self, name: str) -> Any:
        return self._part[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._part)

    def __len__(self) -> int:
        return len(self._part)
