rule database_statistics:
    input:
        storage.seqstore(DATABASE),
    output:
        table=report(
            "results/statistics.tsv",
            caption="../report/statistics.rst",
            category="Database",
            labels={"what": "table"},
        ),
        plot=report(
            "results/statistics.svg",
            caption="../report/statistics.rst",
            category="Database",
            labels={"what": "plot"},
        ),
    log:
        "logs/database_statistics.log",
    wrapper:
        seqstore.wrapper("sequences/stats")
