"""The programs that a job runs: those really in effect, as values that can be compared."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.workflow import mentions, r_packages
from snakemake_storage_plugin_seqstore.file_hashes import (
    Contents,
    Signature,
    signature_of,
    text_of,
)
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.lists import Lists
from snakemake_storage_plugin_seqstore.workflow.packages import Packages
from snakemake_storage_plugin_seqstore.unknown import Unknown

_PROGRAM = re.compile(r"[\w.+-]+|.*/.*")
_PYTHON = re.compile(r"python[\d.]*")
_SHELL = re.compile(r"(?:ba|da|k|z)?sh")
_ANY = ""  # a name that no directory lists

SearchPath = tuple[tuple[str, frozenset[str] | None], ...]
State = tuple[Signature, int]  # and the mode


class Program(NamedTuple):
    """What a word resolves to, and what was looked at to know it.

    Parameters
    ----------
    digests : dict
        What it contains, and what it loads, by name.
    called : frozenset of str
        Words that may name others that it runs.
    tried : dict
        Paths that were looked at, and how they were; None for one that is not there.
    binary : str or None
        Its path, if it is all that counts of it.
    """

    digests: dict[str, str]
    called: frozenset[str]
    tried: dict[str, State | None]
    binary: str | None = None


class Evidence(NamedTuple):
    """What was looked at to find programs, and how it was.

    Parameters
    ----------
    search_path : tuple
        The directories, and the names in them.
    tried : dict
        Paths that may be programs, and how they were; None for one that was not there.
    digests : dict
        What those that are programs contained, by path.
    """

    search_path: SearchPath
    tried: dict[str, State | None]
    digests: dict[str, str]


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
    lists : Lists
        Says what a script names beside it.
    """

    def __init__(
        self, contents: Contents, directories: Directories, packages: Packages, lists: Lists
    ) -> None:
        self._contents = contents
        self._directories = directories
        self._packages = packages
        self._lists = lists
        self._found: dict[str, Program] = {}

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
            program = self._found[word]
            for name, digest in program.digests.items():
                found.setdefault(name, set()).add(digest)
            waiting += program.called
        return {name: " ".join(sorted(digests)) for name, digests in sorted(found.items())}

    def evidence(self, words: Iterable[str]) -> Evidence | None:
        """What was looked at for the programs of some words, if these are nothing but binaries."""
        programs = [self._found[word] for word in words if word in self._found]
        tried: dict[str, State | None] = {}
        digests: dict[str, str] = {}
        for program in programs:
            tried |= program.tried
            if program.binary:
                digests[program.binary] = next(iter(program.digests.values()))
            elif program.digests:
                return None
        return Evidence(self._search_path, tried, digests)

    def holds(self, evidence: Evidence) -> bool:
        """Whether everything is as it was, so that words resolve to the same programs."""
        if self._search_path != evidence.search_path:
            return False
        for path, before in evidence.tried.items():
            status = _status(path)
            if (_state(status) if status else None) != before:
                return False
            known = evidence.digests.get(path)
            try:
                if known and self._contents.version(path, status).digest != known:
                    return False
            except (OSError, InputError):
                return False
        return True

    def _program(self, word: str) -> Program:
        """What a word resolves to."""
        found, tried = self._which(word)
        if found is None:
            return Program({}, frozenset(), tried)
        path, status = found
        name = os.path.basename(word)
        try:
            interpreter = interpreter_of(self._contents.head(path, status))
            libraries = self._libraries(path, name, is_script=interpreter is not None)
            if interpreter is None:
                digest = self._contents.version(path, status).digest
                binary = None if libraries else path
                return Program({name: digest} | libraries, frozenset(), tried, binary)
            if is_python(interpreter):
                # Programs that pip installs begin with the path of their environment.
                body = Path(path).read_bytes().partition(b"\n")[2]
                called = frozenset((interpreter,))
                return Program({name: _sha256(body)} | libraries, called, tried)
            digest = self._contents.version(path, status).digest
            called = frozenset((interpreter,))
            if _SHELL.fullmatch(os.path.basename(interpreter)):
                called |= self._directories.derive(
                    (_words_in, path), digest, partial(_words_in, path, digest)
                )
        except OSError as error:
            raise Unknown(f"the program {path} cannot be read: {error}") from None
        return Program({name: digest} | libraries, called, tried)

    def _libraries(self, path: str, name: str, is_script: bool) -> dict[str, str]:
        """What a program loads: packages, or what a script has beside it."""
        found: dict[str, str] = {}
        if name in r_packages.PROGRAMS:
            packages = r_packages.installed_for(Path(path), self._directories)
            found[f"{name} packages"] = _digest_of(packages)
        if not is_script and is_python(path):
            found[f"{name} packages"] = self._packages.beside(Path(path))
        if is_script and (files := self._beside(path)):
            found[f"{name} files"] = _digest_of(files)
        return found

    def _beside(self, path: str) -> list[str]:
        """The files that a script has beside it, and what they contain: libraries and data."""
        found: set[str] = set()
        waiting = [path]
        while waiting:
            new = set(self._lists.beside(waiting.pop())) - found
            found |= new
            waiting += new
        folder = os.path.dirname(path)
        return [
            f"{os.path.relpath(file, folder)} {self._contents.digest(Path(file))}"
            for file in sorted(found)
        ]

    def _which(
        self, word: str
    ) -> tuple[tuple[str, os.stat_result] | None, dict[str, State | None]]:
        """Where a shell finds a program, its status, and all paths that were tried."""
        tried: dict[str, State | None] = {}
        for path in self._paths(word):
            status = _status(path)
            tried[path] = _state(status) if status else None
            if status and stat.S_ISREG(status.st_mode) and os.access(path, os.X_OK):
                return (path, status), tried
        return None, tried

    def _paths(self, word: str) -> list[str]:
        """Where a shell looks for a program."""
        if "/" in word:
            return [word]
        # A filesystem may not tell upper from lower case, in whatever alphabet.
        if word.isascii():
            directories = self._places.get(word.casefold(), self._places[_ANY])
        else:
            directories = [directory for directory, _ in self._search_path]
        return [os.path.join(directory, word) for directory in directories]

    @cached_property
    def _places(self) -> dict[str, list[str]]:
        return self._directories.derive(
            _places_in, self._search_path, partial(_places_in, self._search_path)
        )

    @cached_property
    def _search_path(self) -> SearchPath:
        """The directories of the search path, and the names in them; None if that is not known."""
        directories = dict.fromkeys(os.environ.get("PATH", os.defpath).split(os.pathsep))
        return tuple((directory, self._names_in(directory or ".")) for directory in directories)

    def _names_in(self, directory: str) -> frozenset[str] | None:
        names = self._directories.read(directory, _names)
        return frozenset() if names is None and not os.path.isdir(directory) else names


def _places_in(search_path: SearchPath) -> dict[str, list[str]]:
    """Directories in which a program may be, in the order in which a shell looks, by its name."""
    found: dict[str, list[str]] = {name: [] for _, names in search_path for name in names or ()}
    found[_ANY] = []
    for directory, names in search_path:
        for name in found if names is None else names:
            found[name].append(directory)
    return found


def _words_in(script: str, digest: str) -> frozenset[str]:
    """Words of a shell script that may name programs."""
    return mentions.words(text_of(script, digest))


def _digest_of(lines: list[str]) -> str:
    return _sha256("\n".join(lines).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _names(directory: str) -> frozenset[str]:
    return frozenset(map(str.casefold, os.listdir(directory)))


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _state(status: os.stat_result) -> State:
    return signature_of(status), status.st_mode


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
