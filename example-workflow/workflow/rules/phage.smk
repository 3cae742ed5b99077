rule publish_genome:
    input:
        config["phage"]["genome"],
    output:
        storage.seqstore(GENOME),
    log:
        "logs/publish_genome.log",
    wrapper:
        seqstore.wrapper("genomes/publish")


rule gc_content:
    input:
        storage.seqstore(GENOME),
    output:
        storage.seqstore("seqstore://tracks/phage/gc.bw"),
    log:
        "logs/gc_content.log",
    params:
        size=200,
    wrapper:
        seqstore.wrapper("genomes/gc")


rule coverage:
    input:
        "resources/alignments/{sample}.bam",
    output:
        storage.seqstore("seqstore://tracks/phage/{sample}/coverage.bw"),
    log:
        "logs/coverage/{sample}.log",
    wrapper:
        seqstore.wrapper("tracks/coverage")


rule bin_coverage:
    input:
        storage.seqstore("seqstore://tracks/phage/{sample}/coverage.bw"),
    output:
        storage.seqstore("seqstore://tracks/phage/{sample}/binned.bw"),
    log:
        "logs/bin_coverage/{sample}.log",
    params:
        operation="transform.bin",
        size=config["phage"]["bin_size"],
    wrapper:
        seqstore.wrapper("tracks/transform")


rule change:
    input:
        track=storage.seqstore(binned("sample")),
        others=storage.seqstore(binned("control")),
    output:
        storage.seqstore("seqstore://tracks/phage/change.bw"),
    log:
        "logs/change.log",
    params:
        method="log2ratio",
        pseudocount=1,
        missing=0,
    wrapper:
        seqstore.wrapper("tracks/combine")


rule open_reading_frames:
    input:
        storage.seqstore(GENOME),
    output:
        "results/phage/orfs.bed",
    log:
        "logs/open_reading_frames.log",
    conda:
        "../envs/python.yaml"
    params:
        codons=config["phage"]["orf_codons"],
    script:
        "../scripts/open_reading_frames.py"


rule track_statistics:
    input:
        storage.seqstore(
            expand("seqstore://tracks/phage/{sample}/coverage.bw", sample=SAMPLES)
        ),
        storage.seqstore("seqstore://tracks/phage/gc.bw"),
        storage.seqstore("seqstore://tracks/phage/change.bw"),
        "results/phage/orfs.bed",
    output:
        report(
            "results/phage/tracks.tsv",
            caption="../report/phage.rst",
            category="Phage",
            labels={"what": "table"},
        ),
    log:
        "logs/track_statistics.log",
    params:
        labels=[*SAMPLES, "GC", "log2 ratio", "ORFs"],
    wrapper:
        seqstore.wrapper("tracks/stats")


rule plot_tracks:
    input:
        storage.seqstore(
            expand("seqstore://tracks/phage/{sample}/coverage.bw", sample=SAMPLES)
        ),
        storage.seqstore("seqstore://tracks/phage/change.bw"),
        storage.seqstore("seqstore://tracks/phage/gc.bw"),
        "results/phage/orfs.bed",
    output:
        report(
            "results/phage/tracks.svg",
            caption="../report/phage.rst",
            category="Phage",
            labels={"what": "plot"},
        ),
    log:
        "logs/plot_tracks.log",
    params:
        region=config["phage"]["region"],
        labels=[*SAMPLES, "log2 ratio", "GC", "ORFs"],
    wrapper:
        seqstore.wrapper("tracks/plot")
