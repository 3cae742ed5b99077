"""Why a job's provenance is not known, so that it has to be computed."""

from __future__ import annotations

from snakemake_storage_plugin_seqstore.errors import SeqstoreError


class Unknown(SeqstoreError):
    """The provenance of a job cannot be told; the message says why, in one line."""


class NotYet(Unknown):
    """It will be known once what the job reads has been made."""
