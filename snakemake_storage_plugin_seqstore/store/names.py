"""Names and their versions: which payload a name means, now and before.

Each version is one small file, ``names/<collection>/<name>/@/<time>-<sha256>.json``, written once
and never changed. The newest one is what the name means; a newer ``<time>-removed`` says that it
means nothing. So there is nothing to lock, nobody overwrites anybody, and existence and time are
known from one directory listing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from snakemake_storage_plugin_seqstore.query import RESERVED_SEGMENT
from snakemake_storage_plugin_seqstore.store import filesystem

# Times are multiples of 2**-9 s: exact as nanoseconds and as a float, so that a local copy which
# was given the stored time compares equal to it.
TICK = 1_953_125
_REMOVED = "removed"


@dataclass(frozen=True)
class Version:
    """What a name means, or meant.

    Parameters
    ----------
    digest : str
        SHA-256 of the payload's bytes; of a directory, of its manifest.
    kind : {"file", "tree"}
        Whether the payload is a file or the manifest of a directory.
    size : int
        Size in bytes; of a directory, of all files in it.
    executable : bool
        Whether a file may be executed.
    """

    digest: str
    kind: Literal["file", "tree"]
    size: int
    executable: bool = False


@dataclass(frozen=True)
class Stamp:
    """A version by its file name: `time` in ns since the epoch, `digest` None for a removal."""

    time: int
    digest: str | None
    path: Path


class Names:
    """The names of a store: ``root/names``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "names"
        self.staging = root / "tmp"

    def history(self, collection: str, name: str) -> list[Stamp]:
        """All versions of a name, newest first."""
        directory = self._directory(collection, name)
        try:
            files = os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return []
        stamps = (_stamp(directory / file) for file in files)
        return sorted(
            (stamp for stamp in stamps if stamp), key=lambda stamp: stamp.path.name, reverse=True
        )

    def current(self, collection: str, name: str) -> Stamp | None:
        """The version that a name means now, None if it means nothing."""
        history = self.history(collection, name)
        return history[0] if history and history[0].digest else None

    def find(
        self, collection: str, name: str, digest: str | None = None
    ) -> tuple[Stamp, Version] | None:
        """What a name means now, or its version that has this digest.

        Raises
        ------
        ValueError
            If the version file is damaged.
        """
        while True:
            if digest is None:
                stamp = self.current(collection, name)
            else:
                history = self.history(collection, name)
                stamp = next((stamp for stamp in history if stamp.digest == digest), None)
            if stamp is None:
                return None
            try:
                return stamp, _read(stamp)
            except FileNotFoundError:
                continue  # somebody published the same content again: it has a newer time now

    def add(self, collection: str, name: str, version: Version) -> Stamp:
        """Let a name mean `version` from now on."""
        content = json.dumps(asdict(version), sort_keys=True).encode()
        return self._write(collection, name, version.digest, content)

    def remove(self, collection: str, name: str) -> bool:
        """Let a name mean nothing from now on; say whether it meant something."""
        if self.current(collection, name) is None:
            return False
        self._write(collection, name, None, b"")
        return True

    def under(self, collection: str, prefix: str = "") -> Iterator[str]:
        """The names of a collection that start with `prefix` and mean something, in order."""
        top = self.directory / collection
        start = top / prefix.rpartition("/")[0]
        if ".." in start.parts:
            return
        for directory, below, _ in os.walk(start):
            below.sort()
            if RESERVED_SEGMENT in below:
                below.remove(RESERVED_SEGMENT)
                name = Path(directory).relative_to(top).as_posix()
                if name.startswith(prefix) and self.current(collection, name):
                    yield name

    def _directory(self, collection: str, name: str) -> Path:
        return self.directory / collection / name / RESERVED_SEGMENT

    def _write(self, collection: str, name: str, digest: str | None, content: bytes) -> Stamp:
        directory = self._directory(collection, name)
        filesystem.make_directory(directory, self.root)
        before = self.history(collection, name)
        now = -(-time.time_ns() // TICK) * TICK
        # Clocks differ between nodes: what is written later is newer whatever they say.
        now = max(now, before[0].time + TICK) if before else now
        file = f"{now:020d}-{digest}.json" if digest else f"{now:020d}-{_REMOVED}"
        filesystem.write(directory / file, content, self.staging, self.root)
        for stamp in before:
            if stamp.digest == digest:  # the same version, or another removal, at an earlier time
                stamp.path.unlink(missing_ok=True)
        return Stamp(now, digest, directory / file)


def _read(stamp: Stamp) -> Version:
    document = json.loads(stamp.path.read_bytes())
    try:
        version = Version(**document)
    except TypeError as error:
        raise ValueError(f"{stamp.path} is damaged: {error}") from None
    if version.digest != stamp.digest or version.kind not in ("file", "tree"):
        raise ValueError(f"{stamp.path} does not say what its name says")
    return version


def _stamp(path: Path) -> Stamp | None:
    moment, _, rest = path.name.partition("-")
    if not moment.isdigit():
        return None
    digest = None if rest == _REMOVED else rest.removesuffix(".json")
    return Stamp(int(moment), digest, path)
