"""Directories of a store, reached without following links: nothing outside it is ever changed.

Whoever may write to a store can put a link in place of any directory in it. So whatever is made,
moved, shared or removed there goes through a descriptor of its directory that is opened from the
root, one directory after the other. The root itself may be reached by links.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY
_MOST_KEPT = 64
_ACCESS = stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO
_ONE_MODE = (
    "Its mode cannot be changed; a filesystem that has one mode for all files has to be mounted "
    "with umask=022, or 002 for a group"
)


def relative(root: str | Path, path: str | Path) -> str:
    """The path in a store of what is below its root."""
    return str(path)[len(str(root)) + 1 :]


_thread = threading.local()


@contextmanager
def kept_open() -> Iterator[None]:
    """Keep directories open that this thread passes, as many ways are the same for a while.

    No directory of a store is ever removed by anybody who keeps to its format.
    """
    before = getattr(_thread, "kept", None)
    _thread.kept = kept = _Kept()
    try:
        yield
    finally:
        _thread.kept = before
        kept.close()


class _Kept:
    """Descriptors of the directories that were passed last, by root and path."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str], int] = OrderedDict()

    def inside(self, root: str, directory: str, make: bool) -> int:
        """A descriptor of a directory, to be used before the next one is asked for."""
        path, missing = directory, list[str]()
        while path and (root, path) not in self._open:
            path, _, part = path.rpartition("/")
            missing.append(part)
        if (root, path) in self._open:
            self._open.move_to_end((root, path))
        else:
            self._keep(root, "", os.open(root, _FLAGS))
        for part in reversed(missing):
            below = _enter(root, directory, part, self._open[root, path], make)
            path = f"{path}/{part}" if path else part
            self._keep(root, path, below)
        return self._open[root, path]

    def close(self) -> None:
        for file in self._open.values():
            os.close(file)

    def _keep(self, root: str, path: str, file: int) -> None:
        self._open[root, path] = file
        if len(self._open) > _MOST_KEPT:
            os.close(self._open.popitem(last=False)[1])


@contextmanager
def inside(root: str | Path, directory: str, make: bool = False) -> Iterator[int]:
    """Open a directory of a store.

    Parameters
    ----------
    directory : str
        Its path, from the root; may be empty.
    make : bool
        Whether it is made if it is missing, with the sharing of the root: a group-writable root has
        group-writable directories whatever the umask is, so that a colleague can add to what one
        person began. Nothing is ever world-writable.

    Raises
    ------
    OSError
        If it is missing, or a link or something else is in the way.
    """
    kept: _Kept | None = getattr(_thread, "kept", None)
    here = os.dup(kept.inside(str(root), directory, make)) if kept else os.open(root, _FLAGS)
    try:
        for part in directory.split("/") if directory and not kept else ():
            below = _enter(root, directory, part, here, make)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _enter(root: str | Path, directory: str, part: str, here: int, make: bool) -> int:
    try:
        try:
            return os.open(part, _FLAGS | os.O_NOFOLLOW, dir_fd=here)
        except FileNotFoundError:
            if not make:
                raise
            return _made(root, part, here)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            error = NotADirectoryError(errno.ENOTDIR, "A link or file is where a directory must be")
        error.filename = f"{root}/{directory}"
        raise error from None


def _made(root: str | Path, part: str, here: int) -> int:
    try:
        os.mkdir(part, dir_fd=here)
    except FileExistsError:
        return os.open(part, _FLAGS | os.O_NOFOLLOW, dir_fd=here)
    made = os.open(part, _FLAGS | os.O_NOFOLLOW, dir_fd=here)
    wanted = os.fstat(made).st_mode & ~stat.S_IWOTH
    if os.stat(root).st_mode & stat.S_IWGRP:
        wanted |= stat.S_IRWXG | stat.S_ISGID
    try:
        set_mode(made, stat.S_IMODE(wanted), is_new=True)
    except BaseException:
        os.close(made)
        os.rmdir(part, dir_fd=here)
        raise
    return made


def set_mode(file: int, mode: int, is_new: bool = False) -> None:
    """Set the mode of an open file or directory, as far as its filesystem has modes.

    Where it has none (exFAT), all files have the mode and the group that it was mounted with. That
    is refused if everybody may write to them; for a group it is enough if it may.

    Parameters
    ----------
    is_new : bool
        Whether this user made it just now, whoever the filesystem says it belongs to.

    Raises
    ------
    OSError
        If it has another mode and keeps it.
    """
    now = os.fstat(file)
    if stat.S_IMODE(now.st_mode) == mode:
        return
    try:
        os.chmod(file, mode)
    except PermissionError:
        if not is_new and now.st_uid != os.geteuid():
            raise
        if now.st_mode & stat.S_IWOTH or mode & ~now.st_mode & _ACCESS:
            raise OSError(errno.EOPNOTSUPP, _ONE_MODE) from None


def entries(root: str | Path, directory: str) -> list[tuple[str, os.stat_result]]:
    """What is in a directory of a store, by name, each with its own status; empty if it is missing.

    Raises
    ------
    OSError
        If it cannot be listed.
    """
    found = []
    for entry in _listed(root, directory):
        with suppress(FileNotFoundError):  # somebody took it
            found.append((entry.name, entry.stat(follow_symlinks=False)))
    return sorted(found, key=lambda pair: os.fsencode(pair[0]))


def folders(root: str | Path, directory: str) -> list[str]:
    """The names of the directories in a directory of a store; see :func:`entries`."""
    listed = _listed(root, directory)
    return sorted(entry.name for entry in listed if entry.is_dir(follow_symlinks=False))


def _listed(root: str | Path, directory: str) -> Iterator[os.DirEntry[str]]:
    try:
        with inside(root, directory) as here, os.scandir(here) as listed:
            yield from listed
    except FileNotFoundError:
        return
    except OSError as error:
        error.filename = f"{root}/{directory}"
        raise


def status(root: str | Path, path: str) -> os.stat_result | None:
    """The status of a file of a store itself; None if it is not there."""
    directory, _, name = path.rpartition("/")
    try:
        with inside(root, directory) as here:
            return os.stat(name, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return None


def remove(root: str | Path, path: str) -> None:
    """Remove a file or link of a store, if it is there."""
    directory, _, name = path.rpartition("/")
    try:
        with inside(root, directory) as here:
            os.unlink(name, dir_fd=here)
    except FileNotFoundError:
        pass


def move(root: str | Path, source: str, target: str) -> None:
    """Move a file of a store, in place of what is at its target; make the target's directory."""
    before, _, name = source.rpartition("/")
    after, _, new = target.rpartition("/")
    with inside(root, before) as here, inside(root, after, make=True) as there:
        os.rename(name, new, src_dir_fd=here, dst_dir_fd=there)
