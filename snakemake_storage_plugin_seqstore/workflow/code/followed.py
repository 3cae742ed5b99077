"""The scripts that a command runs, and what these name in turn, in whatever language they are."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from snakemake_storage_plugin_seqstore.workflow import conventions, mentions, unseen, variables
from snakemake_storage_plugin_seqstore.workflow.code.modules import Imported, Modules
from snakemake_storage_plugin_seqstore.workflow.code.python_source import Reading, read
from snakemake_storage_plugin_seqstore.workflow.code.reading import (
    JAVASCRIPT,
    PYTHON,
    SHELL,
    Named,
    language_of,
    names_in,
)
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import Unknown

_PYTHON_PROGRAM = re.compile(r"(?:.*/)?(?:i|bp|pt)?(?:python|pypy)[\d.]*")
_IMPORTS = re.compile(r"\b(?:import|from)\s+([A-Za-z_][\w., ]*)|(?<!\S)-m\s*([A-Za-z_][\w.]*)")
# Scripts whatever they are called: . settings, bash -e commands, sh < commands
_SOURCED = re.compile(
    r"(?:^|[\s;&|(])(?:source|\.|(?:[\w./~${}-]*/)?(?:ba|da|k|z)?sh(?:[ \t]+-\w+)*(?:[ \t]*<)?)"
    r"[ \t]+([^\s;|&()<>]+)"
)
_NODE = "node_modules"
_MAX_SCRIPT = 2**20  # bytes; what is longer is data


class Followed:
    """The scripts that commands run, and what these name.

    Parameters
    ----------
    surroundings : Surroundings
        What is around the jobs of this pass.
    rule : snakemake.rules.Rule
        The rule.
    commands : iterable of str
        The commands.
    scripts : iterable of str
        Paths of scripts that they run without naming them.

    Attributes
    ----------
    imported : Imported
        What their Python code imports.
    texts : list of str
        Contents of shell scripts, which are read as a command is.
    listed : set of str
        Words of texts that are no scripts, which may name programs.
    variables : set of str
        Environment variables that scripts in other languages name.
    named : Named or None
        What scripts in other languages name, and all of them from where they are.
    missing : set of str or None
        If the commands name nothing that would have to be followed: files that they name, or that
        their programs may read, none of which is there.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        rule: Any,
        commands: Iterable[str],
        scripts: Iterable[str] = (),
    ) -> None:
        self.imported = Imported()
        self.texts: list[str] = []
        self.listed: set[str] = set()
        self.named: Named | None = None
        self.variables: set[str] = set()
        self._surroundings = surroundings
        self._strings: set[str] = set()
        self._sourced: set[str] = set()
        commands = list(filter(None, commands))
        waiting = {*scripts, *(path for text in commands for path in self._named_by(text))}
        done: set[str] = set()
        imports = self._import(commands)
        self.missing = None if waiting or imports else self._missing(commands)
        while new := sorted(waiting - done):
            done |= waiting
            waiting = {path for script in new for path in self._follow(script)}
            if self._strings and not waiting - done:
                self.named = Modules(surroundings).follow_scripts(
                    self.imported, self._strings, rule
                )
                waiting |= self.named.paths
        if self._strings and self.named is None:
            self.named = Modules(surroundings).follow_scripts(self.imported, self._strings, rule)

    def _named_by(self, text: str) -> Iterator[str]:
        paths = self._surroundings.mentions.paths(text)
        yield from paths
        for path in _SOURCED.findall(text):
            self._sourced.add(os.path.normpath(mentions.expanded(path.strip("\"'"))))
        if "PATH=" in text:
            for folder in filter(os.path.isdir, paths):
                found = (os.path.join(folder, word) for word in mentions.words(text))
                yield from filter(os.path.isfile, found)
        implied = set(filter(os.path.isfile, conventions.files(text)))
        self._strings |= implied
        yield from implied

    def _follow(self, path: str) -> Iterator[str]:
        """Read what may be a script; the paths that it names."""
        language = language_of(path, self._surroundings.contents)
        if os.path.normpath(path) in self._sourced and os.path.isfile(path):
            language = SHELL
        if not language:
            self.listed |= self._surroundings.lists.words(path)
        if not language or os.path.getsize(path) > _MAX_SCRIPT:
            return
        self._strings.add(path)
        try:
            with open(path, errors="replace") as file:
                text = file.read()
        except OSError as error:
            raise Unknown(f"the script {path} cannot be read: {error}") from None
        if language == PYTHON:
            words = read(text, path).strings
        elif language == SHELL:
            self.texts.append(text)
            self._import([text])
            words = set(mentions.words(text))
            yield from self._named_by(text)
        else:
            unseen.refuse(text)
            words = names_in(text)
            self._strings |= words.union(_node_modules(path, words))
            self.variables |= variables.among(re.findall(r"\w+", text))
        beside = set(_beside(path, words))
        self._strings |= beside
        yield from beside

    def _missing(self, commands: Iterable[str]) -> set[str] | None:
        found: set[str] = set()
        for text in commands:
            missing = self._surroundings.mentions.missing(text)
            if missing is None:
                return None
            found |= missing.union(conventions.files(text))
        return found

    def _import(self, texts: Iterable[str]) -> bool:
        """Find the local modules that Python code in commands imports; say whether it does."""
        imports = False
        for text in texts:
            if not any(map(_PYTHON_PROGRAM.fullmatch, mentions.words(text))):
                continue
            names = {
                part.split()[0].partition(".")[0]
                for some, one in _IMPORTS.findall(text)
                for part in (some or one).split(",")
                if part.strip()
            }
            if names:
                imports = True
                modules = Modules(self._surroundings)
                found = modules.follow(Reading(imports=names), os.getcwd(), local_first=True)
                self.imported.merge(found)
                self._strings |= found.reading.strings
        return imports


def _node_modules(script: str, words: Iterable[str]) -> Iterator[str]:
    """Directories of modules that JavaScript names."""
    if os.path.splitext(script)[1] in JAVASCRIPT:
        for place in filter(os.path.isdir, (os.path.join(os.path.dirname(script), _NODE), _NODE)):
            yield from filter(os.path.isdir, (os.path.join(place, word) for word in words))


def _beside(script: str, words: Iterable[str]) -> Iterator[str]:
    """Files that words may name from where their script is: ``$(dirname $0)/side.txt``."""
    folder, stem = os.path.dirname(script), os.path.splitext(script)[0]
    for word in words:
        if word.startswith(".") and os.path.isfile(stem + word):  # Path(__file__).with_suffix()
            yield os.path.normpath(stem + word)
        parts = mentions.pattern(word).strip("/").split("/")
        for start in range(min(len(parts), 8)):
            name = "/".join(parts[start:])
            if not re.search(r"\w", name):
                continue
            path = os.path.join(glob.escape(folder), name)
            for found in glob.glob(path):
                if os.path.isfile(found):
                    yield os.path.normpath(found)
