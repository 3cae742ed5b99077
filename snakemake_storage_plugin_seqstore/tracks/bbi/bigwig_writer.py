"""Write bigWig files."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import (
    BIGWIG,
    FIXED,
    RUNS,
    SECTION,
    STEPS,
)
from snakemake_storage_plugin_seqstore.tracks.bbi.writer import BbiWriter, new_file
from snakemake_storage_plugin_seqstore.tracks.signal import Array, Runs

PER_SLOT = 512  # small windows are read faster, and files are hardly larger
# Runs that are handled at once: arrays of this size stay in the cache of a processor, and larger
# ones are asked from the system each time.
_BATCH = 64 * PER_SLOT
_RUN = np.dtype([("start", "<u4"), ("end", "<u4"), ("value", "<f4")])
_STEP = np.dtype([("start", "<u4"), ("value", "<f4")])


class BigWigWriter:
    """Writes runs into a bigWig; what cannot stand in one is refused.

    Parameters
    ----------
    file : binary file
        Empty, and open for writing at any place.
    chroms : dict of str to int
        Chromosomes and their lengths in bp; runs come in this order.
    """

    def __init__(self, file: BinaryIO, chroms: dict[str, int]) -> None:
        self._out = BbiWriter(file, BIGWIG, chroms, PER_SLOT)
        self._sections = 0
        self._chrom = ""
        self._end = 0
        self._held: list[Runs] = []
        self._waiting = 0

    def add(self, chrom: str, runs: Runs) -> None:
        """Write runs of a chromosome that follow those before.

        Raises
        ------
        InputError
            If runs overlap, are out of order, empty, or end past the chromosome; if a value is no
            finite number. It names the first such run.
        """
        if chrom != self._chrom:
            self._put_held()
            self._number = self._out.number(chrom)
            self._chrom, self._end = chrom, 0
        if not len(runs):
            return
        with np.errstate(over="ignore"):  # what becomes infinite is refused
            value = runs.value.astype(np.float32)
        runs = Runs(runs.start.astype(np.int64), runs.end.astype(np.int64), value)
        check_runs(chrom, runs, self._out.chroms[chrom], self._end)
        self._end = int(runs.end[-1])
        # Whole batches only, so that the file does not depend on how runs were handed over.
        place = 0
        while self._waiting + len(runs) - place >= _BATCH:
            missing = _BATCH - self._waiting
            self._held.append(_slice(runs, place, place + missing))
            self._put_held()
            place += missing
        if place < len(runs):
            self._held.append(_slice(runs, place, len(runs)))
            self._waiting += len(runs) - place

    def close(self) -> None:
        """Write what is left; the file itself stays open."""
        self._put_held()
        self._out.finish(self._sections)

    def _put_held(self) -> None:
        runs = Runs.joined(self._held)
        self._held, self._waiting = [], 0
        size = len(runs)
        if not size:
            return
        self._out.zoomer.add(self._number, runs)
        table = np.empty(size, _RUN)
        table["start"], table["end"], table["value"] = runs.start, runs.end, runs.value
        firsts = np.arange(0, size, PER_SLOT)
        span = runs.end - runs.start
        even = np.minimum.reduceat(span, firsts) == np.maximum.reduceat(span, firsts)
        for first, same in zip(firsts.tolist(), even.tolist(), strict=True):
            part = table[first : first + PER_SLOT]
            head, content = _section(part) if same else ((0, 0, RUNS), part.tobytes())
            start, end = int(part["start"][0]), int(part["end"][-1])
            fields = (self._number, start, end, *head, 0, len(part))
            section = struct.pack("<" + SECTION, *fields) + content
            self._out.block(self._number, start, end, len(part), section)
            self._sections += 1


def _section(part: Array) -> tuple[tuple[int, int, int], bytes]:
    """Return step, span and kind, and the content, of a section of runs of one length."""
    span = int(part["end"][0]) - int(part["start"][0])
    steps = np.diff(part["start"])
    if len(steps) and (steps == steps[0]).all():
        return (int(steps[0]), span, FIXED), part["value"].tobytes()
    short = np.empty(len(part), _STEP)
    short["start"], short["value"] = part["start"], part["value"]
    return (0, span, STEPS), short.tobytes()


def _slice(runs: Runs, first: int, last: int) -> Runs:
    return Runs(runs.start[first:last], runs.end[first:last], runs.value[first:last])


def check_runs(chrom: str, runs: Runs, length: int, after: int = 0) -> None:
    """Refuse runs that no signal can have, naming the first.

    Parameters
    ----------
    chrom : str
        Chromosome.
    runs : Runs
        Signed numbers.
    length : int
        Length of the chromosome in bp.
    after : int
        Where the runs before them ended.
    """
    before = np.concatenate(([after], runs.end[:-1]))
    for wrong, what in (
        (runs.end <= runs.start, "is empty or ends before it starts"),
        (runs.start < 0, "starts before the chromosome"),
        (runs.end > length, f"ends past the chromosome, which has {length:,} bp"),
        (runs.start < before, "overlaps the one before it, or is out of order"),
        (~np.isfinite(runs.value), "has a value that is no finite number"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            place = f"{chrom}:{int(runs.start[row])}-{int(runs.end[row])}"
            raise InputError(f"{place} ({float(runs.value[row]):g}) {what}")


@contextlib.contextmanager
def bigwig_writer(target: str | os.PathLike[str], chroms: dict[str, int]) -> Iterator[BigWigWriter]:
    """Write a bigWig that appears when the block succeeds.

    Parameters
    ----------
    target : path
        The file.
    chroms : dict of str to int
        Chromosomes and their lengths in bp; runs come in this order.
    """
    with new_file(target) as file:
        writer = BigWigWriter(file, chroms)
        yield writer
        writer.close()
