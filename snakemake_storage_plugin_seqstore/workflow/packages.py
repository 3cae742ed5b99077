"""The packages that are installed for a Python, by name and version."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.workflow.directories import Directories

_METADATA = (".dist-info", ".egg-info", ".egg")
_SOURCES = (".py", ".so")
_LIBRARIES = ("lib", "lib64", "local/lib")

State = tuple[tuple[str, tuple[tuple[str, int, int], ...]], ...]


class Package(NamedTuple):
    """A package by name and version, and where its sources are if they may be edited there."""

    label: str
    sources: str | None


class Packages:
    """The installed packages, as they are now: made anew for each pass.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    directories : Directories
        Remembers what is installed while that stays the same.
    """

    def __init__(self, contents: Contents, directories: Directories) -> None:
        self._contents = contents
        self._directories = directories
        self._beside: dict[Path, str] = {}
        self._edited: dict[str, str] = {}

    @cached_property
    def python(self) -> str:
        """Version and implementation of the Python in which Snakemake runs."""
        return f"{sys.implementation.cache_tag} {sys.version.split()[0]} {sysconfig.get_platform()}"

    def of(self, modules: Iterable[str]) -> dict[str, str]:
        """Versions of the packages that provide modules, and of all that these require.

        Modules of the standard library belong to the interpreter; what no package provides is left
        out.
        """
        asked = tuple(modules)
        if not asked:
            return {}
        found = self._directories.derive(("of", asked), self._state, lambda: self._required(asked))
        return {name: self._label(package) for name, package in found.items()}

    def beside(self, python: Path) -> str:
        """A digest of all packages that are installed for a Python interpreter."""
        if python not in self._beside:
            state = self._state_of(self._places(python))
            found = self._directories.derive(("beside", python), state, lambda: _listed(state))
            self._beside[python] = _sha256("\n".join(map(self._label, found)))
        return self._beside[python]

    @cached_property
    def _state(self) -> State:
        """What is installed for the Python in which Snakemake runs."""
        return self._state_of(directory or "." for directory in sys.path)

    def _state_of(self, places: Iterable[str]) -> State:
        return tuple((place, self._directories.read(place, _metadata) or ()) for place in places)

    def _places(self, python: Path) -> Iterator[str]:
        """Directories in which packages for a Python interpreter may be."""
        prefixes = prefixes_of(python)
        if not any(map(_is_isolated, prefixes)):
            prefixes.add(Path(site.getuserbase()))
        for prefix in sorted(prefixes):
            for library in (f"{prefix}/{name}" for name in _LIBRARIES):
                for name in self._directories.read(library, _pythons) or ():
                    yield f"{library}/{name}/site-packages"
                    yield f"{library}/{name}/dist-packages"

    @cached_property
    def _providers(self) -> dict[str, list[str]]:
        """Names of the packages that provide a module, by module."""
        find = importlib.metadata.packages_distributions
        return self._directories.derive("providers", self._state, lambda: dict(find()))

    def _required(self, modules: Iterable[str]) -> dict[str, Package]:
        found: dict[str, Package] = {}
        waiting = [name for module in modules for name in self._providers.get(module, ())]
        while waiting:
            name = _normal(waiting.pop())
            if name in found:
                continue
            try:
                package = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            url = package.read_text("direct_url.json")
            found[name] = Package(f"{name}-{package.version}", _edited_at(url))
            for requirement in package.requires or ():
                if "extra ==" not in requirement and (match := re.match(r"[\w.-]+", requirement)):
                    waiting.append(match.group())
        return dict(sorted(found.items()))

    def _label(self, package: Package) -> str:
        """Name and version of a package; of one that is edited in place, also its sources."""
        if package.sources is None:
            return package.label
        if package.sources not in self._edited:
            digests = (
                f"{os.path.relpath(path, package.sources)} {self._contents.digest(Path(path))}"
                for path in sorted(_sources(package.sources))
            )
            self._edited[package.sources] = _sha256("\n".join(digests))
        return f"{package.label} {self._edited[package.sources]}"


def prefixes_of(program: Path) -> set[Path]:
    """Where a program is installed: the directory above its own, before and behind a link."""
    return {program.parent.parent, program.resolve().parent.parent}


def _is_isolated(prefix: Path) -> bool:
    """Whether the packages of the user do not count, as in virtual environments."""
    try:
        text = (prefix / "pyvenv.cfg").read_text()
    except OSError:
        return bool(os.environ.get("PYTHONNOUSERSITE"))
    return re.search(r"(?mi)^include-system-site-packages\s*=\s*true", text) is None


def _metadata(directory: str) -> tuple[tuple[str, int, int], ...]:
    """What says which packages are installed in a directory; pip makes it anew for each version."""
    with os.scandir(directory) as entries:
        found = [entry for entry in entries if entry.name.endswith(_METADATA)]
        stats = ((entry.name, entry.stat()) for entry in found)
        return tuple(sorted((name, status.st_ino, status.st_mtime_ns) for name, status in stats))


def _pythons(library: str) -> list[str]:
    """The directories of Python's versions in a library directory."""
    return sorted(name for name in os.listdir(library) if name.startswith("python"))


def _listed(state: State) -> list[Package]:
    return [
        Package(os.path.splitext(name)[0], _edited_at(_read(f"{place}/{name}/direct_url.json")))
        for place, names in state
        for name, *_ in names
    ]


def _edited_at(direct_url: str | None) -> str | None:
    """Where the sources of a package are edited in place, by its ``direct_url.json``."""
    if not direct_url or '"editable": true' not in direct_url:
        return None
    match = re.search(r'"url": *"([^"]+)"', direct_url)
    return unquote(urlsplit(match.group(1)).path) if match else "/nonexistent"


def _sources(root: str) -> Iterator[str]:
    """Sources below a directory, and the data in packages among them."""
    packages: set[str] = set()
    for directory, directories, names in os.walk(root):
        if "pyvenv.cfg" in names:
            directories.clear()
            continue
        directories[:] = [name for name in directories if not name.startswith((".", "__pycache"))]
        if "__init__.py" in names or os.path.dirname(directory) in packages:
            packages.add(directory)
        for name in names:
            if not name.startswith(".") and (directory in packages or name.endswith(_SOURCES)):
                yield os.path.join(directory, name)


def _read(file: str) -> str | None:
    try:
        return Path(file).read_text()
    except OSError:
        return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
