"""GenomeStore: the same calls in memory and on disk."""

import dataclasses
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import (
    Genome,
    GenomeStore,
    StoredGenome,
    genomes,
    transfer,
)
from snakemake_storage_plugin_seqstore.errors import QueryError, SeqstoreError
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Store, maintenance
from snakemake_storage_plugin_seqstore.tracks.region import Region

from ..genomes.conftest import SEQUENCES, bgzip
from ..genomes.test_genbank import RECORD

GENOME = Genome("test", {}, {"chr1": "ATCG", "chrM": "GGC"}, (), {"chrM": "circular"})
RICH = dataclasses.replace(
    GENOME,
    metadata={"organism": "E. coli", "taxa": [1, (2, 3.5)], "checked": True},
    features=(
        Region("chr1", 0, 3, "-", 1.5, "a", {"feature_type": "gene", "parts": ((0, 1), (2, 3))}),
        "a note",
    ),
)


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> GenomeStore:
    return GenomeStore() if request.param == "memory" else GenomeStore(root=tmp_path / "store")


@pytest.mark.parametrize("genome", [GENOME, RICH], ids=["plain", "rich"])
def test_the_calls_mean_the_same(store: GenomeStore, genome: Genome) -> None:
    assert store.list_all() == []
    genome_id = store.put(genome)
    assert str(uuid.UUID(genome_id)) == genome_id
    stored = store.get(genome_id)
    assert isinstance(stored, StoredGenome)
    assert stored.genome == genome
    assert stored.chrom_lengths == {"chr1": 4, "chrM": 3}
    assert stored.created_at.tzinfo
    other = store.put(Genome("second", {}, {"chr1": "A"}, (), {}))
    assert [one.id for one in store.list_all()] == [genome_id, other]
    assert [one.genome.name for one in store.list_all()] == ["test", "second"]
    assert store.delete(genome_id)
    assert not store.delete(genome_id)
    assert store.get(genome_id) is None
    assert [one.id for one in store.list_all()] == [other]
    assert store.get("no such id") is None


def test_ids_on_disk_follow_from_the_content(tmp_path: Path) -> None:
    store = GenomeStore(root=tmp_path / "one")
    ids = {store.put(GENOME), store.put(GENOME), GenomeStore(root=tmp_path / "two").put(GENOME)}
    assert len(ids) == 1
    assert len(store.list_all()) == 1
    different = [
        RICH,
        dataclasses.replace(GENOME, topologies={}),
        dataclasses.replace(GENOME, metadata={"a": 1}),
        dataclasses.replace(GENOME, metadata={"a": True}),
        dataclasses.replace(GENOME, sequences={"chr1": "ATCG"}),
    ]
    assert len(ids | {store.put(genome) for genome in different}) == 6


def test_another_process_finds_it(tmp_path: Path) -> None:
    root = tmp_path / "store"
    genome_id = GenomeStore(root=root).put(RICH)
    code = (
        "import sys, snakemake_storage_plugin_seqstore as seqstore\n"
        "genome = seqstore.GenomeStore(root=sys.argv[1]).get(sys.argv[2]).genome\n"
        "print(genome.fetch('chrM', 2, 4), genome.metadata['taxa'], genome.features[0].tags)"
    )
    command = [sys.executable, "-c", code, str(root), genome_id]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert found == f"CG [1, (2, 3.5)] {RICH.features[0].tags}\n"


def test_names_and_ids(tmp_path: Path) -> None:
    path = tmp_path / "hg38.fa.gz"
    path.write_bytes(bgzip(b">chr1\nACGT\n"))
    plain = Store(tmp_path / "store")
    store = GenomeStore(root=plain.root)
    transfer.publish(plain, Query.parse("seqstore://genomes/human/hg38.fa.gz"), path)
    genome_id = store.find("genomes/human/hg38.fa.gz")
    assert genome_id == store.find("seqstore://genomes/human/hg38.fa.gz")
    assert store.get(genome_id).genome.name == "hg38"
    assert store.put(genomes.open(path)) == genome_id  # the file itself is there already
    assert len(store.list_all()) == 1
    assert store.find("genomes/other.fa") is None
    for query in ("genomes/x.fa?format=sizes", "files/x.fa", "genomes/{x}.fa", "x"):
        with pytest.raises(QueryError):
            store.find(query)
    # What was put has a name that rules can use.
    other = store.put(GENOME)
    assert list(plain.under("genomes", other)) == [f"{other}/test.fa"]
    assert store.find(f"genomes/{other}/test.fa") == other
    # An index is no genome.
    (tmp_path / "x.fai").write_text("chr1\t4\t6\t4\t5\n")
    transfer.publish(plain, Query.parse("seqstore://genomes/x.fa.fai"), tmp_path / "x.fai")
    assert len(store.list_all()) == 2


def test_a_file_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "plasmid.gb"
    path.write_text(RECORD)
    store = GenomeStore(root=tmp_path / "store")
    genome = genomes.open(path)
    genome_id = store.put(genome)
    assert store.get(genome_id).genome == genome
    (name,) = Store(tmp_path / "store").under("genomes")
    assert name == f"{genome_id}/plasmid.gb"
    entry = Store(tmp_path / "store").find("genomes", name)
    assert entry.id == genome_id
    assert entry.version.size == len(RECORD)
    less = dataclasses.replace(genome, features=())
    assert store.get(store.put(less)).genome == less


@pytest.mark.parametrize(
    ("genome", "reason"),
    [
        (Genome("x", {}, {}, (), {}), "no sequences"),
        (Genome("x", {}, {"a": ""}, (), {}), "record 1 .'a'.: the sequence is empty"),
        (Genome("x", {}, {"a": "AC1"}, (), {}), "'a'. has '1' at position 3"),
        (Genome("x", {}, {"a": "ACé"}, (), {}), "'a' has the letter 'é'"),
        (Genome("x", {}, {"a b": "AC"}, (), {}), "'a b' cannot be the name"),
        (Genome("x", {"a": object()}, {"a": "AC"}, (), {}), "metadata"),
        (Genome("x", {}, {"a": "AC"}, (object(),), {}), "features"),
    ],
)
def test_what_cannot_be_stored_is_refused(tmp_path: Path, genome: Genome, reason: str) -> None:
    store = GenomeStore(root=tmp_path / "store")
    with pytest.raises(SeqstoreError, match=reason):
        store.put(genome)
    assert not store.list_all()


def test_a_file_that_changed_is_not_put(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_text(">a\nACGT\n")
    genome = genomes.open(path)
    path.write_text(">a\nACGTA\n")
    with pytest.raises(SeqstoreError, match="changed since it was opened"):
        GenomeStore(root=tmp_path / "store").put(genome)


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=300))
def test_any_name_comes_back_or_nearly(tmp_path_factory, name: str) -> None:
    root = tmp_path_factory.mktemp("store")
    store = GenomeStore(root=root)
    genome_id = store.put(dataclasses.replace(GENOME, name=name))
    (entry,) = Store(root).under("genomes")
    assert store.find(f"genomes/{entry}") == genome_id
    found = store.get(genome_id).genome
    assert found.sequences == GENOME.sequences
    if name.isascii() and name.isalnum() and len(name) < 200:
        assert found.name == name


def test_bytes_that_are_gone_are_put_again(tmp_path: Path) -> None:
    plain = Store(tmp_path / "store")
    store = GenomeStore(root=plain.root)
    genome_id = store.put(RICH)
    (name,) = plain.under("genomes")
    digest = plain.find("genomes", name).version.digest
    plain.objects.path(digest).unlink()
    assert store.get(genome_id) is None
    assert store.put(RICH) == genome_id
    assert store.get(genome_id).genome == RICH
    assert maintenance.collect_garbage(plain, 0).payloads == []


def test_the_sequences_of_all_are_not_read_to_list_them(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "x.fa"
    path.write_text("".join(f">{n}\n{s}\n" for n, s in SEQUENCES.items()))
    store = GenomeStore(root=tmp_path / "store")
    store.put(genomes.open(path))
    assert store.list_all()[0].chrom_lengths
    monkeypatch.setattr(
        "snakemake_storage_plugin_seqstore.genomes.opening.scan",
        lambda *a: pytest.fail("it is known where the sequences are"),
    )
    (found,) = store.list_all()
    assert dict(found.genome.sequences) == SEQUENCES
    assert os.path.exists(found.genome.sequences.path)
