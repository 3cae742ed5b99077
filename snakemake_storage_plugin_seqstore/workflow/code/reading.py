"""What code reads beside its inputs: as parts of a provenance, for one rule and for each job."""

from __future__ import annotations

import glob
import importlib.metadata
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from snakemake.shell import shell

from snakemake_storage_plugin_seqstore.workflow import (
    command,
    mentions,
    replaced,
    unseen,
    variables,
)
from snakemake_storage_plugin_seqstore.workflow.code.values import Values
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.workflow.conventions import MAKEFILES
from snakemake_storage_plugin_seqstore.workflow.files import may_be_made
from snakemake_storage_plugin_seqstore.workflow.jobs import declared_paths, written_paths
from snakemake_storage_plugin_seqstore.workflow.software import interpreter_of, is_python
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import Unknown

_COMPUTED = re.compile(r"^(?:\$?\{[^{}]*\}|\$\w+)+")
_PART = re.compile(r"[\w.+~/*?-]{1,100}")
PYTHON, SHELL, OTHER = "Python", "shell", "other"
_SEPARATOR = re.compile(r"""[\s;|&()<>"'`=:,@\\]""")
# A token with a slash or a dot, or beside a quote, may name a file.
_TOKEN = re.compile(r"[\w.+~/\\-]*[./][\w.+~/\\-]*|(?<=[\"'`])[\w+-]+|[\w+-]+(?=[\"'`])")
_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
# sub("_R1", "_R2", path) and str_replace(path, "_R1", "_R2") in R
_SUB = re.compile(
    r"""\b(?:g?sub|str_replace(?:_all)?)\([^"'()]{0,100}(["'])([^"'\n]{1,100})\1"""
    r"""\s*,\s*(["'])([^"'\n]{0,100})\3"""
)
JAVASCRIPT = (".js", ".mjs", ".cjs", ".ts")
_LANGUAGES = {
    ".py": PYTHON,
    **dict.fromkeys((".sh", ".bash", ".zsh", ".ksh", ".mk"), SHELL),
    **dict.fromkeys((".R", ".r", ".pl", ".pm", ".awk", ".sed", ".jl", ".rb", ".lua"), OTHER),
    **dict.fromkeys((*JAVASCRIPT, ".tcl", ".php", ".gp"), OTHER),
}
_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "make"))
_STRICT = "set -euo pipefail; "


def language_of(path: str, contents: Contents) -> str:
    """The language of a script, by its suffix or its first line; empty if it is none."""
    name = os.path.basename(path)
    if name in MAKEFILES:
        return SHELL
    if not os.path.isfile(path):
        return ""
    if language := _LANGUAGES.get(os.path.splitext(name)[1]):
        return language
    try:
        interpreter = interpreter_of(contents.head(path))
    except OSError:
        return ""
    if interpreter is None:
        return ""
    if is_python(interpreter):
        return PYTHON
    return SHELL if os.path.basename(interpreter) in _SHELLS else OTHER


def is_named_as_script(path: str) -> bool:
    """Whether a file may be a script by its name alone: programs have no suffix."""
    suffix = os.path.splitext(path)[1]
    return not suffix or suffix in _LANGUAGES


def names_in(text: str) -> set[str]:
    """What of a source in another language than Python or a shell's may name something."""
    found = {*_TOKEN.findall(text), *(quoted[1:-1] for quoted in _QUOTED.findall(text))}
    found |= {replaced.replacement(old, new) for _, old, _, new in _SUB.findall(text)}
    # More often a part of a path than a directory that is listed.
    return found | {"."} if mentions.lists_here(text) else found - {".."}


class Named:
    """What the strings of a source name: programs, files and variables, as they are now.

    Parameters
    ----------
    surroundings : Surroundings
        Says what they are; it is not kept, so that what is kept for it can go with it.
    rule : snakemake.rules.Rule
        The rule.
    strings : iterable of str
        The strings.

    Raises
    ------
    Unknown
        If they ask or start what cannot be looked at.
    """

    def __init__(self, surroundings: Surroundings, rule: Any, strings: Iterable[str]) -> None:
        self._rule = rule
        self._strings = sorted(text for text in strings if text and "\0" not in text)
        for text in self._strings:
            unseen.refuse(text)
        unseen.refuse_calls(set(self._strings))
        self._found: dict[str, str] = {}
        self._refused: list[str] = []  # unless a job declares what they name
        waiting = [*self._strings, *_modules(self._strings), *_files_in_variables(self._strings)]
        waiting += _files_at_home(self._strings)
        composed = _composed(self._strings, surroundings.lists.entries(""))
        waiting += (shlex.quote(name) for name in composed if not surroundings.is_made(name))
        while waiting:
            for form in _forms(_named(waiting.pop())):
                try:
                    new = surroundings.mentions.files(form)
                except Unknown:
                    self._refused.append(form)
                    continue
                for path in new.keys() - self._found.keys():
                    if path.endswith((".sh", ".bash")):
                        text = Path(path).read_text(errors="replace")
                        self._strings.append(text)
                        waiting.append(text)
                self._found |= new
        self._listed = {
            word
            for path in self._found
            if not language_of(path, surroundings.contents)
            for word in surroundings.lists.words(path)
        }
        words = {word for text in self._strings for word in (text, *mentions.words(text))}
        self._near = sorted({_near(word) for word in words} - {""})
        self._replacing = list(filter(replaced.replaces, self._strings))
        self.paths = frozenset(self._found)
        self.scripts = {
            path for path in self._found if language_of(path, surroundings.contents) == PYTHON
        }

    def files(self, job: Any, surroundings: Surroundings) -> dict[str, str]:
        """What the files that they name contain, without those that the job declares."""
        if not (self._found or self._refused or self._near or self._replacing):
            return {}
        declared, written = declared_paths(job), written_paths(job)
        paths = {os.path.normpath(path) for path in declared}
        found = {
            path: content
            for path, content in self._found.items()
            if os.path.normpath(path) not in paths
        }
        for form in self._refused:
            found |= surroundings.mentions.files(form, declared, written)
        for path in self._near_inputs(job, paths):
            found |= surroundings.mentions.files(shlex.quote(path), declared)
        places = command.places(self._rule)
        return {command.without_places(path, places): found[path] for path in sorted(found)}

    def _near_inputs(self, job: Any, declared: Set[str]) -> Iterator[str]:
        """Files by the names of a job's inputs: in part another one, or in the same directory.

        What a rule may make is left out: it comes and goes, and code that reads it declares it.
        """
        inputs = list(map(str, job.input))
        found = {path for file in inputs for path in self._beside(file)}
        found.update(path for text in self._replacing for path in replaced.files(text, inputs))
        for path in sorted(found):
            if os.path.normpath(path) in declared or path in self._found:
                continue
            if os.path.isfile(path) and not may_be_made(self._rule.workflow, path):
                yield path

    def _beside(self, file: str) -> Iterator[str]:
        stem, folder = os.path.splitext(file)[0], os.path.dirname(file)
        for text in self._near:
            if glob.has_magic(text):
                yield from glob.glob(os.path.join(glob.escape(folder), text.lstrip("/")))
            else:
                yield from (file + text, stem + text, os.path.join(folder, text.lstrip("/")))

    def programs(self, surroundings: Surroundings) -> dict[str, str]:
        """What the programs that they name contain."""
        return surroundings.software.programs(self.words())

    def words(self) -> set[str]:
        """All that may name a program."""
        return {word for text in self._strings for word in mentions.words(text)} | self._listed

    def environment(self, surroundings: Surroundings, by_name: bool) -> dict[str, str]:
        """Values of the variables that they name, as `$NAME` or, if code looks so, as the name."""
        texts = [*self._strings, *(f"${text}" for text in self._strings if by_name)]
        names = {name for text in texts for name in variables.named(text)}
        return surroundings.environment(names)


def _near(text: str) -> str:
    """What a string may add to the path of an input, or to that of its directory."""
    text = _COMPUTED.sub("", text)
    is_name = "." in text.strip("./") or text.startswith(".") or glob.has_magic(text)
    return text if is_name and _PART.fullmatch(text) else ""


def _modules(strings: Iterable[str]) -> Iterator[str]:
    """Files and directories of the modules that ``python -m`` may run from here."""
    found = {word for text in strings for word in mentions.words(text)}
    if "-m" in found:
        for name in sorted({word.partition(".")[0] for word in found}):
            yield from (path for path in (f"{name}.py", name) if name.isidentifier())


def _files_in_variables(strings: Iterable[str]) -> Iterator[str]:
    """Files that are the values of variables: ``open(os.environ["REFERENCE"])``."""
    for name in sorted(variables.among(strings)):
        if os.path.isfile(value := os.environ[name]):
            yield shlex.quote(value)


def _files_at_home(strings: Iterable[str]) -> Iterator[str]:
    """Hidden files in the user's directory: ``Path.home() / ".toolrc"``."""
    for text in strings:
        if text.startswith(".") and os.path.isfile(path := os.path.expanduser(f"~/{text}")):
            yield shlex.quote(path)


def _composed(strings: Sequence[str], names: Iterable[str]) -> Iterator[str]:
    """Files in the working directory whose names are of two strings: ``name + ".txt"``."""
    stems, suffixes = set(strings), {"." + text.rpartition("}.")[2].lstrip(".") for text in strings}
    for name in names:
        for dot in re.finditer(r"\.", name):
            if name[: dot.start()] in stems and name[dot.start() :] in suffixes:
                yield name


def _named(text: str) -> str:
    """A string without the words that begin with something computed."""
    return " ".join(word for word in text.split(" ") if not word.startswith("{}"))


def _forms(text: str) -> Iterable[str]:
    """A string as a command, and as one word: a path may contain what separates words."""
    return (text, "'" + text.replace("'", "'\"'\"'") + "'") if _SEPARATOR.search(text) else (text,)


def wildcards(job: Any) -> tuple[tuple[str, str], ...]:
    """The wildcards of a job, in their order."""
    return tuple((name, str(value)) for name, value in job.wildcards.items())


def invented_resources(job: Any) -> tuple[tuple[str, Any], ...]:
    """The resources that the user invented, which code may read."""
    names = sorted(name for name in job.rule.resources if not command.is_scheduled(name))
    return tuple((name, command.known_resource(job, name)) for name in names)


def of_job(
    job: Any, attributes: Set[str], named: Named, surroundings: Surroundings
) -> dict[str, Any]:
    """What code reads that differs from job to job of its rule.

    Parameters
    ----------
    attributes : set of str
        What it reads of the job: its wildcards, its resources, the name of its rule.
    named : Named
        What its strings name.
    """
    parts: dict[str, Any] = {}
    if "wildcards" in attributes:
        parts["wildcards"] = wildcards(job)
    if "rule" in attributes:
        parts["rule"] = job.rule.name
    resources = invented_resources(job)
    if "resources" not in attributes:  # it chooses the shell all the same
        resources = tuple(pair for pair in resources if pair[0] == "shell_exec")
    return parts | {"resources": resources, "files": named.files(job, surroundings)}


def config(rule: Any, keys: Iterable[tuple[Any, ...]], strings: set[str]) -> tuple[Any, ...]:
    """The values of the config of a rule's module behind some keys; adds the strings among them."""
    values = Values(rule)
    of_module = rule.module_globals.get("config", {})
    wanted = sorted(set(keys), key=repr)
    if () in wanted:
        wanted = [()]
    found = tuple((key, values.of_mapping(of_module, key, "config")) for key in wanted)
    strings |= values.strings
    return found


def shell_settings() -> tuple[str, str, str]:
    """How Snakemake runs commands: the shell, and what it puts before and after them."""
    executable = shell.get_executable() or "/bin/sh"
    return executable, shell._process_prefix or "", shell._process_suffix or ""


def around_commands() -> tuple[str, str, str]:
    """What a shell does besides a command: what comes before and after it, and bash's own file.

    What Snakemake itself puts before commands names nothing.
    """
    _, before, after = shell_settings()
    return before.replace(_STRICT, ""), after, os.environ.get("BASH_ENV", "")


def snakemake_version() -> str:
    """The version of Snakemake."""
    return importlib.metadata.version("snakemake")
