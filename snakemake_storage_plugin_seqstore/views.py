"""Views: read-only forms that are derived from an entry when they are needed.

What a view may be and how it is written is said by the collection of its entry.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any, BinaryIO, cast

from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.collections.collection import Views
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.errors import InputError, QueryError
from snakemake_storage_plugin_seqstore.query import FORMAT, Query


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
        _views(query).check(query.name, _params(query), query.format or "")
    except QueryError as error:
        raise QueryError(f"query '{query}': {error}") from None


def checksum(query: Query, digest: str) -> str:
    """SHA-256 that stands for a view: of the entry's content and the view, nothing else."""
    version = _views(query).version
    identity = ["view", version, digest, query.format, sorted(query.params.items())]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def write(query: Query, payload: Payload, target: Path | BinaryIO) -> None:
    """Write the view of an entry.

    Raises
    ------
    SeqstoreError
        If the entry has not what the view asks for; it names the query.
    """
    try:
        _views(query).write(payload, _params(query), query.format or "", target)
    except (QueryError, InputError) as error:
        raise QueryError(f"query '{query}': {error}") from error


def size(query: Query, payload: Payload) -> int:
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


def _views(query: Query) -> Views:
    views = REGISTRY[query.collection].views
    if views is None:
        raise QueryError(f"query '{query}': there are no views of {query.collection}")
    return views


def _params(query: Query) -> dict[str, str]:
    params = query.params
    params.pop(FORMAT, None)
    return params
