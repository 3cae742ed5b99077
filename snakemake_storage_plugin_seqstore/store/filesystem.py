"""Writing on a shared filesystem: durable, atomic, group-shareable. Knows nothing of the store."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.progress import Progress

CHUNK = 1 << 20
SMALL = 1 << 16  # bytes; to read so little is faster than to ask for a clone
LARGE = 1 << 28  # bytes; copying more is worth a progress bar
_HOST = socket.gethostname()
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_prepared: dict[tuple[str, bytes], list[str]] = {}  # files in a staging directory, by content
_FICLONE = 0x40049409  # Linux; elsewhere the call fails and the file is copied


def temporary_name() -> str:
    """A name that no other process on any node makes."""
    return f"{_HOST}-{os.getpid()}-{os.urandom(16).hex()}"


def now(directory: Path) -> float:
    """The time in s since the epoch by the clock that gives the files in a directory theirs.

    That of a server may differ from this node's.
    """
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()  # it is not there, or read-only


def sync(path: str | Path) -> None:
    """Make the bytes of a file durable, or the entries of a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def begin_writing(paths: Iterable[str]) -> None:
    """Have the system write small files to the disk, so that to wait for one is to wait for all.

    Else each wait writes one of them, and a journal for it.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for path in paths:
        with suppress(OSError):
            file = os.open(path, os.O_RDONLY)
            try:
                if os.fstat(file).st_size <= SMALL:  # it may go from memory, too
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)


def make_directory(directory: str | Path, stop: Path) -> None:
    """Create `directory` and its parents below `stop`, with the sharing of `stop`.

    A group-writable `stop` makes group-writable directories whatever the umask is, so that a
    colleague can add to what one person began. Nothing is ever world-writable.
    """
    try:
        os.mkdir(directory)
    except FileExistsError:
        return
    except FileNotFoundError:
        parent = os.path.dirname(directory)
        if parent == str(stop):
            raise
        make_directory(parent, stop)
        return make_directory(directory, stop)
    mode = os.stat(directory).st_mode
    wanted = mode & ~stat.S_IWOTH
    if stop.stat().st_mode & stat.S_IWGRP:
        wanted |= stat.S_IRWXG | stat.S_ISGID
    if wanted != mode:
        os.chmod(directory, stat.S_IMODE(wanted))


def seal(path: Path, root: Path) -> None:
    """Make a file read-only, for everyone who may read it; share it like `root`."""
    path.chmod(path.stat().st_mode & 0o444)
    _share(path, root)


def _share(file: int | Path, root: Path) -> None:
    """Let the group read a read-only file, if it shares `root`."""
    if os.stat(root).st_mode & stat.S_IWGRP:
        os.chmod(file, os.stat(file).st_mode & 0o444 | stat.S_IRGRP)


def write(target: str, content: bytes, staging: str, root: Path, durable: bool = True) -> None:
    """Write a small read-only file below `root`: it is there whole or not at all.

    If it is to be `durable`, that holds after a crash too, and that it is there is durable when its
    directory is: see :func:`sync`.
    """
    make = partial(make_directory, stop=root)
    if durable and (ready := _prepared.get((staging, content))):
        _settle(ready.pop(), target, make)
        return
    with _staged(target, staging, 0o444, make) as file:
        _write(file, content)
        _share(file, root)
        if durable:
            os.fsync(file)


@contextmanager
def prepared(contents: Iterable[bytes], staging: str, root: Path) -> Iterator[None]:
    """Have small files ready that :func:`write` will be asked for, durable by one wait for all."""
    staged = {f"{staging}/{temporary_name()}": content for content in contents}
    written = []
    try:
        # What fails here is told when it is written.
        for path, content in staged.items():
            with suppress(OSError):
                file = os.open(path, _NEW, 0o444)
                try:
                    _write(file, content)
                    _share(file, root)
                finally:
                    os.close(file)
                written.append(path)
        begin_writing(written)
        for path in written:
            with suppress(OSError):
                sync(path)
                _prepared.setdefault((staging, staged[path]), []).append(path)
        yield
    finally:
        _prepared.clear()
        for path in staged:
            with suppress(OSError):
                os.unlink(path)


def overwrite(target: Path, content: bytes, staging: Path) -> None:
    """Replace a file, whole or not at all, without waiting until that is durable."""
    with _staged(str(target), str(staging), 0o666, partial(os.makedirs, exist_ok=True)) as file:
        _write(file, content)


# What follows calls the system as little as it can: among threads, each call of Python that gives
# up its lock may have to wait for it again. So small files have descriptors instead of objects.


@contextmanager
def _staged(target: str, staging: str, mode: int, make: Callable[[str], object]) -> Iterator[int]:
    """Open a file that takes the place of `target` once it is written; if that fails, it goes.

    Directories are made where they are missed: nearly always they are there.
    """
    staged = f"{staging}/{temporary_name()}"
    try:
        try:
            file = os.open(staged, _NEW, mode)
        except FileNotFoundError:
            make(staging)
            file = os.open(staged, _NEW, mode)
        try:
            yield file
        finally:
            os.close(file)
        _settle(staged, target, make)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(staged)
        raise


def _settle(staged: str, target: str, make: Callable[[str], object]) -> None:
    try:
        os.rename(staged, target)
    except FileNotFoundError:
        make(os.path.dirname(target))
        os.rename(staged, target)


def discard(path: str | os.PathLike[str]) -> None:
    """Remove a file, link or directory, if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        if not os.path.isdir(path) or os.path.islink(path):
            raise
        shutil.rmtree(path)


def sha256_of(path: str | os.PathLike[str], expected: int = 0) -> str:
    """SHA-256 of a file's bytes, in hex.

    Parameters
    ----------
    expected : int
        How many bytes it should have: if it does, no call is needed to find its end.
    """
    digest = hashlib.sha256()
    size, count = SMALL, 0
    file = os.open(path, os.O_RDONLY)
    try:
        while (not count or count != expected) and (chunk := os.read(file, size)):
            digest.update(chunk)
            size, count = CHUNK, count + len(chunk)
    finally:
        os.close(file)
    return digest.hexdigest()


def read_start(path: str | os.PathLike[str], size: int, expected: int = 0) -> bytes:
    """The first `size` bytes of a file, or all if it has no more.

    Parameters
    ----------
    expected : int
        How many bytes it should have: if it does, no call is needed to find its end.
    """
    content = b""
    file = os.open(path, os.O_RDONLY)
    try:
        while len(content) < size and (more := os.read(file, size - len(content))):
            content += more
            if len(content) == expected:
                break
    finally:
        os.close(file)
    return content


def has_bytes(path: str | os.PathLike[str], content: bytes) -> bool:
    """Whether a file has these bytes, and no others."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, len(content) + 1) == content
    finally:
        os.close(file)


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def reflink(source: Path, target: Path) -> bool:
    """Clone `source` into the new file `target` where the filesystem can; say whether it did."""
    with source.open("rb") as reader, target.open("xb") as writer:
        try:
            fcntl.ioctl(writer, _FICLONE, reader.fileno())
        except OSError:
            pass
        else:
            return True
    target.unlink()
    return False


def copy(source: Path, target: Path) -> str:
    """Copy `source` into the new file `target`; return the SHA-256 of what was copied.

    A long copy shows its progress.
    """
    digest = hashlib.sha256()
    size = source.stat().st_size
    with (
        source.open("rb", buffering=0) as reader,
        target.open("xb") as writer,
        _progress(source, size) as progress,
    ):
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
            if progress:
                progress.update(len(chunk), writer.tell())
    return digest.hexdigest()


def _progress(source: Path, size: int) -> AbstractContextManager[Progress | None]:
    if size < LARGE:
        return nullcontext()
    from snakemake_storage_plugin_seqstore.progress import Progress

    return Progress(f"copied {source.name}:", "bytes", size)
