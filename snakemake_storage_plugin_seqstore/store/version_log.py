"""Version logs: versions of something, each in one small file, written once and never changed.

A version's file is named ``<time>-<sha256>.json``. The newest one counts; a newer
``<time>-removed`` says that nothing does. So there is nothing to lock, nobody overwrites anybody,
and what counts is known from one directory listing.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from snakemake_storage_plugin_seqstore.store import filesystem, parsing

# Times are multiples of 2**-9 s: exact as nanoseconds and as a float, so that a local copy which
# was given the stored time compares equal to it.
TICK = 1_953_125
_REMOVED = "removed"
_NAME = re.compile(rf"([0-9]{{20}})-(?:([0-9a-f]{{64}})\.json|{_REMOVED})")
_LAST = 2**62  # ns since the epoch, in the year 2116
_MOST = 1 << 24  # bytes of the largest file that is read
_ATTEMPTS = 10  # to read what is being replaced all the time


@dataclass(frozen=True)
class Stamp:
    """A version by its file name: `time` in ns since the epoch, `digest` None for a removal."""

    time: int
    digest: str | None
    directory: str
    file: str

    @property
    def path(self) -> Path:
        """Where the version is."""
        return Path(self.directory, self.file)

    def read(self) -> bytes:
        """The content of the version.

        Raises
        ------
        MalformedError, OSError
            If it cannot be one, or cannot be read.
        """
        return parsing.read(f"{self.directory}/{self.file}", _MOST)


def now(root: Path | None = None) -> int:
    """The time in ns since the epoch, rounded up to a whole tick.

    Parameters
    ----------
    root : Path, optional
        Root of a store by whose clock it is; else by this node's.
    """
    moment = filesystem.clock(root) if root else time.time_ns()
    return -(-moment // TICK) * TICK


def history(directory: str) -> list[Stamp]:
    """All versions in a directory, newest first."""
    return listing(directory)[0]


def listing(directory: str) -> tuple[list[Stamp], list[str]]:
    """All versions in a directory, newest first, and the names of what else is there."""
    try:
        files = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    files.sort(reverse=True)
    stamps = {file: stamp for file in files if (stamp := _stamp(directory, file))}
    return list(stamps.values()), [file for file in files if file not in stamps]


def newest(history: Callable[[], Sequence[Stamp]]) -> tuple[Stamp, bytes] | None:
    """The newest version of a history and its content; None if there is none.

    Raises
    ------
    MalformedError, OSError
        If it cannot be read.
    """
    for _ in range(_ATTEMPTS):
        stamps = history()
        if not stamps:
            return None
        try:
            return stamps[0], stamps[0].read()
        except OSError as error:
            # Somebody wrote the same content again, at a newer time, and removed this version.
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                raise
            failure = error
    raise failure


def add(
    directory: str, digest: str | None, content: bytes, before: Sequence[Stamp], root: Path
) -> Stamp:
    """Write the version that counts from now on, or a removal, in the store `root`.

    Parameters
    ----------
    before : sequence of Stamp
        The versions that there are, newest first.
    """
    stamp = following(directory, digest, before, root)
    filesystem.write(f"{directory}/{stamp.file}", content, root)
    return stamp


def following(directory: str, digest: str | None, before: Sequence[Stamp], root: Path) -> Stamp:
    """The stamp of a version that would count from now on.

    Raises
    ------
    OSError
        If there cannot be one, as somebody wrote one of a time that no clock gives.
    """
    # Clocks differ between nodes: what is written later is newer whatever they say.
    moment = max(now(root), before[0].time + TICK) if before else now(root)
    stamp = _stamp(directory, f"{moment:020d}-{f'{digest}.json' if digest else _REMOVED}")
    if stamp is None:
        raise OSError(errno.EOVERFLOW, "Its time is too far ahead: remove it", str(before[0].path))
    return stamp


def _stamp(directory: str, file: str) -> Stamp | None:
    """What a file's name says; None if it is somebody's stray file."""
    found = _NAME.fullmatch(file)
    if not found or int(found[1]) >= _LAST:
        return None
    return Stamp(int(found[1]), found[2], directory, file)
