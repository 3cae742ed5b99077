"""Formats of genomes and their suffixes; light, as queries are checked with it."""

from __future__ import annotations

FASTA, GENBANK, TWOBIT = "FASTA", "GenBank", "2bit"
SUFFIXES = {
    FASTA: (".fa", ".fasta", ".fna"),
    GENBANK: (".gb", ".gbk", ".gbff"),
    TWOBIT: (".2bit",),
}
GZIP = ".gz"
COMPRESSIBLE = (FASTA, GENBANK)
INDEXES = (".fai", ".gzi")  # kept beside a FASTA file


def all_suffixes() -> tuple[str, ...]:
    """All suffixes that a genome, or an index of one, may have."""
    plain = [suffix for suffixes in SUFFIXES.values() for suffix in suffixes]
    packed = [f"{suffix}{GZIP}" for format in COMPRESSIBLE for suffix in SUFFIXES[format]]
    return (*plain, *packed, *INDEXES)


def promised(name: str) -> tuple[str, bool] | None:
    """Say which format the suffix of a name promises, and whether it is compressed."""
    plain = name.removesuffix(GZIP)
    for format, suffixes in SUFFIXES.items():
        if plain.endswith(suffixes):
            return format, plain != name
    return None


def stem(name: str) -> str:
    """Return the name of a file without the suffixes that say its format."""
    plain = name.removesuffix(GZIP)
    for suffixes in SUFFIXES.values():
        for suffix in suffixes:
            if plain.endswith(suffix) and plain != suffix:
                return plain.removesuffix(suffix)
    return name


def suffix(format: str, packed: bool) -> str:
    """Return the suffix that says a format, and whether it is compressed."""
    return f"{SUFFIXES[format][0]}{GZIP * packed}"
