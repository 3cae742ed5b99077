"""What is plain from the code: the scripts and local modules that it names literally.

These are conditions of a record, never a part of its key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

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
    """

    files: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    def __or__(self, other: PlainReads) -> PlainReads:
        """What is plain from either."""
        return PlainReads(
            tuple(sorted({*self.files, *other.files})),
            tuple(sorted({*self.programs, *other.programs})),
            self.variables | other.variables,
            self.languages | other.languages,
        )


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

    def __init__(
        self,
        workdir: str,
        read: Read,
        module_path: Iterable[str] = (),
        symbols: Mapping[str, str] | None = None,
    ) -> None:
        self._workdir = workdir
        self._read = read
        self._module_path = [os.path.join(workdir, path) for path in module_path]
        self._symbols = dict(symbols or {})

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
        for path in modules:
            walk.module(path, [os.path.dirname(path), *self._search(folder, in_workdir)])
        walk.source(names, self._search(folder, in_workdir), folder or "")
        return walk.found()

    def is_local(self, module: str, folder: str | None, in_workdir: bool = False) -> bool:
        """Whether a module, perhaps a relative one, is found among local files."""
        name = module.lstrip(".")
        imported = Import(name, (), len(module) - len(name))
        path = self._search(folder, in_workdir)
        return imported.level > 0 or any(
            self.content(file) is not None for file in _modules(imported, path, folder or "")
        )

    def content(self, path: str) -> bytes | None:
        """The bytes of a file below any directory; none if it is not there."""
        return self._read(path) if "\0" not in path else None

    def path(self, written: str) -> str:
        """The absolute path of a file as written in a command."""
        for symbol, path in self._symbols.items():
            written = written.replace(symbol, path)
        return os.path.normpath(os.path.join(self._workdir, os.path.expanduser(written)))

    def label(self, path: str) -> str:
        """A path relative to the working directory if it is below that."""
        below = self._workdir.rstrip("/") + "/"
        return path.removeprefix(below)

    def _search(self, folder: str | None, in_workdir: bool) -> list[str]:
        here = [self._workdir] if in_workdir else []
        return [*filter(None, [folder]), *here, *self._module_path]

    def search_of_script(self, folder: str) -> list[str]:
        """Where a script that a command runs finds modules."""
        return self._search(folder, False)


@dataclass
class _Walk:
    """One walk from code to code."""

    reader: PlainReader
    files: dict[str, None] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)

    def found(self) -> PlainReads:
        """What was found."""
        return PlainReads(
            tuple(sorted(map(self.reader.label, self.files))),
            tuple(sorted(self.programs)),
            frozenset(self.variables),
            frozenset(self.languages),
        )

    def command(self, command: ShellCommand) -> None:
        """Follow a command."""
        self.programs.update(command.programs)
        self.variables |= command.variables
        for path in command.sourced:
            self._script(path, "bash")
        workdir = self.reader.path("")
        for script in command.scripts:
            self.languages.add(script.language)
            search = self.reader.search_of_script(workdir)
            if script.module:
                main = Import(script.module, ("__main__",))
                self._imports([main], search, workdir)
            elif script.text:
                self.source(read_script(script.text, script.language), search, workdir)
            else:
                self._script(script.path, script.language)
        for program in command.programs:
            if "/" in program and not program.startswith("/"):
                self._script(program, "")

    def source(self, names: SourceNames, search: list[str], folder: str) -> None:
        """Follow what a source in some folder names."""
        self.variables |= names.variables
        self._imports(names.imports, search, folder)
        for path in names.sourced:
            language = language_of(path) or "bash"
            if not self._script(path, language) and folder:
                self._script(os.path.join(folder, path), language)

    def _script(self, written: str, language: str) -> bool:
        """Follow a script that is given by its path."""
        path = self.reader.path(written)
        content = self._take(path, is_input="\0input:" in written)
        if content is None:
            return False
        language = language or _of_shebang(content) or language_of(path)
        self.languages.update(filter(None, [language]))
        text = content.decode(errors="replace")
        folder = os.path.dirname(path)
        if language == "bash":
            self.command(read_command(text))
        elif language in ("python", "R", "julia"):
            self.source(read_script(text, language), self.reader.search_of_script(folder), folder)
        return True

    def _imports(self, imports: Iterable[Import], search: list[str], folder: str) -> None:
        for imported in imports:
            for file in _modules(imported, search, folder):
                self.module(file, search)

    def module(self, file: str, search: list[str]) -> None:
        """Follow a module of Python, if it is there."""
        content = self._take(file)
        if content is not None:
            names = read_python(content.decode(errors="replace"))
            self.source(names, search, os.path.dirname(file))

    def _take(self, path: str, is_input: bool = False) -> bytes | None:
        """Note a file, and return what is to be looked into: nothing if it was already."""
        if path in self.files or len(self.files) >= _MOST:
            return None
        content = self.reader.content(path)
        if content is None:
            return None
        if not is_input:
            self.files[path] = None
        return content if len(content) <= _LONGEST else b""


def _modules(imported: Import, search: list[str], folder: str) -> Iterator[str]:
    """Paths of the files that an import may load, whether they are there or not."""
    if imported.level:
        base = folder
        for _ in range(imported.level - 1):
            base = os.path.dirname(base)
        search = [base] if folder else []
    parts = [part for part in imported.module.split(".") if part]
    for directory in search:
        at = directory
        for part in parts:
            yield os.path.join(at, f"{part}.py")
            at = os.path.join(at, part)
            yield os.path.join(at, "__init__.py")
        for name in imported.names:
            if name != "*":
                yield os.path.join(at, f"{name}.py")
                yield os.path.join(at, name, "__init__.py")


def _of_shebang(content: bytes) -> str:
    """The language of a program by its first line."""
    first = content[:200].partition(b"\n")[0].decode(errors="replace")
    if not first.startswith("#!"):
        return ""
    words = [word for word in first[2:].split() if not word.startswith("-")]
    found = filter(None, map(interpreter, words))
    return next((each.language for each in found), "")
