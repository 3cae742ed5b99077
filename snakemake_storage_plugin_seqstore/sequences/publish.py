"""A new file beside its target: what killed writers left goes, what is whole takes its place."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import StoreError

_LITTER_AGE_S = 24 * 3600

# Number, size and time of a file: another one that takes its place has others.
Version = tuple[int, int, int]


def version(file: Path | int) -> Version:
    """Return what tells which file this path, or descriptor, is now."""
    status = os.stat(file)
    return status.st_ino, status.st_size, status.st_mtime_ns


def beside(path: Path) -> Path:
    """Return where a target is built; clears what killed writers of the same target left.

    Missing parent directories are made.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a directory", "name the database file")
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_litter(path)
    name = f"{_litter_prefix(path)}{_host()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
    return path.with_name(name)


def publish(building: Path, path: Path) -> None:
    """Make a finished file durable and put it in its place, in one step for every reader."""
    # The data first, then the name.
    _fsync(building)
    os.replace(building, path)
    _fsync(path.parent)


@contextlib.contextmanager
def syncing(building: Path) -> Iterator[None]:
    """Have the disk take what is in a file already, while the block writes the rest."""
    with ThreadPoolExecutor(1) as disk:
        synced = disk.submit(_fsync, building)
        yield
    synced.result()  # publish() would not learn again of an error


def _litter_prefix(path: Path) -> str:
    # A very long name would leave no room for the rest, which must fit into 255 bytes too.
    name = os.fsencode(path.name)
    stem = path.name if len(name) <= 120 else hashlib.sha1(name).hexdigest()
    return f".{stem}.building."


def _host() -> str:
    # A process number means something on one host, and there in one namespace of processes.
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:64]
    with contextlib.suppress(OSError):
        host += "-" + re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    return host


def _clear_litter(path: Path) -> None:
    """Remove what killed writers of the same target left: theirs who are gone, or a day old."""
    prefix = _litter_prefix(path)
    for entry in path.parent.iterdir():
        match = re.fullmatch(r"(.+)\.(\d+)\.[0-9a-f]{8}(-journal)?", entry.name[len(prefix) :])
        if not (entry.name.startswith(prefix) and match):
            continue
        with contextlib.suppress(OSError):
            old = time.time() - entry.stat().st_mtime > _LITTER_AGE_S
            if old or (match[1] == _host() and not _alive(int(match[2]))):
                entry.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
