"""What a shell command names literally: programs, scripts, variables. By a grammar of bash."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Script:
    """A script that an interpreter is given.

    Parameters
    ----------
    language : str
        ``python``, ``R``, ``bash``, ``perl``, ... as in the table of interpreters.
    path : str
        As written; empty for code that is part of the command.
    text : str
        Code that is part of the command: ``python -c``, a quoted heredoc.
    module : str
        The module of ``python -m``.
    """

    language: str
    path: str = ""
    text: str = ""
    module: str = ""


@dataclass(frozen=True)
class ShellCommand:
    """What a command names literally.

    Parameters
    ----------
    programs : tuple of str
        Words in command position, in their order, each once; no builtins and own functions.
    scripts : tuple of Script
        What interpreters are given.
    sourced : tuple of str
        Files that ``source`` or ``.`` is given.
    variables : frozenset of str
        Environment variables that it names and does not set itself.
    is_container : bool
        Whether it runs a container: what is in there cannot be seen.
    is_complete : bool
        False if the grammar could not tell all of it, or a program's name is computed.
    """

    programs: tuple[str, ...] = ()
    scripts: tuple[Script, ...] = ()
    sourced: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    is_container: bool = False
    is_complete: bool = True


@lru_cache(maxsize=4096)
def read_command(text: str) -> ShellCommand:
    """Read a shell command, in which files may be symbols; it never fails."""
    raise NotImplementedError
