"""The names in a directory that count for a job which listed it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable

from snakemake_storage_plugin_seqstore.observe.places import Kind, Places

_MOST_LOOKS = 5
_MODULES = (".py", ".pyc", ".so")


def digest_of(names: Iterable[str]) -> str:
    """SHA-256 of names, in any order."""
    return hashlib.sha256(b"\0".join(sorted(map(os.fsencode, names)))).hexdigest()


def names_in(directory: str, places: Places) -> list[str]:
    """Names in a directory, less what the workflow and the machine put there.

    They are the same for all jobs of a working directory.

    Parameters
    ----------
    directory : str
        Where it lies here.
    places : Places
        The places of any job.

    Raises
    ------
    OSError
        If it can not be listed.
    """
    for _ in range(_MOST_LOOKS):  # other jobs may be at work here, with files that come and go
        names = set(os.listdir(directory))
        covered = {*places.covered_names(directory), *places.left_names(directory)}
        there = set(os.listdir(directory))
        if names == there:
            break
    return [
        name
        for name in names & there
        if name not in covered
        and places.kind_for_all(_join(directory, name)) not in (Kind.PRODUCT, Kind.IGNORED)
    ]


def names_that_count(
    names: Iterable[str], directory: str, places: Places, wrote: Collection[str]
) -> list[str]:
    """Names in a directory, less what one job declares and what it wrote.

    Parameters
    ----------
    names : iterable of str
        What `names_in` found.
    directory : str
        Where it lies here.
    places : Places
        The job's places.
    wrote : collection of str
        Names that the job wrote.
    """
    return [
        name
        for name in names
        if name not in wrote and not places.is_for_declared(_join(directory, name))
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


def _join(directory: str, name: str) -> str:
    return f"{directory.rstrip('/')}/{name}"
