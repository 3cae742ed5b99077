"""What a track has, in a few numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.output import partial
from snakemake_storage_plugin_seqstore.tracks.intervals import Floats, Intervals
from snakemake_storage_plugin_seqstore.tracks.signal import Runs, Signal
from snakemake_storage_plugin_seqstore.tracks.sweep import union
from snakemake_storage_plugin_seqstore.tracks.text.gff import circular_lengths
from snakemake_storage_plugin_seqstore.tracks.track import IntervalTrack, SignalTrack, TableTrack


@dataclass(frozen=True)
class TrackSummary:
    """A track in a few numbers.

    Parameters
    ----------
    kind : str
        ``interval``, ``signal`` or ``table``.
    chromosomes : int
        How many have anything.
    intervals : int or None
        Intervals, runs of values, or keys; None if that was not counted.
    covered : int
        Bases that any of them covers.
    min, mean, max : float or None
        Of the scores or values; of a signal weighted by bases. None if there are none.
    """

    kind: str
    chromosomes: int
    intervals: int | None
    covered: int
    min: float | None
    mean: float | None
    max: float | None


class SignalSummary:
    """Collects the summary of a signal from its runs."""

    def __init__(self) -> None:
        self._chroms: set[str] = set()
        self._runs = 0
        self._covered = 0
        self._total = 0.0
        self._low, self._high = math.inf, -math.inf

    def add(self, chrom: str, runs: Runs) -> None:
        """Count some runs."""
        if not len(runs):
            return
        length = runs.end - runs.start
        self._chroms.add(chrom)
        self._runs += len(runs)
        self._covered += int(length.sum())
        self._total += float((length * runs.value.astype(np.float64)).sum())
        self._low = min(self._low, float(runs.value.min()))
        self._high = max(self._high, float(runs.value.max()))

    def result(self) -> TrackSummary:
        """Return the summary of what was counted."""
        if not self._runs:
            return TrackSummary("signal", 0, 0, 0, None, None, None)
        mean = self._total / self._covered
        found = (self._runs, self._covered, self._low, mean, self._high)
        return TrackSummary("signal", len(self._chroms), *found)


def summarise(track: IntervalTrack | SignalTrack | TableTrack) -> TrackSummary:
    """Return the summary of a track; a signal is read from end to end."""
    if isinstance(track, TableTrack):
        scores = np.array(track.scores())
        return TrackSummary("table", 0, len(track), 0, *_scores(scores))
    if isinstance(track, IntervalTrack):
        return of_intervals(track.intervals)
    return of_signal(track.signal)


def of_signal(signal: Signal) -> TrackSummary:
    """Return the summary of a signal."""
    found = SignalSummary()
    for chrom, runs in signal.stream():
        found.add(chrom, runs)
    return found.result()


def of_intervals(intervals: Intervals) -> TrackSummary:
    """Return the summary of intervals."""
    covered, chroms = 0, 0
    circular = circular_lengths(intervals)
    for chrom in intervals.chroms:
        rows = intervals.on(chrom)
        start, end, _ = union(rows.start, rows.end)
        # One interval is all of a circular chromosome: what goes on behind it is in it.
        covered += circular.get(chrom, int((end - start).sum()))
        chroms += bool(len(rows.rows))
    scores = np.empty(0) if intervals.score is None else intervals.score
    return TrackSummary("interval", chroms, len(intervals), covered, *_scores(scores))


def _scores(scores: Floats) -> tuple[float | None, float | None, float | None]:
    if not len(scores):
        return None, None, None
    return float(scores.min()), float(scores.mean()), float(scores.max())


def write_table(
    paths: Sequence[str], target: str | os.PathLike[str], labels: Sequence[str] = ()
) -> None:
    """Write what files of tracks have as a tab-separated table, a line a track.

    Parameters
    ----------
    paths : sequence of str
        The files.
    target : path
        The table.
    labels : sequence of str
        What tracks are called; the names of the files if it is left out.

    Raises
    ------
    InputError
        If one is no track, or there are more or fewer labels.
    """
    from snakemake_storage_plugin_seqstore.tracks.opening import open_track

    names = [field.name for field in fields(TrackSummary)]
    lines = ["\t".join(("track", *names))]
    labels = labels or [os.path.basename(path) for path in paths]
    if len(labels) != len(paths):
        raise InputError(f"there are {len(labels)} labels for {len(paths)} tracks")
    for label, path in zip(labels, paths, strict=True):
        found = astuple(summarise(open_track(path)))
        values = ("" if value is None else shown(value) for value in found)
        lines.append("\t".join((label, *values)))
    with partial(Path(target)) as part:
        part.write_text("\n".join(lines) + "\n")


def shown(value: object) -> str:
    """Return a value of a summary for people: numbers with six digits that count."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
