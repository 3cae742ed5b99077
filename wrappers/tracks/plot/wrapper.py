__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from snakemake_storage_plugin_seqstore import wrapping
from snakemake_storage_plugin_seqstore.tracks.plot import plot

PARAMS = ("region", "bins", "width", "height", "labels", "title")

with wrapping.job(snakemake, PARAMS) as params:
    plot([*map(str, snakemake.input)], snakemake.output[0], **params)
    print(f"{', '.join(snakemake.input)} -> {snakemake.output[0]}")
