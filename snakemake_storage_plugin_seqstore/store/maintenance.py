"""Keeping a store clean and sound: what nobody means any more, and what changed on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from snakemake_storage_plugin_seqstore.query import COLLECTIONS, RESERVED_SEGMENT
from snakemake_storage_plugin_seqstore.store import filesystem, trees
from snakemake_storage_plugin_seqstore.store.register import Stamp
from snakemake_storage_plugin_seqstore.store.store import Store

GRACE = 3600.0  # s; whoever publishes has this long between storing a payload and naming it


@dataclass
class Removed:
    """What a collection removed, or would remove."""

    payloads: list[str] = field(default_factory=list)
    versions: list[Path] = field(default_factory=list)
    litter: list[Path] = field(default_factory=list)
    bytes: int = 0


def collect_garbage(store: Store, older_than: float, dry_run: bool = False) -> Removed:
    """Remove what no name means any more, and what killed processes left.

    That is: versions of a name that were superseded or removed more than `older_than` s ago,
    payloads that no remaining version consists of, and unfinished or damaged files. Nothing younger
    than `older_than`, and never anything younger than an hour, is taken. Others may use the store
    meanwhile.

    Parameters
    ----------
    older_than : float
        Age in s.
    dry_run : bool
        Only say what would be removed.
    """
    limit = time.time() - max(older_than, GRACE)
    removed = Removed()
    removed.versions = [stamp.path for stamp, since in _superseded(store) if since < limit]
    for folder in (store.objects.staging, store.objects.damaged):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.lstat().st_mtime < limit:
                removed.litter.append(path)
                removed.bytes += path.lstat().st_size
    meant = _meant(store, without=set(removed.versions))
    for digest, status in store.objects:
        if digest not in meant and status.st_mtime < limit:
            removed.payloads.append(digest)
            removed.bytes += status.st_size
    if not dry_run:
        for path in (*removed.versions, *removed.litter):
            path.unlink(missing_ok=True)
        removed.payloads = list(_sweep(store, removed.payloads))
    return removed


def _sweep(store: Store, digests: list[str]) -> Iterator[str]:
    """Take payloads away, look at the names again, and bring back what is meant by now."""
    taken = {}
    filesystem.make_directory(store.objects.staging, store.root)
    for digest in digests:
        taken[digest] = store.objects.staging / filesystem.temporary_name()
        os.rename(store.objects.path(digest), taken[digest])
    meant = _meant(store, without=set())
    for digest, path in taken.items():
        if digest in meant and store.objects.size(digest) is None:
            os.rename(path, store.objects.path(digest))
        else:
            path.unlink()
            yield digest


def damaged(store: Store) -> Iterator[str]:
    """Digests of the payloads whose bytes are not what they were; reads everything."""
    for digest, _ in store.objects:
        if not store.objects.is_sound(digest):
            yield digest


def _histories(store: Store) -> Iterator[list[Stamp]]:
    for collection in COLLECTIONS:
        top = store.names.directory / collection
        for directory, below, _ in os.walk(top):
            if RESERVED_SEGMENT in below:
                below.remove(RESERVED_SEGMENT)
                yield store.history(collection, Path(directory).relative_to(top).as_posix())


def _superseded(store: Store) -> Iterator[tuple[Stamp, float]]:
    """Versions that their names do not mean any more, and since when (s since the epoch)."""
    for history in _histories(store):
        for newer, older in pairwise(history):
            yield older, newer.time / 10**9
        # A removal stays as long as something is there that would count again without it.
        if len(history) == 1 and history[0].digest is None:
            yield history[0], history[0].time / 10**9


def _meant(store: Store, without: set[Path]) -> set[str]:
    """Digests of everything that the remaining versions consist of."""
    meant = set()
    for history in _histories(store):
        for stamp in history:
            if stamp.digest and stamp.path not in without:
                meant.add(stamp.digest)
                meant.update(_members(store, stamp.digest))
    return meant


def _members(store: Store, digest: str) -> Iterator[str]:
    """What a payload lists if it is a manifest; asked of the payload, as records may be damaged."""
    path = store.objects.path(digest)
    try:
        with path.open("rb") as file:
            if not file.read(16).startswith(b'{"members":'):
                return
        members = trees.load(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return
    yield from (member.digest for member in members if member.digest)
