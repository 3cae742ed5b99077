"""starling's own SequenceStore, whose schema seqstore shares."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from bench.data import read_fasta
from bench.peers import Peer
from bench.starling import VERSION, load

_ROWS = 10_000
_SequenceStore = load(Path(os.environ["BENCH_CACHE"]))


class Starling(Peer):
    """starling's class, used as its documentation says."""

    scaling = ("threads", "processes")

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        return f"starling {VERSION}"

    def build(self, fasta: Path) -> None:
        """Make the database."""
        store = _SequenceStore.open_writer(str(self._path))
        rows = (
            (
                gid,
                len(seq),
                _SequenceStore.hash8(seq),
                _SequenceStore.encode_seq(seq, True),
                0,
                gid,
                _SequenceStore.encode_header(header, True),
            )
            for gid, (header, seq) in enumerate(read_fasta(fasta))
        )
        while batch := list(islice(rows, _ROWS)):
            store.insert_rows(batch)
        store.close_publish()

    def open(self) -> None:
        """Open the finished database."""
        self._store = _SequenceStore.open_reader(str(self._path))
        self.get = self._store.get_seq
        self.lengths = self._store.get_gids_by_length_range
        self.header = self._store.get_header_len

    def batch(self, gids: list[int]) -> list[str]:
        """Return the sequences: it has no method for many."""
        return [self._store.get_seq(gid) for gid in gids]

    def meta(self, gids: list[int]) -> list[tuple[str, int]]:
        """Return header and length of each."""
        return [(header, length) for _, header, length, _ in self._store.get_many_meta(gids)]

    def dump(self, path: Path) -> None:
        """Write FASTA: it has no method for that, so page by page with those that it has."""
        gids = iter(self._store.get_gids_by_length_range(None, None))
        with open(path, "w") as out:
            while page := sorted(islice(gids, 1000)):
                for gid, header, _ in self._store.get_many_header_len(page):
                    seq = self._store.get_seq(gid)
                    lines = [seq[i : i + 60] for i in range(0, len(seq), 60)]
                    out.write("\n".join([f">{header}", *lines, ""]))

    @property
    def _path(self) -> Path:
        return self.directory / "seqs.sqlite"
