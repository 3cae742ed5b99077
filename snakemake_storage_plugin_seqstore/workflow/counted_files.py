"""What counts of the files of a job besides their content: names in the rule, and demands."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.fingerprint.symbols import Places, without_places
from snakemake_storage_plugin_seqstore.fingerprint.task import roles
from snakemake_storage_plugin_seqstore.workflow.files import label
from snakemake_storage_plugin_seqstore.workflow.input_numbers import Names

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job

_COMPRESSED = (".gz", ".bgz", ".bz2", ".xz", ".zst", ".lz4", ".Z")


def roles_of(
    files: Iterable[File], names: Names, contents: list[str], nameless: bool, places: Places
) -> Any:
    """The files with their names in the rule.

    Programs like ``md5sum`` write the path that they are given into their results.

    Parameters
    ----------
    files : iterable of File
        The inputs or the outputs of a job.
    names : dict
        What has a name in the rule: see :func:`roles`.
    contents : list of str
        What counts of each besides: of an input its content, of an output what is demanded of it.
    nameless : bool
        Whether only their suffixes count.
    places : tuple of (str, Symbol)
        Directories that do not count.
    """
    paths = [_suffix(str(file)) if nameless else _name(file, places) for file in files]
    return roles(paths, contents, names)


def _name(file: Any, places: Places) -> str:
    """The path of a file without places; Snakemake copies sources to wherever it has its cache."""
    if file.flags.get("sourcecache_entry"):
        return os.path.basename(str(file))
    return without_places(label(file), places)


def _suffix(path: str) -> str:
    """What a program may tell the format by: ``.fasta.gz`` of ``a.b.fasta.gz``."""
    stem, suffix = os.path.splitext(os.path.basename(path))
    return os.path.splitext(stem)[1] + suffix if suffix in _COMPRESSED else suffix


def demands(file: Any, job: Job) -> str:
    """What Snakemake demands of an output before it accepts it."""
    found = ["directory"] if file.is_directory else []
    if ensure := file.flags.get("ensure"):
        checksum = ensure.get("checksum")
        if callable(checksum):
            checksum = checksum(job.wildcards)
        found.append(f"ensure {ensure['non_empty']} {ensure.get('checksum_algorithm')}:{checksum}")
    return " ".join(found)
