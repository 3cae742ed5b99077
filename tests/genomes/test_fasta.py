"""FASTA files, plain and compressed, with and without an index."""

import gzip
import os
import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import Genome, genomes
from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.genomes import fasta_index, fasta_scan
from snakemake_storage_plugin_seqstore.genomes.bytes_source import BlockGzipFile, PlainFile
from snakemake_storage_plugin_seqstore.genomes.fasta import write_fasta

from .conftest import SEQUENCES, bgzip, fasta
from .conftest import genomes as any_genome


class Memory:
    """Bytes in memory."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)

    def read(self, offset: int, size: int) -> bytes:
        return self.content[offset : offset + size]

    def close(self) -> None:
        """There is nothing to close."""


FIRST = b">a\n" + b"ACGT" * 100
COMPRESSED = {"plain": bytes, "gzip": gzip.compress, "bgzip": bgzip}


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_open(tmp_path: Path, kind: str, end: str) -> None:
    path = tmp_path / "test.fa.gz"
    path.write_bytes(COMPRESSED[kind](fasta(SEQUENCES, end=end).encode()))
    with genomes.open(path) as genome:
        assert genome.name == "test"
        assert dict(genome.sequences) == SEQUENCES
        assert genome.chrom_lengths == {name: len(text) for name, text in SEQUENCES.items()}
        assert genome.topologies == {"chrM": "circular"}
        assert genome.fetch("chr1", 58, 62) == SEQUENCES["chr1"][58:62]
        assert genome.fetch("chrM", 10, 18) == "TACAGATT"
        with pytest.raises(InputError, match="chr1 has 171 bp: 5 to 172"):
            genome.fetch("chr1", 5, 172)
        with pytest.raises(InputError, match=r"no sequence 'chr9' \(there are: chr1, chrM, chr2"):
            genome.fetch("chr9")
    with pytest.raises(InputError, match="is closed"):
        genome.fetch("chr1")


def test_only_the_blocks_that_are_asked_for_are_read(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "test.fa.gz"
    path.write_bytes(bgzip(fasta({"a": "ACGT" * 5000}).encode(), 1000))
    with genomes.open(path) as genome:
        read = []
        block = BlockGzipFile._block
        monkeypatch.setattr(
            BlockGzipFile, "_block", lambda self, number: read.append(number) or block(self, number)
        )
        assert genome.fetch("a", 10000, 10004) == "ACGT"
    assert len(read) == 1


def test_a_window_of_a_plain_file_is_all_that_is_read(path: Path, monkeypatch) -> None:
    with genomes.open(path) as genome:
        read = []
        plain = PlainFile.read
        monkeypatch.setattr(
            PlainFile, "read", lambda self, at, size: read.append(size) or plain(self, at, size)
        )
        genome.fetch("chr1", 100, 110)
    assert sum(read) <= 11


@settings(max_examples=200)
@given(
    records=st.lists(
        st.lists(st.sampled_from(["", "A", "CG", "TTT", "ACGT", "ACGTACGT"]), max_size=12),
        min_size=1,
        max_size=4,
    ),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_lines_of_any_length_are_found(records, end, last, chunk) -> None:
    lines = []
    for number, record in enumerate(records):
        lines += [f">s{number} text", *record]
    content = (end.join(lines) + end * last).encode()
    before, fasta_scan._CHUNK = fasta_scan._CHUNK, chunk
    try:
        index = fasta_scan.scan(Memory(content), Path("x.fa"))
    finally:
        fasta_scan._CHUNK = before
    found = list(fasta_index.FastaIndex.load(index.dump()).records())
    assert found == list(index.records())
    assert [record.name for record in found] == [f"s{n}" for n in range(len(records))]
    for record, expected in zip(found, map("".join, records), strict=True):
        assert record.length == len(expected)
        for at in range(record.length):
            first, past = record.span(at, at + 1)
            assert content[first:past].decode() == expected[at]
        whole = [line for line in records[int(record.name[1:])] if line]
        lengths = {len(line) for line in whole[:-1]} | {len(whole[0])} if whole else set()
        if len(lengths) == 1 and all(records[int(record.name[1:])]):
            assert len(record.runs) == 1 or len(whole[-1]) > len(whole[0])


@given(any_genome, st.integers(1, 70))
def test_written_and_read_again(tmp_path_factory, sequences, window) -> None:
    path = tmp_path_factory.mktemp("fasta") / "x.fa"
    genome = Genome("x", {}, sequences, (), {next(iter(sequences)): "circular"})
    with path.open("wb") as out:
        write_fasta(out, genome)
    with genomes.open(path) as again:
        assert dict(again.sequences) == sequences
        assert again.topologies == genome.topologies
        for name, text in sequences.items():
            assert b"".join(again.windows(name, size=window)).decode() == text


@pytest.mark.parametrize("kind", ["plain", "bgzip"])
def test_an_index_is_used_and_agrees(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "test.fa"
    path.write_bytes(COMPRESSED[kind](fasta(SEQUENCES).encode()))
    with genomes.open(path) as genome:
        index = genome.sequences.fai()
    path.with_name("test.fa.fai").write_text(index)
    with genomes.open(path) as genome:
        assert dict(genome.sequences) == SEQUENCES
        genome.sequences.check_index()


@pytest.mark.skipif(not shutil.which("samtools"), reason="samtools is not installed")
@pytest.mark.parametrize("kind", ["plain", "bgzip"])
@pytest.mark.parametrize("width", [60, 7, 1000])
def test_samtools_agrees(tmp_path: Path, kind: str, width: int) -> None:
    path = tmp_path / ("test.fa" if kind == "plain" else "test.fa.gz")
    path.write_bytes(COMPRESSED[kind](fasta(SEQUENCES, width).encode()))
    with genomes.open(path) as genome:
        ours = genome.sequences.fai()
        subprocess.run(["samtools", "faidx", path], check=True)
        assert path.with_name(f"{path.name}.fai").read_text() == ours
        told = subprocess.run(
            ["samtools", "faidx", path, "chr1:5-70"], check=True, capture_output=True, text=True
        ).stdout
        assert "".join(told.splitlines()[1:]) == genome.fetch("chr1", 4, 70)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("chr1\t171", "chr1\t170"),
        ("chr1\t171\t20", "chr1\t171\t19"),
        ("chr1\t171\t20", "chr1\t171\t400"),
        ("\t60\t61\n", "\t60\t62\n"),
        ("chr1\t", "chr3\t"),
    ],
)
def test_an_index_that_does_not_fit_is_noticed(path: Path, old: str, new: str) -> None:
    with genomes.open(path) as genome:
        index = genome.sequences.fai()
    assert old in index
    path.with_name("test.fa.fai").write_text(index.replace(old, new, 1))
    with genomes.open(path) as genome:
        with pytest.raises(DamageError, match=r"test.fa.fai does not fit .*test.fa: 'chr"):
            genome.fetch(next(iter(genome.sequences)))
        with pytest.raises(DamageError, match="does not fit"):
            genome.sequences.check_index()


@pytest.mark.parametrize(
    "line", ["chr1", "chr1\t1\t2\t3\tx", "chr1\t5\t0\t0\t0", "chr1\t-1\t0\t1\t2"]
)
def test_an_index_that_is_none_is_named(path: Path, line: str) -> None:
    path.with_name("test.fa.fai").write_text(f"{line}\n")
    with pytest.raises(InputError, match=r"test.fa.fai, line 1: "):
        genomes.open(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"ACGT\n", "is no genome"),
        (b"\n>a\nA\n", None),
        (bgzip(b">a\nA\n") + bytes(100_000), None),
        (bgzip(FIRST) + bytes(100) + b"x", "no block of bgzip"),
        (b">a\nA\n>b\nC\n>a\nG\n", "records 1 and 3 are both called 'a'"),
        (b">\nA\n", "record 1: the sequence has no name"),
        (b">a\nA\n> \nA\n", "record 2: the sequence has no name"),
        (b">\xff\nA\n", "record 1: the header is not UTF-8"),
        (gzip.compress(b">a\nACGT\n" * 100, mtime=0)[:-9], "truncated"),
        (bgzip(FIRST)[:-28], "bgzip's last block is missing"),
        (bgzip(FIRST)[:-40], "truncated"),
    ],
)
def test_what_is_no_fasta_is_refused_and_named(tmp_path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.fa"
    path.write_bytes(content)
    if reason is None:
        assert genomes.open(path).chrom_lengths == {"a": 1}
        return
    with pytest.raises(InputError, match=reason) as caught:
        genomes.open(path)
    assert str(path) in str(caught.value)


def test_damage_in_a_block_is_noticed(tmp_path: Path) -> None:
    text = "".join(random.Random(1).choices("ACGT", k=4000))
    content = bytearray(bgzip(fasta({"a": text}).encode(), 1000))
    content[len(content) // 2] ^= 1
    path = tmp_path / "x.fa.gz"
    path.write_bytes(content)
    with pytest.raises(DamageError, match="is damaged in the block at"):
        genomes.open(path).fetch("a")


def test_missing_files_and_directories_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x.fa: no such file"):
        genomes.open(tmp_path / "x.fa")
    with pytest.raises(InputError, match="is a directory"):
        genomes.open(tmp_path)


def test_threads_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.fa.gz"
    text = "ACGTTGCA" * 20000
    path.write_bytes(bgzip(fasta({"a": text}).encode(), 5000))
    with genomes.open(path) as genome, ThreadPoolExecutor(4) as pool:
        starts = range(0, len(text), 1000)
        parts = pool.map(lambda at: genome.fetch("a", at, at + 1000), starts)
        assert "".join(parts) == text


def test_no_descriptor_is_left_open(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    genomes.open(path).fetch("chr1")  # closed with the genome
    with genomes.open(path):
        pass
    path.write_text(">a\nA\n>a\nA\n")
    with pytest.raises(InputError):
        genomes.open(path)
    assert len(os.listdir("/proc/self/fd")) == before
