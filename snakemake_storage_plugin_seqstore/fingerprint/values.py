"""Params, globals and config values in a form that is the same in every process and directory."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import hashlib
import pathlib
import re
import types
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.source_names import Way
from snakemake_storage_plugin_seqstore.fingerprint.symbols import (
    Places,
    Symbol,
    own_paths,
    without_places,
)
from snakemake_storage_plugin_seqstore.provenance import canonical
from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown

_ATOMS = (type(None), bool, int, float, complex, bytes)
# Their repr says all about them.
_BY_REPR = (
    *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
    *(decimal.Decimal, fractions.Fraction, range, slice, uuid.UUID),
    *(type(Ellipsis), type(NotImplemented)),
)
_PANDAS_SCALARS = ("Timestamp", "Timedelta", "Interval", "Period", "NaTType", "NAType")
_MAPPINGS = (dict, collections.OrderedDict, collections.Counter, types.MappingProxyType)
_SEQUENCES = (list, tuple, collections.deque)
_SETS = (set, frozenset)
_NAMESPACES = (types.SimpleNamespace, argparse.Namespace)
# Of what classes of a user may be that hold something themselves.
CONTAINERS: tuple[Any, ...] = (dict, list, tuple, set, frozenset, str, bytes, int, float)
# Forms that end with pairs of a key and what is behind it.
MAPPINGS = frozenset((*(kind.__name__ for kind in _MAPPINGS), "defaultdict"))
_TO_BE_DETERMINED = "<TBD>"  # what Snakemake gives before an input exists
_MISSING = object()


class Values:
    """Turns values into what :func:`~snakemake_storage_plugin_seqstore.provenance.canonical` takes.

    Parameters
    ----------
    places : tuple of (str, Symbol)
        Directories that do not count, see :func:`without_places`.
    files : mapping of str to iterable of str
        The job's own files, which have symbols in their places, see :func:`own_paths`.
    other : callable, optional
        Describes a value of a type that is not known here, given the value and its name.
    """

    def __init__(
        self,
        places: Places = (),
        files: Mapping[str, Iterable[str]] | None = None,
        other: Callable[[Any, str], Any] | None = None,
    ) -> None:
        self._files = files or {}
        self._places = places
        self._other = other
        self._around: list[int] = []

    def describe(self, value: Any, name: str) -> Any:
        """Return a form of a value; equal exactly for values of the same type and content.

        All but the simplest values become tuples that begin with what they are, so that no two
        values have the same form.

        Parameters
        ----------
        value : object
            The value.
        name : str
            What to call it in an error, such as ``"param k"`` or ``"config[k]"``.

        Raises
        ------
        Unknown
            If it is not known yet (``<TBD>``) or has no such form; the message names it.
        """
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind is str or (isinstance(value, str) and _is_of(kind, "snakemake")):
            if _TO_BE_DETERMINED in value:
                raise NotYet(f"{name} is not known yet")
            return self.text(str(value))
        if kind in _BY_REPR or (_is_of(kind, "pandas") and kind.__name__ in _PANDAS_SCALARS):
            return ("repr", kind.__name__, repr(value))
        if isinstance(value, enum.Enum):
            return ("enum", self._class(kind, name), value.name, self.describe(value.value, name))
        if isinstance(value, pathlib.PurePath):
            return ("path", self.describe(str(value), name))
        if kind is re.Pattern:
            return ("pattern", self.describe(value.pattern, name), value.flags)
        if id(value) in self._around:
            return ("around", len(self._around) - self._around.index(id(value)))
        self._around.append(id(value))
        try:
            return self._parts(value, kind, name)
        finally:
            self._around.pop()

    def text(self, text: str) -> str:
        """Return a text with symbols in place of directories and of the job's own files."""
        if text in self._own:
            return str(self._own[text])
        for places in (self._own_places, self._places):
            if places:
                text = without_places(text, places)
        return text

    @cached_property
    def _own(self) -> dict[str, Symbol]:
        return own_paths(self._files)

    @cached_property
    def _own_places(self) -> Places:
        # One word may mean anything: it is replaced only if it is all of a text.
        return tuple((path, symbol) for path, symbol in self._own.items() if "/" in path)

    def of_keys(
        self, mapping: Mapping[Any, Any], keys: frozenset[Way], name: str
    ) -> tuple[Any, ...]:
        """Describe what is behind keys of nested mappings, such as the config.

        Parameters
        ----------
        mapping : mapping
            The config.
        keys : frozenset of tuple
            Ways into it; the empty one is all of it. What is not there counts as missing.
        name : str
            What to call it in an error.

        Returns
        -------
        tuple of (tuple, form)
            Sorted by key.
        """
        if () in keys:
            keys = frozenset({()})
        return tuple((key, self._behind(mapping, key, name)) for key in sorted(keys, key=repr))

    def of_names(
        self, items: Iterable[tuple[str, Any]], ways: frozenset[Way], name: str
    ) -> tuple[Any, ...]:
        """Describe named values, such as wildcards, to which ways lead, in their order."""
        names = {way[0] if way and isinstance(way[0], str) else None for way in ways}
        return tuple(
            (key, self.describe(value, f"{name}.{key}"))
            for key, value in items
            if None in names or key in names
        )

    def _behind(self, found: Any, way: tuple[Any, ...], name: str) -> Any:
        for key in way:
            if not isinstance(found, Mapping):
                break  # the key is one into a text or a list: all of that counts
            found = found.get(key, _MISSING)
            name = f"{name}[{key!r}]"
            if found is _MISSING:
                return ("missing",)
        return ("value", self.describe(found, name))

    def _parts(self, value: Any, kind: type, name: str) -> Any:
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            fields = {field: getattr(value, field) for field in kind._fields}
            return ("named tuple", self._class(kind, name), [*self._items(fields, name)])
        if _is_of(kind, "numpy") or _is_of(kind, "pandas"):
            return self._of_tables(value, kind, name)
        if kind in _SEQUENCES:
            bound = (value.maxlen,) if kind is collections.deque else ()
            return (kind.__name__, *bound, self._each(value, name))
        if kind in _SETS:
            return (kind.__name__, self._unordered(value, name))
        if kind in _MAPPINGS:
            return (kind.__name__, [*self._items(value, name)])
        if kind is collections.defaultdict:
            factory = self.describe(getattr(value.default_factory, "__name__", None), name)
            return ("defaultdict", factory, [*self._items(value, name)])
        if kind in _NAMESPACES:
            return (kind.__name__, [*self._items(vars(value), name)])
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
            return ("dataclass", self._class(kind, name), [*self._items(fields, name)])
        if isinstance(value, list) and hasattr(
            value, "_get_names"
        ):  # Snakemake's files, params, wildcards
            names = sorted((key, *place) for key, place in value._get_names())
            return ("named list", self._each(value, name), names)
        if self._other is not None:
            return self._other(value, name)
        for base in CONTAINERS:
            if isinstance(value, base):  # of a class of its own
                return ("subclass", kind.__qualname__, self.describe(base(value), name))
        raise no_form(value, name)

    def _class(self, kind: type, name: str) -> Any:
        """A class: its name; where code reads it, what it does, too."""
        return kind.__qualname__ if self._other is None else self.describe(kind, name)

    def _each(self, values: Iterable[Any], name: str) -> list[Any]:
        return [self.describe(part, f"{name}[{number}]") for number, part in enumerate(values)]

    def _unordered(self, values: Iterable[Any], name: str) -> list[str]:
        return sorted(canonical(self.describe(part, f"a part of {name}")) for part in values)

    def _items(self, value: Mapping[Any, Any], name: str) -> Iterator[tuple[Any, Any]]:
        for key, part in value.items():
            yield self.describe(key, f"a key of {name}"), self.describe(part, f"{name}[{key!r}]")

    def _of_tables(self, value: Any, kind: type, name: str) -> Any:
        """Describe what is of numpy or pandas, without loading either."""
        if kind.__name__ == "DataFrame":
            columns = [self._column(value.iloc[:, at], name) for at in range(value.shape[1])]
            axes = (self._index(value.columns, name), self._index(value.index, name))
            return ("DataFrame", axes, columns)
        if kind.__name__ == "Series":
            label = self.describe(value.name, name)
            return ("Series", label, self._index(value.index, name), self._column(value, name))
        if kind.__name__ == "ndarray":
            plain = not value.dtype.hasobject
            content = _sha256(value.tobytes()) if plain else self.describe(value.tolist(), name)
            return ("ndarray", str(value.dtype.descr), value.shape, content)
        if hasattr(value, "names") and hasattr(value, "tolist"):
            return self._index(value, name)
        if _is_of(kind, "pandas") and hasattr(value, "dtype") and hasattr(value, "tolist"):
            return ("array", *self._column(value, name))
        if any(_is_of(base, "numpy") and base.__name__ == "generic" for base in kind.__mro__):
            item = value.item()
            same = type(item) is kind  # a long double has no Python form
            content = repr(item) if same else self.describe(item, name)
            return ("numpy", str(value.dtype.descr), content)
        raise no_form(value, name)

    def _column(self, series: Any, name: str) -> tuple[Any, Any]:
        dtype = series.dtype
        kinds = [*dtype.categories.tolist(), dtype.ordered] if str(dtype) == "category" else []
        return ((str(dtype), self._each(kinds, name)), self._each(series.tolist(), name))

    def _index(self, index: Any, name: str) -> Any:
        names = self._each(index.names, name)
        return (type(index).__name__, names, str(index.dtype), self._each(index.tolist(), name))


def no_form(value: Any, name: str) -> Unknown:
    """The error for a value that has no form."""
    kind = type(value)
    return Unknown(
        f"{name} is a {kind.__module__}.{kind.__qualname__}, which may be another in each run",
        "use numbers, texts, lists and the like instead",
    )


def _is_of(kind: type, package: str) -> bool:
    return (kind.__module__ or "").partition(".")[0] == package


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
