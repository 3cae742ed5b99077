import os

with open(os.environ["COMPUTED"] + "/config_key", "a") as mark:
    mark.write("\n")
with open(snakemake.output[0], "w") as out:
    out.write(snakemake.config["deep"]["key"])
