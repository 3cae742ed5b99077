"""Check lines of BED and narrowPeak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.chromosomes import check_name
from snakemake_storage_plugin_seqstore.tracks.text.bed import strands
from snakemake_storage_plugin_seqstore.tracks.text.lines import Lines, Mask

_SORT = "sort the file by chromosome and start"
_COLUMNS = (*range(3, 10), 12)


def check_bed(rows: Lines, genome: Mapping[str, int] | None, defined: int = 12) -> None:
    """Refuse lines that are no BED of 3 to 9 or 12 columns.

    Parameters
    ----------
    rows : Lines
        Lines of a file.
    genome : mapping of str to int, optional
        Chromosomes of the genome and their lengths in bp.
    defined : int
        How many columns are those of BED at most; what follows is anything.

    Raises
    ------
    InputError
        Naming the first line that is wrong.
    """
    if not len(rows):
        return
    columns = int(rows.columns[0])
    rows.refuse(rows.columns != columns, f"it has not {columns} columns as the first line has")
    if defined == 12 and columns not in _COLUMNS:
        rows.fail(0, f"BED has 3 to 9 or 12 columns, this has {columns}")
    _check_common(rows, genome, min(columns, defined))
    if min(columns, defined) > 6:
        _check_thick(rows, min(columns, defined))
    if min(columns, defined) >= 12:
        _check_blocks(rows)


def check_peaks(rows: Lines, genome: Mapping[str, int] | None) -> None:
    """Refuse lines that are no narrowPeak.

    Raises
    ------
    InputError
        Naming the first line that is wrong.
    """
    if not len(rows):
        return
    rows.refuse(rows.columns != 10, "narrowPeak has 10 columns")
    _check_common(rows, genome, 6)
    for column, what in ((6, "signalValue"), (7, "pValue"), (8, "qValue")):
        rows.refuse(~np.isfinite(rows.floats(column, what)), f"{what} is not finite")
    peak = rows.ints(9, "the peak")
    length = rows.ints(2, "the end") - rows.ints(1, "the start")
    rows.refuse((peak < -1) | (peak >= length), "the peak is outside of the interval")


def _check_common(rows: Lines, genome: Mapping[str, int] | None, columns: int) -> None:
    rows.need(3)
    start, end = rows.ints(1, "the start"), rows.ints(2, "the end")
    rows.refuse(start < 0, "the start is negative")
    rows.refuse(end < start, "the end is before the start")
    rows.refuse(end == start, "the interval is empty", "BED counts from 0, ends are exclusive")
    check_places(rows, start, end, genome)
    if columns > 4:
        score: Any = rows.floats(4, "the score")
        wrong = ~((score >= 0) & (score <= 1000) & (score == np.floor(score)))
        rows.refuse(
            wrong, "the score is no whole number from 0 to 1000", "values belong into a bedGraph"
        )
    if columns > 5:
        strands(rows, 5)


def check_places(
    rows: Lines, start: Any, end: Any, genome: Mapping[str, int] | None, in_order: bool = True
) -> None:
    """Refuse chromosomes that the genome has not, or that come twice; ends past them; order."""
    first, names = rows.groups()
    seen: set[str] = set()
    lengths = np.zeros(len(names), np.int64)
    for group, (row, chrom) in enumerate(zip(first.tolist(), names, strict=True)):
        if in_order and chrom in seen:
            rows.fail(row, f"chromosome {chrom!r} comes again", _SORT)
        seen.add(chrom)
        check_name(f"{rows.path}, line {rows.number[row]}", chrom, genome)
        lengths[group] = genome[chrom] if genome is not None else np.iinfo(np.int64).max
    length = np.repeat(lengths, np.diff(np.append(first, len(rows))))
    past = end > length
    if past.any():
        row = int(np.argmax(past))
        rows.fail(row, f"the end is past the chromosome, which has {length[row]:,} bp")
    if in_order:
        late = np.concatenate(([False], start[1:] < start[:-1]))
        late[first] = False
        rows.refuse(late, "it is out of order", _SORT)


def _check_thick(rows: Lines, columns: int) -> None:
    start, end = rows.ints(1, "the start"), rows.ints(2, "the end")
    low = rows.ints(6, "thickStart")
    rows.refuse((low < start) | (low > end), "thickStart is outside of the interval")
    if columns > 7:
        high = rows.ints(7, "thickEnd")
        rows.refuse((high < low) | (high > end), "thickEnd is outside of the interval")
    if columns > 8:
        colours = rows.texts(8)
        rows.refuse(_failing(colours, len(rows), _no_colour), "itemRgb is no red,green,blue")


def _no_colour(text: str) -> bool:
    parts = text.split(",")
    if text in ("0", "."):
        return False
    return len(parts) != 3 or not all(part.isdigit() and int(part) < 256 for part in parts)


def _failing(column: Any, size: int, test: Any) -> Mask:
    return np.fromiter((test(column.value(row)) for row in range(size)), bool, size)


def _check_blocks(rows: Lines) -> None:
    length = (rows.ints(2, "the end") - rows.ints(1, "the start")).tolist()
    count = rows.ints(9, "blockCount").tolist()
    sizes, starts = rows.texts(10), rows.texts(11)
    for row in range(len(rows)):
        what = _wrong_blocks(length[row], count[row], sizes.value(row), starts.value(row))
        if what:
            rows.fail(row, what)


def _wrong_blocks(length: int, count: int, sizes: str, starts: str) -> str:
    try:
        size = [int(part) for part in sizes.rstrip(",").split(",")]
        start = [int(part) for part in starts.rstrip(",").split(",")]
    except ValueError:
        return "blockSizes or blockStarts are no whole numbers"
    if not len(size) == len(start) == count:
        return f"blockCount is {count}, but there are {len(size)} sizes and {len(start)} starts"
    if start[0] != 0:
        return "the first block does not start with the interval"
    if start[-1] + size[-1] != length:
        return "the last block does not end with the interval"
    if min(size) < 1 or any(
        low + span > high for low, span, high in zip(start, size, start[1:], strict=False)
    ):
        return "blocks are empty, overlap, or are out of order"
    return ""
