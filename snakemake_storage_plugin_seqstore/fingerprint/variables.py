"""Environment variables that count: those that code names, and what interpreters and loaders read.

One table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def counted(
    named: Iterable[str], programs: Iterable[str], languages: Iterable[str] = ()
) -> tuple[str, ...]:
    """Names of the variables that count, sorted.

    Parameters
    ----------
    named : iterable of str
        Variables that the command or its scripts name.
    programs : iterable of str
        Programs in command position, as written.
    languages : iterable of str
        Languages of scripts, as in the table of interpreters.
    """
    raise NotImplementedError


def salted(names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Digests of the values of variables that are set; values are not found again by a table."""
    raise NotImplementedError


def locale(environment: Mapping[str, str]) -> str:
    """The locale in effect and the time zone: sorting and what a character is depend on them."""
    raise NotImplementedError
