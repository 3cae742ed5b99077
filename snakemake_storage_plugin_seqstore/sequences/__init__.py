"""Sequence databases: one SQLite file per collection of proteins, genes or transcripts."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .build import BuildReport as BuildReport
    from .selection import FORMATS as FORMATS
    from .selection import Selection as Selection
    from .store import Record as Record
    from .store import SequenceStore as SequenceStore

# Names are loaded on first use: Snakemake imports this package on every call, mostly for nothing.
_HOMES = {
    "BuildReport": ".build",
    "FORMATS": ".selection",
    "Record": ".store",
    "Selection": ".selection",
    "SequenceStore": ".store",
}

__all__ = ["FORMATS", "BuildReport", "Record", "Selection", "SequenceStore"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
