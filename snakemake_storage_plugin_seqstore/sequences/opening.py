"""Finished files, whatever their encoding."""

from __future__ import annotations

from pathlib import Path

from snakemake_storage_plugin_seqstore.sequences import layout
from snakemake_storage_plugin_seqstore.sequences.compact import Compact
from snakemake_storage_plugin_seqstore.sequences.reader import Reader
from snakemake_storage_plugin_seqstore.sequences.rows import Rows


def open_file(path: Path) -> Reader:
    """Return what reads a file of this kind."""
    if path.is_file():
        with open(path, "rb") as file:
            if file.read(len(layout.MAGIC)) == layout.MAGIC:
                return Compact(path)
    return Rows(path)
