"""Find the open reading frames of a genome, from ATG to a stop codon, on both strands."""

import gzip
import sys

STOPS = {"TAA", "TAG", "TGA"}
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def records(path):
    """Yield names and sequences of a FASTA file, plain or gzip."""
    with open(path, "rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    name, lines = None, []
    with (gzip.open if is_packed else open)(path, "rt") as file:
        for line in file:
            if line.startswith(">"):
                if name:
                    yield name, "".join(lines).upper()
                name, lines = line[1:].split()[0], []
            else:
                lines.append(line.strip())
    yield name, "".join(lines).upper()


def frames(sequence, codons):
    """Yield start and end of the open reading frames with so many codons, 0-based, half-open."""
    for frame in range(3):
        start = None
        for place in range(frame, len(sequence) - 2, 3):
            codon = sequence[place : place + 3]
            if codon == "ATG" and start is None:
                start = place
            elif codon in STOPS and start is not None:
                if place - start >= 3 * codons:
                    yield start, place + 3
                start = None


sys.stderr = open(snakemake.log[0], "w")
codons = snakemake.params.codons
number = 0
with open(snakemake.output[0], "w") as bed:
    for name, sequence in records(snakemake.input[0]):
        size = len(sequence)
        reverse = sequence.translate(COMPLEMENT)[::-1]
        found = [(start, end, "+") for start, end in frames(sequence, codons)]
        found += [(size - end, size - start, "-") for start, end in frames(reverse, codons)]
        for number, (start, end, strand) in enumerate(sorted(found), 1):
            print(name, start, end, f"orf{number}", 0, strand, sep="\t", file=bed)
print(f"{number} open reading frames of at least {codons} codons", file=sys.stderr)
