__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

import shutil
from dataclasses import asdict

from snakemake_storage_plugin_seqstore import genomes, wrapping
from snakemake_storage_plugin_seqstore.tracks.formats import format_of
from snakemake_storage_plugin_seqstore.tracks.validation.files import validate

with wrapping.job(snakemake):
    chroms = None
    if genome := snakemake.input.get("genome"):
        with genomes.open(genome) as found:
            chroms = found.chrom_lengths
    summary = validate(snakemake.input[0], format_of(snakemake.output[0]), chroms)
    shutil.copyfile(snakemake.input[0], snakemake.output[0])
    print(f"{snakemake.input[0]} is sound")
    for name, value in asdict(summary).items():
        print(f"{name}\t{value}")
