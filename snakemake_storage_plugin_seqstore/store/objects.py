"""Payloads under the SHA-256 of their bytes: written once, mode 0444, never changed again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from snakemake_storage_plugin_seqstore.store import filesystem


class Objects:
    """The payloads of a store: ``objects/ab/cdef...``.

    Parameters
    ----------
    root : Path
        Root of the store; payloads live in ``root/objects``, unfinished ones in ``root/tmp``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "objects"
        self._directory = str(self.directory)
        self.staging = root / "tmp"
        self.damaged = root / "damaged"

    def path(self, digest: str) -> Path:
        """Where the payload of this digest is, if it is there."""
        return Path(self._path(digest))

    def size(self, digest: str) -> int | None:
        """Size in bytes of a payload, None if it is not there."""
        try:
            return os.stat(self._path(digest)).st_size
        except FileNotFoundError:
            return None

    def add_file(self, source: Path, durable: bool = True) -> tuple[str, int]:
        """Store the bytes of a file; return their digest and size.

        The bytes are cloned or copied first and the clone is hashed, so that what is stored is what
        was hashed even while `source` is being written to. Unless they are to be `durable` at once,
        :meth:`sync` makes them so.
        """
        with source.open("rb") as file:
            content = file.read(filesystem.SMALL + 1)
        if len(content) <= filesystem.SMALL:
            digest = hashlib.sha256(content).hexdigest()
            self.add_bytes(content, digest, durable)
            return digest, len(content)
        staged = self._stage()
        try:
            known = filesystem.sha256_of(staged) if filesystem.reflink(source, staged) else None
            digest = known or filesystem.copy(source, staged)
            return digest, self._settle(staged, digest, durable)
        finally:
            staged.unlink(missing_ok=True)

    def add_bytes(self, content: bytes, digest: str, durable: bool = True) -> None:
        """Store `content`, whose digest is known."""
        if self.size(digest) == len(content):
            return self.sync(digest) if durable else None
        path = self._path(digest)
        filesystem.write(path, content, str(self.staging), self.root, durable)
        if durable:
            filesystem.sync_directory(os.path.dirname(path))

    def sync(self, digest: str) -> None:
        """Make a payload durable."""
        path = self.path(digest)
        filesystem.sync(path)
        filesystem.sync_directory(path.parent)

    def is_sound(self, digest: str) -> bool:
        """Whether the payload's bytes still have this digest; reads all of them."""
        try:
            return filesystem.sha256_of(self.path(digest)) == digest
        except FileNotFoundError:
            return False

    def set_aside(self, digest: str) -> Path:
        """Take a damaged payload away, so that whoever makes it next stores it anew."""
        filesystem.make_directory(self.damaged, self.root)
        aside = self.damaged / f"{digest}-{filesystem.temporary_name()}"
        self.path(digest).rename(aside)
        return aside

    def __iter__(self) -> Iterator[tuple[str, os.stat_result]]:
        """All payloads: digest and stat."""
        if not self.directory.is_dir():
            return
        for shard in sorted(self.directory.iterdir()):
            with os.scandir(shard) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    yield shard.name + entry.name, entry.stat(follow_symlinks=False)

    def _path(self, digest: str) -> str:
        return f"{self._directory}/{digest[:2]}/{digest[2:]}"

    def _stage(self) -> Path:
        filesystem.make_directory(self.staging, self.root)
        return self.staging / filesystem.temporary_name()

    def _settle(self, staged: Path, digest: str, durable: bool) -> int:
        """Move a finished file to its place, unless a whole one is there; return its size."""
        size = staged.stat().st_size
        target = self.path(digest)
        if self.size(digest) == size:
            if durable:
                self.sync(digest)  # whoever stored it may not have waited for that
            return size
        filesystem.make_directory(target.parent, self.root)
        filesystem.seal(staged, self.root)
        if durable:
            filesystem.sync(staged)
        staged.rename(target)
        if durable:
            filesystem.sync_directory(target.parent)
        return size
