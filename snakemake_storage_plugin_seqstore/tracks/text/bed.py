"""BED of 3 to 12 columns and narrowPeak."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.intervals import STRANDS, Intervals
from snakemake_storage_plugin_seqstore.tracks.text.encode import Part, lines, shortest
from snakemake_storage_plugin_seqstore.tracks.text.lines import Lines, TextColumn, blocks, open_text

Fields = Mapping[str, Callable[[str], Any]]


def numbers(text: str) -> list[int]:
    """Return the whole numbers of a list with commas."""
    return [int(part) for part in text.rstrip(",").split(",")]


# Columns from the seventh on, and what their values are.
BED_FIELDS: Fields = {
    "thickStart": int,
    "thickEnd": int,
    "itemRgb": str,
    "blockCount": int,
    "blockSizes": numbers,
    "blockStarts": numbers,
}
PEAK_FIELDS: Fields = {"signalValue": float, "pValue": float, "qValue": float, "peak": int}
_STRAND_CODES = np.full(256, -1, np.int8)  # by byte
_STRAND_CODES[[*"".join(STRANDS).encode()]] = range(len(STRANDS))


def read_lines(path: str | os.PathLike[str]) -> Lines:
    """Return the lines of a BED or narrowPeak file."""
    with open_text(path) as file:
        return Lines(Path(path), file.read())


def read_bed(path: str | os.PathLike[str], fields: Fields = BED_FIELDS) -> Intervals:
    """Read a BED file into columns.

    Parameters
    ----------
    path : path
        The file, plain or gzip.
    fields : dict of str to function of str
        The columns from the seventh on, and what makes a value of their text.

    Raises
    ------
    InputError
        If a line is none; it says which.
    """
    with open_text(path) as file:
        line = 1
        parts = []
        for _, content in blocks(file):
            rows = Lines(Path(path), content, line)
            line += rows.all
            if len(rows):
                parts.append(intervals_of(rows, fields))
    return Intervals.joined(parts)


def intervals_of(
    rows: Lines, fields: Fields, defined: int = 12, chrom: str | None = None
) -> Intervals:
    """Return lines of BED as columns.

    Parameters
    ----------
    rows : Lines
        The lines.
    fields : dict of str to function of str
        The columns from the seventh on, and what makes a value of their text.
    defined : int
        How many columns are those of BED.
    chrom : str, optional
        The chromosome of all lines, where it is known.

    Raises
    ------
    InputError
        If a line is none; it says which.
    """
    rows.need(3)
    start, end = rows.ints(1, "the start"), rows.ints(2, "the end")
    rows.refuse(end < start, "the end is before the start")
    chroms, codes = codes_of(rows) if chrom is None else ((chrom,), np.zeros(len(rows), np.int32))
    whole = int(rows.columns.min()) if len(rows) else 3
    columns = min(whole, defined)
    return Intervals(
        chroms,
        codes,
        start,
        end,
        rows.floats(4, "the score", dot=0.0) if columns > 4 else None,
        strands(rows, 5) if columns > 5 else None,
        rows.texts(3) if columns > 3 else None,
        rows.from_column(min(6, columns), tags_parser(fields, columns))
        if whole > min(6, columns)
        else None,
        rows.from_column(3) if whole > 3 else None,
    )


def codes_of(rows: Lines, column: int = 0) -> tuple[tuple[str, ...], Any]:
    """Return the names of chromosomes, and the place of each line's among them."""
    first, names = rows.groups(column)
    places: dict[str, int] = {}
    group = np.array([places.setdefault(name, len(places)) for name in names], np.int32)
    return tuple(places), np.repeat(group, np.diff(np.append(first, len(rows))))


def strands(rows: Lines, column: int) -> Any:
    """Return the strands of all lines as places in STRANDS."""
    start, end = rows.field(column)
    byte = rows.text[start]
    found = _STRAND_CODES[byte]
    rows.refuse((found < 0) | (end - start != 1), "the strand is none of + - .")
    return found


def tags_parser(fields: Fields, columns: int) -> Callable[[str], dict[str, Any]]:
    """Return a function that makes tags of what stands behind the columns of BED."""
    names, makers = list(fields), list(fields.values())
    first = min(6, columns)

    def parse(text: str) -> dict[str, Any]:
        tags = {}
        for place, value in enumerate(text.split("\t")):
            if place < len(names):
                tags[names[place]] = _value(makers[place], value)
            else:
                tags[f"column{first + place + 1}"] = value
        return tags

    return parse


def _value(make: Callable[[str], Any], text: str) -> Any:
    try:
        return make(text)
    except ValueError:
        return text


def bed_lines(intervals: Intervals, columns: int | None = None) -> Iterator[bytes]:
    """Yield intervals as lines of BED, in their order.

    Parameters
    ----------
    intervals : Intervals
        What was read from BED and not changed is written as it was.
    columns : int, optional
        3 leaves out all but the places; as many as have something to say if it is left out.
    """
    names = _texts(list(intervals.chroms)).take(intervals.codes.astype(np.int64))
    parts: list[Part] = [names, b"\t", intervals.start, b"\t", intervals.end]
    if columns != 3 and (rest := _rest(intervals)):
        parts += [b"\t", rest]
    yield from lines([*parts, b"\n"], len(intervals))


def rest_lines(intervals: Intervals) -> list[bytes]:
    """Return what stands behind the places of intervals in BED; nothing if there is none."""
    rest = _rest(intervals)
    return b"".join(lines([rest, b"\n"], len(intervals))).split(b"\n")[:-1] if rest else []


def _rest(intervals: Intervals) -> TextColumn | None:
    if intervals.rest is not None:
        if isinstance(intervals.rest, TextColumn):
            return intervals.rest
        return _texts([str(intervals.rest.value(i)) for i in range(len(intervals))])
    has_tags = intervals.tags is not None and any(
        set(intervals.tags.value(row)) & {*BED_FIELDS, *PEAK_FIELDS}
        for row in range(min(1, len(intervals)))
    )
    width = 7 if has_tags else 6 if intervals.strand is not None else 0
    if not width and intervals.score is not None:
        width = 5
    if not width and intervals.names is not None:
        width = 4
    if not width:
        return None
    return _texts([_line(intervals, row, width) for row in range(len(intervals))])


def _line(intervals: Intervals, row: int, width: int) -> str:
    region = intervals.region(row)
    values = [region.name or ".", shortest(region.score), region.strand][: width - 3]
    if width > 6:
        fields = PEAK_FIELDS if "signalValue" in region.tags else BED_FIELDS
        values += [_shown(region.tags[name]) for name in fields if name in region.tags]
    return "\t".join(values)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return shortest(value) if isinstance(value, float) else str(value)


def _texts(values: list[str]) -> TextColumn:
    packed = [value.encode() for value in values]
    end = np.cumsum([len(value) for value in packed], dtype=np.int64)
    start = end - np.array([len(value) for value in packed], np.int64)
    return TextColumn(np.frombuffer(b"".join(packed) or b"\0", np.uint8), start, end)
