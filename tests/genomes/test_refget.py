"""GA4GH refget digests: published vectors, and another implementation."""

import gzip
import random
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import Genome, genomes
from snakemake_storage_plugin_seqstore.genomes import SequenceCollection
from snakemake_storage_plugin_seqstore.genomes.refget import sequence_digest

from .conftest import PLAIN, SEQUENCES, bgzip, fasta


def test_vectors_of_the_specifications() -> None:
    assert sequence_digest([b"ACGT"]) == "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2"
    collection = SequenceCollection(
        ("chr1", "chr2", "chr3"),
        (248956422, 133797422, 135086622),
        (
            "SQ.2648ae1bacce4ec4b6cf337dcae37816",
            "SQ.907112d17fcb73bcab1ed1c72b97ce68",
            "SQ.1511375dc2dd1b633af8cf439ae90cec",
        ),
    )
    assert collection.digest == "KxZO6qIbVNCIKtQj0WR3fwzg2rsJLlC3"


@pytest.mark.parametrize("sequences", [SEQUENCES, PLAIN, {"é ü"[:1]: "ACGT"}])
def test_gtars_agrees(tmp_path: Path, sequences: dict[str, str]) -> None:
    refget = pytest.importorskip("gtars.refget")
    path = tmp_path / "x.fa"
    path.write_text(fasta(sequences))
    theirs = refget.digest_fasta(str(path))
    with genomes.open(path) as genome:
        ours = SequenceCollection.of(genome)
    assert ours.digest == theirs.digest
    assert ours.level1 == {
        "lengths": theirs.lvl1.lengths_digest,
        "names": theirs.lvl1.names_digest,
        "sequences": theirs.lvl1.sequences_digest,
    }
    assert [f"SQ.{s.metadata.sha512t24u}" for s in theirs.sequences] == list(ours.sequences)
    assert ours.level2["lengths"] == [s.metadata.length for s in theirs.sequences]


def test_neither_lines_nor_masks_nor_formats_count(tmp_path: Path) -> None:
    text = "".join(random.Random(1).choices("ACGTN", k=5000))
    digests = set()
    for name, content in {
        "a.fa": fasta({"x": text}, 60).encode(),
        "b.fa": fasta({"x": text.lower()}, 61, "\r\n").encode(),
        "c.fa.gz": gzip.compress(fasta({"x": text}, 10000).encode()),
        "d.fa.gz": bgzip(fasta({"x": text}, 7).encode()),
    }.items():
        (tmp_path / name).write_bytes(content)
        with genomes.open(tmp_path / name) as genome:
            digests.add(SequenceCollection.of(genome).digest)
    with (tmp_path / "e.2bit").open("wb") as out:
        genomes.write_twobit(out, Genome("x", {}, {"x": text}, (), {}))
    digests.add(SequenceCollection.of(genomes.open(tmp_path / "e.2bit")).digest)
    digests.add(SequenceCollection.of(Genome("x", {}, {"x": text}, (), {})).digest)
    assert len(digests) == 1
    other = SequenceCollection.of(Genome("x", {}, {"x": text[:-1] + "R"}, (), {}))
    assert other.digest not in digests
