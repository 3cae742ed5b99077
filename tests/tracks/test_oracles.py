"""The same numbers as samtools and bedtools."""

import gzip
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from snakemake_storage_plugin_seqstore import tracks
from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.tracks import alignments
from snakemake_storage_plugin_seqstore.tracks.operations import run
from snakemake_storage_plugin_seqstore.tracks.text.bed import bed_lines
from snakemake_storage_plugin_seqstore.tracks.writing import text_of, write

from .test_operations import Genome

LAMBDA = Path("/usr/share/doc/bowtie2/examples")
LENGTHS = {"chr1": 30_000, "chr2": 10_000, "empty": 500}


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


needs_samtools, needs_bedtools = needs("samtools"), needs("bedtools")


def output(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=True, **options)
    return done.stdout


@pytest.fixture(scope="session")
def bam(tmp_path_factory):
    if not shutil.which("samtools"):
        pytest.skip("samtools is not installed")
    folder = tmp_path_factory.mktemp("bam")
    rng = np.random.default_rng(7)
    lines = [f"@SQ\tSN:{name}\tLN:{length}" for name, length in LENGTHS.items()]
    cigars = ["50M", "10S40M", "20M5D30M", "20M3I27M", "25M700N25M", "10=5X35=", "5H50M", "2P50M"]
    flags = [0, 16, 4, 256, 512, 1024, 2048, 99, 147, 0, 0, 0]
    for read in range(6000):
        chrom = "chr1" if read % 3 else "chr2"
        flag = int(rng.choice(flags))
        start = int(rng.integers(1, LENGTHS[chrom] - 900))
        place = f"{chrom}\t{start}" if read % 11 or flag != 4 else "*\t0"
        cigar = "*" if flag == 4 and read % 5 else str(rng.choice(cigars))
        quality = int(rng.integers(0, 61))
        lines.append(
            f"r{read}\t{flag}\t{place}\t{quality}\t{cigar}\t*\t0\t0\t{'A' * 50}\t{'I' * 50}"
        )
    sam = folder / "x.sam"
    sam.write_text("\n".join(lines) + "\n")
    path = folder / "x.bam"
    output("samtools", "sort", "-o", str(path), str(sam))
    return path


def depths(*options, bam):
    found = {name: np.zeros(length, int) for name, length in LENGTHS.items()}
    for line in output("samtools", "depth", "-a", *options, str(bam)).splitlines():
        chrom, place, depth = line.split("\t")
        found[chrom][int(place) - 1] = int(depth)
    return found


def values(track, lengths=LENGTHS):
    return {
        chrom: np.nan_to_num(track.signal.values(chrom, 0, length)).astype(int)
        for chrom, length in lengths.items()
    }


def same(one, other):
    return all(np.array_equal(one[chrom], other[chrom]) for chrom in other)


@needs_samtools
@pytest.mark.parametrize("size", [4 << 20, 3000])
@pytest.mark.parametrize(
    ("options", "params"),
    [
        ([], {}),
        (["-Q", "30"], {"min_mapq": 30}),
        # Of an unmapped read samtools would count one base; bedtools counts none.
        (["-g", "SECONDARY,QCFAIL,DUP"], {"exclude_flags": 0}),
        (["-G", "0x10"], {"exclude_flags": 0x704 | 0x10}),
    ],
)
def test_coverage_is_that_of_samtools(bam, monkeypatch, size, options, params):
    monkeypatch.setattr(alignments, "_READ", size)
    expected = depths(*options, bam=bam)
    made = run("coverage.reads", [bam], **params)
    assert same(values(made), expected)


@needs_bedtools
@needs_samtools
@pytest.mark.parametrize("split", [True, False])
def test_coverage_is_that_of_bedtools(bam, tmp_path, split):
    # bedtools counts all but unmapped reads; -ignoreD means that deletions count as covered.
    options = ["-split"] if split else ["-ignoreD"]
    expected = output("bedtools", "genomecov", "-bg", *options, "-ibam", str(bam))
    made = run("coverage.reads", [bam], exclude_flags=0, split=split)
    found = b"".join(text_of(made, "bedgraph")).decode()
    assert found == expected


@needs_samtools
def test_coverage_as_a_file(bam, tmp_path):
    write(run("coverage.reads", [bam]), tmp_path / "x.bw")
    found = tracks.open(tmp_path / "x.bw")
    assert same(values(found), depths(bam=bam))
    assert found.signal.chroms() == LENGTHS


@needs_samtools
def test_reads_of_very_many_operations(tmp_path):
    cigar = "1M1D" * 40_000 + "1M"
    sam = tmp_path / "x.sam"
    sam.write_text(
        f"@SQ\tSN:c\tLN:90000\nr\t0\tc\t101\t60\t{cigar}\t*\t0\t0\t{'A' * 40_001}\t*\n"
        f"s\t0\tc\t110\t60\t50M\t*\t0\t0\t{'A' * 50}\t*\n"
    )
    path = tmp_path / "x.bam"
    output("samtools", "view", "-b", "-o", str(path), str(sam))
    made = values(run("coverage.reads", [path]), {"c": 90_000})["c"]
    found = np.zeros(90_000, int)
    for line in output("samtools", "depth", str(path)).splitlines():
        _, place, depth = line.split("\t")
        found[int(place) - 1] = int(depth)
    assert np.array_equal(made, found)


@needs_samtools
def test_bam_errors(bam, tmp_path):
    whole = bam.read_bytes()
    path = tmp_path / "x.bam"
    for content, error in (
        (whole[: len(whole) // 2], "is damaged"),
        (whole[:-28], "it is cut"),
        (whole[:3000] + b"\xff" + whole[3001:], "is damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(DamageError, match=error):
            values(run("coverage.reads", [path]))
    path.write_text("no bam")
    with pytest.raises(InputError, match="is no BAM"):
        run("coverage.reads", [path])
    output("samtools", "sort", "-n", "-o", str(path), str(bam))
    with pytest.raises(InputError, match="samtools sort"):
        values(run("coverage.reads", [path]))


@pytest.fixture(scope="session")
def beds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beds")
    rng = np.random.default_rng(11)
    paths = []
    for name, size in (("a", 700), ("b", 500)):
        rows = []
        for row in range(size):
            chrom = ("chr1", "chr2", "only_" + name)[rng.integers(0, 3)]
            start = int(rng.integers(0, 9000))
            end = start + int(rng.integers(1, 2000 if row % 40 == 0 else 40))
            rows.append(
                (
                    chrom,
                    start,
                    min(end, 10_000),
                    f"{name}{row}",
                    int(rng.integers(0, 1000)),
                    "+-."[row % 3],
                )
            )
        rows.sort(key=lambda r: r[:2])
        path = folder / f"{name}.bed"
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
        paths.append(path)
    return paths


def lines(text):
    """Lines, in any order where they begin alike."""
    return sorted(text.splitlines())


def made(operation, *inputs, **params):
    return b"".join(bed_lines(run(operation, inputs, **params).intervals)).decode()


@needs_bedtools
@pytest.mark.parametrize(
    ("options", "params"),
    [
        ([], {}),
        (["-s"], {"strand": "same"}),
        (["-S"], {"strand": "opposite"}),
        (["-f", "0.5"], {"fraction": 0.5}),
        (["-u"], {"report": "whole"}),
        (["-u", "-s", "-f", "0.3"], {"report": "whole", "strand": "same", "fraction": 0.3}),
    ],
)
def test_intersect(beds, options, params):
    a, b = map(tracks.open, beds)
    expected = output("bedtools", "intersect", "-a", str(beds[0]), "-b", str(beds[1]), *options)
    assert lines(made("intervals.intersect", a, b, **params)) == lines(expected)
    assert lines(expected)


@needs_bedtools
@pytest.mark.parametrize(("options", "params"), [([], {}), (["-s"], {"strand": "same"})])
def test_subtract(beds, options, params):
    a, b = map(tracks.open, beds)
    expected = output("bedtools", "subtract", "-a", str(beds[0]), "-b", str(beds[1]), *options)
    assert lines(made("intervals.subtract", a, b, **params)) == lines(expected)


@needs_bedtools
@pytest.mark.parametrize("distance", [0, 10])
def test_merge(beds, distance):
    expected = output("bedtools", "merge", "-i", str(beds[0]), "-d", str(distance))
    assert made("intervals.merge", tracks.open(beds[0]), distance=distance) == expected


@needs_bedtools
def test_complement_and_coverage(beds, tmp_path):
    genome = Genome(chr1="A" * 10_000, chr2="A" * 12_000, only_a="A" * 10_000)
    sizes = tmp_path / "sizes"
    sizes.write_text("".join(f"{c}\t{n}\n" for c, n in genome.chrom_lengths.items()))
    options = ("-i", str(beds[0]), "-g", str(sizes))
    assert made("intervals.complement", tracks.open(beds[0]), genome) == output(
        "bedtools", "complement", *options
    )
    covered = run("coverage.intervals", [tracks.open(beds[0]), genome])
    assert b"".join(text_of(covered, "bedgraph")).decode() == output(
        "bedtools", "genomecov", "-bg", *options
    )
    with pytest.raises(InputError, match="only_b"):
        run("coverage.intervals", [tracks.open(beds[1]), genome])


@needs_bedtools
@pytest.mark.parametrize("ties", ["all", "first"])
def test_closest(beds, ties):
    a, b = map(tracks.open, beds)
    options = ["-a", str(beds[0]), "-b", str(beds[1]), "-d", "-t", ties]
    expected = set()
    for line in output("bedtools", "closest", *options).splitlines():
        fields = line.split("\t")
        near = None if fields[6] == "." else f"{fields[6]}:{fields[7]}-{fields[8]}"
        expected.add((fields[3], near, int(fields[-1])))
    found = run("intervals.closest", [a, b], ties=ties)
    rows = {(r.name, r.tags["closest"], int(r.score)) for r in found}
    if ties == "first":  # of which is first, bedtools has its own idea
        rows, expected = ({(n, d) for n, _, d in part} for part in (rows, expected))
        assert len(found) == len(a)
    assert rows == expected


@needs_bedtools
def test_gc_of_a_real_genome(tmp_path):
    fasta = next(iter(LAMBDA.rglob("lambda_virus.fa*")), None)
    if fasta is None:
        pytest.skip("bowtie2-examples is not installed")

    opener = gzip.open if fasta.suffix == ".gz" else open
    with opener(fasta, "rt") as file:
        head, *rest = file.read().split("\n")
    genome = Genome(phage="".join(rest))
    (tmp_path / "l.fa").write_text(">phage\n" + "\n".join(rest))
    bed = "".join(f"phage\t{s}\t{min(s + 100, 48_502)}\n" for s in range(0, 48_502, 100))
    (tmp_path / "w.bed").write_text(bed)
    table = output(
        "bedtools", "nuc", "-fi", str(tmp_path / "l.fa"), "-bed", str(tmp_path / "w.bed")
    )
    expected = [line.split("\t")[4] for line in table.splitlines()[1:]]
    runs = run("genome.gc", [genome]).signal.runs("phage")
    assert [f"{value:.6f}" for value in runs.value] == expected
    assert head.startswith(">")


@needs("bowtie2")
@needs_samtools
@needs_bedtools
def test_coverage_of_real_reads(tmp_path):
    index, reads = LAMBDA / "index" / "lambda_virus", LAMBDA / "reads" / "reads_1.fq.gz"
    if not reads.exists():
        pytest.skip("bowtie2-examples is not installed")
    for part in index.parent.glob("lambda_virus*"):
        if part.suffix == ".gz":
            (tmp_path / part.stem).write_bytes(gzip.decompress(part.read_bytes()))
        else:
            shutil.copy(part, tmp_path)
    sam = output("bowtie2", "-u", "3000", "-x", str(tmp_path / "lambda_virus"), "-U", str(reads))
    path = tmp_path / "x.bam"
    output("samtools", "sort", "-o", str(path), input=sam)
    made = run("coverage.reads", [path])
    found = {}
    for line in output("samtools", "depth", "-a", str(path)).splitlines():
        chrom, _, depth = line.split("\t")
        found.setdefault(chrom, []).append(int(depth))
    assert max(map(max, found.values())) > 5
    lengths = {chrom: len(values) for chrom, values in found.items()}
    assert same(values(made, lengths), {chrom: np.array(v) for chrom, v in found.items()})
    split = run("coverage.reads", [path], exclude_flags=4)
    assert b"".join(text_of(split, "bedgraph")).decode() == output(
        "bedtools", "genomecov", "-bg", "-split", "-ibam", str(path)
    )
