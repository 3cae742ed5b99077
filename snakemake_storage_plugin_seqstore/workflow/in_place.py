"""Files in their own places: what a path of an ordinary workflow is to the default provider."""

from __future__ import annotations

import os
import re

from snakemake_storage_plugin_seqstore.query import Query

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff?%]")
_ESCAPES = {"..": "%2E%2E", "@": "%40"}


def is_path(query: str) -> bool:
    """Whether a query is a path in its own place, not that of an entry of a store."""
    return bool(query) and "://" not in query


def named(path: str) -> Query:
    """The entry of the store under which a file of a workflow is listed: its path.

    What a name cannot have is escaped: ``%2Ftmp/a`` is ``/tmp/a``, and ``%2E%2E/a`` is ``../a``.
    """
    whole = os.path.normpath(path)
    start = "/" * (len(whole) - len(whole.lstrip("/")))
    segments = whole.removeprefix(start).split("/")
    escaped = [_ESCAPES.get(part) or _UNFIT.sub(_escaped, part) for part in segments]
    return Query("files", start.replace("/", "%2F") + "/".join(escaped))


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(match.group()))
