"""Damage of any kind: what is refused is refused with a message for people."""

import gzip
import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import Genome, genomes
from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.genomes.validation import check

from .conftest import PLAIN, SEQUENCES, bgzip, fasta
from .test_genbank import RECORD


def twobit() -> bytes:
    out = io.BytesIO()
    genomes.write_twobit(out, Genome("x", {}, PLAIN, (), {}))
    return out.getvalue()


FASTA = fasta(SEQUENCES).encode()
FILES = {
    "x.fa": FASTA,
    "x.fa.gz": bgzip(FASTA),
    "y.fa.gz": gzip.compress(FASTA, mtime=0),
    "x.2bit": twobit(),
    "x.gb": RECORD.encode() * 2,
    "x.gb.gz": gzip.compress(RECORD.encode(), mtime=0),
}


def damage(content: bytes, random: random.Random) -> bytes:
    """Change, remove, add, repeat or cut off bytes."""
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 5])):
        at = random.randrange(len(changed) + 1)
        some = random.randrange(1, 20)
        match random.randrange(6):
            case 0 | 1:
                changed[at : at + 1] = random.randbytes(1)
            case 2:
                del changed[at : at + some]
            case 3:
                changed[at:at] = changed[some : 3 * some]
            case 4:
                changed[at : at + 4] = random.choice([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"])
            case 5:
                del changed[at:]
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150)
@given(random=st.randoms(use_true_random=False))
def test_damage_is_named_or_harmless(tmp_path_factory, name: str, random: random.Random) -> None:
    path: Path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(damage(FILES[name], random))
    try:
        summary = check(path, name)
    except SeqstoreError as error:
        assert name in str(error)
    else:
        with genomes.open(path) as genome:
            found = {chrom: len(text) for chrom, text in genome.sequences.items()}
        assert found == genome.chrom_lengths
        assert summary.rows()["bases"] == sum(found.values())


@pytest.mark.parametrize("size", range(0, 30))
def test_a_block_of_bgzip_that_says_it_is_tiny(tmp_path: Path, size: int) -> None:
    whole = bytearray(FILES["x.fa.gz"])
    first = int.from_bytes(whole[16:18], "little") + 1
    path = tmp_path / "x.fa.gz"
    for at in (16, first + 16):  # of the first block, of the second
        changed = whole[:]
        changed[at : at + 2] = size.to_bytes(2, "little")
        path.write_bytes(changed)
        try:
            found = check(path, path.name).rows()["bases"]
        except SeqstoreError as error:
            assert "x.fa.gz" in str(error)
        else:
            assert found == sum(map(len, SEQUENCES.values()))


@settings(max_examples=150)
@given(random=st.randoms(use_true_random=False))
def test_a_damaged_index_gives_no_wrong_sequence(tmp_path_factory, random: random.Random) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "i.fa"
    index = path.with_name("i.fa.fai")
    path.write_bytes(FASTA)
    index.unlink(missing_ok=True)
    with genomes.open(path) as genome:
        good = genome.sequences.fai().encode()
    index.write_bytes(damage(good, random))
    try:
        check(path, "i.fa")
    except SeqstoreError as error:
        assert "i.fa.fai" in str(error)
    else:
        with genomes.open(path) as genome:
            assert dict(genome.sequences) == SEQUENCES
