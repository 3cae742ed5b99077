"""What a text names in turn: lists of files or commands, settings, sources that include others."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from snakemake_storage_plugin_seqstore.file_hashes import Contents, text_of
from snakemake_storage_plugin_seqstore.workflow.directories import Directories

MAX_SIZE = 1 << 16  # bytes; what is longer is data
_RUN = re.compile(r"[\w.+~/-]+")
_ALONE = re.compile(r"^[ \t]*([\w+-]+)[ \t]*$", re.MULTILINE)
_PERL_MODULE = re.compile(r"\b(?:use|require)[ \t]+([A-Z]\w*(?:::\w+)*)")
_PERL_LIBRARIES = re.compile(r"\buse[ \t]+lib\b([^;\n]*)")
_PERL_LIBRARY = re.compile(r"""(?:\$[\w:{}]+/|["'(\s])/?([./]*\w[\w./-]*)(?=["')\s]|$)""")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import)[ \t]+\(?([\w., \t]+)", re.MULTILINE
)
_WORD = re.compile(r"[\w.+-]{2,}")
_COMPUTED = re.compile(r"\$\{[^{}]*\}|\$\w+")
# Of lists and settings; there is no use in looking for names in other data.
_SUFFIXES = (
    *("", ".txt", ".tsv", ".csv", ".tab", ".list", ".lst", ".fofn", ".files", ".manifest", ".map"),
    *(".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf", ".config", ".xml"),
)
_SYSTEM = ("/dev/", "/proc/", "/sys/")

Names = dict[str, frozenset[str]]  # by directory
T = TypeVar("T")


def is_list(path: str) -> bool:
    """Whether a file is, by its name, a list or settings, which may name what a job reads."""
    return os.path.splitext(path)[1].lower() in _SUFFIXES


class Lists:
    """What files name in turn, as they are now: made anew for each pass.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    is_made : callable
        Says whether the workflow makes a path: that does not count here.
    directories : Directories
        Remembers names while directories and files stay the same.
    """

    def __init__(
        self, contents: Contents, is_made: Callable[[str], bool], directories: Directories
    ) -> None:
        self._contents = contents
        self._is_made = is_made
        self._directories = directories
        self._listed: dict[str, frozenset[str]] = {}

    def named_in(self, path: str) -> Iterator[str]:
        """Files that a text names, from the working directory or from where it is itself.

        Parameters
        ----------
        path : str
            The text; what is no file, too long for a text, or binary names nothing.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        yield from dict.fromkeys(self._there(path, ["", ".", *_places(path)]))

    def beside(self, path: str) -> Iterator[str]:
        """Files that a text names from where it is, behind a link too: ``$(dirname $0)/side``."""
        return self._there(path, _places(path))

    def words(self, path: str) -> frozenset[str]:
        """The words of a text, which may name programs.

        There are none if it cannot be read: that is told where its content counts.
        """
        try:
            return self._derived(path, _words) or frozenset()
        except OSError:
            return frozenset()

    def entries(self, directory: str) -> frozenset[str]:
        """The names in a directory; none if it cannot be listed."""
        if directory not in self._listed:
            names = self._directories.read(directory or ".", _entries)
            self._listed[directory] = names or frozenset()
        return self._listed[directory]

    def _there(self, path: str, places: Iterable[str]) -> Iterator[str]:
        names = self._derived(path, _names) or {}
        for place in places:
            for directory, listed in names.items():
                folder = os.path.join(place, directory.lstrip("/") if place else directory)
                for name in sorted(listed & self.entries(folder)):
                    found = os.path.normpath(os.path.join(folder, name))
                    if os.path.isfile(found) and _counts(found) and not self._is_made(found):
                        yield found

    def _derived(self, path: str, find: Callable[[str, str], T]) -> T | None:
        """What follows from a text; None if a path is no file, too long for a text, or binary."""
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_SIZE:
            return None
        if b"\0" in self._contents.head(path, status):
            return None
        digest = self._contents.version(path, status).digest
        return self._directories.derive((find, path), digest, partial(find, path, digest))


def _places(path: str) -> list[str]:
    """Where a file is, and where it is behind a link."""
    places = [os.path.dirname(path) or "."]
    if os.path.islink(path):
        places.append(os.path.dirname(os.path.realpath(path)))
    return places


def _names(path: str, digest: str) -> Names:
    """What may be names of files in a text; it has this digest."""
    text = text_of(path, digest)
    plain = _COMPUTED.sub(" ", text)
    words = {word for word in _RUN.findall(plain) if "." in word or "/" in word}
    words.update(_ALONE.findall(plain), _perl_modules(text), _modules(text))
    found: dict[str, set[str]] = {}
    for word in words:
        directory, slash, name = word.rpartition("/")
        if name.strip("./~+-"):
            if word.startswith("~"):
                directory = os.path.expanduser(directory)
            found.setdefault(directory or slash, set()).add(name)
    return {directory: frozenset(names) for directory, names in sorted(found.items())}


def _words(path: str, digest: str) -> frozenset[str]:
    """The words of a text; it has this digest."""
    return frozenset(_WORD.findall(text_of(path, digest)))


def _perl_modules(text: str) -> Iterator[str]:
    """Modules that Perl code uses, in the directories that it adds."""
    if "use" not in text and "require" not in text:
        return
    used = {name.replace("::", "/") for name in _PERL_MODULE.findall(text)}
    added = " ".join(_PERL_LIBRARIES.findall(text))
    for directory in ("", *_PERL_LIBRARY.findall(added)):
        yield from (os.path.join(directory, f"{name}.pm") for name in used)


def _modules(text: str) -> Iterator[str]:
    """Modules that Python code imports, from where it is."""
    for package, names in _IMPORT.findall(text):
        for name in re.findall(r"[\w.]+", names):
            path = f"{package}.{name}" if package else name
            parts = path.strip(".").split(".")
            for end in range(1, len(parts) + 1):
                module = "/".join(parts[:end])
                yield from (f"{module}.py", f"{module}/__init__.py")


def _counts(path: str) -> bool:
    """Whether a file may be read, also by a job, and is no question to the system."""
    return not path.startswith(_SYSTEM) and os.access(path, os.R_OK)


def _entries(directory: str) -> frozenset[str]:
    return frozenset(os.listdir(directory))
