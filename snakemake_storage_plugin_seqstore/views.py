"""Views: read-only forms that are derived from an entry when they are needed.

One entry in ``_RENDERERS`` a collection. The modules that render are imported when they are used.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any, BinaryIO, cast

from snakemake_storage_plugin_seqstore.errors import QueryError
from snakemake_storage_plugin_seqstore.query import FORMAT, Query
from snakemake_storage_plugin_seqstore.sequences.selection import FORMATS, Selection

VERSION = 1  # to be raised when the bytes of a view change


def check(query: Query) -> None:
    """Check the parameters of a view whose wildcards are known.

    Raises
    ------
    QueryError
        Naming the query, the parameter and what is allowed.
    """
    if not (query.is_derived and query.is_concrete):
        return
    try:
        _selection(query)
        if query.format not in FORMATS:
            raise QueryError(f"unknown format '{query.format}'", f"allowed: {', '.join(FORMATS)}")
    except QueryError as error:
        raise QueryError(f"query '{query}': {error}") from None


def checksum(query: Query, digest: str) -> str:
    """SHA-256 that stands for a view: of the entry's content and the view, nothing else."""
    identity = ["view", VERSION, digest, query.format, sorted(query.params.items())]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def write(query: Query, payload: Path, target: Path | BinaryIO) -> None:
    """Write the view of an entry whose payload is at `payload`."""
    from snakemake_storage_plugin_seqstore.sequences.views import write_view

    write_view(payload, _selection(query), query.format or "", target)


def size(query: Query, payload: Path) -> int:
    """Size of a view in bytes, found by writing it to nowhere."""
    counter = _Counter()
    write(query, payload, cast(BinaryIO, counter))
    return counter.count


class _Counter(io.BufferedIOBase):
    """A file that only counts what is written to it."""

    def __init__(self) -> None:
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        written = memoryview(content).nbytes
        self.count += written
        return written


def _selection(query: Query) -> Selection:
    params = query.params
    params.pop(FORMAT, None)
    return Selection.parse(params)
