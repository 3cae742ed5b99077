"""What tells, without reading a payload, that nothing wrote to it after it was published.

A payload's modification time is set to a fixed span before the moment at which that was done, and
that moment is its change time, which nobody can set. Whatever writes to the file later gives it two
equal times; whatever restores the modification time moves the change time on. Either way the span
is another one, and the bytes have to be read and compared with their SHA-256 once. That holds on
NFS and where times are whole seconds, costs no file of its own, and a copy or restored backup of a
store is only read once more.

Where the times cannot be set, as the payload is somebody else's, its user remembers what was read.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.store import json_lines

_SPAN = 97 * 10**9  # ns; no multiple of what clocks and time zones are off by
_SLACK = 5 * 10**9  # ns; a node's clock, whole seconds, the call itself
_MOST = 1 << 25  # bytes of what one user remembers of one store

Signature = tuple[str, int, int, int, int]


def holds(status: os.stat_result) -> bool:
    """Whether a payload is a regular file that nothing wrote to."""
    span = status.st_ctime_ns - status.st_mtime_ns
    return abs(span - _SPAN) <= _SLACK and stat.S_ISREG(status.st_mode)


def give(file: int, now: int) -> bool:
    """Let a file, whose bytes are known to be right, have this evidence; say whether it does.

    Only its owner can do that, and not on every filesystem.

    Parameters
    ----------
    now : int
        The time in ns since the epoch by the clock of its filesystem.
    """
    try:
        os.utime(file, ns=(now, now - _SPAN))
    except OSError:
        return False
    return True


class Remembered:
    """Payloads of one store that this user has read in full, by digest, inode, size and times.

    Parameters
    ----------
    root : Path
        Root of the store.
    """

    def __init__(self, root: Path) -> None:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
        self._file = Path(home, "seqstore", f"{name}.jsonl")
        self._sound: set[Signature] | None = None

    def has(self, digest: str, status: os.stat_result) -> bool:
        """Whether the bytes that a file of this status has are known to be right."""
        if self._sound is None:
            self._sound = set(json_lines.load(self._file, _parsed))
        return _signature(digest, status) in self._sound

    def add(self, digest: str, status: os.stat_result) -> None:
        """Remember that they are; what may have changed a moment ago can change unseen."""
        signature = _signature(digest, status)
        if status.st_ctime_ns > time.time_ns() - _SLACK:
            return
        if self._sound is not None:
            self._sound.add(signature)
        if not self._file.is_absolute():  # a user without a home
            return
        with suppress(OSError):  # else it is read again
            if self._file.exists() and self._file.stat().st_size > _MOST:
                self._file.unlink()
            json_lines.append(self._file, [signature])


def _parsed(row: list[Any]) -> Signature:
    digest, inode, size, modified, changed = row
    return digest, inode, size, modified, changed


def _signature(digest: str, status: os.stat_result) -> Signature:
    return (
        digest,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
