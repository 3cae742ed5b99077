"""``python -m snakemake_storage_plugin_seqstore`` is the command ``seqstore``."""

from snakemake_storage_plugin_seqstore.cli_workflow import main

main(prog_name="seqstore")
