"""autoSql: the description of the columns of a bigBed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.errors import InputError

_NUMBERS = {"int", "uint", "short", "ushort", "byte", "ubyte", "bigint"}
_TYPES = _NUMBERS | {"float", "double", "char", "string", "lstring", "enum", "set"}
# Nothing that was matched is tried in another way: that would take for ever in some long texts.
_TABLE = re.compile(
    r'\s*+(?:table|simple|object)\s++(\w++)[^"(]*+"((?:[^"\\]|\\.)*+)"\s*+\((.*)\)\s*', re.S
)
_FIELD = re.compile(
    r"\s*+(\w++)(?:\s*+\[\s*+(\w++)\s*+\]|\s*+\(([^)]*+)\))?\s++(\w++)[^;]*+;\s*+"
    r'(?:"((?:[^"\\]|\\.)*+)")?'
)
_BED = (
    ("string", "chrom", "Chromosome"),
    ("uint", "chromStart", "Start, from 0"),
    ("uint", "chromEnd", "End, exclusive"),
    ("string", "name", "Name"),
    ("uint", "score", "Score from 0 to 1000"),
    ("char[1]", "strand", "+, - or ."),
    ("uint", "thickStart", "Start of the thick part"),
    ("uint", "thickEnd", "End of the thick part"),
    ("uint", "reserved", "Colour as red,green,blue"),
    ("int", "blockCount", "Number of blocks"),
    ("int[blockCount]", "blockSizes", "Sizes of blocks"),
    ("int[blockCount]", "chromStarts", "Starts of blocks, from chromStart"),
)


@dataclass(frozen=True)
class Field:
    """A column.

    Parameters
    ----------
    type : str
        Such as ``uint`` or ``string``.
    name : str
        Name of the column.
    size : str
        How many values it has, as a number or the name of a column; empty for one value.
    comment : str
        What it means.
    """

    type: str
    name: str
    size: str
    comment: str

    @property
    def is_whole(self) -> bool:
        """Whether it holds one whole number."""
        return self.type in _NUMBERS and not self.size

    @property
    def is_real(self) -> bool:
        """Whether it holds one number with decimals."""
        return self.type in ("float", "double") and not self.size


def parse(text: str) -> list[Field]:
    """Return the columns that a description has.

    Raises
    ------
    InputError
        If it is none; it says what is wrong.
    """
    table = _TABLE.fullmatch(text)
    if table is None:
        raise InputError('autoSql must be: table NAME "description" ( columns )')
    text = table[3].rstrip()
    found: dict[str, Field] = {}
    end = 0
    while end < len(text):
        field = _FIELD.match(text, end)
        if field is None:
            line = text[end:].strip().splitlines()[0]
            raise InputError(f"autoSql: no column: {line[:80]!r}")
        kind, size, _, name, comment = field.groups()
        if kind not in _TYPES and kind not in ("table", "simple", "object"):
            raise InputError(f"autoSql: column {name!r} has the unknown type {kind!r}")
        if name in found:
            raise InputError(f"autoSql: there are two columns {name!r}")
        found[name] = Field(kind, name, size or "", comment or "")
        end = field.end()
    return list(found.values())


def for_bed(columns: int, more: tuple[str, ...] = ()) -> str:
    """Return the description of BED of so many columns, and more columns of text."""
    fields = [*_BED[:columns], *(("string", name, "") for name in more)]
    lines = "".join(f'    {kind} {name}; "{comment}"\n' for kind, name, comment in fields)
    return f'table bed{columns}{"plus" if more else ""}\n"Intervals"\n(\n{lines})\n'
