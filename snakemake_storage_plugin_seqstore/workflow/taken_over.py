"""What plain Snakemake made, as far as its own metadata say how: whether others may reuse it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.unknown import Unknown
from snakemake_storage_plugin_seqstore.workflow import (
    snakemake_api,
    snakemake_params,
    snakemake_sources,
)
from snakemake_storage_plugin_seqstore.workflow.files import source_time
from snakemake_storage_plugin_seqstore.workflow.symbolic_command import is_command_of
from snakemake_storage_plugin_seqstore.workflow.telling import Teller

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job

_ROUNDED = 1.0  # s; filesystems and archives round times


@dataclass(frozen=True)
class PlainRun:
    """The run of a job that made its outputs.

    Parameters
    ----------
    began, ended : float
        When it began, and when it had made its outputs, in s since the epoch.
    """

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0.0, self.ended - self.began)


def plain_run(
    job: Job,
    told: Told,
    version_of: Callable[[File], Version | None],
    teller: Teller,
    contents: Contents,
) -> PlainRun | None:
    """The run that made a job's outputs, if it is known that it was told what the job is told now.

    That takes more than Snakemake's own check: that its metadata are of today's form, that the
    whole command was the same, that nobody wrote to an output since, and that no input, nor what
    is plain from the code, is newer than the outputs or has another checksum. Of config and of
    what a `run:` block uses, Snakemake's metadata say nothing.

    Parameters
    ----------
    version_of : callable
        Says what an input that another job makes contains, as far as that is known.
    """
    said = snakemake_api.unchanged_metadata(job)
    if not said or "config" in told.varying or told.operation.parts.get("globals"):
        return None
    if job.rule.shellcmd is not None and not all(_is_same_command(job, each) for each in said):
        return None
    # Where plain Snakemake touched the outputs, its metadata say so of another run.
    if not all(each.starttime and each.starttime < each.endtime for each in said):
        return None
    made = min(each.endtime for each in said)
    try:
        for file, each in zip(job.output, said, strict=True):
            is_gone = file.flags.get("temp") and not os.path.lexists(file)
            if not is_gone and abs(source_time(file) - each.endtime) >= _ROUNDED:
                return None
        read = [_changed(job, file, version_of) for file in job.input]
        sources = (*snakemake_sources.script_path(job), *teller.plain_reads(job).files)
        read += map(source_time, sources)
        checksums = {*chain.from_iterable((each.input_checksums or {}).items() for each in said)}
        for path, checksum in checksums:  # of small files
            if os.path.isfile(path) and f"sha256:{contents.version(path).digest}" != checksum:
                return None
    except (OSError, SeqstoreError):
        return None
    if max(read, default=0.0) > made:
        return None
    return PlainRun(min(each.starttime for each in said), max(each.endtime for each in said))


def unseen(job: Job, file: File) -> Version | None:
    """What stands for a temporary that plain Snakemake removed: the run that made it."""
    said = snakemake_api.metadata(job, file)
    if said is None or not (file.flags.get("temp") and said.endtime):
        return None
    return Version.unseen(f"{file} {said.starttime} {said.endtime}")


def _is_same_command(job: Job, said: Any) -> bool:
    try:
        return is_command_of(job, snakemake_params.declared_params(job), said.shellcmd or "")
    except Unknown:
        return False


def _changed(job: Job, file: File, version_of: Callable[[File], Version | None]) -> float:
    """When an input changed, in s since the epoch.

    Raises
    ------
    OSError
        If it is not there, nor known to be what the job read.
    """
    if not os.path.lexists(file):
        for maker, files in snakemake_api.makers(job).items():
            for made in maker.output:
                version = unseen(maker, made) if made in files and made == file else None
                if version and version == version_of(file):
                    return float(snakemake_api.metadata(job, made).endtime)
    return source_time(file)
