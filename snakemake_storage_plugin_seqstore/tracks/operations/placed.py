"""Intervals at their places in a genome."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.chromosomes import check_name
from snakemake_storage_plugin_seqstore.tracks.intervals import ChromRows, Intervals, Ints
from snakemake_storage_plugin_seqstore.tracks.operations.operation import GenomeLike


def on_genome(
    intervals: Intervals, genome: GenomeLike, operation: str
) -> dict[str, tuple[Ints, Ints]]:
    """Return start and end of intervals by chromosome; for each chromosome of the genome.

    An interval across the origin of a circular chromosome ends behind its end, and becomes two.

    Raises
    ------
    InputError
        If an interval is not within the genome; it names the operation and the place.
    """
    lengths = dict(genome.chrom_lengths)
    for chrom in intervals.chroms:
        if len(intervals.on(chrom).rows):
            check_name(operation, chrom, lengths)
    found = {}
    for chrom, length in lengths.items():
        rows = intervals.on(chrom)
        past = rows.end > length
        wrong = past
        if past.any() and genome.is_circular(chrom):
            wrong = past & ((rows.start >= length) | (rows.end - rows.start > length))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"{operation}: {chrom}:{rows.start[row]}-{rows.end[row]} ends past the chromosome, "
                f"which has {length:,} bp"
            )
        found[chrom] = _split(rows, past, length) if past.any() else (rows.start, rows.end)
    return found


def _split(rows: ChromRows, past: npt.NDArray[np.bool_], length: int) -> tuple[Ints, Ints]:
    behind = np.sort(rows.end[past]) - length
    start = np.concatenate((np.zeros(len(behind), np.int64), rows.start))
    return start, np.concatenate((behind, np.minimum(rows.end, length)))
