"""Snakemake storage plugin for sequence databases, genomes, tracks and any other file.

Snakemake finds the three plugin classes here. The other public names are loaded when they are first
used, as Snakemake imports this package on every call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.plugin import (
    StorageObject,
    StorageProvider,
    StorageProviderSettings,
)

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.bundled import wrapper
    from snakemake_storage_plugin_seqstore.sequences import SequenceStore
    from snakemake_storage_plugin_seqstore.store import Store

__all__ = [
    "SequenceStore",
    "StorageObject",
    "StorageProvider",
    "StorageProviderSettings",
    "Store",
    "wrapper",
]

_LAZY = {"SequenceStore": "sequences", "Store": "store", "wrapper": "bundled"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
