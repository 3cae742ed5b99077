"""What a query names, into the store and out of it: entries, validated databases, views."""

from __future__ import annotations

import os
from pathlib import Path

from snakemake_storage_plugin_seqstore import views
from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.collections.payload import stored
from snakemake_storage_plugin_seqstore.errors import InputError, QueryError, StoreError
from snakemake_storage_plugin_seqstore.query import SCHEME, Query
from snakemake_storage_plugin_seqstore.store import (
    Entry,
    Materialisation,
    Store,
    Version,
    materialise,
)


def find(store: Store, query: Query) -> Entry | None:
    """The entry that a query names, or derives from; None if the store does not have it whole."""
    return store.find(query.collection, query.name, query.pin)


def existing(store: Store, query: Query) -> Entry:
    """The entry that a query names, or derives from.

    Raises
    ------
    StoreError
        If the store does not have it.
    """
    entry = find(store, query)
    if entry is None:
        raise missing(store, query)
    return entry


def missing(store: Store, query: Query) -> StoreError:
    """The error that says that a store does not have what a query names."""
    return StoreError(f"{query} is not in the store {store.root}", "`seqstore ls` shows what is")


def publish(store: Store, query: Query, source: Path) -> Entry:
    """Publish a file or directory, after checking that it is what its collection holds.

    Raises
    ------
    SeqstoreError
        If the query is a view, `source` does not exist or is not what the collection holds, or the
        store cannot be written. Nothing changes then.
    """
    check(query, source)
    return store.publish(query.collection, query.name, source)


def check(query: Query, source: Path) -> None:
    """Check that a file or directory is what the collection of a query holds.

    Raises
    ------
    SeqstoreError
        If it is not, does not exist, or the query is a view.
    """
    if query.view:
        raise QueryError(
            f"{query} is a view, which is derived from what is stored and cannot be written",
            f"write to {SCHEME}{query.collection}/{query.name}",
        )
    if not os.path.exists(source):
        raise InputError(f"{source}, to be published as {query}, does not exist")
    REGISTRY[query.collection].validate(source, query.name)


def retrieve(
    store: Store,
    query: Query,
    target: Path,
    how: Materialisation = Materialisation.COPY,
    verify: bool = False,
) -> None:
    """Make `target` a local copy of what a query names, whole or not at all.

    Parameters
    ----------
    how : Materialisation
        How the copy of an entry is made; a view is always written.
    verify : bool
        Whether all bytes of the entry are compared with their SHA-256 first.
    """
    bring(store, existing(store, query), query, target, how, verify)


def bring(
    store: Store,
    entry: Entry,
    query: Query,
    target: Path,
    how: Materialisation = Materialisation.COPY,
    verify: bool = False,
) -> None:
    """Make `target` a local copy of an entry, or of the view of it that a query asks for.

    See :func:`retrieve`.
    """
    if verify:
        store.verify(entry.version, query)
    if query.is_derived:
        views.write(query, stored(store, entry), target)
        os.utime(target, ns=(entry.time, entry.time))
    else:
        materialise(store, entry, target, how)


def size(store: Store, entry: Entry, query: Query) -> int:
    """Size in bytes of an entry, or of a view of it; 0 for a directory, as Snakemake has it."""
    version = entry.version
    if query.is_derived:
        return views.size(query, stored(store, entry))
    return version.size if version.kind == "file" else 0


def checksum(version: Version, query: Query) -> str:
    """SHA-256, in hex, of the content; of a directory or view, of what determines it."""
    return views.checksum(query, version.digest) if query.is_derived else version.digest
