"""The programs that a job runs: those really in effect, as values that can be compared."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from functools import cached_property, partial
from pathlib import Path

from snakemake_storage_plugin_seqstore.workflow import mentions
from snakemake_storage_plugin_seqstore.workflow.contents import Contents
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.packages import Packages
from snakemake_storage_plugin_seqstore.workflow.unknown import Unknown

_PROGRAM = re.compile(r"[\w.+-]+|.*/.*")
_PYTHON = re.compile(r"python[\d.]*")
_SHELL = re.compile(r"(?:ba|da|k|z)?sh")


class Software:
    """The programs on the search path, as they are now: made anew for each pass.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    directories : Directories
        Remembers names on the search path while they stay the same.
    packages : Packages
        Says what is installed for a Python.
    """

    def __init__(self, contents: Contents, directories: Directories, packages: Packages) -> None:
        self._contents = contents
        self._directories = directories
        self._packages = packages
        self._found: dict[str, tuple[dict[str, str], frozenset[str]]] = {}

    def programs(self, words: Iterable[str]) -> dict[str, str]:
        """What the programs that words resolve to contain, by word."""
        found: dict[str, set[str]] = {}  # two paths may end in one name
        waiting, seen = [*words], set()
        while waiting:
            word = waiting.pop()
            if word in seen or not _PROGRAM.fullmatch(word):
                continue
            seen.add(word)
            if word not in self._found:
                self._found[word] = self._program(word)
            digests, called = self._found[word]
            for name, digest in digests.items():
                found.setdefault(name, set()).add(digest)
            waiting += called
        return {name: " ".join(sorted(digests)) for name, digests in sorted(found.items())}

    def _program(self, word: str) -> tuple[dict[str, str], frozenset[str]]:
        """What a program contains, and the words in it that may name others that it runs."""
        program = self._which(word)
        if program is None:
            return {}, frozenset()
        path, status = program
        name = os.path.basename(word)
        try:
            interpreter = interpreter_of(self._contents.head(path, status))
            if interpreter is None:
                found = {name: self._contents.version(path, status).digest}
                if is_python(path):
                    found[f"{name} packages"] = self._packages.beside(Path(path))
                return found, frozenset()
            if is_python(interpreter):
                # Programs that pip installs begin with the path of their environment.
                body = Path(path).read_bytes().partition(b"\n")[2]
                return {name: _sha256(body)}, frozenset((interpreter,))
            digest = self._contents.version(path, status).digest
            called = frozenset((interpreter,))
            if _SHELL.fullmatch(os.path.basename(interpreter)):
                called |= self._directories.derive(
                    (_words_in, path), digest, partial(_words_in, path, digest)
                )
        except OSError as error:
            raise Unknown(f"the program {path} cannot be read: {error}") from None
        return {name: digest}, called

    def _which(self, word: str) -> tuple[str, os.stat_result] | None:
        """Where a shell finds a program, and its status."""
        if "/" in word:
            return _executable(word)
        # Nearly all words are no programs.
        if self._all_names and word.isascii() and word.casefold() not in self._all_names:
            return None
        paths = self._directories.derive(
            (_places_of, word), self._search_path, partial(_places_of, word, self._search_path)
        )
        return next(filter(None, map(_executable, paths)), None)

    @cached_property
    def _all_names(self) -> frozenset[str]:
        """All names in the directories of the search path; empty if one of them is not known."""
        return self._directories.derive(
            _all_names, self._search_path, partial(_all_names, self._search_path)
        )

    @cached_property
    def _search_path(self) -> tuple[tuple[str, frozenset[str] | None], ...]:
        """The directories of the search path, and the names in them; None if that is not known."""
        directories = dict.fromkeys(os.environ.get("PATH", os.defpath).split(os.pathsep))
        return tuple((directory, self._names_in(directory or ".")) for directory in directories)

    def _names_in(self, directory: str) -> frozenset[str] | None:
        names = self._directories.read(directory, _names)
        return frozenset() if names is None and not os.path.isdir(directory) else names


def _all_names(search_path: Iterable[tuple[str, frozenset[str] | None]]) -> frozenset[str]:
    known = [names for _, names in search_path if names is not None]
    return frozenset().union(*known) if len(known) == len([*search_path]) else frozenset()


def _words_in(script: str, digest: str) -> frozenset[str]:
    """Words of a shell script that may name programs."""
    content = Path(script).read_bytes()
    if _sha256(content) != digest:
        raise OSError("it is being changed")
    return mentions.words(content.decode(errors="replace"))


def _places_of(word: str, search_path: Iterable[tuple[str, frozenset[str] | None]]) -> list[str]:
    """Where a program may be, in the order in which a shell looks."""
    # A filesystem may not tell upper from lower case, and a directory not be readable.
    return [
        os.path.join(directory, word)
        for directory, names in search_path
        if names is None or word.casefold() in names or not word.isascii()
    ]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _names(directory: str) -> frozenset[str]:
    return frozenset(map(str.casefold, os.listdir(directory)))


def _executable(path: str) -> tuple[str, os.stat_result] | None:
    """A file that may be run, and its status."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (path, status) if stat.S_ISREG(status.st_mode) and os.access(path, os.X_OK) else None


def interpreter_of(start: bytes) -> str | None:
    """The program that runs a script, by its first line; None if it is no script."""
    if not start.startswith(b"#!"):
        return None
    parts = start[2:].partition(b"\n")[0].decode(errors="replace").split()
    if parts and os.path.basename(parts[0]) == "env":
        parts = [part for part in parts[1:] if not part.startswith("-") and "=" not in part]
    return parts[0] if parts else None


def is_python(program: str) -> bool:
    """Whether a path ends in the name of a Python interpreter."""
    return _PYTHON.fullmatch(os.path.basename(program)) is not None
