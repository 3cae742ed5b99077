"""What local files and directories contain: digests, remembered while a file stays the same."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Collection, Container
from contextlib import suppress
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import InputError, SeqstoreError
from snakemake_storage_plugin_seqstore.store import Version, is_executable, trees
from snakemake_storage_plugin_seqstore.store.filesystem import overwrite, read_start, sha256_of

# Timestamps may be as coarse as this, in ns: a file that changed so recently can change again and
# look the same, so its digest is not remembered.
COARSE = 2 * 10**9

_HEAD = 4096  # bytes

Signature = tuple[int, int, int, int]


class FileHashes:
    """Digests of files, remembered from run to run by inode, size and times.

    The device does not count: it differs from one NFS client to another.

    Parameters
    ----------
    memory : Path
        The file in which digests are remembered; made when it is missing, started anew when it is
        damaged.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._digests: dict[Signature, str] | None = None
        self._heads: dict[Signature, bytes] = {}
        self._changed = False

    def of(self, path: str | os.PathLike[str], status: os.stat_result) -> str:
        """SHA-256 of a regular file's bytes, in hex."""
        if self._digests is None:
            self._digests = self._load()
        signature = signature_of(status)
        if signature in self._digests:
            return self._digests[signature]
        started = time.time_ns()
        digest = sha256_of(path, status.st_size)
        if is_settled(status, started):
            self._digests[signature] = digest
            self._changed = True
        return digest

    def head(self, path: str, status: os.stat_result) -> bytes:
        """The first bytes of a regular file; remembered in this run."""
        signature = signature_of(status)
        if signature not in self._heads:
            started = time.time_ns()
            head = read_start(path, _HEAD)
            if not is_settled(status, started):
                return head
            self._heads[signature] = head
        return self._heads[signature]

    def save(self) -> None:
        """Remember for the next run; a digest that cannot be written is only computed again."""
        if not self._changed or self._digests is None:
            return
        rows = [[*key, value] for key, value in self._digests.items()]
        with suppress(OSError):
            overwrite(self._memory, json.dumps(rows).encode(), self._memory.parent)
        self._changed = False

    def _load(self) -> dict[Signature, str]:
        try:
            rows = json.loads(self._memory.read_bytes())
            return {(ino, size, mtime, ctime): digest for ino, size, mtime, ctime, digest in rows}
        except (OSError, ValueError, TypeError, RecursionError):
            return {}


class Contents:
    """Versions of local paths.

    Parameters
    ----------
    digests : FileHashes
        Says what has been read already.
    left : container of str
        Paths of files that are no part of the directory in which they are: jobs left them there.
    left_so_far : container of str
        The same with those that jobs which run may be leaving, in directories that jobs made.
    """

    def __init__(
        self,
        digests: FileHashes,
        left: Container[str] = (),
        left_so_far: Container[str] = (),
    ) -> None:
        self.digests = digests
        self._left = left
        self._left_so_far = left_so_far

    @property
    def unwatched(self) -> Contents:
        """The same, without being watched."""
        return self

    def version(
        self,
        path: str | os.PathLike[str],
        status: os.stat_result | None = None,
        without: Container[str] = (),
    ) -> Version:
        """What a file or directory contains now.

        Parameters
        ----------
        path : path
            The file or directory.
        status : os.stat_result, optional
            Its status, if that is known.
        without : container of str
            Paths of files in the directory that do not count.

        Raises
        ------
        OSError
            If it cannot be read.
        InputError
            If it is, or has in it, something that is neither file, directory nor link.
        """
        status = status or os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            return trees.describe(Path(path), self._member, without)[0]
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever, or empty it
            raise InputError(f"{path} is neither a file nor a directory")
        digest = self.digests.of(path, status)
        return Version(digest, "file", status.st_size, is_executable(status.st_mode))

    def known(self, path: str | os.PathLike[str]) -> Version | None:
        """What a file or directory contains now; None if it cannot be read."""
        try:
            return self.version(path)
        except (OSError, SeqstoreError):
            return None

    def version_of_source(self, path: str | os.PathLike[str]) -> Version:
        """What a file or directory of the user contains now, without what jobs left in it."""
        return self.version(path, without=self._left)

    def version_as_made(self, path: str | os.PathLike[str], *made: Version) -> Version:
        """What a file or directory contains now, or was made with.

        Parameters
        ----------
        *made : Version
            What it may have been made with: a directory counts as such if there is nothing else in
            it but what jobs left there.
        """
        found = self.version(path)
        trees_made = [each for each in made if each.kind == "tree"]
        if found.kind != "tree" or found in made or not trees_made:
            return found
        rest = self.version(path, without=self._left_so_far)
        return rest if rest in trees_made else found

    def digest(self, path: Path) -> str:
        """SHA-256 of a file's bytes, in hex."""
        return self.version(path).digest

    def head(self, path: str) -> bytes:
        """The first bytes of a file."""
        return self.digests.head(path, os.stat(path))

    def _member(self, path: Path) -> tuple[str, int]:
        status = os.stat(path)
        return self.digests.of(path, status), status.st_size


class Watched(Contents):
    """Contents that know afterwards which of the paths that were looked at have changed.

    Parameters
    ----------
    contents : Contents
        The same, without being watched.
    """

    def __init__(self, contents: Contents) -> None:
        super().__init__(contents.digests, contents._left, contents._left_so_far)
        self._contents = contents
        self._seen: dict[str, Version] = {}

    @property
    def unwatched(self) -> Contents:
        """The same, for what may change: what a job wrote, others may write to, as to a log."""
        return self._contents

    def version(
        self,
        path: str | os.PathLike[str],
        status: os.stat_result | None = None,
        without: Container[str] = (),
    ) -> Version:
        """What a file or directory contains now."""
        found = super().version(path, status, without)
        self._seen[os.fspath(path)] = found
        return found

    def changed(self, expected: Collection[str] = (), added: Container[str] = ()) -> str:
        """A path that does not contain any more what it did; empty if there is none.

        Parameters
        ----------
        expected : collection of str
            Absolute paths that may.
        added : container of str
            Paths of files in a directory that may be new, or made anew.
        """
        for path, before in self._seen.items():
            if expected and os.path.abspath(path) in expected:
                continue
            try:
                again = super().version(path)
                if again != before and again.kind == "tree":
                    again = super().version(path, without=added)
            except (OSError, SeqstoreError):
                return path
            if again != before:
                return path
        return ""


def signature_of(status: os.stat_result) -> Signature:
    """What tells whether a path is still what it was."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_settled(status: os.stat_result, now: int) -> bool:
    """Whether a file that changes from now on would have other times."""
    return max(status.st_mtime_ns, status.st_ctime_ns) < now - COARSE
