__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

import shutil

from snakemake_storage_plugin_seqstore import wrapping
from snakemake_storage_plugin_seqstore.genomes.validation import check

with wrapping.job(snakemake):
    summary = check(snakemake.input[0], snakemake.output[0])
    shutil.copyfile(snakemake.input[0], snakemake.output[0])
    table = "".join(f"{key}\t{value}\n" for key, value in summary.rows().items())
    if path := snakemake.output.get("summary"):
        with open(path, "w") as file:
            file.write(table)
    print(f"{snakemake.input[0]} is sound\n{table}")
