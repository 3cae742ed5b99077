"""bedGraph and wig as signals: found by place, and read by blocks."""

from __future__ import annotations

import itertools
import os
import re
import weakref
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.signal import Runs, Signal
from snakemake_storage_plugin_seqstore.tracks.text.encode import Part, lines
from snakemake_storage_plugin_seqstore.tracks.text.lines import LARGEST, Lines, blocks, open_text

_SORT = "sort the file by chromosome and start"
_SPAN = 1 << 20  # bytes that are read at once


@dataclass(frozen=True)
class Declaration:
    """What a line of wig says of the values that follow it.

    Parameters
    ----------
    chrom : str
        Chromosome.
    start : int
        0-based place of the next value; -1 if each line has its own.
    step, span : int
        In bp.
    """

    chrom: str
    start: int
    step: int
    span: int

    def after(self, values: int) -> Declaration:
        """Return what it says behind so many values."""
        if self.start < 0:
            return self
        return Declaration(self.chrom, self.start + values * self.step, self.step, self.span)


@dataclass(frozen=True)
class _Part:
    """Lines of one chromosome that are read at once."""

    offset: int
    size: int
    line: int  # number of the first
    start: int  # least of its runs
    said: Declaration | None = None


class TextSignal(Signal):
    """A bedGraph or wig file as a signal; each chromosome stands in one place of it.

    Its chromosomes are as long as they have values.

    Parameters
    ----------
    path : path
        The file, plain or gzip.
    wig : bool
        Whether it is wig.

    Raises
    ------
    InputError
        If a line is none; it says which.
    """

    def __init__(self, path: str | os.PathLike[str], wig: bool) -> None:
        self.path = Path(path)
        self._wig = wig
        self._file = open_text(path)
        weakref.finalize(self, self._file.close)
        self._lock = Lock()
        self._parts: dict[str, list[_Part]] = {}
        lengths: dict[str, int] = {}
        try:
            for chrom, part, end in self._scan():
                known = self._parts.setdefault(chrom, [])
                if known and chrom != next(reversed(lengths)):
                    raise InputError(
                        f"{self.path}, line {part.line}: chromosome {chrom!r} comes again",
                        _SORT,
                    )
                if known and part.start < lengths[chrom]:
                    raise InputError(
                        f"{self.path}, line {part.line}: it overlaps what is before, or is out of "
                        "order",
                        _SORT,
                    )
                known.append(part)
                lengths[chrom] = max(end, lengths.get(chrom, 0))
        except BaseException:
            self.close()
            raise
        super().__init__(lengths)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def blocks(self, chrom: str, start: int = 0, end: int | None = None) -> Iterator[Runs]:
        """Yield the runs of a chromosome that overlap a window, in order, whole runs."""
        parts = self._parts.get(chrom, [])
        end = self.lengths.get(chrom, 0) if end is None else end
        first = max(0, bisect_right([part.start for part in parts], start) - 1)
        before = 0
        for part in parts[first:]:
            if part.start >= end:
                break
            runs = self._read(part)
            self._check(chrom, runs, before)
            if len(runs):
                before = int(runs.end[-1])
                low = int(np.searchsorted(runs.end, start, side="right"))
                high = int(np.searchsorted(runs.start, end))
                yield Runs(runs.start[low:high], runs.end[low:high], runs.value[low:high])

    def _check(self, chrom: str, runs: Runs, before: int) -> None:
        previous = np.concatenate(([before], runs.end[:-1]))
        wrong = (runs.start < previous) | (runs.end <= runs.start)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"{self.path}: {chrom}:{runs.start[row]}-{runs.end[row]} is empty, "
                "overlaps the run before it, or is out of order",
                _SORT,
            )

    def _read(self, part: _Part) -> Runs:
        with self._lock:
            self._file.seek(part.offset)
            content = self._file.read(part.size)
        rows = Lines(self.path, content, part.line)
        if self._wig:
            return Runs.joined(runs for _, runs in _wig_runs(rows, part.said))
        runs = bedgraph_runs(rows)
        late = np.concatenate(([False], runs.start[1:] < runs.end[:-1]))
        rows.refuse(late, "it overlaps the line before, or is out of order", _SORT)
        return runs

    def _scan(self) -> Iterator[tuple[str, _Part, int]]:
        line = 1
        said: Declaration | None = None
        for place, content in blocks(self._file, _SPAN):
            if b"\r" in content:
                content = content.replace(b"\r\n", b" \n")  # places stay
            rows = Lines(self.path, content, line)
            line += rows.all
            if not len(rows):
                continue
            found = self._scan_wig(rows, said) if self._wig else _scan_bedgraph(rows)
            real = _places(content)
            for chrom, first, last, start, end, before in found:
                low, high = int(rows.number[first]), int(rows.number[last - 1])
                offset = real[low - (line - rows.all)]
                stop = real[high - (line - rows.all) + 1]
                yield chrom, _Part(place + offset, stop - offset, low, start, before), end
            if self._wig:
                said = self._said

    def _scan_wig(
        self, rows: Lines, said: Declaration | None
    ) -> Iterator[tuple[str, int, int, int, int, Declaration | None]]:
        """Yield chromosome, first and last line, start, end, and what was said before."""
        self._said = said
        heads = _declarations(rows)
        edges = [*([0] if not heads or heads[0] else []), *heads, len(rows)]
        declares = set(heads)
        first, before, start, end = 0, said, -1, 0
        for low, high in itertools.pairwise(edges):
            declared = low in declares
            now = declaration(rows, low) if declared else self._said
            if now is None:
                rows.fail(low, "a value before the first fixedStep or variableStep")
            if self._said is not None and now.chrom != self._said.chrom and low > first:
                if start >= 0:
                    yield self._said.chrom, first, low, start, end, before
                first, before, start, end = low, None, -1, 0
            runs = _values(rows, low + declared, high, now)
            if len(runs):
                first_start = int(runs.start.min())
                start = first_start if start < 0 else min(start, first_start)
                end = max(end, int(runs.end.max()))
            self._said = now.after(high - low - declared)
        if start >= 0 and self._said is not None:
            yield self._said.chrom, first, len(rows), start, end, before


def _places(content: bytes) -> list[int]:
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == 10) + 1
    if not len(ends) or ends[-1] != len(content):
        ends = np.append(ends, len(content))
    return [0, *ends.tolist()]


def _scan_bedgraph(rows: Lines) -> Iterator[tuple[str, int, int, int, int, None]]:
    rows.need(4)
    start, end = rows.ints(1, "the start"), rows.ints(2, "the end")
    rows.refuse(start < 0, "the start is negative")
    rows.refuse(end <= start, "the end is not after the start")
    first, names = rows.groups()
    edges = [*first.tolist(), len(rows)]
    for name, low, high in zip(names, edges, edges[1:], strict=False):
        yield name, low, high, int(start[low:high].min()), int(end[low:high].max()), None


def bedgraph_runs(rows: Lines) -> Runs:
    """Return lines of one chromosome of a bedGraph as runs."""
    rows.need(4)
    return Runs(rows.ints(1, "the start"), rows.ints(2, "the end"), rows.floats(3, "the value"))


def _declarations(rows: Lines) -> list[int]:
    first = rows.text[rows.start]
    return np.flatnonzero((first == ord("f")) | (first == ord("v"))).tolist()


def declaration(rows: Lines, row: int) -> Declaration:
    """Return what a line of wig declares."""
    text = rows.text[rows.start[row] : rows.end[row]].tobytes().decode(errors="replace")
    words = dict(re.findall(r"\b(\w+)=(\S+)", text))
    kind = text.split(None, 1)[0]
    fixed = kind == "fixedStep"
    if kind not in ("fixedStep", "variableStep") or "chrom" not in words:
        rows.fail(row, "no line of wig")
    try:
        span = int(words.get("span", 1))
        start = int(words["start"]) - 1 if fixed else -1
        step = int(words.get("step", 1)) if fixed else 0
    except (KeyError, ValueError):
        rows.fail(row, "start, step and span must be whole numbers")
    if span < 1 or (fixed and (start < 0 or step < span)):
        rows.fail(row, "start must be 1 at least, and step no less than span")
    if max(start, step, span) > LARGEST:
        rows.fail(row, f"start, step and span must be {LARGEST:,} at most")
    return Declaration(words["chrom"], start, step, span)


def _wig_runs(rows: Lines, said: Declaration | None) -> Iterator[tuple[str, Runs]]:
    heads = _declarations(rows)
    edges = [*([0] if not heads or heads[0] else []), *heads, len(rows)]
    declared = set(heads)
    for low, high in itertools.pairwise(edges):
        now = declaration(rows, low) if low in declared else said
        if now is None:
            rows.fail(low, "a value before the first fixedStep or variableStep")
        yield now.chrom, _values(rows, low + (low in declared), high, now)


def _values(rows: Lines, low: int, high: int, said: Declaration) -> Runs:
    part = rows.part(low, high)
    if said.start >= 0:
        if said.start + (high - low) * said.step > LARGEST:
            part.fail(0, f"the values from here go on beyond {LARGEST:,}")
        part.refuse(part.columns != 1, "fixedStep has one value a line")
        start = said.start + np.arange(high - low, dtype=np.int64) * said.step
        return Runs(start, start + said.span, part.floats(0, "the value"))
    part.refuse(part.columns != 2, "variableStep has a place and a value a line")
    start = part.ints(0, "the place") - 1
    part.refuse(start < 0, "the place is less than 1: wig counts from 1")
    return Runs(start, start + said.span, part.floats(1, "the value"))


def bedgraph_lines(chrom: str, runs: Runs) -> Iterator[bytes]:
    """Yield runs of a chromosome as lines of bedGraph."""
    tab, name = b"\t", f"{chrom}\t".encode()
    parts: list[Part] = [name, runs.start, tab, runs.end, tab, runs.value, b"\n"]
    yield from lines(parts, len(runs))


def places_lines(chrom: str, runs: Runs) -> Iterator[bytes]:
    """Yield where runs of a chromosome are as lines of BED."""
    name = f"{chrom}\t".encode()
    yield from lines([name, runs.start, b"\t", runs.end, b"\n"], len(runs))
