"""Which package a file belongs to: Debian's, RPM's, conda's, Python's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """A package.

    Attributes
    ----------
    prefix : str
        What it is installed in: ``/`` for the system, else an environment's directory.
    name : str
        Its name.
    version : str
        Its version, with the build where there is one.
    base : bool
        Whether it belongs to the system's base, or to Snakemake, and never counts.
    """

    prefix: str
    name: str
    version: str
    base: bool = False


class Packages:
    """Packages of this machine; lists are read when the first file below their prefix is asked for.

    Parameters
    ----------
    environment : mapping of str to str, optional
        The job's environment variables.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        raise NotImplementedError

    def prefix_of(self, path: str) -> str | None:
        """The prefix that a path lies below: an environment's, ``/`` for the system, or None."""
        raise NotImplementedError

    def owner(self, path: str) -> Owner | None:
        """The package that a file came with; None if none did."""
        raise NotImplementedError

    def version(self, prefix: str, name: str) -> str | None:
        """The version of a package that is installed here; None if it is not."""
        raise NotImplementedError
