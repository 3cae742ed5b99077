"""Sequence databases: one file per collection of proteins, genes or transcripts.

The names are loaded when they are first used, as Snakemake imports this package on every call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.sequences.build import BuildReport
    from snakemake_storage_plugin_seqstore.sequences.selection import FORMATS, Selection
    from snakemake_storage_plugin_seqstore.sequences.store import Record, SequenceStore

__all__ = ["FORMATS", "BuildReport", "Record", "Selection", "SequenceStore"]

_HOMES = {
    "build": ("BuildReport",),
    "selection": ("FORMATS", "Selection"),
    "store": ("Record", "SequenceStore"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
