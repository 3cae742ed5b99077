"""Inputs of operations that are files."""

from __future__ import annotations

import os
from typing import Any

from snakemake_storage_plugin_seqstore import genomes, tracks
from snakemake_storage_plugin_seqstore.tracks.operations import Input


def open_input(path: str | os.PathLike[str], role: Input) -> Any:
    """Return what an operation gets for a file: a track, a genome, or the path of alignments."""
    if "alignments" in role.kinds:
        return path
    if "genome" in role.kinds:
        return genomes.open(path)
    return tracks.open(path)
