"""What projects use without having made it: a list for each project, so that `gc` leaves it alone.

A clone takes over thousands of results at once. A file for the name of each would take longer than
all else that the clone does. So they are in one list,
``projects/<project>/<time>-<sha256>.json``, under the SHA-256 of its own bytes. Who adds to a list
writes it anew, and removes the one that was read. Where two do so at once, both lists stay and
count together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from snakemake_storage_plugin_seqstore.store import directories, parsing, version_log
from snakemake_storage_plugin_seqstore.store.parsing import (
    MalformedError,
    fields,
    mapping,
    natural,
    one_of,
)
from snakemake_storage_plugin_seqstore.store.version import Version
from snakemake_storage_plugin_seqstore.store.version_log import Stamp

_FOLDER = "projects"  # below the root of a store
_FORMAT = 1
_LARGEST = 1 << 28  # bytes of a list, which has some 150 for each name
_ATTEMPTS = 10  # to read lists that are being replaced all the time

Name: TypeAlias = tuple[str, str]  # collection and name


class Use(NamedTuple):
    """What a project uses by a name, and since when (ns since the epoch)."""

    version: Version
    time: int


class Uses:
    """The lists of a store: ``root/projects``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[list[Stamp], dict[Name, Use]]] = {}

    @property
    def projects(self) -> list[str]:
        """The projects that may have a list."""
        return [
            each for each in directories.folders(self.root, _FOLDER) if parsing.is_project(each)
        ]

    def of(self, project: str) -> Mapping[Name, Use]:
        """What a project uses, by name. A version in the name's own log that is newer counts more.

        Raises
        ------
        MalformedError
            If a list is damaged.
        OSError
            If one cannot be read.
        """
        for attempt in range(_ATTEMPTS):
            lists = version_log.history(self._directory(project))
            before, known = self._known.get(project, ([], {}))
            if lists == before:
                return known
            try:
                self._known[project] = lists, _together([self._load(each) for each in lists])
            except FileNotFoundError:  # somebody replaced it
                if attempt == _ATTEMPTS - 1:
                    raise
        return self._known[project][1]

    def add(self, project: str, versions: Mapping[Name, Version]) -> None:
        """Note that a project uses these versions from now on, by name."""
        time = version_log.now(self.root)
        new = {name: Use(version, time) for name, version in versions.items()}
        self._change(project, lambda uses: uses | new)

    def drop(self, project: str, outdated: Mapping[Name, Use]) -> None:
        """Leave out what a project does not use any more."""
        self._change(
            project,
            lambda uses: {name: use for name, use in uses.items() if outdated.get(name) != use},
        )

    def _change(self, project: str, change: Callable[[dict[Name, Use]], dict[Name, Use]]) -> None:
        directory = self._directory(project)
        lists = version_log.history(directory)
        read = {}
        for each in lists:
            try:
                read[each] = self._load(each)
            except (MalformedError, FileNotFoundError):
                continue  # a damaged one stays, as nobody knows what was in it
        if uses := change(_together(read.values())):
            content = _dump(uses)
            digest = hashlib.sha256(content).hexdigest()
            version_log.add(directory, digest, content, lists, self.root)
        for each in read:
            directories.remove(self.root, directories.relative(self.root, each.path))

    def _directory(self, project: str) -> str:
        return f"{self.root}/{_FOLDER}/{parsing.project(project)}"

    def _load(self, stamp: Stamp) -> dict[Name, Use]:
        content = parsing.read(f"{stamp.directory}/{stamp.file}", _LARGEST)
        try:
            if hashlib.sha256(content).hexdigest() != stamp.digest:
                raise MalformedError("its bytes changed")
            uses = _FORM(parsing.load(content))["uses"]
            found = {_name(text): use for text, use in uses.items()}
        except MalformedError as error:
            raise MalformedError(
                f"{stamp.path} is no list of what a project uses: {error}"
            ) from None
        return found


def _together(lists: Iterable[dict[Name, Use]]) -> dict[Name, Use]:
    """What lists say together: of each name the newest."""
    found: dict[Name, Use] = {}
    for uses in lists:
        found |= {n: use for n, use in uses.items() if n not in found or found[n].time < use.time}
    return found


def _dump(uses: Mapping[Name, Use]) -> bytes:
    document = {
        "/".join(name): vars(use.version) | {"time": use.time} for name, use in uses.items()
    }
    text = json.dumps({"list": _FORMAT, "uses": document}, sort_keys=True, separators=(",", ":"))
    return text.encode()


def _name(text: str) -> Name:
    collection, _, name = parsing.name(text).partition("/")
    return collection, parsing.name(name)


def _use(document: Any) -> Use:
    time = document.pop("time", None) if isinstance(document, dict) else None
    return Use(Version.load(document), natural(time))


_FORM = fields(list=one_of(_FORMAT), uses=mapping(_use))
