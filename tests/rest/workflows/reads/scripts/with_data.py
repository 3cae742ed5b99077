import os

with open(os.environ["COMPUTED"] + "/script_data", "a") as mark:
    mark.write("\n")
with open("/".join(["data", "of_script.txt"])) as source, open(snakemake.output[0], "w") as out:
    out.write(source.read())
