"""What code names literally of its job and of what is around it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

Keys = frozenset[tuple[str | int, ...]]  # ways into nested mappings; the empty one is all


class All(Enum):
    """Stands for all names."""

    ALL = "all"


ALL: Final = All.ALL
Names = frozenset[str] | All


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
class SourceNames:
    """What a source names.

    Parameters
    ----------
    config : frozenset of tuple
        Keys of the config, ``("a", "b")`` for ``config["a"]["b"]``; ``()`` for all of it.
    wildcards, resources : frozenset of str or ALL
        Names of wildcards and of resources.
    has_rule_name : bool
        Whether it reads the name of its rule.
    variables : frozenset of str
        Environment variables.
    imports : tuple of Import
        Python modules.
    sourced : tuple of str
        Files that it sources, as written.
    is_parsed : bool
        False if its text could not be understood: all of config, wildcards, resources count.
    """

    config: Keys = frozenset()
    wildcards: Names = frozenset()
    resources: Names = frozenset()
    has_rule_name: bool = False
    variables: frozenset[str] = frozenset()
    imports: tuple[Import, ...] = ()
    sourced: tuple[str, ...] = ()
    is_parsed: bool = True

    def __or__(self, other: SourceNames) -> SourceNames:
        """What either names."""
        raise NotImplementedError


EVERYTHING = SourceNames(frozenset({()}), ALL, ALL, True, is_parsed=False)
