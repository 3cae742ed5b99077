"""Records that were read or written here, remembered from run to run: a record never changes.

What only people ask of a record is not kept; it is read when somebody asks. A file of lines, each a
JSON list: a digest and `Reads`, or a digest and what else decides of a record.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.store import json_lines
from snakemake_storage_plugin_seqstore.store.filesystem import overwrite
from snakemake_storage_plugin_seqstore.store.reads import Reads
from snakemake_storage_plugin_seqstore.store.records import Later, MadeIn, Record, Records, read
from snakemake_storage_plugin_seqstore.store.version import Version
from snakemake_storage_plugin_seqstore.store.version_log import Stamp

_MOST = 1 << 26  # bytes of the file; then it is begun anew with what is needed
_OF_READS, _OF_RECORD = 2, 11  # values in a line
_KEY, _READS = 1, 5  # their places


class RecordMemory:
    """What is remembered of records.

    Parameters
    ----------
    file : path
        Where it is kept; need not exist.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.file = Path(file)
        self._reads: dict[str, Any] = {}  # by their digest: as `Reads`, or as written
        self._used: dict[str, list[Any]] = {}  # records by their digests
        self._new: list[list[Any]] = []
        self._lock = threading.Lock()  # jobs start in several threads

    @cached_property
    def _known(self) -> dict[str, list[Any]]:
        """What is written down of records, by their digests."""
        known: dict[str, list[Any]] = {}
        for row in json_lines.read(self.file):
            with suppress(TypeError, LookupError):  # somebody edited it
                if len(row) == _OF_READS:
                    self._reads.setdefault(row[0], row[1])
                else:
                    known[row[0]] = row
        return known

    def all(self, records: Records, key: str) -> list[Record]:
        """All records of a computation that can be read, newest first."""
        found = (self._find(key, stamp) for stamp in records.history(key))
        return [record for record in found if record]

    def recall(self, key: str, reads: str) -> Record | None:
        """A record that is remembered, whether or not its store is there; None if it is not.

        Parameters
        ----------
        key : str
            The computation.
        reads : str
            Digest of what it read.
        """
        if row := self._by_run.get((key, reads)):
            with suppress(TypeError, ValueError, LookupError, AttributeError):
                return self._record(row, 0, lambda: None)
        return None

    @cached_property
    def _by_run(self) -> dict[tuple[Any, Any], list[Any]]:
        """What was written down before, by key and digest of reads."""
        rows = self._known.values()
        return {(row[_KEY], row[_READS]): row for row in rows if len(row) == _OF_RECORD}

    def _find(self, key: str, stamp: Stamp) -> Record | None:
        digest = stamp.digest or ""
        if row := self._used.get(digest) or self._known.get(digest):
            with suppress(TypeError, ValueError, LookupError, AttributeError):
                if row[_KEY] == key:  # else its file is in a wrong place
                    record = self._record(row, stamp.time, partial(read, key, stamp))
                    self._used[digest] = row
                    return record
        found = read(key, stamp)
        return self.note(found) if found else None

    def _record(self, row: list[Any], time: int, read: Callable[[], Record | None]) -> Record:
        digest, key, outputs, stored, traces, reads, undeclared, observed, seconds, rule, made = row
        unread = cache(read)
        return Record(
            key,
            tuple([Version(*each) for each in outputs]),
            tuple(stored),
            Later(lambda: record.provenance if (record := unread()) else {}),
            seconds,
            rule,
            tuple([each and Version(*each) for each in traces]),
            self._reads_of(reads),
            {path: Version(*each) for path, each in undeclared.items()},
            observed,
            Later(lambda: record.about if (record := unread()) else {}),
            made and MadeIn(*made),
            digest,
            time,
        )

    def _reads_of(self, digest: str) -> Reads:
        """Reads by their digest: one object for many records."""
        found = self._reads[digest]
        if not isinstance(found, Reads):
            found = self._reads[digest] = Reads.from_json(found)
        return found

    def note(self, record: Record) -> Record:
        """Remember a record that was read or written, and give it."""
        if record.reads.rejected:  # it is no answer, so nobody asks for it often
            return record
        reads = record.reads.digest
        row = [
            record.digest,
            record.key,
            [_row(version) for version in record.outputs],
            record.stored,
            [trace and _row(trace) for trace in record.traces],
            reads,
            {path: _row(version) for path, version in record.undeclared.items()},
            record.is_observed,
            record.seconds,
            record.rule,
            record.made_in and _row(record.made_in),
        ]
        with self._lock:
            if reads not in self._reads:
                self._reads[reads] = record.reads
                self._new.append([reads, record.reads.to_json()])
            self._used[record.digest] = row
            self._new.append(row)
        return record

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
        reads = dict.fromkeys(row[_READS] for row in self._used.values())
        rows = [[digest, self._reads_of(digest).to_json()] for digest in reads]
        rows += self._used.values()
        overwrite(self.file, json_lines.text(rows), self.file.parent)


def _row(value: Version | MadeIn) -> list[Any]:
    return [*vars(value).values()]
