"""Synthetic proteins that look like UniProt's: seeded, so that they are the same everywhere."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

# Residues per 1,000 in UniProtKB/Swiss-Prot.
_FREQUENCIES = {
    "A": 82.5, "R": 55.3, "N": 40.6, "D": 54.6, "C": 13.8, "Q": 39.3, "E": 67.2, "G": 70.7,
    "H": 22.7, "I": 59.1, "L": 96.5, "K": 58.0, "M": 24.1, "F": 38.6, "P": 47.4, "S": 66.5,
    "T": 53.6, "W": 11.0, "Y": 29.2, "V": 68.6,
}  # fmt: skip
_DUPLICATES = 0.2
_POOL = 50_000  # the sequences that duplicates are copies of
_BLOCK = 10_000
_LINE = 60
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def write(fasta: Path, count: int) -> None:
    """Write so many records.

    Every fifth sequence, at random, is an exact copy of an earlier one. Lengths are log-normal
    between 20 and 5,000 with a mean of 365. All is drawn from one seed; the first records of a
    larger set are those of a smaller one.

    Parameters
    ----------
    fasta : Path
        The new file.
    count : int
        Number of records.
    """
    rng = np.random.default_rng(1)
    headers = _Headers(random.Random(1))
    weights = np.array(list(_FREQUENCIES.values()))
    # One byte per residue, drawn by looking 16 random bits up.
    letters = np.frombuffer("".join(_FREQUENCIES).encode(), dtype=np.uint8)
    bounds = np.cumsum(weights / weights.sum()) * 65536
    table = letters[np.searchsorted(bounds, np.arange(65536) + 0.5)]
    pool: list[bytes] = []
    with open(fasta, "wb") as out:
        for start in range(0, count, _BLOCK):
            lengths = np.clip(rng.lognormal(5.692, 0.65, _BLOCK), 20, 5000).astype(int)
            residues = table[rng.integers(0, 65536, lengths.sum(), dtype=np.uint16)].tobytes()
            copies = rng.random(_BLOCK) < _DUPLICATES
            sources = rng.integers(0, _POOL, _BLOCK)
            ends = np.cumsum(lengths)
            for index in range(_BLOCK):
                seq = residues[ends[index] - lengths[index] : ends[index]]
                if copies[index] and pool:
                    seq = pool[sources[index] % len(pool)]
                elif len(pool) < _POOL:
                    pool.append(seq)
                header = headers.make(start + index)
                if start + index < count:
                    lines = [seq[i : i + _LINE] for i in range(0, len(seq), _LINE)]
                    out.write(b">%b\n%b\n" % (header, b"\n".join(lines)))


class _Headers:
    """Headers in UniProt's format, of invented names that are as frequent as real ones."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        words = [self._word(rng.randint(2, 4)) for _ in range(3000)]
        kinds = "protein kinase transferase subunit reductase synthase receptor ligase".split()
        self._proteins = [
            " ".join([*rng.choices(words, k=rng.randint(2, 4)), rng.choice(kinds)]).capitalize()
            for _ in range(20_000)
        ]
        self._organisms = [
            (f"{rng.choice(words).capitalize()} {rng.choice(words)}", rng.randint(100, 999_999))
            for _ in range(4000)
        ]

    def _word(self, syllables: int) -> str:
        rng = self._rng
        return "".join(rng.choice("bcdfglmnprst") + rng.choice("aeiou") for _ in range(syllables))

    def make(self, gid: int) -> bytes:
        """Return the header of a record; the accession in it is unique."""
        rng = self._rng
        # A bijection of the numbers below 36**6 scatters the accessions.
        number, accession = gid * 1_234_567_891 % 36**6, ""
        for _ in range(6):
            number, digit = divmod(number, 36)
            accession += _BASE36[digit]
        # Few organisms and proteins are named often, most of them seldom.
        organism, taxon = self._organisms[int(len(self._organisms) * rng.random() ** 3)]
        protein = self._proteins[int(len(self._proteins) * rng.random() ** 2)]
        code = organism[:3].upper() + organism[-2:].upper()
        gene = f"{protein[:3].lower()}{rng.choice(_BASE36[10:])}{rng.randint(1, 99)}"
        return (
            f"tr|A0A{accession}|A0A{accession}_{code} {protein} OS={organism} OX={taxon} "
            f"GN={gene} PE={rng.randint(1, 4)} SV={rng.randint(1, 3)}"
        ).encode()
