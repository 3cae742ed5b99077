"""What scripts of any language and notebooks name literally."""

from __future__ import annotations

from functools import lru_cache

from snakemake_storage_plugin_seqstore.fingerprint.source_names import SourceNames


def language_of(name: str) -> str:
    """Language of a script by the suffix of its name, as Snakemake tells it; empty if unknown."""
    raise NotImplementedError


@lru_cache(maxsize=1024)
def read_script(text: str, language: str) -> SourceNames:
    """Read the source of a script: Python, R, bash, Julia; of others everything counts."""
    raise NotImplementedError


def notebook_source(text: str) -> tuple[str, str]:
    """Return the language of a notebook and the source of its code cells.

    Outputs, numbers of executions and the cell that Snakemake itself puts in do not count. Text
    that is no notebook is returned as it is, with an empty language.
    """
    raise NotImplementedError


def counted_source(text: str, name: str) -> tuple[str, SourceNames]:
    """Return what counts of a script or notebook of some file name, and what it names."""
    raise NotImplementedError
