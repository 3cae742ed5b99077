"""The projects that a store knows: what each of them made or uses, and how to give that up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.store import directories
from snakemake_storage_plugin_seqstore.store.store import Store
from snakemake_storage_plugin_seqstore.store.version_log import Stamp


@dataclass
class Project:
    """What a store knows of a project.

    Parameters
    ----------
    files : int
        How many files it made that are still meant, or uses.
    time : int
        When the last of them came to be, in ns since the epoch.
    """

    files: int = 0
    time: int = 0

    def count(self, time: int) -> None:
        """Count a file that is there since `time`."""
        self.files += 1
        self.time = max(self.time, time)


def projects(store: Store) -> dict[str, Project]:
    """All projects of a store, by name.

    Raises
    ------
    StoreError
        If a directory cannot be listed.
    MalformedError
        If the list of a project is damaged.
    """
    found: dict[str, Project] = {}
    for _, _, project, stamp in _made(store):
        found.setdefault(project, Project()).count(stamp.time)
    for project in store.uses.projects:
        for _, _, use in store.used_by(project):
            found.setdefault(project, Project()).count(use.time)
    return dict(sorted(found.items()))


def forget(store: Store, project: str) -> None:
    """Give up what a project made or uses, as its directory is gone; the bytes stay until `gc`.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    names = [(collection, name) for collection, name, _ in store.used_by(project)]
    names += [(collection, name) for collection, name, owner, _ in _made(store) if owner == project]
    with directories.kept_open(), store.prepared([b""] * len(names)):
        for collection, name in names:
            store.remove(collection, name, project)


def _made(store: Store) -> Iterator[tuple[str, str, str, Stamp]]:
    """What projects made: collection, name, project and newest version of what is still meant."""
    for collection in store.names.collections:
        for name in store.names.walk(collection):
            for project, log in store.names.logs(collection, name):
                if project and log and log[0].digest:
                    yield collection, name, project, log[0]
