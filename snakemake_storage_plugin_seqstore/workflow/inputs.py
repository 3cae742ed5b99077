"""What the inputs of a job contain, and since when, as far as that is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import EMPTY, Record, Store, Version
from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown
from snakemake_storage_plugin_seqstore.workflow import snakemake_api, snakemake_sources
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims
from snakemake_storage_plugin_seqstore.workflow.files import (
    StoredFile,
    foreign_version,
    label,
    local_time,
    local_version,
    stored,
)

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import DAG, Job
    from snakemake_storage_plugin_seqstore.workflow.taken_over import PlainRun


@dataclass
class Resolved:
    """What is known about one job.

    Parameters
    ----------
    claims : dict
        What its stored outputs mean, by label; one that is not there is missing.
    versions : dict
        What its outputs contain, by label, where that is known; also of outputs that are not there,
        so that what is downstream can be found.
    told : Told or None
        What the job is told, if that is known.
    record : Record or None
        The execution whose result is the answer.
    reason : Unknown or None
        Why it is not known what the job is told.
    failing : list of str
        Why the newest record of the same key is no answer: what it read that is not the same here.
    lacks : str
        Why those that read the outputs would not find what they need, so that they are made again;
        empty if they stand.
    foreign : list of str
        Outputs in whose places other bytes are than the workflow's.
    taken_over : dict
        Claims to files that plain Snakemake left, by label: they are not in a store yet.
    plain_run : PlainRun or None
        The run that made them, if it was told what the job is told now.
    remembered : Record or None
        The record of that run, if a store has lost it.
    is_hit : bool
        Whether the stored outputs are there because the store has the same computation.
    is_unclaimed : bool
        Whether they have to be made, and what no run with seqstore made is in their places.
    is_inside : bool
        Whether the outputs lie in a directory that another job made: they are what is there.
    is_outdated : bool
        Whether the outputs were made otherwise, and the user wants them to stand from now on.
    is_old : bool
        Whether its outputs were made from an earlier result of a checkpoint, until Snakemake knows
        the inputs of a job before it.
    is_new : bool
        Whether the outputs will be something that nobody has made before, because this computation
        has no record, or one upstream has none.
    holders : dict
        Stores that have its outputs, by label, if it is a hit.
    before : dict
        What was there before of outputs that are updated, by label; None if nothing was.
    replaced : dict
        What is there and makes way for what is found, by label: that, or what others put there.
    """

    claims: dict[str, Claim] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    told: Told | None = None
    record: Record | None = None
    reason: Unknown | None = None
    failing: list[str] = field(default_factory=list)
    lacks: str = ""
    foreign: list[str] = field(default_factory=list)
    taken_over: dict[str, Claim] = field(default_factory=dict)
    plain_run: PlainRun | None = None
    remembered: Record | None = None
    is_hit: bool = False
    is_unclaimed: bool = False
    is_inside: bool = False
    is_outdated: bool = False
    is_old: bool = False
    is_new: bool = False
    holders: dict[str, Store] = field(default_factory=dict)
    before: dict[str, Version | None] = field(default_factory=dict)
    replaced: dict[str, Version | None] = field(default_factory=dict)


class Inputs:
    """The inputs of the jobs of a DAG.

    Parameters
    ----------
    dag : DAG
        The DAG.
    claims : Claims
        What the working directory claims.
    source : callable
        Says of a stored file that no job makes what it is, and since when.

    Attributes
    ----------
    jobs : dict
        What is known of the jobs, as far as they are resolved.
    producers : dict
        The jobs that make files, by label.
    """

    def __init__(
        self,
        dag: DAG,
        claims: Claims,
        source: Callable[[StoredFile], tuple[Version, int] | None],
    ) -> None:
        self._dag = dag
        self._claims = claims
        self._source = source
        self._times: dict[str, int] = {}
        self.jobs: dict[Job, Resolved] = {}
        self.producers: dict[str, Job] = {}

    def versions(
        self, job: Job, contents: Contents, finished: Mapping[str, str] | None = None
    ) -> tuple[Version, ...]:
        """What the inputs of a job contain.

        Parameters
        ----------
        finished : mapping of str to str, optional
            If the job is about to start, so that its inputs are here: the keys of the runs that
            have made empty files in this process, by label, and of those that fill its pipes.

        Raises
        ------
        Unknown
            If the content of one is not known.
        """
        makers, pipes = self.makers(job), snakemake_api.pipes(job)
        updated = {label(file) for file in job.output if snakemake_api.is_updated(file)}
        versions = []
        for file in job.input:
            if snakemake_api.is_before_update(file):
                versions.append(self._before_update(file, updated, contents))
            elif pipe := pipes.get(str(file)):
                versions.append(self._piped(str(file), pipe, finished or {}))
            else:
                try:
                    version = self._version(file, makers.get(label(file)), contents, finished)
                except NotYet:
                    if finished is not None or not snakemake_api.is_ancient(file):
                        raise
                    version = Version.unseen(f"a job that has not run: {label(file)}")
                versions.append(version)
        return tuple(versions)

    def _version(
        self, file: Any, maker: Any, contents: Contents, finished: Mapping[str, str] | None
    ) -> Version:
        """What an input contains that is a file."""
        name, at_start = label(file), finished is not None
        if (ours := stored(file)) is not None:
            version = self._stored_version(ours, name, maker, contents, at_start)
            if at_start:
                self._check_copy(ours, version, maker, contents)
        elif file.is_storage:
            version = foreign_version(file, contents, at_start)
        else:
            version = self._local_version(name, maker, contents, at_start)
        if version.digest == EMPTY.digest:
            return self._flag(name, maker, version, finished or {})
        return version

    def _before_update(self, file: Any, updated: Set[str], contents: Contents) -> Version:
        """What is there before a job of this run, perhaps the same one, updates it."""
        ours = stored(file)
        if label(file) in updated:
            return EMPTY  # what was there before is told besides
        if ours and not ours.is_in_place:
            raise Unknown(f"its input {label(file)} is what a store had before an update")
        try:
            return contents.version(label(file))
        except (OSError, SeqstoreError) as error:
            raise Unknown(f"its input {label(file)} cannot be read: {error}") from None

    def before(self, job: Job, contents: Contents) -> dict[str, Version | None]:
        """What is there now of the outputs that a job updates, by label; None if nothing is.

        Raises
        ------
        Unknown
            If it cannot be read.
        """
        found: dict[str, Version | None] = {}
        for file in filter(snakemake_api.is_updated, job.output):
            try:
                found[label(file)] = contents.version(str(file))
            except FileNotFoundError:
                found[label(file)] = None
            except (OSError, SeqstoreError) as error:
                raise Unknown(f"{file}, which it updates, cannot be read: {error}") from None
        return found

    def _piped(self, path: str, pipe: snakemake_api.Pipe, finished: Mapping[str, str]) -> Version:
        """What a pipe contains: it counts by what the job is told that fills it."""
        key = finished.get(path, "")
        if not key:
            maker = self.jobs.get(pipe.maker)
            reason = maker.reason if maker else None
            if maker is None or maker.told is None:
                unknown = NotYet if reason is None else type(reason)
                raise unknown(f"what rule {pipe.maker.rule.name} writes into {path}: {reason}")
            key = maker.told.key
        return Version.unseen(f"output {pipe.number} of {key}")

    def newest(self, job: Job) -> int:
        """Time of the newest of a job's inputs and its script, in ns.

        Its pipes are as new as what they are made of.
        """
        times = [self._local_time(path) for path in snakemake_sources.script_path(job)]
        pipes = snakemake_api.pipes(job)
        for file in job.input:
            if snakemake_api.is_ancient(file):
                continue
            if pipe := pipes.get(str(file)):
                times.append(self.newest(pipe.maker))
                continue
            ours = stored(file)
            is_users = ours and ours.is_in_place and label(file) not in self.producers
            if ours is None or is_users or snakemake_api.is_before_update(file):
                times.append(self._local_time(label(file)))
            elif claim := self.current(label(file)):
                times.append(claim.time)
            elif label(file) not in self.producers and (found := self._find_source(ours)):
                times.append(found[1])
        return max(times, default=0)

    def _find_source(self, file: StoredFile) -> tuple[Version, int] | None:
        """What a stored file is that no job makes, unless it is a view of something made."""
        base = file.base_label
        if base not in self.producers:
            found = self._source(file)
        else:
            claim = self.current(base)
            found = (claim.version, claim.time) if claim and claim.version else None
        if found and file.is_derived:
            return Version(transfer.checksum(found[0], file.parsed), "file", 0), found[1]
        return found

    def makers(self, job: Job) -> dict[str, Any]:
        """The jobs that make the inputs of a job, by label."""
        return {
            label(file): maker
            for maker, files in snakemake_api.makers(job).items()
            for file in files
        }

    def _stored_version(
        self, file: StoredFile, name: str, maker: Any, contents: Contents, at_start: bool
    ) -> Version:
        if maker is None:
            found = self._find_source(file)
            version = found[0] if found else None
            if version is None and file.is_in_place:
                return self._local_version(name, None, contents, at_start)
        elif claim := self._claims.made_in_this_run(name):
            version = claim.version
        elif at_start and file.copy_path.exists():  # a group stores its outputs at its end
            known = self._claim(name) if maker in self.jobs else None
            if known and known.version:
                version = local_version(file, known.version, known.time, contents)
            else:
                version = contents.version(file.copy_path)
        else:
            version = self.jobs[maker].versions.get(name) if maker in self.jobs else None
        if version is None:
            raise NotYet(f"its input {name if file.is_in_place else file.parsed} is not made yet")
        is_replaced = maker in self.jobs and name in self.jobs[maker].replaced
        if is_replaced or not file.is_in_place:
            return version
        return users_version(file, version, self._claims.known(name), contents) or version

    def _check_copy(
        self, file: StoredFile, version: Version, maker: Any, contents: Contents
    ) -> None:
        """Make sure that what a job is about to read is what the store has.

        Raises
        ------
        Unknown
            If the local copy was changed.
        """
        if file.is_derived or file.is_in_place:
            return
        source = self._find_source(file) if maker is None else None
        found = local_version(file, version, source[1] if source else 0, contents)
        # It may not be retrieved, but read where it is.
        if found and (found.digest, found.kind) != (version.digest, version.kind):
            raise Unknown(f"the local copy {file.copy_path} of {file.parsed} was changed")

    def _local_version(self, path: str, maker: Any, contents: Contents, at_start: bool) -> Version:
        try:
            return contents.version_of_source(path)
        except FileNotFoundError:
            made = self.jobs[maker].versions.get(path) if maker in self.jobs else None
            if made is None or at_start:
                raise NotYet(f"its input {path} is not here yet") from None
            return made
        except (OSError, SeqstoreError) as error:
            raise Unknown(f"its input {path} cannot be read: {error}") from None

    def _flag(
        self, name: str, maker: Any, version: Version, finished: Mapping[str, str]
    ) -> Version:
        """An empty file says only that its job ran: if a rule makes it, it counts by that run.

        What reads it may read what that job did besides.
        """
        resolved = self.jobs.get(maker)
        made = self._claims.made_in_this_run(name)
        if name in finished:  # a group stores its outputs at its end
            key = finished[name]
        elif made:
            key = made.key
        elif resolved and resolved.told:
            key = resolved.told.key
        else:
            claim = self._claims.get(name)
            key = claim.key if claim else ""
        if not key:
            return version
        return replace(version, digest=Version.unseen(key).digest)

    def current(self, name: str) -> Claim | None:
        """The claim that holds for an output now, by its label."""
        return self._claims.made_in_this_run(name) or self._claim(name)

    def _claim(self, name: str) -> Claim | None:
        maker = self.producers.get(name)
        return self.jobs[maker].claims.get(name) if maker else None

    def _local_time(self, path: str) -> int:
        if path not in self._times:
            self._times[path] = local_time(os.fspath(path))
        return self._times[path]


def version_in_place(
    file: StoredFile, version: Version, before: Claim | None, contents: Contents
) -> Version | None:
    """What is in a file's own place, which may be what it means; None if nothing is."""
    since = before.time if before and before.version == version else 0
    others = [before.version] if before and before.version else []
    return local_version(file, version, since, contents, *others)


def users_version(
    file: StoredFile, version: Version, before: Claim | None, contents: Contents
) -> Version | None:
    """What the user put in a file's own place; None for what it means, or meant before.

    Parameters
    ----------
    version : Version
        What the file means.
    before : Claim or None
        What it meant in this working directory before.
    """
    found = version_in_place(file, version, before, contents)
    ours = (version, before.version if before else None)
    return None if found in ours else found
