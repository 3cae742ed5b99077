"""Version logs: versions of something, each in one small file, written once and never changed.

A version's file is named ``<time>-<sha256>.json``. The newest one counts; a newer
``<time>-removed`` says that nothing does. So there is nothing to lock, nobody overwrites anybody,
and what counts is known from one directory listing.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from snakemake_storage_plugin_seqstore.store import filesystem

# Times are multiples of 2**-9 s: exact as nanoseconds and as a float, so that a local copy which
# was given the stored time compares equal to it.
TICK = 1_953_125
_REMOVED = "removed"
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
        """The content of the version."""
        with open(f"{self.directory}/{self.file}", "rb", buffering=0) as file:
            return file.read()


def now() -> int:
    """The time in ns since the epoch, rounded up to a whole tick."""
    return -(-time.time_ns() // TICK) * TICK


def history(directory: str) -> list[Stamp]:
    """All versions in a directory, newest first."""
    try:
        files = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    files.sort(reverse=True)
    return [stamp for file in files if (stamp := _stamp(directory, file))]


def newest(history: Callable[[], Sequence[Stamp]]) -> tuple[Stamp, bytes] | None:
    """The newest version of a history and its content; None if there is none.

    Raises
    ------
    OSError
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
    # Clocks differ between nodes: what is written later is newer whatever they say.
    moment = max(now(), before[0].time + TICK) if before else now()
    stamp = _stamp(directory, f"{moment:020d}-{f'{digest}.json' if digest else _REMOVED}")
    assert stamp
    filesystem.write(f"{directory}/{stamp.file}", content, f"{root}/tmp", root)
    return stamp


def _stamp(directory: str, file: str) -> Stamp | None:
    moment, _, rest = file.partition("-")
    if not moment.isdigit():
        return None
    digest = None if rest == _REMOVED else rest.removesuffix(".json")
    return Stamp(int(moment), digest, directory, file)
