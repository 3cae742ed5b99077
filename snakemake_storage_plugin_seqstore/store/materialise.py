"""Bringing an entry to a local path, without ever handing out bytes of the store for writing."""

from __future__ import annotations

import errno
import os
from enum import Enum
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.store import filesystem
from snakemake_storage_plugin_seqstore.store.marker import MARKER
from snakemake_storage_plugin_seqstore.store.objects import CHANGES
from snakemake_storage_plugin_seqstore.store.parsing import opened
from snakemake_storage_plugin_seqstore.store.store import Entry, Store

# What a filesystem says that has no symbolic links.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)

# What it says if a directory is replaced, or replaces something.
_IN_THE_WAY = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY)


class Materialisation(Enum):
    """How a local copy is made."""

    AUTO = "auto"  # a clone where the filesystem can, else a link
    SYMLINK = "symlink"
    REFLINK = "reflink"
    COPY = "copy"


def way(store: Store, folder: Path, how: Materialisation) -> Materialisation:
    """How the entries of a store come to a folder that is there: no longer ``AUTO``.

    Root gets no links, as it ignores that payloads are read-only.
    """
    if how is Materialisation.AUTO:
        clones = filesystem.can_clone(store.root / MARKER, folder)
        how = Materialisation.REFLINK if clones else Materialisation.SYMLINK
    is_link = how is Materialisation.SYMLINK
    return Materialisation.REFLINK if is_link and os.geteuid() == 0 else how


def materialise(store: Store, entry: Entry, target: Path, how: Materialisation) -> None:
    """Make `target` a local copy of an entry, replacing what is there.

    It is made beside `target` and renamed into place, and gets the time of the entry. Where a link
    would let somebody write into the store (root ignores mode 0444, some filesystems have no modes)
    or would have another executable bit, and where the filesystem cannot link or clone, a copy is
    made. What is copied is compared with its SHA-256.

    Raises
    ------
    DamageError
        If the bytes that were copied are not the right ones.
    OSError
        If the entry cannot be read, or `target` not be written.
    """
    # A short name of its own: the name of the target may be as long as a name can be.
    partial = target.parent / f".{filesystem.temporary_name()[-12:]}.part"
    how = way(store, target.parent, how)
    try:
        if entry.version.kind == "file":
            executable = entry.version.executable
            _place(store, entry.version.digest, partial, how, executable, target.name)
        else:
            _place_tree(store, entry, partial, how)
        os.utime(partial, ns=(entry.time, entry.time), follow_symlinks=False)
        try:
            os.rename(partial, target)
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            filesystem.discard(target)
            os.rename(partial, target)
    except BaseException:
        filesystem.discard(partial)
        raise


def _place_tree(store: Store, entry: Entry, target: Path, how: Materialisation) -> None:
    target.mkdir()
    for member in store.members(entry.version):
        path = target / member.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.digest:
            _place(store, member.digest, path, how, member.executable, path.name)
        elif member.link:
            path.symlink_to(member.link)
        else:
            path.mkdir(exist_ok=True)


def _place(
    store: Store, digest: str, target: Path, how: Materialisation, executable: bool, name: str
) -> None:
    """Make a local copy of a payload, under a name for people."""
    payload = store.objects.path(digest)
    links = how is Materialisation.SYMLINK and not executable
    if links and not os.stat(payload).st_mode & CHANGES:
        try:
            target.symlink_to(payload)
            return
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
    with opened(payload) as (reader, _):
        writer = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            is_cloned = how is not Materialisation.COPY and filesystem.clone(reader, writer)
            if not is_cloned and filesystem.copy(reader, writer, name) != digest:
                raise DamageError(
                    f"the stored bytes in {payload} changed on disk",
                    "`seqstore verify` sets them aside; then make or publish it again",
                )
            if executable:
                mode = os.fstat(writer).st_mode
                os.chmod(writer, mode | (mode & 0o444) >> 2)
        finally:
            os.close(writer)
