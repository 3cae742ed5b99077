"""One text for each value, so that values are equal exactly if their texts are.

Python's own equality is no help: it makes 1, 1.0 and True one key, and lists none at all. Here each
value carries its type. What has no obvious text is refused, so that nobody guesses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from snakemake_storage_plugin_seqstore.errors import SeqstoreError


class NotCanonical(SeqstoreError, TypeError):
    """A value has no canonical text; the message says which one."""


def canonical(value: Any, name: str = "value") -> str:
    """Return the canonical text of a value.

    None, bool, int, float, complex, str, bytes and paths; list, tuple, dict (whose order counts, as
    programs iterate over it), set and frozenset (whose order does not). Exactly these types:
    a subclass may behave differently.

    Parameters
    ----------
    value : object
        The value.
    name : str
        What to call it in an error.

    Raises
    ------
    NotCanonical
        If the value, or a part of it, is of another type, or contains itself.
    """
    return json.dumps(_tagged(value, name, ()), separators=(",", ":"))


def _tagged(value: Any, name: str, around: tuple[int, ...]) -> list[Any]:
    kind = type(value)
    if value is None:
        return ["none"]
    if kind in (bool, str):
        return [kind.__name__, value]
    if kind in (int, complex):
        return [kind.__name__, repr(value)]
    if kind is float:
        return ["float", value.hex()]
    if kind is bytes:
        return ["bytes", value.hex()]
    if isinstance(value, PurePath) and kind.__module__.startswith("pathlib"):
        return ["path", str(value)]
    if id(value) in around:
        raise NotCanonical(f"{name} contains itself")
    around = (*around, id(value))
    if kind in (list, tuple):
        return [kind.__name__, _parts(enumerate(value), name, around)]
    if kind is dict:
        keys = _parts(((f"key {key!r}", key) for key in value), name, around)
        return ["dict", keys, _parts(value.items(), name, around)]
    if kind in (set, frozenset):
        parts = _parts((("...", part) for part in value), name, around)
        return [kind.__name__, sorted(parts, key=json.dumps)]
    raise NotCanonical(f"{name} is a {kind.__module__}.{kind.__qualname__}")


def _parts(items: Iterable[tuple[Any, Any]], name: str, around: tuple[int, ...]) -> list[list[Any]]:
    return [_tagged(part, f"{name}[{key!r}]", around) for key, part in items]
