"""BED files that are too large to be kept in memory: read chromosome by chromosome."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore.tracks.intervals import Intervals, Ints
from snakemake_storage_plugin_seqstore.tracks.text.bed import Fields, intervals_of
from snakemake_storage_plugin_seqstore.tracks.text.lines import (
    NEWLINE,
    TAB,
    Lines,
    blocks,
    open_text,
)

_BATCH = 1 << 15  # lines that are handled at once, at least
_LARGE = 4 << 20  # bytes of lines that are handled at once, at most
_HAS_NO_DATA = np.zeros(256, bool)  # by the byte with which a line may begin then
_HAS_NO_DATA[[*b"#tb\r\n"]] = True
_ONES, _TABS, _NEWLINES, _HIGH = (
    np.uint64(byte * 0x0101010101010101) for byte in (1, TAB, NEWLINE, 0x80)
)
Words = npt.NDArray[np.uint64]


class _Part(NamedTuple):
    """Lines of one chromosome that are read at once: bytes, number of the first, how many."""

    offset: int
    size: int
    line: int
    lines: int


class BedFile:
    """A BED or narrowPeak file, of which only the places of its chromosomes are kept.

    Parameters
    ----------
    path : path
        The file, plain or gzip.
    fields : dict of str to function of str
        The columns from the seventh on, and what makes a value of their text.
    """

    def __init__(self, path: str | os.PathLike[str], fields: Fields) -> None:
        self.path = Path(path)
        self._fields = fields
        self._file = open_text(path)
        weakref.finalize(self, self._file.close)
        self._lock = Lock()
        self._parts: dict[str, list[_Part]] = {}
        line = 1
        for place, content in blocks(self._file):
            starts = _line_starts(content)
            first, names = _groups(self.path, content, starts)
            edges = [*first, len(starts) - 1]
            for name, low, high in zip(names, edges, edges[1:], strict=False):
                offset, size = int(starts[low]), int(starts[high] - starts[low])
                part = _Part(place + offset, size, line + low, high - low)
                self._parts.setdefault(name, []).append(part)
            line += len(starts) - 1
        self.chroms = tuple(self._parts)
        self._kept: dict[str, Intervals] = {}

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def batches(self) -> Iterator[tuple[str, ...]]:
        """Yield chromosomes, so many at once that they are worth it."""
        batch: list[str] = []
        lines = 0
        for chrom, parts in self._parts.items():
            batch.append(chrom)
            lines += sum(part.lines for part in parts)
            if lines >= _BATCH:
                yield tuple(batch)
                batch, lines = [], 0
        if batch:
            yield tuple(batch)

    def of_chroms(self, chroms: Sequence[str]) -> Intervals:
        """Return the intervals of some chromosomes."""
        found = [
            self._read(chrom, part)
            for chrom in chroms
            for part in _joined(self._parts.get(chrom, []))
        ]
        return Intervals.joined(found)

    def parts(self) -> Iterator[Intervals]:
        """Yield all intervals in their order, some at once."""
        parts = [(part, chrom) for chrom, parts in self._parts.items() for part in parts]
        for part, chrom in sorted(parts):
            yield self._read(chrom, part)

    def everything(self) -> Intervals:
        """Return all intervals."""
        return Intervals.joined(list(self.parts()))

    def window(self, chrom: str, start: int, end: int) -> Intervals:
        """Return the intervals that overlap a window, by start.

        Those of its chromosome are kept from then on.
        """
        if chrom not in self._parts:
            return Intervals.of([])
        if chrom not in self._kept:
            self._kept[chrom] = self.of_chroms([chrom])
        return self._kept[chrom].window(chrom, start, end)

    def _read(self, chrom: str, part: _Part) -> Intervals:
        with self._lock:
            self._file.seek(part.offset)
            content = self._file.read(part.size)
        return intervals_of(Lines(self.path, content, part.line), self._fields, chrom=chrom)


def _joined(parts: Iterable[_Part]) -> Iterator[_Part]:
    """Yield parts of one chromosome; those that follow each other as one, if that is not large."""
    whole: _Part | None = None
    for part in parts:
        if whole is None:
            whole = part
        elif whole.offset + whole.size == part.offset and whole.size + part.size <= _LARGE:
            size, lines = whole.size + part.size, whole.lines + part.lines
            whole = _Part(whole.offset, size, whole.line, lines)
        else:
            yield whole
            whole = part
    if whole is not None:
        yield whole


def _line_starts(content: bytes) -> Ints:
    """Return where lines start, and where the last ends."""
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == NEWLINE) + 1
    whole = content.endswith(b"\n")
    return np.concatenate(([0], ends, [] if whole else [len(content)])).astype(np.int64)


def _groups(path: Path, content: bytes, starts: Ints) -> tuple[list[int], list[str]]:
    """Return the first lines, counted from 0, of groups of one chromosome, and their names."""
    text = np.frombuffer(content + bytes(8), np.uint8)
    # The first eight bytes of each line as one number: mostly a name and a tab are among them.
    word = np.ndarray((len(content) + 1,), "<u8", text, 0, (1,))[starts[:-1]]
    tab, newline = _lowest(word ^ _TABS), _lowest(word ^ _NEWLINES)
    plain = (tab > 0) & ((newline == 0) | (tab < newline)) & ~_HAS_NO_DATA[text[starts[:-1]]]
    if not plain.all():
        rows = Lines(path, content, 0)
        first, names = rows.groups()
        return rows.number[first].tolist(), names
    name = word & ((tab >> np.uint64(7)) - np.uint64(1))
    new = np.flatnonzero(np.concatenate(([True], name[1:] != name[:-1]))).tolist()
    lines = (content[place : content.index(b"\t", place)] for place in starts[new].tolist())
    return new, [line.decode() for line in lines]


def _lowest(word: Words) -> Words:
    """Return the highest bit of the lowest byte that is zero; 0 if none is."""
    zero = (word - _ONES) & ~word & _HIGH
    return zero & (~zero + np.uint64(1))
