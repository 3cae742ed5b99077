import json
import os
import sys

import pieces

with open(sys.argv[1]) as file:
    config = json.load(file)
for sample in config["samples"]:
    with open(os.path.join(config["data"], f"{sample}.txt")) as data:
        print(pieces.clean(data.read()))
