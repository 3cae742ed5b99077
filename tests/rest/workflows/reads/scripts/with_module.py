import os

import of_script

with open(os.environ["COMPUTED"] + "/script_module", "a") as mark:
    mark.write("\n")
with open(snakemake.output[0], "w") as out:
    out.write(of_script.X)
