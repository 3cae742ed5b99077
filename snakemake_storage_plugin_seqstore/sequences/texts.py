"""Many texts in one buffer: what is done with all of them at once needs no object for each.

And records, made of such texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
# gid, header, length, hash8
Meta = tuple[int, str | None, int, int | None]


class Texts(Sequence[bytes]):
    """Texts that lie in one buffer, in any order; several may be the same part of it.

    Parameters
    ----------
    data : bytes
        The buffer.
    starts, lengths : array of int
        Where each text begins, and how many bytes it has.
    """

    def __init__(self, data: bytes, starts: Numbers, lengths: Numbers) -> None:
        self.data = data
        self.starts = starts
        self.lengths = lengths

    @classmethod
    def of(cls, items: Sequence[bytes]) -> Texts:
        """Put texts one behind the other."""
        lengths = np.fromiter(map(len, items), np.int64, len(items))
        return cls(b"".join(items), before(lengths), lengths)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]
        start = int(self.starts[index])
        return self.data[start : start + int(self.lengths[index])]

    def __iter__(self) -> Iterator[bytes]:
        data, ends = self.data, self.starts + self.lengths
        return iter([data[s:e] for s, e in zip(self.starts.tolist(), ends.tolist(), strict=True)])

    def strings(self) -> list[str]:
        """Return all texts, decoded."""
        if not self.data.isascii():
            return list(map(bytes.decode, self))
        data, ends = self.data.decode("ascii"), self.starts + self.lengths
        return [data[s:e] for s, e in zip(self.starts.tolist(), ends.tolist(), strict=True)]

    def take(self, indexes: Numbers) -> Texts:
        """Return some of the texts, in another order."""
        return Texts(self.data, self.starts[indexes], self.lengths[indexes])


class Page(NamedTuple):
    """Decoded and checked records."""

    gids: Sequence[int]
    headers: Sequence[bytes | None]
    seqs: Texts


def before(sizes: Numbers) -> Numbers:
    """Return the sum of all sizes before each."""
    return np.cumsum(sizes) - sizes


def runs(starts: Numbers, counts: Numbers) -> Numbers:
    """Return the numbers that follow each start, so many of them: 5, 6, 7, 20, 21..."""
    numbers = np.repeat(starts - before(counts), counts)
    numbers += np.arange(len(numbers))
    return numbers


def different(numbers: Numbers) -> Numbers:
    """Return ascending numbers, each once."""
    return numbers[np.diff(numbers, prepend=-1) > 0]


def numbers(items: Iterable[int]) -> Numbers:
    """Return integers as an array."""
    return np.fromiter(items, np.int64)


def portions(sizes: Numbers, count: int, total: int) -> Iterator[slice]:
    """Give parts of so many sizes at most, and no more in total unless a single one has more."""
    ends = np.cumsum(sizes)
    start = done = 0
    while start < len(ends):
        fitting = int(np.searchsorted(ends, done + total, "right"))
        end = min(max(fitting, start + 1), start + count)
        yield slice(start, end)
        start, done = end, int(ends[end - 1])
