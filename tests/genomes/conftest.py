"""Genomes to test with, and files of them."""

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import strategies as st

SEQUENCES = {
    "chr1": "ACGTNNNNacgtACGTRYK" * 9,
    "chrM": "GATTACAGATTACA",
    "chr2|x:1": "nnnnACGT" * 40 + "A",
}
PLAIN = {"chr1": "NNNNACGTacgtnnnnACGTA" * 11, "chrM": "GATTACA", "one": "N"}  # what 2bit can hold

letters = st.text("ACGTNacgtn", min_size=1, max_size=150)
genomes = st.dictionaries(
    st.text("abcXYZ019._:|-", min_size=1, max_size=8), letters, min_size=1, max_size=4
)


def fasta(sequences: dict[str, str], width: int = 60, end: str = "\n") -> str:
    lines = []
    for name, sequence in sequences.items():
        circular = " [topology=circular]" * (name == "chrM")
        lines.append(f">{name} a description{circular}")
        lines += [sequence[at : at + width] for at in range(0, len(sequence), width)]
    return end.join(lines) + end


def bgzip(content: bytes, block: int = 64) -> bytes:
    """Compress as bgzip does, in small blocks."""
    parts = [content[at : at + block] for at in range(0, len(content), block)]
    out = []
    for part in [*parts, b""]:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(part) + packer.flush()
        head = struct.pack("<4sIBBH2sHH", b"\x1f\x8b\x08\x04", 0, 0, 255, 6, b"BC", 2, 0)
        size = len(head) + len(packed) + 8 - 1
        tail = struct.pack("<II", zlib.crc32(part), len(part))
        out.append(head[:-2] + struct.pack("<H", size) + packed + tail)
    return b"".join(out)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A FASTA file."""
    path = tmp_path / "test.fa"
    path.write_text(fasta(SEQUENCES))
    return path
