def write(snakemake):
    with open(snakemake.input[0]) as source, open(snakemake.output[0], "w") as out:
        out.write(source.read() * times(snakemake.config["helping"]))


def times(config):
    return config["times"]
