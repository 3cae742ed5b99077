"""Places as people write them: ``chr1:1-1000``, from 1, both ends included, as in samtools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.errors import QueryError
from snakemake_storage_plugin_seqstore.tracks.signal import some

_RANGE = re.compile(r"(?P<start>\d[\d,]*)(?P<to>-(?P<end>\d[\d,]*)?)?")


@dataclass(frozen=True)
class Place:
    """A window of a chromosome.

    Parameters
    ----------
    chrom : str
        Chromosome.
    start, end : int
        0-based, half-open.
    """

    chrom: str
    start: int
    end: int


def check_place(text: str) -> None:
    """Refuse what is no place in any genome.

    Raises
    ------
    QueryError
        If it is empty, or its end is before its start.
    """
    chrom, _, window = text.rpartition(":")
    if not text or text.startswith(":"):
        raise QueryError(f"{text!r} is no region", "such as chr1:1-1000, from 1, or chr1")
    if chrom and (found := _RANGE.fullmatch(window)):
        _window(text, found)


def parse_place(text: str, chroms: Mapping[str, int], exact: bool = True) -> Place:
    """Return the window that a text means.

    Parameters
    ----------
    text : str
        ``chr1:1-1000``, ``chr1:1,001-2,000``, ``chr1:500`` or ``chr1:500-`` (to the end), ``chr1``;
        from 1, both ends included.
    chroms : mapping of str to int
        Chromosomes and their lengths in bp; names may have colons.
    exact : bool
        Whether the lengths are known. Else they are how far something goes: behind may be more.

    Raises
    ------
    QueryError
        If it is no place, there is no such chromosome, or it is not within the chromosome.
    """
    check_place(text)
    if text in chroms:
        return Place(text, 0, chroms[text])
    chrom, _, window = text.rpartition(":")
    found = _RANGE.fullmatch(window)
    if not chrom or found is None:
        chrom = text
    if chrom not in chroms:
        raise QueryError(f"region {text!r}: there is no chromosome {chrom!r}; {_there(chroms)}")
    assert found is not None
    start, end = _window(text, found)
    length = chroms[chrom]
    if exact and not (start < length and (end or length) <= length):
        raise QueryError(f"region {text}: {chrom} has {length:,} bp")
    return Place(chrom, start, max(start, length) if end is None else end)


def _there(chroms: Mapping[str, int]) -> str:
    return f"there are {some(chroms)}"


def _window(text: str, found: re.Match[str]) -> tuple[int, int | None]:
    start = int(found["start"].replace(",", ""))
    end = int(found["end"].replace(",", "")) if found["end"] else None
    if start < 1:
        raise QueryError(f"region {text!r} starts before 1", "regions are counted from 1")
    if end is not None and end < start:
        raise QueryError(f"region {text!r} ends before it starts")
    return start - 1, end
