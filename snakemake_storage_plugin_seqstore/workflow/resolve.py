"""What every output of a DAG means, found in one pass from the sources to the targets."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import EMPTY, Record, Version
from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims
from snakemake_storage_plugin_seqstore.workflow.conditions import Conditions
from snakemake_storage_plugin_seqstore.workflow.files import (
    StoredFile,
    foreign_version,
    label,
    local_time,
    local_version,
    stored,
)
from snakemake_storage_plugin_seqstore.workflow.products import Products
from snakemake_storage_plugin_seqstore.workflow.stores import Stores
from snakemake_storage_plugin_seqstore.workflow.telling import Teller

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_api import File, Job


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
    taken_over : dict
        Claims to files that plain Snakemake left, by label: they are not in a store yet.
    is_hit : bool
        Whether the stored outputs are there because the store has the same computation.
    is_outdated : bool
        Whether the outputs were made otherwise, and the user wants them to stand from now on.
    is_new : bool
        Whether the outputs will be something that nobody has made before, because this computation
        has no record, or one upstream has none.
    """

    claims: dict[str, Claim] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    told: Told | None = None
    record: Record | None = None
    reason: Unknown | None = None
    failing: list[str] = field(default_factory=list)
    taken_over: dict[str, Claim] = field(default_factory=dict)
    is_hit: bool = False
    is_outdated: bool = False
    is_new: bool = False


class Resolution:
    """The jobs of a DAG, resolved.

    Parameters
    ----------
    dag : snakemake.dag.DAG
        The DAG, complete as far as its targets are known.
    teller : Teller
        Says what jobs are told.
    contents : Contents
        Says what local files contain.
    products : Products
        What the jobs make.
    claims : Claims
        What the working directory claims.
    stores : Stores
        Where records and payloads are.
    source : callable
        Says of a stored file that no job makes what it is, and since when.
    now : int
        Time, in ns, for all that this working directory comes to mean by this pass: one time, so
        that no hit looks older than the one it feeds on.
    before : set or None
        Jobs that were found before the DAG changed.
    """

    def __init__(
        self,
        dag: Any,
        teller: Teller,
        contents: Contents,
        products: Products,
        claims: Claims,
        stores: Stores,
        source: Callable[[StoredFile], tuple[Version, int] | None],
        now: int,
        before: Set[Any] | None,
    ) -> None:
        self._dag = dag
        self._teller = teller
        self._contents = contents
        self.products = products
        self._under_way: set[Job] = set()
        self._claims = claims
        self._stores = stores
        self._source = source
        self._now = now
        self._before = before
        self._times: dict[str, int] = {}
        self._incomplete: set[str] = set()
        self.jobs: dict[Any, Resolved] = {}
        self.producers: dict[str, Any] = {}

    def resolve(self, jobs: Iterable[Job], conditions: Conditions) -> None:
        """Resolve jobs; those that others depend on come first."""
        jobs = [job for job in jobs if not job.rule.norun]
        persistence = self._dag.workflow.persistence
        keys = {persistence._get_key(file): label(file) for job in jobs for file in job.output}
        self._incomplete = {keys[key] for key in persistence._filter_incomplete_keys(keys)}
        self._conditions = conditions
        for job in jobs:
            self.producers |= dict.fromkeys(map(label, job.products()), job)
        for job in jobs:
            self._resolve(job)
        known = 0
        while len(self.products.undeclared) > known:
            known = len(self.products.undeclared)
            self._conditions.look_again()
            self._look_again(jobs)

    def product_digest(self, path: str) -> str | None:
        """SHA-256 of what a job makes at a path, as its record says; else of what is there."""
        if found := self.products.maker(path):
            job, file, inside = found
            self._resolve(job)
            resolved = self.jobs.get(job)
            version = resolved.versions.get(label(file)) if resolved else None
            if version is not None and inside and (ours := stored(file)):
                version = self._stores.member(ours.provider.store, version, inside)
            if version is not None:
                return version.digest
        if path in self.products.undeclared:
            return self.products.undeclared[path].digest
        try:
            return self._contents.version(path).digest
        except (OSError, SeqstoreError):
            return None

    def _look_again(self, jobs: list[Job]) -> None:
        """Resolve again what failed by what it read, and what follows from that.

        Others may make that without declaring it, as their records say.
        """
        doubtful: set[Job] = set()
        for job in jobs:
            makers = self._dag.dependencies[job]
            if self.jobs[job].failing or not doubtful.isdisjoint(makers):
                doubtful.add(job)
        for job in doubtful:
            del self.jobs[job]
        for job in jobs:
            self._resolve(job)

    def _resolve(self, job: Job) -> None:
        """Resolve a job and what it depends on, unless that is done or under way."""
        if job in self.jobs or job in self._under_way or job.rule.norun:
            return
        self._under_way.add(job)
        for maker in self._dag.dependencies[job]:
            self._resolve(maker)
        self.jobs[job] = resolved = self._job(job)
        self._under_way.remove(job)
        if resolved.is_hit and resolved.record:
            self.products.add_undeclared(resolved.record.undeclared)

    def input_versions(
        self, job: Job, contents: Contents, finished: Mapping[str, str] | None = None
    ) -> tuple[Version, ...]:
        """What the inputs of a job contain.

        Parameters
        ----------
        finished : mapping of str to str, optional
            If the job is about to start, so that its inputs are here: the keys of the runs that
            have made empty files in this process, by label.

        Raises
        ------
        Unknown
            If the content of one is not known.
        """
        makers = self._makers(job)
        at_start = finished is not None
        versions = []
        for file in job.input:
            maker = makers.get(label(file))
            if (ours := stored(file)) is not None:
                version = self._stored_version(ours, label(file), maker, contents, at_start)
                if at_start:
                    _check_copy(str(file), ours, version, contents)
            elif file.is_storage:
                version = foreign_version(file, contents, at_start)
            else:
                version = self._local_version(label(file), maker, contents, at_start)
            if version.digest == EMPTY.digest:
                version = self._flag(label(file), maker, version, finished or {})
            versions.append(version)
        return tuple(versions)

    def newest_input(self, job: Job) -> int:
        """Time of the newest of a job's inputs and its script, in ns."""
        times = [self._local_time(path) for path in snakemake_api.script_path(job)]
        for file in job.input:
            ours = stored(file)
            if ours is None or (ours.is_in_place and label(file) not in self.producers):
                times.append(self._local_time(label(file)))
            elif claim := self._claims.made_in_this_run(label(file)) or self._claim(label(file)):
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
            claim = self._claims.made_in_this_run(base) or self._claim(base)
            found = (claim.version, claim.time) if claim and claim.version else None
        if found and file.parsed.is_derived:
            return Version(transfer.checksum(found[0], file.parsed), "file", 0), found[1]
        return found

    def _makers(self, job: Job) -> dict[str, Any]:
        return {
            label(file): maker
            for maker, files in self._dag.dependencies[job].items()
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
            version = contents.version(file.copy_path)
        else:
            version = self.jobs[maker].versions.get(name) if maker in self.jobs else None
        if version is None:
            raise NotYet(f"its input {name if file.is_in_place else file.parsed} is not made yet")
        return self._in_place(file, name, version, contents) if file.is_in_place else version

    def _in_place(
        self, file: StoredFile, name: str, version: Version, contents: Contents
    ) -> Version:
        """What readers of an output find in its own place: other bytes than ours are the user's."""
        found = local_version(file, version, contents)
        before = self._claims.known(name)
        if found is None or (before and found.identity == _identity(before)):
            return version  # it will be put there
        return found

    def _local_version(self, path: str, maker: Any, contents: Contents, at_start: bool) -> Version:
        try:
            return contents.version(path)
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
        return replace(version, digest=hashlib.sha256(f"made by {key}".encode()).hexdigest())

    def _job(self, job: Job) -> Resolved:
        resolved = Resolved()
        try:
            snakemake_api.refuse_special(job)
            versions = self.input_versions(job, self._contents)
            resolved.told = self._teller.tell(job, versions, self._contents)
            key = resolved.told.key
        except Unknown as reason:
            resolved.reason = reason
            makers = [self.jobs[each] for each in self._dag.dependencies[job] if each in self.jobs]
            if isinstance(reason, NotYet):
                is_new = any(maker.is_new for maker in makers)
                resolved.is_new = is_new or self._lacks_checkpoint(job)
            if not resolved.is_new:
                self._believe_claims(job, resolved)
                if self._touches:
                    self._take_over_unknown(job, resolved)
        else:
            self._look_up(job, resolved, key)
        return resolved

    def _lacks_checkpoint(self, job: Job) -> bool:
        """Whether a checkpoint is not there that says what a job reads.

        What the job made before is not believed then, as Snakemake would not look at it again. A
        temporary one is never there.
        """
        makers = self._makers(job)
        for file in job.input:
            maker = self.jobs.get(makers.get(label(file)))
            if maker and file.flags.get("checkpoint_target") and not file.flags.get("temp"):
                if stored(file):
                    is_there = label(file) in maker.claims
                else:
                    is_there = file.is_storage or os.path.exists(file)
                if not is_there:
                    return True
        return False

    def _believe_claims(self, job: Job, resolved: Resolved) -> None:
        """What a job made here before stands, as it would with local files.

        Snakemake's own metadata must be there, to tell it when the job has to run again.
        """
        for file in job.output:
            if ours := stored(file):
                claim = self._claims.get(label(file))
                if claim and claim.version and self._dag.workflow.persistence.metadata(file):
                    resolved.versions[label(file)] = claim.version
                    if self._stores.holder(ours.provider.store, claim.version):
                        resolved.claims[label(file)] = claim

    def _look_up(self, job: Job, resolved: Resolved, key: str) -> None:
        names = [label(file) for file in job.output]
        before = [self._claims.known(name) for name in names]
        if made := self._made_now(job, key):
            resolved.claims = made
            resolved.versions = {
                name: claim.version for name, claim in made.items() if claim.version
            }
            resolved.is_hit = True
            return
        record = self._answer(job, resolved, key, before)
        if record is None:
            resolved.is_new = not self._keep_touched(job, resolved, before)
            return
        resolved.record = record
        resolved.versions = dict(zip(names, record.outputs, strict=True))
        recorded = zip(snakemake_api.traces(job), record.traces, strict=False)
        resolved.versions |= {label(file): trace for file, trace in recorded if trace}
        # An earlier run may have been interrupted while it made this; Snakemake asks for it then.
        if not self._incomplete.isdisjoint(names) or not self._stores.has_payloads(job, record):
            return
        if job.is_checkpoint and self._dag.workflow.dryrun and _lacks_copy(job):
            resolved.failing = [
                "it is in the store, but a dry run brings nothing: what depends on this checkpoint "
                "is shown as if it had to run"
            ]
            return  # functions read what it makes
        # Snakemake looks once for checkpoints that are there. What depends on one that is found
        # later is made anew only when it has run: then it is fetched.
        is_late = self._before is not None and job not in self._before
        if (
            job.is_checkpoint
            and is_late
            and any(map(snakemake_api.waits, self._dag.depending[job]))
        ):
            return
        newest = self.newest_input(job)
        traces = self._traces(job, record, key, newest)
        if traces is None:
            resolved.is_new = True
            return
        resolved.is_hit = True
        resolved.claims |= traces
        for file, claim in zip(job.output, before, strict=True):
            if stored(file):
                version = resolved.versions[label(file)]
                since = claim.time if claim and claim.version == version else self._now
                resolved.claims[label(file)] = Claim(version, max(since, newest), key)

    def _traces(self, job: Job, record: Record, key: str, newest: int) -> dict[str, Claim] | None:
        """What the logs and the benchmark mean; None if one is not there that others need.

        Snakemake takes a benchmark that is older than an input for a reason to run.
        """
        found: dict[str, Claim] = {}
        recorded = zip(snakemake_api.traces(job), record.traces, strict=False)
        versions = {label(file): version for file, version in recorded}
        needed = snakemake_api.needed_traces(job)
        for file in snakemake_api.traces(job):
            ours, version = stored(file), versions.get(label(file))
            known = self._claims.known(label(file))
            if file not in needed:
                if ours and known and known.version:
                    found[label(file)] = replace(known, time=max(known.time, newest))
            elif ours is None:
                if not self._is_of(file, key):
                    return None
            elif version is None or self._stores.holder(ours.provider.store, version) is None:
                return None
            else:
                since = known.time if known and known.version == version else self._now
                found[label(file)] = Claim(version, max(since, newest), key)
        return found

    def _made_now(self, job: Job, key: str) -> dict[str, Claim]:
        """The claims of a job that ran in this run, before its DAG changed; empty if it did not."""
        made: dict[str, Claim] = {}
        for file in job.output:
            claim = self._claims.made_in_this_run(label(file))
            if claim is None or claim.version is None or claim.key != key or not stored(file):
                return {}
            made[label(file)] = claim
        return made

    def _answer(
        self, job: Job, resolved: Resolved, key: str, before: list[Claim | None]
    ) -> Record | None:
        """The record that answers for a job: what this directory has, else the newest."""

        def is_own(record: Record) -> bool:
            claimed = [claim.version if claim and claim.key == key else None for claim in before]
            pairs = zip(claimed, record.outputs, strict=True)
            return all(version in (None, output) for version, output in pairs) and any(claimed)

        records = self._stores.find_records(job, key)
        records = [record for record in records if len(record.outputs) == len(before)]
        records.sort(key=lambda record: not is_own(record))  # the newest first otherwise
        for record in records:
            failing = self._conditions.failing(record, job, is_own(record), records)
            if not failing:
                return record
            resolved.failing = resolved.failing or failing
        return None

    def _keep_touched(self, job: Job, resolved: Resolved, before: list[Claim | None]) -> bool:
        """Let outputs stand that were made otherwise, if the user says so by ``--touch``.

        Files that plain Snakemake left in their places are taken over. That holds in this working
        directory, until their provenance changes again.
        """
        assert resolved.told
        key = resolved.told.key
        kept: dict[str, Claim] = {}
        for file, claim in zip(job.output, before, strict=True):
            ours = stored(file)
            if ours is None:
                continue
            if claim is None or not (claim.version or claim.is_touched):
                claim = self._found_here(file, ours, key) if self._touches else None
                if claim is None:
                    return False
                resolved.taken_over[label(file)] = claim
            elif (not self._touches and not (claim.is_touched and claim.key == key)) or (
                claim.version and not self._stores.holder(ours.provider.store, claim.version)
            ):
                return False
            kept[label(file)] = claim
        there = {name: claim for name, claim in kept.items() if claim.version}
        resolved.is_hit = bool(there) and all(claim.key == key for claim in there.values())
        resolved.is_outdated = bool(there) and not resolved.is_hit
        newest = self.newest_input(job) if resolved.is_hit else 0
        for name, claim in there.items():
            resolved.claims[name] = replace(claim, time=max(claim.time, newest))
            resolved.versions[name] = claim.version  # type: ignore[assignment]
        return bool(kept)

    @property
    def _touches(self) -> bool:
        """Whether the user says by ``--touch`` that what is here stands."""
        workflow = self._dag.workflow
        return workflow.executor_plugin is not None and workflow.touch

    def _found_here(self, file: File, ours: StoredFile, key: str) -> Claim | None:
        """A claim to what plain Snakemake left in a place, or to a temporary that it removed.

        None if nothing is there that could be claimed.
        """
        if not ours.is_in_place:
            return None
        try:
            version = self._contents.version(ours.copy_path)
        except FileNotFoundError:
            return Claim(None, self._now, key, is_touched=True) if file.flags.get("temp") else None
        return Claim(version, self._now, key, is_touched=True)

    def _take_over_unknown(self, job: Job, resolved: Resolved) -> None:
        """Take over what is here of a job of which it is not known what it is told."""
        for file in job.output:
            ours = stored(file)
            known = self._claims.get(label(file))
            if ours and not (known and known.version):
                claim = self._found_here(file, ours, "")
                if claim and claim.version:
                    resolved.taken_over[label(file)] = resolved.claims[label(file)] = claim
                    resolved.versions[label(file)] = claim.version

    def _is_of(self, trace: Any, key: str) -> bool:
        """Whether a log or benchmark that is here is of the run that made a result."""
        claim = self._claims.known(label(trace))
        if claim is None or claim.key != key:
            return False
        try:
            return self._contents.version(trace) == claim.version
        except (OSError, SeqstoreError):
            return False

    def _claim(self, name: str) -> Claim | None:
        maker = self.producers.get(name)
        return self.jobs[maker].claims.get(name) if maker else None

    def _local_time(self, path: str) -> int:
        if path not in self._times:
            self._times[path] = local_time(os.fspath(path))
        return self._times[path]


def _identity(claim: Claim) -> str:
    return claim.version.identity if claim.version else ""


def _lacks_copy(job: Job) -> bool:
    """Whether an output is not in its place."""
    return any(stored(file) and not os.path.exists(file) for file in job.output)


def _check_copy(path: str, file: StoredFile, version: Version, contents: Contents) -> None:
    """Make sure that what a job is about to read is what the store has.

    Raises
    ------
    Unknown
        If the local copy was changed.
    """
    if file.parsed.is_derived or file.is_in_place:
        return
    try:
        status = os.lstat(path)
        is_link = stat.S_ISLNK(status.st_mode)
        objects = file.provider.store.objects
        if is_link and os.readlink(path) == str(objects.path(version.digest)):
            return
        found = contents.version(path, None if is_link else status)
    except FileNotFoundError:
        return  # it is not retrieved, but read where it is
    if (found.digest, found.kind) != (version.digest, version.kind):
        raise Unknown(f"the local copy {path} of {file.parsed} was changed")
