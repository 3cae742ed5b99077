"""starling's own SequenceStore, whose schema seqstore shares."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
from itertools import islice
from pathlib import Path
from typing import Any

from bench.data import read_fasta
from bench.errors import NotInstalled
from bench.peers import Peer

VERSION = "2.0.2"
_MEMBER = f"idptools_starling-{VERSION}/starling/search/store.py"
_ROWS = 10_000


def _load() -> Any:
    """Load the one module: the package around it needs torch, this needs zstandard alone."""
    cache = Path(os.environ["BENCH_CACHE"])
    source = cache / _MEMBER
    if not source.exists():
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            cache,
        ]
        command.append(f"idptools-starling=={VERSION}")
        subprocess.run(command, capture_output=True)
        archives = list(cache.glob("idptools_starling-*.tar.gz"))
        if not archives:
            raise NotInstalled("pip could not download idptools-starling")
        with tarfile.open(archives[0]) as archive:
            archive.extract(_MEMBER, cache, filter="data")
    spec = importlib.util.spec_from_file_location("starling_search_store", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SequenceStore


_SequenceStore = _load()


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
