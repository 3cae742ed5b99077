"""What a database holds, in numbers: lengths and residue composition, as a table and as a plot."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore import charts
from snakemake_storage_plugin_seqstore.output import binary_output
from snakemake_storage_plugin_seqstore.progress import Progress
from snakemake_storage_plugin_seqstore.sequences.store import SequenceStore

if TYPE_CHECKING:
    import altair

# Residues are counted in pieces of about this size.
_PIECE_BYTES = 1 << 20
_BINS_PER_DOUBLING = 6


@dataclass(frozen=True)
class Stats:
    """Lengths and residues of all sequences of a database.

    Parameters
    ----------
    lengths : dict of int to int
        How many sequences have each length in residues, ascending.
    composition : dict of str to int
        How often each residue occurs, the most frequent first; lower case counts as upper case.
    """

    lengths: dict[int, int]
    composition: dict[str, int]

    @classmethod
    def of(cls, database: str | os.PathLike[str]) -> Stats:
        """Read a database once, in bounded memory."""
        lengths: Counter[int] = Counter()
        composition: Counter[str] = Counter()
        with (
            SequenceStore.open_reader(database) as store,
            Progress("counted", "sequences") as progress,
        ):
            for seqs in _pieces(store):
                lengths.update(map(len, seqs))
                text = "".join(seqs).upper()
                composition.update({residue: text.count(residue) for residue in set(text)})
                progress.update(len(seqs), progress.done + len(text))
        return cls(
            dict(sorted(lengths.items())),
            dict(sorted(composition.items(), key=lambda item: (-item[1], item[0]))),
        )

    @property
    def sequences(self) -> int:
        """Number of sequences."""
        return sum(self.lengths.values())

    @property
    def residues(self) -> int:
        """Number of residues."""
        return sum(length * count for length, count in self.lengths.items())

    def length_at(self, share: float) -> int:
        """Return the length that ``share`` (0-1) of the sequences do not exceed."""
        seen = 0
        for length, count in self.lengths.items():
            seen += count
            if seen >= share * self.sequences:
                return length
        return 0

    def n50(self) -> int:
        """Return the length for which sequences at least as long hold half of all residues."""
        seen = 0
        for length, count in reversed(self.lengths.items()):
            seen += length * count
            if 2 * seen >= self.residues:
                return length
        return 0

    def rows(self) -> Iterator[tuple[str, str | int, str | int]]:
        """Give the rows of the table: which part of it, key, value.

        ``summary`` rows have a name and a number, ``length`` rows a length and how many sequences
        have it, ``residue`` rows a residue and how often it occurs.
        """
        yield "summary", "sequences", self.sequences
        yield "summary", "residues", self.residues
        if self.lengths:
            yield "summary", "shortest", min(self.lengths)
            yield "summary", "median_length", self.length_at(0.5)
            yield "summary", "mean_length", f"{self.residues / self.sequences:.2f}"
            yield "summary", "n50", self.n50()
            yield "summary", "longest", max(self.lengths)
        yield from (("length", length, count) for length, count in self.lengths.items())
        yield from (("residue", residue, count) for residue, count in self.composition.items())

    def write_tsv(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`rows` as tab-separated text with the columns table, key, value."""
        with binary_output(path, compress=True) as out:
            out.write(b"table\tkey\tvalue\n")
            for row in self.rows():
                out.write("\t".join(map(str, row)).encode() + b"\n")

    def plot(self, path: str | os.PathLike[str], title: str = "") -> None:
        """Draw both distributions; nothing is loaded from the network.

        Parameters
        ----------
        path : path-like
            Ends in ``.svg``, ``.png`` or ``.html``, which says the format.
        title : str
            What stands above, by default the number of sequences and residues alone.
        """
        charts.check_suffix(path)
        charts.save(self.chart(title), path)

    def chart(self, title: str = "") -> altair.VConcatChart:
        """Return the plot as an altair chart: lengths above, composition below."""
        alt = charts.altair()
        size = {"width": 560, "height": 200}
        lengths = (
            alt.Chart(alt.InlineData(values=self._bins()))
            .mark_rect(color=charts.INK, stroke="white", strokeWidth=0.5)
            .encode(
                x=alt.X(
                    "from:Q",
                    scale=alt.Scale(type="log", nice=False),
                    axis=alt.Axis(format="~s", labelOverlap=True, grid=False),
                    title="length in residues (log scale)",
                ),
                x2="to:Q",
                y=alt.Y("sequences:Q", axis=alt.Axis(format=",d"), title="sequences"),
                y2=alt.datum(0),
                tooltip=["from:Q", "to:Q", "sequences:Q"],
            )
            .properties(**size)
        )
        total = sum(self.composition.values())
        residues = [
            {"residue": residue, "share": count / total, "count": count}
            for residue, count in self.composition.items()
        ]
        composition = (
            alt.Chart(alt.InlineData(values=residues))
            .mark_bar(color=charts.INK)
            .encode(
                x=alt.X("residue:N", sort=None, axis=alt.Axis(labelAngle=0), title="residue"),
                y=alt.Y("share:Q", axis=alt.Axis(format="~%"), title="share of residues"),
                tooltip=["residue:N", alt.Tooltip("share:Q", format=".3%"), "count:Q"],
            )
            .properties(**size)
        )
        numbers = (
            f"{self.sequences:,} sequences, {self.residues:,} residues, "
            f"median length {self.length_at(0.5):,}, longest {max(self.lengths, default=0):,}"
        )
        heading = alt.TitleParams(
            title or numbers, subtitle=numbers if title else "", anchor="start", offset=12
        )
        chart: altair.VConcatChart = alt.vconcat(lengths, composition, title=heading)
        return chart

    def _bins(self) -> list[dict[str, int]]:
        """Count lengths in bins of equal width on a log scale, with whole numbers as limits."""
        if not self.lengths:
            return []
        longest = max(self.lengths)
        limits = [max(min(self.lengths), 1)]
        while limits[-1] <= longest:
            limits.append(max(limits[-1] + 1, round(limits[-1] * 2 ** (1 / _BINS_PER_DOUBLING))))
        bins = [{"from": low, "to": high, "sequences": 0} for low, high in pairwise(limits)]
        position = 0
        for length, count in self.lengths.items():
            while length >= bins[position]["to"]:
                position += 1
            bins[position]["sequences"] += count
        return bins


def _pieces(store: SequenceStore) -> Iterator[list[str]]:
    piece: list[str] = []
    size = 0
    for record in store:
        piece.append(record.seq)
        size += len(record.seq)
        if size >= _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
