"""Workflows of trivial jobs, run by Snakemake alone, with its ``--cache``, and with seqstore."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.errors import BenchError
from bench.measure import machine
from bench.report import markdown, shown

# Half of the jobs read what the other half makes.
_SNAKEFILE = """\
{header}
PAIRS = range({pairs})

rule all:
    input: {target}

rule first:
    input: "data/{{i}}.in"
    output: {first}
    {cache}
    shell: "cat {{input}} > {{output}}"

rule second:
    input: {first}
    output: {second}
    {cache}
    shell: "cat {{input}} > {{output}}"
"""
_IMPORT = "import snakemake_storage_plugin_seqstore as seqstore\n"
_REUSE = _IMPORT + "seqstore.reuse(workflow)\n"
_UNOBSERVED = _IMPORT + 'seqstore.reuse(workflow, observe="off")\n'
_STORED = 'storage.seqstore("seqstore://files/%s")'
_ROOT = ("--storage-seqstore-root", "{store}")
_IN_PLACE = (
    *("--default-storage-provider", "seqstore"),
    *("--default-storage-prefix", "seqstore://files"),
    *_ROOT,
)
_NOTHING = "Nothing to be done"
# Before it starts a job, Snakemake looks at all that could start: at thousands, thousands of times.
_MANY = 2000  # jobs
_FOR_MANY = ("--scheduler-subsample", "100")


class Result(NamedTuple):
    """One run of Snakemake; times in s."""

    jobs: int
    kind: str
    run: str
    repeat: int
    elapsed: float
    cpu: float


@dataclass(frozen=True)
class Kind:
    """A way to keep results.

    Parameters
    ----------
    name : str
        How tables call it.
    path : str
        Pattern of an output's declaration, in which ``%s`` is a path.
    header, cache : str
        What the Snakefile, and its rules, say besides.
    arguments : tuple of str
        What Snakemake is told, with ``{store}`` for a directory that clones share.
    runs : tuple of str
        ``cold``: nothing is there; ``idle``: everything is; ``clone``: in a fresh clone afterwards.
    """

    name: str
    path: str
    header: str
    cache: str
    arguments: tuple[str, ...]
    runs: tuple[str, ...]

    def write(self, directory: Path, jobs: int) -> None:
        """Write the workflow and its sources into a new directory."""
        (directory / "data").mkdir(parents=True)
        for i in range(jobs // 2):
            (directory / "data" / f"{i}.in").write_text(f"{i}\n")
        second = self.path % "second/{i}.txt"
        target = second.replace('"', 'f"', 1)
        text = _SNAKEFILE.format(
            header=self.header,
            cache=self.cache,
            pairs=jobs // 2,
            first=self.path % "first/{i}.txt",
            second=second,
            target=f"[{target} for i in PAIRS]",
        )
        (directory / "Snakefile").write_text(text)


KINDS = (
    Kind("Snakemake", '"%s"', "", "", (), ("cold", "idle")),
    Kind("Snakemake --cache", '"%s"', "", "cache: True", ("--cache",), ("cold", "clone")),
    Kind("Snakemake, fs plugin", 'storage.fs("../store/%s")', "", "", (), ("cold",)),
    Kind("seqstore, unobserved", '"%s"', _UNOBSERVED, "", _IN_PLACE, ("cold",)),
    Kind("seqstore", '"%s"', _REUSE, "", _IN_PLACE, ("cold", "idle", "clone")),
    Kind("seqstore by queries, unobserved", _STORED, _UNOBSERVED, "", _ROOT, ("cold",)),
    Kind("seqstore by queries", _STORED, _REUSE, "", _ROOT, ("cold", "idle", "clone")),
)


def kinds() -> tuple[Kind, ...]:
    """Those that can be run here: Snakemake's plugin fs copies by rsync."""
    has_fs = find_spec("snakemake_storage_plugin_fs") is not None and shutil.which("rsync")
    return tuple(kind for kind in KINDS if has_fs or "storage.fs" not in kind.path)


def run(jobs: int, repeats: int, work: Path) -> Iterator[Result]:
    """Run all workflows of so many jobs, in turns.

    Raises
    ------
    BenchError
        If one of them does something else than it must.
    """
    compared = kinds()
    for repeat in range(repeats):
        shutil.rmtree(work, ignore_errors=True)
        for kind in compared:
            kind.write(work / kind.name / "work", jobs)
            kind.write(work / kind.name / "clone", jobs)
        time.sleep(2)  # what is newer may change without a sign, and is read again and again
        # A machine may be slower after some minutes of work: each kind is first once.
        first = repeat % len(compared)
        for name in ("cold", "idle", "clone"):
            for kind in compared[first:] + compared[:first]:
                if name in kind.runs:
                    elapsed, cpu = _snakemake(kind, name, jobs, work / kind.name)
                    yield Result(jobs, kind.name, name, repeat, elapsed, cpu)
    shutil.rmtree(work)


def _snakemake(kind: Kind, name: str, jobs: int, directory: Path) -> tuple[float, float]:
    """Run Snakemake once and check what it did; return elapsed and CPU time."""
    store = directory / "store"
    store.mkdir(exist_ok=True)
    settings = (*kind.arguments, *(_FOR_MANY if jobs >= _MANY else ()))
    arguments = [argument.format(store=store) for argument in settings]
    where = directory / ("clone" if name == "clone" else "work")
    log = directory / f"{name}.log"
    # An installed package is compiled once.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with open(log, "w") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--cores", str(os.cpu_count()), *arguments],
            cwd=where,
            env=environment | {"SNAKEMAKE_OUTPUT_CACHE": str(store)},
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)  # with all commands that it ran
        elapsed = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    printed = log.read_text()
    did_nothing = _NOTHING in printed
    expected = name == "idle" or (name == "clone" and kind.name.startswith("seqstore"))
    done = printed.count("\nFinished jobid") - 1  # without `all`
    if process.returncode or did_nothing != expected or (not expected and done != jobs):
        raise BenchError(f"{kind.name}, {name}: something else happened, see {log}")
    return elapsed, used.ru_utime + used.ru_stime


def save(path: Path, results: Iterable[Result]) -> None:
    """Write results, in place of older ones of as many jobs, and on what they were measured."""
    new = list(results)
    kept = [each for each in load(path) if each.jobs not in {result.jobs for result in new}]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(Result._fields)
        writer.writerows(sorted([*kept, *new]))
    known = machine() | {"snakemake": version("snakemake")}
    path.with_suffix(".json").write_text(json.dumps(known, indent=1))


def load(path: Path) -> list[Result]:
    """Read results, if there are any."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    return [
        Result(int(jobs), kind, name, int(repeat), float(elapsed), float(cpu))
        for jobs, kind, name, repeat, elapsed, cpu in rows
    ]


def about(path: Path) -> str:
    """Say on what results were measured."""
    known = json.loads(path.with_suffix(".json").read_text())
    return (
        f"Measured on {known['date']} on {known['cores']} cores ({known['cpu']}) with Python "
        f"{known['python']} and Snakemake {known['snakemake']}."
    )


def table(results: Iterable[Result]) -> str:
    """Return medians by number of jobs, and how many times those of Snakemake alone they are."""
    times: dict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    for each in results:
        times[each.kind, each.run, each.jobs].append((each.elapsed, each.cpu))
    medians = {key: tuple(map(median, zip(*row, strict=True))) for key, row in times.items()}
    numbers = sorted({jobs for _, _, jobs in medians})
    rows = [["", *(f"{n:,} jobs, {what}" for n in numbers for what in ("s", "CPU s"))]]
    for kind in KINDS:
        for name in kind.runs if any(key[0] == kind.name for key in medians) else ():
            row = [f"{kind.name}, {name}"]
            for number in numbers:
                # A clone that has nothing to do is compared with a run that has nothing to do.
                plain = medians.get((KINDS[0].name, "cold" if name == "cold" else "idle", number))
                found = medians.get((kind.name, name, number))
                row += _cells(found, plain) if found and plain else ["-", "-"]
            rows.append(row)
    return markdown(rows)


def _cells(found: tuple[float, ...], plain: tuple[float, ...]) -> list[str]:
    pairs = zip(found, plain, strict=True)
    return [f"{shown(value)} ({value / base:.2f})" for value, base in pairs]
