"""From Snakemake's jobs to provenance, and back: the only part that knows Snakemake.

::

    binding             `reuse(workflow)`, and what is bound by it
    reuse               what outputs are, as the storage plugin tells Snakemake
      resolve             all outputs of a DAG, in one pass: pure
        inputs, touched     what inputs contain; what stands because the user says so
        changed_inputs      inputs that jobs change, and who read them before
        conditions          whether what a recorded job read is the same here
      answers             what was said of files
      plan, apply         what is to be done then, and doing it
        placing             putting what files mean in their own places
      asked               what a run is asked for
      claims              what outputs mean in one working directory
      products            what the jobs make, by path
      messages            words for the user
        differences         what differs between what jobs were told
    hooks               how Snakemake's executor comes to ask before it runs a job
      execution           a job starts and ends
        observing           which job an observation belongs to
        links               inputs that are links into a store
        fetching            a job that need not run
        publishing, about   what it made and what is recorded of it
        missed, kept        what it looks for, or reads, that others left undeclared
    left                what jobs left here without declaring it
    telling             from a job to what it is told
      symbolic_command, deployment, named_parts, track_operation
    stores              the stores of a workflow, written to in the background
    files, in_place     Snakemake's files as we see them
    snakemake_api, snakemake_params, snakemake_changes, snakemake_types
                        all that is known of how Snakemake works inside
"""
