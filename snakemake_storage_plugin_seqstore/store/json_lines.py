"""Files of JSON values, one a line, which are only added to.

Who writes one may be killed at any moment: a line that is not whole says nothing, and does not
spoil the next one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_ENCODER = json.JSONEncoder(separators=(",", ":"), default=vars)


def encode(value: Any) -> bytes:
    """A value in one line; an object is written as its fields."""
    return _ENCODER.encode(value).encode()


def text(values: Iterable[Any]) -> bytes:
    """Lines to be added, at once."""
    return b"".join(b"\n%s\n" % encode(value) for value in values)


def append(file: Path, values: Iterable[Any]) -> None:
    """Add values to a file, which is made if it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as opened:
        opened.write(text(values))


def read(file: Path) -> list[Any]:
    """The values that can be read, in their order; none if there is no file."""
    try:
        lines = [line for line in file.read_bytes().split(b"\n") if line]
    except OSError:
        return []
    with suppress(ValueError, RecursionError):  # thousands at once are much faster
        values: list[Any] = json.loads(b"[%s]" % b",".join(lines))
        if len(values) == len(lines):
            return values
    values = []
    for line in lines:
        with suppress(ValueError, RecursionError):
            values.append(json.loads(line))
    return values


def load(file: Path, parse: Callable[[Any], T]) -> Iterator[T]:
    """What the values of a file stand for; one that has another form, as after an edit, is none."""
    for value in read(file):
        with suppress(ValueError, TypeError, LookupError, AttributeError):
            yield parse(value)
