"""From Snakemake's jobs to provenance, and back: the only part that knows Snakemake.

``CONTRIBUTING.md`` says which module does what.
"""
