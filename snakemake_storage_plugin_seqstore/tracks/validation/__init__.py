"""Check a file before it is published: the first thing that is wrong is named with its line."""

from snakemake_storage_plugin_seqstore.tracks.validation.files import validate

__all__ = ["validate"]
