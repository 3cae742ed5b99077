"""Formats of tracks and their suffixes; light, as queries are checked with it."""

from __future__ import annotations

from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import InputError

# Formats by suffix; those of text may be compressed.
SUFFIXES = {
    ".bed": "bed",
    ".narrowpeak": "narrowpeak",
    ".gff3": "gff3",
    ".gff": "gff3",
    ".bedgraph": "bedgraph",
    ".bdg": "bedgraph",
    ".bg": "bedgraph",
    ".wig": "wig",
    ".bw": "bigwig",
    ".bigwig": "bigwig",
    ".bb": "bigbed",
    ".bigbed": "bigbed",
    ".json": "table",
    ".jsonl": "regions",
}
# What a track of a format is.
KINDS = {
    "bed": "interval",
    "narrowpeak": "interval",
    "gff3": "interval",
    "bigbed": "interval",
    "regions": "interval",
    "bedgraph": "signal",
    "wig": "signal",
    "bigwig": "signal",
    "table": "table",
}
# The format that keeps all of a track, by what it is, and its suffix.
COMPLETE = {
    "signal": ("bigwig", ".bw"),
    "interval": ("regions", ".jsonl"),
    "table": ("table", ".json"),
}
BINARY = ("bigwig", "bigbed")
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
VIEW_KEYS = ("region", "bins", "summary")
OF_VIEWS = ("bedgraph", "bed", "bigwig", "bigbed", "tsv")
_AS_PEOPLE_WRITE = (".narrowPeak", ".bedGraph", ".bigWig", ".bigBed")


def all_suffixes() -> tuple[str, ...]:
    """All suffixes that the name of a track may have."""
    plain = (*SUFFIXES, *_AS_PEOPLE_WRITE)
    text = [suffix for suffix in plain if SUFFIXES[suffix.lower()] not in BINARY]
    return (*plain, *(f"{suffix}.gz" for suffix in text))


def format_of(name: str) -> str:
    """Return the format that the suffix of a name says.

    Raises
    ------
    InputError
        If it says none.
    """
    path = Path(name)
    zipped = path.suffix.lower() == ".gz"
    found = SUFFIXES.get(Path(path.stem).suffix.lower() if zipped else path.suffix.lower())
    if found is None or (zipped and found in BINARY):
        raise InputError(
            f"{name}: no format of tracks has this suffix", f"there are {', '.join(SUFFIXES)}"
        )
    return found


def suffix_of(name: str) -> str:
    """Return the suffix of a name that says its format, ``.gz`` included.

    Raises
    ------
    InputError
        If it says none.
    """
    format_of(name)
    path = Path(name)
    return Path(path.stem).suffix + path.suffix if path.suffix.lower() == ".gz" else path.suffix


def suffix_for(format: str) -> str:
    """Return the suffix of a format; that of text may have ``.gz`` behind it.

    Raises
    ------
    InputError
        If there is no such format.
    """
    plain = format.removesuffix(".gz")
    if plain not in FORMATS or (plain != format and plain in BINARY):
        raise InputError(f"unknown format {format!r}", f"there are {', '.join(FORMATS)}")
    suffix = next(suffix for suffix, what in SUFFIXES.items() if what == plain)
    return suffix + format.removeprefix(plain)
