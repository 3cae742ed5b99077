"""Which package a file belongs to: Debian's, RPM's, conda's, Python's."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from snakemake_storage_plugin_seqstore.observe.environments import (
    CondaFiles,
    PythonFiles,
    own_distributions,
)
from snakemake_storage_plugin_seqstore.observe.prefixes import prefix_of
from snakemake_storage_plugin_seqstore.observe.system_packages import Dpkg, Rpm


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


class _Manager(Protocol):
    def owner(self, path: str) -> str | None:
        """The name of the package that a file came with."""

    def version(self, name: str) -> str | None:
        """The version of a package that is installed."""

    @property
    def base(self) -> frozenset[str]:
        """The packages that everything needs."""


class Packages:
    """Packages of this machine; lists are read when the first file below their prefix is asked for.

    Parameters
    ----------
    root : str
        Where the system's packages are installed.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = root
        self._resolved: dict[str, str] = {}
        self._managers: dict[str, tuple[_Manager, ...]] = {}
        self._owners: dict[str, Owner | None] = {}

    def resolved(self, path: str) -> str:
        """A path without links, remembered."""
        if path not in self._resolved:
            self._resolved[path] = os.path.realpath(path)
        return self._resolved[path]

    def owner(self, path: str) -> Owner | None:
        """The package that a file came with; None if none did, or if it is a directory.

        Many packages have files in a directory, so none of them tells what it is.
        """
        if path not in self._owners:
            real = self.resolved(path)  # a link among alternatives belongs to no package
            owner = None if os.path.isdir(real) else self._find_owner(real)
            self._owners[path] = owner or (self._find_owner(path) if path != real else None)
        return self._owners[path]

    def version(self, prefix: str, name: str) -> str | None:
        """The version of a package that is installed here; None if it is not."""
        for manager in self._of(prefix):
            version = manager.version(name)
            if version is not None:
                return version
        return None

    def _find_owner(self, path: str) -> Owner | None:
        prefix = prefix_of(path)
        if prefix is None:
            return None
        for manager in self._of(prefix):
            name = manager.owner(path)
            version = manager.version(name) if name else None
            if name and version is not None:
                base = name in manager.base or (prefix == sys.prefix and self._is_own(name))
                return Owner(prefix, name, version, base)
        return None

    def _of(self, prefix: str) -> tuple[_Manager, ...]:
        if prefix not in self._managers:
            managers: list[_Manager] = []
            if prefix == "/":
                managers = [Dpkg(self._root), Rpm(self._root)]
            elif os.path.isdir(f"{prefix}/conda-meta"):
                managers = [CondaFiles(prefix)]
            self._managers[prefix] = (*managers, PythonFiles(prefix))
        return self._managers[prefix]

    def _is_own(self, name: str) -> bool:
        return name in self._own

    @cached_property
    def _own(self) -> frozenset[str]:
        return own_distributions()
