"""Read bigWig files."""

from __future__ import annotations

import math
import os
import struct
import sys
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.tracks.bbi.index import Block
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import (
    BIGWIG,
    FIXED,
    RUNS,
    SECTION,
    SECTION_SIZE,
    STEPS,
)
from snakemake_storage_plugin_seqstore.tracks.bbi.reader import BbiReader
from snakemake_storage_plugin_seqstore.tracks.bbi.zoom import estimated
from snakemake_storage_plugin_seqstore.tracks.signal import Runs, Signal, bin_edges

_BATCH = 1 << 14  # runs that are handed on at once
_SMALL = 1 << 14  # bp of a window that mostly lies in one block
_NATIVE = "<" if sys.byteorder == "little" else ">"
_SIZES = {RUNS: 12, STEPS: 8, FIXED: 4}


class BigWig(Signal):
    """An open bigWig as a signal.

    Parameters
    ----------
    path : path
        The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = BbiReader(path, BIGWIG)
        super().__init__({name: size for name, (_, size) in self.file.chromosomes.items()})
        self._section = struct.Struct(self.file.order + SECTION)
        self._run = struct.Struct(self.file.order + "IIf")

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def stats(
        self,
        chrom: str,
        start: int = 0,
        end: int | None = None,
        type: str = "mean",
        nBins: int = 1,
        exact: bool = True,
    ) -> list[float | None]:
        """Return one statistic for each of some bins of a window; None where nothing is.

        As :meth:`Signal.stats`; without `exact` from zoom levels where bins are large, in a time
        that does not depend on how large the window is.
        """
        low, high = self._window(chrom, start, end)
        zoom = None if exact else self.file.bins(chrom, low, high, (high - low) // nBins // 2)
        if zoom is None or not len(zoom):
            return super().stats(chrom, start, end, type, nBins)
        values = estimated(zoom, bin_edges(low, high, nBins), type)
        return [None if math.isnan(value) else value for value in values.tolist()]

    def values(self, chrom: str, start: int, end: int, numpy: bool = True) -> Any:
        """Return the value of each base of a window, NaN where nothing is.

        As :meth:`Signal.values`; of a small window, where arrays of runs would take most of the
        time, run by run.
        """
        low, high = self._window(chrom, start, end)
        rows = self._few_runs(chrom, low, high) if high - low <= _SMALL else None
        if rows is None:
            return super().values(chrom, start, end, numpy)
        found = np.empty(high - low)
        found.fill(math.nan)
        for first, last, value in rows:
            if first >= high:
                break
            found[first - low if first > low else 0 : last - low] = value
        return found if numpy else found.tolist()

    def _few_runs(
        self, chrom: str, start: int, end: int
    ) -> Iterator[tuple[int, int, float]] | None:
        """Return the runs that end behind the start of a window, if that is simple; else None."""
        number = self.file.chromosomes[chrom][0]
        found = self.file.index.blocks(number, start, end)
        if len(found) != 1 or self.file.order != _NATIVE:
            return None
        content = self.file.content(found[0])
        head = self._head(content)
        if head[0] != number or head[5] != RUNS:
            return None
        body = memoryview(content)[SECTION_SIZE : SECTION_SIZE + head[7] * _SIZES[RUNS]]
        first = bisect_right(body.cast("I")[1::3], start)
        return self._run.iter_unpack(body[first * _SIZES[RUNS] :])

    def blocks(self, chrom: str, start: int = 0, end: int | None = None) -> Iterator[Runs]:
        """Yield the runs of a chromosome that overlap a window, in order, whole runs."""
        length = self.lengths.get(chrom, 0)
        end = length if end is None else min(end, length)
        if start >= end:
            return
        number = self.file.chromosomes[chrom][0]
        found = self.file.index.blocks(number, start, end)
        if len(found) == 1:  # as for most small windows: nothing is to be joined
            yield self._section_runs(self.file.content(found[0]), number, start, end)
            return
        parts: list[Runs] = []
        size = 0
        for section in self._sections(found, number):
            parts.append(section)
            size += len(section)
            if size >= _BATCH:
                yield _within(Runs.joined(parts), start, end)
                parts, size = [], 0
        if parts:
            yield _within(Runs.joined(parts), start, end)

    def _section_runs(
        self, content: bytes | bytearray | memoryview, number: int, low: int, high: int
    ) -> Runs:
        chrom, first, _, step, span, kind, _, items = self._head(content)
        if chrom != number:
            return Runs.empty()
        body = memoryview(content)[SECTION_SIZE : SECTION_SIZE + items * _SIZES[kind]]
        if kind != RUNS:
            return _within(self._steps(body, kind, first, step, span), low, high)
        # What is outside of the window is not even converted.
        table = np.frombuffer(body, self.file.order + "u4").reshape(-1, 3)
        one, last = int(table[:, 1].searchsorted(low, "right")), int(table[:, 0].searchsorted(high))
        places = table[one:last, :2].astype(np.int64, order="F")
        value = np.frombuffer(body, self.file.order + "f4")[3 * one + 2 : 3 * last : 3]
        return Runs(places[:, 0], places[:, 1], value)

    def _sections(self, blocks: list[Block], number: int) -> Iterator[Runs]:
        """Yield decoded sections; runs of several sections come together."""
        plain: list[memoryview] = []
        size = 0
        for content in self.file.contents(blocks):
            chrom, first, _, step, span, kind, _, items = self._head(content)
            if chrom != number:
                continue
            body = memoryview(content)[SECTION_SIZE : SECTION_SIZE + items * _SIZES[kind]]
            if kind == RUNS:
                plain.append(body)
                size += items
                if size < _BATCH:
                    continue
            if plain:
                yield self._runs(plain)
                plain, size = [], 0
            if kind != RUNS:
                yield self._steps(body, kind, first, step, span)
        if plain:
            yield self._runs(plain)

    def _head(self, content: bytes | bytearray | memoryview) -> tuple[int, ...]:
        if len(content) >= SECTION_SIZE:
            head = self._section.unpack_from(content)
            kind, items = head[5], head[7]
            if kind in _SIZES and len(content) >= SECTION_SIZE + items * _SIZES[kind]:
                return head
        raise DamageError(f"{self.file.path} is damaged: a block of values is not one")

    def _runs(self, bodies: list[memoryview]) -> Runs:
        whole = bodies[0] if len(bodies) == 1 else b"".join(bodies)
        table = np.frombuffer(whole, self.file.order + "u4").reshape(-1, 3)
        value = np.frombuffer(whole, self.file.order + "f4")[2::3]
        return Runs(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), value)

    def _steps(self, body: memoryview, kind: int, first: int, step: int, span: int) -> Runs:
        order = self.file.order
        if kind == FIXED:
            value = np.frombuffer(body, order + "f4")
            start = first + np.arange(len(value), dtype=np.int64) * step
        else:
            start = np.frombuffer(body, order + "u4")[::2].astype(np.int64)
            value = np.frombuffer(body, order + "f4")[1::2]
        return Runs(start, start + span, value)


def _within(runs: Runs, start: int, end: int) -> Runs:
    """Return the runs that overlap a window, whole."""
    low = int(runs.end.searchsorted(start, side="right"))
    high = int(runs.start.searchsorted(end))
    if low == 0 and high == len(runs):
        return runs
    return Runs(runs.start[low:high], runs.end[low:high], runs.value[low:high])
