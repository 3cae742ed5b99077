"""From Snakemake's jobs to provenance, and back: the only part that knows Snakemake's internals.

::

    binding        `reuse(workflow)`, and what is bound by it
    reuse          what outputs are, as the storage plugin tells Snakemake
      resolution     all outputs of a DAG, in one pass
      claims         what outputs mean in one working directory
      agreement      Snakemake's own view of outputs
      explain        words for the user
    hooks          how Snakemake's executor comes to ask before it runs a job
      execution      a job is fetched, or what it made is recorded
    describer      from a job to its Provenance
      command        a shell command with symbols for what does not count
      code           `run:` blocks, scripts, notebooks, wrappers
      mentions       undeclared files and variables
        lists          the files that these name in turn
        conventions    what programs read without being told
      software       programs; deployment: environments and containers
        packages, r_packages
      contents       what files contain
    stores         the stores of a workflow, written to in the background
    files, jobs    Snakemake's files and jobs as we see them
"""
