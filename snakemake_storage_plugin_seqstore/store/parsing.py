"""What others wrote into a store, checked before anything relies on it: parse, don't trust.

Whoever may write to a shared store can put anything into it. So whatever is read from one passes
through here: files are regular ones, opened without following links and without waiting; JSON is
bounded in size and depth; and each value has the one form that is right for it.

A check is a function that returns the value that it is given, or raises :class:`MalformedError`.
Checks are put together, for example::

    form = fields(
        digest=sha256,
        kind=one_of("file", "tree"),
        size=natural,
        outputs=each(text),
        executable=optional(flag, False),
    )
    found = form(load(read(path, limit=65536)))
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Never, TypeVar

from snakemake_storage_plugin_seqstore.errors import DamageError

LARGEST = 2**63  # what sizes and times in ns are below
RESERVED_SEGMENT = "@"  # the versions of a name are in a directory of this name
_DEEPEST = 200  # JSON; what is deeper stops code that goes down into it
SEGMENT, _PATH = 255, 4095  # bytes
LEVELS = 100  # of a name; whoever lists names enters so many directories at most
_SHA256 = re.compile("[0-9a-f]{64}")
_UNCLEAN = re.compile(rb"(?:^|/)\.{0,2}(?:/|\Z)|\0")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

T = TypeVar("T")


class MalformedError(DamageError, ValueError):
    """Something in a store does not have the form that it must have."""


# Files


@contextmanager
def opened(
    path: str | os.PathLike[str], follow: bool = False
) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file to be read; give its descriptor and status.

    A pipe, a device or a directory is none, and opening one does not wait.

    Parameters
    ----------
    follow : bool
        Whether it may be reached by a link, as a user's own file may, but nothing in a store.

    Raises
    ------
    MalformedError
        If it is no regular file.
    OSError
        If it cannot be opened.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    except OSError as error:
        # A socket or a device without a driver cannot be opened at all.
        if error.errno == errno.ENXIO or (error.errno == errno.ELOOP and not follow):
            raise MalformedError(f"{printable(path)} is no regular file") from None
        raise
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise MalformedError(f"{printable(path)} is no regular file")
        yield file, status
    finally:
        os.close(file)


def read(path: str | os.PathLike[str], limit: int) -> bytes:
    """All of a small file in a store.

    Parameters
    ----------
    limit : int
        How many bytes it may have.

    Raises
    ------
    MalformedError
        If it is no regular file, or larger.
    OSError
        If it cannot be read.
    """
    with opened(path) as (file, status):
        content = b""
        if status.st_size <= limit:
            while more := os.read(file, max(status.st_size, 1 << 16) + 1):
                content += more
                if len(content) > limit:
                    break
            else:
                return content
    raise MalformedError(f"{printable(path)} has more than {limit:,} bytes")


# JSON


def load(content: bytes) -> Any:
    """The value of a JSON text.

    Raises
    ------
    MalformedError
        If it is none, or too deep.
    """
    try:
        document = _DECODER.decode(content.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"it is no sound JSON: {error}") from None
    # Each level has a bracket.
    if content.count(b"[") + content.count(b"{") > _DEEPEST:
        _check_depth(document)
    return document


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _check_depth(document: Any) -> None:
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise MalformedError(f"its JSON is more than {_DEEPEST} levels deep")
        level = [
            part
            for value in level
            for part in (value.values() if isinstance(value, dict) else value)
            if isinstance(part, dict | list)
        ]


@dataclass(frozen=True)
class optional:
    """The check of a field that may be missing, and what it is then."""

    check: Callable[[Any], Any]
    default: Any

    def __call__(self, value: Any) -> Any:
        """Check a value that is there."""
        return self.check(value)


def fields(**checks: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """The check of a JSON object, by those of its fields; it has no others.

    Parameters
    ----------
    **checks : callable
        The check of each field; one that may be missing has an :class:`optional` one.
    """
    needed = {name for name, check in checks.items() if not isinstance(check, optional)}
    defaults = {n: check.default for n, check in checks.items() if isinstance(check, optional)}

    def checked(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise MalformedError("it is no JSON object")
        if unknown := value.keys() - checks.keys():
            raise MalformedError(f"it has the unknown field '{printable(min(unknown))[:40]}'")
        if missing := needed - value.keys():
            raise MalformedError(f"it has no field '{min(missing)}'")
        found = defaults.copy()
        for name, part in value.items():
            try:
                found[name] = checks[name](part)
            except MalformedError as error:
                raise MalformedError(f"its {name}: {error}") from None
        return found

    return checked


def each(check: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """The check of a list, by that of its parts."""

    def checked(value: Any) -> tuple[T, ...]:
        if type(value) is not list:
            raise MalformedError("it is no list")
        return tuple([check(part) for part in value])

    return checked


def mapping(check: Callable[[Any], T]) -> Callable[[Any], dict[str, T]]:
    """The check of an object with any names, by that of its values."""

    def checked(value: Any) -> dict[str, T]:
        if type(value) is not dict:
            raise MalformedError("it is no JSON object")
        return {name: check(part) for name, part in value.items()}

    return checked


def either(*checks: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The check of a value that may have one of several forms, for example ``absent``."""

    def checked(value: Any) -> Any:
        for check in checks[:-1]:
            try:
                return check(value)
            except MalformedError:
                continue
        return checks[-1](value)

    return checked


def one_of(*allowed: Any) -> Callable[[Any], Any]:
    """The check of one of some values."""

    def checked(value: Any) -> Any:
        if not any(type(value) is type(known) and value == known for known in allowed):
            raise MalformedError(f"it is none of {', '.join(map(str, allowed))}")
        return value

    return checked


# Values


def absent(value: Any) -> None:
    """Check that a value is null."""
    if value is not None:
        raise MalformedError("it is not null")


def any_object(value: Any) -> dict[str, Any]:
    """Check a JSON object with any fields, whose depth is bounded."""
    if type(value) is not dict:
        raise MalformedError("it is no JSON object")
    return value


def text(value: Any) -> str:
    """Check a text, which can be written as UTF-8."""
    try:
        any_text(value).encode()
    except UnicodeEncodeError:
        raise MalformedError("it cannot be written as UTF-8") from None
    return str(value)


def any_text(value: Any) -> str:
    """Check a text; bytes of a path that are no UTF-8 may stand in it as lone surrogates."""
    if type(value) is not str:
        raise MalformedError("it is no text")
    return value


def flag(value: Any) -> bool:
    """Check a truth value."""
    if type(value) is not bool:
        raise MalformedError("it is neither true nor false")
    return value


def natural(value: Any) -> int:
    """Check a whole number of 0 or more, below 2**63."""
    if type(value) is not int or not 0 <= value < LARGEST:
        raise MalformedError("it is no whole number from 0 to 2**63")
    return value


def integer(value: Any) -> int:
    """Check a whole number of less than 2**63 on both sides of 0, as a time before 1970."""
    return -natural(-value) if type(value) is int and value < 0 else natural(value)


def number(value: Any) -> float:
    """Check a finite number of 0 or more, below 2**63."""
    if type(value) not in (int, float) or not 0 <= value < LARGEST:
        raise MalformedError("it is no number from 0 to 2**63")
    return float(value)


def is_sha256(value: Any) -> bool:
    """Whether a value is a SHA-256."""
    return type(value) is str and _SHA256.fullmatch(value) is not None


def sha256(value: Any) -> str:
    """Check a SHA-256: 64 lower-case hex digits."""
    if not is_sha256(value):
        raise MalformedError(f"'{printable(value)[:80]}' is no SHA-256, which has 64 hex digits")
    return str(value)


def relative_path(value: Any) -> str:
    """Check a clean relative path, which stays below where it starts; it may be in any encoding."""
    try:
        path = os.fsencode(value) if type(value) is str else b""
    except UnicodeEncodeError:
        path = b""
    is_long = len(path) > SEGMENT and (
        len(path) > _PATH or max(map(len, path.split(b"/"))) > SEGMENT
    )
    if _UNCLEAN.search(path) or is_long:
        raise MalformedError(f"'{printable(value)[:80]}' is no clean relative path")
    return str(value)


def name(value: Any) -> str:
    """Check the name of an entry: a clean path without control characters, written as UTF-8."""
    if not is_name(value):
        raise MalformedError(f"'{printable(value)[:80]}' is no name of an entry")
    return str(value)


def is_name(value: Any) -> bool:
    """Whether a value is the name of an entry."""
    try:
        found = relative_path(value)
    except MalformedError:
        return False
    segments = found.split("/")
    return (
        not _CONTROL.search(found) and RESERVED_SEGMENT not in segments and len(segments) <= LEVELS
    )


def project(value: Any) -> str:
    """Check the name of a project: a name of one segment."""
    if not is_project(value):
        raise MalformedError(f"'{printable(value)[:80]}' is no name of a project")
    return str(value)


def is_project(value: Any) -> bool:
    """Whether a value is the name of a project."""
    return is_name(value) and "/" not in value


def printable(value: object) -> str:
    """A value as a text that means nothing to a terminal but its own characters."""
    found = str(value)
    if found.isprintable():
        return found
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in found
    )
