import os

from scripts.helping import write

with open(os.environ["COMPUTED"] + "/helper_snakemake", "a") as mark:
    mark.write("\n")
write(snakemake)
