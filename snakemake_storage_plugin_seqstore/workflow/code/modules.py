"""The local modules that Python code imports, and what these import and read in turn."""

from __future__ import annotations

import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.workflow.code.python_source import Reading, read
from snakemake_storage_plugin_seqstore.workflow.code.reading import Named
from snakemake_storage_plugin_seqstore.workflow.mentions import MAX_FILES
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import Unknown

# Caches and the like, which come and go.
_LITTER = frozenset(
    (
        *("__pycache__", ".git", ".snakemake", ".ipynb_checkpoints", ".mypy_cache"),
        *(".ruff_cache", ".pytest_cache", ".DS_Store", ".Rhistory", ".Rproj.user"),
    )
)
_BINARY = sorted({suffix for suffix in (sysconfig.get_config_var("EXT_SUFFIX"), ".so") if suffix})
_PICKLES = frozenset(("pickle", "dill", "cloudpickle", "joblib", "shelve"))
_SNAKEMAKE = frozenset(  # what of Snakemake does not change what a job makes
    f"snakemake.{name}" for name in ("shell", "script", "logging", "iocontainers", "common")
)


@dataclass
class Imported:
    """What Python code comes to by its imports.

    Parameters
    ----------
    reading : Reading
        What it and its local modules read.
    digests : dict
        Of the files of the local modules, by a name without place.
    packages : set of str
        Names of modules that installed packages may provide.
    missing : set of str
        Names of modules that nothing provides here.
    files : set of str
        Paths of the files of the local modules.
    """

    reading: Reading = field(default_factory=Reading)
    digests: dict[str, list[str]] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def merge(self, other: Imported) -> None:
        """Add what other code comes to."""
        self.reading.merge(other.reading)
        for name, digests in other.digests.items():
            self.digests.setdefault(name, []).extend(digests)
        self.packages |= other.packages
        self.missing |= other.missing
        self.files |= other.files


class Modules:
    """Finds local modules, as files are now.

    Parameters
    ----------
    surroundings : Surroundings
        What is around the jobs of this pass.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        importlib.invalidate_caches()

    def follow(
        self,
        reading: Reading,
        folder: str | None,
        local_first: bool = False,
        from_working_directory: bool = False,
    ) -> Imported:
        """Follow the imports of a source.

        Parameters
        ----------
        reading : Reading
            What the source reads.
        folder : str or None
            Where it is, as far as that is a local directory.
        local_first : bool
            Whether local modules come before those of the standard library.
        from_working_directory : bool
            Whether modules are found in the working directory, too.
        """
        found = Imported()
        here = [os.getcwd()] if from_working_directory else []
        directories = [*filter(None, [folder]), *here, *self.search_path()]
        self._take(reading, folder, found, directories)
        done: set[str] = set()
        while True:
            shadows = local_first or found.reading.changes_path or "PYTHONPATH" in os.environ
            names = sorted(name for name in found.reading.imports if not _of_snakemake(name))
            names = [name for name in names if shadows or name not in sys.stdlib_module_names]
            paths = [path for name in names for path in self._find(name, directories)]
            new = [path for path in dict.fromkeys(paths) if path not in done]
            if not new:
                break
            for path in new:
                done.add(path)
                self._module(Path(path), found, directories)
        local = {os.path.basename(path).partition(".")[0] for path in done}
        self._sort(found, local)
        return found

    def follow_scripts(self, found: Imported, strings: set[str], rule: Any) -> Named:
        """What strings name, with what the Python scripts among it import."""
        done: set[str] = set()
        while True:
            named = Named(self._surroundings, rule, strings)
            new = sorted(named.scripts - done)
            if not new:
                return named
            for script in new:
                done.add(script)
                folder = os.path.dirname(os.path.abspath(script))
                more = self.follow(read(_text(script), script), folder, local_first=True)
                found.merge(more)
                strings |= more.reading.strings

    def below(self, folder: str) -> dict[str, str]:
        """FileHashes of all files below a folder, by their relative paths.

        Raises
        ------
        Unknown
            If the workflow writes into it, or it is too large.
        """
        if self._surroundings.is_made(folder):
            raise Unknown(
                f"it may read all that is in {folder}, into which the workflow writes",
                "keep code in a directory of its own",
            )
        paths = list(_files(folder))
        return {os.path.relpath(path, folder): self._digest(path) for path in sorted(paths)}

    def unpickled(self, reading: Reading, folders: Iterable[str]) -> dict[str, str]:
        """FileHashes of modules that code loads with the objects that it reads, unnamed."""
        if reading.imports.isdisjoint(_PICKLES):
            return {}
        return {
            os.path.relpath(path, folder): self._digest(str(path))
            for folder in folders
            for pattern in ("*.py", "*/*.py")
            for path in sorted(Path(folder).glob(pattern))
        }

    def near(self, folder: str, strings: Iterable[str]) -> dict[str, str]:
        """FileHashes of what strings name from a folder or from the two above it."""
        here = Path(folder)
        found: dict[str, str] = {}
        for above, base in enumerate((here, here.parent, here.parent.parent)):
            for text in sorted(filter(_is_path, strings)):
                path = os.path.normpath(base / text)
                if path == folder or path.startswith(f"{folder}/"):
                    continue  # it is below the folder, which counts as a whole
                if os.path.isfile(path):
                    found[f"{above} {text}"] = self._digest(path)
                elif os.path.isdir(path) and not here.is_relative_to(path):
                    below = self.below(path).items()
                    found |= {f"{above} {text}/{name}": digest for name, digest in below}
        return found

    @staticmethod
    def search_path() -> list[str]:
        """Directories in which this process finds modules that are not installed."""
        paths = dict.fromkeys(os.path.abspath(path) for path in sys.path)
        return [path for path in paths if os.path.isdir(path) and not is_installed(path)]

    def _take(
        self, reading: Reading, folder: str | None, found: Imported, directories: list[str]
    ) -> None:
        found.reading.merge(reading)
        if reading.changes_path:
            new = _candidates(folder, reading.strings)
            directories += [path for path in new if path not in directories]

    def _module(self, path: Path, found: Imported, directories: list[str]) -> None:
        files = sorted(_files(str(path))) if path.is_dir() else [str(path)]
        if path.is_dir() and self._surroundings.is_made(str(path)):
            raise Unknown(f"it imports {path.name}, into which the workflow writes")
        beside = False
        for file in files:
            label = os.path.relpath(file, path.parent)
            found.files.add(os.path.abspath(file))
            found.digests.setdefault(label, []).append(self._digest(file))
            if file.endswith(".py"):
                reading = read(_text(file), label)
                beside |= reading.beside
                self._take(reading, os.path.dirname(file), found, directories)
        if beside and path.is_file():
            for label, digest in self.below(str(path.parent)).items():
                found.digests.setdefault(f"beside/{label}", []).append(digest)

    def _find(self, name: str, directories: Iterable[str]) -> Iterator[str]:
        for directory in directories:
            stem = os.path.join(directory, name)
            for suffix in (".py", *_BINARY):
                if os.path.isfile(stem + suffix):
                    yield stem + suffix
            if os.path.isdir(stem) and (
                os.path.isfile(os.path.join(stem, "__init__.py"))
                or (self._is_missing(name) and any(Path(stem).rglob("*.py")))
            ):
                yield stem

    def _sort(self, found: Imported, local: set[str]) -> None:
        """Tell the modules that are installed from those that are missing."""
        for name in sorted(found.reading.imports - sys.stdlib_module_names - _SNAKEMAKE):
            if _of_snakemake(name) or self._surroundings.packages.of([name]):
                found.packages.add(name)
            elif name in local:
                continue
            elif (origin := _origin(name)) is None:
                found.missing.add(name)
                if found.reading.changes_path:
                    raise Unknown(f"it imports {name}, and it cannot be told from where")
            else:  # installed without a trace
                self._module(Path(origin), found, [])

    def _is_missing(self, name: str) -> bool:
        installed = self._surroundings.packages.of([name])
        return name not in sys.stdlib_module_names and not installed

    def _digest(self, path: str) -> str:
        try:
            return self._surroundings.contents.digest(Path(path))
        except OSError as error:
            raise Unknown(f"{path} cannot be read: {error}") from None


def is_installed(path: str) -> bool:
    """Whether a path belongs to Python or an installed package."""
    return path.startswith(_installed()) or path.endswith(".zip")


@cache
def _installed() -> tuple[str, ...]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [sysconfig.get_path("scripts"), *site.getsitepackages(), site.getusersitepackages()]
    paths += [os.path.dirname(sys.executable), os.path.dirname(os.__file__)]
    every = {form for path in paths for form in (path, os.path.realpath(path))}
    return tuple(sorted(every))


def _is_path(text: str) -> bool:
    """Whether a string may be a relative path."""
    return 0 < len(text) < 200 and not text.startswith("/") and not {"\0", "\n"} & set(text)


def _of_snakemake(name: str) -> bool:
    return name.partition(".")[0] == "snakemake"


def _origin(name: str) -> str | None:
    """File or directory of a module that this process would find."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return next(iter(spec.submodule_search_locations), None)
    return spec.origin if spec.has_location else None


def _candidates(folder: str | None, strings: Iterable[str]) -> list[str]:
    """Directories that a source may add to the search path: near it, by names among its strings."""
    here = Path(folder) if folder else Path.cwd()
    bases = [*dict.fromkeys((here, here.parent, here.parent.parent, Path.cwd()))]
    names = sorted(filter(_is_path, strings))
    found = dict.fromkeys(map(str, bases))
    for _ in range(2):  # parts of a path may be strings of their own
        for base in list(found):
            for name in names:
                path = os.path.normpath(os.path.join(base, name))
                if os.path.isdir(path) and path != "/" and not is_installed(path):
                    found[path] = None
        if len(found) > MAX_FILES:
            raise Unknown("it changes sys.path, and it cannot be told to what")
    return list(found)


def _files(folder: str) -> Iterator[str]:
    count = 0
    for directory, directories, names in os.walk(folder, followlinks=True):
        directories[:] = sorted(name for name in directories if name not in _LITTER)
        for name in names:
            if name in _LITTER or name.startswith(".nfs") or name.endswith((".pyc", "~")):
                continue
            count += 1
            if count > MAX_FILES:
                raise Unknown(f"{folder} has more than {MAX_FILES} files beside the code")
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                yield path


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:
        raise Unknown(f"{path} cannot be read: {error}") from None
