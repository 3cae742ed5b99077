"""Payloads under the SHA-256 of their bytes: written once, mode 0444, never changed again."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.store import filesystem

GRACE = 3600.0  # s; who adds a payload has this long until something must mean it
# After one of these a call of fsync has lost bytes, which the next call does not say again.
_LOST = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
_MOMENT = 0.02  # s; `gc` has what it takes for a removed payload in its hands for less than that


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
        self._durable_shards: set[str] = set()
        self._durable: frozenset[str] = frozenset()

    def path(self, digest: str) -> Path:
        """Where the payload of this digest is, if it is there."""
        return Path(self._path(digest))

    def size(self, digest: str) -> int | None:
        """Size in bytes of a payload, None if it is not there."""
        try:
            return os.stat(self._path(digest)).st_size
        except FileNotFoundError:
            return None

    def add_file(self, source: Path, durable: bool = True, expected: int = 0) -> tuple[str, int]:
        """Store the bytes of a file, of which so many are expected; return their digest and size.

        The bytes are cloned or copied first and the clone is hashed, so that what is stored is what
        was hashed even while `source` is being written to. Unless they are to be `durable` at once,
        :meth:`sync` makes them so. A payload that is there already is as new as others from now on.

        Raises
        ------
        InputError
            If `source` cannot be read.
        """
        try:
            content = filesystem.read_start(source, filesystem.SMALL + 1, expected)
        except OSError as error:
            raise InputError(f"cannot read {source}: {error.strerror}") from error
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
        if not self._has(digest, lambda path: filesystem.has_bytes(path, content)):
            filesystem.write(self._path(digest), content, str(self.staging), self.root, durable)
        if durable:
            self.sync([digest])

    def sync(self, digests: Iterable[str]) -> None:
        """Make payloads durable; what turns out to be lost is set aside.

        Raises
        ------
        OSError
            If they are not.
        """
        paths = {digest: self._path(digest) for digest in digests if digest not in self._durable}
        if len(paths) > 1:
            filesystem.begin_writing(paths.values())
        shards = set(map(os.path.dirname, paths.values()))
        for digest, path in paths.items():
            try:
                _sync(path)
            except OSError as error:
                if error.errno in _LOST:
                    with suppress(OSError):
                        self.set_aside(digest)
                raise
        new = shards - self._durable_shards
        for directory in (*shards, *([self._directory, str(self.root)] if new else ())):
            filesystem.sync(directory)
        self._durable_shards |= new

    @contextmanager
    def synced(self, digests: Iterable[str]) -> Iterator[None]:
        """Make payloads durable together, so that they need not be again one by one meanwhile.

        Raises
        ------
        OSError
            If one of them is not.
        """
        together = frozenset(digests)
        self.sync(together)
        self._durable = together
        try:
            yield
        finally:
            self._durable = frozenset()

    def renew(self, digest: str) -> bool:
        """Let a payload be new, so that `gc` leaves it; say whether it is there and new.

        Only its owner can do that to an old one.
        """
        path = self._path(digest)
        try:
            if os.stat(path).st_mtime < time.time() - GRACE / 2:
                os.utime(path)
        except OSError:
            return False
        return True

    def is_sound(self, digest: str, sha256: Callable[[Path], str] = filesystem.sha256_of) -> bool:
        """Whether the payload's bytes are there, and still have this digest; reads all of them."""
        try:
            return sha256(self.path(digest)) == digest
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EIO):
                return False
            raise

    def set_aside(self, digest: str) -> Path:
        """Take a damaged payload away, so that whoever makes it next stores it anew."""
        filesystem.make_directory(self.damaged, self.root)
        aside = self.damaged / f"{digest}-{filesystem.temporary_name()}"
        self.path(digest).rename(aside)
        with suppress(OSError):
            os.utime(aside)  # it is evidence from now on
        return aside

    def __iter__(self) -> Iterator[tuple[str, os.stat_result]]:
        """All payloads: digest and stat."""
        if not self.directory.is_dir():
            return
        for shard in sorted(self.directory.iterdir()):
            with os.scandir(shard) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # `gc` took it
                    yield shard.name + entry.name, status

    def _path(self, digest: str) -> str:
        return f"{self._directory}/{digest[:2]}/{digest[2:]}"

    def _stage(self) -> Path:
        filesystem.make_directory(self.staging, self.root)
        return self.staging / filesystem.temporary_name()

    def _settle(self, staged: Path, digest: str, durable: bool) -> int:
        """Move a finished file to its place, unless a sound one is there; return its size."""
        size = staged.stat().st_size
        if not self._has(digest, lambda path: filesystem.sha256_of(path) == digest):
            target = self.path(digest)
            filesystem.make_directory(target.parent, self.root)
            filesystem.seal(staged, self.root)
            if durable:
                filesystem.sync(staged)
            staged.rename(target)
        if durable:
            self.sync([digest])  # whoever stored it may not have waited for that
        return size

    def _has(self, digest: str, is_right: Callable[[str], bool]) -> bool:
        """Whether a payload is there that need not be written again.

        It is written again, in place of the one that is there, if that is damaged, or is so old
        that `gc` may take it and cannot be made newer.
        """
        with suppress(OSError):
            return self.renew(digest) and is_right(self._path(digest))
        return False


def _sync(path: str) -> None:
    """Make a payload durable, also if `gc` moves it away and back meanwhile."""
    try:
        filesystem.sync(path)
    except FileNotFoundError:
        time.sleep(_MOMENT)
        filesystem.sync(path)
