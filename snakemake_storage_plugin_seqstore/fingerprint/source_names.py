"""What code names literally of its job and of what is around it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

Way = tuple[str | int, ...]
Keys = frozenset[Way]  # ways into nested mappings; the empty one is all


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
    handed : frozenset of Handed
        What functions of imported modules get; it counts as :mod:`handed` says.
    changes_path : bool
        Whether it says itself where Python finds modules (``sys.path``).
    """

    config: Keys = frozenset()
    wildcards: Names = frozenset()
    resources: Names = frozenset()
    has_rule_name: bool = False
    variables: frozenset[str] = frozenset()
    imports: tuple[Import, ...] = ()
    sourced: tuple[str, ...] = ()
    handed: frozenset[Handed] = frozenset()
    changes_path: bool = False

    def __or__(self, other: SourceNames) -> SourceNames:
        """What either names."""
        return SourceNames(
            config=_keys(self.config | other.config),
            wildcards=_either(self.wildcards, other.wildcards),
            resources=_either(self.resources, other.resources),
            has_rule_name=self.has_rule_name or other.has_rule_name,
            variables=self.variables | other.variables,
            imports=tuple(dict.fromkeys((*self.imports, *other.imports))),
            sourced=tuple(dict.fromkeys((*self.sourced, *other.sourced))),
            handed=self.handed | other.handed,
            changes_path=self.changes_path or other.changes_path,
        )

    def ways(self) -> set[Way]:
        """The ways from ``snakemake`` to what it names, as `of_ways` sorts them."""
        named = {"wildcards": self.wildcards, "resources": self.resources}
        found: set[Way] = {("config", *key) for key in self.config}
        for kind, names in named.items():
            found |= {(kind,)} if isinstance(names, All) else {(kind, name) for name in names}
        return found | ({("rule",)} if self.has_rule_name else set())

    def everything(self) -> SourceNames:
        """The same, with all that it can have of its job."""
        return replace(
            self, config=frozenset({()}), wildcards=ALL, resources=ALL, has_rule_name=True
        )


def _keys(keys: Set[Way]) -> Keys:
    """Keys of the config; those that count besides all of it are left out."""
    return frozenset({()} if () in keys else keys)


def _either(one: Names, other: Names) -> Names:
    return ALL if isinstance(one, All) or isinstance(other, All) else one | other


def of_ways(ways: Iterable[Way], **more: Any) -> SourceNames:
    """Sort ways from ``snakemake`` to what code reads.

    Parameters
    ----------
    ways : iterable of tuple
        ``("config", "a")`` for ``snakemake.config["a"]``, ``("wildcards", "s")``, ``("rule",)``;
        the empty one for the whole object.
    **more
        Other fields of the result.
    """
    by_kind: dict[Any, set[Way]] = {}
    for way in ways:
        by_kind.setdefault(way[0] if way else "", set()).add(way[1:])
    found = SourceNames(
        config=_keys(by_kind.get("config", set())),
        wildcards=_names(by_kind.get("wildcards", ())),
        resources=_names(by_kind.get("resources", ())),
        has_rule_name="rule" in by_kind,
        **more,
    )
    return found.everything() if "" in by_kind else found


def _names(ways: Iterable[Way]) -> Names:
    names = {way[0] if way and isinstance(way[0], str) else ALL for way in ways}
    return ALL if ALL in names else frozenset(str(name) for name in names)


EVERYTHING = SourceNames().everything()  # of what could not be understood
