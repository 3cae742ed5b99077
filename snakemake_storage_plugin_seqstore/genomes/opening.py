"""One way to open a genome, whatever its format; told by the content, not by the name."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.genomes.bytes_source import GZIP_MAGIC, open_bytes
from snakemake_storage_plugin_seqstore.genomes.fasta import FastaSequences
from snakemake_storage_plugin_seqstore.genomes.fasta_index import FastaIndex, load_fai
from snakemake_storage_plugin_seqstore.genomes.fasta_scan import scan
from snakemake_storage_plugin_seqstore.genomes.formats import (
    FASTA,
    GENBANK,
    SUFFIXES,
    TWOBIT,
    stem,
)
from snakemake_storage_plugin_seqstore.genomes.genome import Genome
from snakemake_storage_plugin_seqstore.genomes.twobit import TwoBitSequences, is_twobit

_LOCUS = b"LOCUS"


def open(path: str | os.PathLike[str]) -> Genome:
    """Open a genome: FASTA (plain, gzip or bgzip), GenBank (plain or gzip) or 2bit.

    Of FASTA and 2bit only what is asked for is read. A .fai beside a FASTA file saves the one look
    at all of its lines that finds out where its sequences are.

    Parameters
    ----------
    path : path-like
        The file; its content says the format.

    Returns
    -------
    Genome
        Called as the file without its suffixes. Close it, or use it in a ``with``.

    Raises
    ------
    InputError
        If it is none of these, damaged, or two sequences have the same name.
    """
    path = Path(path)
    return open_as(stem(path.name), path)


def open_as(
    name: str, path: Path, keep: Callable[[str, Callable[[], Any]], Any] | None = None
) -> Genome:
    """Open a genome of which something may be known already.

    Parameters
    ----------
    name : str
        What it is called.
    path : Path
        The file.
    keep : callable, optional
        Gives what is known of the file, or finds it out; see
        :class:`~snakemake_storage_plugin_seqstore.collections.payload.Payload`.
    """
    format, packed = told(path)
    if format == TWOBIT:
        return Genome(name, {}, TwoBitSequences(path), (), {})
    if format == GENBANK:
        from snakemake_storage_plugin_seqstore.genomes.genbank import read_genbank

        return read_genbank(path, name, packed)
    if keep:
        source = open_bytes(path, partial(keep, "blocks of a bgzip file, 1"))
    else:
        source = open_bytes(path)
    try:
        index = path.with_name(f"{path.name}.fai")
        if index.is_file():
            sequences = FastaSequences(path, source, load_fai(index), index)
        elif keep:
            lines = keep("lines of a FASTA file, 1", lambda: scan(source, path).dump())
            sequences = FastaSequences(path, source, FastaIndex.load(lines))
        else:
            sequences = FastaSequences(path, source, scan(source, path))
    except BaseException:
        source.close()
        raise
    return Genome(name, {}, sequences, (), sequences.topologies)


def told(path: Path) -> tuple[str, bool]:
    """Say which format a file has, and whether it is compressed, by its first bytes.

    Raises
    ------
    InputError
        If it is none that a genome can have.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
            compressed = head.startswith(GZIP_MAGIC)
            if compressed:
                file.seek(0)
                with gzip.open(file) as unpacked:
                    head = unpacked.read(16)
    except IsADirectoryError:
        raise InputError(f"{path} is a directory", "name the file of the genome") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is truncated or damaged: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not head:
        raise InputError(f"{path} is empty: it has no sequences")
    if is_twobit(head) and not compressed:
        return TWOBIT, False
    if head.startswith(_LOCUS):
        return GENBANK, compressed
    if head.lstrip().startswith(b">"):
        return FASTA, compressed
    raise InputError(f"{path} is no genome", f"formats: {', '.join(SUFFIXES)}")
