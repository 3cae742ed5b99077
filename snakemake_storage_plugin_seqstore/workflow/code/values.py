"""Values that code reads, in a form that is the same in every process and every directory."""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import fractions
import hashlib
import pathlib
import re
import types
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from snakemake_storage_plugin_seqstore.workflow import command
from snakemake_storage_plugin_seqstore.unknown import Unknown

_ATOMS = (type(None), bool, int, float, complex, bytes)
# Their repr says all about them.
_BY_REPR = (
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    datetime.timezone,
    decimal.Decimal,
    fractions.Fraction,
    range,
    slice,
    uuid.UUID,
    type(Ellipsis),
    type(NotImplemented),
)
_PANDAS_SCALARS = ("Timestamp", "Timedelta", "Interval", "Period", "NaTType", "NAType")
_MAPPINGS = (dict, collections.OrderedDict, collections.Counter, types.MappingProxyType)
_CONTAINERS = (list, tuple, set, frozenset, *_MAPPINGS, collections.defaultdict, collections.deque)


class Missing:
    """Stands for what a mapping does not have."""


class Values:
    """Turns values into what has a canonical form, and notes the strings that they contain.

    Parameters
    ----------
    rule : snakemake.rules.Rule
        The rule whose code reads them.
    other : callable, optional
        Describes a value of another type, given its name.
    """

    def __init__(self, rule: Any, other: Callable[[Any, str], Any] | None = None) -> None:
        self.strings: set[str] = set()
        self._rule = rule
        self._places = command.places(rule)
        self._other = other
        self._around: list[int] = []

    def describe(self, value: Any, name: str) -> Any:
        """Return a form of a value that :func:`canonical` takes.

        All but the simplest values become tuples that begin with what they are, so that no two
        values have the same form.

        Raises
        ------
        Unknown
            If it has none.
        """
        kind = type(value)
        if kind in _ATOMS:
            return value
        if isinstance(value, str) and (kind is str or _of(kind, "snakemake")):
            self.strings.add(str(value))
            return command.without_places(str(value), self._places)
        if isinstance(value, pathlib.PurePath) and kind.__module__.startswith("pathlib"):
            return ("path", self.describe(str(value), name))
        if kind in _BY_REPR or (_of(kind, "pandas") and kind.__name__ in _PANDAS_SCALARS):
            return ("repr", kind.__name__, repr(value))
        if kind is re.Pattern:
            return ("pattern", self.describe(value.pattern, name), value.flags)
        if kind not in _CONTAINERS:
            return self._special(value, kind, name)
        if id(value) in self._around:
            raise Unknown(f"it reads {name}, which contains itself")
        self._around.append(id(value))
        try:
            return self._parts(value, kind, name)
        finally:
            self._around.pop()

    def of_mapping(self, value: Mapping[Any, Any], keys: tuple[Any, ...], name: str) -> Any:
        """What is behind the keys of nested mappings."""
        found: Any = value
        for key in keys:
            if type(found) not in _MAPPINGS:
                break
            if key not in found:
                found = Missing
                break
            found = found[key]
        label = name + "".join(f"[{key!r}]" for key in keys)
        return ("missing",) if found is Missing else ("value", self.describe(found, label))

    def _parts(self, value: Any, kind: type, name: str) -> Any:
        if kind in (list, tuple):
            return (kind.__name__, [self.describe(part, name) for part in value])
        if kind in (set, frozenset):
            return (kind.__name__, frozenset(_frozen(self.describe(part, name)) for part in value))
        if kind in _MAPPINGS:
            return (kind.__name__, [*self._items(value, name)])
        if kind is collections.defaultdict:
            factory = self.describe(value.default_factory, name)
            return ("defaultdict", factory, [*self._items(value, name)])
        return ("deque", value.maxlen, [self.describe(part, name) for part in value])

    def _special(self, value: Any, kind: type, name: str) -> Any:
        if kind in (types.SimpleNamespace, argparse.Namespace):
            return (kind.__name__, [*self._items(vars(value), name)])
        if _of(kind, "numpy"):
            return self._numpy(value, kind, name)
        if _of(kind, "pandas"):
            return self._pandas(value, kind, name)
        return self.unusual(value, name)

    def unusual(self, value: Any, name: str) -> Any:
        """Describe a value of another type."""
        if self._other is None:
            raise refused(value, name)
        return self._other(value, name)

    def _items(self, value: Mapping[Any, Any], name: str) -> Iterator[tuple[Any, Any]]:
        for key, part in value.items():
            label = f"{name}[{key!r}]" if isinstance(key, str | int) else name
            yield self.describe(key, name), self.describe(part, label)

    def _numpy(self, value: Any, kind: type, name: str) -> Any:
        if kind.__name__.endswith("DType") or not hasattr(value, "dtype"):
            return self.unusual(value, name)
        dtype = value.dtype
        if kind.__name__ != "ndarray" and not hasattr(value, "item"):
            return self.unusual(value, name)
        if dtype.hasobject:
            content = self.describe(value.tolist(), name)
        else:
            content = hashlib.sha256(value.tobytes()).hexdigest()
        return ("numpy", kind.__name__, str(dtype.descr), tuple(value.shape), content)

    def _pandas(self, value: Any, kind: type, name: str) -> Any:
        if kind.__name__ == "DataFrame":
            columns = [
                self._column(value.iloc[:, number], name) for number in range(value.shape[1])
            ]
            axes = (self._index(value.columns, name), self._index(value.index, name))
            return ("DataFrame", axes, columns, self.describe(dict(value.attrs), name))
        if kind.__name__ == "Series":
            index = self._index(value.index, name)
            return ("Series", self.describe(value.name, name), index, self._column(value, name))
        if hasattr(value, "names") and hasattr(value, "tolist"):
            return self._index(value, name)
        return self.unusual(value, name)

    def _column(self, series: Any, name: str) -> Any:
        return (self._dtype(series.dtype, name), self.describe(series.tolist(), name))

    def _index(self, index: Any, name: str) -> Any:
        kinds = getattr(index, "levels", None)
        dtypes = [
            self._dtype(part.dtype, name) for part in (kinds if kinds is not None else [index])
        ]
        freq = repr(getattr(index, "freq", None))
        names = self.describe(list(index.names), name)
        return (type(index).__name__, freq, names, dtypes, self.describe(index.tolist(), name))

    def _dtype(self, dtype: Any, name: str) -> Any:
        if str(dtype) != "category":
            return str(dtype)
        return ("category", bool(dtype.ordered), self.describe(dtype.categories.tolist(), name))


def refused(value: Any, name: str) -> Unknown:
    """The error for a value that has no canonical form."""
    kind = type(value)
    return Unknown(
        f"it reads {name}, which is a {kind.__module__}.{kind.__qualname__}",
        "give what it needs of it by params",
    )


def _of(kind: type, package: str) -> bool:
    return (kind.__module__ or "").partition(".")[0] == package


def _frozen(value: Any) -> Any:
    """A hashable form of a described member of a set."""
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value
