"""What a command names without declaring it: words, and the files among them.

A shell is not parsed here. Every word that could name something counts if something of that name is
there, quoted or not: too many cost a miss, one too few a wrong result.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
import stat
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.workflow import replaced
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.lists import Lists
from snakemake_storage_plugin_seqstore.unknown import Unknown

MAX_WORD = 4096  # characters; no path is longer
MAX_FILES = 1000  # in an undeclared directory or pattern, before it has to be declared
_SEPARATORS = re.compile(r"""[\s;|&()<>"'`=:,@]+""")
_BLANKS = re.compile(r"[\s;|&()<>]+")
_QUOTED = re.compile(r"""["'\\]""")
_IN_QUOTES = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_NESTED = re.compile(r"[\s\"'=]")
# What a command substitution or one of bash's extended patterns stands for: $(a b), !(a|b). A
# directory that is computed as a whole may be any, and is more often written to.
_COMPUTED = re.compile(r"\$\([^()]*\)(?!/)|`[^`]*`|[!@+?*]\([^()\s]*\)")
_DEFAULT = re.compile(r"\$\{\w+:?[-=+]([^{}]*)\}")
_ASSIGNMENT = re.compile(r"(?<![\w-])([A-Za-z_]\w*)=(\"[^\"\n]*\"|'[^'\n]*'|[^\s;|&()<>]+)")
_LOOP = re.compile(r"\bfor\s+([A-Za-z_]\w*)\s+in\s+([^;\n]+)")
_MKDIR = re.compile(r"(?:(?<=[\s;&|(])|^)mkdir(?=\s)[^;&|\n$`<>()]*")
_SOURCING = re.compile(r"(?:(?<=[;&|({\n])|^)[ \t]*\.(?=[ \t]+[^\s;&|)])")  # . settings.sh
_WRITTEN_TO = re.compile(r"-o|-O|-T|--?\w*(?:out|tmp|temp(?!l)|prefix)\w*(?:-\w+)*", re.IGNORECASE)
_EXPANDED = re.compile(r"\$\{[^{}]*\}|\$\w+|\{[^{}]*\}")  # variables and braces
_PRINTED = re.compile(r"%[-+0]?[\d.]*[dgisu]")  # by printf and seq
_LETTERS = re.compile(r"[^\W_]{2}")
_HERE_VARIABLE = re.compile(r"\$PWD\b|\$\{PWD\}")
_ELSEWHERE = re.compile(r"\b(?:cd|pushd|dirname|realpath|readlink|pwd|PWD)\b")
_PARTS = re.compile(r"[;&|(){}\n`]+")
_RECURSIVE = re.compile(r"-\w*[rR]\w*|--(?:dereference-)?recursive")
_R_LISTS = re.compile(
    r"\blist\.(?:files|dirs)\(\s*(?:\)|[\"']\.|getwd|[\w.]+\s*=)|\bdir\(\s*(?:\)|pattern\s*=)"
)
_USED = re.compile(r"\$(?:(\w+)|\{(\w+)([^{}]*)\})")


@lru_cache
def words(text: str) -> frozenset[str]:
    """All words of a command that could name something."""
    text = text.replace("\\\n", "")
    found = {*_SEPARATORS.split(text), *_BLANKS.split(text)}
    if _QUOTED.search(text):  # names with blanks
        quoted = {part for match in _IN_QUOTES.findall(text) for part in match}
        with suppress(ValueError):  # an unbalanced quote, as in a comment
            quoted.update(shlex.split(text, comments=False))
        found |= quoted
        found |= {word for part in quoted - {text} if _NESTED.search(part) for word in words(part)}
        found |= {word.replace("\\", "") for word in found if "\\" in word}
    if ("(" in text or "`" in text) and _COMPUTED.search(text):
        found |= words(_COMPUTED.sub("*", text))
    if "${" in text:
        found |= {word for default in _DEFAULT.findall(text) for word in words(default)}
    if "=" in text:
        found |= {word.partition("=")[2] for word in found if "=" in word}
    found |= {word[2:] for word in found if re.match(r"-\w\w", word)}  # -Ifile
    return frozenset(word for word in found if word and "\0" not in word and len(word) < MAX_WORD)


def _assigned(text: str, found: Iterable[str]) -> Iterator[str]:
    """Words with the values of the variables in them, as far as the text gives them."""
    values: dict[str, list[str]] = {}
    for name, value in _ASSIGNMENT.findall(text):
        values.setdefault(name, []).append(value.strip("\"'"))
    for name, listed in _LOOP.findall(text):
        values.setdefault(name, []).extend(word.strip("\"'") for word in listed.split())
    if not values:
        return
    waiting = [word for word in found if "$" in word]
    values = {name: [value for value in some if "\0" not in value] for name, some in values.items()}
    for _ in range(3):  # values may name variables in turn
        again = []
        for word in waiting:
            match = next((m for m in _USED.finditer(word) if (m[1] or m[2]) in values), None)
            if match:
                before, after = word[: match.start()], word[match.end() :]
                for value in values[match[1] or match[2]]:
                    again.append(before + _applied(value, match[3] or "") + after)
        yield from again
        waiting = [word for word in again if "$" in word]
        if len(waiting) > MAX_FILES:
            raise Unknown("it composes too many names of files")


def _applied(value: str, operation: str) -> str:
    """What bash makes of a value in ``${name%.txt}`` and the like; a pattern if that is hard."""
    if not operation:
        return value
    kind, what = re.match(r"(%%?|##?|//?|)(.*)", operation, re.DOTALL).groups()  # type: ignore[union-attr]
    if what == "*/" and kind in ("#", "##"):
        return os.path.basename(value)
    if what == ".*" and kind == "%":
        return os.path.splitext(value)[0]
    if not glob.has_magic(what) and "$" not in what:
        if kind in ("%", "%%"):
            return value.removesuffix(what)
        if kind in ("/", "//"):
            old, _, new = what.partition("/")
            return value.replace(old, new, 1 if kind == "/" else -1)
    return os.path.join(os.path.dirname(value), "*")


class Mentions:
    """The undeclared files that commands name, as they are now: made anew for each pass.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    is_made : callable
        Says whether the workflow makes a path or something below it.
    directories : Directories
        Remembers which directories are large.
    lists : Lists
        Says what undeclared files name in turn.
    """

    def __init__(
        self,
        contents: Contents,
        is_made: Callable[[str], bool],
        directories: Directories,
        lists: Lists,
    ) -> None:
        self._contents = contents
        self._is_made = is_made
        self._directories = directories
        self._lists = lists
        self._candidates: dict[str, _Candidates] = {}

    def files(
        self, text: str, declared: Iterable[str] = (), written: Iterable[str] = ()
    ) -> dict[str, str]:
        """What the files that a text names contain, by name.

        Parameters
        ----------
        text : str
            A command, or a path.
        declared : iterable of str
            Paths of the inputs, outputs and logs, which count otherwise.
        written : iterable of str
            Those of them that are written.

        Raises
        ------
        Unknown
            If it names a directory that the workflow writes into, or one that is too large.
        """
        named = self._found(text)
        paths, behind_options = named.paths, named.mentioned.behind_options
        if named.prefixes:
            declared, written = list(declared), list(written)
            paths = (*paths, *named.beginning(declared))
        if named.mentioned.is_elsewhere:
            declared = list(declared)
            paths = (*paths, *_elsewhere(text, declared))
        if named.mentioned.replaces:
            declared = list(declared)
            made = replaced.files(text, declared)
            paths = (*paths, *(path for path in made if not self._is_made(path)))
        if not paths:
            return {}
        return self._contents_of(paths, declared, written, behind_options)

    def listed(self, lists: Iterable[str], declared: Iterable[str]) -> dict[str, str]:
        """What the files that lists and settings name contain, by name.

        Parameters
        ----------
        lists : iterable of str
            Their paths.
        declared : iterable of str
            Paths of the inputs, outputs and logs, which count otherwise.

        Raises
        ------
        Unknown
            If one of them, or what it names, cannot be read.
        """
        named: list[str] = []
        for path in lists:
            try:
                named += self._lists.named_in(path)
            except OSError as error:
                raise Unknown(f"its input {path} cannot be read: {error}") from None
        return self._contents_of(named, declared) if named else {}

    def _contents_of(
        self,
        paths: Iterable[str],
        declared: Iterable[str],
        written: Iterable[str] = (),
        behind_options: Container[str] = (),
    ) -> dict[str, str]:
        """What undeclared files contain, and those that they name in turn."""
        declared = {os.path.normpath(path) for path in declared}
        parents = {str(parent) for path in written for parent in Path(path).parents}
        found: dict[str, str] = {}
        waiting = list(paths)
        while waiting:
            path = waiting.pop()
            normal = os.path.normpath(path)
            # What is in a declared directory counts with it. Behind an option like --outdir, a
            # directory with an output is written to.
            if path in found or not declared.isdisjoint((normal, *map(str, Path(normal).parents))):
                continue
            if path in behind_options and normal in parents:
                continue
            if content := self._content(path):
                found[path] = content
                if not path.endswith(".py"):  # what Python names is told from its code
                    waiting += self._lists.named_in(path)
        return found

    def names_files(self, text: str) -> bool:
        """Whether a text may name files at all."""
        named = self._found(text)
        mentioned = named.mentioned
        return bool(named.paths or named.prefixes or mentioned.is_elsewhere or mentioned.replaces)

    def paths(self, text: str) -> tuple[str, ...]:
        """Existing paths that a text may name."""
        return self._found(text).paths

    def missing(self, text: str) -> frozenset[str] | None:
        """Paths that a text names, if it can name nothing else, and none of them is there."""
        found = self._found(text)
        mentioned = found.mentioned
        if found.paths or mentioned.prefixes or mentioned.is_elsewhere or mentioned.replaces:
            return None
        if any(map(_wildcard, mentioned.words)):
            return None
        return frozenset(name for word in mentioned.words for name in _names(word))

    def _found(self, text: str) -> _Candidates:
        if text not in self._candidates:
            self._candidates[text] = _candidates(text)
        return self._candidates[text]

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
            if self._directories.is_large(path, MAX_FILES):
                raise Unknown(
                    f"it names the directory {path}, which is large", "declare it as an input"
                )
        elif not stat.S_ISREG(status.st_mode):
            return ""
        try:
            version = self._contents.version(path)
        except (OSError, InputError) as error:
            raise Unknown(f"it names {path}, which cannot be read: {error}") from None
        return version.identity


@dataclass(frozen=True)
class _Candidates:
    """What a text may name.

    Parameters
    ----------
    paths : tuple of str
        Existing paths.
    prefixes : dict
        Files by the words with which their paths begin, as in ``bowtie2 -x ref/genome``.
    mentioned : _Mentioned
        What it names, whether it is there or not.
    """

    paths: tuple[str, ...]
    prefixes: dict[str, list[str]]
    mentioned: _Mentioned

    def beginning(self, declared: Iterable[str]) -> Iterator[str]:
        """Files that begin with a word, unless that stands for what is declared."""
        for prefix, paths in self.prefixes.items():
            start = os.path.normpath(prefix)
            if not any(os.path.normpath(path).startswith(start) for path in declared):
                yield from paths


class _Mentioned(NamedTuple):
    """What a text names, whether it is there or not.

    Parameters
    ----------
    words : frozenset of str
        Words that may be paths.
    behind_options : frozenset of str
        Words behind options like ``--outdir``.
    prefixes : tuple of str
        Words with which paths may begin.
    is_elsewhere : bool
        Whether it computes a directory, or changes to one.
    replaces : bool
        Whether it makes names of others.
    """

    words: frozenset[str]
    behind_options: frozenset[str]
    prefixes: tuple[str, ...]
    is_elsewhere: bool
    replaces: bool


def lists_here(text: str) -> bool:
    """Whether a command, or code in R, asks for the names in a directory without naming it."""
    if _R_LISTS.search(text):
        return True
    for part in _PARTS.split(_IN_QUOTES.sub("quoted", text)):
        program, *rest = re.split(r"[<>]", part, maxsplit=1)[0].split() or [""]
        named = [word for word in rest if not word.startswith("-") and not word.isdigit()]
        if program in ("ls", "du", "tree") and not named:
            return True
        if program == "find" and (not rest or rest[0].startswith("-")):
            return True
        if program == "grep" and len(named) < 2 and any(map(_RECURSIVE.fullmatch, rest)):
            return True
    return False


@lru_cache
def _mentioned(text: str) -> _Mentioned:
    is_elsewhere, replaces = _ELSEWHERE.search(text) is not None, replaced.replaces(text)
    text = _SOURCING.sub(" ", _MKDIR.sub(" ", text))
    found = words(text) - {"/"}
    if "$" in text:
        found |= set(_assigned(text, found))
    if lists_here(text):
        found |= {"."}
    parts = re.split(r"[\s=]+", text)
    behind = {
        after.strip("\"'") for option, after in pairwise(parts) if _WRITTEN_TO.fullmatch(option)
    }
    prefixes = {word for word in found - behind if "/" in word and re.search(r"\w$", word)}
    return _Mentioned(found, frozenset(behind), tuple(sorted(prefixes)), is_elsewhere, replaces)


def _candidates(text: str) -> _Candidates:
    mentioned = _mentioned(text)
    paths = {path for word in mentioned.words for path in _existing(word)}
    prefixes = {
        word: sorted(filter(os.path.isfile, glob.glob(glob.escape(word) + ".*")))
        for word in mentioned.prefixes
        if not os.path.exists(word)
    }
    return _Candidates(
        tuple(sorted(paths)),
        {word: matches for word, matches in prefixes.items() if matches},
        mentioned,
    )


def pattern(word: str) -> str:
    """A word with a star for what is computed in it."""
    word = _EXPANDED.sub("*", word)
    printed = _PRINTED.sub("*", word)
    # Other formats, as of numbers and lines, would stand for any file.
    is_name = ("." in word or "/" in word) and _LETTERS.search(printed)
    return printed if is_name else word


def expanded(word: str) -> str:
    """A word with the values of the environment variables in it, and of ``~``."""
    if "$" in word:  # a shell sets PWD itself, to where it starts
        word = os.path.expandvars(_HERE_VARIABLE.sub(lambda _: os.getcwd(), word))
    return os.path.expanduser(word)


def values_of(value: str) -> set[str]:
    """What a shell makes of the value of a variable that is not quoted, and what it may name."""
    parts = value.split()
    return {*parts, *(part.partition("=")[2] for part in parts)} - {""}


def _names(word: str) -> set[str]:
    """Paths that a word may be."""
    value = expanded(word)
    return {word} if value == word else {word, value, *values_of(value)}


def _wildcard(word: str) -> str:
    """The pattern that a word is; empty if it is none."""
    matching = pattern(word)
    return matching if glob.has_magic(matching) and re.search(r"\w", matching) else ""


def _existing(word: str) -> Iterator[str]:
    yield from filter(os.path.exists, _names(word))
    if matching := _wildcard(word):
        matches = sorted(glob.glob(matching, recursive="**" in word))
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
