"""Keeping a store clean and sound: what nobody means any more, and what changed on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import DamageError, StoreError
from snakemake_storage_plugin_seqstore.progress import Progress
from snakemake_storage_plugin_seqstore.store import directories, filesystem, trees
from snakemake_storage_plugin_seqstore.store.objects import GRACE
from snakemake_storage_plugin_seqstore.store.parsing import MalformedError
from snakemake_storage_plugin_seqstore.store.store import Store
from snakemake_storage_plugin_seqstore.store.uses import Name, Use
from snakemake_storage_plugin_seqstore.store.version import Version
from snakemake_storage_plugin_seqstore.store.version_log import Stamp


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
    payloads that no remaining version consists of and no project uses, and unfinished or damaged
    files. Nothing younger than `older_than` is taken, and nothing younger than an hour but what a
    process of this machine left that is gone. Others may use the store meanwhile, or collect
    garbage themselves.

    Parameters
    ----------
    older_than : float
        Age in s.
    dry_run : bool
        Only say what would be removed.

    Raises
    ------
    StoreError
        If it cannot be told what is meant. Nothing is removed then.
    """
    now = filesystem.clock(store.root) / 10**9
    limit = now - max(older_than, GRACE)
    outdated, used = _used(store, limit)
    superseded, meant = _looked_at(store, limit)
    meant |= used
    unmeant = [digest for digest, _ in store.objects if digest not in meant]
    removed = Removed()
    for project, uses in outdated.items():  # before the removals that say so
        if not dry_run:
            store.uses.drop(project, uses)
    for path in superseded:
        if dry_run or _unlink(store, path):
            removed.versions.append(path)
    for path, status in litter(store):
        since = now - older_than if filesystem.is_abandoned(path.name) else limit
        if status.st_mtime < since and (dry_run or _unlink(store, path)):
            removed.litter.append(path)
            removed.bytes += status.st_size
    for digest in unmeant:
        path = store.objects.path(digest)
        size = _size_if_old(store, path, limit) if dry_run else _take(store, path, limit)
        if size is not None:
            removed.payloads.append(digest)
            removed.bytes += size
    return removed


def damaged(store: Store) -> Iterator[str]:
    """Digests of the payloads whose bytes are not what they were; reads everything."""
    payloads = [(digest, status.st_size) for digest, status in store.objects]
    done = 0
    with Progress("verified", "payloads", sum(size for _, size in payloads)) as progress:
        for digest, size in payloads:
            is_sound = store.objects.is_sound(digest)
            done += size
            progress.update(1, done)
            if not is_sound and os.path.lexists(store.objects.path(digest)):  # `gc` may take one
                yield digest


def _take(store: Store, path: Path, limit: float) -> int | None:
    """Remove a payload, unless somebody came to mean it; return its size in bytes if it is gone.

    Whoever adds what is there already renews it first: before it is moved, which is seen here
    afterwards, or after that, and then it is missing there and written again.
    """
    if _size_if_old(store, path, limit) is None:
        return None
    moved = store.objects.staging / filesystem.temporary_name()
    there, aside = (directories.relative(store.root, found) for found in (path, moved))
    try:
        directories.move(store.root, there, aside)
    except FileNotFoundError:
        return None  # somebody else took it
    size = _size_if_old(store, moved, limit)
    if size is None:
        directories.move(store.root, aside, there)
    else:
        directories.remove(store.root, aside)
    return size


def _size_if_old(store: Store, path: Path, limit: float) -> int | None:
    """Size in bytes of a file that is older than the limit."""
    status = directories.status(store.root, directories.relative(store.root, path))
    if status is None or stat.S_ISDIR(status.st_mode):
        return None
    return status.st_size if status.st_mtime < limit else None


def _unlink(store: Store, path: Path) -> bool:
    """Remove a file, and say whether it is gone: NFS keeps one that somebody has open."""
    with suppress(OSError):
        directories.remove(store.root, directories.relative(store.root, path))
        return True
    return False


def litter(store: Store) -> Iterator[tuple[Path, os.stat_result]]:
    """Unfinished and damaged files, each with its status."""
    for folder in (store.objects.staging, store.objects.damaged):
        for name, status in directories.entries(store.root, folder.name):
            if not stat.S_ISDIR(status.st_mode):
                yield folder / name, status


def _used(store: Store, limit: float) -> tuple[dict[str, dict[Name, Use]], set[str]]:
    """What projects do not use any more, and the digests of everything that they do use."""
    outdated: dict[str, dict[Name, Use]] = {}
    used: set[str] = set()
    for project in store.uses.projects:
        try:
            uses = store.uses.of(project)
        except MalformedError as error:
            raise StoreError(
                f"cannot tell what the project {project} uses: {error}",
                "remove it: what only this project uses is made again where it is missed",
            ) from error
        for name, use in uses.items():
            newer = store.names.log(*name, project)[:1]
            if newer and newer[0].time > use.time and _written(newer[0]) < limit:
                outdated.setdefault(project, {})[name] = use
            elif use.version.digest not in used:
                used.add(use.version.digest)
                used.update(_members(store, use.version, "/".join(name)))
    return outdated, used


def _looked_at(store: Store, limit: float) -> tuple[list[Path], set[str]]:
    """Versions that may go, and the digests of everything that the others consist of."""
    superseded: list[Path] = []
    meant: set[str] = set()
    with Progress("looked at", "names") as progress:
        for collection in store.names.collections:
            for name in store.names.walk(collection):
                for _, log in store.names.logs(collection, name):
                    old = {stamp.path for stamp, since in _superseded(log) if since < limit}
                    superseded += sorted(old)
                    for stamp in log:
                        if stamp.digest and stamp.digest not in meant and stamp.path not in old:
                            meant.add(stamp.digest)
                            meant.update(_meant(store, stamp, stamp.digest))
                progress.update(1, 0)
    return superseded, meant


def _superseded(history: list[Stamp]) -> Iterator[tuple[Stamp, float]]:
    """Versions that their name does not mean any more, and since when (s since the epoch)."""
    for newer, older in pairwise(history):
        yield older, _written(newer)
    # A removal stays as long as something is there that would count again without it.
    if len(history) == 1 and history[0].digest is None:
        yield history[0], _written(history[0])


def _written(stamp: Stamp) -> float:
    """When a version was written, in s since the epoch: the clock of who did it may be slow."""
    with suppress(FileNotFoundError):
        return max(stamp.time / 10**9, stamp.path.stat().st_mtime)
    return stamp.time / 10**9


def _meant(store: Store, stamp: Stamp, digest: str) -> Iterable[str]:
    """The other payloads of a version of a name, if it is a directory.

    Raises
    ------
    StoreError
        If that cannot be told.
    """
    what = str(stamp.path.parent.parent)
    try:
        version = store.names.version(stamp)
        if version is None:
            version = Version(digest, trees.kind(store.objects.path(digest)), 0)
    except FileNotFoundError:
        return ()
    except (OSError, DamageError) as error:
        raise _unknown(what, error) from error
    return _members(store, version, what)


def _members(store: Store, version: Version, what: str) -> Iterable[str]:
    """The other payloads of a version, if it is a directory; see :func:`_meant`."""
    try:
        return store.payloads(version)
    except FileNotFoundError:
        return ()
    except MalformedError as error:
        if store.objects.is_sound(version.digest):
            return ()  # it never was a directory
        raise _unknown(what, error) from error
    except (OSError, DamageError) as error:
        raise _unknown(what, error) from error


def _unknown(what: str, error: Exception) -> StoreError:
    return StoreError(
        f"cannot tell what the directory {what} consists of: {error}",
        "`seqstore verify` sets damaged files aside",
    )
