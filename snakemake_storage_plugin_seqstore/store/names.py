"""Names and their versions: which payload a name means, now and before.

The versions of a name are a version log, ``names/<collection>/<name>/@/<time>-<sha256>.json``, under
the SHA-256 of the payload.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import version_log
from snakemake_storage_plugin_seqstore.store.version import Version
from snakemake_storage_plugin_seqstore.store.version_log import Stamp

RESERVED_SEGMENT = "@"  # the versions of a name are in a directory of this name


class Names:
    """The names of a store: ``root/names``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "names"

    def history(self, collection: str, name: str) -> list[Stamp]:
        """All versions of a name, newest first."""
        return version_log.history(self._directory(collection, name))

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
        OSError
            If it cannot be read.
        """

        def matching() -> list[Stamp]:
            history = self.history(collection, name)
            if digest:
                return [stamp for stamp in history if stamp.digest == digest]
            return history if history and history[0].digest else []

        found = version_log.newest(matching)
        return (found[0], _load(*found)) if found else None

    def version(self, stamp: Stamp) -> Version | None:
        """What a stamp stands for; None if its file is gone or damaged.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        try:
            return _load(stamp, stamp.read())
        except (ValueError, FileNotFoundError):
            return None

    def add(self, collection: str, name: str, version: Version, key: str | None = None) -> Stamp:
        """Let a name mean `version` from now on; `key` says which computation made it."""
        return self._write(collection, name, version.digest, dump(version, key))

    def remove(self, collection: str, name: str) -> bool:
        """Let a name mean nothing from now on; say whether it meant something."""
        if self.current(collection, name) is None:
            return False
        self._write(collection, name, None, b"")
        return True

    def key(self, collection: str, name: str) -> str | None:
        """The key of the computation that made what a name means, or last meant, if it is known."""
        for stamp in self.history(collection, name):
            if stamp.digest:
                try:
                    found = json.loads(stamp.read()).get("key")
                except (OSError, ValueError):
                    continue
                return found if isinstance(found, str) else None
        return None

    def under(self, collection: str, prefix: str = "") -> Iterator[str]:
        """The names of a collection that start with `prefix` and mean something, in order."""
        folder = prefix.rpartition("/")[0]
        if ".." in Path(folder).parts:
            return
        for name in self.walk(collection, folder):
            if name.startswith(prefix) and self.current(collection, name):
                yield name

    @property
    def collections(self) -> list[str]:
        """The collections in which there are names."""
        try:
            return sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return []

    def walk(self, collection: str, folder: str = "") -> Iterator[str]:
        """All names below a folder of a collection, also those that mean nothing now, in order.

        Raises
        ------
        StoreError
            If a directory cannot be listed: what is in it would seem not to be there.
        """
        top = self.directory / collection
        for directory, below, _ in os.walk(top / folder, onerror=_refuse):
            below.sort()
            if RESERVED_SEGMENT in below:
                below.remove(RESERVED_SEGMENT)
                yield Path(directory).relative_to(top).as_posix()

    def _directory(self, collection: str, name: str) -> str:
        return f"{self.directory}/{collection}/{name}/{RESERVED_SEGMENT}"

    def _write(self, collection: str, name: str, digest: str | None, content: bytes) -> Stamp:
        before = self.history(collection, name)
        directory = self._directory(collection, name)
        stamp = version_log.add(directory, digest, content, before, self.root)
        for older in before:
            if older.digest == digest:  # the same version, or another removal, at an earlier time
                older.path.unlink(missing_ok=True)
        return stamp


def dump(version: Version, key: str | None = None) -> bytes:
    """What the file of a version holds."""
    document = vars(version) | ({"key": key} if key else {})
    return json.dumps(document, sort_keys=True).encode()


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise StoreError(f"cannot list {error.filename}: {error.strerror}") from error


def _load(stamp: Stamp, content: bytes) -> Version:
    document = json.loads(content)
    if isinstance(document, dict):
        document.pop("key", None)
    version = Version.load(document)
    if version.digest != stamp.digest:
        raise ValueError(f"{stamp.path} does not say what its name says")
    return version
