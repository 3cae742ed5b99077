"""Open a track of any format."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.bbi.bigbed import BigBed
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig import BigWig
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import BIGBED, BIGWIG
from snakemake_storage_plugin_seqstore.tracks.formats import BINARY, FORMATS, format_of
from snakemake_storage_plugin_seqstore.tracks.intervals import Windowed
from snakemake_storage_plugin_seqstore.tracks.tables import read_table
from snakemake_storage_plugin_seqstore.tracks.text.bed import (
    BED_FIELDS,
    PEAK_FIELDS,
    Fields,
    read_bed,
)
from snakemake_storage_plugin_seqstore.tracks.text.bed_file import BedFile
from snakemake_storage_plugin_seqstore.tracks.text.gff import read_gff
from snakemake_storage_plugin_seqstore.tracks.text.regions import read_regions
from snakemake_storage_plugin_seqstore.tracks.text.signals import TextSignal
from snakemake_storage_plugin_seqstore.tracks.track import (
    IntervalTrack,
    Origin,
    SignalTrack,
    TableTrack,
    TrackLabel,
)

_LARGE = 4 << 20  # bytes of a BED that is not read at once
_STARTS = {
    struct.pack("<I", BIGWIG): "a bigWig",
    struct.pack(">I", BIGWIG): "a bigWig",
    struct.pack("<I", BIGBED): "a bigBed",
    struct.pack(">I", BIGBED): "a bigBed",
    b"\x1f\x8b": "a gzip file",
    b"BAM\x01": "a BAM",
    b"SQLite": "an SQLite database",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"BZh": "a bzip2 file",
    b"PK\x03\x04": "a zip file",
    b">": "FASTA",
    b"@": "FASTQ or SAM",
    b"##gff-version": "GFF",
    b"{": "JSON",
    b"fixedStep": "wig",
    b"variableStep": "wig",
}
_NAMES: dict[str, tuple[str, ...]] = {
    "a bigWig": ("bigwig",),
    "a bigBed": ("bigbed",),
    "GFF": ("gff3",),
    "JSON": ("table", "regions"),
    "wig": ("wig",),
}


def check_start(path: str | os.PathLike[str], format: str) -> None:
    """Refuse a file that does not begin as its format does, saying what it is.

    Raises
    ------
    InputError
        If its suffix lies.
    """
    with open(path, "rb") as file:
        head = file.read(32)
    for start, what in _STARTS.items():
        if not head.startswith(start):
            continue
        if format in _NAMES.get(what, ()) or (what == "a gzip file" and format not in BINARY):
            return
        raise InputError(f"{path} should be {format}, but is {what}", "is its suffix right?")
    if format in BINARY:
        raise InputError(f"{path} should be {format}, but does not begin as one")
    if b"\0" in head:
        raise InputError(f"{path} should be {format}, but is no text")


def open_track(
    path: str | os.PathLike[str], name: str | None = None, format: str | None = None
) -> IntervalTrack | SignalTrack | TableTrack:
    """Open a track.

    Parameters
    ----------
    path : path
        BED, narrowPeak, GFF3, bedGraph, wig, a JSON table or regions in lines of JSON (each also
        ``.gz``), bigWig or bigBed.
    name : str, optional
        Name of the track; that of the file without its suffix if it is left out.
    format : str, optional
        Format, if the suffix does not say it.

    Returns
    -------
    IntervalTrack, SignalTrack or TableTrack
        A signal, and the intervals of a bigBed, are read when they are asked for.

    Raises
    ------
    InputError
        If the file is not what its suffix says.
    """
    path = Path(path)
    kind = format or format_of(path.name)
    check_start(path, kind)
    stem = path.name[: -len(path.suffix)] if path.suffix else path.name
    label = TrackLabel(name or (Path(stem).stem if path.suffix.lower() == ".gz" else stem))
    origin = Origin.of(path, kind)
    track = _open(path, label, kind)
    track.origin = origin
    return track


def _open(path: Path, label: TrackLabel, kind: str) -> IntervalTrack | SignalTrack | TableTrack:
    match kind:
        case "bigwig":
            return SignalTrack(label, BigWig(path))
        case "bedgraph" | "wig":
            return SignalTrack(label, TextSignal(path, wig=kind == "wig"))
        case "bigbed":
            return IntervalTrack(label, BigBed(path))
        case "bed":
            return IntervalTrack(label, _bed(path, BED_FIELDS))
        case "narrowpeak":
            return IntervalTrack(label, _bed(path, PEAK_FIELDS))
        case "gff3":
            return IntervalTrack(label, read_gff(path))
        case "regions":
            return IntervalTrack(label, read_regions(path))
        case "table":
            return TableTrack(label, read_table(path))
    raise InputError(f"unknown format {kind!r}", f"there are {', '.join(FORMATS)}")


def _bed(path: Path, fields: Fields) -> Windowed:
    return BedFile(path, fields) if path.stat().st_size > _LARGE else read_bed(path, fields)
