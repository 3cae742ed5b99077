__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

import shutil

from snakemake_storage_plugin_seqstore import wrapping
from snakemake_storage_plugin_seqstore.sequences import SequenceStore

with wrapping.job(snakemake):
    number = SequenceStore.validate(snakemake.input[0], deep=True)
    shutil.copyfile(snakemake.input[0], snakemake.output[0])
    print(f"{snakemake.input[0]}: all {number} sequences are sound")
