"""What the in-memory stores have in common: items by id, found again by how they were made."""

from __future__ import annotations

import uuid
from typing import Generic, TypeVar

from snakemake_storage_plugin_seqstore.provenance import NotCanonical, Provenance

T = TypeVar("T")


class Shelf(Generic[T]):
    """Items under new ids, in order of creation."""

    def __init__(self) -> None:
        self._items: dict[str, T] = {}
        self._made: dict[str, str] = {}

    def find(self, provenance: Provenance | None) -> str | None:
        """Return the id of what was made like this; None if nothing was, or if that is unsure."""
        return self._made.get(_key(provenance))

    def new_id(self) -> str:
        """Return a new UUID."""
        return str(uuid.uuid4())

    def add(self, item_id: str, item: T, provenance: Provenance | None = None) -> None:
        """Keep an item."""
        self._items[item_id] = item
        if key := _key(provenance):
            self._made[key] = item_id

    def get(self, item_id: str) -> T | None:
        """Return an item, None if there is none of this id."""
        return self._items.get(item_id)

    def delete(self, item_id: str) -> bool:
        """Forget an item and how it was made; say whether it was there."""
        if item_id not in self._items:
            return False
        del self._items[item_id]
        self._made = {key: other for key, other in self._made.items() if other != item_id}
        return True

    def list_all(self) -> list[T]:
        """Return all items in order of creation."""
        return list(self._items.values())


def _key(provenance: Provenance | None) -> str:
    if provenance is None:
        return ""
    try:
        return provenance.digest()
    except NotCanonical:
        return ""  # in doubt, it was made differently
