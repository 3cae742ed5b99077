"""What is refused when a genome is published, and how that is said."""

import gzip
import struct
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import Genome, genomes, transfer
from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, SeqstoreError
from snakemake_storage_plugin_seqstore.genomes.bytes_source import BlockGzipFile
from snakemake_storage_plugin_seqstore.genomes.validation import check
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Store

from .conftest import SEQUENCES, bgzip, fasta
from .test_genbank import RECORD


@pytest.mark.parametrize("name", ["x.fa", "hg38/x.fasta", "x.fna"])
def test_summary(path: Path, name: str) -> None:
    summary = check(path, name)
    text = "".join(SEQUENCES.values())
    strong = sum(text.upper().count(letter) for letter in "GCS")
    weak = sum(text.upper().count(letter) for letter in "ATW")
    rows = summary.rows()
    assert rows.pop("refget") == genomes.SequenceCollection.of(genomes.open(path)).digest
    assert rows == {
        "sequences": 3,
        "bases": len(text),
        "shortest": 14,
        "longest": 321,
        "circular": 1,
        "GC": round(strong / (strong + weak), 6),
        "N": text.upper().count("N"),
        "masked": sum(map(str.islower, text)),
    }


def test_every_format_is_published(tmp_path: Path, path: Path) -> None:
    with (tmp_path / "x.2bit").open("wb") as out:
        genomes.write_twobit(out, Genome("x", {}, {"a": "ACGT"}, (), {}))
    (tmp_path / "x.gb").write_text(RECORD)
    for suffix, content in {
        ".fa.gz": bgzip(path.read_bytes()),
        ".fna.gz": gzip.compress(path.read_bytes()),
        ".gbk": RECORD.encode(),
        ".gbff.gz": gzip.compress(RECORD.encode()),
    }.items():
        (tmp_path / f"x{suffix}").write_bytes(content)
    store = Store(tmp_path / "store")
    for source in sorted(tmp_path.glob("x.*")):
        transfer.publish(store, Query.parse(f"seqstore://genomes/{source.name}"), source)
    assert len(list(store.under("genomes"))) == 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b">a\nAC\nGT\n>b x\nACGT\nAEC\n", r"x.fa, line 6: record 2 \('b'\) has 'E' at position 6"),
        (b">a\r\nAC GT\r\n", r"line 2: record 1 \('a'\) has ' ' at position 3"),
        (b">a\nAC-GT\n", "has '-' at position 3"),
        (b">a\nAC\xe9\n", r"has '\\xe9' at position 3"),
        (b">a\nACGT\n>b\n>c\nA\n", r"record 2 \('b'\): the sequence is empty"),
        (b">a\nACGT\n>b\n\n", r"record 2 \('b'\): the sequence is empty"),
        (b">a\nA\n>a b\nC\n", "records 1 and 2 are both called 'a'"),
        (gzip.compress(b">a\nA\n", mtime=0), r"is FASTA compressed by gzip.*\.fa\.gz, \.fasta\.gz"),
        (RECORD.encode(), r"is GenBank, which the suffix of 'x.fa' does not say .*\.gb"),
        (b"@r\nACGT\n+\nFFFF\n", "is no genome"),
        (b"BAM\1", "is no genome"),
        (b"", "is empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    source = tmp_path / "x.fa"
    source.write_bytes(content)
    store = Store(tmp_path / "store")
    with pytest.raises(InputError, match=reason) as caught:
        transfer.publish(store, Query.parse("seqstore://genomes/x.fa"), source)
    assert str(source) in str(caught.value)
    assert not list(store.under("genomes"))


def test_a_directory_is_no_genome(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        check(tmp_path, "x.fa")


def test_letters_are_found_in_compressed_files_too(tmp_path: Path) -> None:
    path = tmp_path / "x.fa.gz"
    path.write_bytes(bgzip(fasta({"a": "ACGT" * 1000 + "?"}).encode(), 1000))
    with pytest.raises(InputError, match=r"line 68: record 1 \('a'\) has '\?' at position 4001"):
        check(path, "x.fa.gz")


def test_an_index_must_fit(tmp_path: Path, path: Path) -> None:
    index = tmp_path / "test.fa.fai"
    with genomes.open(path) as genome:
        good = genome.sequences.fai()
    index.write_text(good)
    check(path, "x.fa")
    check(index, "x.fa.fai")
    # It is right where it begins and ends, and yet wrong.
    index.write_text(good.replace("\t60\t61\n", "\t50\t51\n", 1))
    for file, name in ((path, "x.fa"), (index, "x.fa.fai")):
        with pytest.raises(DamageError, match=r"test.fa.fai does not fit .*test.fa: 'chr1'"):
            check(file, name)
    index.write_text("".join(good.splitlines(keepends=True)[:-1]))
    with pytest.raises(DamageError, match=r"does not fit .*'chr2\|x:1' is not where"):
        check(index, "x.fa.fai")
    path.unlink()
    check(index, "x.fa.fai")
    for content in (b"", b"nothing\n", b"\xff\xfe"):
        index.write_bytes(content)
        with pytest.raises(SeqstoreError, match=r"test\.fa\.fai"):
            check(index, "x.fa.fai")


def test_an_index_of_bgzip_must_fit(tmp_path: Path) -> None:
    path, index = tmp_path / "x.fa.gz", tmp_path / "x.fa.gz.gzi"
    path.write_bytes(bgzip(fasta(SEQUENCES).encode()))
    file = BlockGzipFile(path)
    pairs = list(zip(file.offsets, file.starts, strict=True))[1:]
    file.close()
    good = struct.pack(f"<{1 + 2 * len(pairs)}Q", len(pairs), *[n for pair in pairs for n in pair])
    index.write_bytes(good)
    check(path, "x.fa.gz")
    check(index, "x.fa.gz.gzi")
    bad = [good[:-1], good[:-8], b"", good[:-16] + struct.pack("<2Q", 7, 7)]
    for content in bad:
        index.write_bytes(content)
        for source, name in ((path, "x.fa.gz"), (index, "x.fa.gz.gzi")):
            with pytest.raises(DamageError, match=r"x\.fa\.gz\.gzi .*bgzip -r"):
                check(source, name)
