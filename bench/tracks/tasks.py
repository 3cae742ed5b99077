"""One task of one library, in a process of its own: ``python -m bench.tracks.tasks ...``.

Prints one line of JSON: processor seconds of the task itself (not of Python's start and imports),
peak memory, and a number that all libraries should agree on.
"""

from __future__ import annotations

import importlib
import json
import math
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.tracks import data

QUERIES = 5000


def windows(directory: Path) -> list[tuple[str, int, int]]:
    """Return random windows of 1 kb."""
    sizes = json.loads((directory / "lengths.json").read_text())
    rng = np.random.default_rng(5)
    names = rng.choice(data.CHROMS, QUERIES).tolist()
    return [(n, s, s + 1000) for n in names for s in [int(rng.integers(0, sizes[n] - 1000))]]


class Ours:
    """This project."""

    def write(self, directory: Path, parts: list[Any], sizes: dict[str, int]) -> float:
        from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig_writer import bigwig_writer
        from snakemake_storage_plugin_seqstore.tracks.signal import Runs

        with bigwig_writer(directory / "seqstore.bw", sizes) as out:
            for chrom, start, end, value in parts:
                out.add(chrom, Runs(start, end, value))
        return (directory / "seqstore.bw").stat().st_size

    def read(self, path: Path) -> float:
        from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig import BigWig

        signal = BigWig(path)
        return float(sum(len(signal.runs(chrom)) for chrom in data.CHROMS))

    def query(self, path: Path, places: list[tuple[str, int, int]]) -> float:
        from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig import BigWig

        signal = BigWig(path)
        return sum(int((~np.isnan(signal.values(*place))).sum()) for place in places)

    def log(self, path: Path, target: Path) -> float:
        from snakemake_storage_plugin_seqstore import tracks
        from snakemake_storage_plugin_seqstore.tracks.operations import run
        from snakemake_storage_plugin_seqstore.tracks.writing import write

        write(run("transform.log", [tracks.open(path)], base=2, pseudocount=1), target)
        return 0.0

    def intersect(self, directory: Path) -> float:
        from snakemake_storage_plugin_seqstore import tracks
        from snakemake_storage_plugin_seqstore.tracks.operations import run
        from snakemake_storage_plugin_seqstore.tracks.writing import write

        a, b = (tracks.open(directory / name) for name in ("a.bed", "b.bed"))
        write(run("intervals.intersect", [a, b]), directory / "seqstore.bed")
        return 0.0

    def coverage(self, directory: Path) -> float:
        from snakemake_storage_plugin_seqstore.tracks.operations import run
        from snakemake_storage_plugin_seqstore.tracks.writing import write

        made = run("coverage.reads", [directory / "reads.bam"])
        write(made, directory / "coverage.bedGraph")
        return 0.0

    def validate(self, path: Path) -> float:
        from snakemake_storage_plugin_seqstore.tracks.validation import validate

        return float(validate(path, thorough=False).covered)

    def validate_all(self, path: Path) -> float:
        from snakemake_storage_plugin_seqstore.tracks.validation import validate

        return float(validate(path).covered)


class PyBigWig:
    """pyBigWig."""

    def write(self, directory: Path, parts: list[Any], sizes: dict[str, int]) -> float:
        import pyBigWig

        with pyBigWig.open(str(directory / "pybigwig.bw"), "w") as out:
            out.addHeader(list(sizes.items()))
            for chrom, start, end, value in parts:
                names = np.array([chrom] * len(start))
                out.addEntries(names, start, ends=end, values=value.astype(float))
        return (directory / "pybigwig.bw").stat().st_size

    def read(self, path: Path) -> float:
        import pyBigWig

        with pyBigWig.open(str(path)) as file:
            return float(sum(len(np.array(file.intervals(chrom))) for chrom in data.CHROMS))

    def query(self, path: Path, places: list[tuple[str, int, int]]) -> float:
        import pyBigWig

        with pyBigWig.open(str(path)) as file:
            found = (file.values(*place, numpy=True) for place in places)
            return sum(int((~np.isnan(values)).sum()) for values in found)

    def log(self, path: Path, target: Path) -> float:
        import pyBigWig

        with pyBigWig.open(str(path)) as file, pyBigWig.open(str(target), "w") as out:
            out.addHeader(list(file.chroms().items()))
            for chrom in file.chroms():
                rows = np.array(file.intervals(chrom))
                places = rows[:, :2].astype(np.int64)
                names = np.array([chrom] * len(rows))
                values = np.log2(rows[:, 2] + 1)
                out.addEntries(names, places[:, 0].copy(), ends=places[:, 1].copy(), values=values)
        return 0.0


class PyBigTools:
    """pybigtools."""

    def write(self, directory: Path, parts: list[Any], sizes: dict[str, int]) -> float:
        import pybigtools

        def rows() -> Iterator[tuple[str, int, int, float]]:
            for chrom, start, end, value in sorted(parts):
                names = [chrom] * len(start)
                yield from zip(names, start.tolist(), end.tolist(), value.tolist(), strict=True)

        parts = [(chrom, *rest) for chrom, *rest in parts]
        pybigtools.open(str(directory / "pybigtools.bw"), "w").write(sizes, rows())
        return (directory / "pybigtools.bw").stat().st_size

    def read(self, path: Path) -> float:
        import pybigtools

        file = pybigtools.open(str(path))
        return float(sum(len(np.array(list(file.records(chrom)))) for chrom in data.CHROMS))

    def query(self, path: Path, places: list[tuple[str, int, int]]) -> float:
        import pybigtools

        file = pybigtools.open(str(path))
        found = (file.values(*place, fillna=math.nan) for place in places)
        return sum(int((~np.isnan(values)).sum()) for values in found)

    def log(self, path: Path, target: Path) -> float:
        import pybigtools

        file = pybigtools.open(str(path))

        def rows() -> Iterator[tuple[str, int, int, float]]:
            for chrom in sorted(file.chroms()):
                for start, end, value in file.records(chrom):
                    yield chrom, start, end, math.log2(value + 1)

        pybigtools.open(str(target), "w").write(file.chroms(), rows())
        return 0.0


_TRACKS = "snakemake_storage_plugin_seqstore.tracks"
MODULES = {
    "seqstore": (f"{_TRACKS}.operations", f"{_TRACKS}.validation", f"{_TRACKS}.writing"),
    "pyBigWig": ("pyBigWig",),
    "pybigtools": ("pybigtools",),
}
LIBRARIES = {"seqstore": Ours, "pyBigWig": PyBigWig, "pybigtools": PyBigTools}


def main(library: str, task: str, directory: Path, number: int) -> dict[str, float]:
    """Do one task."""
    peer: Any = LIBRARIES[library]()
    source = directory / "seqstore.bw"
    call: Callable[[], float]
    if task == "write":
        sizes = data.lengths(number)
        (directory / "lengths.json").write_text(json.dumps(sizes))
        parts = [(chrom, *data.intervals(number, chrom)) for chrom in data.CHROMS]
        call = lambda: peer.write(directory, parts, sizes)  # noqa: E731
    elif task == "query":
        places = windows(directory)
        peer.query(source, places[:1])
        call = lambda: peer.query(source, places)  # noqa: E731
    elif task == "log":
        call = lambda: peer.log(source, directory / f"log.{library}.bw")  # noqa: E731
    else:
        what = directory if task in ("intersect", "coverage") else source
        call = lambda: getattr(peer, task)(what)  # noqa: E731
    for module in MODULES[library]:
        importlib.import_module(module)
    before = time.process_time()
    answer = call()
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": cpu, "peak": peak, "answer": answer}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
