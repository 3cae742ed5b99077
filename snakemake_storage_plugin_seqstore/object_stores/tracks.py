"""The store of tracks, in memory or in a store on disk: the same computation is kept once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.collections.tracks import COLLECTION
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.object_stores.shelf import InMemory, Kept, OnDisk, Shelf
from snakemake_storage_plugin_seqstore.provenance import Provenance, content_id
from snakemake_storage_plugin_seqstore.tracks import formats
from snakemake_storage_plugin_seqstore.tracks.track import Track

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.tracks.operations import Input


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


@dataclass(frozen=True)
class _Item:
    """A track with what it is put with."""

    track: Any
    chroms: Mapping[str, int]
    temp_file: Any = None
    format: str = ""


class TrackStore:
    """Tracks in memory, or in a store on disk, found again by how they were made.

    On disk a track that came from a file is that file. Others become bigWig (signals, whose values
    are single precision there), regions in lines of JSON (intervals, with all tags), or a JSON
    table. Ids follow from content or provenance there: what is put or computed twice is there once,
    and everybody finds it under the same id, Snakemake too.

    Parameters
    ----------
    root : path, optional
        Root of a store; in memory by default.

    Examples
    --------
    >>> from snakemake_storage_plugin_seqstore import IntervalTrack, TrackLabel
    >>> store = TrackStore()
    >>> tid = store.put(IntervalTrack(TrackLabel("t"), []))
    >>> len(store.list_all())
    1
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self._root = root
        self._shelf: Shelf[_Item] = InMemory() if root is None else OnDisk(root, _Codec())

    def put(
        self,
        track: Track,
        *,
        chroms: dict[str, int] | None = None,
        provenance: Provenance | None = None,
        temp_file: Any = None,
    ) -> str:
        """Keep a track, unless one of the same provenance, or on disk content, is kept already.

        Parameters
        ----------
        track : Track
            The track.
        chroms : dict of str to int, optional
            Chromosomes and their lengths in bp; what the track says if they are left out.
        provenance : Provenance, optional
            How it was made. Without it, or if its parameters cannot be compared, the track is new.
        temp_file : object, optional
            Whatever the track reads from; in memory kept as long as the track is.

        Returns
        -------
        str
            UUID of the track, or of the one that was made in the same way.

        Raises
        ------
        SeqstoreError
            On disk, if the track is not sound, or the store cannot be written.
        """
        item = _Item(track, dict(chroms or _lengths(track)), temp_file)
        return self._shelf.put(item, provenance)

    def get(self, track_id: str) -> StoredTrack | None:
        """Return a track, None if there is none of this id."""
        kept = self._shelf.get(track_id)
        if kept is None:
            return None
        item = kept.item
        return StoredTrack(
            kept.id,
            item.track,
            _type(item.track),
            dict(item.chroms),
            kept.created_at,
            kept.provenance,
            item.temp_file,
        )

    def delete(self, track_id: str) -> bool:
        """Forget a track; say whether it was there."""
        return self._shelf.delete(track_id)

    def list_all(self) -> list[StoredTrack]:
        """Return all tracks in order of creation; those on disk are opened when they are used."""
        return [_Listed(kept) for kept in self._shelf.list_all()]

    def find(self, query: str) -> str | None:
        """Return the id of what a name on disk means, e.g. ``"tracks/s1/coverage.bw"``.

        Returns None if it means nothing.

        Raises
        ------
        QueryError
            If it is no query of a track, or a view.
        """
        return self._shelf.find(query)

    def assign(self, track_id: str, query: str) -> str:
        """Let a name on disk mean a track, e.g. ``"tracks/s1/log.bw"``; return its query.

        Raises
        ------
        SeqstoreError
            If there is no such track, or its format is not what the suffix of the name says.
        """
        return self._shelf.assign(track_id, query)

    def compute(
        self, operation: str, inputs: Sequence[Any], *, format: str = "", **params: Any
    ) -> str:
        """Return the id of what an operation makes; it is made only if nobody did so before.

        Parameters
        ----------
        operation : str
            Such as ``transform.log``; all are in ``tracks.operations.REGISTRY``.
        inputs : sequence
            In the order of the operation's inputs: ids of tracks; on disk also ids of genomes in
            the same store; or paths (`os.PathLike`) of files of alignments, genomes or tracks.
        format : str
            On disk, the format of the result, such as ``bed`` or ``bed.gz``; by default the one
            that keeps all.
        **params
            The operation's parameters; those that are left out have their defaults.

        Raises
        ------
        InputError
            If there is no such operation, input or parameter, or no such result.

        Examples
        --------
        >>> from snakemake_storage_plugin_seqstore import TableTrack, TrackLabel
        >>> store = TrackStore()
        >>> tid = store.put(TableTrack(TrackLabel("counts"), {"a": 7.0}))
        >>> logged = store.compute("transform.log", [tid], base=2, pseudocount=1)
        >>> store.get(logged).track.get("a")
        3.0
        >>> store.compute("transform.log", [tid], base=2.0, pseudocount=1) == logged
        True
        """
        from snakemake_storage_plugin_seqstore.tracks import operations
        from snakemake_storage_plugin_seqstore.tracks.operations.request import Request

        if format and self._root is None:
            raise InputError("tracks in memory have no format", "give the store a root")
        if format:
            formats.suffix_for(format)
        found = operations.find(operation)
        roles = found.roles(len(inputs))
        given = [self._input(one, role) for one, role in zip(inputs, roles, strict=True)]
        request = Request(found, params, tuple(one.format for one in given), format)
        made = request.provenance([one.content for one in given])
        if known := self._shelf.made(made):
            return known
        result = operations.run(operation, [one.open() for one in given], **params)
        return self._shelf.put(_Item(result, _lengths(result), None, format), made)

    def _input(self, given: Any, role: Input) -> _Input:
        from snakemake_storage_plugin_seqstore.object_stores.inputs import open_input
        from snakemake_storage_plugin_seqstore.tracks.operations.request import format_of_input

        if isinstance(given, os.PathLike):
            path = Path(given)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            return _Input(
                content_id("file", digest),
                format_of_input(path.name),
                lambda: open_input(path, role),
            )
        if not isinstance(given, str):
            raise InputError(
                f"an input of an operation is an id or a Path, not a {type(given).__name__}",
                "put it into the store: that gives its id",
            )
        if kept := self._shelf.get(given):
            return _Input(kept.content, format_of_input(kept.name), lambda: kept.item.track)
        if self._root is not None:
            from snakemake_storage_plugin_seqstore.object_stores.genomes import on_disk

            if genome := on_disk(self._root).get(given):
                return _Input(genome.content, "", lambda: genome.item)
        raise InputError(
            f"there is no track or genome {given!r} in the store",
            "inputs are ids; files are given as Path",
        )


class _Listed(StoredTrack):
    """A track in a store that is opened when it is used."""

    def __init__(self, kept: Kept[_Item]) -> None:
        object.__setattr__(self, "id", kept.id)
        object.__setattr__(self, "created_at", kept.created_at)
        object.__setattr__(self, "provenance", kept.provenance)
        object.__setattr__(self, "_kept", kept)

    @property
    def _item(self) -> _Item:
        kept: Kept[_Item] = self.__dict__["_kept"]
        return kept.item

    @property
    def track(self) -> Track:
        """The track itself."""
        found: Track = self._item.track
        return found

    @property
    def track_type(self) -> str:
        """``interval``, ``signal`` or ``table``; on disk its name says it."""
        name = self.__dict__["_kept"].name
        return formats.KINDS[formats.format_of(name)] if name else _type(self.track)

    @property
    def chroms(self) -> dict[str, int]:
        """Chromosomes and their lengths in bp."""
        return dict(self._item.chroms)

    @property
    def temp_file(self) -> Any:
        """Whatever the track reads from."""
        return self._item.temp_file


@dataclass(frozen=True)
class _Input:
    """An input of a computation: id of its content, format of its file, and how to open it."""

    content: str
    format: str
    open: Callable[[], Any]


def _type(track: Any) -> str:
    return str(getattr(track, "track_type", "track"))


class _Codec:
    """Tracks as files."""

    collection = COLLECTION.name

    def holds(self, name: str) -> bool:
        return name.lower().endswith(formats.all_suffixes())

    def write(self, item: _Item, directory: Path) -> tuple[Path, str, str]:
        from snakemake_storage_plugin_seqstore.tracks.text.regions import check_regions
        from snakemake_storage_plugin_seqstore.tracks.validation.files import validate
        from snakemake_storage_plugin_seqstore.tracks.writing import write

        kind = _type(item.track)
        if kind not in formats.COMPLETE:
            raise InputError(f"{type(item.track).__name__} is no track that a store can keep")
        origin = getattr(item.track, "origin", None)
        format, suffix = formats.COMPLETE[kind]
        if item.format:
            format, suffix = item.format.removesuffix(".gz"), formats.suffix_for(item.format)
        elif origin is not None:
            path = origin.check()
            validate(path, origin.format, thorough=False)
            return path, item.track.name, _suffix(path, origin.format)
        path = directory / f"track{suffix}"
        if kind == "interval":  # a bigWig, or a table, is checked while it is written
            for part in item.track.batched.parts():
                check_regions(f"track {item.track.name!r}", part)
        write(item.track, path, item.chroms or None, format)
        if kind == "interval" and format != "regions":
            validate(path, format)
        return path, item.track.name, suffix

    def extras(self, item: _Item, path: Path) -> Mapping[str, Any]:
        # A bigWig that is written here says it itself.
        is_said = _type(item.track) == "signal" and getattr(item.track, "origin", None) is None
        if is_said or not item.chroms or item.chroms == _lengths(item.track):
            return {}
        return {"chroms": dict(item.chroms)}

    def read(self, payload: Payload, extras: Mapping[str, Any]) -> _Item:
        from snakemake_storage_plugin_seqstore.tracks.opening import open_track

        name = payload.name.rpartition("/")[2]
        stem = name.removesuffix(formats.suffix_of(name))
        track = open_track(payload.path, stem, formats.format_of(name))
        return _Item(track, extras.get("chroms") or _lengths(track))


def _suffix(path: Path, format: str) -> str:
    """Return the suffix that says the format of a file, which its own name need not do."""
    try:
        if formats.format_of(path.name) == format:
            return formats.suffix_of(path.name)
    except InputError:
        pass
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    return formats.suffix_for(format + ".gz" * is_packed)


def _lengths(track: Any) -> dict[str, int]:
    """Return the lengths of chromosomes, in bp, that a track itself knows."""
    holder = getattr(track, "signal", None) or getattr(track, "source", None)
    return dict(getattr(holder, "lengths", {}))
