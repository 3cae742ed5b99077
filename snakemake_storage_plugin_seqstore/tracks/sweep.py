"""Sweeps over the places of intervals of one chromosome."""

from __future__ import annotations

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.intervals import Ints
from snakemake_storage_plugin_seqstore.tracks.signal import Runs


def depth(start: Ints, end: Ints, weight: Ints | None = None) -> Runs:
    """Return how many intervals cover each base; what none covers has no run.

    Parameters
    ----------
    start, end : array of int64, shape (n,)
        0-based, half-open, in any order.
    weight : array of int64, shape (n,), optional
        How often each interval counts.
    """
    if not len(start):
        return Runs.empty()
    ones = np.ones(len(start), np.int64) if weight is None else weight
    if weight is None:
        # Sorted apart, both are sorted faster than together.
        place = np.concatenate((np.sort(start), np.sort(end)))
    else:
        place = np.concatenate((start, end))
    change = np.concatenate((ones, -ones))
    order = np.argsort(place, kind="stable")
    place, change = place[order], change[order]
    first = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
    height = np.cumsum(np.add.reduceat(change, first))
    place = place[first]
    covered = np.flatnonzero(height[:-1] != 0)
    return Runs(place[covered], place[covered + 1], height[covered]).merged()


def union(start: Ints, end: Ints, distance: int = 0) -> tuple[Ints, Ints, Ints]:
    """Join intervals that overlap or touch, or are `distance` bp apart at most.

    Parameters
    ----------
    start, end : array of int64, shape (n,)
        By start.

    Returns
    -------
    start, end : arrays of int64, shape (m,)
        What they cover.
    first : array of int64, shape (m,)
        The first of the intervals that each is made of.
    """
    if not len(start):
        return start, end, np.empty(0, np.int64)
    reach = np.maximum.accumulate(end)
    new = np.concatenate(([True], start[1:] > reach[:-1] + distance))
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(start)) - 1
    return start[first], reach[last], first


def overlaps(
    a_start: Ints, a_end: Ints, b_start: Ints, b_end: Ints, b_reach: Ints
) -> tuple[Ints, Ints]:
    """Return all pairs of intervals that share a base.

    Parameters
    ----------
    a_start, a_end : array of int64, shape (n,)
        In any order.
    b_start, b_end, b_reach : array of int64, shape (m,)
        By start; the largest end so far.

    Returns
    -------
    a, b : arrays of int64, shape (k,)
        Rows of the pairs, by `a`, then `b`.
    """
    low = np.searchsorted(b_reach, a_start, side="right")
    high = np.searchsorted(b_start, a_end, side="left")
    number = np.maximum(high - low, 0)
    a = np.repeat(np.arange(len(a_start), dtype=np.int64), number)
    b = np.arange(len(a), dtype=np.int64) + np.repeat(low - (np.cumsum(number) - number), number)
    shared = (b_end[b] > a_start[a]) & (b_start[b] < a_end[a])
    return (a, b) if shared.all() else (a[shared], b[shared])
