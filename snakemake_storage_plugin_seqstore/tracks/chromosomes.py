"""The chromosomes of a track against those of its genome, or of another track."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.signal import some


def check_name(where: str, chrom: str, genome: Mapping[str, int] | None) -> None:
    """Refuse a chromosome that the genome does not have, naming what it has.

    Parameters
    ----------
    where : str
        What to name in the error: the file, and its line.
    chrom : str
        The chromosome.
    genome : mapping of str to int, optional
        Chromosomes of the genome and their lengths in bp.

    Raises
    ------
    InputError
        If there is a genome, and it has no such chromosome.
    """
    if genome is None or chrom in genome:
        return
    alike = name_alike(chrom, genome)
    hint = f"does the genome call it {alike!r}?" if alike else "is it of another genome?"
    raise InputError(
        f"{where}: the genome has no chromosome {chrom!r}; it has {some(genome)}", hint
    )


def check_lengths(where: str, chroms: Mapping[str, int], genome: Mapping[str, int] | None) -> None:
    """Refuse chromosomes of other lengths than those of the genome.

    Raises
    ------
    InputError
        Naming the first.
    """
    for chrom, length in chroms.items():
        check_name(where, chrom, genome)
        if genome is not None and genome[chrom] != length:
            raise InputError(
                f"{where}: chromosome {chrom!r} has {length:,} bp, "
                f"that of the genome {genome[chrom]:,} bp",
                "is it of another genome?",
            )


def check_shared(one: Iterable[str], other: Iterable[str]) -> None:
    """Refuse two tracks that name the same chromosomes in different ways: nothing would be shared.

    Raises
    ------
    InputError
        If they share no name, but a name of one is the end of a name of the other.
    """
    one, other = list(one), list(other)
    if set(one) & set(other):
        return
    for chrom in one:
        if alike := name_alike(chrom, other):
            raise InputError(
                f"no chromosome is shared: one track has {some(one)}, another {some(other)}",
                f"is {chrom!r} the same as {alike!r}? one of them needs other names",
            )


def name_alike(chrom: str, genome: Iterable[str]) -> str:
    """Return a name that may mean the same: ``chr1`` and ``1``, ``NC_1`` and ``NC_1.2``."""
    alike = [name for name in genome if _is_alike(chrom, name) or _is_alike(name, chrom)]
    return min(alike, key=lambda name: abs(len(name) - len(chrom)), default="")


def _is_alike(long: str, short: str) -> bool:
    return long.endswith(short) or long.startswith(f"{short}.")
