"""The in-memory store of tracks: the same computation is kept once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from snakemake_storage_plugin_seqstore.in_memory import Shelf
from snakemake_storage_plugin_seqstore.provenance import Provenance
from snakemake_storage_plugin_seqstore.tracks.track import Track


@dataclass(frozen=True)
class StoredTrack:
    """A track in a store.

    Parameters
    ----------
    id : str
        UUID of the track in its store.
    track : Track
        The track itself.
    track_type : str
        ``interval``, ``signal`` or ``table``.
    chroms : dict of str to int
        Chromosomes and their lengths in bp.
    created_at : datetime, optional
        When it was put into the store.
    provenance : Provenance, optional
        How it was made, None for source data.
    temp_file : object, optional
        Whatever the track reads from; kept as long as the track is.
    """

    id: str
    track: Track
    track_type: str
    chroms: dict[str, int]
    created_at: datetime | None = None
    provenance: Provenance | None = None
    temp_file: Any = None


class TrackStore:
    """Tracks in memory, found again by how they were made.

    Examples
    --------
    >>> from snakemake_storage_plugin_seqstore import IntervalTrack, TrackLabel
    >>> store = TrackStore()
    >>> tid = store.put(IntervalTrack(TrackLabel("t"), []))
    >>> len(store.list_all())
    1
    """

    def __init__(self) -> None:
        self._shelf: Shelf[StoredTrack] = Shelf()

    def put(
        self,
        track: Track,
        *,
        chroms: dict[str, int] | None = None,
        provenance: Provenance | None = None,
        temp_file: Any = None,
    ) -> str:
        """Keep a track, unless one of the same provenance is kept already.

        Parameters
        ----------
        track : Track
            The track.
        chroms : dict of str to int, optional
            Chromosomes and their lengths in bp.
        provenance : Provenance, optional
            How it was made. Without it, or if its parameters cannot be compared, the track is new.
        temp_file : object, optional
            Whatever the track reads from; kept as long as the track is.

        Returns
        -------
        str
            UUID of the track, or of the one that was made in the same way.
        """
        if found := self._shelf.find(provenance):
            return found
        track_id = self._shelf.new_id()
        stored = StoredTrack(
            track_id,
            track,
            str(getattr(track, "track_type", "track")),
            dict(chroms or {}),
            datetime.now(UTC),
            provenance,
            temp_file,
        )
        self._shelf.add(track_id, stored, provenance)
        return track_id

    def get(self, track_id: str) -> StoredTrack | None:
        """Return a track, None if there is none of this id."""
        return self._shelf.get(track_id)

    def delete(self, track_id: str) -> bool:
        """Forget a track; say whether it was there."""
        return self._shelf.delete(track_id)

    def list_all(self) -> list[StoredTrack]:
        """Return all tracks in order of creation."""
        return self._shelf.list_all()
