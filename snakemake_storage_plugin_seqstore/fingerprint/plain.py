"""What is plain from the code: the scripts and local modules that it names literally.

These are conditions of a record, never a part of its key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.fingerprint.interpreters import interpreter
from snakemake_storage_plugin_seqstore.fingerprint.python_source import read_python
from snakemake_storage_plugin_seqstore.fingerprint.script_source import language_of, read_script
from snakemake_storage_plugin_seqstore.fingerprint.shell_command import ShellCommand, read_command
from snakemake_storage_plugin_seqstore.fingerprint.source_names import Import, SourceNames

Read = Callable[[str], bytes | None]
_MOST = 1000  # files that are followed
_LONGEST = 2**20  # bytes of a source that is looked into


@dataclass(frozen=True)
class PlainReads:
    """What is plain from the code.

    Parameters
    ----------
    files : tuple of str
        Paths of scripts and local modules that are there, sorted: relative to the working directory
        where they are below it, else absolute.
    programs : tuple of str
        Programs in command position, as written, sorted.
    variables : frozenset of str
        Environment variables that the command, its scripts and modules name.
    languages : frozenset of str
        Languages of the scripts.
    imports : frozenset of str
        Modules that Python code imports, whether they are there or not: the first of their names.
    """

    files: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()

    def __or__(self, other: PlainReads) -> PlainReads:
        """What is plain from either."""
        return PlainReads(
            tuple(sorted({*self.files, *other.files})),
            tuple(sorted({*self.programs, *other.programs})),
            self.variables | other.variables,
            self.languages | other.languages,
            self.imports | other.imports,
        )


@dataclass(frozen=True)
class PlainReader:
    r"""Follows code to the scripts and local modules that it names.

    Parameters
    ----------
    workdir : str
        The directory in which jobs run, absolute.
    read : callable
        Returns the bytes of a file, or None if there is none. Called with absolute paths.
    module_path : sequence of str
        Directories besides that of a script in which Python finds local modules (PYTHONPATH).
    symbols : mapping of str to str
        Paths that symbols in commands stand for, such as ``{"\0basedir\0": "/home/me/flow"}``.
        Scripts that are inputs are looked into, but are no reads: they are inputs.
    """

    workdir: str
    read: Read
    module_path: Sequence[str] = ()
    symbols: Mapping[str, str] | None = None

    def of_command(self, command: ShellCommand) -> PlainReads:
        """What a shell command comes to."""
        walk = _Walk(self)
        walk.command(command)
        return walk.found()

    def of_source(
        self,
        names: SourceNames,
        folder: str | None,
        in_workdir: bool = False,
        modules: Iterable[str] = (),
    ) -> PlainReads:
        """What a script, notebook or wrapper comes to; itself it is part of the key.

        Parameters
        ----------
        names : SourceNames
            What it names.
        folder : str or None
            The directory in which it lies; None if it is remote.
        in_workdir : bool
            Whether modules are also found in the working directory (notebooks, `run:` blocks).
        modules : iterable of str
            Absolute paths of modules that are loaded already, `RunBlock.local_modules`.
        """
        walk = _Walk(self)
        search = self.search(folder, in_workdir)
        for path in modules:
            walk.module(path, [os.path.dirname(path), *search])
        walk.source(names, search, folder or "")
        return walk.found()

    def search(self, folder: str | None, in_workdir: bool = False) -> list[str]:
        """Directories in which code in some folder finds modules."""
        around = [self.workdir] if in_workdir else []
        return [*filter(None, [folder]), *around, *map(self.path, filter(None, self.module_path))]

    def module_files(self, dotted: str, search: Sequence[str], folder: str) -> list[str]:
        """The files of a module, by its dotted name, and of its packages, as far as they exist.

        Parameters
        ----------
        dotted : str
            Its name, with leading dots if it is relative.
        search : sequence of str
            Where modules are found, `search`.
        folder : str
            Where the code lies that imports it.

        Returns
        -------
        list of str
            Those of the directory that is searched first come first.
        """
        name = dotted.lstrip(".")
        files = _modules(Import(name, (), len(dotted) - len(name)), search, folder)
        return [file for file in files if self.read(file) is not None]

    def path(self, written: str) -> str:
        """The absolute path of a file as written in a command."""
        for symbol, path in (self.symbols or {}).items():
            written = written.replace(symbol, path)
        return os.path.normpath(os.path.join(self.workdir, os.path.expanduser(written)))


class _Walk:
    """One walk from code to code."""

    def __init__(self, reader: PlainReader) -> None:
        self._reader = reader
        self._files: dict[str, bool] = {}  # and whether they are reads
        self._programs: set[str] = set()
        self._variables: set[str] = set()
        self._languages: set[str] = set()
        self._imports: set[str] = set()

    def found(self) -> PlainReads:
        """What was found."""
        below = self._reader.workdir.rstrip("/") + "/"
        files = [path.removeprefix(below) for path, is_read in self._files.items() if is_read]
        return PlainReads(
            tuple(sorted(files)),
            tuple(sorted(self._programs)),
            frozenset(self._variables),
            frozenset(self._languages),
            frozenset(self._imports),
        )

    def command(self, command: ShellCommand) -> None:
        """Follow a command."""
        self._programs.update(name for name in command.programs if "\0" not in name)
        self._variables |= command.variables
        workdir = self._reader.workdir
        for script in command.scripts:
            self._languages.add(script.language)
            if script.module:
                names = SourceNames(imports=(Import(script.module, ("__main__",)),))
                self.source(names, self._reader.search(workdir), workdir)
            elif script.text:
                names = read_script(script.text, script.language)
                self.source(names, self._reader.search(workdir), workdir)
            else:
                self._script(script.path, script.language)
        for path in command.sourced:
            self._script(path, "bash")
        for program in command.programs:
            if "\0" in program or ("/" in program and not program.startswith("/")):
                self._script(program, "")

    def source(self, names: SourceNames, search: list[str], folder: str) -> None:
        """Follow what a source in some folder names."""
        self._variables |= names.variables
        for imported in names.imports:
            if not imported.level:
                self._imports.add(imported.module.partition(".")[0])
            for file in _modules(imported, search, folder):
                self.module(file, search)
        for path in names.sourced:
            language = language_of(path) or "bash"
            if not self._script(path, language) and folder:
                self._script(os.path.join(folder, path), language)

    def module(self, file: str, search: list[str]) -> None:
        """Follow a module of Python, if it is there."""
        text = self._take(file)
        if text is not None:
            self.source(read_python(text), search, os.path.dirname(file))

    def _script(self, written: str, language: str) -> bool:
        """Follow a script that is given by its path."""
        path = self._reader.path(written)
        text = self._take(path, is_read="\0input:" not in written)
        if text is None:
            return False
        language = language or _of_shebang(text) or language_of(path)
        self._languages.update(filter(None, [language]))
        folder = os.path.dirname(path)
        if language == "bash":
            self.command(read_command(text))
        else:
            self.source(read_script(text, language), self._reader.search(folder), folder)
        return True

    def _take(self, path: str, is_read: bool = True) -> str | None:
        """Note a file, and return what is to be looked into: nothing if it was already."""
        if path in self._files or len(self._files) >= _MOST or "\0" in path:
            return None
        content = self._reader.read(path)
        if content is None:
            return None
        self._files[path] = is_read
        return content.decode(errors="replace") if len(content) <= _LONGEST else ""


def _modules(imported: Import, search: Sequence[str], folder: str) -> Iterator[str]:
    """Paths of the files that an import may load, whether they are there or not."""
    if imported.level:
        up = [".."] * (imported.level - 1)
        search = [os.path.normpath(os.path.join(folder, *up))] if folder else []
    parts = [part for part in imported.module.split(".") if part]
    for directory in search:
        at = directory
        for part in parts:
            at = os.path.join(at, part)
            yield from (f"{at}.py", f"{at}/__init__.py")
        for name in imported.names:
            yield from (f"{at}/{name}.py", f"{at}/{name}/__init__.py")


def _of_shebang(text: str) -> str:
    """The language of a program by its first line."""
    first = text.partition("\n")[0]
    words = first[2:].split() if first.startswith("#!") else []
    return next((each.language for each in map(interpreter, words) if each), "")
