"""A store under load: many processes that publish, beside garbage collection; many records."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import BenchError
from snakemake_storage_plugin_seqstore.store import Record, Store, Version, filesystem, maintenance

MIB = 1 << 20
_VARIETY = 1000  # contents that are published; so some are in the store already
_LARGEST = 1 << 18  # bytes of one of them
_context = multiprocessing.get_context("spawn")


class Figure(NamedTuple):
    """One figure, in the unit that its name says."""

    name: str
    value: float


def run(
    work: Path, processes: int, seconds: float, names: int, mebibytes: int, records: int
) -> Iterator[Figure]:
    """Measure everything, in a directory that is removed afterwards.

    Parameters
    ----------
    work : Path
        Where it is made: the filesystem that is measured.
    processes : int
        How many publish at the same time.
    seconds : float
        For how long they do.
    names : int
        Among how many names each chooses.
    mebibytes : int
        Size of the file that each publishes, and that each copies with ``cp``.
    records : int
        How many records there are at the end, from a thousandth of it on.

    Raises
    ------
    BenchError
        If something went wrong: a publication failed, or a name does not mean what was published.
    """
    work.mkdir(parents=True, exist_ok=True)
    try:
        yield from _publications(work / "small", processes, seconds, names)
        yield from _throughput(work / "large", processes, mebibytes)
        yield from _records(work / "records", records)
    finally:
        shutil.rmtree(work)


def _publications(work: Path, processes: int, seconds: float, names: int) -> Iterator[Figure]:
    work.mkdir()
    stop = _context.Event()
    with _context.Pool(processes + 1, initializer=_begin, initargs=(stop,)) as pool:
        gc = pool.apply_async(_collect, (work,))
        jobs = [pool.apply_async(_publish, (work, n, seconds, names)) for n in range(processes)]
        results = [job.get() for job in jobs]
        stop.set()
        passes = gc.get()
    published = sorted(moment for times, _ in results for moment in times)
    found = sorted(moment for _, times in results for moment in times)
    store = Store(work / "store")
    for name in store.under("files"):
        entry = store.find("files", name)
        if entry is None:
            raise BenchError(f"{name} is not in the store")
        store.verify(entry.version, name)
    yield Figure("publications", len(published))
    yield Figure("publications per s", len(published) / seconds)
    yield Figure("median publication, ms", statistics.median(published) * 1000)
    yield Figure("99 % of publications, ms", published[len(published) * 99 // 100] * 1000)
    yield Figure("median look, us", statistics.median(found) * 1e6)
    yield Figure("collections of garbage", len(passes))
    yield Figure("median collection, s", statistics.median(passes))


def _begin(stop: Any) -> None:
    global _stop
    _stop = stop


def _publish(
    work: Path, number: int, seconds: float, names: int
) -> tuple[list[float], list[float]]:
    """Publish until the time is over; return how long that took each time, and to find it."""
    store, chance = Store(work / "store"), random.Random(number)
    source = work / f"source{number}"
    published, found = [], []
    end = time.monotonic() + seconds
    while (start := time.monotonic()) < end:
        content = random.Random(chance.randrange(_VARIETY))
        source.write_bytes(content.randbytes(content.randrange(_LARGEST)))
        name = f"{chance.randrange(names)}"
        start = time.monotonic()
        store.publish("files", name, source)
        published.append(time.monotonic() - start)
        start = time.monotonic()
        if store.find("files", name) is None:
            raise BenchError(f"{name} is not there")
        found.append(time.monotonic() - start)
    return published, found


def _collect(work: Path) -> list[float]:
    """Collect garbage again and again; return how long it took each time."""
    passes = []
    while not _stop.is_set() or not passes:
        start = time.monotonic()
        maintenance.collect_garbage(Store(work / "store"), 0)
        passes.append(time.monotonic() - start)
        time.sleep(0.1)
    return passes


def _throughput(work: Path, processes: int, mebibytes: int) -> Iterator[Figure]:
    """Publish large files, and copy the same ones: both until they are on the disk."""
    work.mkdir()
    with _context.Pool(processes) as pool:
        pool.starmap(_make, [(work, number, mebibytes) for number in range(processes)])
        for name, act in (("cp", _copy_one), ("seqstore", _publish_one)):
            os.sync()
            start = time.monotonic()
            pool.starmap(act, [(work, number) for number in range(processes)], chunksize=1)
            rate = processes * mebibytes / (time.monotonic() - start)
            yield Figure(f"{name}, MiB per s", rate)


def _make(work: Path, number: int, mebibytes: int) -> None:
    with open(work / f"large{number}", "wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(MIB))


def _copy_one(work: Path, number: int) -> None:
    target = work / f"copy{number}"
    subprocess.run(["cp", "--", work / f"large{number}", target], check=True)
    filesystem.sync(target)
    target.unlink()


def _publish_one(work: Path, number: int) -> None:
    Store(work / "store").publish("files", f"{number}", work / f"large{number}")


def _records(work: Path, count: int) -> Iterator[Figure]:
    """Write records, without waiting for the disk, and look some up as their number grows."""
    real: Callable[[int], None] = os.fsync
    os.fsync = lambda file: None
    try:
        store, before = Store(work), 0
        for number in (count // 1000, count // 30, count):
            start = time.monotonic()
            for new in range(before, number):
                store.add_record(_record(new))
            rate = (number - before) / (time.monotonic() - start)
            looks = []
            for wanted in random.Random(1).choices(range(number), k=min(number, 2000)):
                fresh = Store(work)
                start = time.monotonic()
                found = fresh.find_records(_key(wanted))
                looks.append(time.monotonic() - start)
                if [each.outputs for each in found] != [_record(wanted).outputs]:
                    raise BenchError(f"record {wanted} is not what was written")
            yield Figure(f"{number} records: median look, us", statistics.median(looks) * 1e6)
            yield Figure(f"{number} records: written per s", rate)
            before = number
    finally:
        os.fsync = real


def _key(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" * 4


def _record(number: int) -> Record:
    provenance = {"command": ["str", f"sort {number}"], "outputs": ["list", [["str", "x.txt"]]]}
    version = Version(_key(number + 1), "file", number)
    return Record(_key(number), (version,), (True,), provenance, 1.0, "sort")
