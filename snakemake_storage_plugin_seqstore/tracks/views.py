"""Derived forms of a track: a region of it, bins, another format."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import numpy as np

from snakemake_storage_plugin_seqstore.errors import QueryError
from snakemake_storage_plugin_seqstore.output import binary_output, partial
from snakemake_storage_plugin_seqstore.tracks.bbi.bigbed import BigBed
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import BIGBED, BIGWIG
from snakemake_storage_plugin_seqstore.tracks.bbi.reader import BbiReader
from snakemake_storage_plugin_seqstore.tracks.formats import BINARY, format_of
from snakemake_storage_plugin_seqstore.tracks.opening import open_track
from snakemake_storage_plugin_seqstore.tracks.places import Place, check_place, parse_place
from snakemake_storage_plugin_seqstore.tracks.signal import (
    STATISTICS,
    Computed,
    Runs,
    Signal,
    bin_edges,
    binned,
)
from snakemake_storage_plugin_seqstore.tracks.text.signals import TextSignal
from snakemake_storage_plugin_seqstore.tracks.track import IntervalTrack, SignalTrack
from snakemake_storage_plugin_seqstore.tracks.writing import (
    AnyTrack,
    reach,
    text_of,
    write,
)

logger = logging.getLogger(__name__)

KEYS = ("region", "bins", "summary")
FORMATS = ("bedgraph", "bed", "bigwig", "bigbed", "tsv")
# Suffixes of local files, by format.
SUFFIXES = {
    "bedgraph": ".bedGraph",
    "bed": ".bed",
    "bigwig": ".bw",
    "bigbed": ".bb",
    "tsv": ".tsv",
}
_DEFAULTS = {
    "wig": "bedgraph",
    "narrowpeak": "bed",
    "gff3": "bed",
    "table": "tsv",
    "regions": "bed",
}


def default_format(name: str) -> str:
    """Return the format of a view that names none: that of the entry, where views have it.

    Parameters
    ----------
    name : str
        Name of the entry.
    """
    kind = format_of(name)
    return _DEFAULTS.get(kind, kind)


def check(params: Mapping[str, str], format: str) -> None:
    """Refuse a view that no track has.

    Parameters
    ----------
    params : mapping of str to str
        ``region`` (such as ``chr1:1-1000``, from 1, both ends included), ``bins`` (how many, of
        the region or of each chromosome) and ``summary`` (what of the values in a bin).
    format : str
        One of :data:`FORMATS`.

    Raises
    ------
    QueryError
        Naming the parameter and what is allowed.
    """
    for key in params:
        if key not in KEYS:
            raise QueryError(f"unknown parameter {key!r}", f"allowed: {', '.join(KEYS)}, format")
    if format not in FORMATS:
        raise QueryError(f"unknown format {format!r}", f"allowed: {', '.join(FORMATS)}")
    if "region" in params:
        check_place(params["region"])
    if "bins" in params and not (params["bins"].isdecimal() and int(params["bins"])):
        raise QueryError(f"bins={params['bins']}: it must be a whole number, 1 at least")
    if "summary" in params:
        if params["summary"] not in STATISTICS:
            raise QueryError(
                f"summary={params['summary']} is unknown", f"allowed: {', '.join(STATISTICS)}"
            )
        if "bins" not in params:
            raise QueryError("summary says what bins are: it needs bins, such as bins=100")
    if format == "bigbed" and "bins" in params:
        raise QueryError("bins are values: bigbed cannot hold them")


def write_view(
    payload: Path,
    params: Mapping[str, str],
    format: str,
    target: Path | BinaryIO,
    *,
    name: str,
) -> None:
    """Write a view of a track; of a bigWig or bigBed only what is asked for is read.

    Values are cut to the region; intervals that overlap it are given whole. If there is nothing at
    all, that is no error, but a warning says so.

    Parameters
    ----------
    payload : Path
        The file.
    params : mapping of str to str
        As :func:`check` describes.
    format : str
        One of :data:`FORMATS`.
    target : Path or binary file
        A path appears when it is complete. Its own suffix does not count.
    name : str
        Name of the entry; its suffix says the format of `payload`.

    Raises
    ------
    QueryError
        If there is no such view of this track.
    """
    check(params, format)
    track = open_track(payload, name=Path(name).name, format=format_of(name))
    selected = _selected(track, params)
    if format not in BINARY:
        parts = 0
        with binary_output(target, compress=False) as out:
            for part in text_of(selected, format):
                parts += bool(part)
                out.write(part)
        is_empty = parts == (format == "tsv")  # a table has its head line
    elif isinstance(target, Path):
        with partial(target) as place:
            is_empty = _write_binary(selected, track, format, place)
    else:
        # What is written in any order needs a file of its own.
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / f"view{SUFFIXES[format]}"
            is_empty = _write_binary(selected, track, format, place)
            with open(place, "rb") as file:
                shutil.copyfileobj(file, target)
    if is_empty:
        where = f" in {params['region']}" if "region" in params else ""
        logger.warning(f"{name}: there is nothing{where}")


def _write_binary(selected: AnyTrack, track: AnyTrack, format: str, target: Path) -> bool:
    """Write a bigWig or bigBed; say whether it is empty."""
    if format == "bigbed" and not isinstance(selected, IntervalTrack):
        raise QueryError(f"bigbed cannot hold a track of the kind {selected.track_type}")
    signal = isinstance(selected, SignalTrack)
    write(selected, target, lengths_of(selected if signal else track), format)
    with closing(BbiReader(target, BIGBED if format == "bigbed" else BIGWIG)) as file:
        return not file.index.count


def knows_lengths(track: AnyTrack) -> bool:
    """Whether chromosomes are as long as a track says; else they may be longer than it goes."""
    if isinstance(track, SignalTrack):
        return not isinstance(track.signal, TextSignal)
    return isinstance(track, IntervalTrack) and isinstance(track.source, BigBed)


def lengths_of(track: AnyTrack) -> dict[str, int]:
    """Return chromosomes and their lengths in bp, as far as the track knows them."""
    if isinstance(track, SignalTrack):
        return track.signal.lengths
    if isinstance(track, IntervalTrack):
        source = track.source
        return source.lengths if isinstance(source, BigBed) else reach(track.intervals)
    return {}


def _selected(track: AnyTrack, params: Mapping[str, str]) -> AnyTrack:
    place = None
    if "region" in params:
        lengths = lengths_of(track)
        if not lengths:
            raise QueryError(f"the {track.track_type} {track.name!r} has no regions")
        place = parse_place(params["region"], lengths, knows_lengths(track))
    if "bins" in params:
        if not isinstance(track, SignalTrack):
            raise QueryError(f"bins are of values: {track.name!r} is no signal")
        bins, statistic = int(params["bins"]), params.get("summary", "mean")
        return SignalTrack(track, _binned(track.signal, place, bins, statistic))
    if place is None:
        return track
    if isinstance(track, SignalTrack):
        return SignalTrack(track, _cut(track.signal, place))
    if isinstance(track, IntervalTrack):
        window = track.source.window(place.chrom, place.start, place.end)
        return IntervalTrack(track, window)
    return track


def _cut(signal: Signal, place: Place) -> Signal:
    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        low, high = max(start, place.start), min(end, place.end)
        if chrom == place.chrom and low < high:
            for runs in signal.blocks(chrom, low, high):
                yield runs.clipped(place.start, place.end)

    return Computed(_reaching(signal, place), blocks)


def _binned(signal: Signal, place: Place | None, bins: int, statistic: str) -> Signal:
    def blocks(chrom: str, start: int, end: int) -> Iterator[Runs]:
        if place is not None and chrom != place.chrom:
            return
        low, high = (place.start, place.end) if place else (0, signal.lengths[chrom])
        if low >= high:
            return
        edges = bin_edges(low, high, bins)
        values = binned(signal.runs(chrom, low, high), edges, statistic)
        kept = ~np.isnan(values)
        yield Runs(edges[:-1][kept], edges[1:][kept], values[kept])

    return Computed(_reaching(signal, place), blocks)


def _reaching(signal: Signal, place: Place | None) -> dict[str, int]:
    """Return lengths of chromosomes; one that is only as long as it has values has a place too."""
    if place is None:
        return signal.lengths
    return signal.lengths | {place.chrom: max(place.end, signal.lengths[place.chrom])}
