"""The marker that makes a directory a store, and says in which format."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import filesystem

FORMAT = 1
MARKER = "seqstore.json"
IGNORE = ".gitignore"  # a store inside a repository is not part of it
_OWN = {IGNORE, "objects", "names", "records", "tmp", "damaged"}


def is_store(root: Path) -> bool:
    """Whether `root` is a store; an absent or foreign directory is none.

    Raises
    ------
    StoreError
        If it is a store of a format that this version does not know, or its marker is damaged.
    """
    marker = root / MARKER
    try:
        found = json.loads(marker.read_bytes())["format"]
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StoreError(f"cannot read {marker}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise StoreError(
            f"{marker} is damaged", f'a sound one reads {{"format": {FORMAT}}}'
        ) from None
    if found != FORMAT:
        raise StoreError(
            f"the store {root} has format {found}, this version of seqstore knows {FORMAT}",
            "install the version that the others use, or choose another root",
        )
    return True


def create(root: Path, shared: bool = False) -> None:
    """Make `root` a store, if it is none, and share it; several may try at the same time.

    Parameters
    ----------
    root : Path
        A directory that is empty or does not exist yet.
    shared : bool
        Whether the group of `root` may write (setgid, so that everything keeps the group).

    Raises
    ------
    StoreError
        If `root` is something else, or holds what only somebody else can share.
    """
    if is_store(root):
        if shared:
            _share(root)
        return
    root.mkdir(parents=True, exist_ok=True)
    if foreign := sorted(set(os.listdir(root)) - _OWN - {MARKER}):
        raise StoreError(
            f"{root} is not a store, and not empty (it has {foreign[0]})",
            "give an empty or a new directory as root",
        )
    mode = stat.S_IMODE(root.stat().st_mode)
    wanted = (mode & ~stat.S_IWOTH) | (stat.S_IRWXG | stat.S_ISGID if shared else 0)
    if wanted != mode:
        root.chmod(wanted)
    for name, content in ((IGNORE, "*\n"), (MARKER, json.dumps({"format": FORMAT}))):
        filesystem.write(f"{root}/{name}", content.encode(), f"{root}/tmp", root)


def _share(root: Path) -> None:
    """Give everything in a store to the group of its root."""
    group = root.stat().st_gid
    for directory, _, files in os.walk(root):
        _give(directory, group, stat.S_IRWXG | stat.S_ISGID)
        for file in files:
            _give(os.path.join(directory, file), group, stat.S_IRGRP)


def _give(path: str, group: int, wanted: int) -> None:
    try:
        status = os.stat(path)
        if status.st_gid != group or status.st_mode & wanted != wanted:
            os.chown(path, -1, group)
            os.chmod(path, stat.S_IMODE(status.st_mode) | wanted)
    except FileNotFoundError:
        pass  # an unfinished file, which is where it belongs by now
    except OSError as error:
        raise StoreError(
            f"cannot share {path}: {error.strerror}", "only its owner can: ask them to do the same"
        ) from error
