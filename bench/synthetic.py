"""Synthetic proteins that look like UniProt's: seeded, so that they are the same everywhere."""

from __future__ import annotations

import random
from pathlib import Path

# Residues in 1,000 of UniProtKB/Swiss-Prot.
_FREQUENCIES = {
    "A": 82.5, "R": 55.3, "N": 40.6, "D": 54.6, "C": 13.8, "Q": 39.3, "E": 67.2, "G": 70.7,
    "H": 22.7, "I": 59.1, "L": 96.5, "K": 58.0, "M": 24.1, "F": 38.6, "P": 47.4, "S": 66.5,
    "T": 53.6, "W": 11.0, "Y": 29.2, "V": 68.6,
}  # fmt: skip
_DUPLICATES = 0.2
_POOL = 50_000  # the sequences that duplicates are copies of
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
    rng = random.Random(1)
    headers = _Headers(random.Random(2))
    table = _table()
    pool: list[bytes] = []
    with open(fasta, "wb") as out:
        for gid in range(count):
            if pool and rng.random() < _DUPLICATES:
                seq = rng.choice(pool)
            else:
                length = min(max(int(rng.lognormvariate(5.692, 0.65)), 20), 5000)
                seq = rng.randbytes(length).translate(table)
                if len(pool) < _POOL:
                    pool.append(seq)
            lines = [seq[i : i + _LINE] for i in range(0, len(seq), _LINE)]
            out.write(b">%b\n%b\n" % (headers.make(gid), b"\n".join(lines)))


def _table() -> bytes:
    """Return which residue each of 256 equally likely bytes stands for."""
    total = sum(_FREQUENCIES.values())
    table, share = "", 0.0
    for residue, frequency in _FREQUENCIES.items():
        share += frequency / total
        table += residue * (round(share * 256) - len(table))
    return table.encode()


class _Headers:
    """Headers in UniProt's format, of invented names that are as frequent as real ones."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        words = [self._word(rng.randint(2, 4)) for _ in range(3000)]
        kinds = ["kinase", "ligase", "protein", "receptor", "reductase", "subunit", "synthase"]
        self._proteins = [
            " ".join([*rng.choices(words, k=rng.randint(2, 5)), rng.choice(kinds)]).capitalize()
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
