"""From Snakemake's jobs to provenance, and back: the only part that knows Snakemake's internals.

::

    job            from a job to its Provenance, with what it takes:
      command        a shell command with symbols for what does not count
      mentions       undeclared files and variables
      software       programs, packages; deployment: environments and containers
      contents       what files contain
    claims         what outputs mean in one working directory
"""
