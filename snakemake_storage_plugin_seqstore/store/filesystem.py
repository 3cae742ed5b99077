"""Writing on a shared filesystem: durable, atomic, group-shareable. Knows nothing of the store.

But for the directory in it for what is unfinished.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.store import directories, evidence
from snakemake_storage_plugin_seqstore.store.parsing import opened

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.progress import Progress

_CHUNK = 1 << 18  # bytes that are read at once
SMALL = 1 << 16  # bytes; to read so little is faster than to ask for a clone
LARGE = 1 << 28  # bytes; copying more is worth a progress bar
STAGING = "tmp"  # below the root of a store
_NEW = os.O_CREAT | os.O_EXCL
_FICLONE = 0x40049409  # Linux; elsewhere the call fails and the file is copied
_MEASURED = 600.0  # s; for so long a clock is taken to be as far ahead as it was
_prepared: dict[tuple[str, bytes], list[str]] = {}  # unfinished files of a store, by content
_devices: dict[tuple[Path, Path], tuple[int, int]] = {}  # of files and folders
_cloning: dict[tuple[int, int], bool] = {}  # whether it works, by devices from and to
_ahead: dict[str, tuple[float, int]] = {}  # when it was measured (s), and how far (ns), by root


@cache
def _machine() -> str:
    """Names the processes that this one can see: those of one boot and one namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        return hashlib.sha256((boot + os.readlink("/proc/self/ns/pid")).encode()).hexdigest()[:12]
    except OSError:
        return os.urandom(6).hex()  # those of no other process


def temporary_name() -> str:
    """A name that no other process on any node makes."""
    return f"{_machine()}-{os.getpid()}-{os.urandom(16).hex()}"


def is_abandoned(name: str) -> bool:
    """Whether the process that made a temporary name is known to be gone."""
    machine, _, rest = name.partition("-")
    process = rest.partition("-")[0]
    if machine != _machine() or not (process.isdecimal() and len(process) < 10):
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is somebody else's
    return False


def clock(root: Path) -> int:
    """The time in ns since the epoch by the clock that gives the files of a store their times.

    That of a server may differ from this node's; what is less than files' times are rounded by is
    no difference.
    """
    key, moment = str(root), time.monotonic()
    if key not in _ahead or moment - _ahead[key][0] > _MEASURED:
        try:
            _ahead[key] = moment, _measure(root)
        except OSError:
            return time.time_ns()  # it is not there, or read-only
    return time.time_ns() + _ahead[key][1]


def _measure(root: Path) -> int:
    with directories.inside(root, STAGING) as folder:
        name = temporary_name()
        file = os.open(name, _NEW | os.O_WRONLY, 0o600, dir_fd=folder)
        try:
            made, now = os.fstat(file).st_mtime_ns, time.time_ns()
        finally:
            os.close(file)
            os.unlink(name, dir_fd=folder)
    rounding = 10**8 if made % 10**9 else 2 * 10**9
    return made - now if abs(made - now) > rounding else 0


def sync(path: str | Path) -> None:
    """Make the bytes of a file durable, or the entries of a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
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
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                if os.fstat(file).st_size <= SMALL:  # it may go from the page cache, too
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)


# What follows calls the system as little as it can: among threads, each call of Python that gives
# up its lock may have to wait for it again. So small files have descriptors instead of objects.


def write(
    target: str, content: bytes, root: Path, durable: bool = True, is_payload: bool = False
) -> None:
    """Write a small read-only file below `root`: it is there whole or not at all.

    If it is to be `durable`, that holds after a crash too, and that it is there is durable when its
    directory is: see :func:`sync`. A payload gets the evidence that nothing wrote to it.
    """
    path = directories.relative(root, target)
    if durable and (ready := _prepared.get((str(root), content))):
        directories.move(root, ready.pop(), path)
        return
    with Unfinished(root) as new:
        _write(new.file, content)
        share(new.file, root)
        if durable:
            os.fsync(new.file)
        if is_payload:
            evidence.give(new.file, clock(root))
        new.settle(path)


class Unfinished:
    """A new read-only file of a store, which has no place in it until it is settled.

    If it never is, it goes.

    Parameters
    ----------
    root : Path
        Root of the store.

    Attributes
    ----------
    file : int
        Its descriptor, to be read and written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._name = temporary_name()

    def __enter__(self) -> Unfinished:
        self._opened = ExitStack()
        folder = directories.inside(self._root, STAGING, make=True)
        self._folder = self._opened.enter_context(folder)
        with self._opened:
            flags = _NEW | os.O_RDWR
            # Nobody else can open it to write to it.
            try:
                self.file = os.open(self._name, flags, 0o444, dir_fd=self._folder)
            except OSError as error:
                error.filename = f"{self._root}/{STAGING}/{self._name}"
                raise
            self._opened = self._opened.pop_all()
        return self

    def settle(self, target: str) -> None:
        """Close it, and move it in place of what is at a path of the store.

        Directories are made where they are missed.
        """
        if self.file >= 0:
            file, self.file = self.file, -1
            os.close(file)  # a full disk may be told here
        directory, _, name = target.rpartition("/")
        with directories.inside(self._root, directory, make=True) as there:
            os.rename(self._name, name, src_dir_fd=self._folder, dst_dir_fd=there)
        self._name = ""

    def __exit__(self, *_: object) -> None:
        with self._opened:
            if self.file >= 0:
                os.close(self.file)
            if self._name:
                with suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=self._folder)


@contextmanager
def prepared(contents: Iterable[bytes], root: Path) -> Iterator[None]:
    """Have small files ready that :func:`write` will be asked for, durable by one wait for all."""
    unfinished = {f"{STAGING}/{temporary_name()}": content for content in contents}
    written, ready = [], set()
    try:
        # What fails here is told when it is written.
        with suppress(OSError), directories.inside(root, STAGING, make=True) as folder:
            for path, content in unfinished.items():
                with suppress(OSError):
                    name = path.rpartition("/")[2]
                    file = os.open(name, _NEW | os.O_WRONLY, 0o444, dir_fd=folder)
                    try:
                        _write(file, content)
                        share(file, root)
                    finally:
                        os.close(file)
                    written.append(path)
        begin_writing(f"{root}/{path}" for path in written)
        for path in written:
            with suppress(OSError):
                sync(f"{root}/{path}")
                _prepared.setdefault((str(root), unfinished[path]), []).append(path)
                ready.add(path)
        yield
    finally:
        of_root = [key for key in _prepared if key[0] == str(root)]
        not_used = {path for key in of_root for path in _prepared.pop(key)}
        for path in (unfinished.keys() - ready) | not_used:
            with suppress(OSError):
                directories.remove(root, path)


def overwrite(target: Path, content: bytes, staging: Path) -> None:
    """Replace a file, whole or not at all, without waiting until that is durable."""
    unfinished = f"{staging}/{temporary_name()}"
    try:
        try:
            file = os.open(unfinished, _NEW | os.O_WRONLY, 0o666)
        except FileNotFoundError:
            os.makedirs(staging, exist_ok=True)
            file = os.open(unfinished, _NEW | os.O_WRONLY, 0o666)
        try:
            _write(file, content)
        finally:
            os.close(file)
        try:
            os.rename(unfinished, target)
        except FileNotFoundError:
            os.makedirs(target.parent, exist_ok=True)
            os.rename(unfinished, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
        raise


def share(file: int, root: Path) -> None:
    """Let the group read a read-only file, if it shares `root`."""
    if os.stat(root).st_mode & stat.S_IWGRP:
        os.chmod(file, os.fstat(file).st_mode & 0o444 | stat.S_IRGRP)


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
    """SHA-256 of a regular file's bytes, in hex.

    Parameters
    ----------
    expected : int
        How many bytes it should have: if it does, no call is needed to find its end.
    """
    with opened(path, follow=True) as (file, _):
        return _digest_of(file, expected)


def digest_of(file: int, expected: int = 0) -> str:
    """SHA-256 of the bytes of an open file; see :func:`sha256_of`."""
    os.lseek(file, 0, os.SEEK_SET)
    return _digest_of(file, expected)


def _digest_of(file: int, expected: int) -> str:
    """SHA-256 of the bytes of an open file from its place on."""
    start = os.read(file, SMALL)
    digest = hashlib.sha256(start)
    if start and len(start) != expected:
        for chunk in _chunks(file):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: int) -> Iterator[memoryview]:
    """The bytes of an open file from its place on; each piece is there until the next one.

    To take new memory for each makes copying four times as slow.
    """
    buffer = bytearray(_CHUNK)
    whole = memoryview(buffer)
    while size := os.readv(file, [buffer]):
        yield whole[:size]


def read_start(path: str | os.PathLike[str], size: int, expected: int = 0) -> bytes:
    """The first `size` bytes of a regular file, or all if it has no more.

    Parameters
    ----------
    expected : int
        How many bytes it should have: if it does, no call is needed to find its end.
    """
    content = b""
    with opened(path, follow=True) as (file, _):
        while len(content) < size and (more := os.read(file, size - len(content))):
            content += more
            if len(content) == expected:
                break
    return content


def _write(file: int, content: bytes | memoryview) -> None:
    while content:
        content = content[os.write(file, content) :]


def clone(reader: int, writer: int) -> bool:
    """Clone an open file into a new one where the filesystem can; say whether it did."""
    try:
        fcntl.ioctl(writer, _FICLONE, reader)
    except OSError:
        return False
    return True


def can_clone(source: Path, folder: Path) -> bool:
    """Whether files like `source` can be cloned into a folder; tried once for two filesystems."""
    try:
        if (source, folder) not in _devices:
            _devices[source, folder] = os.stat(source).st_dev, os.stat(folder).st_dev
        pair = _devices[source, folder]
        if pair not in _cloning:
            _cloning[pair] = _try_to_clone(source, folder)
        return _cloning[pair]
    except OSError:
        return False  # whoever writes there is told


def _try_to_clone(source: Path, folder: Path) -> bool:
    trial = f"{folder}/.{temporary_name()[-12:]}.part"
    with opened(source) as (reader, _):
        writer = os.open(trial, _NEW | os.O_RDWR, 0o600)
        try:
            return clone(reader, writer)
        finally:
            os.close(writer)
            os.unlink(trial)


def copy(reader: int, writer: int, name: str) -> str:
    """Copy an open file into a new one; return the SHA-256 of what was copied.

    A long copy shows its progress, with the name of the file.
    """
    digest = hashlib.sha256()
    size, done = os.fstat(reader).st_size, 0
    with _progress(name, size) as progress:
        for chunk in _chunks(reader):
            digest.update(chunk)
            _write(writer, chunk)
            done += len(chunk)
            if progress:
                progress.update(len(chunk), done)
    return digest.hexdigest()


def _progress(name: str, size: int) -> AbstractContextManager[Progress | None]:
    if size < LARGE:
        return nullcontext()
    from snakemake_storage_plugin_seqstore.progress import Progress

    return Progress(f"copied {name}:", "bytes", size)
