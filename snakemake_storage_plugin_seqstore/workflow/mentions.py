"""What a command names without declaring it: files, programs and environment variables.

A shell is not parsed here. Every word that could name something counts if something of that name is
there, quoted or not: too many cost a miss, one too few a wrong result.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shlex
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.workflow.contents import Contents
from snakemake_storage_plugin_seqstore.workflow.unknown import Unknown

MAX_WORD = 4096  # characters; no path is longer
MAX_FILES = 1000  # in an undeclared directory or pattern, before it has to be declared
_SEPARATORS = re.compile(r"""[\s;|&()<>"'`=:,@]+""")
_BLANKS = re.compile(r"[\s;|&()<>]+")
_QUOTED = re.compile(r"""["'\\]""")
_MKDIR = re.compile(r"\bmkdir\b[^;&|\n]*")
_WRITTEN_TO = re.compile(r"-o|-O|-T|--?\w*(?:out|tmp|temp)\w*(?:-\w+)*", re.IGNORECASE)
_EXPANDED = re.compile(r"\$\{[^{}]*\}|\$\w+|\{[^{}]*\}")  # variables and braces
_ELSEWHERE = re.compile(r"\b(?:cd|pushd|dirname|realpath|readlink|pwd|PWD)\b")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
# Where a job may write temporary files, and how many threads it has, is not part of what it does.
_UNCOUNTED = re.compile(r"TMPDIR|TMP|TEMP|PWD|OLDPWD|_|SHLVL|\w+_NUM_THREADS|SLURM_\w+")
_LOCALE = ("LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_NUMERIC", "LANG")
_PLAIN_LOCALES = ("", "C", "POSIX", "C.UTF-8", "C.utf8")


@lru_cache
def words(text: str) -> frozenset[str]:
    """All words of a command that could name something."""
    found = {*_SEPARATORS.split(text), *_BLANKS.split(text)}
    if _QUOTED.search(text):  # names with blanks
        with suppress(ValueError):  # an unbalanced quote, which the shell will complain about
            found.update(shlex.split(text, comments=False))
    found |= {word[2:] for word in found if re.match(r"-\w\w", word)}  # -Ifile
    return frozenset(word for word in found if word and "\0" not in word and len(word) < MAX_WORD)


def variables(text: str) -> set[str]:
    """Names of the environment variables that a command may read: ``$NAME``, ``printenv NAME``."""
    names = {*_VARIABLE.findall(text), *(words(text) & os.environ.keys())}
    return {name for name in names if not _UNCOUNTED.fullmatch(name)}


def locale() -> str:
    """The locale in effect, on which the order of sorted lines depends, and the time zone."""
    values = {name: os.environ.get(name, "") for name in _LOCALE}
    effective = [values["LC_ALL"] or values[name] or values["LANG"] for name in _LOCALE[1:4]]
    plain = ["C" if value in _PLAIN_LOCALES else value for value in effective]
    return " ".join([*plain, *time.tzname, str(time.timezone)])


def salted(name: str, value: str) -> str:
    """A digest of a variable's value from which the value is not found again by a table."""
    return hashlib.pbkdf2_hmac("sha256", value.encode(), f"seqstore {name}".encode(), 10_000).hex()


class Mentions:
    """The undeclared files that commands name, as they are now: made anew for each pass.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    is_made : callable
        Says whether the workflow makes a path or something below it.
    """

    def __init__(self, contents: Contents, is_made: Callable[[str], bool]) -> None:
        self._contents = contents
        self._is_made = is_made
        self._candidates: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {}

    def files(self, text: str, declared: Iterable[str] = ()) -> dict[str, str]:
        """What the files that a text names contain, by name.

        Parameters
        ----------
        text : str
            A command, or a path.
        declared : iterable of str
            Paths of the inputs, outputs and logs, which count otherwise.

        Raises
        ------
        Unknown
            If it names a directory that the workflow writes into, or one that is too large.
        """
        if text not in self._candidates:
            self._candidates[text] = _candidates(text)
        paths, behind_options = self._candidates[text]
        if _ELSEWHERE.search(text):
            declared = list(declared)
            paths = (*paths, *_elsewhere(text, declared))
        if not paths:
            return {}
        declared = {os.path.normpath(path) for path in declared}
        parents = {str(parent) for path in declared for parent in Path(path).parents}
        found = {}
        for path in paths:
            normal = os.path.normpath(path)
            # What is in a declared directory counts with it. Behind an option like --outdir, a
            # directory with a declared file is written to.
            if not declared.isdisjoint((normal, *map(str, Path(normal).parents))):
                continue
            if path in behind_options and normal in parents:
                continue
            if content := self._content(path):
                found[path] = content
        return found

    def _content(self, path: str) -> str:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            if os.path.realpath(path) in _uncounted_directories():
                return ""
            if self._is_made(path):
                raise Unknown(
                    f"it names the directory {path}, into which the workflow writes",
                    "declare what it reads there as input",
                )
            if not _is_small(path):
                raise Unknown(
                    f"it names the directory {path}, which is large", "declare it as an input"
                )
        elif not stat.S_ISREG(status.st_mode):
            return ""
        try:
            version = self._contents.version(path)
        except (OSError, InputError) as error:
            raise Unknown(f"it names {path}, which cannot be read: {error}") from None
        return f"{version.kind}:{version.digest}"


def _candidates(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Existing paths that a text may name, and which words are behind options like ``--outdir``."""
    found = words(_MKDIR.sub(" ", text)) - {"/"}
    parts = re.split(r"[\s=]+", text)
    behind = (after for option, after in pairwise(parts) if _WRITTEN_TO.fullmatch(option))
    paths = {path for word in found for path in _existing(word)}
    return tuple(sorted(paths)), frozenset(word.strip("\"'") for word in behind)


def _existing(word: str) -> Iterator[str]:
    for name in {word, os.path.expanduser(os.path.expandvars(word))}:
        if os.path.exists(name):
            yield name
    pattern = _EXPANDED.sub("*", word)
    if glob.has_magic(pattern) and re.search(r"\w", pattern):
        matches = sorted(glob.glob(pattern))
        if len(matches) > MAX_FILES:
            raise Unknown(f"it names {word}, which is more than {MAX_FILES} files")
        yield from matches


def _elsewhere(text: str, declared: Iterable[str]) -> Iterator[str]:
    """Files that a text may name from a directory that it computes, or changes to."""
    found = {_EXPANDED.sub("", word).lstrip("/") for word in words(text)} - {"", ".", ".."}
    directories = {".", *map(os.path.dirname, declared), *filter(os.path.isdir, found)}
    for directory in sorted(directories):
        for name in sorted(found):
            path = os.path.normpath(os.path.join(directory, name))
            if os.path.isfile(path):
                yield path


def _uncounted_directories() -> set[str]:
    names = ("/", "/dev", "/dev/shm", "/tmp", "/var/tmp", tempfile.gettempdir())
    return {os.path.realpath(name) for name in names}


def _is_small(directory: str) -> bool:
    count = 0
    for _, directories, files in os.walk(directory):
        count += len(directories) + len(files)
        if count > MAX_FILES:
            return False
    return True
