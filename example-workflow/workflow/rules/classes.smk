rule extract_class:
    input:
        storage.seqstore(DATABASE),
    output:
        "results/classes/{length_class}.fasta.gz",
    log:
        "logs/extract_class/{length_class}.log",
    params:
        length=length_range,
    wrapper:
        seqstore.wrapper("sequences/extract")


rule hydropathy:
    input:
        sequences_of_class,
    output:
        "results/hydropathy/{length_class}.tsv",
    log:
        "logs/hydropathy/{length_class}.log",
    conda:
        "../envs/python.yaml"
    script:
        "../scripts/hydropathy.py"


rule plot_hydropathy:
    input:
        expand("results/hydropathy/{length_class}.tsv", length_class=LENGTH_CLASSES),
    output:
        report(
            "results/hydropathy.svg",
            caption="../report/hydropathy.rst",
            category="Hydropathy",
        ),
    log:
        "logs/plot_hydropathy.log",
    conda:
        "../envs/altair.yaml"
    script:
        "../scripts/plot_hydropathy.py"
