__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from snakemake_storage_plugin_seqstore import genomes, wrapping
from snakemake_storage_plugin_seqstore.tracks import operations
from snakemake_storage_plugin_seqstore.tracks.writing import write

PARAMS = ("size",)

with wrapping.job(snakemake, PARAMS) as params, genomes.open(snakemake.input[0]) as genome:
    track = operations.run("genome.gc", [genome], **params)
    write(track, snakemake.output[0], genome.chrom_lengths)
    print(f"{snakemake.input[0]}: GC of {sum(genome.chrom_lengths.values())} bp")
