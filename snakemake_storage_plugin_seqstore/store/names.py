"""Names and their versions: which payload a name means, now and before.

The versions of a name are a version log, ``names/<collection>/<name>/@/<time>-<sha256>.json``,
under the SHA-256 of the payload. What a project makes under a name has a log of its own, in
``@/<project>/``: projects whose files have the same names do not disturb each other. A name means
the newest of what its logs mean.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import directories, parsing, version_log
from snakemake_storage_plugin_seqstore.store.parsing import RESERVED_SEGMENT, MalformedError
from snakemake_storage_plugin_seqstore.store.version import Version
from snakemake_storage_plugin_seqstore.store.version_log import Stamp

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Names:
    """The names of a store: ``root/names``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "names"

    def logs(self, collection: str, name: str) -> Iterator[tuple[str, list[Stamp]]]:
        """The projects that have a version of a name, each with its versions, newest first.

        The project of what was published by itself is empty.
        """
        directory = self._directory(collection, name)
        stamps, others = version_log.listing(directory)
        if stamps:
            yield "", stamps
        if others:
            path = directories.relative(self.root, directory)
            for project in directories.folders(self.root, path):
                if parsing.is_project(project):
                    yield project, version_log.history(f"{directory}/{project}")

    def log(self, collection: str, name: str, project: str = "") -> list[Stamp]:
        """The versions of a name in one project, newest first."""
        return version_log.history(self._directory(collection, name, project))

    def since(self, collection: str, name: str, project: str) -> int:
        """When a name last got a version in a project, or lost it, in ns; 0 if it never did."""
        return next((stamp.time for stamp in self.log(collection, name, project)), 0)

    def history(self, collection: str, name: str) -> list[Stamp]:
        """All versions of a name, of all projects, newest first."""
        stamps = [stamp for _, log in self.logs(collection, name) for stamp in log]
        return sorted(stamps, key=lambda stamp: stamp.file, reverse=True)

    def current(self, collection: str, name: str) -> Stamp | None:
        """The version that a name means now, None if it means nothing."""
        return next(iter(self._meant(collection, name)), None)

    def projects(self, collection: str, name: str) -> list[str]:
        """The projects in which a name means something."""
        logs = self.logs(collection, name)
        return [project for project, log in logs if project and log and log[0].digest]

    def _meant(self, collection: str, name: str) -> list[Stamp]:
        """What a name means in each of its logs, newest first."""
        newest = [log[0] for _, log in self.logs(collection, name) if log and log[0].digest]
        return sorted(newest, key=lambda stamp: stamp.file, reverse=True)

    def find(
        self, collection: str, name: str, digest: str | None = None
    ) -> tuple[Stamp, Version] | None:
        """What a name means now, or its version that has this digest.

        Raises
        ------
        MalformedError
            If the version file is damaged.
        OSError
            If it cannot be read.
        """

        def matching() -> list[Stamp]:
            if digest:
                history = self.history(collection, name)
                return [stamp for stamp in history if stamp.digest == digest]
            return self._meant(collection, name)

        found = version_log.newest(matching)
        return (found[0], _load(*found)[0]) if found else None

    def version(self, stamp: Stamp) -> Version | None:
        """What a stamp stands for; None if its file is gone or damaged.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        try:
            return _load(stamp, stamp.read())[0]
        except (MalformedError, FileNotFoundError):
            return None

    def add(
        self,
        collection: str,
        name: str,
        version: Version,
        key: str | None = None,
        project: str = "",
    ) -> Stamp:
        """Let a name mean `version` from now on, in a project; `key` says what made it."""
        directory = self._directory(collection, name, project)
        before = version_log.history(directory)
        return self._write(directory, version.digest, dump(version, key), before)

    def remove(self, collection: str, name: str, project: str | None = None) -> bool:
        """Let a name mean nothing from now on, in one project or in all; say whether it did.

        On a full disk, which may have no place for a new file, its last version says so.
        """
        if project is None:
            logs = [*self.logs(collection, name)]
        else:
            logs = [(project, self.log(collection, name, project))]
        meaning = [(owner, log) for owner, log in logs if log and log[0].digest]
        for owner, log in meaning:
            try:
                self._write(self._directory(collection, name, owner), None, b"", log)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                stamp = version_log.following(log[0].directory, None, log, self.root)
                directories.move(self.root, self._relative(log[0]), self._relative(stamp))
        return bool(meaning)

    def end(self, collection: str, name: str, project: str, since: int) -> None:
        """Let a name mean nothing in a project from now on, where its list says otherwise.

        Parameters
        ----------
        since : int
            Since when the list says so, in ns since the epoch.
        """
        directory = self._directory(collection, name, project)
        listed = Stamp(since, None, directory, "")
        before = sorted([*version_log.history(directory), listed], key=lambda stamp: -stamp.time)
        version_log.add(directory, None, b"", before, self.root)

    def key(self, collection: str, name: str) -> str | None:
        """The key of the computation that made what a name means, or last meant, if it is known."""
        for stamp in self.history(collection, name):
            if stamp.digest:
                with suppress(OSError, MalformedError):
                    return _load(stamp, stamp.read())[1]
        return None

    def under(self, collection: str, prefix: str = "") -> Iterator[str]:
        """The names of a collection that start with `prefix` and mean something, in order."""
        folder = prefix.rpartition("/")[0]
        if folder and not parsing.is_name(folder):
            return
        for name in self.walk(collection, folder):
            if name.startswith(prefix) and self.current(collection, name):
                yield name

    @property
    def collections(self) -> list[str]:
        """The collections in which there are names."""
        return [name for name in directories.folders(self.root, "names") if parsing.is_name(name)]

    def walk(self, collection: str, folder: str = "") -> Iterator[str]:
        """All names below a folder of a collection, also those that mean nothing now, in order.

        Directories whose names nobody can have given are passed over.

        Raises
        ------
        StoreError
            If a directory cannot be listed: what is in it would seem not to be there.
        """
        waiting = [folder]
        while waiting:
            name = waiting.pop()
            try:
                path = "/".join(filter(None, ("names", collection, name)))
                below = directories.folders(self.root, path)
            except OSError as error:
                raise StoreError(f"cannot list {error.filename}: {error.strerror}") from error
            if name and RESERVED_SEGMENT in below:
                yield name
            paths = (f"{name}/{part}" if name else part for part in reversed(below))
            waiting += filter(parsing.is_name, paths)

    def _directory(self, collection: str, name: str, project: str = "") -> str:
        own = f"/{parsing.project(project)}" if project else ""
        return f"{self.directory}/{_checked(collection)}/{_checked(name)}/{RESERVED_SEGMENT}{own}"

    def _relative(self, stamp: Stamp) -> str:
        return directories.relative(self.root, f"{stamp.directory}/{stamp.file}")

    def _write(
        self, directory: str, digest: str | None, content: bytes, before: list[Stamp]
    ) -> Stamp:
        stamp = version_log.add(directory, digest, content, before, self.root)
        for older in before:
            if older.digest == digest:  # the same version, or another removal, at an earlier time
                directories.remove(self.root, self._relative(older))
        return stamp


@lru_cache(maxsize=65536)
def _checked(name: str) -> str:
    return parsing.name(name)


@lru_cache(maxsize=1024)
def dump(version: Version, key: str | None = None) -> bytes:
    """What the file of a version holds."""
    document = vars(version) | ({"key": key} if key else {})
    return json.dumps(document, sort_keys=True).encode()


def _load(stamp: Stamp, content: bytes) -> tuple[Version, str | None]:
    """The version that a file holds, and the key of the computation that made it."""
    try:
        document = parsing.load(content)
        key = document.pop("key", None) if isinstance(document, dict) else None
        version = Version.load(document)
        key = parsing.either(parsing.absent, parsing.text)(key)
    except MalformedError as error:
        raise MalformedError(f"{stamp.path} is no version of a name: {error}") from None
    if version.digest != stamp.digest:
        raise MalformedError(f"{stamp.path} does not say what its name says")
    return version, key
