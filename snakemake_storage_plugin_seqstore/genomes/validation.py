"""What must hold of a genome before it is published."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.genomes import formats, opening
from snakemake_storage_plugin_seqstore.genomes.bytes_source import (
    BlockGzipFile,
    BytesSource,
    open_bytes,
)
from snakemake_storage_plugin_seqstore.genomes.fasta import FastaSequences
from snakemake_storage_plugin_seqstore.genomes.fasta_index import load_fai
from snakemake_storage_plugin_seqstore.genomes.genome import Genome
from snakemake_storage_plugin_seqstore.genomes.summary import Summary
from snakemake_storage_plugin_seqstore.genomes.twobit import TwoBitSequences

_NUCLEOTIDES = b"ACGTUNRYSWKMBDHV"  # IUPAC, U for RNA
_LETTERS = _NUCLEOTIDES + _NUCLEOTIDES.lower()  # lower case: masked
_FAI, _GZI = formats.INDEXES
_CHUNK = 1 << 22


def check(path: str | os.PathLike[str], name: str) -> Summary | None:
    """Check a file that is to be published.

    An index of bgzip or samtools that lies beside a genome, or a genome beside an index, must fit.

    Parameters
    ----------
    path : path-like
        The file.
    name : str
        What it is to be called; its suffix says what is promised.

    Returns
    -------
    Summary or None
        What the genome is; None for an index.

    Raises
    ------
    InputError, DamageError
        If the file is not what the suffix says, or damaged; if there are no sequences, one is empty
        or two have the same name; or if there is something else than nucleotides, naming the
        record and the line.
    """
    path = Path(path)
    for suffix in formats.INDEXES:
        if name.endswith(suffix):
            _check_index(path, suffix)
            return None
    _check_suffix(path, name)
    with opening.open(path) as genome:
        for number, (chrom, length) in enumerate(genome.chrom_lengths.items(), 1):
            if not length:
                raise InputError(
                    f"{path}, record {number} ('{chrom}'): the sequence is empty",
                    "a cut-off file, or a record to be left out",
                )
        if isinstance(genome.sequences, FastaSequences):
            genome.sequences.check_index()
            _check_gzi(genome.sequences.source, path.with_name(f"{path.name}{_GZI}"))
        if isinstance(genome.sequences, TwoBitSequences):
            genome.sequences.check_layout()
        return Summary.of(genome, lambda *window: _check_letters(genome, path, *window))


def _check_suffix(path: Path, name: str) -> None:
    found, packed = opening.told(path)
    promised = formats.promised(name)
    if promised != (found, packed):
        suffixes = [s + formats.GZIP if packed else s for s in formats.SUFFIXES[found]]
        raise InputError(
            f"{path} is {found}{' compressed by gzip' if packed else ''}, "
            f"which the suffix of '{name}' does not say",
            f"it says so if it is one of {', '.join(suffixes)}",
        )


def _check_letters(genome: Genome, path: Path, chrom: str, at: int, window: bytes) -> None:
    foreign = window.translate(None, _LETTERS)
    if not foreign:
        return
    position = at + window.index(foreign[:1])
    number = list(genome.chrom_lengths).index(chrom) + 1
    line = _line(genome.sequences, chrom, position)
    letter = ascii(foreign[:1].decode("latin-1"))
    raise InputError(
        f"{path}{f', line {line}' if line else ''}: record {number} ('{chrom}') has {letter} at "
        f"position {position + 1}",
        f"the letters of nucleotides are {_NUCLEOTIDES.decode()}, in either case",
    )


def _line(sequences: object, chrom: str, position: int) -> int | None:
    """Number of the line in which a position of a sequence is; None if the format has no lines."""
    if not isinstance(sequences, FastaSequences):
        return None
    offset, _ = sequences.record(chrom).span(position, position + 1)
    chunks = range(0, offset, _CHUNK)
    source = sequences.source
    return 1 + sum(source.read(at, min(_CHUNK, offset - at)).count(b"\n") for at in chunks)


def _check_index(index: Path, suffix: str) -> None:
    """Check an index, and that it fits the file that it is named after, if that lies beside it."""
    file = index.with_name(index.name.removesuffix(suffix))
    beside = open_bytes(file) if file != index and file.is_file() else None
    try:
        if suffix == _GZI:
            _check_gzi(beside, index)
            return
        found = load_fai(index)
        if not found.names:
            raise InputError(f"{index} is empty: it has no sequences")
        if beside:
            FastaSequences(file, beside, found, index).check_index()
    finally:
        if beside:
            beside.close()


def _check_gzi(source: BytesSource | None, index: Path) -> None:
    """Compare an index of bgzip, if there is one, with the blocks of a file, if there is one."""
    if not index.is_file():
        return
    content = index.read_bytes()
    numbers = struct.unpack(f"<{len(content) // 8}Q", content[: len(content) // 8 * 8])
    if len(content) % 8 or not numbers or len(numbers) != 1 + 2 * numbers[0]:
        raise DamageError(f"{index} is no whole index of bgzip", "make it again: bgzip -r")
    pairs = set(zip(numbers[1::2], numbers[2::2], strict=True))
    blocks = source.blocks if isinstance(source, BlockGzipFile) else None
    if source and not (blocks and pairs <= blocks):
        raise DamageError(f"{index} does not fit the file beside it", "make it again: bgzip -r")
