"""Payloads under the SHA-256 of their bytes: written once, mode 0444, never changed again."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.store import directories, evidence, filesystem
from snakemake_storage_plugin_seqstore.store.parsing import (
    MalformedError,
    is_sha256,
    opened,
    sha256,
)

CHANGES = 0o333  # modes that no payload has, but on a filesystem without modes
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
        self._root = str(root)
        self.directory = root / "objects"
        self.staging = root / filesystem.STAGING
        self.damaged = root / "damaged"
        self._remembered = evidence.Remembered(root)
        self._wrong: set[tuple[str, int, int, int]] = set()
        self._durable_shards: set[str] = set()
        self._durable: frozenset[str] = frozenset()

    def path(self, digest: str) -> Path:
        """Where the payload of this digest is, if it is there."""
        return Path(self._path(digest))

    def check(self, digest: str, size: int) -> None:
        """Make sure that a payload is there, and that nothing wrote to it since it was published.

        That costs no more than to ask for its size, but where its times do not tell: then its bytes
        are read, and if they are right, its times tell so from then on.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        DamageError
            If it is no regular file, has another size, or its bytes changed.
        OSError
            If it cannot be read.
        """
        try:
            status = os.lstat(self._path(digest))
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, f"its payload {digest} is missing") from None
        if not stat.S_ISREG(status.st_mode):
            raise DamageError(f"its payload {digest} is no regular file")
        if status.st_size != size:
            raise DamageError(f"its payload {digest} has {status.st_size} bytes instead of {size}")
        if not evidence.holds(status) and not self._is_right(digest):
            raise DamageError(f"its payload {digest} was changed after it was published")

    def _is_right(self, digest: str) -> bool:
        """Whether a payload that something may have written to has its bytes; reads all of them.

        What was read is not read again, by others neither where its times can be set.
        """
        with opened(self._path(digest)) as (file, status):
            seen = (digest, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
            if seen in self._wrong:
                return False
            if self._remembered.has(digest, status):
                return True
            if filesystem.digest_of(file, status.st_size) != digest:
                self._wrong.add(seen)
                return False
            self._vouch(digest, file, status)
            return True

    def _vouch(self, digest: str, file: int, before: os.stat_result) -> None:
        """Note that the bytes of an open payload were right, if it did not change meanwhile.

        If its owner made it writable, by a link that leads to it, that ends.
        """
        status = os.fstat(file)
        is_same = (status.st_mtime_ns, status.st_ctime_ns) == (
            before.st_mtime_ns,
            before.st_ctime_ns,
        )
        if is_same and status.st_mode & CHANGES:
            with suppress(OSError):
                os.fchmod(file, status.st_mode & 0o444)
                status = os.fstat(file)
        if is_same and not evidence.give(file, filesystem.clock(self.root)):
            self._remembered.add(digest, status)

    def add_file(self, source: Path, durable: bool = True, expected: int = 0) -> tuple[str, int]:
        """Store the bytes of a file; return their digest and size.

        The bytes are cloned or copied first and the clone is hashed, so that what is stored is what
        was hashed even while `source` is being written to. Unless they are to be `durable` at once,
        :meth:`sync` makes them so. A payload that is there already is as new as others from now on.

        Parameters
        ----------
        expected : int
            How many bytes it should have, which spares a call.

        Raises
        ------
        InputError
            If `source` cannot be read, or is no regular file.
        """
        try:
            content = filesystem.read_start(source, filesystem.SMALL + 1, expected)
        except MalformedError as error:
            raise InputError(str(error), "write what a pipe or device gives to a file") from None
        except OSError as error:
            raise InputError(f"cannot read {source}: {error.strerror}") from error
        if len(content) <= filesystem.SMALL:
            digest = hashlib.sha256(content).hexdigest()
            self.add_bytes(content, digest, durable)
            return digest, len(content)
        return self._add_large(source, durable)

    def _add_large(self, source: Path, durable: bool) -> tuple[str, int]:
        with (
            filesystem.Unfinished(self.root) as new,
            opened(source, follow=True) as (reader, _),
        ):
            if filesystem.clone(reader, new.file):
                digest = filesystem.digest_of(new.file)
            else:
                digest = filesystem.copy(reader, new.file, source.name)
            size = os.fstat(new.file).st_size
            if not self._has(digest, size):
                filesystem.share(new.file, self.root)
                if durable:
                    os.fsync(new.file)
                evidence.give(new.file, filesystem.clock(self.root))
                self._settle(digest, lambda: new.settle(self._relative(digest)))
        if durable:
            self.sync([digest])  # whoever stored it may not have waited for that
        return digest, size

    def add_bytes(self, content: bytes, digest: str, durable: bool = True) -> None:
        """Store `content`, whose digest is known."""
        if not self._has(digest, len(content)):
            path = self._path(digest)
            self._settle(digest, lambda: filesystem.write(path, content, self.root, durable, True))
        if durable:
            self.sync([digest])

    def _settle(self, digest: str, settle: Callable[[], None]) -> None:
        """Put a file in the place of a payload, where nobody has any use for a directory."""
        try:
            settle()
        except IsADirectoryError:
            self.set_aside(digest)
            settle()

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
        for directory in (*shards, *([str(self.directory), self._root] if new else ())):
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
        """Let a sound payload be new, so that `gc` leaves it; say whether it is there and new.

        Only its owner can do that to an old one.
        """
        try:
            if self._is_new(os.lstat(self._path(digest))):
                return True
            with opened(self._path(digest)) as (file, status):
                if not evidence.holds(status) and not self._is_right(digest):
                    return False
                return self._make_new(digest, file)
        except (OSError, MalformedError):
            return False

    def _make_new(self, digest: str, file: int) -> bool:
        """Let an open payload, whose bytes are right, be new; say whether it is there and new.

        `gc` looks again at what it has taken away. So what is still there after it is new stays.
        """
        status = os.fstat(file)
        return self._is_new(status) or (
            evidence.give(file, filesystem.clock(self.root))
            and os.path.samestat(os.lstat(self._path(digest)), status)
        )

    def _is_new(self, status: os.stat_result) -> bool:
        """Whether a payload is new enough for `gc` to leave it, and nothing wrote to it."""
        limit = filesystem.clock(self.root) - GRACE / 2 * 10**9
        is_file = stat.S_ISREG(status.st_mode)
        return is_file and evidence.holds(status) and status.st_mtime_ns > limit

    def is_sound(self, digest: str, digest_of: Callable[[Path], str] | None = None) -> bool:
        """Whether the payload's bytes are there, and still have this digest; reads all of them.

        Parameters
        ----------
        digest_of : callable, optional
            Says what a file has, instead.
        """
        path = self.path(digest)
        try:
            with opened(path) as (file, status):
                if digest_of:
                    return digest_of(path) == digest
                if filesystem.digest_of(file, status.st_size) != digest:
                    return False
                if not evidence.holds(status):
                    self._vouch(digest, file, status)
                return True
        except MalformedError:
            return False
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EIO):
                return False
            raise

    def set_aside(self, digest: str) -> Path:
        """Take a damaged payload away, so that whoever makes it next stores it anew."""
        name = f"{digest}-{filesystem.temporary_name()}"
        directories.move(self.root, self._relative(digest), f"damaged/{name}")
        # It is evidence from now on.
        with suppress(OSError), directories.inside(self.root, "damaged") as folder:
            os.utime(name, dir_fd=folder, follow_symlinks=False)
        return self.damaged / name

    def __iter__(self) -> Iterator[tuple[str, os.stat_result]]:
        """All payloads, and what else has a payload's place: digest and status."""
        for shard in directories.folders(self.root, "objects"):
            for name, status in directories.entries(self.root, f"objects/{shard}"):
                # There may be somebody's stray file.
                if len(shard) == 2 and is_sha256(shard + name):
                    yield shard + name, status

    def _relative(self, digest: str) -> str:
        sha256(digest)  # else it might lead anywhere
        return f"objects/{digest[:2]}/{digest[2:]}"

    def _path(self, digest: str) -> str:
        return f"{self._root}/{self._relative(digest)}"

    def _has(self, digest: str, size: int) -> bool:
        """Whether a payload is there that need not be written again; reads all of it.

        It is written again, in place of the one that is there, if that is damaged, or is so old
        that `gc` may take it and cannot be made newer.
        """
        with suppress(OSError, MalformedError), opened(self._path(digest)) as (file, status):
            is_right = status.st_size == size and filesystem.digest_of(file, size) == digest
            return is_right and self._make_new(digest, file)
        return False


def _sync(path: str) -> None:
    """Make a payload durable, also if `gc` moves it away and back meanwhile."""
    try:
        filesystem.sync(path)
    except FileNotFoundError:
        time.sleep(_MOMENT)
        filesystem.sync(path)
