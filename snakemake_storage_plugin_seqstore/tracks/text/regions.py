"""Regions as JSON, one a line: the form that keeps all of a track of intervals."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.provenance import tagged, untagged
from snakemake_storage_plugin_seqstore.tracks.chromosomes import check_name
from snakemake_storage_plugin_seqstore.tracks.intervals import STRANDS, Intervals
from snakemake_storage_plugin_seqstore.tracks.region import Region
from snakemake_storage_plugin_seqstore.tracks.text.lines import LARGEST, open_text

_TYPES: dict[str, tuple[type, ...]] = {
    "chrom": (str,),
    "start": (int,),
    "end": (int,),
    "strand": (str,),
    "score": (int, float),
    "name": (str,),
    "tags": (dict,),
    "typed_tags": (list,),
}


def region_lines(intervals: Intervals) -> Iterator[bytes]:
    """Yield regions as lines of JSON, in their order; what has its default is left out.

    Raises
    ------
    InputError
        If a tag is of a type that cannot be kept.
    """
    for region in intervals:
        found: dict[str, Any] = {
            "chrom": region.chrom,
            "start": region.start,
            "end": region.end,
        }
        if region.strand != ".":
            found["strand"] = region.strand
        if region.score or math.copysign(1, region.score) < 0:
            found["score"] = region.score
        if region.name:
            found["name"] = region.name
        if region.tags:
            found.update(_tags(region))
        yield json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _tags(region: Region) -> dict[str, Any]:
    """Return tags as plain JSON where that keeps their types, which tuples, say, have not there."""
    # Most tags are texts and numbers: those need no second look.
    if all(type(key) is str and type(tag) in (str, int) for key, tag in region.tags.items()):
        return {"tags": region.tags}
    where = f"the tags of {region.chrom}:{region.start}-{region.end}"
    typed = tagged(region.tags, where)
    try:
        if tagged(json.loads(json.dumps(region.tags)), where) == typed:
            return {"tags": region.tags}
    except (TypeError, ValueError):
        pass  # JSON has no such type
    return {"typed_tags": typed}


def check_regions(where: str, intervals: Intervals) -> None:
    """Refuse intervals that no file can have.

    Parameters
    ----------
    where : str
        What to name in the error.
    intervals : Intervals
        The intervals.

    Raises
    ------
    InputError
        Naming the place of the first that is wrong.
    """
    for wrong, what in (
        (intervals.start < 0, "starts before 0"),
        (intervals.end <= intervals.start, "is empty, or ends before its start"),
        (~np.isfinite(intervals.scores()), "has a score that is not finite"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            place = f"{intervals.start[row]}-{intervals.end[row]}"
            raise InputError(f"{where}: {intervals.chroms[intervals.codes[row]]}:{place} {what}")


def read_regions(
    path: str | os.PathLike[str], genome: Mapping[str, int] | None = None
) -> Intervals:
    """Read regions, plain or gzip.

    Parameters
    ----------
    path : path
        The file.
    genome : mapping of str to int, optional
        Chromosomes that they may be on, and their lengths in bp.

    Raises
    ------
    InputError
        If a line is none; it says which.
    """
    regions = []
    known: set[str] = set()
    with open_text(path) as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            if not line.strip():
                continue
            where = f"{Path(path)}, line {number}"
            region = _region(line, where)
            if region.chrom not in known:
                check_name(where, region.chrom, genome)
                known.add(region.chrom)
            if genome is not None and region.end > genome[region.chrom]:
                raise InputError(
                    f"{where}: the end is past the chromosome, "
                    f"which has {genome[region.chrom]:,} bp"
                )
            regions.append(region)
    return Intervals.of(regions)


def _region(line: bytes, where: str) -> Region:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: it is no JSON: {error}") from None
    if not isinstance(found, dict) or not {"chrom", "start", "end"} <= found.keys():
        raise InputError(f"{where}: a region is {{'chrom': ..., 'start': ..., 'end': ...}}")
    for name, value in found.items():
        if name not in _TYPES or isinstance(value, bool) or not isinstance(value, _TYPES[name]):
            raise InputError(f"{where}: {name} cannot be {value!r}")
    if "typed_tags" in found:
        found["tags"] = _untagged(found.pop("typed_tags"), where)
    try:
        score = float(found.get("score", 0.0))
    except OverflowError:  # of a whole number
        score = math.inf
    region = Region(**{**found, "score": score})
    if region.start < 0:
        raise InputError(f"{where}: the start is negative")
    if region.end <= region.start:
        what = "is empty" if region.end == region.start else "ends before its start"
        raise InputError(f"{where}: the interval {what}", "places count from 0, ends are exclusive")
    if region.end > LARGEST:
        raise InputError(f"{where}: the end is more than {LARGEST:,}")
    if region.strand not in STRANDS:
        raise InputError(f"{where}: the strand is none of {' '.join(STRANDS)}")
    if not math.isfinite(region.score):
        raise InputError(f"{where}: the score is not finite")
    return region


def _untagged(value: Any, where: str) -> Any:
    try:
        tags = untagged(value)
    except (TypeError, ValueError, LookupError, RecursionError):
        tags = None
    if not isinstance(tags, dict):
        raise InputError(f"{where}: typed_tags are damaged")
    return tags
