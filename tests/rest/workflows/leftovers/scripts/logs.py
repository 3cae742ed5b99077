import os
import time

with open(os.environ["COMPUTED"] + "/script_log", "a") as mark:
    mark.write("\n")
with open("script.log", "a") as log:
    print(time.time(), file=log)
os.makedirs("script_scratch", exist_ok=True)
with open("script_scratch/x", "w") as scratch:
    scratch.write("x")
with open("script_scratch/x") as scratch, open(snakemake.output[0], "w") as out:
    out.write(scratch.read())
