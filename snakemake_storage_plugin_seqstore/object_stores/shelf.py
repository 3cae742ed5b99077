"""Objects under ids, in memory or in a store on disk: what TrackStore and GenomeStore are made of.

On disk an object is a file ``<collection>/<id>/<name>``, an entry as any other: Snakemake can use
it, and what Snakemake published can be had by its id.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.collections.payload import Payload, stored
from snakemake_storage_plugin_seqstore.errors import (
    InputError,
    QueryError,
    SeqstoreError,
    StoreError,
)
from snakemake_storage_plugin_seqstore.provenance import (
    NotCanonical,
    Provenance,
    content_id,
    result_id,
    tagged,
    untagged,
)
from snakemake_storage_plugin_seqstore.query import SCHEME, Query
from snakemake_storage_plugin_seqstore.store import Entry, Record, Store, Version

T = TypeVar("T")
_LONGEST_STEM = 200  # bytes; the name of a file has 255 at most


@dataclass(frozen=True)
class Kept(Generic[T]):
    """An object, and what is known of it.

    Parameters
    ----------
    id : str
        Its UUID.
    open : callable
        Returns the object itself.
    created_at : datetime
        Since when it is there.
    provenance : Provenance, optional
        How it was made, None for source data.
    content : str
        On disk, the id of the content of its file, however it was made; in memory its UUID.
    name : str
        What the file is called; empty in memory.
    """

    id: str
    open: Callable[[], T]
    created_at: datetime
    provenance: Provenance | None = None
    content: str = ""
    name: str = ""

    @cached_property
    def item(self) -> T:
        """The object itself, which is opened when it is first asked for."""
        return self.open()


class Shelf(Protocol[T]):
    """Where objects are kept."""

    def put(self, item: T, provenance: Provenance | None = None) -> str:
        """Keep an object, unless what was made alike is kept already; return its id."""

    def made(self, provenance: Provenance) -> str | None:
        """Return the id of what was made like this, None if nothing was."""

    def get(self, item_id: str) -> Kept[T] | None:
        """Return an object, None if there is none of this id."""

    def delete(self, item_id: str) -> bool:
        """Forget an object; say whether it was there."""

    def list_all(self) -> list[Kept[T]]:
        """Return all objects in order of creation."""

    def find(self, query: str) -> str | None:
        """Return the id of what a name means, None if it means nothing."""

    def assign(self, item_id: str, query: str) -> str:
        """Let a name mean an object; return its query."""


class InMemory(Generic[T]):
    """Objects in memory, which have no names. Their ids are random."""

    def __init__(self) -> None:
        self._items: dict[str, Kept[T]] = {}
        self._made: dict[str, str] = {}

    def put(self, item: T, provenance: Provenance | None = None) -> str:
        """Keep an object, unless what was made alike is kept already; return its id."""
        key = _key(provenance)
        if key and key in self._made:
            return self._made[key]
        item_id = str(uuid.uuid4())
        now = datetime.now(UTC)
        self._items[item_id] = Kept(item_id, lambda: item, now, provenance, item_id)
        if key:
            self._made[key] = item_id
        return item_id

    def made(self, provenance: Provenance) -> str | None:
        """Return the id of what was made like this, None if nothing was."""
        return self._made.get(_key(provenance) or "")

    def get(self, item_id: str) -> Kept[T] | None:
        """Return an object, None if there is none of this id."""
        return self._items.get(item_id)

    def delete(self, item_id: str) -> bool:
        """Forget an object and how it was made; say whether it was there."""
        if self._items.pop(item_id, None) is None:
            return False
        self._made = {key: other for key, other in self._made.items() if other != item_id}
        return True

    def list_all(self) -> list[Kept[T]]:
        """Return all objects in order of creation."""
        return list(self._items.values())

    def find(self, query: str) -> str | None:
        """Return None: nothing in memory has a name."""
        return None

    def assign(self, item_id: str, query: str) -> str:
        """Refuse: nothing in memory has a name."""
        raise InputError("objects in memory have no names", "give the store a root")


class Codec(Protocol[T]):
    """How objects of one kind become files and come back."""

    collection: str

    def holds(self, name: str) -> bool:
        """Whether an entry of this name is an object; it might be an index of one."""

    def write(self, item: T, directory: Path) -> tuple[Path, str, str]:
        """Return a sound file of the object, what it is called, and the suffix of its format.

        The file is in the directory that is given, or it is where the object came from.
        """

    def extras(self, item: T, path: Path) -> Mapping[str, Any]:
        """Return what the file does not say of the object, as canonical values."""

    def read(self, payload: Payload, extras: Mapping[str, Any]) -> T:
        """Return the object of a file."""


class OnDisk(Generic[T]):
    """Objects in a store. Their ids follow from what they are, or from how they were made.

    Parameters
    ----------
    root : path
        Root of the store.
    codec : Codec
        How they become files.
    """

    def __init__(self, root: str | os.PathLike[str], codec: Codec[T]) -> None:
        self.store = Store(root)
        self._codec = codec
        self._collection = codec.collection

    def put(self, item: T, provenance: Provenance | None = None) -> str:
        """Keep an object, unless what is or was made alike is kept already; return its id."""
        key = _key(provenance)
        if key and self._is_made(key):
            return result_id(key)
        began = time.monotonic()  # a signal is computed when it is written
        with tempfile.TemporaryDirectory() as directory:
            path, stem, suffix = self._codec.write(item, Path(directory))
            extras = self._codec.extras(item, path)
            version = self.store.add(path)
        name = f"{_safe(stem)}{suffix}"
        if not key and extras:
            # Said beside its content, it is another object than the content alone.
            source = content_id(version.kind, version.digest)
            key = Provenance("imported", (source,), tuple(sorted(extras.items()))).digest()
        item_id = result_id(key) if key else content_id(version.kind, version.digest)
        if self._put_entry(item_id):
            return item_id
        if key:
            seconds = time.monotonic() - began
            self.store.add_record(_record(key, name, version, provenance, extras, seconds))
        self.store.assign(self._collection, f"{item_id}/{name}", version, key)
        return item_id

    def made(self, provenance: Provenance) -> str | None:
        """Return the id of what was made like this, by whomever; None if nothing was.

        What a rule made has its id even if the rule's name for it means something else by now.
        """
        key = _key(provenance)
        if not key:
            return None
        item_id = result_id(key)
        if self._put_entry(item_id):
            return item_id
        for record in self.store.find_records(key):
            if record.stored[:1] == (True,) and self.store.has_payload(record.outputs[0]):
                name = record.names[0].rpartition("/")[2]
                name = f"{provenance.operation}{name}" if name.startswith(".") else name
                if self._codec.holds(name):
                    self.store.renew(record.outputs[0])
                    self.store.assign(self._collection, f"{item_id}/{name}", record.outputs[0], key)
                    return item_id
        return None

    def get(self, item_id: str) -> Kept[T] | None:
        """Return an object, None if there is none of this id."""
        entry = self._entry(item_id)
        return self._kept(item_id, entry) if entry else None

    def delete(self, item_id: str) -> bool:
        """Take all names from an object; `gc` clears its bytes later. Say whether it was there."""
        names = [entry.name for found, entry in self._entries() if found == item_id]
        return any([self.store.remove(self._collection, name) for name in names])

    def list_all(self) -> list[Kept[T]]:
        """Return all objects in order of creation."""
        first: dict[str, Entry] = {}
        for item_id, entry in self._entries():
            if item_id not in first or entry.time < first[item_id].time:
                first[item_id] = entry
        in_order = sorted(first.items(), key=lambda pair: pair[1].time)
        return [self._kept(item_id, entry) for item_id, entry in in_order]

    def find(self, query: str) -> str | None:
        """Return the id of what a name means, None if it means nothing.

        Parameters
        ----------
        query : str
            With or without ``seqstore://``; it may be pinned to one version.

        Raises
        ------
        QueryError
            If it is no query of this collection, or a view.
        """
        parsed = self._parse(query)
        entry = self.store.find(parsed.collection, parsed.name, parsed.pin)
        return self._id(entry) if entry else None

    def assign(self, item_id: str, query: str) -> str:
        """Let a name mean an object; return its query.

        Raises
        ------
        QueryError
            If it can be no name of an object of this collection.
        SeqstoreError
            If there is no such object, or its file is not what the suffix of the name says.
        """
        parsed = self._parse(query)
        entry = self._entry(item_id)
        if parsed.view or entry is None:
            what = f"{parsed} is a view" if parsed.view else f"there is no object {item_id!r}"
            raise QueryError(f"{what} in {self._collection}")
        REGISTRY[self._collection].validate(
            self.store.objects.path(entry.version.digest), parsed.name
        )
        key = self.store.names.key(entry.collection, entry.name)
        now = self.store.find(self._collection, parsed.name)
        known = now and (now.version, self.store.names.key(now.collection, now.name))
        if known != (entry.version, key):
            self.store.assign(self._collection, parsed.name, entry.version, key)
        return str(parsed)

    def _parse(self, query: str) -> Query:
        parsed = Query.parse(query if query.startswith(SCHEME) else SCHEME + query)
        if parsed.collection != self._collection or parsed.is_derived or not parsed.is_concrete:
            raise QueryError(
                f"query '{parsed}' names no object of {self._collection}",
                f"e.g. {self._collection}/name",
            )
        return parsed

    def _is_made(self, key: str) -> bool:
        """Whether what was made like this is there, under whichever name."""
        item_id = result_id(key)
        if self._put_entry(item_id):
            return True
        return bool(self.store.find_records(key)) and self._entry(item_id) is not None

    def _entry(self, item_id: str) -> Entry | None:
        """An entry of an object: the one that was put under its id, else one of another name."""
        return self._put_entry(item_id) or next(
            (entry for found, entry in self._entries() if found == item_id), None
        )

    def _put_entry(self, item_id: str) -> Entry | None:
        for name in self.store.under(self._collection, f"{item_id}/"):
            entry = self.store.find(self._collection, name)
            if entry and self._id(entry) == item_id:
                return entry
        return None

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        for name in self.store.under(self._collection):
            entry = self.store.find(self._collection, name) if self._codec.holds(name) else None
            if entry and entry.version.kind == "file":
                yield self._id(entry), entry

    def _id(self, entry: Entry) -> str:
        key = self.store.names.key(entry.collection, entry.name)
        return result_id(key) if key else entry.id

    def _kept(self, item_id: str, entry: Entry) -> Kept[T]:
        key = self.store.names.key(entry.collection, entry.name)
        record = next(iter(self.store.find_records(key)), None) if key else None
        parts = record.provenance if record else {}
        provenance = untagged(parts["made"]) if "made" in parts else None
        extras = untagged(parts["extras"]) if "extras" in parts else {}

        def open() -> T:
            try:
                return self._codec.read(stored(self.store, entry), extras)
            except SeqstoreError as error:
                raise StoreError(
                    f"{entry.collection}/{entry.name} in the store {self.store.root} cannot be "
                    f"opened: {error}"
                ) from error

        created = datetime.fromtimestamp(entry.time / 10**9, UTC)
        made = Provenance(*provenance) if provenance else None
        return Kept(item_id, open, created, made, entry.id, entry.name)


def _record(
    key: str,
    name: str,
    version: Version,
    provenance: Provenance | None,
    extras: Mapping[str, Any],
    seconds: float,
) -> Record:
    parts = {"outputs": tagged((((name, ""),), ())), "extras": tagged(dict(extras))}
    about: dict[str, Any] = {"when": datetime.now(UTC).isoformat(timespec="seconds")}
    if provenance:
        parts |= provenance.parts()
        about["inputs"] = list(provenance.input_ids)
        about["params"] = {name: str(value) for name, value in provenance.params}
    rule = provenance.operation if provenance else "imported"
    return Record(key, (version,), (True,), parts, seconds, rule, about=about)


def _key(provenance: Provenance | None) -> str | None:
    """The digest of how something was made; None if it is unknown, or cannot be compared."""
    if provenance is None:
        return None
    try:
        return provenance.digest()
    except NotCanonical:
        return None


def _safe(stem: str) -> str:
    """Make a part of a name that may stand in a query."""
    safe = "".join(c if c.isprintable() and c not in "/?{}" else "_" for c in stem)
    return safe.encode()[:_LONGEST_STEM].decode(errors="ignore")
