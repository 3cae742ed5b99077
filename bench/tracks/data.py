"""Synthetic tracks, drawn from one seed: ``python -m bench.tracks.data DIRECTORY INTERVALS``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

CHROMS = [f"chr{number}" for number in (*range(1, 23), "X", "Y")]
READ = 100  # bp
BED_PART, READ_PART = 10, 5  # intervals of a BED, and reads of a BAM: so many times fewer


def intervals(number: int, chrom: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start, end and value of the intervals of a chromosome, of which all have as many.

    They are 1 to 400 bp long, two of three follow each other without a gap; values go up and down
    from 0 to 200, with two decimals.
    """
    rng = np.random.default_rng(CHROMS.index(chrom))
    size = number // len(CHROMS)
    length = rng.integers(1, 401, size)
    gap = (rng.integers(0, 3, size) == 0) * rng.integers(1, 100, size)
    end = np.cumsum(length + gap)
    value = np.round(np.abs(np.cumsum(rng.normal(0, 1, size))) % 200, 2).astype(np.float32)
    return end - length, end, value


def lengths(number: int) -> dict[str, int]:
    """Return the lengths of chromosomes in bp."""
    return {chrom: int(intervals(number, chrom)[1][-1]) + 1000 for chrom in CHROMS}


def bed(number: int, seed: int) -> Iterator[str]:
    """Yield lines of BED: names, scores, strands; sorted."""
    rng = np.random.default_rng(seed)
    for chrom in sorted(CHROMS):
        size = number // len(CHROMS)
        start = np.sort(rng.integers(0, 100_000_000, size))
        end = start + rng.integers(50, 2000, size)
        score = rng.integers(0, 1001, size)
        for row, (low, high, value) in enumerate(
            zip(start.tolist(), end.tolist(), score.tolist(), strict=True)
        ):
            yield f"{chrom}\t{low}\t{high}\t{chrom}_{row}\t{value}\t{'+-'[row % 2]}\n"


def sam(number: int) -> Iterator[str]:
    """Yield reads: one of ten has a gap, one of fifty is a duplicate."""
    rng = np.random.default_rng(9)
    size = 5_000_000
    yield "@HD\tVN:1.6\tSO:coordinate\n"
    for chrom in CHROMS:
        yield f"@SQ\tSN:{chrom}\tLN:{size + 10_000}\n"
    bases = "".join("ACGT"[base] for base in rng.integers(0, 4, 1000))
    quality = "".join(chr(33 + value) for value in rng.integers(20, 41, 1000))
    for chrom in CHROMS:
        start = np.sort(rng.integers(1, size, number // len(CHROMS)))
        kind = rng.integers(0, 50, len(start))
        for row, (place, what) in enumerate(zip(start.tolist(), kind.tolist(), strict=True)):
            cigar = "60M1D40M" if what < 3 else "50M500N50M" if what < 5 else f"{READ}M"
            flag = 1024 if what == 49 else 16 * (row % 2)
            at = place % 900
            text = f"{bases[at : at + READ]}\t{quality[at : at + READ]}"
            yield f"{chrom}_{row}\t{flag}\t{chrom}\t{place}\t60\t{cigar}\t*\t0\t0\t{text}\n"


def prepare(directory: Path, number: int) -> None:
    """Write what all programs read, unless it is there."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, seed in (("a.bed", 1), ("b.bed", 2)):
        path = directory / name
        if not path.exists():
            with open(path, "w") as file:
                file.writelines(bed(number // BED_PART, seed))
    if not (directory / "reads.bam").exists():
        command = ["samtools", "view", "-b", "-o", str(directory / "part.bam"), "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            process.stdin.writelines(sam(number // READ_PART))
        subprocess.run(["samtools", "index", str(directory / "part.bam")], check=True)
        (directory / "part.bam.bai").rename(directory / "reads.bam.bai")
        (directory / "part.bam").rename(directory / "reads.bam")


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), int(sys.argv[2]))
