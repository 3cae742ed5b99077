"""Files and directories of any kind."""

from __future__ import annotations

from snakemake_storage_plugin_seqstore.collections.collection import Collection, Example

COLLECTION = Collection(
    name="files",
    entry="any file or directory",
    examples=(Example("seqstore://files/results/{sample}.bam", "Any other file or directory."),),
)
