"""What a job is told, as a key: pure, without Snakemake.

``values`` and ``symbols`` give params, globals and config values a form that is the same in every
process and directory. ``shell_command``, ``python_source``, ``script_source`` and ``run_block`` say
what code names literally. ``plain`` follows that to scripts and local modules. ``task`` makes the
key. Nothing in a key depends on which files exist, but for the inputs and the sources it is given.
"""
