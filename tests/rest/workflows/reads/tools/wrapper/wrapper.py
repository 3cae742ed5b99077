import os

with open(os.environ["COMPUTED"] + "/wrapper_sibling", "a") as mark:
    mark.write("\n")
with open("data/of_" + "wrapper.txt") as source, open(snakemake.output[0], "w") as out:
    out.write(source.read())
