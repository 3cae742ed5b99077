"""GenBank: sequences with what is annotated on them, read by gb-io."""

from __future__ import annotations

import gzip
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import gb_io

from snakemake_storage_plugin_seqstore import bgzip
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.genomes.genome import CIRCULAR, Genome, InMemorySequences
from snakemake_storage_plugin_seqstore.tracks.region import Region

_Part = tuple[int, int, str]  # start, end, strand
_NAMES = ("locus_tag", "gene", "label")  # what a feature is called by, the best first


def read_genbank(path: Path, name: str, packed: bool) -> Genome:
    """Read a GenBank file, plain or compressed by gzip; all of it is in memory then.

    Sequences are called as their locus, and upper case. Features are regions whose tags are
    ``feature_type`` and the qualifiers; a qualifier that stands more than once is a tuple. One that
    goes on across the origin ends behind the end of its sequence and has the tag ``wraps_origin``.
    The features of type ``source``, which are the sequences themselves, are left out.

    Parameters
    ----------
    name : str
        What the genome is called.
    packed : bool
        Whether gzip compressed it.

    Raises
    ------
    InputError
        If the file cannot be read, a record has no name or no sequence, or two the same name.
    """
    sequences: dict[str, str] = {}
    features: list[Region] = []
    topologies: dict[str, str] = {}
    definitions: dict[str, str] = {}
    for number, record in enumerate(_records(path, packed), 1):
        chrom = record.name or ""
        where = f"{path}, record {number} ({chrom or 'without a name'})"
        if not chrom or chrom in sequences:
            raise InputError(
                f"{where}: {'another one has the same name' if chrom else 'it has no locus'}",
                "each sequence of a genome needs a name of its own",
            )
        if not record.sequence:
            raise InputError(f"{where} has no sequence", "download the file with its sequences")
        sequences[chrom] = record.sequence.decode().upper()
        if record.circular:
            topologies[chrom] = CIRCULAR
        if record.definition:
            definitions[chrom] = record.definition
        length = len(record.sequence) if record.circular else None
        features += [
            region
            for feature in record.features
            if feature.kind != "source" and (region := _region(feature, chrom, length))
        ]
    if not sequences:
        raise InputError(f"{path} has no sequences")
    metadata = {"definitions": definitions} if definitions else {}
    whole = InMemorySequences(sequences, path)
    return Genome(name, metadata, whole, tuple(features), topologies)


def _records(path: Path, packed: bool) -> Iterator[gb_io.Record]:
    with path.open("rb") as file:
        bgzip.require_last(path, file)
        text = gzip.GzipFile(fileobj=file) if packed else file
        records = gb_io.iter(cast(BinaryIO, text))
        number = 1
        while True:
            try:
                record = next(records, None)
            except (RuntimeError, OSError, EOFError, ValueError, zlib.error) as error:
                raise InputError(f"{path}, record {number}: {error}") from None
            if record is None:
                return
            yield record
            number += 1


def _region(feature: gb_io.Feature, chrom: str, circle: int | None) -> Region | None:
    """Make a region of a feature; None if it is on another record alone.

    Parameters
    ----------
    circle : int, optional
        Length in bp of the sequence, if it is circular.
    """
    parts = list(_parts(feature.location))
    if not parts:
        return None
    strands = {strand for _, _, strand in parts}
    strand = strands.pop() if len(strands) == 1 else "."
    spans = [(start, end) for start, end, _ in (parts[::-1] if strand == "-" else parts)]
    crossing = _crossing(spans, circle)
    if circle and crossing:
        spans[crossing:] = [(start + circle, end + circle) for start, end in spans[crossing:]]
    tags: dict[str, Any] = {"feature_type": feature.kind, **_qualifiers(feature)}
    if crossing:
        tags["wraps_origin"] = True
    if len(spans) > 1:
        tags["parts"] = tuple(spans)
    name = next((str(tags[key]) for key in _NAMES if isinstance(tags.get(key), str)), "")
    start, end = min(start for start, _ in spans), max(end for _, end in spans)
    return Region(chrom, start, end, strand, name=name, tags=tags)


def _crossing(spans: list[tuple[int, int]], circle: int | None) -> int:
    """Number of the first part behind the origin; 0 if there is none."""
    for number in range(1, len(spans)):
        if spans[number - 1][1] == circle and spans[number][0] == 0:
            return number
    return 0


def _parts(location: gb_io.Location) -> Iterator[_Part]:
    """The parts of a location, in the order in which they are read."""
    if isinstance(location, gb_io.Range | gb_io.Between):
        yield location.start, location.end, "+"
    elif isinstance(location, gb_io.Complement):
        turned = {"+": "-", "-": "+"}
        for start, end, strand in reversed(list(_parts(location.location))):
            yield start, end, turned[strand]
    elif isinstance(location, gb_io.Join | gb_io.Order | gb_io.Bond | gb_io.OneOf):
        for part in location.locations:
            yield from _parts(part)


def _qualifiers(feature: gb_io.Feature) -> dict[str, Any]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for qualifier in feature.qualifiers:
        found[qualifier.key].append(True if qualifier.value is None else qualifier.value)
    return {key: values[0] if len(values) == 1 else tuple(values) for key, values in found.items()}
