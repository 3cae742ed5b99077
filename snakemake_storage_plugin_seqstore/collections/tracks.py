"""Genomic tracks."""

from __future__ import annotations

from snakemake_storage_plugin_seqstore.collections.collection import Collection, Example

COLLECTION = Collection(
    name="tracks",
    entry="a genomic track",
    examples=(
        Example("seqstore://tracks/{sample}/coverage.bw", "A genomic track of each sample."),
    ),
)
