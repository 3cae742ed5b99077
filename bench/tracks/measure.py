"""Runs every task of every library and program, each time in a new process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.errors import BenchError
from bench.measure import machine
from bench.tracks import data

LIBRARIES = ("seqstore", "pyBigWig", "pybigtools")
# Task, what it is, and who does it; programs are commands in the directory of the data.
TASKS = {
    "write": ("write a bigWig", LIBRARIES),
    "read": ("all intervals as arrays", LIBRARIES),
    "query": ("values of 5,000 windows of 1 kb", LIBRARIES),
    "log": ("log2(x + 1), bigWig to bigWig", LIBRARIES),
    "intersect": ("intersect two sorted BED6 files", ("seqstore", "bedtools -sorted", "bedtools")),
    "coverage": (
        "coverage of a BAM",
        ("seqstore", "samtools depth", "bedtools genomecov", "mosdepth", "megadepth"),
    ),
    "validate": ("check a bigWig: lists, indexes, summary", ("seqstore", "sha256sum and cp")),
    "validate_all": ("check a bigWig: every value", ("seqstore",)),
}
PROGRAMS = {
    ("intersect", "bedtools -sorted"): "bedtools intersect -sorted -a a.bed -b b.bed > other.bed",
    ("intersect", "bedtools"): "bedtools intersect -a a.bed -b b.bed > other.bed",
    ("coverage", "samtools depth"): "samtools depth reads.bam > depth.tsv",
    ("coverage", "bedtools genomecov"): "bedtools genomecov -bg -split -ibam reads.bam > cov.bg",
    ("coverage", "mosdepth"): "mosdepth -t 0 mosdepth reads.bam",
    ("coverage", "megadepth"): "megadepth reads.bam --coverage > megadepth.bg",
    ("validate", "sha256sum and cp"): "sha256sum seqstore.bw > sum && cp seqstore.bw copy.bw",
}


class Result(NamedTuple):
    """One run: processor seconds, peak in MiB, and what the task says of its result."""

    task: str
    peer: str
    cpu: float
    peak: float
    answer: float


def run(number: int, repeats: int, work: Path) -> Iterator[Result]:
    """Measure all; those who do a task take turns.

    Raises
    ------
    BenchError
        If libraries disagree.
    """
    directory = work / f"tracks-{number}"
    _call([sys.executable, "-m", "bench.tracks.data", str(directory), str(number)])
    for task, (_, peers) in TASKS.items():
        for _ in range(repeats):
            answers = {}
            for peer in peers:
                if peer not in LIBRARIES and not shutil.which(PROGRAMS[task, peer].split()[0]):
                    continue
                if (result := _one(task, peer, directory, number)) is None:
                    continue
                yield result
                if peer in LIBRARIES:
                    answers[peer] = result.answer
            if task in ("read", "query") and len(set(answers.values())) > 1:
                raise BenchError(f"{task}: libraries disagree: {answers}")


def _one(task: str, peer: str, directory: Path, number: int) -> Result | None:
    if peer in LIBRARIES:
        words = ["-m", "bench.tracks.tasks", peer, task, str(directory), str(number)]
        found = json.loads(_call([sys.executable, *words]).splitlines()[-1])
        return Result(task, peer, found["cpu"], found["peak"], found["answer"])
    command = ["sh", "-c", PROGRAMS[task, peer]]
    process = subprocess.Popen(command, cwd=directory, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:  # it is there, but does not work: mosdepth of Debian needs libhts-dev
        return None
    return Result(task, peer, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, 0)


def _call(command: list[str]) -> str:
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        raise BenchError((process.stderr.strip().splitlines() or ["failed"])[-1])
    return process.stdout


def table(results: list[Result], number: int) -> str:
    """Return results as Markdown: medians of processor seconds, and peak memory."""
    about = machine()
    lines = [
        f"{number:,} intervals on {len(data.CHROMS)} chromosomes, BED files of "
        f"{number // data.BED_PART:,}, {number // data.READ_PART:,} reads; {about['cpu']}, "
        f"Python {about['python']}, {about['date']}.",
        "",
        "| task | by | CPU, s | against the best other | peak, MiB | size, MB |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for task, (title, peers) in TASKS.items():
        cpu = {p: [r.cpu for r in results if (r.task, r.peer) == (task, p)] for p in peers}
        best = min(
            (median(found) for p, found in cpu.items() if found and p != "seqstore"), default=0
        )
        for peer in peers:
            runs = [r for r in results if (r.task, r.peer) == (task, peer)]
            if not runs:
                continue
            value = median(cpu[peer])
            ratio = f"{value / best:.2f}" if best and peer == "seqstore" else ""
            size = f"{runs[0].answer / 1e6:.1f}" if task == "write" else ""
            peak = max(r.peak for r in runs)
            lines.append(f"| {title} | {peer} | {value:.3g} | {ratio} | {peak:.0f} | {size} |")
            title = ""
    return "\n".join(lines) + "\n"
