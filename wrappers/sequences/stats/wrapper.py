__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from snakemake_storage_plugin_seqstore import wrapping
from snakemake_storage_plugin_seqstore.sequences.stats import Stats

with wrapping.job(snakemake):
    stats = Stats.of(snakemake.input[0])
    stats.write_tsv(snakemake.output.table)
    if plot := snakemake.output.get("plot"):
        stats.plot(plot)
    print(f"{snakemake.input[0]}: {stats.sequences} sequences, {stats.residues} residues")
