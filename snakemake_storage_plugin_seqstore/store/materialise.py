"""Bringing an entry to a local path, without ever handing out bytes of the store for writing."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from snakemake_storage_plugin_seqstore.store import filesystem
from snakemake_storage_plugin_seqstore.store.store import Entry, Store


class Materialisation(Enum):
    """How a local copy is made."""

    SYMLINK = "symlink"
    REFLINK = "reflink"
    COPY = "copy"


def materialise(store: Store, entry: Entry, target: Path, how: Materialisation) -> None:
    """Make `target` a local copy of an entry, replacing what is there.

    It is made beside `target` and renamed into place, and gets the time of the entry. Where a link
    would let somebody write into the store (root ignores mode 0444) or would lose the executable
    bit, and where the filesystem cannot clone, a copy is made.
    """
    # A short name of its own: the name of the target may be as long as a name can be.
    partial = target.parent / f".{filesystem.temporary_name()[-12:]}.part"
    try:
        if entry.version.kind == "file":
            _place(store, entry.version.digest, partial, how, entry.version.executable)
        else:
            _place_tree(store, entry, partial, how)
        os.utime(partial, ns=(entry.time, entry.time), follow_symlinks=False)
        if target.is_dir() or partial.is_dir():  # else it is replaced at once
            filesystem.discard(target)
        partial.rename(target)
    finally:
        filesystem.discard(partial)


def _place_tree(store: Store, entry: Entry, target: Path, how: Materialisation) -> None:
    target.mkdir()
    for member in store.members(entry.version):
        path = target / member.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.digest:
            _place(store, member.digest, path, how, member.executable)
        elif member.link:
            path.symlink_to(member.link)
        else:
            path.mkdir(exist_ok=True)


def _place(store: Store, digest: str, target: Path, how: Materialisation, executable: bool) -> None:
    payload = store.objects.path(digest)
    if how is Materialisation.SYMLINK and not executable and os.geteuid() != 0:
        target.symlink_to(payload)
        return
    if how is Materialisation.COPY or not filesystem.reflink(payload, target):
        filesystem.copy(payload, target)
    if executable:
        mode = target.stat().st_mode
        target.chmod(mode | (mode & 0o444) >> 2)
