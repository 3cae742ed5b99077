"""Operations that make one signal of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.chromosomes import check_shared
from snakemake_storage_plugin_seqstore.tracks.operations.operation import (
    Input,
    Operation,
    Parameter,
)
from snakemake_storage_plugin_seqstore.tracks.operations.windows import (
    aligned,
    by_window,
    of_edges,
    shared_lengths,
)
from snakemake_storage_plugin_seqstore.tracks.signal import Array, Runs, Signal
from snakemake_storage_plugin_seqstore.tracks.track import SignalTrack

_METHODS: dict[str, Callable[[Array], Array]] = {
    "mean": lambda table: table.mean(axis=0),
    "sum": lambda table: table.sum(axis=0),
    "min": lambda table: table.min(axis=0),
    "max": lambda table: table.max(axis=0),
    "diff": lambda table: table[0] - table[1],
    "ratio": lambda table: table[0] / table[1],
    "log2ratio": lambda table: np.log2(table[0] / table[1]),
}
_PAIRS = ("diff", "ratio", "log2ratio")


def _combine(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    method, missing, more = params["method"], params["missing"], params["pseudocount"]
    if method in _PAIRS and len(inputs) != 2:
        raise InputError(f"combine: {method} takes two signals, not {len(inputs)}")
    signals: list[Signal] = [track.signal for track in inputs]
    for other in signals[1:]:
        check_shared(signals[0].lengths, other.lengths)
    lengths = shared_lengths(signals)

    def make(chrom: str, start: int, end: int) -> Runs:
        edges, values = aligned([s.runs(chrom, start, end) for s in signals], start, end)
        table = np.array(values)
        known = ~np.isnan(table)
        # What no signal has a value for stays without one.
        used = known.any(axis=0) if missing is not None else known.all(axis=0)
        table = np.where(known, table, np.nan if missing is None else missing) + more
        with np.errstate(all="ignore"):
            found = _METHODS[method](table)
        wrong = used & ~np.isfinite(found)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"combine: {chrom}:{edges[row]}-{edges[row + 1]}: {method} of "
                f"{table[0, row]:g} and {table[1, row]:g} is not finite",
                "give a pseudocount",
            )
        return of_edges(edges, np.where(used, found, np.nan))

    return SignalTrack(inputs[0], by_window(lengths, make))


OPERATIONS = (
    Operation(
        "combine",
        "One value for each base of the values that several signals have there.",
        (
            Input("track", ("signal",), "the first signal"),
            Input("others", ("signal",), "the others; one for diff, ratio, log2ratio", many=True),
        ),
        (
            Parameter("method", "text", "how values are combined", choices=tuple(_METHODS)),
            Parameter(
                "missing",
                "number",
                "value of a signal that has none at a base; if it is left out, bases that any "
                "signal lacks have no result",
                None,
            ),
            Parameter("pseudocount", "number", "is added to all values before", 0),
        ),
        "signal",
        _combine,
    ),
)
