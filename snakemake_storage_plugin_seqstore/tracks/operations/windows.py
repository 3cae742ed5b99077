"""Signals that are made window by window, so that memory does not depend on the genome."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.signal import Array, Computed, Runs, Signal

WINDOW = 1 << 21  # bp


def by_window(
    lengths: dict[str, int], make: Callable[[str, int, int], Runs], multiple: int = 1
) -> Signal:
    """Return a signal that a function makes of windows.

    Parameters
    ----------
    lengths : dict of str to int
        Chromosomes and their lengths in bp.
    make : function of (chrom, start, end)
        Returns the runs of a window, cut to it.
    multiple : int
        Windows start at multiples of so many bp.
    """
    step = max(1, WINDOW // multiple) * multiple

    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        held = Runs.empty()
        for low in range(start - start % step, end, step):
            found = make(chrom, low, min(low + step, lengths[chrom])).merged()
            # A run that goes on in the next window is one.
            joined = Runs.joined([held, found]).merged()
            if not len(joined):
                continue
            yield _slice(joined, 0, len(joined) - 1)
            held = _slice(joined, len(joined) - 1, len(joined))
        if len(held):
            yield held

    def within(chrom: str, start: int, end: int) -> Iterator[Runs]:
        return (runs for runs in blocks(chrom, start, end) if len(runs))

    return Computed(lengths, within)


def aligned(parts: list[Runs], start: int, end: int) -> tuple[Array, list[Array]]:
    """Cut several signals at all their places.

    Returns
    -------
    edges : array of int64, shape (n + 1,)
        From `start` to `end`.
    values : list of array of float64, shape (n,)
        Of each signal between these; NaN where it has none.
    """
    places = [np.array([start, end], np.int64)]
    for part in parts:
        places += [part.start, part.end]
    edges = np.unique(np.concatenate(places))
    values = []
    for part in parts:
        found = np.full(len(edges) - 1, np.nan)
        if len(part):
            place = np.searchsorted(part.start, edges[:-1], side="right") - 1
            inside = (place >= 0) & (edges[:-1] < part.end[np.maximum(place, 0)])
            found[inside] = part.value[place[inside]]
        values.append(found)
    return edges, values


def of_edges(edges: Array, values: Array) -> Runs:
    """Return runs of values between edges; NaN is none."""
    kept = ~np.isnan(values)
    return Runs(edges[:-1][kept], edges[1:][kept], values[kept])


def shared_lengths(signals: list[Signal]) -> dict[str, int]:
    """Return all chromosomes of several signals, as long as the longest says."""
    lengths: dict[str, int] = {}
    for signal in signals:
        for chrom, length in signal.lengths.items():
            lengths[chrom] = max(length, lengths.get(chrom, 0))
    return lengths


def _slice(runs: Runs, first: int, last: int) -> Runs:
    return Runs(runs.start[first:last], runs.end[first:last], runs.value[first:last])
