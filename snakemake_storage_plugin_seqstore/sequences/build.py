"""From FASTA and FASTQ files to a database."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.progress import Progress
from snakemake_storage_plugin_seqstore.sequences import fastx_reader
from snakemake_storage_plugin_seqstore.sequences.codec import first_word
from snakemake_storage_plugin_seqstore.sequences.compact_writer import CompactLoader
from snakemake_storage_plugin_seqstore.sequences.decompression import plain_size
from snakemake_storage_plugin_seqstore.sequences.filters import ALPHABETS, Filter, Kept
from snakemake_storage_plugin_seqstore.sequences.loader import Loader, Place, PortableLoader

_LOADERS: dict[str, type[Loader]] = {"portable": PortableLoader, "compact": CompactLoader}


@dataclass(frozen=True)
class BuildReport:
    """What became of the records that were read.

    Parameters
    ----------
    read, written : int
        Records read, and records in the database.
    too_short, too_long, illegal, duplicates : int
        Records left out, by the first reason that applies: a record that no database may hold is
        illegal whatever its length, one with characters that the alphabet does not have only if its
        length is right.
    residues : int
        Residues in the database.
    """

    read: int
    written: int
    too_short: int
    too_long: int
    illegal: int
    duplicates: int
    residues: int

    def __str__(self) -> str:
        return (
            f"{self.written:,} of {self.read:,} records written, {self.residues:,} residues; left "
            f"out: {self.too_short:,} too short, {self.too_long:,} too long, {self.illegal:,} "
            f"illegal, {self.duplicates:,} duplicates"
        )


def build(
    path: str | os.PathLike[str],
    sources: Iterable[str | os.PathLike[str]],
    *,
    encoding: Literal["portable", "compact"] = "portable",
    alphabet: Literal["any", "protein", "dna", "rna"] = "any",
    illegal: Literal["error", "skip"] = "error",
    min_len: int | None = None,
    max_len: int | None = None,
    drop_duplicates: bool = False,
    unique_names: bool = True,
    threads: int = 1,
) -> BuildReport:
    """Build a database from FASTA and FASTQ files.

    Memory stays bounded however large the files are. Records keep their order: gids count from 0,
    ``shard`` is the position of the file in ``sources`` and ``local_idx`` that of the record in it.
    A header of several names, parted by Control-A as in NCBI's nr, makes a record for each. Blank
    lines, blanks around lines of residues, comments (lines that begin with ``;``) and a byte-order
    mark do not count.

    Parameters
    ----------
    path : path-like
        The database; it is replaced when the build is complete, and untouched if it fails.
    sources : iterable of path-like
        Files, plain or compressed (gzip, bgzip, zstd, bzip2, xz). FASTQ qualities are dropped; a
        FASTQ record has four lines.
    encoding : {"portable", "compact"}
        Portable files can be read by every program that knows the schema; compact ones take half
        the space and can be read by this package alone.
    alphabet : {"any", "protein", "dna", "rna"}
        Allowed residues, in either case: IUPAC codes, and ``*`` in proteins; "any" are all letters,
        ``*``, ``-`` and ``.``.
    illegal : {"error", "skip"}
        What to do with a record that has other characters, no sequence, more than 1,000,000,000
        residues, or a header that is empty, not UTF-8, has control characters or more than 65,536
        bytes: stop, or leave it out and log a warning that names file, line and record.
    min_len, max_len : int, optional
        Leave out sequences with fewer or more residues.
    drop_duplicates : bool
        Keep only the first of records whose sequences are equal.
    unique_names : bool
        Make it an error if two records have the same name (first word of the header).
    threads : int
        Threads that compress, beside the one that writes and the thread, or for large files the
        process, that reads.

    Returns
    -------
    BuildReport

    Raises
    ------
    InputError
        If a file cannot be read or a record is wrong; it names the file and the record.
    StoreError
        If the database cannot be written.
    """
    _require("encoding", encoding, _LOADERS)
    _require("alphabet", alphabet, ALPHABETS)
    _require("illegal", illegal, ("error", "skip"))
    if threads < 1:
        raise InputError(f"threads={threads}", "at least 1 is needed")
    if isinstance(sources, str | os.PathLike):
        raise InputError("sources must be a list of files", "put the one file into a list")
    files = [Path(os.fsdecode(source)) for source in sources]
    if not files:
        raise InputError(f"no source files to build {os.fsdecode(path)} from")
    kept = Filter(alphabet, illegal == "skip", min_len, max_len, drop_duplicates)
    loader = _LOADERS[encoding](Path(os.fsdecode(path)))
    with closing(kept), closing(loader):
        loader.load(_read(files, kept), threads)
        if not loader.written:
            raise InputError(
                f"none of the {kept.read:,} sequences in {', '.join(map(str, files))} is left",
                "see the limits on length and alphabet",
            )
        loader.finish()
        if unique_names:
            _require_unique_names(loader, files)
        loader.publish()
    return BuildReport(
        read=kept.read,
        written=loader.written,
        too_short=kept.too_short,
        too_long=kept.too_long,
        illegal=kept.illegal,
        duplicates=kept.duplicates,
        residues=loader.residues,
    )


def _require(name: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise InputError(f"{name}={value!r} is unknown", f"allowed: {', '.join(allowed)}")


def _read(files: list[Path], kept: Filter) -> Iterator[Kept]:
    sizes = [plain_size(file) for file in files]  # before hours of work on the first ones
    known = [size for size in sizes if size is not None]
    total = sum(known) if len(known) == len(sizes) else None
    with Progress("read", "sequences", total) as progress:
        for shard, file in enumerate(files):
            for batch in fastx_reader.read(file):
                yield kept.apply(batch, shard)
                progress.update(len(batch.seqs), progress.done + batch.size)


def _require_unique_names(loader: Loader, files: list[Path]) -> None:
    same = loader.same_name()
    if same is None:
        return
    places = list(map(loader.place, sorted(same)))
    where = " and ".join(_where(files[place.shard], place) for place in places)
    raise InputError(
        f"two records have the name {places[0].name.decode()!r}: {where}",
        "rename one of them, or build with unique_names=False",
    )


def _where(file: Path, place: Place) -> str:
    """Say where a record stands: its file is read again, as nobody kept its line."""
    if file.is_file():  # a pipe can be read only once
        for batch in fastx_reader.read(file):
            if place.record in batch.indexes:
                for index, header in enumerate(batch.headers):
                    if batch.indexes[index] == place.record and first_word(header) == place.name:
                        return batch.where(index)
    return f"{file}, record {place.record + 1:,}"
