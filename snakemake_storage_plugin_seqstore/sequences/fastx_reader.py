"""Records in: FASTA and FASTQ, plain or compressed, in batches and in bounded memory.

needletail reads them. What it accepts and a database must not hold is refused here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any

import needletail

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.sequences.codec import MAX_HEADER_BYTES
from snakemake_storage_plugin_seqstore.sequences.worker_process import WorkerProcess

_BATCH_RECORDS = 2000
_BATCH_BYTES = 1 << 20
# Reading less takes no longer than to start Python.
_LARGE_BYTES = 128 << 20
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00")
# A file that was cut between two of bgzip's blocks can only be told by the missing last one.
_BGZIP = re.compile(rb"\x1f\x8b\x08\x04.{8}BC\x02\x00", re.DOTALL)
_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
# How the decompressors that needletail uses say that data are missing.
_TRUNCATED = re.compile(r"unexpected end of file|incomplete frame|premature eof|but EOF reached")
# A tab may stand in a header. Other control characters are damage, or another kind of file.
_CONTROLS = bytes(i for i in (*range(32), 127) if i != 9)
_ALL_BUT_CONTROLS = bytes(i for i in range(256) if i not in _CONTROLS)
# What needletail puts where it finds bytes that are not UTF-8.
_NOT_UTF8 = "\ufffd".encode()


@dataclass
class Batch:
    """Consecutive records of one file.

    Parameters
    ----------
    path : Path
        The file.
    first : int
        Number of the first record in it, from 1.
    headers, seqs, digests : list of bytes
        Without ``>`` and line breaks; the SHA-1 of each sequence.
    """

    path: Path
    first: int
    headers: list[bytes]
    seqs: list[bytes]
    digests: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of the headers and sequences."""
        return sum(map(len, self.headers)) + sum(map(len, self.seqs))

    def where(self, index: int) -> str:
        """Say for people where the record at ``index`` of this batch stands."""
        name = self.headers[index].split(None, 1)[:1]
        called = f" ({name[0].decode(errors='replace')})" if name else ""
        return f"{self.path}, record {self.first + index}{called}"


def plain_size(path: Path) -> int | None:
    """Look at a file before the work on it begins.

    Returns
    -------
    int or None
        Its size in bytes, if that says how much there is to read: it is not compressed, nor a pipe.

    Raises
    ------
    InputError
        If it is missing or cannot be opened, or bgzip did not finish it.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory", "name the files in it")
        if path.exists() and not path.is_file():
            return None  # a pipe can be read only once
        with open(path, "rb") as file:
            head = file.read(18)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(_BGZIP_END)))
            end = file.read()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not size:
        raise InputError(f"{path} is empty: it has no sequences")
    if _BGZIP.match(head) and end != _BGZIP_END:
        raise InputError(f"{path} is truncated: bgzip's last block is missing")
    return None if head.startswith(_COMPRESSED) else size


def read_here(path: Path) -> Iterator[Batch]:
    """Read the records of a FASTA or FASTQ file.

    Parameters
    ----------
    path : Path
        Plain, gzip (bgzip too), zstd, bzip2 or xz; told by its content.

    Yields
    ------
    Batch
        Up to some megabytes of records; FASTQ qualities are dropped.

    Raises
    ------
    InputError
        Naming the file and, where one is wrong, the record.
    """
    first, size = 1, 0
    headers: list[bytes] = []
    seqs: list[bytes] = []
    try:
        for record in needletail.parse_fastx_file(path):
            header, seq = record.id.encode(), record.seq.encode()
            headers.append(header)
            seqs.append(seq)
            size += len(header) + len(seq)
            if len(seqs) == _BATCH_RECORDS or size >= _BATCH_BYTES:
                yield _batch(path, first, headers, seqs)
                first, size, headers, seqs = first + len(seqs), 0, [], []
    except needletail.NeedletailError as error:
        raise InputError(_explain(path, first + len(seqs), str(error))) from None
    if seqs:
        yield _batch(path, first, headers, seqs)


def read(path: Path) -> Iterator[Batch]:
    """Read the records of a FASTA or FASTQ file as :func:`read_here` does, large files apart."""
    if not path.is_file() or path.stat().st_size < _LARGE_BYTES:
        yield from read_here(path)
        return
    with WorkerProcess(batches, path) as process:
        while batch := process.receive():
            yield Batch(path, *batch)


def batches(_: Iterator[Any], path: Path) -> Iterator[tuple[Any, ...]]:
    """Give what batches are made of: what the process does, without being asked."""
    for batch in read_here(path):
        yield batch.first, batch.headers, batch.seqs, batch.digests


def _explain(path: Path, record: int, error: str) -> str:
    """Say for people, with the name of the file, what needletail says."""
    error = error.removesuffix(" (line 0)").rstrip(".")
    if error.startswith("Failed to read the first two bytes"):
        return f"{path} has no sequences: there is nothing in it, or it is truncated"
    if error.startswith("Expected '@' or '>' at the start"):
        return f"{path} is neither FASTA nor FASTQ: {error[0].lower()}{error[1:]}"
    if _TRUNCATED.search(error):
        return f"{path} is truncated: its compressed data end too early"
    if error.startswith("I/O error: "):
        return f"{path} cannot be read: {error.removeprefix('I/O error: ')}"
    return f"{path}, record {record}: {error[0].lower()}{error[1:]}"


def _batch(path: Path, first: int, headers: list[bytes], seqs: list[bytes]) -> Batch:
    """Hash sequences, and refuse headers that could not be found or written again."""
    digests = [sha1(seq, usedforsecurity=False).digest() for seq in seqs]
    batch = Batch(path, first, headers, seqs, digests)
    # Batches are looked at as a whole first: nearly always nothing is wrong with any record.
    joined = b"".join(batch.headers)
    controls = len(joined.translate(None, _CONTROLS)) != len(joined)
    suspicious = controls or not joined.isascii() or len(joined) > MAX_HEADER_BYTES
    if suspicious or not all(map(bytes.strip, batch.headers)):
        for index in range(len(batch.headers)):
            _check(batch, index)
    return batch


def _check(batch: Batch, index: int) -> None:
    header = batch.headers[index]
    if not header.strip():
        raise InputError(f"{batch.where(index)}: the header is empty", "every record needs a name")
    if controls := header.translate(None, _ALL_BUT_CONTROLS):
        raise InputError(f"{batch.where(index)}: control character {controls[:1]!r} in the header")
    if _NOT_UTF8 in header:
        raise InputError(
            f"{batch.where(index)}: the header is not UTF-8",
            "convert the file, e.g. with iconv -f latin1 -t utf-8",
        )
    if len(header) > MAX_HEADER_BYTES:
        raise InputError(f"{batch.where(index)}: the header has {len(header):,} bytes")
