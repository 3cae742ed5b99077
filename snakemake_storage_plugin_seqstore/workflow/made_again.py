"""Results that are known, and yet have to be made here where a job that runs reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.store import EMPTY, Record
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import label, stored
from snakemake_storage_plugin_seqstore.workflow.inputs import Resolved
from snakemake_storage_plugin_seqstore.workflow.plan import is_forced, needs_to_run
from snakemake_storage_plugin_seqstore.workflow.products import jobs_before
from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution
from snakemake_storage_plugin_seqstore.workflow.whereabouts import Here, is_elsewhere

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job


def give_up(resolution: Resolution, here: Here) -> None:
    """Give up the claims to what has to be made again, as a job that reads it has to run.

    As long as all that read it rest, it stands, and what is downstream is found.

    Parameters
    ----------
    here : Here
        The working directory.
    """
    if resolution.is_touching:
        return  # what is here stands
    waiting = []
    for job, resolved in resolution.jobs.items():
        why = ""
        if resolved.is_hit and resolved.record and not snakemake_api.readers(job):
            why = _replaced(resolution, job, resolved.record)
        if why:
            _give_up(resolved, why)
        if why or _runs(job, resolved):
            waiting.append(job)
    if not waiting and not any(job.is_checkpoint for job in resolution.jobs):
        return
    lacks = _all_lacking(resolution, here)
    for job, why in lacks.items():
        if job.is_checkpoint:  # functions are about to read it
            _give_up(resolution.jobs[job], why)
            waiting.append(job)
    running = {*waiting}
    while waiting:
        job = waiting.pop()
        # Those that read what it makes may find something else.
        for other in (*snakemake_api.readers(job), *_given_up(resolution, job, lacks)):
            if other not in running:
                running.add(other)
                waiting.append(other)
    for job, resolved in resolution.jobs.items():
        if resolved.lacks:  # what it leaves is known when it has run
            resolution.products.add_undeclared(job, {})


def _given_up(resolution: Resolution, reader: Job, lacks: Mapping[Job, str]) -> Iterator[Job]:
    """The jobs before one that runs that have to run for it."""
    for maker, why in _lacked(resolution, reader, lacks).items():
        _give_up(resolution.jobs[maker], why)
        yield maker
    for maker in snakemake_api.makers(reader):
        resolved = resolution.jobs.get(maker)
        if resolved and not resolved.is_hit:
            yield maker


def _lacked(resolution: Resolution, reader: Job, lacks: Mapping[Job, str]) -> dict[Job, str]:
    """What a job that runs would lack of the jobs before it.

    What it is known to read may be of a job that is not the one just before it. Snakemake runs
    that one only if those between them are scheduled too; these are then fetched.
    """
    makers = snakemake_api.makers(reader)
    found = {maker: lacks[maker] for maker in makers if maker in lacks}
    far = [maker for maker in lacks if resolution.side_files.is_read_by(reader, maker)]
    if far:
        before = {*jobs_before(reader)} & resolution.jobs.keys()
        for maker in before.intersection(far).difference(found):
            found |= dict.fromkeys((maker, *_between(maker, before)), lacks[maker])
    return found


def _between(maker: Job, before: set[Job]) -> set[Job]:
    """The jobs that depend on one, among those before another."""
    waiting: list[Job] = [maker]
    found: set[Job] = set()
    while waiting:
        new = before.intersection(snakemake_api.readers(waiting.pop())) - found
        found |= new
        waiting += new
    return found


def _give_up(resolved: Resolved, lacks: str) -> None:
    resolved.lacks, resolved.claims, resolved.is_hit = lacks, {}, False


def _all_lacking(resolution: Resolution, here: Here) -> dict[Job, str]:
    """What is lacking of all results. A flag may say that what is behind others is there."""
    found: dict[Job, str] = {}
    for job, resolved in resolution.jobs.items():  # those that others depend on come first
        record = resolved.record
        if not resolved.is_hit or record is None:
            continue
        lacks = lacking(resolution, job, record, here)
        if not lacks and EMPTY in record.outputs and not resolution.side_files.needed(job, record):
            for maker, files in snakemake_api.makers(job).items():
                if maker in found and _has_flag(resolution.jobs[maker], files):
                    lacks = found[maker]
        if lacks:
            found[job] = lacks
    return found


def _has_flag(resolved: Resolved, files: Iterable[File]) -> bool:
    return any(resolved.versions.get(label(file)) == EMPTY for file in files)


def lacking(
    resolution: Resolution, job: Job, record: Record, here: Here, is_starting: bool = False
) -> str:
    """Why those that read a job's outputs would not find what they need, in words.

    Empty if they would, or there are none.

    Parameters
    ----------
    is_starting : bool
        Whether the job is about to start.
    """
    if not snakemake_api.readers(job):
        return _replaced(resolution, job, record, is_starting)
    is_told = is_elsewhere(record.made_in, here)
    needed = resolution.side_files.needed(job, record)
    if not (is_told or needed):
        return ""
    if record.made_in and is_told:
        return f"it contains the path of the directory in which it was made, {record.made_in.path}"
    if lost := resolution.side_files.lost(job, record, is_starting):
        return f"{lost}, which goes with it, is not here as it was made"
    return ""


def _replaced(resolution: Resolution, job: Job, record: Record, is_starting: bool = False) -> str:
    """What is lacking of a result that nobody reads but who asked for it, in words."""
    path = resolution.side_files.replaced(job, record, is_starting)
    return f"{path}, which goes with it, is of another run" if path else ""


def _runs(job: Job, resolved: Resolved) -> bool:
    """Whether a job runs whoever needs it, as far as is known.

    What is known but gone is made again only for others. So is a pipe.
    """
    if is_forced(job) or needs_to_run(job):
        return True
    if snakemake_api.waits(job):
        return False  # what it reads is known when its checkpoint is there, or has run
    if resolved.is_hit:  # of local files Snakemake decides
        return not all(map(stored, job.output))
    is_known = resolved.record is not None and not resolved.failing
    return not is_known and not all(map(snakemake_api.is_pipe, job.output))
