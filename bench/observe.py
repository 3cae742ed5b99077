"""What observing costs: CPU of a job and its observer against the job alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.errors import BenchError
from snakemake_storage_plugin_seqstore.file_hashes import Contents, FileHashes
from snakemake_storage_plugin_seqstore.observe import (
    Observation,
    Packages,
    Places,
    probe,
    summarise,
)

_JAVA = """
import java.util.stream.*;
class Threads {
    public static void main(String[] args) throws Exception {
        Thread[] threads = new Thread[200];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                byte[][] kept = new byte[100][];
                for (int j = 0; j < 20000; j++) kept[j % 100] = new byte[1000];
            });
            threads[i].start();
        }
        for (Thread thread : threads) thread.join();
        System.out.println(IntStream.range(0, 40_000_000).parallel().mapToDouble(Math::sin).sum());
    }
}
"""
_GO = """
package main
import ("fmt"; "math"; "runtime"; "sync")
func main() {
	var all sync.WaitGroup
	sums := make([]float64, 200)
	for i := range sums {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			runtime.LockOSThread()
			for j := 0; j < 1500000; j++ { sums[i] += math.Sin(float64(j)) }
		}(i)
	}
	all.Wait()
	fmt.Println(sums[0])
}
"""
_PANDAS = """
import pandas, sys
table = pandas.read_csv("lines", header=None, names=["x"])
for digits in range(1, 5):
    table[digits] = table.x.round(digits)
    print(table.groupby(digits).x.describe().to_csv())
"""
_R = """
x <- scan("lines", quiet = TRUE)
for (i in 1:5) write(quantile(sort(x * i)), "")
print(summary(lm(x ~ seq_along(x))))
"""
_SETUP = """
import random
random.seed(1)
with open("lines", "w") as file:
    file.writelines(f"{random.random()}\\n" for _ in range(1_000_000))
with open("main.c", "w") as file:
    file.writelines(f"#include <{name}.h>\\n" for name in ("stdio", "stdlib", "string", "math"))
    for i in range(1000):
        file.write(f"int f{i}(int x) {{ for (int i = 0; i < x; i++) x ^= i * {i}; return x; }}\\n")
    file.write("int main(void) { return f1(2); }\\n")
genome = "".join(random.choices("ACGT", k=2_000_000))
with open("genome.fa", "w") as file:
    file.write(f">c\\n{genome}\\n")
with open("reads.fq", "w") as file:
    for i in range(60_000):
        start = random.randrange(len(genome) - 100)
        file.write(f"@r{i}\\n{genome[start : start + 100]}\\n+\\n{'I' * 100}\\n")
with open("reads.sam", "w") as file:
    file.write("@SQ\\tSN:c\\tLN:100000000\\n")
    for i in range(800_000):
        place = i * 7919 % 99_000_000 + 1
        bases = f"{'ACGTA' * 10}\\t{'I' * 50}"
        file.write(f"r{i}\\t0\\tc\\t{place}\\t60\\t50M\\t*\\t0\\t0\\t{bases}\\n")
"""
# What makes programs and indexes of what is there.
_PREPARE = (
    ("javac", "javac Threads.java"),
    ("go", "go build -o threads threads.go"),
    ("bwa", "bwa index genome.fa"),
)
# Name, the program that it needs, and what runs.
_JOBS = [
    ("tr", "tr", "tr a-z A-Z < main.c > out"),
    ("10,000 stats", "", "{python} -c 'import os; [os.stat(\".\") for _ in range(10000)]'"),
    ("10,000 files", "", "{python} -c 'import os; [os.path.exists(str(i)) for i in range(10000)]'"),
    ("sort of 1 M lines", "sort", "sort lines > out"),
    ("gcc", "gcc", "gcc -O1 -c main.c -o out"),
    ("bwa mem, 2 threads", "bwa", "bwa mem -t 2 genome.fa reads.fq > out"),
    ("samtools sort, 2 threads", "samtools", "samtools sort -@ 2 reads.sam -o out"),
    ("a pandas script", "", "{python} script.py > out"),
    ("an R script", "Rscript", "Rscript script.R > out"),
    ("Java, 200 threads", "javac", "java -cp . Threads > out"),
    ("Go, 200 threads", "go", "./threads > out"),
]
# It becomes the parent of what its children leave behind: of observers too.
_MEASURE = """
import ctypes, json, os, resource, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
code = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode
while True:
    try: os.wait()
    except ChildProcessError: break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime]))
"""


class Cost(NamedTuple):
    """Medians of CPU times in s; `reading` is what it takes to read the log and sum up."""

    job: str
    alone: float
    observed: float
    reading: float
    events: int


def run(repeats: int, work: Path) -> Iterator[Cost]:
    """Run each job alone and observed, in turns."""
    observer = probe()
    if not observer.available:
        raise BenchError(observer.reason)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", _SETUP], cwd=work, check=True)
    sources = {"Threads.java": _JAVA, "threads.go": _GO, "script.py": _PANDAS, "script.R": _R}
    for name, text in sources.items():
        (work / name).write_text(text)
    for program, command in _PREPARE:
        if shutil.which(program):
            subprocess.run(command, shell=True, cwd=work, check=True, capture_output=True)
    packages, contents = Packages(), Contents(FileHashes(work / "digests"))
    for name, program, text in _JOBS:
        if program and not shutil.which(program):
            continue
        command = text.format(python=sys.executable)
        alone, observed, reading, events = [], [], [], 0
        for _ in range(repeats):
            alone.append(_cpu([observer.shell, "-c", command], work))
            observation = Observation(observer, work / "observation")
            observed.append(_cpu([observation.shell, "-c", command], work))
            begun = time.process_time()
            accesses = observation.finish()
            summarise(accesses, Places(str(work)), contents, packages, os.environ["PATH"])
            reading.append(time.process_time() - begun)
            events = accesses.events
        yield Cost(name, median(alone), median(observed), median(reading), events)


def table(costs: list[Cost]) -> str:
    """The costs as Markdown."""
    lines = [
        "| job | alone, s of CPU | observed | ratio | more, ms | reading the log, ms | events |",
        "|---|---|---|---|---|---|---|",
    ]
    for job, alone, observed, reading, events in costs:
        more = 1000 * (observed - alone)
        lines.append(
            f"| {job} | {alone:.3f} | {observed:.3f} | {observed / alone:.2f} | {more:.0f} "
            f"| {1000 * reading:.0f} | {events} |"
        )
    return "\n".join(lines)


def _cpu(command: list[str], work: Path) -> float:
    said = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command], cwd=work, stdout=subprocess.PIPE, check=True
    ).stdout
    code, seconds = json.loads(said)
    if code:
        raise BenchError(f"{' '.join(command)} failed")
    return float(seconds)
