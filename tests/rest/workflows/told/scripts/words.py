import os

with open(os.environ["COMPUTED"] + "/sep_dot", "a") as mark:
    mark.write("\n")
with open(snakemake.input[0]) as source, open(snakemake.output[0], "w") as out:
    for line in source:
        print(line.split("."), sep=".", file=out)
d = {"results": 1, "R": 2, "date": 3}
