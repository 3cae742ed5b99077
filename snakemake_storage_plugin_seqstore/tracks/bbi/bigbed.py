"""Read and write bigBed files."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.tracks.bbi import autosql
from snakemake_storage_plugin_seqstore.tracks.bbi.index import Block
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import BIGBED
from snakemake_storage_plugin_seqstore.tracks.bbi.reader import BbiReader
from snakemake_storage_plugin_seqstore.tracks.bbi.writer import BbiWriter, new_file
from snakemake_storage_plugin_seqstore.tracks.intervals import Intervals, Ints
from snakemake_storage_plugin_seqstore.tracks.sweep import depth
from snakemake_storage_plugin_seqstore.tracks.text.bed import BED_FIELDS, intervals_of, rest_lines
from snakemake_storage_plugin_seqstore.tracks.text.lines import Lines

PER_SLOT = 512
_TEXT_LIMIT = 1 << 20  # bytes of a description


class BigBed:
    """An open bigBed.

    Parameters
    ----------
    path : path
        The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = BbiReader(path, BIGBED)
        self.lengths = {name: size for name, (_, size) in self.file.chromosomes.items()}
        self._numbers = {number: name for name, (number, _) in self.file.chromosomes.items()}
        self._item = struct.Struct(self.file.order + "III")
        self.defined = self.file.header.defined or min(12, max(3, self.file.header.fields))

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def description(self) -> str:
        """Return the description of the columns; empty if there is none."""
        place = self.file.header.autosql
        found = self.file.read_some(place, _TEXT_LIMIT) if place else b""
        return found.partition(b"\0")[0].decode(errors="replace")

    def fields(self) -> dict[str, Callable[[str], Any]]:
        """Return the columns behind the first six of BED, and what makes values of them."""
        text = self.description()
        more = autosql.parse(text)[self.defined :] if text else []
        found = dict(list(BED_FIELDS.items())[: max(0, self.defined - 6)])
        for field in more:
            found[field.name] = int if field.is_whole else float if field.is_real else str
        return found

    def count(self) -> int:
        """Return the number of intervals."""
        head = self.file.read(self.file.header.data, 8)
        return int(struct.unpack(self.file.order + "Q", head)[0])

    def window(self, chrom: str, start: int, end: int) -> Intervals:
        """Return the intervals that overlap a window, by start."""
        if chrom not in self.lengths:
            return Intervals.of([])
        number = self.file.chromosomes[chrom][0]
        found = self._lines(self.file.index.blocks(number, start, end), (number, start, end))
        return self._intervals(found)

    def everything(self) -> Intervals:
        """Return all intervals, by place."""
        return self._intervals(self._lines(self.file.index.all_blocks(), None))

    def lines(self) -> Lines:
        """Return all intervals as lines of BED."""
        found = self._lines(self.file.index.all_blocks(), None)
        return Lines(self.file.path, b"".join(found), plain=True)

    def _intervals(self, found: Iterator[bytes]) -> Intervals:
        rows = Lines(self.file.path, b"".join(found), plain=True)
        return intervals_of(rows, self.fields(), self.defined)

    def _lines(self, blocks: list[Block], window: tuple[int, int, int] | None) -> Iterator[bytes]:
        has_more = self.file.header.fields > 3  # even if the fourth is empty
        for content in self.file.contents(blocks):
            for chrom, start, end, rest in self.items(bytes(content)):
                if window is None or (chrom == window[0] and end > window[1] and start < window[2]):
                    place = f"{self._name(chrom)}\t{start}\t{end}".encode()
                    yield place + b"\t" * (has_more or bool(rest)) + rest + b"\n"

    def _name(self, number: int) -> str:
        if number not in self._numbers:
            raise DamageError(f"{self.file.path} is damaged: it has no chromosome {number}")
        return str(self._numbers[number])

    def items(self, content: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield chromosome, start, end and the other columns of each interval of a block."""
        place = 0
        while place < len(content):
            stop = content.find(b"\0", place + 12)
            if stop < 0:
                raise DamageError(f"{self.file.path} is damaged: an interval has no end")
            yield *self._item.unpack_from(content, place), content[place + 12 : stop]
            place = stop + 1


def write_bigbed(
    target: str | os.PathLike[str],
    intervals: Intervals,
    chroms: dict[str, int],
    description: str = "",
    defined: int = 0,
) -> None:
    """Write intervals as a bigBed; they are sorted.

    Parameters
    ----------
    target : path
        Appears when it is complete.
    intervals : Intervals
        Of any order.
    chroms : dict of str to int
        Chromosomes and their lengths in bp.
    description : str
        autoSql of the columns; that of BED if it is left out.
    defined : int
        How many of the columns are those of BED, with a `description`.

    Raises
    ------
    InputError
        If an interval is on another chromosome, or ends past it; if columns and description differ.
    """
    shown = rest_lines(intervals.take(np.arange(min(1, len(intervals)))))
    columns = _columns(shown) if len(intervals) else max(3, defined)
    if not description:
        defined = 12 if columns >= 12 else min(columns, 9)
        more = tuple(f"column{n + 1}" for n in range(defined, columns))
        description = autosql.for_bed(defined, more)
    elif len(autosql.parse(description)) != columns:
        fields = len(autosql.parse(description))
        raise InputError(f"autoSql has {fields} columns, the intervals have {columns}")
    used = [name for name in intervals.chroms if len(intervals.on(name).rows)]
    missing = [name for name in used if name not in chroms]
    if missing:
        raise InputError(f"there is no chromosome {missing[0]!r}")
    with new_file(target) as file:
        layout = (columns, defined or min(columns, 12))
        out = BbiWriter(file, BIGBED, chroms, PER_SLOT, layout, description.encode())
        for chrom, length in chroms.items():
            rows = intervals.on(chrom)
            if not len(rows.rows):
                continue
            number = out.number(chrom)
            if rows.reach[-1] > length:
                raise InputError(
                    f"chromosome {chrom!r}: an interval ends at {rows.reach[-1]:,}, "
                    f"past its end at {length:,}"
                )
            if (first := int(rows.start.min())) < 0:
                raise InputError(f"chromosome {chrom!r}: an interval starts at {first:,}")
            order = np.lexsort((rows.end, rows.start))
            for first in range(0, len(order), PER_SLOT):
                some = order[first : first + PER_SLOT]
                start, end = rows.start[some], rows.end[some]
                content = _packed(number, start, end, intervals.take(rows.rows[some]), columns)
                out.block(number, int(start[0]), int(end.max()), len(some), content)
            real = rows.end > rows.start
            out.zoomer.add(number, depth(rows.start[real], rows.end[real]))
        out.finish(len(intervals))


def _packed(number: int, start: Ints, end: Ints, some: Intervals, columns: int) -> bytes:
    pack = struct.Struct("<III").pack
    rest = rest_lines(some)
    packed = []
    for row, (low, high) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        line = rest[row : row + 1]
        if _columns(line) != columns:
            raise InputError(f"an interval has other columns than the first: {line!r}")
        packed.append(pack(number, low, high) + b"".join(line) + b"\0")
    return b"".join(packed)


def _columns(rest: list[bytes]) -> int:
    """Return the number of columns where one has this, or nothing, behind its place."""
    return 4 + rest[0].count(b"\t") if rest else 3
