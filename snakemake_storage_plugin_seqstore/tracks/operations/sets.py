"""Operations on intervals as sets of bases, as bedtools has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.chromosomes import check_shared
from snakemake_storage_plugin_seqstore.tracks.intervals import (
    ChromRows,
    InBatches,
    Intervals,
    Ints,
    Values,
)
from snakemake_storage_plugin_seqstore.tracks.operations.operation import (
    Input,
    Operation,
    Parameter,
)
from snakemake_storage_plugin_seqstore.tracks.operations.placed import on_genome
from snakemake_storage_plugin_seqstore.tracks.signal import Array
from snakemake_storage_plugin_seqstore.tracks.sweep import overlaps, union
from snakemake_storage_plugin_seqstore.tracks.track import IntervalTrack

_A = Input("a", ("interval",), "the intervals")
_B = Input("b", ("interval",), "what they are compared with")
_STRAND = Parameter(
    "strand", "text", "which intervals are compared", "any", ("any", "same", "opposite")
)


def _by_chromosome(
    function: Callable[[Intervals, Intervals, dict[str, Any]], Intervals],
) -> Callable[[list[Any], dict[str, Any]], IntervalTrack]:
    """Return an operation that does to a batch of chromosomes after another what a function does.

    The function gets the intervals of a batch of the first track, and those of the second there.
    """

    def operate(inputs: list[Any], params: dict[str, Any]) -> IntervalTrack:
        a, b = inputs[0].batched, inputs[-1].batched
        check_shared(a.chroms, b.chroms)

        def make(chroms: tuple[str, ...]) -> Intervals:
            return function(a.of_chroms(chroms), b.of_chroms(chroms), params)

        return IntervalTrack(inputs[0], InBatches(a, make))

    return operate


def _strand(intervals: Intervals, rows: Ints) -> Array:
    return np.zeros(len(rows), np.int8) if intervals.strand is None else intervals.strand[rows]


def _pairs(a: Intervals, b: Intervals, chrom: str, strand: str) -> tuple[ChromRows, Ints, Ints]:
    """Return the intervals of `a` on a chromosome, and the pairs that overlap, as rows of all."""
    left, right = a.on(chrom), b.on(chrom)
    one, other = overlaps(left.start, left.end, right.start, right.end, right.reach)
    first, second = left.rows[one], right.rows[other]
    if strand != "any":
        mine, theirs = _strand(a, first), _strand(b, second)
        # Codes are 1 and 2; an interval without a strand is on neither.
        known = (mine > 0) & (theirs > 0)
        kept = known & ((mine == theirs) if strand == "same" else (mine != theirs))
        first, second = first[kept], second[kept]
    return left, first, second


def _moved(intervals: Intervals, rows: Ints, start: Ints, end: Ints) -> Intervals:
    """Return intervals at other places; all else that is known about them stays."""
    taken = intervals.take(rows)
    columns = (taken.score, taken.strand, taken.names, taken.tags, taken.rest)
    return Intervals(taken.chroms, taken.codes, start, end, *columns)


def _intersect(a: Intervals, b: Intervals, params: dict[str, Any]) -> Intervals:
    rows, start, end = [], [], []
    for chrom in a.chroms:
        _, first, second = _pairs(a, b, chrom, params["strand"])
        low = np.maximum(a.start[first], b.start[second])
        high = np.minimum(a.end[first], b.end[second])
        enough = (high - low) >= params["fraction"] * (a.end[first] - a.start[first])
        if params["report"] == "whole":
            # Each interval once, however often it is met.
            kept = np.unique(first[enough])
            first, low, high = kept, a.start[kept], a.end[kept]
            by_start = np.argsort(low, kind="stable")
            first, low, high = first[by_start], low[by_start], high[by_start]
        else:
            first, low, high = first[enough], low[enough], high[enough]
        rows.append(first)
        start.append(low)
        end.append(high)
    return _moved(a, _all(rows), _all(start), _all(end))


def _all(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _subtract(a: Intervals, b: Intervals, params: dict[str, Any]) -> Intervals:
    rows, start, end = [], [], []
    for chrom in a.chroms:
        left, first, second = _pairs(a, b, chrom, params["strand"])
        low, high, owner = _left_over(a, b, left.rows, first, second)
        rows.append(owner)
        start.append(low)
        end.append(high)
    return _moved(a, _all(rows), _all(start), _all(end))


def _left_over(
    a: Intervals, b: Intervals, rows: Ints, first: Ints, second: Ints
) -> tuple[Ints, Ints, Ints]:
    """Return start, end and row of what pairs leave of intervals; pairs are by row of `a`."""
    # Each interval gives its start, then each taken part its end: these are where gaps begin.
    place = np.zeros(len(a), np.int64)
    place[rows] = np.arange(len(rows))
    owner = np.concatenate((place[rows], place[first]))
    begin = np.concatenate((a.start[rows], np.minimum(b.end[second], a.end[first])))
    taken = np.concatenate((a.start[rows], np.maximum(b.start[second], a.start[first])))
    order = np.lexsort((taken, owner))
    owner, begin, taken = owner[order], begin[order], taken[order]
    # How far parts taken so far reach, within each interval: owners are far apart in this number.
    far = int(a.end[rows].max(initial=0)) + 1
    reach = np.maximum.accumulate(begin + owner * far) - owner * far
    last = np.append(owner[1:] != owner[:-1], True) if len(owner) else np.empty(0, bool)
    following = np.append(taken[1:], 0)
    end = np.where(last, a.end[rows][owner], following) if len(owner) else begin
    kept = end > reach
    return reach[kept], end[kept], rows[owner[kept]]


def _merge(a: Intervals, _: Intervals, params: dict[str, Any]) -> Intervals:
    codes, start, end = [], [], []
    for code, chrom in enumerate(a.chroms):
        rows = a.on(chrom)
        low, high, _first = union(rows.start, rows.end, params["distance"])
        codes.append(np.full(len(low), code, np.int32))
        start.append(low)
        end.append(high)
    return _places(a.chroms, codes, start, end)


def _places(
    chroms: tuple[str, ...], codes: list[Array], start: list[Ints], end: list[Ints]
) -> Intervals:
    code = np.concatenate(codes) if codes else np.empty(0, np.int32)
    return Intervals(chroms, code, _all(start), _all(end))


def _complement(inputs: list[Any], params: dict[str, Any]) -> IntervalTrack:
    lengths = inputs[1].chrom_lengths
    places = on_genome(inputs[0].intervals, inputs[1], "intervals.complement")
    codes, start, end = [], [], []
    for code, (chrom, length) in enumerate(lengths.items()):
        low, high, _ = union(*places[chrom])
        begin = np.concatenate((np.zeros(1, np.int64), high))
        stop = np.append(low, length)
        kept = stop > begin
        codes.append(np.full(int(kept.sum()), code, np.int32))
        start.append(begin[kept])
        end.append(stop[kept])
    return IntervalTrack(inputs[0], _places(tuple(lengths), codes, start, end))


def _closest(a: Intervals, b: Intervals, params: dict[str, Any]) -> Intervals:
    rows, near, distance = [], [], []
    for chrom in a.chroms:
        left, right = a.on(chrom), b.on(chrom)
        first, second, apart = _nearest(left, right, params["ties"] == "all")
        rows.append(left.rows[first])
        near.append(np.where(second < 0, -1, right.rows[second]) if len(right.rows) else second)
        distance.append(apart)
    row, other = _all(rows), _all(near)
    taken = a.take(row)
    tags = Values(
        {"closest": None}
        if place < 0
        else {
            "closest": f"{b.chroms[b.codes[place]]}:{b.start[place]}-{b.end[place]}",
            "closest_name": b.names.value(place) if b.names is not None else "",
        }
        for place in other.tolist()
    )
    far = _all(distance).astype(np.float64)
    return Intervals(
        taken.chroms, taken.codes, taken.start, taken.end, far, taken.strand, taken.names, tags
    )


def _nearest(left: ChromRows, right: ChromRows, ties: bool) -> tuple[Ints, Ints, Ints]:
    """Return rows of `left`, rows of `right` (-1 if there are none), and how far they are apart."""
    size = len(left.rows)
    if not len(right.rows):
        return np.arange(size), np.full(size, -1), np.full(size, -1)
    one, other = overlaps(left.start, left.end, right.start, right.end, right.reach)
    met = np.zeros(size, bool)
    met[one] = True
    alone = np.flatnonzero(~met)
    # The nearest before ends last of those that start before; the nearest after starts first.
    by_end = np.argsort(right.end, kind="stable")
    ends = right.end[by_end]
    before = np.searchsorted(ends, left.start[alone], side="right") - 1
    after = np.searchsorted(right.start, left.end[alone], side="left")
    far = np.iinfo(np.int64).max
    back = np.where(before >= 0, left.start[alone] - ends[np.maximum(before, 0)] + 1, far)
    on = np.minimum(after, len(right.rows) - 1)
    ahead = np.where(after < len(right.rows), right.start[on] - left.end[alone] + 1, far)
    least = np.minimum(back, ahead)
    # All that end, or start, at that place.
    low = np.searchsorted(ends, left.start[alone] - least + 1, side="left")
    low, high = np.where(back == least, low, 0), np.where(back == least, before + 1, 0)
    first_before, place = _ranges(low, high)
    second_before = by_end[place]
    low = np.where(ahead == least, after, 0)
    stop = np.searchsorted(right.start, left.end[alone] + least - 1, side="right")
    first_after, second_after = _ranges(low, np.where(ahead == least, stop, 0))
    first = np.concatenate((one, alone[first_before], alone[first_after]))
    second = np.concatenate((other, second_before, second_after))
    apart = np.concatenate((np.zeros(len(one), np.int64), least[first_before], least[first_after]))
    order = np.lexsort((second, first))
    first, second, apart = first[order], second[order], apart[order]
    if not ties and len(first):
        kept = np.concatenate(([True], first[1:] != first[:-1]))
        first, second, apart = first[kept], second[kept], apart[kept]
    return first, second, apart


def _ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Return all numbers of ranges, and which range each is of."""
    number = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(len(low)), number)
    return owner, np.arange(len(owner)) + np.repeat(low - (np.cumsum(number) - number), number)


OPERATIONS = (
    Operation(
        "intervals.intersect",
        "The parts of intervals that other intervals share; or the intervals that share any.",
        (_A, _B),
        (
            Parameter(
                "report", "text", "shared parts, or whole intervals", "parts", ("parts", "whole")
            ),
            Parameter("fraction", "number", "least part of an interval to be shared", 0, least=0),
            _STRAND,
        ),
        "interval",
        _by_chromosome(_intersect),
    ),
    Operation(
        "intervals.subtract",
        "The parts of intervals that no other interval shares.",
        (_A, _B),
        (_STRAND,),
        "interval",
        _by_chromosome(_subtract),
    ),
    Operation(
        "intervals.merge",
        "Intervals that overlap or touch become one; names and scores are left out.",
        (_A,),
        (Parameter("distance", "integer", "largest gap that is closed, in bp", 0, least=0),),
        "interval",
        _by_chromosome(_merge),
    ),
    Operation(
        "intervals.closest",
        "Each interval with the nearest of the others; its score is the distance in bp, 0 if they "
        "overlap, 1 if they touch, -1 if there is none.",
        (_A, _B),
        (Parameter("ties", "text", "which of several", "all", ("all", "first")),),
        "interval",
        _by_chromosome(_closest),
    ),
    Operation(
        "intervals.complement",
        "The parts of the genome that no interval covers.",
        (_A, Input("genome", ("genome",), "says how long chromosomes are")),
        (),
        "interval",
        _complement,
        version=2,
    ),
)
