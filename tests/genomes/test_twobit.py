"""2bit files."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given

from snakemake_storage_plugin_seqstore import Genome, genomes
from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.genomes.validation import check

from .conftest import PLAIN
from .conftest import genomes as any_genome


def write(path: Path, sequences: dict[str, str]) -> Path:
    with path.open("wb") as out:
        genomes.write_twobit(out, Genome("x", {}, sequences, (), {}))
    return path


@given(any_genome)
def test_written_and_read_again(tmp_path_factory, sequences) -> None:
    path = write(tmp_path_factory.mktemp("twobit") / "x.2bit", sequences)
    with genomes.open(path) as genome:
        assert dict(genome.sequences) == sequences
        for name, text in sequences.items():
            for start in range(0, len(text), 7):
                assert genome.fetch(name, start, start + 1) == text[start]
                assert genome.fetch(name, start // 2, start) == text[start // 2 : start]


def test_py2bit_agrees(tmp_path: Path) -> None:
    py2bit = pytest.importorskip("py2bit")
    file = py2bit.open(str(write(tmp_path / "x.2bit", PLAIN)), True)
    assert file.chroms() == {name: len(text) for name, text in PLAIN.items()}
    # It shows no N as masked.
    expected = {name: text.replace("n", "N") for name, text in PLAIN.items()}
    assert {name: file.sequence(name) for name in PLAIN} == expected
    file.close()


def test_windows_on_the_way_make_no_difference(tmp_path: Path, monkeypatch) -> None:
    whole = write(tmp_path / "whole.2bit", PLAIN).read_bytes()
    windows = Genome.windows
    monkeypatch.setattr(Genome, "windows", lambda self, name: windows(self, name, size=8))
    assert write(tmp_path / "parts.2bit", PLAIN).read_bytes() == whole


def other_order(content: bytes, wide: bool) -> bytes:
    """The same file of one sequence as a machine of the other byte order writes it."""
    magic, _, count, _, size = struct.unpack_from("<4IB", content)
    name = content[16 : 17 + size]
    (offset,) = struct.unpack_from("<I", content, 17 + size)
    numbers = list(struct.unpack_from("<2I", content, offset))
    length, blocks = numbers
    at = offset + 8
    numbers += struct.unpack_from(f"<{2 * blocks}I", content, at)
    at += 8 * blocks
    (blocks,) = struct.unpack_from("<I", content, at)
    numbers += struct.unpack_from(f"<{2 + 2 * blocks}I", content, at)
    at += 8 + 8 * blocks
    index = struct.pack(">Q" if wide else ">I", offset + (4 if wide else 0))
    return b"".join(
        [
            struct.pack(">4I", magic, int(wide), count, 0),
            name,
            index,
            struct.pack(f">{len(numbers)}I", *numbers),
            content[at : at + -(-length // 4)],
        ]
    )


@pytest.mark.parametrize("wide", [False, True])
def test_the_other_byte_order_and_long_files_are_read(tmp_path: Path, wide: bool) -> None:
    sequences = {"chr1": PLAIN["chr1"]}
    path = write(tmp_path / "x.2bit", sequences)
    path.write_bytes(other_order(path.read_bytes(), wide))
    with genomes.open(path) as genome:
        assert dict(genome.sequences) == sequences


@pytest.mark.parametrize(
    ("sequences", "reason"),
    [
        ({"a": "ACGT", "b": "ACRT"}, "'b' has the letter 'R', which 2bit cannot hold"),
        ({"a": "ACGU"}, "'a' has the letter 'U'"),
        ({"a" * 256: "A"}, "longer than 255 bytes"),
    ],
)
def test_what_it_cannot_hold_is_refused(sequences: dict[str, str], reason: str) -> None:
    out = io.BytesIO()
    with pytest.raises(InputError, match=reason):
        genomes.write_twobit(out, Genome("x", {}, sequences, (), {}))
    assert not out.getvalue()


def test_every_cut_off_file_is_refused(tmp_path: Path) -> None:
    content = write(tmp_path / "x.2bit", PLAIN).read_bytes()
    for size in range(4, len(content)):
        path = tmp_path / "cut.2bit"
        path.write_bytes(content[:size])
        with pytest.raises((DamageError, InputError), match=r"cut\.2bit"):
            dict(genomes.open(path).sequences)


@pytest.mark.parametrize(
    ("at", "new", "reason"),
    [
        (0, 1000, "overlaps"),  # so many bases
        (8, 300, "the blocks of 'chr1' are not in order, or not within it"),  # the first run of N
        (12, 2, "the blocks of 'chr1' are not in order"),  # the second one
    ],
)
def test_a_layout_that_cannot_be_is_not_published(tmp_path, at: int, new: int, reason: str) -> None:
    path = write(tmp_path / "x.2bit", PLAIN)
    check(path, "x.2bit")
    content = bytearray(path.read_bytes())
    (offset,) = struct.unpack_from("<I", content, 16 + 1 + len("chr1"))
    struct.pack_into("<I", content, offset + at, new)
    path.write_bytes(content)
    with pytest.raises(DamageError, match=reason):
        check(path, "x.2bit")


def test_a_number_of_sequences_that_is_damaged_takes_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "x.2bit", PLAIN)
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 8, 2**32 - 1)
    path.write_bytes(content)
    with pytest.raises(DamageError, match="its index cannot be read"):
        genomes.open(path)
