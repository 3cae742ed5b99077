"""FASTA: read in windows by an index, written in lines of equal length."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.genomes.bytes_source import BytesSource
from snakemake_storage_plugin_seqstore.genomes.fasta_index import (
    FastaIndex,
    FastaRecord,
    dump_fai,
)
from snakemake_storage_plugin_seqstore.genomes.fasta_scan import scan
from snakemake_storage_plugin_seqstore.genomes.genome import CIRCULAR, Genome, Sequences

LINE = 60  # bp a line, as samtools faidx writes
_LINE_ENDS = b"\r\n"
_BACK = 4096  # bytes before a sequence in which its header usually is


class FastaSequences(Sequences):
    """The sequences of a FASTA file.

    Parameters
    ----------
    path : Path
        What the file is called.
    source : BytesSource
        Its bytes, not compressed.
    index : FastaIndex
        Where its sequences are.
    fai : Path, optional
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
        index: FastaIndex,
        fai: Path | None = None,
    ) -> None:
        self._path = path
        self.source = source
        self._fai = fai
        self._index = index
        self._rows = _rows(index.names, fai or path)
        self._records: dict[str, FastaRecord] = {}  # those that were read, and fit the file
        super().__init__(dict(zip(index.names, index.lengths, strict=True)), path)

    @property
    def topologies(self) -> dict[str, str]:
        """``"circular"`` for each sequence whose header says so: ``[topology=circular]``."""
        return dict.fromkeys(self._index.circular, CIRCULAR)

    def record(self, name: str) -> FastaRecord:
        """Return where a sequence is.

        Raises
        ------
        DamageError
            If it is elsewhere than a .fai says.
        """
        if name not in self._records:
            record = self._index.record(self._rows[name])
            if self._fai:
                self._check(record)
            self._records[name] = record
        return self._records[name]

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return a window within a sequence; 0-based, half-open."""
        record = self.record(name)
        if start >= end:
            return b""
        first, last = record.span(start, end)
        window = self.source.read(first, last - first).translate(None, _LINE_ENDS)
        if len(window) != end - start:
            raise self._wrong_index(record.name)
        return window

    def check_index(self) -> None:
        """Compare the index with the file, all of it.

        Raises
        ------
        DamageError
            Naming the first sequence that is elsewhere than the index says.
        """
        if not self._fai:
            return
        there = {record.name: record for record in scan(self.source, self._path).records()}
        for name in [*there, *self._rows]:
            here = self._index.record(self._rows[name]) if name in self._rows else None
            found = there.get(name)
            if not (here and found) or (here.length, here.runs) != (found.length, found.runs):
                raise self._wrong_index(name)

    def fai(self) -> str:
        """Return the content of a .fai of the file.

        Raises
        ------
        InputError
            If its lines differ in length, which the format cannot say.
        """
        return dump_fai(self._index.records())

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
            raise self._wrong_index(record.name)

    def _wrong_index(self, name: str) -> DamageError:
        if self._fai:
            return DamageError(
                f"{self._fai} does not fit {self._path}: '{name}' is not where it says",
                "make the index again, e.g. with samtools faidx",
            )
        return DamageError(f"{self._path} changed while it was read: '{name}'")


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


def _rows(names: list[str], path: Path) -> dict[str, int]:
    if not names:
        raise InputError(f"{path} has no sequences")
    rows = {name: row for row, name in enumerate(names)}
    if len(rows) < len(names):
        seen: dict[str, int] = {}
        for number, name in enumerate(names, 1):
            if name in seen:
                raise InputError(
                    f"{path}: records {seen[name]} and {number} are both called '{name}'",
                    "each sequence of a genome needs a name of its own",
                )
            seen[name] = number
    return rows
