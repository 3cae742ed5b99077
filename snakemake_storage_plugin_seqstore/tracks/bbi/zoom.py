"""Zoom levels: summaries of bins, each level coarser than the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.bbi.layout import ZOOM, record
from snakemake_storage_plugin_seqstore.tracks.signal import Array, Runs, check_statistic, pieces

LEVELS = 10
STEP = 4  # how much coarser the next level is
_FINEST = 32  # bins of the first level are so many times longer than runs
_REAL = float(np.finfo(np.float32).max)
_LONGEST = 1 << 29  # bp of a bin, about
_MOST = 1 << 20  # records of the first level
_ENOUGH = 1 << 18  # runs that tell how long runs are
_BATCH = 1 << 15  # runs that are summarised at once


@dataclass(frozen=True)
class Bins:
    """Summaries of bins, by place.

    Parameters
    ----------
    chrom, start, end, covered : array of int64, shape (n,)
        Number of the chromosome; from the first to the last base that has a value; how many have.
    min, max, sum, squares : array of float64, shape (n,)
        Of the values of these bases.
    """

    chrom: Array
    start: Array
    end: Array
    covered: Array
    min: Array
    max: Array
    sum: Array
    squares: Array

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def joined(cls, parts: list[Bins]) -> Bins:
        """Return summaries that follow each other as one."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def coarser(self, size: int) -> Bins:
        """Return summaries of bins of `size` bp, a multiple of what they are."""
        if not len(self):
            return self
        place = self.start // size
        new = (place[1:] != place[:-1]) | (self.chrom[1:] != self.chrom[:-1])
        first = np.flatnonzero(np.concatenate(([True], new)))
        return Bins(
            self.chrom[first],
            self.start[first],
            np.maximum.reduceat(self.end, first),
            np.add.reduceat(self.covered, first),
            np.minimum.reduceat(self.min, first),
            np.maximum.reduceat(self.max, first),
            np.add.reduceat(self.sum, first),
            np.add.reduceat(self.squares, first),
        )

    def packed(self) -> Array:
        """Return records of a file, shape (n,)."""
        rows = np.empty(len(self), record(ZOOM, "<"))
        for name, column in vars(self).items():
            # What float32 cannot hold is as large as it can be.
            rows[name] = np.clip(column, -_REAL, _REAL) if column.dtype.kind == "f" else column
        return rows


@dataclass
class Summary:
    """The summary of a whole file.

    Parameters
    ----------
    covered : int
        Bases that have a value.
    min, max, sum, squares : float
        Of the values of these bases.
    """

    covered: int = 0
    min: float = 0.0
    max: float = 0.0
    sum: float = 0.0
    squares: float = 0.0


class Zoomer:
    """Collects summaries while runs are written; their number, and so memory, is bounded."""

    def __init__(self) -> None:
        self.size = 0  # of a bin of the first level, in bp
        self.summary = Summary()
        self._waiting: list[tuple[int, Runs]] = []  # until there are enough of them
        self._number = 0
        self._parts: list[Bins] = []
        self._records = 0
        self._runs = 0

    def add(self, chrom: int, runs: Runs) -> None:
        """Count runs that follow those before."""
        if len(runs):
            self._waiting.append((chrom, runs))
            self._number += len(runs)
            self._runs += len(runs)
        if self._number >= (_BATCH if self.size else _ENOUGH):
            self._settle()

    def _settle(self) -> None:
        """Summarise what waits, in batches; there may be few runs on each of many chromosomes."""
        if not self.size and self._runs:
            covered = sum(int(r.end.sum()) - int(r.start.sum()) for _, r in self._waiting)
            self.size = min(max(1, covered // self._runs) * _FINEST, _LONGEST)
        batch: list[tuple[int, Runs]] = []
        number = 0
        for place, (chrom, runs) in enumerate(self._waiting, 1):
            batch.append((chrom, runs))
            number += len(runs)
            if number >= _BATCH or place == len(self._waiting):
                self._add(batch)
                batch, number = [], 0
        self._waiting, self._number = [], 0

    def _add(self, batch: list[tuple[int, Runs]]) -> None:
        chrom = np.repeat([chrom for chrom, _ in batch], [len(runs) for _, runs in batch])
        runs = Runs.joined(runs for _, runs in batch)
        start, end = runs.start.astype(np.int64, copy=False), runs.end.astype(np.int64, copy=False)
        length = end - start
        # A bin has a run at least, and a run that is longer than bins has several of them.
        while self._records + int((length // self.size).sum()) > max(self._runs, 1024):
            self._coarsen()
        bins = _summarise(chrom, Runs(start, end, runs.value.astype(np.float64)), self.size)
        self._count(bins)
        self._parts.append(bins)
        self._records += len(bins)
        while self._records > _MOST and self.size < _LONGEST:
            self._coarsen()

    def _coarsen(self) -> None:
        self.size *= STEP
        if self._parts:
            self._parts = [Bins.joined(self._parts).coarser(self.size)]
            self._records = len(self._parts[0])

    def _count(self, bins: Bins) -> None:
        whole, low, high = self.summary, float(bins.min.min()), float(bins.max.max())
        whole.min = min(whole.min, low) if whole.covered else low
        whole.max = max(whole.max, high) if whole.covered else high
        whole.covered += int(bins.covered.sum())
        whole.sum += float(bins.sum.sum())
        whole.squares += float(bins.squares.sum())

    def levels(self) -> Iterator[tuple[int, Bins]]:
        """Yield size and summaries of each level that is worth having, the finest first."""
        self._settle()
        if not self._parts:
            return
        size, bins = self.size, Bins.joined(self._parts)
        bins = bins.coarser(size)  # what two batches share is one
        while len(bins) > self._runs // 2 and size < _LONGEST:
            size *= STEP
            bins = bins.coarser(size)
        for _ in range(LEVELS):
            yield size, bins
            size *= STEP
            if size > _LONGEST:
                return
            fewer = bins.coarser(size)
            if len(fewer) == len(bins):
                return
            bins = fewer


def _summarise(chrom: Array, runs: Runs, size: int) -> Bins:
    first = runs.start // size
    stop = (first + 1) * size
    value = runs.value
    whole = _bins(chrom, first, runs.start, np.minimum(runs.end, stop), value)
    cut = np.flatnonzero(runs.end > stop)
    if not len(cut):
        return whole
    # What is left of runs that lie in several bins: few of them, mostly.
    number = (runs.end[cut] - 1) // size - first[cut]
    run = np.repeat(cut, number)
    before = np.repeat(np.cumsum(number) - number, number)
    place = first[run] + 1 + np.arange(len(run)) - before
    end = np.minimum(runs.end[run], (place + 1) * size)
    joined = Bins.joined([whole, _bins(chrom[run], place, place * size, end, value[run])])
    order = np.lexsort((joined.start, joined.chrom))
    return Bins(*(column[order] for column in vars(joined).values())).coarser(size)


def _bins(chrom: Array, place: Array, start: Array, end: Array, value: Array) -> Bins:
    """Return summaries of pieces of runs that lie in one bin each."""
    length = end - start
    differs = (place[1:] != place[:-1]) | (chrom[1:] != chrom[:-1])
    new = np.flatnonzero(np.concatenate(([True], differs)))
    weighted = length * value
    return Bins(
        chrom[new],
        start[new],
        end[np.append(new[1:], len(place)) - 1],
        np.add.reduceat(length, new),
        np.minimum.reduceat(value, new),
        np.maximum.reduceat(value, new),
        np.add.reduceat(weighted, new),
        np.add.reduceat(weighted * value, new),
    )


def estimated(bins: Bins, edges: Array, statistic: str) -> Array:
    """Return a statistic of other bins, as if values were even within summaries.

    Parameters
    ----------
    bins : Bins
        Summaries of one chromosome.
    edges : array of int64, shape (n + 1,)
        Edges of the bins, ascending.
    statistic : str
        One of STATISTICS.

    Returns
    -------
    array of float64, shape (n,)
        NaN where nothing is.
    """
    size = len(edges) - 1
    run, place, length = pieces(Runs(bins.start, bins.end, bins.sum), edges)
    part = length / (bins.end - bins.start)[run]
    covered = np.bincount(place, part * bins.covered[run], size)
    if statistic in ("min", "max"):
        least = statistic == "min"
        found = np.full(size, np.inf if least else -np.inf)
        (np.minimum if least else np.maximum).at(
            found, place, (bins.min if least else bins.max)[run]
        )
        return np.where(covered > 0, found, np.nan)
    total = np.bincount(place, part * bins.sum[run], size)
    squares = np.bincount(place, part * bins.squares[run], size)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "mean": total / covered,
            "sum": total,
            "coverage": covered / np.diff(edges),
            "std": np.sqrt(
                np.maximum(0, squares - total * total / covered) / np.maximum(1, covered - 1)
            ),
        }[check_statistic(statistic)]
    return np.where(covered > 0, found, np.nan)
