"""How something was made, as a value: pure, the same in memory and on disk."""

from snakemake_storage_plugin_seqstore.provenance.canonical import (
    NotCanonical,
    canonical,
    plain,
    tagged,
    untagged,
)
from snakemake_storage_plugin_seqstore.provenance.ids import content_id, result_id
from snakemake_storage_plugin_seqstore.provenance.provenance import Provenance

__all__ = [
    "NotCanonical",
    "Provenance",
    "canonical",
    "content_id",
    "plain",
    "result_id",
    "tagged",
    "untagged",
]
