"""The outputs of a job on disk, before and after it ran."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.observe import (
    TICK,
    Access,
    Accesses,
    Kind,
    Places,
    born,
    is_changed,
)
from snakemake_storage_plugin_seqstore.store.filesystem import discard
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import stored
from snakemake_storage_plugin_seqstore.workflow.publishing import made_at

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job

_PEOPLES = (Kind.DECLARED, Kind.SOURCE, Kind.PRODUCT)  # of the workflow and its user


def discard_copies(job: Job) -> None:
    """Remove local copies of what a job is about to make, as of a checkpoint that was brought.

    Snakemake does not, and members of a directory would stay in it. What is updated has to be
    there, and the folders that Snakemake has made for files: one may be an output, too.
    """
    folders = [folder for file in job.output if os.path.isdir(folder := os.path.dirname(file))]
    for file in job.output:
        if stored(file) and not snakemake_api.is_updated(file):
            discard(str(file))
    for folder in folders:
        os.makedirs(folder, exist_ok=True)


def is_repeatable(job: Job, accesses: Accesses, places: Places) -> bool:
    """Whether a job that ended would find again what it found when it began.

    What it made anew is removed before, as :func:`discard_made` does.
    """
    is_piped = snakemake_api.pipes(job) or any(map(snakemake_api.is_streamed, job.output))
    if is_piped or any(map(snakemake_api.is_updated, job.output)):
        return False
    own = {os.path.abspath(file) for file in (*job.output, *_new_traces(job, accesses))}
    made = _made(accesses)
    for path, access in accesses.paths.items():
        if path not in made and _has_changed(path, access, accesses.started):
            place = places.classify(path)
            is_own = any(f"{place.path}/".startswith(f"{each}/") for each in own)
            if not is_own and place.kind in _PEOPLES:
                return False
    return True


def _has_changed(path: str, access: Access, started: int) -> bool:
    """Whether a job changed what was there, so that it would not find it again."""
    if access.replaced or access.added_to:
        return True
    return access.opened_to_change and (
        not os.path.exists(path) or is_changed(access, os.stat(path), started)
    )


def discard_made(job: Job, accesses: Accesses, places: Places) -> None:
    """Remove what a job made that is about to run again.

    Parameters
    ----------
    accesses : Accesses
        What it did: what was not there before goes, too.
    """
    for file in (*job.output, *_new_traces(job, accesses)):
        discard(made_at(job, file))
    for path in sorted(_made(accesses), reverse=True):  # what is in a folder comes before it
        is_in_use = os.path.isdir(path) and not os.path.islink(path) and os.listdir(path)
        if not is_in_use and places.classify(path).kind in (*_PEOPLES, Kind.SCRATCH):
            discard(path)


def _made(accesses: Accesses) -> dict[str, None]:
    """Paths that a job is known to have made, as nothing was there before."""
    made: dict[str, None] = {}
    for path in sorted(accesses.paths):  # a folder comes before what is in it
        access = accesses.paths[path]
        is_new = access.made_new or access.absent or os.path.dirname(path) in made
        if access.written and is_new:
            made[path] = None
    return made


def _new_traces(job: Job, accesses: Accesses) -> list[File]:
    """The log and benchmark of a job, as far as it made them: nobody else does."""
    made = (file for file in snakemake_api.traces(job) if not os.path.islink(made_at(job, file)))
    return [file for file in made if born(made_at(job, file)) > accesses.started - TICK]


def is_there(file: Any, status: os.stat_result | None) -> bool:
    """Whether a job made an output, or Snakemake is about to make it."""
    return status is not None or bool(file.flags.get("touch"))


def is_empty(file: Any, status: os.stat_result | None) -> bool:
    """Whether a job made an empty file, or Snakemake is about to make it."""
    if status is None:
        return is_there(file, status)
    return stat.S_ISREG(status.st_mode) and status.st_size == 0  # a pipe always looks empty


def status_of(job: Job, file: Any) -> os.stat_result | None:
    """What a job made, which its owner may write from now on; None if it did not make it.

    A copy of an input is read-only where that is so in the store, and Snakemake takes an output
    that is read-only for protected, and does not make it again.
    """
    path = made_at(job, file)
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return os.stat(path)
    except OSError:  # it is not there, or a link to nothing: Snakemake will say so
        return None
    is_locked = stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IWUSR
    if is_locked and job.input and status.st_uid == os.geteuid():
        os.chmod(path, stat.S_IMODE(status.st_mode) | stat.S_IWUSR)
        return os.lstat(path)
    return status
