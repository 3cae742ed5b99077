"""What Python source names literally: modules, keys of the config, wildcards, variables."""

from __future__ import annotations

from functools import lru_cache

from snakemake_storage_plugin_seqstore.fingerprint.source_names import SourceNames


@lru_cache(maxsize=1024)
def read_python(text: str) -> SourceNames:
    """Read the source of a script; one that does not parse names everything. It never fails.

    ``snakemake`` as a whole, handed to local code or kept, names everything, too; handed to a
    function of an installed package it names nothing. What is local is told by `Import`: the
    caller need not know.
    """
    raise NotImplementedError
