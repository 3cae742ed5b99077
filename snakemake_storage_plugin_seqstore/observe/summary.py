"""From what a job did to what counts of it."""

from __future__ import annotations

from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.observe.accesses import Accesses
from snakemake_storage_plugin_seqstore.observe.packages import Packages
from snakemake_storage_plugin_seqstore.observe.places import Places
from snakemake_storage_plugin_seqstore.observe.reads import Reads


def summarise(
    accesses: Accesses,
    places: Places,
    contents: Contents,
    packages: Packages,
    search_path: str = "",
) -> Reads:
    """What counts of what a job did, right after its end, where it ran.

    Parameters
    ----------
    accesses : Accesses
        What it did.
    places : Places
        Its places.
    contents : Contents
        Says what files contain.
    packages : Packages
        Says which package a file belongs to.
    search_path : str
        The job's PATH.
    """
    raise NotImplementedError
