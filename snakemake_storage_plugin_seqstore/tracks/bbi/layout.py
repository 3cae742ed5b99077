"""The layout of bigWig and bigBed files: numbers and records, in either byte order.

Kent et al. 2010, doi:10.1093/bioinformatics/btq351, has the format in its supplement.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

BIGWIG, BIGBED = 0x888FFC26, 0x8789F2EB
CHROM_TREE, INDEX = 0x78CA8C91, 0x2468ACE0
VERSION = 4

HEADER = "IHHQQQHHQQIQ"
ZOOM_HEADER = "IIQQ"
SUMMARY = "Qdddd"
TREE_HEADER = "IIIIQQ"
INDEX_HEADER = "IIQIIIIQII"
NODE = "BBH"
SECTION = "IIIIIBBH"  # of a bigWig: chromosome, start, end, step, span, kind, -, items
RUNS, STEPS, FIXED = 1, 2, 3  # kinds of sections

LEAF = [(n, "u4") for n in ("chrom", "start", "last_chrom", "end")] + [
    ("offset", "u8"),
    ("size", "u8"),
]
BRANCH = LEAF[:5]
ZOOM = [(n, "u4") for n in ("chrom", "start", "end", "covered")] + [
    (n, "f4") for n in ("min", "max", "sum", "squares")
]


def record(fields: list[tuple[str, str]], order: str) -> np.dtype[np.void]:
    """Return a record of these fields in a byte order, ``<`` or ``>``."""
    return np.dtype([(name, order + kind) for name, kind in fields])


@dataclass(frozen=True)
class Header:
    """The first 64 bytes of a file.

    Parameters
    ----------
    magic, version, zooms : int
        Kind of file, version of the format, number of zoom levels.
    tree, data, index : int
        Where the chromosomes, the blocks and their index are.
    fields, defined : int
        Columns of a bigBed, and how many of them are those of BED.
    autosql, summary : int
        Where the description of the columns and the summary are; 0 if there are none.
    buffer : int
        The largest size of a block in bytes; 0 if blocks are not compressed.
    extension : int
        Where more is said; 0 if it is not.
    """

    magic: int
    version: int
    zooms: int
    tree: int
    data: int
    index: int
    fields: int
    defined: int
    autosql: int
    summary: int
    buffer: int
    extension: int

    def pack(self) -> bytes:
        """Return the bytes, little-endian."""
        values = (self.magic, self.version, self.zooms, self.tree, self.data, self.index)
        more = (self.fields, self.defined, self.autosql, self.summary, self.buffer)
        return struct.pack("<" + HEADER, *values, *more, self.extension)


HEADER_SIZE = struct.calcsize("<" + HEADER)
ZOOM_HEADER_SIZE = struct.calcsize("<" + ZOOM_HEADER)
TREE_HEADER_SIZE = struct.calcsize("<" + TREE_HEADER)
INDEX_HEADER_SIZE = struct.calcsize("<" + INDEX_HEADER)
SECTION_SIZE = struct.calcsize("<" + SECTION)
