"""Whether what a job read is the same here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.observe.listings import (
    digest_of,
    modules_there,
    names_in,
    names_that_count,
)
from snakemake_storage_plugin_seqstore.observe.packages import Packages
from snakemake_storage_plugin_seqstore.observe.places import Kind, Places
from snakemake_storage_plugin_seqstore.store import Reads, is_executable

ProductDigests = Callable[[str], Iterable[str]]
Paths = Callable[[str], list[str]]  # where a place may lie here; an empty one if nowhere


class Checks:
    """Checks of one pass: status and digests are asked for once, equal sets are checked once.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    packages : Packages
        Says what is installed here.
    """

    def __init__(self, contents: Contents, packages: Packages) -> None:
        self._contents = contents
        self._packages = packages
        self._statuses: dict[str, os.stat_result | None] = {}
        self._there: dict[str, bool] = {}
        self._names: dict[tuple[str, str], list[str]] = {}
        self._digests: dict[str, str | None] = {}
        self._software: dict[tuple[str, str], tuple[list[str], str]] = {}

    def files(
        self,
        reads: Reads,
        here: Places,
        product_digests: ProductDigests,
        is_taken: bool = False,
    ) -> list[str]:
        """What does not hold here of files, in words; empty if all does.

        Parameters
        ----------
        reads : Reads
            What was read.
        here : Places
            The job's places here.
        product_digests : callable
            SHA-256 of what a job of this workflow makes at a path, as its maker's record names
            it; several if any of them may be there, none if that is not known.
        is_taken : bool, optional
            Whether all held here once: where an absolute path may mean two files, the one beside
            this working directory goes on to decide.
        """

        def paths(name: str) -> list[str]:
            found = here.paths_of(name, reads.workdir) or [""]
            return found[:1] if is_taken else found

        found = [
            *self._contents_that_differ(reads, here, product_digests, paths),
            *self._questions_that_differ(reads, here, product_digests, paths),
            *self._names_that_differ(reads, here, paths),
        ]
        return [*reads.rejected, *found]

    # Files

    def _contents_that_differ(
        self, reads: Reads, here: Places, product_digests: ProductDigests, paths: Paths
    ) -> Iterator[str]:
        for name, digest in reads.files.items():
            for path in paths(name):
                now = self._now(path, digest, here, product_digests) if path else None
                if now != digest and not (now is None and name.startswith("tmpdir:")):
                    yield f"{here.shown(path or name)} {_what_became(now)}"
                elif path and (status := self._status(path)):
                    yield from _mode_that_differs(name, path, status, reads, here)
        for name, digest in reads.products.items():
            for path in paths(name):
                now = _made(path, digest, product_digests) if path else None
                if now != digest:
                    yield f"{here.shown(path or name)} {_what_became(now)}"
        for name, digest in reads.made.items():
            there = here.path_of(name)
            if there and not here.is_written(there) and self._digest(there) not in (None, digest):
                yield f"{here.shown(name)} is not what the job wrote there"

    def _questions_that_differ(
        self, reads: Reads, here: Places, product_digests: ProductDigests, paths: Paths
    ) -> Iterator[str]:
        for name, before in reads.asked.items():
            for path in paths(name):
                status = self._status(path) if path else None
                if before == "":
                    if path and (status is None or not stat.S_ISDIR(status.st_mode)):
                        yield f"the directory {here.shown(name)} is missing"
                    continue
                now: object = None
                if isinstance(before, tuple):
                    now = (status.st_size, status.st_mtime_ns) if status else None
                elif path:
                    now = self._now(path, before, here, product_digests)
                if now != before:
                    yield f"{here.shown(path or name)} {_what_became(now)}"
                elif status and stat.S_ISREG(status.st_mode):
                    yield from _mode_that_differs(name, path, status, reads, here)
        for name in reads.absent:
            for path in paths(name):
                if not path:
                    continue
                is_there = self._is_there(path) and not here.is_written(path)
                if is_there or here.is_made_before(path):
                    yield f"{here.shown(path)} has come to be"

    def _names_that_differ(self, reads: Reads, here: Places, paths: Paths) -> Iterator[str]:
        for name, digest in reads.listed.items():
            for path in paths(name):
                names: list[str] = []
                if path:
                    kept = self._names_in(path, here)
                    names = names_that_count(kept, path, here, reads.wrote.get(name, ()))
                if digest_of(names) != digest:
                    yield f"{here.shown(path or name)} has other files in it"
        for name, digest in reads.searched.items():
            for path in paths(name):
                if path and digest_of(modules_there(path, reads.modules)) != digest:
                    yield f"{here.shown(path)} has other modules in it"

    def _now(
        self, path: str, before: str, here: Places, product_digests: ProductDigests
    ) -> str | None:
        """What a path contains: the same as before if it may, None if nothing is known of it."""
        digest = None
        if here.classify(path).kind in (Kind.PRODUCT, Kind.STORED):
            digest = _made(path, before, product_digests)
        return digest or self._digest(path)

    def _names_in(self, directory: str, here: Places) -> list[str]:
        key = directory, here.workdir
        if key not in self._names:
            try:
                self._names[key] = names_in(directory, here)
            except OSError:
                self._names[key] = []
        return self._names[key]

    def _is_there(self, path: str) -> bool:
        if path not in self._there:
            self._there[path] = os.path.lexists(path)
        return self._there[path]

    def _status(self, path: str) -> os.stat_result | None:
        if path not in self._statuses:
            try:
                self._statuses[path] = os.stat(path)
            except OSError:
                self._statuses[path] = None
        return self._statuses[path]

    def _digest(self, path: str) -> str | None:
        if path not in self._digests:
            status = self._status(path)
            digest = None
            if status is not None:
                try:
                    digest = self._contents.version(path, status).digest
                except (OSError, SeqstoreError):
                    digest = ""  # it is there, and is something else
            self._digests[path] = digest
        return self._digests[path]

    # Software

    def software(self, reads: Reads, here: Places) -> tuple[list[str], str]:
        """What does not hold here of programs, packages and files of the system, and what they are.

        The first in words, the second as a SHA-256.
        """
        key = reads.software_digest, here.environment
        if key not in self._software:
            differing: list[str] = []
            state: list[tuple[str, str]] = []
            for place, before in reads.programs.items():
                path = here.path_of(place)
                now = self._program(path, before, reads, differing) if path else ""
                state.append((place, now))
            for place, packages in reads.software.items():
                prefix = here.path_of(place)
                for name, version in packages.items():
                    now = (self._packages.version(prefix, name) if prefix else None) or ""
                    state.append((f"{place}|{name}", now))
                    if now not in ("", version):
                        differing.append(f"{name} is {now} here, not {version}")
            for place, digest in reads.system.items():
                path = here.path_of(place)
                now = (self._digest(path) if path else None) or ""
                state.append((place, now))
                if now not in ("", digest):
                    differing.append(f"{path} has changed")
            text = json.dumps(state).encode()
            unique = list(dict.fromkeys(differing))
            self._software[key] = unique, hashlib.sha256(text).hexdigest()
        return self._software[key]

    def _program(self, path: str, before: str, reads: Reads, differing: list[str]) -> str:
        """What a program is here; one that is not installed here is nothing."""
        found = path if os.access(path, os.X_OK) else None
        # One of an environment that is deployed for a job was not found along this PATH.
        if found is None and os.path.dirname(path) in reads.search_path.split(os.pathsep):
            found = shutil.which(os.path.basename(path), path=reads.search_path)
        if found is None:
            return ""
        owner = self._packages.owner(found)
        if owner is None:
            digest = self._digest(found) or ""
            if digest != before:
                differing.append(f"the program {found} is another one")
            return digest
        prefix, _, name = before.rpartition("|")
        version = reads.software.get(prefix, {}).get(name)
        if (owner.name, owner.version) != (name, version) and not (owner.base and not prefix):
            differing.append(
                f"the program {found} is of {owner.name} {owner.version}, not of {name} {version}"
                if prefix
                else f"the program {found} is of {owner.name} {owner.version} here"
            )
        return f"{owner.name} {owner.version}"


def _made(path: str, before: str, product_digests: ProductDigests) -> str | None:
    """What jobs make at a path: the same as before if one of them does, None if none makes it."""
    digest = None
    for digest in product_digests(path):
        if digest == before:
            break
    return digest


def _mode_that_differs(
    name: str, path: str, status: os.stat_result, reads: Reads, here: Places
) -> Iterator[str]:
    now = is_executable(status.st_mode)
    if now != (name in reads.executable):
        yield f"{here.shown(path)} {'has become' if now else 'is not'} executable"


def _what_became(now: object) -> str:
    return "is missing" if now is None else "has changed"
