"""Mean hydropathy (Kyte and Doolittle, 1982) of each sequence, as a table."""

import csv
import sys

HYDROPATHY = {
    "A": 1.8, "R": -4.5, "N": -3.5, "D": -3.5, "C": 2.5, "Q": -3.5, "E": -3.5, "G": -0.4,
    "H": -3.2, "I": 4.5, "L": 3.8, "K": -3.9, "M": 1.9, "F": 2.8, "P": -1.6, "S": -0.8,
    "T": -0.7, "W": -0.9, "Y": -1.3, "V": 4.2,
}  # fmt: skip


def mean_hydropathy(sequence):
    """Return the mean over the 20 standard residues, None if there is none of them."""
    values = [HYDROPATHY[residue] for residue in sequence if residue in HYDROPATHY]
    return sum(values) / len(values) if values else None


sys.stderr = open(snakemake.log[0], "w")
length_class = snakemake.wildcards.length_class
number = 0
with open(snakemake.input[0]) as proteins, open(snakemake.output[0], "w") as table:
    writer = csv.writer(table, dialect="excel-tab", lineterminator="\n")
    writer.writerow(["class", "protein", "length", "hydropathy"])
    for protein in csv.DictReader(proteins, dialect="excel-tab", quoting=csv.QUOTE_NONE):
        value = mean_hydropathy(protein["sequence"])
        if value is not None:
            name = protein["header"].split()[0]
            writer.writerow([length_class, name, protein["length"], f"{value:.3f}"])
            number += 1
print(f"{length_class}: {number} proteins", file=sys.stderr)
