"""Intervals as columns: numpy arrays, with windows by binary search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.region import Region

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
STRANDS = (".", "+", "-")


class Column(Protocol):
    """Values of any kind, one an interval, read when they are needed."""

    def __len__(self) -> int: ...

    def value(self, row: int) -> Any:
        """Return the value of a row."""

    def take(self, rows: Ints) -> Column:
        """Return the values of some rows."""

    def followed_by(self, others: list[Any], shared: dict[Any, Any]) -> Column:
        """Return the values here and in columns of the same kind; `shared` is what these share."""


@runtime_checkable
class Windowed(Protocol):
    """Intervals that can be looked up by window."""

    def window(self, chrom: str, start: int, end: int) -> Intervals:
        """Return the intervals that overlap a window, by start."""

    def everything(self) -> Intervals:
        """Return all intervals."""


@runtime_checkable
class Batched(Protocol):
    """Intervals that need not be in memory at once."""

    @property
    def chroms(self) -> tuple[str, ...]:
        """Chromosomes, in the order in which they come first."""

    def batches(self) -> Iterator[tuple[str, ...]]:
        """Yield chromosomes that are best handled together, all in order."""

    def of_chroms(self, chroms: Sequence[str]) -> Intervals:
        """Return the intervals of some chromosomes."""

    def parts(self) -> Iterator[Intervals]:
        """Yield all intervals in their order, some at once."""


class InBatches:
    """Intervals that are made when they are needed.

    Parameters
    ----------
    source : Batched
        What has the same chromosomes.
    make : function of tuple of str
        Makes those of a batch of chromosomes.
    """

    def __init__(self, source: Batched, make: Callable[[tuple[str, ...]], Intervals]) -> None:
        self.chroms = source.chroms
        self._source = source
        self._make = make

    def batches(self) -> Iterator[tuple[str, ...]]:
        """Yield chromosomes that are best handled together, all in order."""
        return self._source.batches()

    def of_chroms(self, chroms: Sequence[str]) -> Intervals:
        """Return the intervals of some chromosomes."""
        return self._make(tuple(chroms))

    def parts(self) -> Iterator[Intervals]:
        """Yield all intervals in their order, some at once."""
        return map(self._make, self.batches())

    @cached_property
    def _whole(self) -> Intervals:
        return Intervals.joined(list(self.parts()))

    def everything(self) -> Intervals:
        """Return all intervals."""
        return self._whole

    def window(self, chrom: str, start: int, end: int) -> Intervals:
        """Return the intervals that overlap a window, by start."""
        return self._whole.window(chrom, start, end)


class Values:
    """A column of Python objects.

    Parameters
    ----------
    values : iterable
        One an interval.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = list(values)

    def __len__(self) -> int:
        return len(self._values)

    def value(self, row: int) -> Any:
        """Return the value of a row."""
        return self._values[row]

    def take(self, rows: Ints) -> Values:
        """Return the values of some rows."""
        return Values(self._values[row] for row in rows.tolist())

    def followed_by(self, others: list[Values], shared: dict[Any, Any]) -> Values:
        """Return the values here and in others."""
        return Values(value for part in (self, *others) for value in part._values)


@dataclass(frozen=True)
class ChromRows:
    """The intervals of one chromosome, by start; those of one start in the order of the file.

    Parameters
    ----------
    rows : array of int64, shape (n,)
        Where they are among all intervals.
    start, end : array of int64, shape (n,)
        0-based, half-open.
    reach : array of int64, shape (n,)
        The largest end so far.
    """

    rows: Ints
    start: Ints
    end: Ints
    reach: Ints

    def overlapping(self, start: int, end: int) -> Ints:
        """Return which of ``rows`` overlap a window."""
        low = int(np.searchsorted(self.reach, start, side="right"))
        high = int(np.searchsorted(self.start, end, side="left"))
        if low >= high:
            return np.empty(0, np.int64)
        return self.rows[low:high][self.end[low:high] > start]


class Intervals:
    """Intervals of a genome in columns.

    Parameters
    ----------
    chroms : tuple of str
        Names of chromosomes.
    codes : array of int32, shape (n,)
        The chromosome of each interval, as its place in `chroms`.
    start, end : array of int64, shape (n,)
        0-based, half-open.
    score : array of float64, shape (n,), optional
        0.0 if it is left out.
    strand : array of int8, shape (n,), optional
        As places in :data:`STRANDS`; ``.`` if it is left out.
    names, tags : Column, optional
        A text and a mapping for each interval.
    rest : Column, optional
        What stood behind the places in a BED file, as text.
    """

    def __init__(
        self,
        chroms: tuple[str, ...],
        codes: npt.NDArray[np.int32],
        start: Ints,
        end: Ints,
        score: Floats | None = None,
        strand: npt.NDArray[np.int8] | None = None,
        names: Column | None = None,
        tags: Column | None = None,
        rest: Column | None = None,
    ) -> None:
        self.chroms = chroms
        self.codes = codes
        self.start = start
        self.end = end
        self.score = score
        self.strand = strand
        self.names = names
        self.tags = tags
        self.rest = rest
        self._by_chrom: dict[str, ChromRows] | None = None

    @classmethod
    def of(cls, regions: Iterable[Region]) -> Intervals:
        """Make columns of regions.

        Raises
        ------
        InputError
            If there is no such strand.
        """
        regions = list(regions)
        places: dict[str, int] = {}
        codes = np.array([places.setdefault(r.chrom, len(places)) for r in regions], np.int32)
        strands = {strand: place for place, strand in enumerate(STRANDS)}
        if wrong := next((r for r in regions if r.strand not in strands), None):
            place = f"{wrong.chrom}:{wrong.start}-{wrong.end}"
            raise InputError(f"{place}: the strand {wrong.strand!r} is none of {' '.join(STRANDS)}")
        return cls(
            tuple(places),
            codes,
            np.array([r.start for r in regions], np.int64),
            np.array([r.end for r in regions], np.int64),
            np.array([r.score for r in regions], np.float64),
            np.array([strands[r.strand] for r in regions], np.int8),
            Values(r.name for r in regions) if any(r.name for r in regions) else None,
            Values(r.tags for r in regions) if any(r.tags for r in regions) else None,
        )

    @classmethod
    def joined(cls, parts: list[Intervals]) -> Intervals:
        """Return intervals that follow each other as one.

        A column that some lack is left out where it has texts, and is what is said above where it
        has numbers.
        """
        if len(parts) < 2:
            return parts[0] if parts else cls.of([])
        places: dict[str, int] = {}
        codes, strands = [], []
        for part in parts:
            mine = [places.setdefault(chrom, len(places)) for chrom in part.chroms]
            codes.append(np.array(mine, np.int32)[part.codes])
            unknown = np.zeros(len(part), np.int8)
            strands.append(unknown if part.strand is None else part.strand)
        shared: dict[Any, Any] = {}
        scored = any(part.score is not None for part in parts)
        stranded = any(part.strand is not None for part in parts)
        return cls(
            tuple(places),
            np.concatenate(codes),
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
            np.concatenate([part.scores() for part in parts]) if scored else None,
            np.concatenate(strands) if stranded else None,
            _column([part.names for part in parts], shared),
            _column([part.tags for part in parts], shared),
            _column([part.rest for part in parts], shared),
        )

    def __len__(self) -> int:
        return len(self.start)

    def region(self, row: int) -> Region:
        """Return one interval as a region."""
        tags: Mapping[str, Any] = self.tags.value(row) if self.tags is not None else {}
        return Region(
            self.chroms[self.codes[row]],
            int(self.start[row]),
            int(self.end[row]),
            STRANDS[self.strand[row]] if self.strand is not None else ".",
            float(self.score[row]) if self.score is not None else 0.0,
            str(self.names.value(row)) if self.names is not None else "",
            dict(tags),
        )

    def __iter__(self) -> Iterator[Region]:
        return (self.region(row) for row in range(len(self)))

    def scores(self) -> Floats:
        """Return all scores, shape (n,)."""
        return np.zeros(len(self)) if self.score is None else self.score

    def take(self, rows: Ints) -> Intervals:
        """Return some intervals, in the order of `rows`."""
        return Intervals(
            self.chroms,
            self.codes[rows],
            self.start[rows],
            self.end[rows],
            None if self.score is None else self.score[rows],
            None if self.strand is None else self.strand[rows],
            None if self.names is None else self.names.take(rows),
            None if self.tags is None else self.tags.take(rows),
            None if self.rest is None else self.rest.take(rows),
        )

    def with_scores(self, score: Floats) -> Intervals:
        """Return the same intervals with other scores, shape (n,)."""
        return Intervals(
            self.chroms,
            self.codes,
            self.start,
            self.end,
            score,
            self.strand,
            self.names,
            self.tags,
        )

    def on(self, chrom: str) -> ChromRows:
        """Return the intervals of a chromosome, by start."""
        if self._by_chrom is None:
            self._by_chrom = self._sorted()
        empty = np.empty(0, np.int64)
        return self._by_chrom.get(chrom) or ChromRows(empty, empty, empty, empty)

    def window(self, chrom: str, start: int, end: int) -> Intervals:
        """Return the intervals that overlap a window, by start."""
        return self.take(self.on(chrom).overlapping(start, end))

    def everything(self) -> Intervals:
        """Return all intervals: these."""
        return self

    def batches(self) -> Iterator[tuple[str, ...]]:
        """Yield all chromosomes at once."""
        yield self.chroms

    def of_chroms(self, chroms: Sequence[str]) -> Intervals:
        """Return the intervals of some chromosomes."""
        if tuple(chroms) == self.chroms:
            return self
        rows = [self.on(chrom).rows for chrom in chroms]
        return self.take(np.concatenate(rows)) if rows else Intervals.of([])

    def parts(self) -> Iterator[Intervals]:
        """Yield all intervals at once."""
        yield self

    def _sorted(self) -> dict[str, ChromRows]:
        found = {}
        order = np.arange(len(self), dtype=np.int64)
        ordered = self.codes
        if len(self) and (np.diff(self.codes) < 0).any():
            order = np.argsort(self.codes, kind="stable")
            ordered = self.codes[order]
        edges = np.searchsorted(ordered, np.arange(len(self.chroms) + 1))
        for code, chrom in enumerate(self.chroms):
            rows = order[edges[code] : edges[code + 1]]
            if not len(rows):
                continue
            start = self.start[rows]
            if (np.diff(start) < 0).any():
                rows = rows[np.argsort(start, kind="stable")]
                start = self.start[rows]
            end = self.end[rows]
            found[chrom] = ChromRows(rows, start, end, np.maximum.accumulate(end))
        return found


def _column(parts: list[Column | None], shared: dict[Any, Any]) -> Column | None:
    found = [part for part in parts if part is not None]
    return found[0].followed_by(found[1:], shared) if len(found) == len(parts) else None
