"""Where the sequences of a FASTA file are: found by one look at its lines, or read from a .fai."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.genomes.bytes_source import BytesSource

_CHUNK = 1 << 22
_NEWLINE, _RETURN, _MARK = b"\n\r>"


@dataclass(frozen=True)
class Run:
    """Consecutive lines of equal length; the last one may be shorter.

    Parameters
    ----------
    start : int
        Where it begins in the sequence, in bp.
    offset : int
        Where it begins in the file, in bytes.
    bases, width : int
        Length of a line without and with its end.
    """

    start: int
    offset: int
    bases: int
    width: int

    def offset_of(self, position: int) -> int:
        """Where a position of the sequence is in the file."""
        line, column = divmod(position - self.start, self.bases)
        return self.offset + line * self.width + column


@dataclass
class FastaRecord:
    """Where one sequence is.

    Parameters
    ----------
    name, description : str
        The first word of its header, and the rest.
    offset : int
        Where the line behind its header begins, in bytes.
    length : int
        In bp.
    runs : list of Run
        Its lines; one run, if all have the same length.
    """

    name: str
    description: str = ""
    offset: int = 0
    length: int = 0
    runs: list[Run] = field(default_factory=list)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the file between which a window is, with the line ends in it."""
        return self._offset(start), self._offset(end - 1) + 1

    def _offset(self, position: int) -> int:
        number = bisect.bisect_right(self.runs, position, key=lambda run: run.start) - 1
        return self.runs[number].offset_of(position)


def scan(source: BytesSource, path: Path) -> list[FastaRecord]:
    """Find the sequences of a FASTA file by one look at all its lines.

    Raises
    ------
    InputError
        If it does not begin with a header, or a header is not UTF-8.
    """
    records: list[FastaRecord] = []
    lines = _Lines()
    for offset, chunk in _chunks(source):
        lines.add(offset, chunk)
        _take(lines, records, source, path)
    if lines.finish(source.size):
        _take(lines, records, source, path)
    return records


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


def _chunks(source: BytesSource) -> Iterator[tuple[int, bytes]]:
    for offset in range(0, source.size, _CHUNK):
        yield offset, source.read(offset, _CHUNK)


def _take(lines: _Lines, records: list[FastaRecord], source: BytesSource, path: Path) -> None:
    """Add lines to the records that they belong to."""
    begins, firsts, bases, widths = lines.arrays
    headers = np.flatnonzero(firsts == _MARK)
    at = 0
    for header in [*headers.tolist(), len(begins)]:
        if header > at:
            _add(records, begins[at:header], bases[at:header], widths[at:header], path)
        if header < len(begins):
            line = source.read(int(begins[header]) + 1, int(bases[header]) - 1)
            offset = int(begins[header] + widths[header])
            records.append(_record(line, offset, len(records) + 1, path))
        at = header + 1


def _record(header: bytes, offset: int, number: int, path: Path) -> FastaRecord:
    try:
        name, *rest = header.decode().split(None, 1)
    except UnicodeDecodeError:
        raise InputError(f"{path}, record {number}: the header is not UTF-8") from None
    except ValueError:
        raise InputError(f"{path}, record {number}: the sequence has no name") from None
    return FastaRecord(name, rest[0].rstrip() if rest else "", offset)


def _add(
    records: list[FastaRecord],
    begins: np.ndarray,
    bases: np.ndarray,
    widths: np.ndarray,
    path: Path,
) -> None:
    """Add lines of sequence to the last record."""
    filled = np.flatnonzero(bases)
    if not len(filled):
        return
    if not records:
        raise InputError(f"{path} is no FASTA: there are letters before the first '>'")
    if len(filled) < len(bases):
        begins, bases, widths = begins[filled], bases[filled], widths[filled]
    record = records[-1]
    # A run goes on as long as each line is as long as its first, and where it should be.
    shapes = np.flatnonzero(
        (bases[1:] != bases[:-1])
        | (widths[1:] != widths[:-1])
        | (begins[1:] != begins[:-1] + widths[:-1])
    )
    starts = np.concatenate(([0], np.cumsum(bases)))
    stretches = [0, *(shapes + 1).tolist(), len(bases)]
    for number, following in pairwise(stretches):
        run = Run(
            record.length + int(starts[number]),
            int(begins[number]),
            int(bases[number]),
            int(widths[number]),
        )
        if not _goes_on(record, run, following - number):
            record.runs.append(run)
    record.length += int(starts[-1])


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


def dump_records(records: Iterable[FastaRecord]) -> list[Any]:
    """Return records as plain JSON."""
    return [
        [
            record.name,
            record.description,
            record.offset,
            record.length,
            list(map(astuple, record.runs)),
        ]
        for record in records
    ]


def load_records(document: Iterable[Any]) -> list[FastaRecord]:
    """Return the records that were dumped."""
    return [
        FastaRecord(name, description, offset, length, [Run(*run) for run in runs])
        for name, description, offset, length, runs in document
    ]


def load_fai(path: Path) -> list[FastaRecord]:
    """Read a .fai, as samtools writes it.

    Raises
    ------
    InputError
        If a line of it cannot be read.
    """
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is no index of samtools: it is no text") from None
    records = []
    for number, line in enumerate(lines, 1):
        name, *rest = line.split("\t")
        try:
            length, offset, bases, width = map(int, rest)
        except ValueError:
            raise InputError(
                f"{path}, line {number}: this is no line of an index",
                "make it again, e.g. with samtools faidx",
            ) from None
        if length < 0 or offset < 0 or (length and not 0 < bases <= width):
            raise InputError(f"{path}, line {number}: the numbers make no sense", "make it again")
        runs = [Run(0, offset, bases, width)] if length else []
        records.append(FastaRecord(name, "", offset, length, runs))
    return records


def dump_fai(records: Iterable[FastaRecord]) -> str:
    """Return the content of a .fai.

    Raises
    ------
    InputError
        If the lines of a sequence differ in length: the format cannot say that.
    """
    lines = []
    for record in records:
        if len(record.runs) > 1:
            raise InputError(
                f"the lines of '{record.name}' differ in length, which a .fai cannot say",
                "use the form ?format=fasta, whose lines are equal",
            )
        run = record.runs[0] if record.runs else Run(0, record.offset, 0, 0)
        row = (record.name, record.length, run.offset, run.bases, run.width)
        lines.append("\t".join(map(str, row)) + "\n")
    return "".join(lines)
