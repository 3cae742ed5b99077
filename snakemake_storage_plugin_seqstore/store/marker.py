"""The marker that makes a directory a store, and says in which format."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import directories, evidence, filesystem, parsing
from snakemake_storage_plugin_seqstore.store.parsing import MalformedError

FORMAT = 1
MARKER = "seqstore.json"
IGNORE = ".gitignore"  # a store inside a repository is not part of it
_MOST = 4096  # bytes of the marker
_OWN = {IGNORE, "objects", "names", "records", "projects", "tmp", "damaged"}


def is_store(root: Path) -> bool:
    """Whether `root` is a store; an absent or foreign directory is none.

    Raises
    ------
    StoreError
        If it is a store of a format that this version does not know, or its marker is damaged.
    """
    marker = root / MARKER
    try:
        document = parsing.load(parsing.read(marker, _MOST))
        # Another format may have more fields.
        found = parsing.natural(document.get("format") if isinstance(document, dict) else None)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StoreError(f"cannot read {marker}: {error.strerror}") from None
    except MalformedError as error:
        raise StoreError(
            f"{marker} is damaged: {error}", f'a sound one reads {{"format": {FORMAT}}}'
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
    check(root)
    is_new = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    with directories.inside(root, "") as here:
        mode = stat.S_IMODE(os.fstat(here).st_mode)
        wanted = (mode & ~stat.S_IWOTH) | (stat.S_IRWXG | stat.S_ISGID if shared else 0)
        try:
            directories.set_mode(here, wanted, is_new)
        except OSError as error:
            error.filename = str(root)
            raise
    for name, content in ((IGNORE, "*\n"), (MARKER, json.dumps({"format": FORMAT}))):
        filesystem.write(f"{root}/{name}", content.encode(), root)


def check(root: Path) -> None:
    """Refuse a root that is no store and cannot become one.

    Raises
    ------
    StoreError
        If it is a file, or a directory with something else in it.
    """
    if is_store(root):
        return
    hint = "give an empty or a new directory as root"
    try:
        foreign = sorted(set(os.listdir(root)) - _OWN - {MARKER})
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise StoreError(f"the root {root} is no directory", hint) from None
    if foreign:
        raise StoreError(f"{root} is not a store, and not empty (it has {foreign[0]})", hint)


def _share(root: Path) -> None:
    """Give everything in a store to the group of its root, and nothing that links lead to."""
    group = root.stat().st_gid
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with directories.inside(root, folder) as here:
                _give(here, group, stat.S_IRWXG | stat.S_ISGID)
            for name, status in directories.entries(root, folder):
                path = f"{folder}/{name}" if folder else name
                if stat.S_ISDIR(status.st_mode):
                    if path.count("/") < parsing.LEVELS + 3:  # what is deeper is none of the store
                        waiting.append(path)
                elif stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                    _give_file(root, folder, name, group)
        except FileNotFoundError:
            pass  # somebody removed it
        except OSError as error:
            # Of an open directory it names the descriptor.
            place = error.filename if isinstance(error.filename, str | Path) else root / folder
            is_denied = isinstance(error, PermissionError)
            hint = "only its owner can: ask them to do the same" if is_denied else ""
            raise StoreError(f"cannot share {place}: {error.strerror}", hint) from error


def _give_file(root: Path, folder: str, name: str, group: int) -> None:
    """Let the group read a file; its times still tell that nothing wrote to it, if they did."""
    with directories.inside(root, folder) as here:
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            file = os.open(name, flags, dir_fd=here)
        except FileNotFoundError:
            return  # an unfinished file, which is where it belongs by now
        except OSError as error:
            error.filename = root / folder / name
            raise
        try:
            before = os.fstat(file)
            # A link to a file of somebody else is none of the store.
            if stat.S_ISREG(before.st_mode) and before.st_nlink == 1:
                _give(file, group, stat.S_IRGRP)
                if evidence.holds(before) and not evidence.holds(os.fstat(file)):
                    evidence.give(file, filesystem.clock(root))
        except OSError as error:
            error.filename = root / folder / name
            raise
        finally:
            os.close(file)


def _give(file: int, group: int, wanted: int) -> None:
    status = os.fstat(file)
    if status.st_gid != group:
        os.chown(file, -1, group)
    if status.st_gid != group or status.st_mode & wanted != wanted:
        directories.set_mode(file, stat.S_IMODE(status.st_mode) | wanted)
