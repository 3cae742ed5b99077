"""GFF3."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from snakemake_storage_plugin_seqstore.tracks.intervals import STRANDS, Intervals
from snakemake_storage_plugin_seqstore.tracks.text.bed import codes_of
from snakemake_storage_plugin_seqstore.tracks.text.lines import Lines, open_text

_FASTA = b"##FASTA"
_IS_CIRCULAR = "Is_circular"
_LISTS = ("Parent", "Alias", "Note", "Dbxref", "Ontology_term")


def read_lines(path: str | os.PathLike[str]) -> Lines:
    """Return the lines of the features of a GFF3 file."""
    with open_text(path) as file:
        content = file.read()
    place = content.find(_FASTA)
    while place > 0 and content[place - 1 : place] != b"\n":
        place = content.find(_FASTA, place + 1)
    return Lines(Path(path), content if place < 0 else content[:place])


def read_gff(path: str | os.PathLike[str]) -> Intervals:
    """Read a GFF3 file into columns.

    Names are those of ``Name``, else ``ID``. Tags have source, type, phase, and all attributes,
    decoded; those that may have several values are lists.

    Raises
    ------
    InputError
        If a line is none; it says which.
    """
    return intervals_of(read_lines(path))


def intervals_of(rows: Lines) -> Intervals:
    """Return lines of GFF3 as columns."""
    rows.refuse(rows.columns != 9, "GFF3 has 9 columns, with tabs between them")
    start = rows.ints(3, "the start") - 1
    end = rows.ints(4, "the end")
    rows.refuse(start < 0, "the start is less than 1: GFF3 counts from 1")
    rows.refuse(end <= start, "the end is before the start")
    chroms, codes = codes_of(rows)
    first, last = rows.field(6)
    byte = rows.text[first] if len(rows) else np.empty(0, np.uint8)
    known = np.isin(byte, [ord(c) for c in "+-.?"]) & (last - first == 1)
    rows.refuse(~known, "the strand is none of + - . ?")
    strand = np.zeros(len(rows), np.int8)
    for place, text in enumerate(STRANDS):
        strand[byte == ord(text)] = place
    return Intervals(
        tuple(unquote(chrom) for chrom in chroms),
        codes,
        start,
        end,
        rows.floats(5, "the score", dot=0.0),
        strand,
        rows.texts(8, name),
        rows.from_column(1, tags),
    )


def circular_lengths(intervals: Intervals) -> dict[str, int]:
    """Return the lengths in bp of circular chromosomes, as far as intervals say it.

    In GFF3 one feature is the whole chromosome, and has the attribute ``Is_circular=true``.
    Features across the origin end behind its end.
    """
    found: dict[str, int] = {}
    if intervals.tags is None:
        return found
    for row in np.flatnonzero(intervals.start == 0).tolist():
        if intervals.tags.value(row).get(_IS_CIRCULAR) == "true":
            found[intervals.chroms[intervals.codes[row]]] = int(intervals.end[row])
    return found


def attributes(text: str) -> dict[str, Any]:
    """Return the attributes of the ninth column.

    Raises
    ------
    ValueError
        If a part has no ``=``; with that part.
    """
    found: dict[str, Any] = {}
    for part in text.split(";"):
        if not (part := part.strip()) or part == ".":
            continue
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(part)
        if key in _LISTS:
            found[key] = [unquote(one) for one in value.split(",")]
        else:
            found[unquote(key)] = unquote(value)
    return found


def name(text: str) -> str:
    """Return the name of a feature of its ninth column."""
    try:
        found = attributes(text)
    except ValueError:
        return ""
    return str(found.get("Name") or found.get("ID") or "")


def tags(text: str) -> dict[str, Any]:
    """Return the tags of a feature of its columns from the second on."""
    source, kind, _, _, _, _, phase, last = text.split("\t")
    try:
        more = attributes(last)
    except ValueError:
        more = {}
    return {"source": source, "type": kind, "phase": phase, **more}
