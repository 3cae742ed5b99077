__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from snakemake_storage_plugin_seqstore import wrapping
from snakemake_storage_plugin_seqstore.tracks.summary import write_table

PARAMS = ("labels",)

with wrapping.job(snakemake, PARAMS) as params:
    write_table([*map(str, snakemake.input)], snakemake.output[0], **params)
    print(f"{len(snakemake.input)} tracks -> {snakemake.output[0]}")
