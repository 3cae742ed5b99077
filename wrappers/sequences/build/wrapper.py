__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from snakemake_storage_plugin_seqstore import wrapping
from snakemake_storage_plugin_seqstore.sequences import SequenceStore

PARAMS = (
    "encoding",
    "alphabet",
    "illegal",
    "min_len",
    "max_len",
    "drop_duplicates",
    "unique_names",
)

with wrapping.job(snakemake, PARAMS) as params:
    report = SequenceStore.build(
        snakemake.output[0], list(snakemake.input), threads=snakemake.threads, **params
    )
    print(report)
