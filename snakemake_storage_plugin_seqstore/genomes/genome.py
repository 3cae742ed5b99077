"""A genome: named sequences, in memory or in a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError

CIRCULAR = "circular"
WINDOW = 1 << 20  # bp that are held in memory when a whole sequence is gone through


class Sequences(Mapping[str, str], ABC):
    """Sequences by name, in order, of which any window can be read.

    Parameters
    ----------
    lengths : dict of str to int
        Names and lengths in bp.
    path : Path, optional
        The file that they are from, all of it.
    """

    def __init__(self, lengths: dict[str, int], path: Path | None = None) -> None:
        self.lengths = lengths
        self.path = path

    @abstractmethod
    def read(self, name: str, start: int, end: int) -> bytes:
        """Return a window within a sequence; 0-based, half-open."""

    def close(self) -> None:
        """Let go of the file, if there is one."""

    def __getitem__(self, name: str) -> str:
        return self.read(name, 0, self.lengths[name]).decode("ascii")

    def __iter__(self) -> Iterator[str]:
        return iter(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)


class InMemorySequences(Sequences):
    """Sequences that are strings already.

    Parameters
    ----------
    texts : mapping of str to str
        Sequences by name.
    path : Path, optional
        The file that they are from, all of it.
    """

    def __init__(self, texts: Mapping[str, str], path: Path | None = None) -> None:
        super().__init__({name: len(text) for name, text in texts.items()}, path)
        self._texts = texts

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return a window within a sequence; 0-based, half-open."""
        try:
            return self._texts[name][start:end].encode("ascii")
        except UnicodeEncodeError as error:
            letter = error.object[error.start]
            raise InputError(f"'{name}' has the letter '{letter}', which no sequence has") from None


@dataclass(frozen=True)
class Genome:
    """A named set of chromosomes.

    Parameters
    ----------
    name : str
        Name of the assembly.
    metadata : mapping of str to object
        Whatever is known about it.
    sequences : mapping of str to str
        Chromosomes by name, in order. Those of a file are read when they are asked for.
    features : sequence
        What is annotated on it.
    topologies : mapping of str to str
        ``"circular"`` for each chromosome that is; the others are linear.

    Examples
    --------
    >>> genome = Genome("test", {}, {"chr1": "ATCG"}, (), {"chr1": "circular"})
    >>> genome.chrom_lengths
    {'chr1': 4}
    >>> genome.fetch("chr1", 2, 6)
    'CGAT'
    """

    name: str
    metadata: Mapping[str, Any]
    sequences: Mapping[str, str]
    features: Sequence[Any]
    topologies: Mapping[str, str]

    @property
    def chrom_lengths(self) -> dict[str, int]:
        """Chromosomes and their lengths in bp."""
        return dict(self._reader.lengths)

    def is_circular(self, chrom: str) -> bool:
        """Whether the ends of a chromosome are joined."""
        return self.topologies.get(chrom) == CIRCULAR

    def fetch(self, chrom: str, start: int = 0, end: int | None = None) -> str:
        """Return the sequence of a window.

        Parameters
        ----------
        chrom : str
            Name of the chromosome.
        start, end : int
            The window; 0-based, half-open; to the end of the chromosome by default. On a circular
            chromosome it may go on across the origin, once around at most: `end` is then larger
            than the length.

        Raises
        ------
        InputError
            If there is no such chromosome, or the window is not within it.
        """
        length = self.length(chrom)
        end = length if end is None else end
        limit = start + length if self.is_circular(chrom) else length
        if not (0 <= start <= end <= limit and start <= length):
            raise InputError(f"{chrom} has {length} bp: {start} to {end} (0-based) is not in it")
        return b"".join(self.windows(chrom, start, end)).decode("ascii")

    def length(self, chrom: str) -> int:
        """Length of a chromosome in bp.

        Raises
        ------
        InputError
            If there is none of this name; the message lists some that there are.
        """
        try:
            return self._reader.lengths[chrom]
        except KeyError:
            names = list(self._reader.lengths)
            some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")
            raise InputError(f"there is no sequence '{chrom}'", f"there are: {some}") from None

    def windows(
        self, chrom: str, start: int = 0, end: int | None = None, size: int = WINDOW
    ) -> Iterator[bytes]:
        """Go through a part of a chromosome; little of it is in memory at once.

        Parameters
        ----------
        chrom : str
            Name of the chromosome.
        start, end : int
            As for :meth:`fetch`, unchecked.
        size : int
            Length of the windows in bp; the last one, and one at the origin, may be shorter.
        """
        length = self.length(chrom)
        end = length if end is None else end
        for first, last in ((start, min(end, length)), (max(0, start - length), end - length)):
            for window in range(first, last, size):
                yield self._reader.read(chrom, window, min(window + size, last))

    def close(self) -> None:
        """Let go of the file, if there is one."""
        self._reader.close()

    def __enter__(self) -> Genome:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def _reader(self) -> Sequences:
        if isinstance(self.sequences, Sequences):
            return self.sequences
        return InMemorySequences(self.sequences)
