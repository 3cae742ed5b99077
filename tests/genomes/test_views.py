"""Forms that are derived from a genome."""

import gzip
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import Genome, genomes, transfer, views
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.errors import SeqstoreError, StoreError
from snakemake_storage_plugin_seqstore.genomes.bytes_source import PlainFile
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Store

from .conftest import PLAIN, SEQUENCES, bgzip, fasta


def view(payload: Path, text: str) -> bytes:
    query = Query.parse(f"seqstore://genomes/x.fa?{text}")
    views.check(query)
    out = io.BytesIO()
    views.write(query, Payload(payload, query.name), out)
    assert views.size(query, Payload(payload, query.name)) == len(out.getvalue())
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region=chr1:1-10", f">chr1:1-10\n{SEQUENCES['chr1'][:10]}\n"),
        ("region=chr1:171", f">chr1:171\n{SEQUENCES['chr1'][170:]}\n"),
        ("region=chr1:1%2C01-1%2C1%2C0", f">chr1:1,01-1,1,0\n{SEQUENCES['chr1'][100:110]}\n"),
        ("region=chrM", f">chrM [topology=circular]\n{SEQUENCES['chrM']}\n"),
        ("region=chrM:13-3", ">chrM:13-3\nCAGAT\n"),
        ("region=chr2%7Cx:1:5-8", ">chr2|x:1:5-8\nACGT\n"),
        ("format=sizes", "chr1\t171\nchrM\t14\nchr2|x:1\t321\n"),
        ("format=bed", "chr1\t0\t171\nchrM\t0\t14\nchr2|x:1\t0\t321\n"),
        ("format=bed&region=chr1:5-9", "chr1\t4\t9\n"),
        ("format=bed&region=chrM:13-3", "chrM\t12\t14\nchrM\t0\t3\n"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_text(path: Path, text: str, expected: str, packed: bool) -> None:
    if packed:
        path.write_bytes(bgzip(path.read_bytes()))
    assert view(path, text).decode() == expected


def test_a_name_with_a_colon_comes_first(path: Path) -> None:
    found = view(path, "region=chr2%7Cx:1").decode().splitlines()
    assert found[0] == ">chr2|x:1"
    assert "".join(found[1:]) == SEQUENCES["chr2|x:1"]


def test_the_whole_as_fasta_and_as_2bit(tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_text(fasta(PLAIN, 17))
    plain, packed = view(path, "format=fasta"), view(path, "format=fasta.gz")
    assert gzip.decompress(packed) == plain
    assert plain.decode() == fasta(PLAIN).replace(" a description", "")
    twobit = tmp_path / "x.2bit"
    twobit.write_bytes(view(path, "format=2bit"))
    assert dict(genomes.open(twobit).sequences) == PLAIN
    twobit.write_bytes(view(path, "format=2bit&region=chr1:3-9"))
    assert dict(genomes.open(twobit).sequences) == {"chr1:3-9": PLAIN["chr1"][2:9]}
    with pytest.raises(SeqstoreError, match="only FASTA has an index"):
        view(twobit, "format=fai")


@pytest.mark.skipif(not shutil.which("samtools"), reason="samtools is not installed")
def test_samtools_agrees(path: Path) -> None:
    subprocess.run(["samtools", "faidx", path], check=True)
    index = path.with_name("test.fa.fai")
    expected = index.read_bytes()
    index.unlink()
    assert view(path, "format=fai") == expected
    for region in ("chr1:5-70", "chr1:5-5", "chr1:100", "chr1"):
        command = ["samtools", "faidx", path, region]
        told = subprocess.run(command, check=True, capture_output=True).stdout
        assert view(path, f"region={region}") == told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("region=chr1:170-172", "region chr1:170-172: chr1 has 171 bp"),
        ("region=chr1:500", "chr1 has 171 bp"),
        ("region=chr1:9-5", "its start is behind its end"),
        ("region=1:1-5", r"there is no sequence '1' \(there are: chr1, chrM"),
        ("region=chr1&format=2bit", "'chr1' has the letter 'R', which 2bit cannot hold"),
    ],
)
def test_what_is_not_there_is_named_with_the_query(path: Path, text: str, reason: str) -> None:
    with pytest.raises(SeqstoreError, match=reason) as caught:
        view(path, text)
    assert f"query 'seqstore://genomes/x.fa?{text}': " in str(caught.value)


def test_lines_that_differ_have_no_fai(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(">a\nACG\nAC\nACG\n")
    with pytest.raises(SeqstoreError, match="the lines of 'a' differ in length"):
        view(path, "format=fai")


def test_a_region_of_2bit_reads_little(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "x.2bit"
    with path.open("wb") as out:
        genomes.write_twobit(out, Genome("x", {}, {"a": "ACGT" * 100_000}, (), {}))
    read = []
    plain = PlainFile.read
    monkeypatch.setattr(
        PlainFile, "read", lambda self, at, size: read.append(size) or plain(self, at, size)
    )
    assert view(path, "region=a:200001-200008") == b">a:200001-200008\nACGTACGT\n"
    assert sum(read) < 2000


def test_through_the_store(tmp_path: Path, path: Path) -> None:
    store = Store(tmp_path / "store")
    transfer.publish(store, Query.parse("seqstore://genomes/x.fa"), path)
    query = Query.parse("seqstore://genomes/x.fa?region=chr1:2-4")
    transfer.retrieve(store, query, tmp_path / "region.fa")
    assert (tmp_path / "region.fa").read_text() == ">chr1:2-4\nCGT\n"


@pytest.mark.parametrize("packed", [False, True])
def test_a_stored_genome_is_gone_through_once(
    tmp_path: Path, path: Path, packed: bool, monkeypatch
) -> None:
    if packed:
        path = path.rename(path.with_name("test.fa.gz"))
        path.write_bytes(bgzip(path.read_bytes()))
    store = Store(tmp_path / "store")
    transfer.publish(store, Query.parse(f"seqstore://genomes/{path.name}"), path)
    query = Query.parse(f"seqstore://genomes/{path.name}?region=chrM:13-3")
    read = []
    plain = PlainFile.read
    monkeypatch.setattr(
        PlainFile, "read", lambda self, at, size: read.append(size) or plain(self, at, size)
    )
    for number in range(2):
        read.clear()
        transfer.retrieve(Store(tmp_path / "store"), query, tmp_path / f"{number}")
        assert (tmp_path / f"{number}").read_text() == ">chrM:13-3\nCAGAT\n"
    assert sum(read) <= (2 * 90 if packed else 5)


def test_views_of_a_store_that_cannot_be_written(tmp_path: Path, path: Path, monkeypatch) -> None:
    store = Store(tmp_path / "store")
    transfer.publish(store, Query.parse("seqstore://genomes/x.fa"), path)

    def refuse(record: object) -> None:
        raise StoreError("it is somebody else's")

    monkeypatch.setattr(store, "add_record", refuse)
    transfer.retrieve(store, Query.parse("seqstore://genomes/x.fa?format=sizes"), tmp_path / "x")
    assert (tmp_path / "x").read_text().startswith("chr1\t171\n")
