"""A wrapper as they are usually written."""

import os

from snakemake.script import Snakemake
from snakemake.shell import shell


def log_of(given: Snakemake) -> str:
    return given.log_fmt_shell(stdout=False, stderr=True)


extra = snakemake.params.get("extra", "")
log = log_of(snakemake)
with open(os.environ["COMPUTED"] + "/wrapper_like", "a") as mark:
    mark.write("\n")
shell(
    "(echo {extra}; sort --parallel={snakemake.threads} {snakemake.input}) > {snakemake.output} {log}"
)
