"""Signals: values along chromosomes as runs of equal value, read by windows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore.errors import InputError

_FEW = 32  # runs that are faster handled one by one
Array = npt.NDArray[Any]
STATISTICS = ("mean", "min", "max", "sum", "coverage", "std")


@dataclass(frozen=True)
class Runs:
    """Values of one chromosome: runs by start that do not overlap; what lies between has none.

    Parameters
    ----------
    start, end : array of int, shape (n,)
        0-based, half-open.
    value : array of float, shape (n,)
        One a run.
    """

    start: Array
    end: Array
    value: Array

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def empty(cls) -> Runs:
        """Return no runs."""
        none = np.empty(0, np.int64)
        return cls(none, none, np.empty(0, np.float64))

    @classmethod
    def joined(cls, parts: Iterable[Runs]) -> Runs:
        """Return runs that follow each other as one."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else cls.empty()
        return cls(
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
            np.concatenate([part.value for part in parts]),
        )

    def clipped(self, start: int, end: int) -> Runs:
        """Return what lies in a window, cut to it."""
        if not len(self) or (self.start[0] >= start and self.end[-1] <= end):
            return self
        low = int(self.end.searchsorted(start, side="right"))
        high = int(self.start.searchsorted(end, side="left"))
        if low >= high:
            return Runs.empty()
        return Runs(
            np.maximum(self.start[low:high], start),
            np.minimum(self.end[low:high], end),
            self.value[low:high],
        )

    def merged(self) -> Runs:
        """Return the same values in as few runs as possible."""
        if len(self) < 2:
            return self
        same = (self.start[1:] == self.end[:-1]) & (self.value[1:] == self.value[:-1])
        if not same.any():
            return self
        first = np.flatnonzero(np.concatenate(([True], ~same)))
        last = np.append(first[1:] - 1, len(self) - 1)
        return Runs(self.start[first], self.end[last], self.value[first])


class Signal(ABC):
    """A source of runs; it also answers what an open file of pyBigWig does.

    Parameters
    ----------
    lengths : dict of str to int
        Chromosomes and their lengths in bp, in order.
    """

    def __init__(self, lengths: dict[str, int]) -> None:
        self.lengths = lengths

    @abstractmethod
    def blocks(self, chrom: str, start: int = 0, end: int | None = None) -> Iterator[Runs]:
        """Yield the runs of a chromosome that overlap a window, in order, whole runs."""

    def runs(self, chrom: str, start: int = 0, end: int | None = None) -> Runs:
        """Return the runs in a window, cut to it; none for an unknown chromosome."""
        end = self.lengths.get(chrom, 0) if end is None else end
        found = Runs.joined(self.blocks(chrom, start, end))
        return found.clipped(start, end)

    def stream(self) -> Iterator[tuple[str, Runs]]:
        """Yield all runs with their chromosomes, in order."""
        for chrom in self.lengths:
            for runs in self.blocks(chrom):
                yield chrom, runs

    def close(self) -> None:
        """Close what the signal is read from."""
        return None

    def chroms(self, chrom: str | None = None) -> Any:
        """Return the lengths of all chromosomes, or of one (None if there is none)."""
        return dict(self.lengths) if chrom is None else self.lengths.get(chrom)

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

        Parameters
        ----------
        chrom : str
            Chromosome.
        start, end : int
            Window, 0-based, half-open; all of the chromosome if left out.
        type : str
            One of ``mean``, ``min``, ``max``, ``sum``, ``coverage``, ``std``.
        nBins : int
            Number of bins.
        exact : bool
            Whether values may not come from summaries, where a file has any.
        """
        low, high = self._window(chrom, start, end)
        edges = bin_edges(low, high, nBins)
        values = binned(self.runs(chrom, low, high), edges, type)
        return [None if math.isnan(value) else value for value in values.tolist()]

    def values(self, chrom: str, start: int, end: int, numpy: bool = True) -> Any:
        """Return the value of each base of a window, NaN where nothing is.

        Returns
        -------
        array of float64, shape (end - start,)
            Or a list of them, without `numpy`.
        """
        low, high = self._window(chrom, start, end)
        found = dense(self.runs(chrom, low, high), low, high)
        return found if numpy else found.tolist()

    def intervals(
        self, chrom: str, start: int = 0, end: int | None = None
    ) -> tuple[tuple[int, int, float], ...] | None:
        """Return the runs that overlap a window as (start, end, value); None if there are none."""
        low, high = self._window(chrom, start, end)
        runs = Runs.joined(self.blocks(chrom, low, high))
        rows = zip(runs.start.tolist(), runs.end.tolist(), runs.value.tolist(), strict=True)
        return tuple(rows) or None

    def _window(self, chrom: str, start: int, end: int | None) -> tuple[int, int]:
        if chrom not in self.lengths:
            raise InputError(f"there is no chromosome {chrom!r}", f"there are {some(self.lengths)}")
        end = self.lengths[chrom] if end is None else end
        if start < 0 or end <= start:
            raise InputError(f"{chrom}:{start}-{end} is no window")
        return start, end


class Computed(Signal):
    """A signal that is made when it is read.

    Parameters
    ----------
    lengths : dict of str to int
        Chromosomes and their lengths in bp, in order.
    make : function of (chrom, start, end)
        Yields runs that overlap the window.
    """

    def __init__(self, lengths: dict[str, int], make: Any) -> None:
        super().__init__(lengths)
        self._make = make

    def blocks(self, chrom: str, start: int = 0, end: int | None = None) -> Iterator[Runs]:
        """Yield the runs of a chromosome that overlap a window, in order."""
        if chrom in self.lengths:
            yield from self._make(chrom, start, self.lengths[chrom] if end is None else end)


class Foreign(Signal):
    """A signal in an open file of pyBigWig, or of what has its ``chroms`` and ``intervals``."""

    def __init__(self, handle: Any) -> None:
        super().__init__(dict(handle.chroms()))
        self._handle = handle

    def blocks(self, chrom: str, start: int = 0, end: int | None = None) -> Iterator[Runs]:
        """Yield the runs of a chromosome that overlap a window, in order."""
        length = self.lengths.get(chrom, 0)
        end = length if end is None else min(end, length)
        if start < end and (rows := self._handle.intervals(chrom, start, end)):
            table = np.array(rows, np.float64).reshape(-1, 3)
            yield Runs(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2])


def some(names: Iterable[str], limit: int = 5) -> str:
    """Return the first names of many, as a text."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) + more) if names else "none"


def check_statistic(statistic: str) -> str:
    """Return the name of a statistic.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if statistic not in STATISTICS:
        raise InputError(f"unknown statistic {statistic!r}", f"allowed: {', '.join(STATISTICS)}")
    return statistic


def bin_edges(start: int, end: int, bins: int) -> npt.NDArray[np.int64]:
    """Return the edges of equal bins, shape (bins + 1,); each bin has a base at least."""
    bins = max(1, min(bins, end - start))
    return start + np.arange(bins + 1, dtype=np.int64) * (end - start) // bins


def dense(runs: Runs, start: int, end: int, missing: float = math.nan) -> Array:
    """Return the value of each base of a window, shape (end - start,)."""
    length = end - start
    runs = runs.clipped(start, end)
    if len(runs) < _FEW:
        few = np.full(length, missing)
        rows = zip(runs.start.tolist(), runs.end.tolist(), runs.value.tolist(), strict=True)
        for low, high, value in rows:
            few[low - start : high - start] = value
        return few
    # Runs and the gaps between them, each repeated as often as it is long.
    bounds = np.empty(2 * len(runs) + 2, np.int64)
    bounds[0], bounds[-1] = start, end
    bounds[1:-1:2], bounds[2:-1:2] = runs.start, runs.end
    values = np.empty(2 * len(runs) + 1)
    values[0::2], values[1::2] = missing, runs.value
    return values.repeat(bounds[1:] - bounds[:-1])


def runs_of(values: Array, start: int) -> Runs:
    """Return runs for the values of bases from `start` on; NaN is no value."""
    if not len(values):
        return Runs.empty()
    change = np.flatnonzero(values[1:] != values[:-1]) + 1  # NaN differs from itself
    first = np.concatenate(([0], change))
    last = np.append(change, len(values))
    kept = ~np.isnan(values[first])
    return Runs(first[kept] + start, last[kept] + start, values[first[kept]])


def pieces(runs: Runs, edges: npt.NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Cut runs at the edges of bins.

    Returns
    -------
    run, place, length : arrays of int64, shape (m,)
        For each piece its run, its bin, and how many bases it has.
    """
    first = np.searchsorted(edges, runs.start, side="right") - 1
    last = np.searchsorted(edges, runs.end, side="left") - 1
    first = np.maximum(first, 0)
    last = np.minimum(last, len(edges) - 2)
    number = np.maximum(last - first + 1, 0)
    run = np.repeat(np.arange(len(runs)), number)
    place = np.arange(len(run)) - np.repeat(np.cumsum(number) - number, number) + first[run]
    low = np.maximum(runs.start[run], edges[place])
    high = np.minimum(runs.end[run], edges[place + 1])
    kept = high > low
    return run[kept], place[kept], (high - low)[kept].astype(np.int64)


def binned(runs: Runs, edges: npt.NDArray[np.int64], statistic: str) -> Array:
    """Return a statistic of the values in each bin, weighted by bases; NaN where nothing is.

    Parameters
    ----------
    runs : Runs
        Values.
    edges : array of int64, shape (n + 1,)
        Edges of bins, ascending.
    statistic : str
        One of :data:`STATISTICS`; ``coverage`` is the part of the bin that has values.

    Returns
    -------
    array of float64, shape (n,)
    """
    check_statistic(statistic)
    size = len(edges) - 1
    run, place, length = pieces(runs, edges)
    value = runs.value[run].astype(np.float64)
    covered = np.bincount(place, length, size)
    if statistic == "coverage":
        return np.where(covered > 0, covered / np.diff(edges), np.nan)
    if statistic in ("min", "max"):
        found = np.full(size, np.inf if statistic == "min" else -np.inf)
        (np.minimum if statistic == "min" else np.maximum).at(found, place, value)
        return np.where(covered > 0, found, np.nan)
    total = np.bincount(place, length * value, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        if statistic == "sum":
            return np.where(covered > 0, total, np.nan)
        mean = total / covered
        if statistic == "mean":
            return mean
        spread = np.bincount(place, length * (value - mean[place]) ** 2, size)
        return np.where(covered > 0, np.sqrt(spread / np.maximum(1, covered - 1)), np.nan)
