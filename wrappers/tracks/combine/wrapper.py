__author__ = "seqstore developers"
__copyright__ = "Copyright 2026, seqstore developers"
__license__ = "MIT"

from snakemake_storage_plugin_seqstore import bundled, wrapping

wrapping.operate(snakemake, bundled.OFFERS["tracks/combine"])
