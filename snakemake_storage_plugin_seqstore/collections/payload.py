"""A payload, and what is found out about it once and kept in its store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.provenance import canonical, tagged
from snakemake_storage_plugin_seqstore.store import Entry, Record, Store

_LARGEST = 8 << 20  # bytes; a store reads no records that are much larger

Keep = Callable[[str, Callable[[], Any]], Any]


def _find(what: str, find: Callable[[], Any]) -> Any:
    return find()


@dataclass(frozen=True)
class Payload:
    """A file that an entry consists of.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name of the entry; its suffix says the format, which that of the file does not.
    keep : callable
        Gives what is known of the file: what it is called, with its version, and how to find it
        out where it is not known yet. It must be plain JSON and follow from the bytes alone.
    """

    path: Path
    name: str
    keep: Keep = _find


def stored(store: Store, entry: Entry) -> Payload:
    """Return the payload of an entry; what is found out about it is kept beside the records."""
    digest = entry.version.digest

    def keep(what: str, find: Callable[[], Any]) -> Any:
        identity = canonical(("known", what, digest))
        key = hashlib.sha256(identity.encode()).hexdigest()
        record = next(iter(store.find_records(key)), None)
        if record:
            return record.provenance["known"]
        known = find()
        if len(json.dumps(known)) > _LARGEST:
            return known
        provenance = {"outputs": tagged(((), ())), "known": known}
        with suppress(StoreError):  # it may be somebody else's store, and is found out again then
            store.add_record(Record(key, (), (), provenance, 0.0, what))
        return known

    return Payload(store.objects.path(digest), entry.name, keep)
