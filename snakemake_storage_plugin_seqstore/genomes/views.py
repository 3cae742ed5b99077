"""Derived forms of a genome: a region of it, or what other programs ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from snakemake_storage_plugin_seqstore.errors import QueryError

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.genomes.genome import Genome

KEYS = ("region",)
FORMATS = ("fasta", "fasta.gz", "2bit", "bed", "fai", "sizes")
_WHOLE = ("fai", "sizes")  # formats that say something of the whole genome alone
_RANGE = re.compile(r"(?P<start>[0-9][0-9,]*)(?:-(?P<end>[0-9][0-9,]*)?)?")


@dataclass(frozen=True)
class Window:
    """A part of a chromosome.

    Parameters
    ----------
    chrom : str
        Name of the chromosome.
    start, end : int
        0-based, half-open.
    label : str
        What it is called in the output.
    length : int
        Length of the chromosome; beyond it a window goes on across the origin.
    """

    chrom: str
    start: int
    end: int
    label: str
    length: int

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The parts of the window before and behind the origin."""
        spans = [(self.start, min(self.end, self.length))]
        return spans if self.end <= self.length else [*spans, (0, self.end - self.length)]


def check(params: Mapping[str, str], format: str) -> None:
    """Check the parameters of a view, as far as that is possible without the genome.

    Raises
    ------
    QueryError
        Naming what is wrong and what is allowed.
    """
    if format not in FORMATS:
        raise QueryError(f"unknown format '{format}'", f"allowed: {', '.join(FORMATS)}")
    if "region" not in params:
        return
    if format in _WHOLE:
        raise QueryError(f"a region has no meaning with format={format}", "leave one of them out")
    chrom, numbers = _split(params["region"])
    start, end = numbers or (1, None)
    if not chrom or start < 1 or end == 0:
        raise QueryError(
            f"region={params['region']!r} is not a region", "e.g. chr1, chr1:1000 or chr1:1-1000"
        )


def write_view(
    genome: Genome, params: Mapping[str, str], format: str, target: Path | BinaryIO
) -> None:
    """Write a view of a genome.

    Parameters
    ----------
    genome : Genome
        The genome; only what is asked for is read.
    params : mapping of str to str
        ``region``: ``chr1``, ``chr1:1000`` or ``chr1:1-1000``, 1-based and both ends included, as
        samtools has it; on a circular chromosome ``5300-20`` goes across the origin.
    format : str
        ``fasta`` (also with ``.gz``), ``2bit``, ``bed``, ``fai`` or ``sizes``.
    target : Path or binary file
        A path appears when it is complete.

    Raises
    ------
    SeqstoreError
        If the genome has no such region, or the format cannot hold it.
    """
    from snakemake_storage_plugin_seqstore.output import binary_output, compressed

    check(params, format)
    whole, window = genome, None
    if region := params.get("region"):
        window = _window(genome, region)
        whole = _cut(genome, window)
    with binary_output(target, compress=False) as file, compressed(file, format) as out:
        _WRITERS[format.removesuffix(".gz")](out, whole, window)


def _window(genome: Genome, region: str) -> Window:
    # A name may have a colon in it: that of a whole chromosome comes first.
    chrom, numbers = (region, None) if region in genome.sequences else _split(region)
    length = genome.length(chrom)
    start, end = numbers or (1, None)
    last = length if end is None else end
    if not (1 <= start <= length and 1 <= last <= length):
        raise QueryError(f"region {region}: {chrom} has {length:,} bp")
    if start > last:
        if not genome.is_circular(chrom):
            raise QueryError(f"region {region}: its start is behind its end")
        last += length
    return Window(chrom, start - 1, last, region, length)


def _split(region: str) -> tuple[str, tuple[int, int | None] | None]:
    chrom, colon, text = region.rpartition(":")
    match = _RANGE.fullmatch(text) if colon else None
    if not match:
        return region, None
    start, end = (int(number.replace(",", "")) if number else None for number in match.groups())
    return chrom, (start or 0, end)


def _cut(genome: Genome, window: Window) -> Genome:
    """A genome that is a part of another one, which is read when it is asked for."""
    from snakemake_storage_plugin_seqstore.genomes.genome import Genome, Sequences

    class Part(Sequences):
        def read(self, name: str, start: int, end: int) -> bytes:
            first = window.start
            return b"".join(genome.windows(window.chrom, first + start, first + end))

    topologies = genome.topologies if window.label == window.chrom else {}
    part = Part({window.label: window.end - window.start})
    return Genome(genome.name, {}, part, (), topologies)


def _write_fasta(out: BinaryIO, genome: Genome, window: Window | None) -> None:
    from snakemake_storage_plugin_seqstore.genomes.fasta import write_fasta

    write_fasta(out, genome)


def _write_twobit(out: BinaryIO, genome: Genome, window: Window | None) -> None:
    from snakemake_storage_plugin_seqstore.genomes.twobit import write_twobit

    write_twobit(out, genome)


def _write_bed(out: BinaryIO, genome: Genome, window: Window | None) -> None:
    rows = [(chrom, 0, length) for chrom, length in genome.chrom_lengths.items()]
    if window:
        rows = [(window.chrom, start, end) for start, end in window.spans]
    for chrom, start, end in rows:
        out.write(f"{chrom}\t{start}\t{end}\n".encode())


def _write_sizes(out: BinaryIO, genome: Genome, window: Window | None) -> None:
    for chrom, length in genome.chrom_lengths.items():
        out.write(f"{chrom}\t{length}\n".encode())


def _write_fai(out: BinaryIO, genome: Genome, window: Window | None) -> None:
    from snakemake_storage_plugin_seqstore.genomes.fasta import FastaSequences

    if not isinstance(genome.sequences, FastaSequences):
        raise QueryError(
            "only FASTA has an index like this", "convert it with ?format=fasta and publish that"
        )
    out.write(genome.sequences.fai().encode())


_WRITERS: Mapping[str, Callable[[BinaryIO, Genome, Window | None], None]] = {
    "fasta": _write_fasta,
    "2bit": _write_twobit,
    "bed": _write_bed,
    "fai": _write_fai,
    "sizes": _write_sizes,
}
