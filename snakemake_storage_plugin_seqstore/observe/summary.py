"""From what a job did to what counts of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.observe.accesses import Access, Accesses
from snakemake_storage_plugin_seqstore.observe.births import born
from snakemake_storage_plugin_seqstore.observe.listings import (
    digest_of,
    modules_there,
    names_in,
    names_that_count,
)
from snakemake_storage_plugin_seqstore.observe.packages import Packages
from snakemake_storage_plugin_seqstore.observe.places import Kind, Place, Places
from snakemake_storage_plugin_seqstore.store import Reads, is_executable

# A file whose status was asked for counts by its content up to this size, in bytes.
LARGE = 16 << 20
# The times of files lag behind the clock by as much, in ns.
TICK = 10**7
_PROGRAM_PLACES = ("workdir:", "workflow:")
_INTERPRETERS = 4  # as many as the system allows, one started by the other
# A machine's own settings and what is derived from all that is installed, as ld.so.cache.
_SETTINGS = "/etc/"
_HASH_BANG = b"#!"


def summarise(
    accesses: Accesses,
    places: Places,
    contents: Contents,
    packages: Packages,
    search_path: str = "",
    before: Mapping[str, str] | None = None,
) -> Reads:
    """What counts of what a job did, right after its end, where it ran.

    Parameters
    ----------
    accesses : Accesses
        What it did.
    places : Places
        Its places.
    contents : Contents
        Says what files contain.
    packages : Packages
        Says which package a file belongs to.
    search_path : str
        The job's PATH.
    before : mapping of str to str, optional
        SHA-256 of what other jobs had made when this one began, by absolute path: what it changes
        of that, it has read. Empty for what was not as they had made it, and is read by others.
    """
    summary = _Summary(accesses, places, contents, packages, search_path, before or {})
    for path, access in accesses.paths.items():
        summary.add(path, access)
    for directory, names in accesses.searched.items():
        summary.add_search(directory, names)
    return summary.result()


def is_changed(access: Access, status: os.stat_result | None, started: int) -> bool:
    """Whether a job changed what it opened for reading and writing, as its times say.

    Parameters
    ----------
    started : int
        When the job began, in ns since the epoch.
    """
    return bool(access.opened_to_change and status and status.st_mtime_ns > started - TICK)


class _Summary:
    def __init__(
        self,
        accesses: Accesses,
        places: Places,
        contents: Contents,
        packages: Packages,
        search_path: str,
        before: Mapping[str, str],
    ) -> None:
        self._accesses = accesses
        self._places = places
        self._contents = contents
        self._packages = packages
        self._search_path = search_path
        self._before = before
        self._written, self._written_below = _written(accesses)
        self._program_directories = frozenset(search_path.split(os.pathsep))
        self._files: dict[str, str] = {}
        self._asked: dict[str, str | tuple[int, int]] = {}
        self._absent: set[str] = set()
        self._listed: dict[str, str] = {}
        self._wrote: dict[str, tuple[str, ...]] = {}
        self._searched: dict[str, str] = {}
        self._modules: set[str] = set()
        self._products: dict[str, str] = {}
        self._executable: set[str] = set()
        self._made: dict[str, str] = {}
        self._programs: dict[str, str] = {}
        self._software: dict[str, dict[str, str]] = {}
        self._system: dict[str, str] = {}
        self._rejected: set[str] = set()

    def result(self) -> Reads:
        found = (self._files, self._asked, self._absent, self._listed, self._searched)
        is_outside = any(name.startswith("/") for names in found for name in names)
        return Reads(
            files=self._files,
            asked=self._asked,
            absent=tuple(sorted(self._absent)),
            listed=self._listed,
            wrote=self._wrote,
            searched=self._searched,
            modules=tuple(sorted(self._modules)),
            workdir=self._places.workdir if is_outside else "",
            products=self._products,
            executable=tuple(sorted(self._executable)),
            made=self._made,
            programs=self._programs,
            software=self._software,
            system=self._system,
            search_path=self._search_path if self._programs else "",
            notes=tuple(sorted(self._accesses.notes)),
            rejected=tuple(sorted(self._rejected)),
        )

    def add(self, path: str, access: Access) -> None:
        place = self._places.classify(path)
        if place.kind is Kind.IGNORED:
            return
        if place.kind is Kind.SYSTEM:
            self._add_system(path, access)
            return
        status = _status(path)
        if access.perhaps_made and self._is_own(path, access, status):
            return
        before = self._before.get(place.path) if status else None
        changes = access.replaced or is_changed(access, status, self._accesses.started)
        if before and changes:
            self._products[place.name] = before
        elif changes or (access.added_to and before == ""):
            if place.kind is not Kind.SCRATCH and path not in self._places.others:
                self._reject("changed in place", place)
        elif place.kind is Kind.DECLARED:
            pass
        elif place.kind is Kind.SCRATCH:
            if status and status.st_mtime_ns < self._accesses.started:
                if access.executed:
                    self._add_program(path)
                elif access.read:
                    self._add_content(self._files, path, place, status)
        elif place.kind is Kind.PRODUCT:
            is_found = self._is_listed(os.path.dirname(path))
            asked = access.asked and not is_found
            if access.read and before == "":
                self._reject("not as the jobs before it left it", place)
            elif (access.read or asked or access.executed) and not access.written:
                self._add_content(self._products, path, place, status)
            if access.listed and not is_found and status and stat.S_ISDIR(status.st_mode):
                self._add_content(self._products, path, place, status, directories=True)
        else:
            self._add_source(path, access, place, status)

    def add_search(self, directory: str, names: frozenset[str]) -> None:
        """Count a directory that was searched for modules, which it may come to have."""
        place = self._places.classify(directory)
        if place.kind is Kind.SOURCE or self._is_own_packages(place):
            name = self._places.name_of(place.path)
            self._searched[name] = digest_of(modules_there(place.path, names))
            self._modules |= names

    # The working directory, a home, a lab's share

    def _add_source(
        self, path: str, access: Access, place: Place, status: os.stat_result | None
    ) -> None:
        if access.executed and not place.name.startswith(_PROGRAM_PLACES):
            self._add_program(path)
        elif access.read or access.executed or access.opened_to_change:
            self._add_read(path, access, place, status)
        elif access.written:
            if access.asked or access.absent or access.made_new:
                self._add_made(path, access, place, status)
        elif access.asked:
            self._add_asked(path, place, status)
        elif access.absent and not (
            self._places.is_copied(path)
            or (
                os.path.dirname(path) in self._program_directories
                and not place.name.startswith(_PROGRAM_PLACES)
            )
        ):
            self._absent.add(place.name)
        if access.listed and status and place.kind is Kind.SOURCE:
            wrote = self._written.get(path.rstrip("/"), set())
            with suppress(OSError):
                # A shadow directory has links to what is in the directory that it stands for.
                names = names_in(place.path, self._places)
                names = names_that_count(names, place.path, self._places, wrote)
                # What other jobs made and took away meanwhile is no file of anybody.
                names = [name for name in names if os.path.lexists(f"{place.path}/{name}")]
                self._listed[place.name] = digest_of(names)
                if wrote:
                    self._wrote[place.name] = tuple(sorted(wrote))

    def _add_read(
        self, path: str, access: Access, place: Place, status: os.stat_result | None
    ) -> None:
        if status is None:
            self._reject("gone when the job ended", place)
        elif stat.S_ISREG(status.st_mode):
            read = access.first_read or self._accesses.started
            if status.st_mtime_ns > read - TICK and place.kind is Kind.SOURCE:
                self._reject("changed while the job ran", place)
            self._add_content(self._files, path, place, status)
            if access.executed:
                self._add_interpreters(path)

    def _add_made(
        self, path: str, access: Access, place: Place, status: os.stat_result | None
    ) -> None:
        if status is None:
            if access.absent and not os.path.lexists(path):  # it was there for a while
                self._absent.add(place.name)
        elif stat.S_ISREG(status.st_mode):
            with suppress(OSError, SeqstoreError):
                self._made[place.name] = self._contents.unwatched.version(path, status).digest

    def _add_asked(self, path: str, place: Place, status: os.stat_result | None) -> None:
        if status is None or os.path.dirname(path) in self._program_directories:
            return
        if stat.S_ISREG(status.st_mode):
            if status.st_size > LARGE or not os.access(path, os.R_OK):
                self._asked[place.name] = (status.st_size, status.st_mtime_ns)
                self._add_mode(place, status)
            else:
                self._add_content(self._asked, path, place, status)
        elif (  # shells ask whether directories are there that they come from or search
            place.kind is Kind.SOURCE
            and place.name.startswith(_PROGRAM_PLACES)
            and stat.S_ISDIR(status.st_mode)
            and not (
                path == self._places.variables.get("PWD")  # a shell asks if it is there
                or self._places.holds_places(path)
                or self._places.covered_names(path)
                or self._places.is_written(path)
                or path in self._written_below
            )
        ):
            self._asked[place.name] = ""

    def _add_mode(self, place: Place, status: os.stat_result) -> None:
        if is_executable(status.st_mode):
            self._executable.add(place.name)

    def _add_content(
        self,
        to: dict[str, str] | dict[str, str | tuple[int, int]],
        path: str,
        place: Place,
        status: os.stat_result | None,
        directories: bool = False,
    ) -> None:
        if status is None or not (directories or stat.S_ISREG(status.st_mode)):
            return
        if to is not self._products:  # what mode these have, their maker's record says
            self._add_mode(place, status)
        try:
            to[place.name] = self._contents.version(path, status).digest
        except (OSError, SeqstoreError):
            self._reject("can not be read any more", place)

    # Software

    def _add_system(self, path: str, access: Access) -> None:
        if access.executed:
            self._add_program(path)
        elif access.read or access.asked:
            is_setting = self._packages.resolved(path).startswith(_SETTINGS)
            if is_setting or self._count_package(path) or not access.read:
                return
            status = _status(path)
            if status and stat.S_ISREG(status.st_mode) and not path.endswith("/pyvenv.cfg"):
                with suppress(OSError, SeqstoreError):
                    self._system[self._installed(path)] = self._contents.version(
                        path, status
                    ).digest
        elif access.absent and path.endswith("-packages"):
            self.add_search(path, frozenset())

    def _add_program(self, path: str, depth: int = 0) -> None:
        owner = self._packages.owner(path)
        if owner is not None and owner.base and owner.prefix == "/":
            return  # as is what starts it
        name = self._installed(path)
        if owner is not None and not owner.base:
            self._programs[name] = f"{self._installed(owner.prefix)}|{owner.name}"
            self._count_package(path)
        elif owner is None:
            with suppress(OSError, SeqstoreError):
                self._programs[name] = self._contents.version(path).digest
        self._add_interpreters(path, depth)

    def _add_interpreters(self, path: str, depth: int = 0) -> None:
        """Count what the system starts for a script: what its first line names."""
        with suppress(OSError, SeqstoreError):
            head = self._contents.head(path)
            words = head[len(_HASH_BANG) :].split(b"\n")[0].split()
            if head.startswith(_HASH_BANG) and words and depth < _INTERPRETERS:
                interpreter = os.path.join(self._places.workdir, os.fsdecode(words[0]))
                place = self._places.classify(interpreter)
                if place.kind is Kind.SYSTEM or not place.name.startswith(_PROGRAM_PLACES):
                    self._add_program(interpreter, depth + 1)

    def _count_package(self, path: str) -> bool:
        owner = self._packages.owner(path)
        if owner is not None and not owner.base:
            packages = self._software.setdefault(self._installed(owner.prefix), {})
            packages[owner.name] = owner.version
        return owner is not None

    def _installed(self, path: str) -> str:
        """How software is called elsewhere: an environment of the job is not where it is here."""
        return self._places.name_of(path, Kind.SYSTEM)

    def _is_own_packages(self, place: Place) -> bool:
        """Whether it is a user's own folder of packages, beside those of an environment."""
        home = self._places.home
        return bool(home) and place.path.startswith(f"{home}/") and "-packages" in place.path

    # What the job changed

    def _is_own(self, path: str, access: Access, status: os.stat_result | None) -> bool:
        """Whether a job made what it opened: it is gone again, or was born while the job ran.

        Of what was moved away, or over, nobody knows when it was born.
        """
        if status is None or access.swapped:
            return status is None
        return born(path, follow=True) > self._accesses.started - TICK

    def _reject(self, why: str, place: Place) -> None:
        self._rejected.add(f"{why}: {self._places.shown(place.name)}")

    def _is_listed(self, directory: str) -> bool:
        """Whether a directory's names were asked for, as `ls -l` and `find` do before all else.

        Which products are there depends on when the job runs; it is their content that counts.
        """
        access = self._accesses.paths.get(directory)
        return access is not None and access.listed


def _written(accesses: Accesses) -> tuple[dict[str, set[str]], set[str]]:
    """Names that a job wrote by directory, and all directories below which it wrote."""
    names: dict[str, set[str]] = {}
    above: set[str] = set()
    for path, access in accesses.paths.items():
        if access.written:
            directory, _, name = path.rpartition("/")
            names.setdefault(directory, set()).add(name)
            while directory not in above:
                above.add(directory)
                directory = directory.rpartition("/")[0]
    return names, above


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
