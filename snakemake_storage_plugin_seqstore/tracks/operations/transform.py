"""Operations that make a track of one other: its values change, or where they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.operations.operation import (
    Input,
    Operation,
    Parameter,
)
from snakemake_storage_plugin_seqstore.tracks.operations.windows import by_window
from snakemake_storage_plugin_seqstore.tracks.signal import (
    STATISTICS,
    Array,
    Computed,
    Runs,
    Signal,
    binned,
    dense,
    runs_of,
)
from snakemake_storage_plugin_seqstore.tracks.track import IntervalTrack, SignalTrack, TableTrack

AnyTrack = IntervalTrack | SignalTrack | TableTrack
_ANY = (Input("track", ("signal", "interval", "table"), "the track"),)
_SIGNAL = (Input("track", ("signal",), "the signal"),)


def pointwise(track: AnyTrack, change: Callable[[Array], Array], hint: str = "") -> AnyTrack:
    """Return a track whose values a function makes of those here; each alone.

    Parameters
    ----------
    track : track
        Any.
    change : function of array of float64, shape (n,)
        Returns as many.
    hint : str
        What to do about a result that is no finite number.
    """
    if not isinstance(track, SignalTrack):
        scores = np.array(track.scores(), np.float64)
        changed = _changed(scores, change, lambda row: f"entry {row + 1}", hint)
        return track.with_scores(list(map(float, changed)))
    signal = track.signal

    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        for runs in signal.blocks(chrom, start, end):

            def place(row: int, runs: Runs = runs) -> str:
                return f"{chrom}:{runs.start[row]}-{runs.end[row]}"

            value = _changed(runs.value.astype(np.float64), change, place, hint)
            yield Runs(runs.start, runs.end, value)

    return SignalTrack(track, Computed(signal.lengths, blocks))


def _changed(
    value: Array, change: Callable[[Array], Array], place: Callable[[int], str], hint: str
) -> Array:
    with np.errstate(all="ignore"):
        changed = change(value)
    wrong = ~np.isfinite(changed)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"{place(row)}: the value {value[row]:g} has no finite result", hint)
    return changed


def _log(inputs: list[Any], params: dict[str, Any]) -> AnyTrack:
    base, more = params["base"], params["pseudocount"]
    if base <= 0 or base == 1:
        raise InputError("transform.log: the base must be more than 0, and not 1")
    function: Callable[[Array], Array] = {2: np.log2, 10: np.log10}.get(
        base, lambda value: np.log(value) / math.log(base)
    )
    return pointwise(inputs[0], lambda value: function(value + more), "give a pseudocount")


def _scale(inputs: list[Any], params: dict[str, Any]) -> AnyTrack:
    factor, offset = params["factor"], params["offset"]
    return pointwise(inputs[0], lambda value: value * factor + offset)


def _clip(inputs: list[Any], params: dict[str, Any]) -> AnyTrack:
    low, high = _limits("transform.clip", params)
    return pointwise(inputs[0], lambda value: np.clip(value, low, high))


def _limits(operation: str, params: dict[str, Any]) -> tuple[float, float]:
    low = -math.inf if params["min"] is None else params["min"]
    high = math.inf if params["max"] is None else params["max"]
    if low > high:
        raise InputError(f"{operation}: min is more than max")
    return low, high


def _threshold(inputs: list[Any], params: dict[str, Any]) -> AnyTrack:
    track = inputs[0]
    low, high = _limits("transform.threshold", params)
    if params["binary"]:
        return pointwise(track, lambda value: ((value >= low) & (value <= high)).astype(float))
    if not isinstance(track, SignalTrack):
        kept: AnyTrack = track.filter_entries(lambda score: low <= score <= high)
        return kept
    signal = track.signal

    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        for runs in signal.blocks(chrom, start, end):
            some = (runs.value >= low) & (runs.value <= high)
            yield Runs(runs.start[some], runs.end[some], runs.value[some])

    return SignalTrack(track, Computed(signal.lengths, blocks))


def _normalize(inputs: list[Any], params: dict[str, Any]) -> AnyTrack:
    track, target = inputs[0], params["target"]
    weight, mean, squares, high = _moments(track)
    if not weight:
        return pointwise(track, lambda value: value)
    if params["method"] == "zscore":
        spread = math.sqrt(max(0.0, squares / weight - mean * mean))
        if not spread:
            raise InputError("transform.normalize: all values are equal: they have no z-score")
        return pointwise(track, lambda value: (value - mean) / spread)
    measure = {"sum": mean * weight, "mean": mean, "max": high}[params["method"]]
    if not measure:
        raise InputError(f"transform.normalize: the {params['method']} is 0")
    return pointwise(track, lambda value: value * (target / measure))


def _moments(track: AnyTrack) -> tuple[float, float, float, float]:
    """Return bases (or entries), mean, sum of squares, and maximum."""
    weight, total, squares, high = 0.0, 0.0, 0.0, -math.inf
    parts: Iterator[tuple[Array, Array]]
    if isinstance(track, SignalTrack):
        parts = (
            (runs.end - runs.start, runs.value.astype(np.float64))
            for _, runs in track.signal.stream()
            if len(runs)
        )
    else:
        scores = np.array(track.scores(), np.float64)
        parts = iter([(np.ones(len(scores)), scores)] if len(scores) else [])
    for length, value in parts:
        weight += float(length.sum())
        # Not np.dot, whose result depends on how many processors there are.
        weighted = length * value
        total += float(weighted.sum())
        squares += float((weighted * value).sum())
        high = max(high, float(value.max()))
    return weight, total / weight if weight else 0.0, squares, high


def _fill(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    signal: Signal = inputs[0].signal
    value = float(params["value"])

    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        place = 0 if start == 0 else start
        for runs in signal.blocks(chrom, start, end):
            if not len(runs):
                continue
            before = np.concatenate(([min(place, int(runs.start[0]))], runs.end[:-1]))
            gap = runs.start > before
            low = np.concatenate((before[gap], runs.start))
            high = np.concatenate((runs.start[gap], runs.end))
            values = np.concatenate((np.full(int(gap.sum()), value), runs.value))
            order = np.argsort(low, kind="stable")
            yield Runs(low[order], high[order], values[order])
            place = int(runs.end[-1])
        if place < end:
            yield Runs(np.array([place]), np.array([end]), np.array([value]))

    return SignalTrack(inputs[0], Computed(signal.lengths, blocks))


def _bin(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    signal: Signal = inputs[0].signal
    size, statistic = params["size"], params["statistic"]

    def make(chrom: str, start: int, end: int) -> Runs:
        edges = np.append(np.arange(start, end, size), end)
        return _binned(signal, chrom, edges, statistic)

    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        step = max(1, (1 << 21) // size) * size
        for low in range(start - start % size, end, step):
            yield make(chrom, low, min(low + step, signal.lengths[chrom]))

    return SignalTrack(inputs[0], Computed(signal.lengths, blocks))


def _binned(signal: Signal, chrom: str, edges: Array, statistic: str) -> Runs:
    runs = signal.runs(chrom, int(edges[0]), int(edges[-1]))
    values = binned(runs, edges, statistic)
    kept = ~np.isnan(values)
    return Runs(edges[:-1][kept], edges[1:][kept], values[kept])


def _smooth(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    signal: Signal = inputs[0].signal
    half = params["width"] // 2

    def make(chrom: str, start: int, end: int) -> Runs:
        low, high = max(0, start - half), min(signal.lengths[chrom], end + half)
        values = dense(signal.runs(chrom, low, high), low, high)
        known = ~np.isnan(values)
        total = np.concatenate(([0.0], np.cumsum(np.where(known, values, 0.0))))
        number = np.concatenate(([0], np.cumsum(known)))
        place = np.arange(start, end) - low
        first = np.maximum(place - half, 0)
        last = np.minimum(place + half + 1, high - low)
        with np.errstate(invalid="ignore"):
            mean = (total[last] - total[first]) / (number[last] - number[first])
        return runs_of(np.where(known[place], mean, np.nan), start)

    return SignalTrack(inputs[0], by_window(signal.lengths, make))


def _number(name: str, description: str, default: Any) -> Parameter:
    return Parameter(name, "number", description, default)


OPERATIONS = (
    Operation(
        "transform.log",
        "The logarithm of each value.",
        _ANY,
        (
            _number("base", "base of the logarithm", 2),
            _number("pseudocount", "is added to each value before", 0),
        ),
        "same",
        _log,
    ),
    Operation(
        "transform.scale",
        "Each value times a factor, plus an offset.",
        _ANY,
        (_number("factor", "what values are multiplied by", 1), _number("offset", "is added", 0)),
        "same",
        _scale,
    ),
    Operation(
        "transform.clip",
        "Values below min become min, those above max become max.",
        _ANY,
        (_number("min", "smallest value", None), _number("max", "largest value", None)),
        "same",
        _clip,
    ),
    Operation(
        "transform.threshold",
        "Values from min to max are kept; or 1 inside and 0 outside.",
        _ANY,
        (
            _number("min", "smallest value that is kept", None),
            _number("max", "largest value that is kept", None),
            Parameter("binary", "boolean", "1 and 0 instead of the values", False),
        ),
        "same",
        _threshold,
    ),
    Operation(
        "transform.normalize",
        "Values are scaled until their sum over bases, their mean or their maximum is the target; "
        "or become z-scores.",
        _ANY,
        (
            Parameter(
                "method", "text", "what is made equal", "sum", ("sum", "mean", "max", "zscore")
            ),
            _number("target", "what it becomes; without meaning for z-scores", 1),
        ),
        "same",
        _normalize,
    ),
    Operation(
        "transform.fill",
        "Bases without a value get one.",
        _SIGNAL,
        (_number("value", "what they get", 0),),
        "signal",
        _fill,
    ),
    Operation(
        "transform.bin",
        "One value for each bin of a chromosome, where it has any.",
        _SIGNAL,
        (
            Parameter("size", "integer", "of a bin, in bp", least=1),
            Parameter("statistic", "text", "of the values in a bin, by bases", "mean", STATISTICS),
        ),
        "signal",
        _bin,
    ),
    Operation(
        "transform.smooth",
        "The mean of the values around each base that has one.",
        _SIGNAL,
        (Parameter("width", "integer", "of the window around a base, in bp; odd", least=1),),
        "signal",
        _smooth,
    ),
)
