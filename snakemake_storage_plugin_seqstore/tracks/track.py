"""Tracks: labelled values along a genome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class TrackLabel:
    """What a track is called.

    Parameters
    ----------
    name : str
        Name of the track.
    """

    name: str


class Track:
    """Base of all tracks.

    Parameters
    ----------
    label : TrackLabel
        What the track is called.
    """

    track_type: ClassVar[str] = "track"

    def __init__(self, label: TrackLabel) -> None:
        self.label = label


class IntervalTrack(Track):
    """A track of intervals.

    Parameters
    ----------
    label : TrackLabel
        What the track is called.
    intervals : iterable
        Intervals in the order in which they are to be kept; 0-based, half-open.
    """

    track_type: ClassVar[str] = "interval"

    def __init__(self, label: TrackLabel, intervals: Iterable[Any]) -> None:
        super().__init__(label)
        self.intervals = list(intervals)

    def __len__(self) -> int:
        return len(self.intervals)
