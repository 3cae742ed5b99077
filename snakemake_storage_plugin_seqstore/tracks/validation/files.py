"""Check a file of any format, and say what it has."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.tracks.bbi import autosql
from snakemake_storage_plugin_seqstore.tracks.bbi.bigbed import BigBed
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig import BigWig
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig_writer import check_runs
from snakemake_storage_plugin_seqstore.tracks.bbi.reader import BbiReader
from snakemake_storage_plugin_seqstore.tracks.chromosomes import (
    check_lengths,
    check_name,
)
from snakemake_storage_plugin_seqstore.tracks.formats import FORMATS, format_of
from snakemake_storage_plugin_seqstore.tracks.opening import check_start
from snakemake_storage_plugin_seqstore.tracks.signal import Signal
from snakemake_storage_plugin_seqstore.tracks.summary import (
    SignalSummary,
    TrackSummary,
    of_intervals,
    summarise,
)
from snakemake_storage_plugin_seqstore.tracks.tables import read_table
from snakemake_storage_plugin_seqstore.tracks.text import bed, gff
from snakemake_storage_plugin_seqstore.tracks.text.regions import read_regions
from snakemake_storage_plugin_seqstore.tracks.text.signals import TextSignal
from snakemake_storage_plugin_seqstore.tracks.track import TableTrack, TrackLabel
from snakemake_storage_plugin_seqstore.tracks.validation.bed import check_bed, check_peaks
from snakemake_storage_plugin_seqstore.tracks.validation.gff import check_gff

Genome = Mapping[str, int] | None


def validate(
    path: str | os.PathLike[str],
    format: str | None = None,
    genome: Genome = None,
    thorough: bool = True,
) -> TrackSummary:
    """Check a file of a track.

    Parameters
    ----------
    path : path
        The file.
    format : str, optional
        Its format; what its suffix says if it is left out.
    genome : mapping of str to int, optional
        Chromosomes of the genome and their lengths in bp.
    thorough : bool
        Whether every value of a bigWig is read. Else its lists, indexes and summary are checked,
        which takes no longer for a large file, and its runs are not counted.

    Returns
    -------
    TrackSummary
        What the file has.

    Raises
    ------
    InputError
        If the file is not what its suffix says, or has what no track can have. It names the line,
        the place or the chromosome.
    DamageError
        If bytes of a bigWig or bigBed are damaged.
    """
    path = Path(path)
    kind = format or format_of(path.name)
    check_start(path, kind)
    match kind:
        case "bed":
            rows = bed.read_lines(path)
            check_bed(rows, genome)
            return of_intervals(bed.intervals_of(rows, bed.BED_FIELDS))
        case "narrowpeak":
            rows = bed.read_lines(path)
            check_peaks(rows, genome)
            return of_intervals(bed.intervals_of(rows, bed.PEAK_FIELDS))
        case "gff3":
            rows = gff.read_lines(path)
            check_gff(path, rows, genome)
            return of_intervals(gff.intervals_of(rows))
        case "bedgraph" | "wig":
            return _signal(path, TextSignal(path, wig=kind == "wig"), genome)
        case "bigwig":
            return _bigwig(path, genome, thorough)
        case "bigbed":
            return _bigbed(path, genome)
        case "regions":
            return of_intervals(read_regions(path, genome))
        case "table":
            return summarise(TableTrack(TrackLabel(path.name), read_table(path)))
    raise InputError(f"unknown format {kind!r}", f"there are {', '.join(FORMATS)}")


def _signal(path: Path, signal: Signal, genome: Genome) -> TrackSummary:
    found = SignalSummary()
    for chrom, length in signal.lengths.items():
        check_name(str(path), chrom, genome)
        limit = length if genome is None else genome[chrom]
        end = 0
        for runs in signal.blocks(chrom):
            try:
                check_runs(chrom, runs, limit, end)
            except InputError as error:
                raise InputError(f"{path}: {error}") from None
            end = int(runs.end[-1]) if len(runs) else end
            found.add(chrom, runs)
    signal.close()
    return found.result()


def _bigwig(path: Path, genome: Genome, thorough: bool) -> TrackSummary:
    signal = BigWig(path)
    check_lengths(str(path), signal.lengths, genome)
    used = _check_indexes(signal.file)
    whole = signal.file.summary()
    if whole is not None and not all(map(math.isfinite, (whole.min, whole.max, whole.sum))):
        raise InputError(f"{path}: there are values that are no finite number")
    if thorough or whole is None:
        found = _signal(path, signal, genome)
        if found.chromosomes != used:
            raise DamageError(f"{path}: the index is damaged: values are not where it says")
        return found
    signal.close()
    if not whole.covered:
        return TrackSummary("signal", used, None, 0, None, None, None)
    mean = whole.sum / whole.covered
    return TrackSummary("signal", used, None, whole.covered, whole.min, mean, whole.max)


def _check_indexes(file: BbiReader) -> int:
    """Check the index of blocks and those of zoom levels; return the number of chromosomes."""
    lengths = {number: size for number, size in file.chromosomes.values()}
    indexes = [file.index, *map(file.index_at, file.zooms.values())]
    used = 0
    for number, index in enumerate(indexes):
        leaves = index.leaves()
        if len(leaves) != index.count:
            raise DamageError(
                f"{file.path}: the index is damaged: it has {len(leaves)} of {index.count} blocks"
            )
        chroms, place = np.unique(leaves["last_chrom"], return_inverse=True)
        ends = np.zeros(len(chroms), np.int64)
        np.maximum.at(ends, place, leaves["end"])
        past = ends > np.array([lengths.get(chrom, -1) for chrom in chroms.tolist()], np.int64)
        if past.any():
            chrom, end = int(chroms[past][0]), int(ends[past][0])
            name = {n: name for name, (n, _) in file.chromosomes.items()}.get(chrom, chrom)
            raise InputError(f"{file.path}: values end at {name}:{end:,}, past the chromosome")
        if number == 0:
            used = len(np.unique(leaves["chrom"]))
    return used


def _bigbed(path: Path, genome: Genome) -> TrackSummary:
    file = BigBed(path)
    check_lengths(str(path), file.lengths, genome)
    _check_indexes(file.file)
    description = file.description()
    if description:
        try:
            fields = len(autosql.parse(description))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        if fields != file.file.header.fields:
            raise InputError(
                f"{path}: autoSql has {fields} columns, the intervals have "
                f"{file.file.header.fields}"
            )
    rows = file.lines()
    check_bed(rows, file.lengths, file.defined)
    if len(rows) and int(rows.columns[0]) != file.file.header.fields:
        raise InputError(
            f"{path}: its header says {file.file.header.fields} columns, "
            f"the intervals have {rows.columns[0]}"
        )
    if len(rows) != file.count():
        raise DamageError(f"{path}: {len(rows)} of {file.count()} intervals are there")
    found = of_intervals(file.everything())
    file.close()
    return found
