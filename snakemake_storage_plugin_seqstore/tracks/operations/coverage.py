"""Operations that count how many reads or intervals cover each base."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.alignments import EXCLUDED, Bam
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig import BigWig
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig_writer import BigWigWriter
from snakemake_storage_plugin_seqstore.tracks.operations.operation import (
    Input,
    Operation,
    Parameter,
)
from snakemake_storage_plugin_seqstore.tracks.operations.placed import on_genome
from snakemake_storage_plugin_seqstore.tracks.signal import Computed, Runs, Signal
from snakemake_storage_plugin_seqstore.tracks.sweep import depth
from snakemake_storage_plugin_seqstore.tracks.track import SignalTrack, TrackLabel

Stream = Iterator[tuple[str, Runs]]


class OnePass(Signal):
    """A signal whose source is read in one pass; windows of it come from a temporary bigWig.

    Parameters
    ----------
    lengths : dict of str to int
        Chromosomes and their lengths in bp, in the order of the source.
    passes : function
        Returns all runs with their chromosomes, in order.
    """

    def __init__(self, lengths: dict[str, int], passes: Callable[[], Stream]) -> None:
        super().__init__(lengths)
        self._passes = passes
        self._kept: BigWig | None = None

    def stream(self) -> Stream:
        """Yield all runs with their chromosomes, in order."""
        return self._passes()

    def blocks(self, chrom: str, start: int = 0, end: int | None = None) -> Iterator[Runs]:
        """Yield the runs of a chromosome that overlap a window, in order, whole runs."""
        if self._kept is None:
            with tempfile.NamedTemporaryFile(suffix=".bw") as file:
                writer = BigWigWriter(cast(BinaryIO, file), self.lengths)
                for name, runs in self.stream():
                    writer.add(name, runs)
                writer.close()
                file.flush()
                self._kept = BigWig(file.name)  # the open file outlives its name
        yield from self._kept.blocks(chrom, start, end)

    def close(self) -> None:
        """Close the temporary bigWig."""
        if self._kept is not None:
            self._kept.close()


def _of_reads(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    bam = Bam(inputs[0])

    def passes() -> Stream:
        return _joined(_depths(bam, params))

    return SignalTrack(TrackLabel(Path(inputs[0]).stem), OnePass(bam.lengths, passes))


def _depths(bam: Bam, params: dict[str, Any]) -> Stream:
    """Yield depths as soon as no later read can change them."""
    chrom = ""
    start = end = np.empty(0, np.int64)
    found = bam.blocks(params["exclude_flags"], params["min_mapq"], params["split"])
    for blocks in found:
        if blocks.chrom != chrom:
            if chrom:
                yield chrom, depth(start, end).clipped(0, bam.lengths[chrom])
            chrom = blocks.chrom
            start = end = np.empty(0, np.int64)
        start, end = np.concatenate((start, blocks.start)), np.concatenate((end, blocks.end))
        sure = min(blocks.last, bam.lengths[chrom])
        runs = depth(start, end).clipped(0, sure)
        if len(runs):
            yield chrom, runs
        kept = end > sure
        start, end = np.maximum(start[kept], sure), end[kept]
    if chrom:
        yield chrom, depth(start, end).clipped(0, bam.lengths[chrom])


def _joined(parts: Stream) -> Stream:
    """Join the last run of a part with the first of the next, where they are one."""
    chrom, held = "", Runs.empty()
    for name, runs in parts:
        if name != chrom:
            if len(held):
                yield chrom, held
            chrom, held = name, Runs.empty()
        whole = Runs.joined([held, runs]).merged()
        last = max(0, len(whole) - 1)
        if last:
            yield chrom, Runs(whole.start[:last], whole.end[:last], whole.value[:last])
        held = Runs(whole.start[last:], whole.end[last:], whole.value[last:])
    if len(held):
        yield chrom, held


def _of_intervals(inputs: list[Any], params: dict[str, Any]) -> SignalTrack:
    places = on_genome(inputs[0].intervals, inputs[1], "coverage.intervals")

    @lru_cache(maxsize=1)
    def whole(chrom: str) -> Runs:
        return depth(*places[chrom])

    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        runs = whole(chrom)
        low = int(np.searchsorted(runs.end, start, side="right"))
        high = int(np.searchsorted(runs.start, end))
        yield Runs(runs.start[low:high], runs.end[low:high], runs.value[low:high])

    return SignalTrack(inputs[0], Computed(dict(inputs[1].chrom_lengths), blocks))


OPERATIONS = (
    Operation(
        "coverage.reads",
        "How many reads of a sorted BAM cover each base; bases without any have no value. "
        "By default as samtools depth counts.",
        (Input("alignments", ("alignments",), "a BAM, sorted by place"),),
        (
            Parameter(
                "exclude_flags",
                "integer",
                "reads with any of these flags are left out: by default secondary, of bad quality, "
                "duplicate; unmapped ones always are",
                EXCLUDED,
                least=0,
            ),
            Parameter("min_mapq", "integer", "least mapping quality", 0, least=0),
            Parameter(
                "split",
                "boolean",
                "deletions and introns are not covered; else a read covers all from its first to "
                "its last base",
                True,
            ),
        ),
        "signal",
        _of_reads,
    ),
    Operation(
        "coverage.intervals",
        "How many intervals cover each base; bases without any have no value.",
        (
            Input("intervals", ("interval",), "the intervals"),
            Input("genome", ("genome",), "says how long chromosomes are"),
        ),
        (),
        "signal",
        _of_intervals,
    ),
)
