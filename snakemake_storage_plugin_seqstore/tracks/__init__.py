"""Genomic tracks."""

from snakemake_storage_plugin_seqstore.tracks.store import StoredTrack, TrackStore
from snakemake_storage_plugin_seqstore.tracks.track import IntervalTrack, Track, TrackLabel

__all__ = ["IntervalTrack", "StoredTrack", "Track", "TrackLabel", "TrackStore"]
