rule build_database:
    input:
        config["sources"],
    output:
        temp("results/database.sqlite"),
    log:
        "logs/build_database.log",
    threads: 2
    params:
        alphabet="protein",
        drop_duplicates=True,
    wrapper:
        seqstore.wrapper("sequences/build")


# a checkpoint, because queries on the database can be answered only when it is in the store
checkpoint publish_database:
    input:
        "results/database.sqlite",
    output:
        storage.seqstore(DATABASE),
    log:
        "logs/publish_database.log",
    wrapper:
        seqstore.wrapper("sequences/publish")
