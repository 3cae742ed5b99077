"""The names in a directory that count for a job which listed it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable

from snakemake_storage_plugin_seqstore.observe.places import Kind, Places

_MODULES = (".py", ".pyc", ".so")


def digest_of(names: Iterable[str]) -> str:
    """SHA-256 of names, in any order."""
    return hashlib.sha256(b"\0".join(sorted(map(os.fsencode, names)))).hexdigest()


def names_that_count(directory: str, places: Places, wrote: Collection[str]) -> list[str]:
    """Names in a directory, less what this workflow, this job and the machine put there.

    Parameters
    ----------
    directory : str
        Where it lies here.
    places : Places
        The job's places.
    wrote : collection of str
        Names that the job wrote.

    Raises
    ------
    OSError
        If it can not be listed.
    """
    covered = places.covered_names(directory)
    return [
        name
        for name in os.listdir(directory)
        if name not in covered
        and name not in wrote
        and places.classify(f"{directory.rstrip('/')}/{name}").kind
        not in (Kind.DECLARED, Kind.PRODUCT, Kind.IGNORED)
        and not places.holds_declared(f"{directory.rstrip('/')}/{name}")
    ]


def modules_there(directory: str, modules: Collection[str]) -> list[str]:
    """Names in a directory that Python would load as one of these modules; none if it is missing.

    Parameters
    ----------
    directory : str
        Where it lies here.
    modules : collection of str
        Names of modules.
    """
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [
        name
        for name in names
        if name.partition(".")[0] in modules and (name.endswith(_MODULES) or "." not in name)
    ]
