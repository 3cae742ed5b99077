from snakemake.utils import validate

validate(config, "../schemas/config.schema.yaml")

DATABASE = f"seqstore://sequences/{config['database']}.sqlite"
LENGTH_CLASSES = config["length_classes"]
GENOME = "seqstore://genomes/phage_lambda.fa.gz"
SAMPLES = [config["phage"]["sample"], config["phage"]["control"]]


wildcard_constraints:
    length_class="|".join(LENGTH_CLASSES),
    sample="|".join(SAMPLES),


def binned(role):
    """Return the query for the binned coverage of the sample or the control."""
    return f"seqstore://tracks/phage/{config['phage'][role]}/binned.bw"


def length_range(wildcards):
    """Return the range of a length class as a query has it, e.g. 101-300."""
    limits = LENGTH_CLASSES[wildcards.length_class]
    return f"{limits['min']}-{limits['max']}"


def sequences_of_class(wildcards):
    """Return the query for a table of the sequences of a length class, once the database is there."""
    checkpoints.publish_database.get()
    return storage.seqstore(f"{DATABASE}?length={length_range(wildcards)}&format=tsv")
