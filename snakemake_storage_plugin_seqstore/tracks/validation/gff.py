"""Check lines of GFF3."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.intervals import Intervals, Ints
from snakemake_storage_plugin_seqstore.tracks.text.gff import (
    attributes,
    circular_lengths,
    intervals_of,
)
from snakemake_storage_plugin_seqstore.tracks.text.lines import Lines, open_text
from snakemake_storage_plugin_seqstore.tracks.validation.bed import check_places

_VERSION = b"##gff-version"


def check_gff(path: Path, rows: Lines, genome: Mapping[str, int] | None) -> None:
    """Refuse a file that is no GFF3.

    Parameters
    ----------
    path : Path
        The file.
    rows : Lines
        The lines of its features.
    genome : mapping of str to int, optional
        Chromosomes of the genome and their lengths in bp.

    Raises
    ------
    InputError
        Naming the first line that is wrong.
    """
    with open_text(path) as file:
        first = file.readline().split()
    if len(first) < 2 or first[0] != _VERSION or not first[1].startswith(b"3"):
        raise InputError(f"{path}, line 1: GFF3 begins with '##gff-version 3'")
    if not len(rows):
        return
    found = intervals_of(rows)
    end = found.end if genome is None else _within(found, genome)
    check_places(rows, found.start, end, genome, in_order=False)
    kinds, phases, last = rows.texts(2), rows.texts(7), rows.texts(8)
    known: set[str] = set()
    parents: list[tuple[int, str]] = []
    for row in range(len(rows)):
        phase = phases.value(row)
        if phase not in ("0", "1", "2", ".") or (phase == "." and kinds.value(row) == "CDS"):
            rows.fail(row, "the phase is none of 0 1 2, or . where it is no CDS")
        try:
            said = attributes(last.value(row))
        except ValueError as error:
            rows.fail(row, f"the attribute {str(error)!r} has no '='")
        if "ID" in said:
            known.add(said["ID"])
        parents += [(row, parent) for parent in said.get("Parent", [])]
    for row, parent in parents:
        if parent not in known:
            rows.fail(row, f"there is no feature with the ID {parent!r} of its parent")


def _within(found: Intervals, genome: Mapping[str, int]) -> Ints:
    """Return ends; those of features across the origin of a circular chromosome are at its end.

    GFF3 adds the length of the chromosome to the end of such a feature.
    """
    circular = circular_lengths(found)
    lengths = [genome.get(chrom, 0) if chrom in circular else 0 for chrom in found.chroms]
    length = np.array(lengths, np.int64)[found.codes]
    across = (found.start < length) & (found.end - found.start <= length)
    return np.where(across, np.minimum(found.end, length), found.end)
