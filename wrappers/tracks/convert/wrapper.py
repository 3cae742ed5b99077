__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from snakemake_storage_plugin_seqstore import genomes, tracks, wrapping
from snakemake_storage_plugin_seqstore.tracks.writing import write

with wrapping.job(snakemake):
    chroms = None
    if genome := snakemake.input.get("genome"):
        with genomes.open(genome) as found:
            chroms = found.chrom_lengths
    write(tracks.open(snakemake.input[0]), snakemake.output[0], chroms)
    print(f"{snakemake.input[0]} -> {snakemake.output[0]}")
