"""One text for each value, so that values are equal exactly if their texts are.

Python's own equality is no help: it makes 1, 1.0 and True one key, and lists none at all. Here each
value carries its type. What has no obvious text is refused, so that nobody guesses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii as _quoted
from pathlib import Path, PurePath
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
    try:
        return _text(value, ())
    except _Refused as refused:
        raise NotCanonical(f"{name}{''.join(reversed(refused.path))} {refused.what}") from None


def tagged(value: Any, name: str = "value") -> list[Any]:
    """Return what the canonical text of a value encodes: lists of a type and what it needs.

    Raises
    ------
    NotCanonical
        As :func:`canonical` does.
    """
    found: list[Any] = json.loads(canonical(value, name))
    return found


def plain(tagged: Any) -> Any:
    """Return a value for a tagged one, to be shown and compared; lists and sets become tuples."""
    if tagged is None:
        return None
    kind, *rest = tagged
    if kind in ("list", "tuple", "set", "frozenset"):
        return tuple(plain(part) for part in rest[0])
    if kind == "dict":
        return {str(plain(k)): plain(v) for k, v in zip(rest[0], rest[1], strict=True)}
    if kind == "float":
        return float.fromhex(rest[0])
    return rest[0] if rest else None


def untagged(tagged: Any) -> Any:
    """Return the value that was tagged, of the same type; a path comes back as a Path."""
    kind, *rest = tagged
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](untagged(part) for part in rest[0])
    if kind == "dict":
        return {untagged(k): untagged(v) for k, v in zip(rest[0], rest[1], strict=True)}
    return _SCALARS[kind](*rest)


_CONTAINERS: dict[str, Callable[[Iterable[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}
_SCALARS: dict[str, Callable[..., Any]] = {
    "none": lambda: None,
    "bool": bool,
    "int": int,
    "complex": complex,
    "str": str,
    "float": float.fromhex,
    "bytes": bytes.fromhex,
    "path": Path,
}


class _Refused(Exception):
    """What is wrong with a part of a value, and the way to it, innermost first."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.path: list[str] = []


def _text(value: Any, around: tuple[int, ...]) -> str:
    """The canonical text: JSON, so that it can be read again."""
    kind = type(value)
    if kind is str:
        return f'["str",{_quoted(value)}]'
    if kind is tuple or kind is list:
        if kind is list:  # a tuple contains itself only by way of something else
            around = _within(value, around)
        # Most parts are strings: those take the short way.
        parts = [
            f'["str",{_quoted(part)}]' if type(part) is str else _part(number, part, around)
            for number, part in enumerate(value)
        ]
        return f'["{kind.__name__}",[{",".join(parts)}]]'
    if value is None:
        return '["none"]'
    if kind is bool:
        return '["bool",true]' if value else '["bool",false]'
    if kind is int or kind is complex:
        return f'["{kind.__name__}","{value!r}"]'
    if kind is float or kind is bytes:
        return f'["{kind.__name__}","{value.hex()}"]'
    if isinstance(value, PurePath) and kind.__module__.startswith("pathlib"):
        return f'["path",{_quoted(str(value))}]'
    if kind is dict:
        around = _within(value, around)
        keys = ",".join([_part("a key", key, around) for key in value])
        parts = [_part(key, part, around) for key, part in value.items()]
        return f'["dict",[{keys}],[{",".join(parts)}]]'
    if kind is set or kind is frozenset:
        parts = sorted([_part("...", part, around) for part in value])
        return f'["{kind.__name__}",[{",".join(parts)}]]'
    raise _Refused(f"is a {kind.__module__}.{kind.__qualname__}")


def _within(value: Any, around: tuple[int, ...]) -> tuple[int, ...]:
    if id(value) in around:
        raise _Refused("contains itself")
    return (*around, id(value))


def _part(key: Any, part: Any, around: tuple[int, ...]) -> str:
    try:
        return _text(part, around)
    except _Refused as refused:
        refused.path.append(f"[{key!r}]")
        raise
