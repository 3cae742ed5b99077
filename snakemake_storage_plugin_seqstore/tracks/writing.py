"""Write tracks as files of any format that can hold them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.output import binary_output
from snakemake_storage_plugin_seqstore.tracks.bbi.bigbed import write_bigbed
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig_writer import BigWigWriter, bigwig_writer
from snakemake_storage_plugin_seqstore.tracks.formats import format_of
from snakemake_storage_plugin_seqstore.tracks.intervals import Intervals
from snakemake_storage_plugin_seqstore.tracks.signal import Runs, Signal
from snakemake_storage_plugin_seqstore.tracks.tables import table_text
from snakemake_storage_plugin_seqstore.tracks.text.bed import bed_lines
from snakemake_storage_plugin_seqstore.tracks.text.encode import shortest
from snakemake_storage_plugin_seqstore.tracks.text.regions import region_lines
from snakemake_storage_plugin_seqstore.tracks.text.signals import bedgraph_lines, places_lines
from snakemake_storage_plugin_seqstore.tracks.track import IntervalTrack, SignalTrack, TableTrack

AnyTrack = IntervalTrack | SignalTrack | TableTrack


def write(
    track: AnyTrack,
    target: str | os.PathLike[str],
    chroms: Mapping[str, int] | None = None,
    format: str | None = None,
) -> None:
    """Write a track; the file appears when it is complete.

    Parameters
    ----------
    track : IntervalTrack, SignalTrack or TableTrack
        The track.
    target : path
        The file.
    chroms : mapping of str to int, optional
        Chromosomes of the genome and their lengths in bp, for bigWig and bigBed; as far as the
        track goes if they are left out.
    format : str, optional
        Format; what the suffix of `target` says if it is left out.

    Raises
    ------
    InputError
        If the format cannot hold the track.
    """
    kind = format or format_of(Path(target).name)
    if kind == "bigbed" and isinstance(track, IntervalTrack):
        write_bigbed(target, track.intervals, dict(chroms or reach(track.intervals)))
    elif kind == "bigwig":
        signal = as_signal(track)
        with bigwig_writer(target, dict(chroms or signal.lengths)) as out:
            _fill(out, signal, chroms or signal.lengths)
    else:
        with binary_output(target, compress=True) as file:
            for text in text_of(track, kind):
                file.write(text)


def _fill(writer: BigWigWriter, signal: Signal, chroms: Mapping[str, int]) -> None:
    if list(chroms) == list(signal.lengths):
        for chrom, runs in signal.stream():
            writer.add(chrom, runs)
        return
    missing = [chrom for chrom in signal.lengths if chrom not in chroms]
    for chrom in [*chroms, *missing]:  # what is missing is refused if there is anything
        for runs in signal.blocks(chrom):
            writer.add(chrom, runs)


def as_signal(track: AnyTrack) -> Signal:
    """Return a track as a signal: scores of intervals that do not overlap are values.

    Raises
    ------
    InputError
        If it is a table.
    """
    if isinstance(track, SignalTrack):
        return track.signal
    if isinstance(track, IntervalTrack):
        return _Scores(track.intervals)
    raise InputError(f"the table {track.name!r} has no places: it cannot be a signal")


class _Scores(Signal):
    def __init__(self, intervals: Intervals) -> None:
        super().__init__(reach(intervals))
        self._intervals = intervals

    def blocks(self, chrom: str, start: int = 0, end: int | None = None) -> Iterator[Runs]:
        rows = self._intervals.on(chrom)
        end = self.lengths.get(chrom, 0) if end is None else end
        kept = (rows.end > start) & (rows.start < end)
        score = self._intervals.scores()[rows.rows[kept]]
        yield Runs(rows.start[kept], rows.end[kept], score)


def reach(intervals: Intervals) -> dict[str, int]:
    """Return where the last interval of each chromosome ends."""
    found = {}
    for chrom in intervals.chroms:
        if len(ends := intervals.on(chrom).reach):
            found[chrom] = int(ends[-1])
    return found


def text_of(track: AnyTrack, format: str) -> Iterator[bytes]:
    """Yield a track as text.

    Parameters
    ----------
    track : track
        The track.
    format : str
        ``bed``, ``bedgraph``, ``tsv``, ``table`` (JSON) or ``regions`` (JSON, one a line).

    Raises
    ------
    InputError
        If the format cannot hold the track.
    """
    match format, track:
        case "table", TableTrack():
            yield table_text(dict(zip(track.keys(), track.scores(), strict=True)))
        case "regions", IntervalTrack():
            for part in track.batched.parts():
                yield from region_lines(part)
        case "tsv", TableTrack():
            yield b"key\tvalue\n"
            for key, value in zip(track.keys(), track.scores(), strict=True):
                yield f"{key}\t{shortest(value)}\n".encode()
        case "bed" | "narrowpeak", IntervalTrack():
            for part in track.batched.parts():
                yield from bed_lines(part)
        case "bed", SignalTrack():
            for chrom, runs in track.signal.stream():
                yield from places_lines(chrom, runs)
        case "bedgraph", IntervalTrack() | SignalTrack():
            for chrom, runs in as_signal(track).stream():
                yield from bedgraph_lines(chrom, runs)
        case "tsv", SignalTrack():
            yield b"chrom\tstart\tend\tvalue\n"
            yield from text_of(track, "bedgraph")
        case "tsv", IntervalTrack():
            yield b"chrom\tstart\tend\tname\tscore\tstrand\n"
            for region in chain.from_iterable(track.batched.parts()):
                score = shortest(region.score)
                places = f"{region.chrom}\t{region.start}\t{region.end}"
                yield f"{places}\t{region.name}\t{score}\t{region.strand}\n".encode()
        case _:
            raise InputError(
                f"a track of the kind {track.track_type} is not written as {format}",
                "signals: bigwig, bedgraph; intervals: bed, bigbed, .jsonl; tables: .json",
            )
