__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from pathlib import Path

from snakemake_storage_plugin_seqstore import wrapping
from snakemake_storage_plugin_seqstore.sequences import Selection
from snakemake_storage_plugin_seqstore.sequences.views import write_view

PARAMS = ("gids", "length", "name", "header", "sample", "seed")

with wrapping.job(snakemake, PARAMS) as params:
    selection = Selection.parse({key: wrapping.as_text(value) for key, value in params.items()})
    output = Path(snakemake.output[0])
    number = write_view(Path(snakemake.input[0]), selection, wrapping.format_of(output), output)
    print(f"{output}: {number} sequences")
