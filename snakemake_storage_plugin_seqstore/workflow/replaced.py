"""Names that are made of others by replacing a part: ``$(echo {input} | sed s/_R1/_R2/)``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

_SEPARATOR = "\x1f"  # in no source
_SUBSTITUTED = re.compile(r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`")
_REPLACEMENT = re.compile(r"(?<!\w)s([/|,#:!@~\x1f])((?:(?!\1)[^\n])+)\1((?:(?!\1)[^\n])*)\1")


def replacement(old: str, new: str) -> str:
    """What stands for ``path.replace(old, new)`` among the strings of a source."""
    return _SEPARATOR.join(("s", old, new, ""))


def replaces(text: str) -> bool:
    """Whether a command or a string makes a name of another one."""
    return any(_replacements(text))


def files(text: str, paths: Iterable[str]) -> list[str]:
    """Existing files whose names a command or a string may make of some paths."""
    replacements = list(_replacements(text))
    found = {
        name
        for path in (paths if replacements else ())
        for old, new in replacements
        for name in _made(path, old, new)
        if name != path and os.path.isfile(name)
    }
    return sorted(found)


def _replacements(text: str) -> Iterator[tuple[str, str]]:
    """What is replaced, and by what: in a command only where what it prints becomes a word."""
    for part in [text] if text.startswith(f"s{_SEPARATOR}") else _SUBSTITUTED.findall(text):
        yield from ((old, new) for _, old, new in _REPLACEMENT.findall(part))


def _made(path: str, old: str, new: str) -> Iterator[str]:
    yield path.replace(old, new)
    with suppress(re.error, IndexError):  # a pattern of another kind than Python's
        yield re.sub(old, new, path)
