"""What code names literally of its job and of what is around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Way = tuple[str | int, ...]  # into nested mappings, step by step; the empty one is all
# The parts of ``snakemake`` that count if code names them: a job is told the others anyway.
_PARTS = ("config", "wildcards", "resources", "rule")


@dataclass(frozen=True)
class Import:
    """A module that Python code imports by a literal name.

    Parameters
    ----------
    module : str
        Its dotted name; may be empty in ``from . import a``.
    names : tuple of str
        What is taken from it, which may be modules, too.
    level : int
        Number of leading dots; 0 if it is absolute.
    """

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True)
class Handed:
    """A part of ``snakemake`` that Python code hands to a function of a module.

    Parameters
    ----------
    function : str
        Its dotted name with that of the module, and with leading dots if that is relative.
    number : int
        The position of the argument; -1 if it is given by its name.
    keyword : str
        The name of the argument; empty if it is given by its position.
    way : tuple
        The way to the part; ``()`` for the whole object.
    is_kept : bool
        Whether anything is done with what the function returns.
    """

    function: str
    number: int
    keyword: str
    way: Way
    is_kept: bool = True


@dataclass(frozen=True)
class SourceNames:
    """What a source names.

    Parameters
    ----------
    ways : frozenset of tuple
        Ways from ``snakemake`` to what it reads of its config, wildcards, resources and rule:
        ``("config", "a", "b")`` for ``snakemake.config["a"]["b"]``.
    variables : frozenset of str
        Environment variables.
    imports : tuple of Import
        Python modules.
    sourced : tuple of str
        Files that it sources, as written.
    handed : frozenset of Handed
        What functions of imported modules get; it counts as :mod:`handed` says.
    changes_path : bool
        Whether it says itself where Python finds modules (``sys.path``).
    """

    ways: frozenset[Way] = frozenset()
    variables: frozenset[str] = frozenset()
    imports: tuple[Import, ...] = ()
    sourced: tuple[str, ...] = ()
    handed: frozenset[Handed] = frozenset()
    changes_path: bool = False

    def __or__(self, other: SourceNames) -> SourceNames:
        """What either names."""
        return SourceNames(
            ways=self.ways | other.ways,
            variables=self.variables | other.variables,
            imports=tuple(dict.fromkeys((*self.imports, *other.imports))),
            sourced=tuple(dict.fromkeys((*self.sourced, *other.sourced))),
            handed=self.handed | other.handed,
            changes_path=self.changes_path or other.changes_path,
        )

    def of(self, part: str) -> frozenset[Way]:
        """The ways into one part of ``snakemake``; no other one besides all of it."""
        ways = frozenset(way[1:] for way in self.ways if way[0] == part)
        return frozenset({()}) if () in ways else ways


def of_ways(ways: Iterable[Way], **more: Any) -> SourceNames:
    """What code names that goes these ways from ``snakemake``; the empty one is the whole object.

    Parameters
    ----------
    ways : iterable of tuple
        Ways to all that it reads, also to what does not count.
    **more
        Other fields of the result.
    """
    counted = {way for way in ways if not way or way[0] in _PARTS}
    if () in counted:
        counted = {(part,) for part in _PARTS}
    return SourceNames(frozenset(counted), **more)


EVERYTHING = of_ways([()])  # of what cannot be understood
