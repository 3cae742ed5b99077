"""GenBank files."""

import gzip
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import genomes
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.region import Region

from .conftest import bgzip

RECORD = """\
LOCUS       plasmid                   40 bp    DNA     circular BCT 01-JAN-2020
DEFINITION  A test.
ACCESSION   ABC
VERSION     ABC.1
FEATURES             Location/Qualifiers
     source          1..40
                     /organism="X"
     gene            complement(5..12)
                     /gene="a"
                     /locus_tag="L1"
                     /db_xref="one:1"
                     /db_xref="two:2"
     CDS             join(35..40,1..6)
                     /gene="b"
                     /pseudo
     CDS             join(2..4,<8..>10)
     gene            complement(join(35..40,1..6))
     gene            join(complement(1..6),complement(35..40))
     CDS             join(complement(3..6),20..22)
     misc_feature    join(J00194.1:100..202)
ORIGIN
        1 acgtacgtac gtacgtacgt acgtacgtac gtacgtacnn
//
"""
OTHER = RECORD.replace("plasmid", "chrom  ").replace("circular", "linear  ")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "test.gb"
    path.write_text(RECORD + OTHER)
    return path


def test_sequences(path: Path) -> None:
    genome = genomes.open(path)
    assert genome.name == "test"
    assert dict(genome.sequences) == dict.fromkeys(["plasmid", "chrom"], "ACGT" * 9 + "ACNN")
    assert genome.topologies == {"plasmid": "circular"}
    assert genome.fetch("plasmid", 36, 44) == "ACNNACGT"
    assert genome.metadata == {"definitions": dict.fromkeys(["plasmid", "chrom"], "A test.")}
    packed = path.with_suffix(".gb.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert genomes.open(packed) == genome


def test_features_are_regions(path: Path) -> None:
    features = genomes.open(path).features
    assert features[0] == Region(
        "plasmid",
        4,
        12,
        "-",
        name="L1",
        tags={
            "feature_type": "gene",
            "gene": "a",
            "locus_tag": "L1",
            "db_xref": ("one:1", "two:2"),
        },
    )
    assert features[1].tags["pseudo"] is True
    found = [(f.start, f.end, f.strand, f.tags.get("wraps_origin", False)) for f in features]
    assert found == [
        (4, 12, "-", False),
        (34, 46, "+", True),
        (1, 10, "+", False),
        (34, 46, "-", True),
        (34, 46, "-", True),  # the same, said in another way
        (2, 22, ".", False),
        # and the linear one, on which nothing goes across an origin
        (4, 12, "-", False),
        (0, 40, "+", False),
        (1, 10, "+", False),
        (0, 40, "-", False),
        (0, 40, "-", False),
        (2, 22, ".", False),
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("acnn\n", "ac\n", r"test.gb, record 1: .*Got 38 bytes of sequence, LOCUS promised 40"),
        ("chrom  ", "plasmid", r"record 2 \(plasmid\): another one has the same name"),
        ("acnn\n//\n", "ac", r"test.gb, record 1: "),
    ],
)
def test_what_is_wrong_is_named(path: Path, old: str, new: str, reason: str) -> None:
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=reason):
        genomes.open(path)


def test_a_record_without_its_sequence_is_named(path: Path) -> None:
    text = RECORD.replace("40 bp", " 0 bp")
    start = text.index("FEATURES")
    path.write_text(f"{text[:start]}CONTIG      join(A.1:1..40)\n//\n")
    with pytest.raises(InputError, match=r"record 1 \(plasmid\) has no sequence"):
        genomes.open(path)


def test_a_bgzip_that_was_cut_between_blocks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.gb.gz"
    content = bgzip(RECORD.encode())
    path.write_bytes(content + bytes(100))
    assert len(genomes.open(path).chrom_lengths) == 1
    path.write_bytes(content[:-28])
    with pytest.raises(InputError, match=r"x\.gb\.gz is truncated"):
        genomes.open(path)


@pytest.mark.parametrize("at", [-9, -200, 60])
def test_a_damaged_gzip_is_named(tmp_path: Path, at: int) -> None:
    path = tmp_path / "x.gb.gz"
    content = bytearray(gzip.compress(RECORD.encode() * 3, mtime=0))
    content[at:] = b"" if at < 0 else bytes(len(content) - at)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.gb\.gz"):
        genomes.open(path)
