"""The outputs of a job on disk, before and after it ran."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.observe import Accesses
from snakemake_storage_plugin_seqstore.store.filesystem import discard
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import stored
from snakemake_storage_plugin_seqstore.workflow.publishing import made_at

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


def discard_copies(job: Job) -> None:
    """Remove local copies of what a job is about to make, as of a checkpoint that was brought.

    Snakemake does not, and members of a directory would stay in it. What is updated has to be
    there.
    """
    for file in job.output:
        if stored(file) and not snakemake_api.is_updated(file):
            discard(str(file))


def discard_made(job: Job, accesses: Accesses) -> None:
    """Remove what a job made that is about to run again, in the working directory.

    Parameters
    ----------
    accesses : Accesses
        What it did: what was not there before goes, too.
    """
    for file in job.output:
        discard(made_at(job, file))
    start = os.path.join(os.getcwd(), "")
    made: dict[str, None] = {}
    for path in sorted(accesses.paths):  # a folder comes before what is in it
        access = accesses.paths[path]
        is_new = access.made_new or access.absent or os.path.dirname(path) in made
        if path.startswith(start) and access.written and is_new:
            made[path] = None
    for path in reversed(made):
        if not os.path.isdir(path) or not os.listdir(path):  # another job may have put files there
            discard(path)


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
