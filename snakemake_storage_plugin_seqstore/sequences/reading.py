"""Records in, those of large files by a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.sequences import fasta
from snakemake_storage_plugin_seqstore.sequences.apart import Apart

# Reading less takes no longer than to start Python.
_LARGE_BYTES = 128 << 20


def read(path: Path) -> Iterator[fasta.Batch]:
    """Read the records of a FASTA or FASTQ file as :func:`fasta.read` does, large files apart."""
    if not path.is_file() or path.stat().st_size < _LARGE_BYTES:
        yield from fasta.read(path)
        return
    with Apart(batches, path) as process:
        while batch := process.receive():
            yield fasta.Batch(path, *batch)


def batches(_: Iterator[Any], path: Path) -> Iterator[tuple[Any, ...]]:
    """Give what batches are made of: what the process does, without being asked."""
    for batch in fasta.read(path):
        yield batch.first, batch.headers, batch.seqs, batch.digests
