"""The environment variables that a command or code names, and what counts of all of them."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable
from functools import lru_cache

from snakemake_storage_plugin_seqstore.workflow.mentions import values_of, words

_NAME = re.compile(r"[A-Za-z_]\w*")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
# Where a job may write temporary files, and how many threads it has, is not part of what it does.
_UNCOUNTED = re.compile(r"TMPDIR|TMP|TEMP|PWD|OLDPWD|_|SHLVL|\w+_NUM_THREADS|SLURM_\w+")
_LOCALE = ("LC_COLLATE", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_MESSAGES")
_PLAIN_LOCALES = ("", "C", "POSIX", "C.UTF-8", "C.utf8")


def named(text: str) -> set[str]:
    """Names of the environment variables that a command may read: ``$NAME``, ``printenv NAME``."""
    named, possible = _in(text)
    return {*named, *(name for name in possible if name in os.environ)}


@lru_cache
def _in(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names behind a ``$``, and words that may be names."""
    found = {*words(text), *_NAME.findall(text)}
    exported = {f"BASH_FUNC_{word}%%" for word in found}  # by `export -f`
    named = filter(_is_counted, _VARIABLE.findall(text))
    return frozenset(named), frozenset(filter(_is_counted, found | exported))


def _is_counted(name: str) -> bool:
    return not _UNCOUNTED.fullmatch(name)


def among(names: Iterable[str]) -> set[str]:
    """Names of the environment variables among some words."""
    return {name for name in names if name in os.environ and _is_counted(name)}


def locale() -> str:
    """The locale in effect and the time zone.

    The order of sorted lines depends on it, and, where it says UTF-8, what a character is.
    """
    values = {name: os.environ.get(name, "") for name in ("LC_ALL", "LANG", *_LOCALE)}
    effective = {name: values["LC_ALL"] or values[name] or values["LANG"] for name in _LOCALE}
    plain = ["C" if value in _PLAIN_LOCALES else value for value in effective.values()]
    is_utf8 = effective["LC_CTYPE"].lower().endswith(("utf-8", "utf8"))
    return " ".join([*plain, "UTF-8" if is_utf8 else "-", *time.tzname, str(time.timezone)])


@lru_cache
def salted(name: str, value: str) -> str:
    """A digest of a variable's value from which the value is not found again by a table."""
    return hashlib.pbkdf2_hmac("sha256", value.encode(), f"seqstore {name}".encode(), 10_000).hex()


def words_in_values(text: str) -> set[str]:
    """Words in the values of the environment variables that a text names as ``$NAME``."""
    named, _ = _in(text)
    return {word for name in named for word in values_of(os.environ.get(name, ""))}
