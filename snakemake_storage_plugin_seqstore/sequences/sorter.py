"""Sorts more pairs of numbers than memory holds."""

from __future__ import annotations

import mmap
import sys
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from math import inf
from pathlib import Path

import numpy as np

# So many pairs are sorted at once, in 8 MB of memory.
_RUN = 1 << 20
# Every so many pairs of a run, one is a sample of where all of them can be cut into pieces.
_STEP = 1 << 10
KEYS, NUMBERS = (1, 0) if sys.byteorder == "little" else (0, 1)


class Sorter:
    """Sorts pairs of a key and a running number from 0, each as ``key << 32 | number``.

    Parameters
    ----------
    directory : Path
        For a temporary file.
    """

    def __init__(self, directory: Path) -> None:
        self._count = 0
        self._latest = array("Q")
        self._ends = [0]  # of the sorted runs in the file, in pairs
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115

    def add(self, keys: Sequence[int]) -> None:
        """Add keys of at most 30 bits, in the order of their numbers."""
        pairs = array("I", bytes(8 * len(keys)))
        pairs[KEYS::2] = array("I", keys)
        pairs[NUMBERS::2] = array("I", range(self._count, self._count + len(keys)))
        self._latest.frombytes(pairs.tobytes())
        self._count += len(keys)
        if len(self._latest) >= _RUN:
            self._file.write(ascending(self._latest))
            self._ends.append(self._ends[-1] + len(self._latest))
            self._latest = array("Q")

    def sorted(self) -> Iterator[array[int]]:
        """Give all pairs in order, in pieces."""
        runs = [memoryview(ascending(self._latest))]
        if len(self._ends) > 1:
            self._file.flush()
            spilled = memoryview(mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)).cast("Q")
            runs += [spilled[start:end] for start, end in pairwise(self._ends)]
        sample = sorted(chain.from_iterable(run[::_STEP] for run in runs))
        starts = [0] * len(runs)
        for limit in [*sample[_RUN // _STEP :: _RUN // _STEP], inf]:
            ends = [bisect_left(run, limit, start) for run, start in zip(runs, starts, strict=True)]
            piece = array("Q")
            for run, start, end in zip(runs, starts, ends, strict=True):
                piece.frombytes(run[start:end].cast("B"))
            yield ascending(piece)
            starts = ends

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()


def ascending(numbers: array[int]) -> array[int]:
    """Return integers in order; their own may be lost."""
    np.frombuffer(numbers, numbers.typecode).sort()  # in place
    return numbers
