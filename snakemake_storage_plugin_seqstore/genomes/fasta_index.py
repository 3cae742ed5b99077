"""Where the sequences of a FASTA file are: as columns, as a text to be kept, as a .fai."""

from __future__ import annotations

import base64
import bisect
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError


class Run(NamedTuple):
    """Consecutive lines of equal length; the last one may be shorter.

    Parameters
    ----------
    start : int
        Where it begins in the sequence, in bp.
    offset : int
        Where it begins in the file, in bytes.
    bases, width : int
        Length of a line without and with its end.
    """

    start: int
    offset: int
    bases: int
    width: int

    def offset_of(self, position: int) -> int:
        """Where a position of the sequence is in the file."""
        line, column = divmod(position - self.start, self.bases)
        return self.offset + line * self.width + column


@dataclass
class FastaRecord:
    """Where one sequence is.

    Parameters
    ----------
    name : str
        The first word of its header.
    circular : bool
        Whether the rest of its header says ``[topology=circular]``.
    offset : int
        Where the line behind its header begins, in bytes.
    length : int
        In bp.
    runs : list of Run
        Its lines; one run, if all have the same length.
    """

    name: str
    circular: bool = False
    offset: int = 0
    length: int = 0
    runs: list[Run] = field(default_factory=list)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the file between which a window is, with the line ends in it."""
        return self._offset(start), self._offset(end - 1) + 1

    def _offset(self, position: int) -> int:
        number = bisect.bisect_right(self.runs, position, key=lambda run: run.start) - 1
        return self.runs[number].offset_of(position)


class FastaIndex:
    """Where the sequences of a file are, as columns: many are little more than a few.

    Parameters
    ----------
    names : list of str
        Names of the sequences, in order.
    columns : dict of str to array
        ``circular``, ``offset``, ``length``, each of shape (n,): as of :class:`FastaRecord`;
        ``runs``, of shape (n,): how many runs it has; ``run``, of shape (number of runs, 4).
    """

    def __init__(self, names: list[str], columns: dict[str, np.ndarray]) -> None:
        self.names = names
        self._columns = columns
        self._ends = np.cumsum(columns["runs"])

    @classmethod
    def of(cls, records: Sequence[FastaRecord]) -> FastaIndex:
        """Make columns of records."""
        runs = [run for record in records for run in record.runs]
        columns = {
            "circular": np.array([record.circular for record in records], bool),
            "offset": np.array([record.offset for record in records], np.int64),
            "length": np.array([record.length for record in records], np.int64),
            "runs": np.array([len(record.runs) for record in records], np.int64),
            "run": np.array(runs, np.int64).reshape(-1, 4),
        }
        return cls([record.name for record in records], columns)

    @property
    def lengths(self) -> list[int]:
        """Lengths of all sequences, in bp."""
        found: list[int] = self._columns["length"].tolist()
        return found

    @property
    def circular(self) -> list[str]:
        """Names of the circular sequences."""
        return [self.names[row] for row in np.flatnonzero(self._columns["circular"])]

    def record(self, row: int) -> FastaRecord:
        """Return what is known of a sequence."""
        circular, offset, length, number = (
            self._columns[name][row].item() for name in ("circular", "offset", "length", "runs")
        )
        end = int(self._ends[row])
        runs = [Run(*run) for run in self._columns["run"][end - number : end].tolist()]
        return FastaRecord(self.names[row], circular, offset, length, runs)

    def records(self) -> Iterator[FastaRecord]:
        """Yield what is known of each sequence, in order."""
        return map(self.record, range(len(self.names)))

    def dump(self) -> str:
        """Return all of it as a text, compressed."""
        # Differences of what ascends are small, and take little space.
        arrays: dict[str, Any] = {}
        for name, column in self._columns.items():
            numbers = column.astype(np.int64)
            arrays[name] = np.diff(numbers, axis=0, prepend=numbers[:1] * 0)
        arrays["names"] = np.frombuffer("\n".join(self.names).encode(), np.uint8)
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return base64.b64encode(file.getvalue()).decode()

    @classmethod
    def load(cls, text: str) -> FastaIndex:
        """Return what was dumped."""
        with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as file:
            found = {name: np.cumsum(file[name], axis=0) for name in file.files if name != "names"}
            names = file["names"].tobytes().decode().split("\n")
        return cls(names, found | {"circular": found["circular"].astype(bool)})


def load_fai(path: Path) -> FastaIndex:
    """Read a .fai, as samtools writes it.

    Raises
    ------
    InputError
        If a line of it cannot be read.
    """
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is no index of samtools: it is no text") from None
    records = []
    for number, line in enumerate(lines, 1):
        name, *rest = line.split("\t")
        try:
            length, offset, bases, width = map(int, rest)
        except ValueError:
            raise InputError(
                f"{path}, line {number}: this is no line of an index",
                "make it again, e.g. with samtools faidx",
            ) from None
        if length < 0 or offset < 0 or (length and not 0 < bases <= width):
            raise InputError(f"{path}, line {number}: the numbers make no sense", "make it again")
        runs = [Run(0, offset, bases, width)] if length else []
        records.append(FastaRecord(name, False, offset, length, runs))
    return FastaIndex.of(records)


def dump_fai(records: Iterable[FastaRecord]) -> str:
    """Return the content of a .fai.

    Raises
    ------
    InputError
        If the lines of a sequence differ in length: the format cannot say that.
    """
    lines = []
    for record in records:
        if len(record.runs) > 1:
            raise InputError(
                f"the lines of '{record.name}' differ in length, which a .fai cannot say",
                "use the form ?format=fasta, whose lines are equal",
            )
        run = record.runs[0] if record.runs else Run(0, record.offset, 0, 0)
        row = (record.name, record.length, run.offset, run.bases, run.width)
        lines.append("\t".join(map(str, row)) + "\n")
    return "".join(lines)
