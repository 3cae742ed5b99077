"""Files in their own places: what a path of an ordinary workflow is to the default provider."""

from __future__ import annotations

import os
import re

from snakemake_storage_plugin_seqstore.query import Query

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f?]")


def query_of(query: str, prefix: str) -> str:
    """The query of a path that Snakemake gives to its default provider behind a prefix.

    That is the path itself, so that Snakemake's metadata are those of an ordinary run.
    """
    return query.removeprefix(prefix)


def is_path(query: str) -> bool:
    """Whether a query is a path in its own place, not that of an entry of a store."""
    return bool(query) and "://" not in query


def named(path: str) -> Query:
    """The entry of the store under which a file of a workflow is listed."""
    segments = os.path.normpath(path).strip("/").split("/")
    plain = ("%40" if part == "@" else "parent" if part == ".." else part for part in segments)
    name = _UNPRINTABLE.sub(lambda match: f"%{ord(match.group()):02X}", "/".join(plain))
    return Query("files", name)
