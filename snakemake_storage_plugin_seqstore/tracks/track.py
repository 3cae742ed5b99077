"""Tracks: what is known along a genome, as intervals, as a signal, or as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Protocol, runtime_checkable

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.intervals import Batched, Intervals, Windowed
from snakemake_storage_plugin_seqstore.tracks.region import Region
from snakemake_storage_plugin_seqstore.tracks.signal import Foreign, Signal


@dataclass(frozen=True)
class TrackLabel:
    """What a track is called.

    Parameters
    ----------
    name : str
        Name of the track.
    """

    name: str


@dataclass(frozen=True)
class Origin:
    """The file that a track was opened from.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        Its format.
    seen : tuple of int
        How it looked then.
    """

    path: Path
    format: str
    seen: tuple[int, int, int]

    @classmethod
    def of(cls, path: Path, format: str) -> Origin:
        """Return a file as it looks now."""
        status = path.stat()
        return cls(path, format, (status.st_ino, status.st_size, status.st_mtime_ns))

    def check(self) -> Path:
        """Return the path.

        Raises
        ------
        InputError
            If the file is not what it was.
        """
        if not self.path.exists() or Origin.of(self.path, self.format) != self:
            raise InputError(f"{self.path} changed since it was opened", "open it again")
        return self.path


@runtime_checkable
class Track(Protocol):
    """What all tracks can do.

    Examples
    --------
    >>> isinstance(IntervalTrack(TrackLabel("t"), []), Track)
    True
    """

    name: str

    def signal_at(self, chrom: str, start: int, end: int) -> float:
        """Return the mean value in a window (0-based, half-open); 0.0 where nothing is."""
        ...

    def regions(self, chrom: str, start: int, end: int) -> Iterator[Region]:
        """Yield the regions that overlap a window (0-based, half-open), by start."""
        ...

    def map_scores(self, fn: Callable[[float], float]) -> Track:
        """Return a track whose scores are what `fn` makes of the scores here."""
        ...

    def filter_entries(self, predicate: Callable[[float], bool]) -> Track:
        """Return a track of the entries whose score is accepted."""
        ...

    def scores(self) -> list[float]:
        """Return the scores of all entries, in order."""
        ...

    def with_scores(self, scores: Sequence[float]) -> Track:
        """Return a track of the same entries with other scores, in the same order."""
        ...


def name_of(source: Any, kind: str) -> str:
    """Return the name of what a track is made from.

    Raises
    ------
    TypeError
        If it is a bare string, or has no ``name``.
    """
    if isinstance(source, str):
        raise TypeError(f"{kind} needs something with a name, not text: TrackLabel({source!r})")
    try:
        return str(source.name)
    except AttributeError:
        raise TypeError(
            f"{kind} needs something with a name; {type(source).__name__} has no .name"
        ) from None


class IntervalTrack:
    """A track of intervals.

    Parameters
    ----------
    source : object
        Has the name of the track as ``name``, such as a :class:`TrackLabel`.
    regions : iterable of Region, Intervals, or Windowed
        In the order in which they are to be kept; or where they are looked up when needed.

    Examples
    --------
    >>> track = IntervalTrack(TrackLabel("t"), [Region("chr1", 100, 200, score=10.0)])
    >>> track.signal_at("chr1", 150, 250)
    10.0
    """

    track_type: ClassVar[str] = "interval"
    origin: Origin | None = None

    def __init__(self, source: Any, regions: Iterable[Region] | Windowed) -> None:
        self.name = name_of(source, "IntervalTrack")
        self._source: Windowed = regions if isinstance(regions, Windowed) else Intervals.of(regions)

    @property
    def source(self) -> Windowed:
        """Where windows of the intervals are looked up."""
        return self._source

    @cached_property
    def intervals(self) -> Intervals:
        """All intervals as columns."""
        return self._source.everything()

    @property
    def batched(self) -> Batched:
        """The intervals by chromosome: those of a large file one after the other."""
        if isinstance(self._source, Batched) and "intervals" not in self.__dict__:
            return self._source
        return self.intervals

    def __len__(self) -> int:
        return len(self.intervals)

    def __iter__(self) -> Iterator[Region]:
        return iter(self.intervals)

    def signal_at(self, chrom: str, start: int, end: int) -> float:
        """Return the mean score in a window, weighted by overlap; 0.0 where nothing is."""
        found = self._source.window(chrom, start, end)
        weight = np.minimum(found.end, end) - np.maximum(found.start, start)
        total = int(weight.sum())
        return float((weight * found.scores()).sum() / total) if total else 0.0

    def regions(self, chrom: str, start: int, end: int) -> Iterator[Region]:
        """Yield the regions that overlap a window, by start."""
        return iter(self._source.window(chrom, start, end))

    def map_scores(self, fn: Callable[[float], float]) -> IntervalTrack:
        """Return a track whose scores are what `fn` makes of the scores here."""
        return self.with_scores([fn(score) for score in self.scores()])

    def filter_entries(self, predicate: Callable[[float], bool]) -> IntervalTrack:
        """Return a track of the regions whose score is accepted."""
        kept = [row for row, score in enumerate(self.scores()) if predicate(score)]
        return IntervalTrack(self, self.intervals.take(np.array(kept, np.int64)))

    def scores(self) -> list[float]:
        """Return the scores of all regions, in order."""
        return list(map(float, self.intervals.scores()))

    def with_scores(self, scores: Sequence[float]) -> IntervalTrack:
        """Return a track of the same regions with other scores, in the same order."""
        changed = np.asarray(scores, np.float64)
        _check_number(len(self), len(changed), "regions")
        return IntervalTrack(self, self.intervals.with_scores(changed))


class SignalTrack:
    """A track of values along chromosomes.

    Parameters
    ----------
    source : object
        Has the name of the track as ``name``, such as a :class:`TrackLabel`.
    bw : Signal, or an open file of pyBigWig
        Where values come from.
    """

    track_type: ClassVar[str] = "signal"
    origin: Origin | None = None

    def __init__(self, source: Any, bw: Any) -> None:
        self.name = name_of(source, "SignalTrack")
        self._signal = bw if isinstance(bw, Signal) else Foreign(bw)

    @property
    def signal(self) -> Signal:
        """The values as runs."""
        return self._signal

    def signal_at(self, chrom: str, start: int, end: int) -> float:
        """Return the mean value in a window over the bases that have one; 0.0 where nothing is."""
        runs = self._signal.runs(chrom, start, end)
        weight = runs.end.astype(np.int64) - runs.start
        total = int(weight.sum())
        return float((weight * runs.value.astype(np.float64)).sum() / total) if total else 0.0

    def raw_signal(self, chrom: str, start: int, end: int) -> list[float]:
        """Return the value of each base in a window; 0.0 where nothing is."""
        values = self._signal.values(chrom, start, end)
        return [0.0 if math.isnan(value) else value for value in values.tolist()]

    def regions(self, chrom: str, start: int, end: int) -> Iterator[Region]:
        """Yield nothing: a signal has no regions."""
        return iter(())

    def map_scores(self, fn: Callable[[float], float]) -> NoReturn:
        """Refuse: a signal has no entries."""
        self._no_entries("map_scores")

    def filter_entries(self, predicate: Callable[[float], bool]) -> NoReturn:
        """Refuse: a signal has no entries."""
        self._no_entries("filter_entries")

    def scores(self) -> NoReturn:
        """Refuse: a signal has no entries."""
        self._no_entries("scores")

    def with_scores(self, scores: Sequence[float]) -> NoReturn:
        """Refuse: a signal has no entries."""
        self._no_entries("with_scores")

    def _no_entries(self, what: str) -> NoReturn:
        raise NotImplementedError(
            f"{what}: the signal {self.name!r} has no entries; "
            "use an operation such as transform.log or transform.bin"
        )


class TableTrack:
    """A track of numbers by key, such as counts by gene; it has no coordinates.

    Parameters
    ----------
    source : object
        Has the name of the track as ``name``, such as a :class:`TrackLabel`.
    data : mapping of str to float
        Numbers by key.

    Examples
    --------
    >>> TableTrack(TrackLabel("counts"), {"geneA": 42.0, "geneB": 7.0}).get("geneA")
    42.0
    """

    track_type: ClassVar[str] = "table"
    origin: Origin | None = None

    def __init__(self, source: Any, data: Mapping[str, float]) -> None:
        self.name = name_of(source, "TableTrack")
        self._data = dict(data)

    def get(self, key: str, default: float = 0.0) -> float:
        """Return the number of a key."""
        return self._data.get(key, default)

    def keys(self) -> list[str]:
        """Return all keys, in order."""
        return list(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def signal_at(self, chrom: str, start: int, end: int) -> float:
        """Return 0.0: a table has no coordinates."""
        return 0.0

    def regions(self, chrom: str, start: int, end: int) -> Iterator[Region]:
        """Yield nothing: a table has no coordinates."""
        return iter(())

    def map_scores(self, fn: Callable[[float], float]) -> TableTrack:
        """Return a table whose numbers are what `fn` makes of the numbers here."""
        return TableTrack(self, {key: fn(value) for key, value in self._data.items()})

    def filter_entries(self, predicate: Callable[[float], bool]) -> TableTrack:
        """Return a table of the keys whose number is accepted."""
        return TableTrack(self, {key: v for key, v in self._data.items() if predicate(v)})

    def scores(self) -> list[float]:
        """Return all numbers, in order."""
        return list(self._data.values())

    def with_scores(self, scores: Sequence[float]) -> TableTrack:
        """Return a table of the same keys with other numbers, in the same order."""
        _check_number(len(self), len(scores), "keys")
        return TableTrack(self, dict(zip(self._data, map(float, scores), strict=True)))


def _check_number(entries: int, scores: int, what: str) -> None:
    if entries != scores:
        raise ValueError(f"{scores} scores for {entries} {what}: there must be one for each")
