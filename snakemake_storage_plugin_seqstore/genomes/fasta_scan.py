"""Finds where the sequences of a FASTA file are, by one look at its lines."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.genomes.bytes_source import BytesSource
from snakemake_storage_plugin_seqstore.genomes.fasta_index import FastaIndex, FastaRecord, Run

_CHUNK = 1 << 22
_CIRCULAR = re.compile(r"\[topology=circular\]", re.IGNORECASE)  # as NCBI's tools read it
_NEWLINE, _RETURN, _MARK = b"\n\r>"


def scan(source: BytesSource, path: Path) -> FastaIndex:
    """Find the sequences of a FASTA file by one look at all its lines.

    Raises
    ------
    InputError
        If it does not begin with a header, or a header is not UTF-8.
    """
    found = _Found(source, path)
    lines = _Lines()
    for offset in range(0, source.size, _CHUNK):
        chunk = source.read(offset, _CHUNK)
        lines.add(offset, chunk)
        found.add(lines, offset, chunk)
    if lines.finish(source.size):
        found.add(lines, source.size, b"")
    return FastaIndex.of(found.records)


class _Lines:
    """Lines as arrays: where each begins, its first byte, its length without and with its end."""

    def __init__(self) -> None:
        self._begin = 0
        self._first = _NEWLINE  # of the line that is not complete yet
        self._last = _NEWLINE  # byte that was seen last
        self.arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

    def add(self, offset: int, chunk: bytes) -> None:
        """Look at what follows, and complete the lines that end in it."""
        content = np.frombuffer(chunk, np.uint8)
        ends = np.flatnonzero(content == _NEWLINE)
        if self._begin == offset:
            self._first = chunk[0]
        begins = np.empty(len(ends) + 1, np.int64)
        begins[0] = self._begin
        begins[1:] = ends + (offset + 1)
        firsts = np.empty(len(ends), np.uint8)
        if len(ends):
            firsts[0] = self._first
            firsts[1:] = content[ends[:-1] + 1]
        before = content[ends - 1]
        if len(ends) and ends[0] == 0:
            before[0] = self._last
        widths = np.diff(begins)
        bases = widths - 1 - ((before == _RETURN) & (widths > 1))
        self.arrays = begins[:-1], firsts, bases, widths
        self._begin = int(begins[-1])
        self._last = chunk[-1]
        if self._begin < offset + len(chunk) and len(ends):
            self._first = chunk[self._begin - offset]

    def finish(self, size: int) -> bool:
        """Complete a last line that has no end; say whether there is one."""
        width = size - self._begin
        self.arrays = (
            np.array([self._begin]),
            np.array([self._first]),
            np.array([width - (self._last == _RETURN)]),
            np.array([width]),
        )
        return width > 0


class _Found:
    """The records that lines belong to."""

    def __init__(self, source: BytesSource, path: Path) -> None:
        self.records: list[FastaRecord] = []
        self._source = source
        self._path = path

    def add(self, lines: _Lines, offset: int, chunk: bytes) -> None:
        """Add lines that end in a chunk of the file."""
        begins, firsts, bases, widths = lines.arrays
        is_header = firsts == _MARK
        known = len(self.records)
        headers = (column[is_header].tolist() for column in (begins, bases, widths))
        for begin, length, width in zip(*headers, strict=True):
            at = begin + 1 - offset
            if at > 0:
                header = chunk[at : at + length - 1]
            else:
                header = self._source.read(begin + 1, length - 1)
            self.records.append(self._record(header, begin + width))
        owners = np.cumsum(is_header) + (known - 1)
        rows = ~is_header & (bases > 0)
        if rows.any():
            self._add_sequence(*(column[rows] for column in (owners, begins, bases, widths)))

    def _record(self, header: bytes, offset: int) -> FastaRecord:
        where = f"{self._path}, record {len(self.records) + 1}"
        try:
            name, *rest = header.decode().split(None, 1)
        except UnicodeDecodeError:
            raise InputError(f"{where}: the header is not UTF-8") from None
        except ValueError:
            raise InputError(f"{where}: the sequence has no name") from None
        circular = bool(rest) and _CIRCULAR.search(rest[0]) is not None
        return FastaRecord(name, circular, offset)

    def _add_sequence(
        self, owners: np.ndarray, begins: np.ndarray, bases: np.ndarray, widths: np.ndarray
    ) -> None:
        if owners[0] < 0:
            raise InputError(f"{self._path} is no FASTA: there are letters before the first '>'")
        changes = (
            (owners[1:] != owners[:-1])
            | (bases[1:] != bases[:-1])
            | (widths[1:] != widths[:-1])
            | (begins[1:] != begins[:-1] + widths[:-1])
        )
        # Stretches of lines of one shape that follow each other.
        starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
        numbers = np.diff(np.append(starts, len(owners)))
        columns = (owners[starts], begins[starts], bases[starts], widths[starts], numbers)
        for owner, begin, length, width, number in zip(
            *map(np.ndarray.tolist, columns), strict=True
        ):
            record = self.records[owner]
            run = Run(record.length, begin, length, width)
            if not _goes_on(record, run, number):
                record.runs.append(run)
            record.length += length * number


def _goes_on(record: FastaRecord, stretch: Run, lines: int) -> bool:
    """Whether so many lines of one shape are where the run before says.

    A run may end with a line that is shorter or ends in another way: whatever follows is not where
    the run says.
    """
    if not record.runs:
        return False
    run = record.runs[-1]
    if (stretch.start - run.start) % run.bases or run.offset_of(stretch.start) != stretch.offset:
        return False
    is_last = lines == 1 and stretch.bases <= run.bases
    return is_last or (stretch.bases, stretch.width) == (run.bases, run.width)
