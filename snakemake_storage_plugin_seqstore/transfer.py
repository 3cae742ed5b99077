"""What a query names, into the store and out of it: entries, validated databases, views."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

from snakemake_storage_plugin_seqstore import views
from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.collections.payload import stored
from snakemake_storage_plugin_seqstore.errors import (
    DamageError,
    InputError,
    QueryError,
    StoreError,
)
from snakemake_storage_plugin_seqstore.query import SCHEME, Query
from snakemake_storage_plugin_seqstore.store import (
    Entry,
    Materialisation,
    Store,
    Version,
    materialise,
    way,
)

_SMALL = 1 << 16  # bytes; what is so small is always read in full before it is used
_SELDOM = 64  # of so many other uses, one begins with that

# Not the one that a workflow's own code may have given a seed.
_chance = random.SystemRandom()


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
    try:
        mode = os.stat(source).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{source}, to be published as {query}, does not exist") from None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(
            f"{source}, to be published as {query}, is neither a file nor a directory",
            "write what a pipe or device gives to a file first",
        )
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

    See :func:`retrieve`. All bytes are compared with their SHA-256 once in a while, too.
    """
    if query.is_derived:
        if verify or _is_due(entry):
            store.verify(entry.version, query)
        views.write(query, stored(store, entry), target)
        os.utime(target, ns=(entry.time, entry.time))
        return
    how = way(store, target.parent, how)
    if how is Materialisation.REFLINK and entry.version.size <= _SMALL:
        how = Materialisation.COPY
    # What is copied is compared in any case.
    if how is not Materialisation.COPY and (verify or _is_due(entry)):
        store.verify(entry.version, query)
    try:
        materialise(store, entry, target, how)
    except DamageError:
        store.verify(entry.version, query)  # sets it aside
        raise


def _is_due(entry: Entry) -> bool:
    return entry.version.size <= _SMALL or _chance.randrange(_SELDOM) == 0


def size(store: Store, entry: Entry, query: Query) -> int:
    """Size in bytes of an entry, or of a view of it; 0 for a directory, as Snakemake has it."""
    version = entry.version
    if query.is_derived:
        return views.size(query, stored(store, entry))
    return version.size if version.kind == "file" else 0


def checksum(version: Version, query: Query) -> str:
    """SHA-256, in hex, of the content; of a directory or view, of what determines it."""
    return views.checksum(query, version.digest) if query.is_derived else version.digest
