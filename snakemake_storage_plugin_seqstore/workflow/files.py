"""What Snakemake's files are to us: objects of a seqstore, of another storage, or local."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Entry, Materialisation, Store, Version, trees
from snakemake_storage_plugin_seqstore.store.version_log import TICK
from snakemake_storage_plugin_seqstore.unknown import NotYet

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.file_hashes import Contents

_NO_FLAGS: dict[str, Any] = {}


@dataclass(slots=True)
class Answer:
    """What a file of a store was said to be.

    Parameters
    ----------
    found : tuple of Store and Entry or None
        The entry, and the store that has it; None if it is the user's file in its own place.
    stands : bool
        Whether it still is.
    """

    found: tuple[Store, Entry] | None
    stands: bool = True


class Provider(Protocol):
    """What the storage provider offers."""

    local_prefix: Path
    project: str
    materialisation: Materialisation
    verify: bool
    mark: Callable[[Any], Any]

    @property
    def store(self) -> Store:
        """The store."""


class StoredFile(Protocol):
    """What the storage object of a file in a seqstore offers."""

    provider: Provider
    query: str
    retrieve: bool
    answer: Answer | None
    is_of_seqstore: bool
    is_in_place: bool

    @property
    def parsed(self) -> Query:
        """The query."""

    @property
    def is_derived(self) -> bool:
        """Whether it is a view of an entry."""

    @property
    def label(self) -> str:
        """What it is called in this workflow, on every node: local copies may be anywhere."""

    @property
    def base_label(self) -> str:
        """The label of the entry that the query names, or derives from."""

    @property
    def copy_path(self) -> Path:
        """Where its local copy is."""


def stored(file: Any) -> StoredFile | None:
    """The storage object of a file in a seqstore; None for any other file.

    An output that is a pipe or a service is never stored.
    """
    # Rules may have functions instead of files.
    flags = getattr(file, "flags", _NO_FLAGS)
    found = flags.get("storage_object")
    if found is None or flags.get("pipe") or flags.get("service"):
        return None
    return found if getattr(found, "is_of_seqstore", False) else None


def label(file: Any) -> str:
    """What a file is called in this workflow."""
    ours = stored(file)
    return ours.label if ours else str(file)


def base_path(file: StoredFile) -> str:
    """Local path of the entry that a query names, or derives from."""
    if file.is_in_place:
        return file.label
    return str(file.provider.local_prefix / file.parsed.base.local_suffix())


def foreign_version(file: Any, contents: Contents, at_start: bool) -> Version:
    """What a file of another storage contains: by its checksum, else by its bytes.

    Raises
    ------
    NotYet
        If it has no checksum and is not here yet.
    """
    try:
        checksum = file.storage_object.checksum()
    except Exception:  # anything, over any network: its bytes will tell
        checksum = None
    if checksum:
        return Version(checksum.removeprefix("sha256:"), "file", 0)
    if at_start and os.path.exists(file):
        return contents.version(file)
    raise NotYet(f"the content of {file.storage_object.print_query} is not known before it is here")


def source_time(path: str | os.PathLike[str]) -> float:
    """When a local file changed, as Snakemake sees it, in s since the epoch.

    Raises
    ------
    OSError
        If it is not there.
    """
    status = os.lstat(path)
    newest = status.st_mtime
    if stat.S_ISLNK(status.st_mode):
        status = os.stat(path)
        newest = max(newest, status.st_mtime)
    if stat.S_ISDIR(status.st_mode):
        with suppress(OSError):
            return source_time(os.path.join(path, trees.IGNORED))
    return newest


def mark_directory(path: Path, time: int) -> None:
    """Leave in a directory that was brought what Snakemake leaves in one that a job made.

    Who lists it finds the same names.

    Parameters
    ----------
    time : int
        Its time, in ns since the epoch.
    """
    if path.is_dir():
        mark = path / trees.IGNORED
        mark.touch()
        for each in (mark, path):
            os.utime(each, ns=(time, time))


def local_size(path: str | os.PathLike[str]) -> int:
    """Size of a local file in bytes; 0 for a directory, as Snakemake has it.

    Raises
    ------
    OSError
        If it is not there.
    """
    status = os.stat(path)
    return 0 if stat.S_ISDIR(status.st_mode) else status.st_size


def local_time(path: str) -> int:
    """`source_time` in ns, rounded up to a tick; 0 if the file is not there."""
    try:
        return math.ceil(source_time(path) * 10**9 / TICK) * TICK
    except OSError:
        return 0


def local_version(
    file: StoredFile, expected: Version, time: int, contents: Contents, *others: Version
) -> Version | None:
    """What is at the place of a file; None if nothing is.

    Parameters
    ----------
    expected : Version
        What it probably is: a link to that need not be read.
    time : int
        When that was put there, in ns: what still has this time need not be read either.
    *others : Version
        What else it may be.
    """
    path = file.copy_path
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            target = str(file.provider.store.objects.path(expected.digest))
            if os.readlink(path) == target:
                return expected
        elif stat.S_ISREG(status.st_mode) and status.st_mtime_ns == time:
            return expected
        return contents.version_as_made(path, expected, *others)
    except FileNotFoundError:
        return None


def lacks_copy(job: Any) -> bool:
    """Whether an output is not in its place."""
    return any(stored(file) and not os.path.exists(file) for file in job.output)


def is_here(job: Any) -> bool:
    """Whether nobody took away what was in its own place; a temporary is gone as it should be."""
    return all(
        file.flags.get("temp") or not ours.is_in_place or os.path.lexists(ours.copy_path)
        for file in job.output
        if (ours := stored(file))
    )
