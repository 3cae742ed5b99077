"""Names and their versions: which payload a name means, now and before.

The versions of a name are a register, ``names/<collection>/<name>/@/<time>-<sha256>.json``, under
the SHA-256 of the payload.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from snakemake_storage_plugin_seqstore.query import RESERVED_SEGMENT
from snakemake_storage_plugin_seqstore.store import register
from snakemake_storage_plugin_seqstore.store.register import Stamp
from snakemake_storage_plugin_seqstore.store.version import Version


class Names:
    """The names of a store: ``root/names``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "names"

    def history(self, collection: str, name: str) -> list[Stamp]:
        """All versions of a name, newest first."""
        return register.history(self._directory(collection, name))

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

    def add(self, collection: str, name: str, version: Version, key: str | None = None) -> Stamp:
        """Let a name mean `version` from now on; `key` says which computation made it."""
        document = vars(version) | ({"key": key} if key else {})
        content = json.dumps(document, sort_keys=True).encode()
        return self._write(collection, name, version.digest, content)

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

    def _directory(self, collection: str, name: str) -> str:
        return f"{self.directory}/{collection}/{name}/{RESERVED_SEGMENT}"

    def _write(self, collection: str, name: str, digest: str | None, content: bytes) -> Stamp:
        before = self.history(collection, name)
        directory = self._directory(collection, name)
        stamp = register.add(directory, digest, content, before, self.root)
        for older in before:
            if older.digest == digest:  # the same version, or another removal, at an earlier time
                older.path.unlink(missing_ok=True)
        return stamp


def _read(stamp: Stamp) -> Version:
    document = json.loads(stamp.read())
    if isinstance(document, dict):
        document.pop("key", None)
    version = Version.load(document)
    if version.digest != stamp.digest:
        raise ValueError(f"{stamp.path} does not say what its name says")
    return version
