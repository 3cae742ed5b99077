"""Operations that make a signal of the bases of a genome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.operations.operation import (
    GenomeLike,
    Input,
    Operation,
    Parameter,
)
from snakemake_storage_plugin_seqstore.tracks.signal import Array, Computed, Runs
from snakemake_storage_plugin_seqstore.tracks.track import SignalTrack, TrackLabel

_WINDOW = 1 << 21  # bp


def _counts(genome: GenomeLike, chrom: str, edges: Array) -> tuple[Array, Array, Array]:
    """Return how many G, C, and A or T, each bin has, in capitals or not."""
    text = genome.fetch(chrom, int(edges[0]), int(edges[-1])).encode("ascii", "replace")
    base = np.frombuffer(text, np.uint8) & 0xDF
    starts = edges[:-1] - edges[0]
    found = [np.add.reduceat((base == ord(letter)).astype(np.int64), starts) for letter in "GCAT"]
    return found[0], found[1], found[2] + found[3]


def _of_bases(inputs: list[Any], size: int, measure: Any) -> SignalTrack:
    genome: GenomeLike = inputs[0]
    lengths = dict(genome.chrom_lengths)

    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        step = max(1, _WINDOW // size) * size
        for low in range(start - start % size, end, step):
            high = min(low + step, lengths[chrom])
            edges = np.append(np.arange(low, high, size), high)
            part, whole = measure(*_counts(genome, chrom, edges))
            kept = whole > 0
            yield Runs(edges[:-1][kept], edges[1:][kept], part[kept] / whole[kept])

    name = str(getattr(genome, "name", "genome"))
    return SignalTrack(TrackLabel(name), Computed(lengths, blocks))


def _gc(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    return _of_bases(inputs, params["size"], lambda g, c, at: (g + c, g + c + at))


def _skew(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    return _of_bases(inputs, params["size"], lambda g, c, at: (g - c, g + c))


_INPUTS = (Input("genome", ("genome",), "the genome"),)
_PARAMETERS = (Parameter("size", "integer", "of a window, in bp", 100, least=1),)

OPERATIONS = (
    Operation(
        "genome.gc",
        "The part of G and C among the known bases of each window, from 0 to 1.",
        _INPUTS,
        _PARAMETERS,
        "signal",
        _gc,
    ),
    Operation(
        "genome.skew",
        "GC skew, (G - C) / (G + C), of each window, from -1 to 1.",
        _INPUTS,
        _PARAMETERS,
        "signal",
        _skew,
    ),
)
