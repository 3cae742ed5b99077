"""FASTA: read in windows by an index, written in lines of equal length."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.genomes import fasta_index
from snakemake_storage_plugin_seqstore.genomes.bytes_source import BytesSource
from snakemake_storage_plugin_seqstore.genomes.fasta_index import FastaRecord
from snakemake_storage_plugin_seqstore.genomes.genome import CIRCULAR, Genome, Sequences

LINE = 60  # bp a line, as samtools faidx writes
_LINE_ENDS = b"\r\n"
_BACK = 4096  # bytes before a sequence in which its header usually is
_CIRCULAR = re.compile(r"\[topology=circular\]", re.IGNORECASE)  # as NCBI's tools read it


class FastaSequences(Sequences):
    """The sequences of a FASTA file.

    Parameters
    ----------
    path : Path
        What the file is called.
    source : BytesSource
        Its bytes, not compressed.
    records : list of FastaRecord
        Where its sequences are.
    index : Path, optional
        The .fai that says so. It is compared with the file where the file is read.

    Raises
    ------
    InputError
        If there are no sequences, or two have the same name.
    """

    def __init__(
        self,
        path: Path,
        source: BytesSource,
        records: list[FastaRecord],
        index: Path | None = None,
    ) -> None:
        self._path = path
        self.source = source
        self._index = index
        self._unchecked = {record.name for record in records} if index else set()
        self.records = _by_name(records, index or path)
        super().__init__({name: record.length for name, record in self.records.items()}, path)

    @property
    def topologies(self) -> dict[str, str]:
        """``"circular"`` for each sequence whose header says so: ``[topology=circular]``."""
        found = ((name, record.description) for name, record in self.records.items())
        return {name: CIRCULAR for name, description in found if _CIRCULAR.search(description)}

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return a window within a sequence; 0-based, half-open."""
        record = self.records[name]
        if name in self._unchecked:
            self._check(record)
            self._unchecked.discard(name)
        if start >= end:
            return b""
        first, last = record.span(start, end)
        window = self.source.read(first, last - first).translate(None, _LINE_ENDS)
        if len(window) != end - start:
            raise self._wrong_index(record)
        return window

    def check_index(self) -> None:
        """Compare the index with the file, all of it.

        Raises
        ------
        DamageError
            Naming the first sequence that is elsewhere than the index says.
        """
        if not self._index:
            return
        found = _by_name(fasta_index.scan(self.source, self._path), self._path)
        for name in [*found, *self.records]:
            here, there = self.records.get(name), found.get(name)
            if not (here and there) or (here.length, here.runs) != (there.length, there.runs):
                raise self._wrong_index(here or found[name])

    def fai(self) -> str:
        """Return the content of a .fai of the file.

        Raises
        ------
        InputError
            If its lines differ in length, which the format cannot say.
        """
        return fasta_index.dump_fai(self.records.values())

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def _check(self, record: FastaRecord) -> None:
        """Compare what an index says of a sequence with what is around it in the file."""
        back = _BACK
        while True:
            begin = max(0, record.offset - back)
            before = self.source.read(begin, record.offset - begin)
            mark = before.rfind(b"\n>") + 1
            if mark or begin == 0:
                break
            back *= 16
        header = before[mark:]
        end = record.span(0, record.length)[1] if record.length else record.offset
        behind = self.source.read(end, _BACK).lstrip(_LINE_ENDS)
        is_header = header.startswith(b">") and header.find(b"\n") == len(header) - 1
        names_it = header[1:].split(None, 1)[:1] == [record.name.encode()]
        if not (is_header and names_it and behind[:1] in (b"", b">")):
            raise self._wrong_index(record)

    def _wrong_index(self, record: FastaRecord) -> DamageError:
        if self._index:
            return DamageError(
                f"{self._index} does not fit {self._path}: '{record.name}' is not where it says",
                "make the index again, e.g. with samtools faidx",
            )
        return DamageError(f"{self._path} changed while it was read: '{record.name}'")


def write_fasta(out: BinaryIO, genome: Genome) -> None:
    """Write a genome in lines of 60 bp; little of it is in memory at once.

    Raises
    ------
    InputError
        If a name has a space in it, which would end it in a header.
    """
    for name in genome.chrom_lengths:
        if name.split() != [name]:
            raise InputError(f"'{name}' cannot be the name of a sequence in FASTA: it has a space")
        out.write(f">{name}{' [topology=circular]' * genome.is_circular(name)}\n".encode())
        _write_lines(out, genome.windows(name))


def _write_lines(out: BinaryIO, windows: Iterable[bytes]) -> None:
    rest = b""
    for window in windows:
        window = rest + window
        whole = len(window) - len(window) % LINE
        if whole:
            lines = [window[at : at + LINE] for at in range(0, whole, LINE)]
            out.write(b"\n".join(lines) + b"\n")
        rest = window[whole:]
    if rest:
        out.write(rest + b"\n")


def _by_name(records: list[FastaRecord], path: Path) -> dict[str, FastaRecord]:
    if not records:
        raise InputError(f"{path} has no sequences")
    found: dict[str, FastaRecord] = {}
    numbers: dict[str, int] = {}
    for number, record in enumerate(records, 1):
        if record.name in found:
            raise InputError(
                f"{path}: records {numbers[record.name]} and {number} are both called "
                f"'{record.name}'",
                "each sequence of a genome needs a name of its own",
            )
        found[record.name] = record
        numbers[record.name] = number
    return found
