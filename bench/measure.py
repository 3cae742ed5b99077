"""Runs every operation of every peer, each time in a new process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import BenchError

OPERATIONS = ("open", "get", "batch", "lengths", "header", "meta", "dump")


class Result(NamedTuple):
    """One figure of one repeat; ``value`` is in seconds, MiB (peak), bytes (disk) or 1/s."""

    set: str
    sequences: int
    peer: str
    figure: str
    repeat: int
    value: float


class Bench:
    """A set of sequences and the peers that are measured on it.

    Parameters
    ----------
    name : str
        The set, see :func:`bench.data.prepare`.
    peers : list of str
        Names of peers.
    work : Path
        Where FASTA files and databases are kept; FASTA files stay there for the next run.
    """

    def __init__(self, name: str, peers: list[str], work: Path) -> None:
        self.name = name
        self.directory = work / name
        self.versions: dict[str, str] = {}
        self.notes: list[str] = []
        self._environment = {**os.environ, "BENCH_CACHE": str(work)}
        # In a process of its own, as this one must stay small: a child's peak begins with ours.
        about = json.loads(self._python("bench.data", name, str(self.directory)))
        self.title, self.sequences = about["title"], about["sequences"]
        self.residues, self.size = about["residues"], about["size"]
        self._scaling: dict[str, list[str]] = {}
        for peer in peers:
            found = json.loads(self._python("bench.worker", "describe", peer))
            if "missing" in found:
                self.notes.append(f"{peer}: {found['missing']}")
            elif found["largest"] is not None and found["largest"] < self.sequences:
                self.notes.append(f"{peer}: left out of sets this large")
            else:
                self.versions[peer] = found["version"]
                self._scaling[peer] = found["scaling"]

    def run(self, repeats: int) -> Iterator[Result]:
        """Measure all; peers take turns, so that a machine that drifts does so for all of them."""
        for repeat in range(repeats):
            for operation in ("build", *OPERATIONS, *_scaling()):
                for peer in self.versions:
                    yield from self._one(peer, operation, repeat)
        for peer in self.versions:
            shutil.rmtree(self.directory / peer, ignore_errors=True)

    def _one(self, peer: str, operation: str, repeat: int) -> Iterator[Result]:
        _, *scaling = operation.split("-")
        if scaling and scaling[0] not in self._scaling[peer]:
            return
        directory = self.directory / peer
        if operation == "build":
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            os.sync()  # what earlier builds left in memory
            _warm([self.directory / "seqs.fasta"])
        else:
            _warm(directory.rglob("*"))
        plan = str(self.directory / "plan.json")
        try:
            figures = json.loads(
                self._python("bench.worker", peer, operation, plan, str(directory))
            )
        except BenchError as error:
            figures = {"error": f"{operation} failed: {error}"}
        if "error" in figures:
            note = f"{peer}: {figures.pop('error')}"
            if note not in self.notes:
                self.notes.append(note)
        for figure, value in figures.items():
            yield Result(self.name, self.sequences, peer, figure, repeat, value)

    def _python(self, module: str, *words: str) -> str:
        process = subprocess.run(
            [sys.executable, "-m", module, *words],
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if process.returncode:
            lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
            raise BenchError(lines[-1])
        return process.stdout.strip().splitlines()[-1] if process.stdout.strip() else ""


def _scaling() -> list[str]:
    """Return the operations of one, two, four... readers at once."""
    cores = os.cpu_count() or 1
    numbers = [2**i for i in range(cores.bit_length()) if 2**i <= cores]
    return [
        f"{kind}-{how}-{number}"
        for kind in ("get", "batch")
        for how in ("threads", "processes")
        for number in numbers
    ]


def _warm(paths: Iterable[Path]) -> None:
    """Read files, so that they are in the page cache."""
    for path in filter(Path.is_file, paths):
        with open(path, "rb") as file:
            while file.read(1 << 20):
                pass


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    import datetime
    import platform
    import sqlite3
    from importlib.metadata import version

    return {
        "date": datetime.date.today().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "zstandard": version("zstandard"),
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                line.split(":")[1].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return "unknown"
