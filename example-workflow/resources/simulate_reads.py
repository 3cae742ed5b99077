"""Draw reads from the phage at random, aligned where they come from: SAM for samtools.

python simulate_reads.py phage_lambda.fa.gz 0 1.0 | samtools view -b - > alignments/reference.bam
python simulate_reads.py phage_lambda.fa.gz 1 3.0 | samtools view -b - > alignments/amplified.bam
"""

import gzip
import random
import sys

READS, LENGTH, AMPLIFIED = 1500, 100, range(20_000, 30_000)

path, seed, copies = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with gzip.open(path, "rt") as fasta:
    name = next(fasta).split()[0].removeprefix(">")
    genome = "".join(line.strip() for line in fasta)
generator = random.Random(seed)
places = range(len(genome) - LENGTH + 1)
weights = [copies if place in AMPLIFIED else 1.0 for place in places]
print(f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:{name}\tLN:{len(genome)}")
for number, place in enumerate(sorted(generator.choices(places, weights, k=READS))):
    flag = generator.choice((0, 16))
    sequence = genome[place : place + LENGTH]
    print(
        f"r{number}\t{flag}\t{name}\t{place + 1}\t60\t{LENGTH}M\t*\t0\t0\t{sequence}\t*", sep="\t"
    )
