"""What happens when a job runs: it is fetched instead, or what it made is recorded."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import DamageError, SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Watched
from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReads
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.observe import Observation
from snakemake_storage_plugin_seqstore.store import (
    EMPTY,
    Entry,
    Materialisation,
    Record,
    Version,
    version_log,
)
from snakemake_storage_plugin_seqstore.store.background import Parcel, Task
from snakemake_storage_plugin_seqstore.store.filesystem import discard, overwrite
from snakemake_storage_plugin_seqstore.unknown import Unknown
from snakemake_storage_plugin_seqstore.workflow import about, messages, snakemake_api
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, file_name
from snakemake_storage_plugin_seqstore.workflow.conditions import Seen
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.plan import needs_to_run
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse
from snakemake_storage_plugin_seqstore.workflow.stores import Made

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_api import Job

_SOON = 60.0  # s; after that, what was added to a store is renewed before something means it

logger = logging.getLogger(__name__)


class Added(NamedTuple):
    """An output that was added to a store when its job ended, and how it looked then."""

    made: Made
    seen: tuple[int, ...]


@dataclass
class Execution:
    """One job that starts in this process.

    Parameters
    ----------
    told : Told or None
        What it is told; None if that is not known.
    contents : Watched
        The files that were looked at for it.
    began : float
        When it started, on the monotonic clock, in s.
    started : int
        When it started, in ns since the epoch.
    seconds : float
        How long it took.
    instructions : str
        Digest of what it is told, if the Snakefile is read again for it.
    plain : PlainReads
        What is plain from its code.
    observation : Observation or None
        What sees it; None if it is not observed.
    seen : Seen
        What it did, once it has ended.
    changed : str
        What changed under it while it ran; empty if nothing did.
    fetched : Record or None
        What was fetched instead of running it.
    added : dict
        Its outputs that were added to a store when it ended, by label.
    parcel : Parcel or None
        What is to be written down of it, if all of them were added.
    made : dict
        What was published of it so far, by label.
    """

    told: Told | None
    contents: Watched
    began: float
    started: int = field(default_factory=time.time_ns)
    seconds: float = 0.0
    instructions: str = ""
    plain: PlainReads = PlainReads()  # noqa: RUF009 it is frozen
    observation: Observation | None = None
    seen: Seen = Seen()  # noqa: RUF009 it is frozen
    changed: str = ""
    fetched: Record | None = None
    added: dict[str, Added] = field(default_factory=dict)
    parcel: Parcel | None = None
    made: dict[str, Made] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key under which its results are recorded; empty if they are not."""
        return self.told.key if self.told and not self.changed else ""


class Executions:
    """The jobs that run in this process.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._jobs: dict[Any, Execution] = {}
        self._finished: dict[str, str] = {}  # keys of the runs that made empty files, by label

    def start(self, job: Job) -> bool:
        """Look at everything that a job is given to read; fetch its outputs if they are known.

        Returns
        -------
        bool
            Whether the outputs are in place, so that the job need not run.
        """
        reuse = self._reuse
        resolution = reuse.resolution()
        contents = Watched(reuse.directory.hashes)
        teller = reuse.new_teller()
        told = None
        try:
            snakemake_api.refuse_special(job)
            versions = resolution.input_versions(job, contents, self._finished)
            told = teller.tell(job, versions, contents)
        except Unknown as reason:
            logger.debug(f"seqstore: rule {job.rule.name} cannot be recorded: {reason}")
        execution = Execution(told, contents, time.monotonic())
        execution.plain = teller.plain_reads(job, contents)
        if told and snakemake_api.is_spawned(job):
            execution.instructions = teller.instructions(job, contents)
            self._said(job).unlink(missing_ok=True)
        self._jobs[job] = execution
        if told and self._may_be_fetched(job):
            execution.fetched = self._fetch(job, execution.key)
        if execution.fetched is None:
            _discard_copies(job)
            self._bring_undeclared(job)
            execution.observation = self._observe(job)
        return execution.fetched is not None

    def _bring_undeclared(self, job: Job) -> None:
        """Bring files that other jobs made without declaring them, and that jobs read.

        That is where this job has its own files, and only what is missing: whoever wrote a record
        in a shared store decides on no other place.
        """
        folders = {os.path.dirname(os.path.abspath(file)) for file in (*job.input, *job.output)}
        for path, version in self._reuse.resolution().products.undeclared.items():
            folder, name = os.path.split(path)
            if folder in folders and not name.startswith(".") and not os.path.lexists(path):
                self._reuse.stores.bring_kept(job, version, Path(path))

    def _observe(self, job: Job) -> Observation | None:
        """Observe a job that runs in this process from now on, if that can be."""
        observing = self._reuse.observing
        if not observing.is_on:
            if observing.reason:
                self._reuse.directory.messages.tell(
                    f"jobs are not observed, so files that they read without declaring them do "
                    f"not count: {observing.reason}"
                )
            return None
        # Its process observes a job that has one of its own; nobody sees into a container.
        if snakemake_api.is_spawned(job) and not self._reuse.workflow.subprocess_exec:
            return None
        if snakemake_api.runs_in_container(job):
            return None
        return observing.begin(attach=snakemake_api.is_python_block(job))

    def start_there(self, job: Job) -> None:
        """Note what a job is told in the process of its own, and observe it there."""
        reuse = self._reuse
        teller = reuse.new_teller()
        execution = Execution(None, Watched(reuse.directory.hashes), time.monotonic())
        execution.instructions = teller.instructions(job, execution.contents)
        execution.plain = teller.plain_reads(job, execution.contents)
        self._jobs[job] = execution
        execution.observation = self._observe(job)

    def finish_there(self, job: Job) -> None:
        """Say in the process of its own what a job was told and what it read.

        Raises
        ------
        ObserverDied
            As `finish` does.
        """
        execution = self._jobs[job]
        self._note_reads(job, execution)
        said = {"instructions": execution.instructions, "seen": asdict(execution.seen)}
        path = self._said(job)
        overwrite(path, json.dumps(said).encode(), path.parent.parent)

    def finish(self, job: Job) -> None:
        """Note that a job ran, and what it read.

        Raises
        ------
        ObserverDied
            If what observed it ended before: it may have gone wrong without a word.
        """
        execution = self._jobs[job]
        execution.seconds = time.monotonic() - execution.began
        statuses = {file: _status(job, file) for file in job.output}
        if execution.instructions:
            self._hear(job, execution)
        else:
            self._note_reads(job, execution)
        self._note_seen(job, execution.seen)
        if execution.told and (changed := self._changed(execution)):
            execution.changed = changed
            logger.warning(
                f"seqstore: {changed} changed while rule {job.rule.name} ran: what it made is "
                "published by its name only, and made again the next time."
            )
        if execution.told and execution.key:
            if not job.shadow_dir:  # else they are not yet where they will be published from
                execution.added = dict(self._adding(statuses))
            made = {name: added.made for name, added in execution.added.items()}
            if all(map(_is_there, statuses, statuses.values())) and _is_whole(job, made):
                parcel = Parcel.of(self._writing(job, execution, made))
                if made:
                    execution.parcel = parcel
                else:
                    self._reuse.stores.in_background(parcel)
        self._note_run(job, execution.key, statuses)

    def _note_reads(self, job: Job, execution: Execution) -> None:
        observing = self._reuse.observing
        accesses = None
        if execution.observation:
            attached = snakemake_api.is_python_block(job)
            accesses = observing.end(execution.observation, attached)
        conditions = self._reuse.new_conditions(execution.contents, self._reuse.resolution())
        execution.seen = conditions.of_run(job, accesses, execution.plain, execution.started)

    def _note_seen(self, job: Job, seen: Seen) -> None:
        """Tell of what a job did that keeps others from its result, and keep what they read."""
        if seen.rejected:
            self._reuse.directory.messages.tell(
                f"what rule {job.rule.name} made is not reused elsewhere: {seen.rejected}"
            )
        products = self._reuse.resolution().products
        for path in seen.of_others:
            name = os.path.relpath(path)
            self._reuse.directory.messages.tell(
                f"rule {job.rule.name} reads {name}, which another rule makes without declaring "
                "it: declare it as its output and here as input"
            )
            self._reuse.stores.keep(job, name, Path(path))
        products.add_undeclared(seen.undeclared)

    def _adding(self, statuses: Mapping[Any, os.stat_result | None]) -> Iterator[tuple[str, Added]]:
        """Add the outputs of a job to their stores, in its own thread: that may take long.

        Nothing means them before Snakemake has accepted and published them.
        """
        for file, status in statuses.items():
            if status and (ours := stored(file)):
                # What fails here is told when it is published.
                with suppress(SeqstoreError, OSError):
                    made = self._reuse.stores.add(ours.provider.store, ours.copy_path)
                    yield ours.base_label, Added(made, _seen(status))

    def _hear(self, job: Job, execution: Execution) -> None:
        """Take over what the process of a job said of it."""
        path = self._said(job)
        try:
            said = json.loads(path.read_bytes())
            path.unlink()
            execution.seen = Seen.load(said["seen"])
        except (OSError, ValueError, KeyError, TypeError):
            said = {}
        if said.get("instructions") != execution.instructions:
            execution.changed = "the config, or what else the Snakefile reads,"

    def _changed(self, execution: Execution) -> str:
        """What others changed under a job while it ran; empty if nothing did."""
        return execution.changed or execution.contents.changed(execution.seen.took)

    def _said(self, job: Job) -> Path:
        folder: Path = self._reuse.directory.path / "said"
        return folder / file_name(label(job.output[0]))

    def publish(self, file: StoredFile) -> None:
        """Store the output of a job, or its log, and say that this working directory has it.

        That everybody can find it is written down in the background, once it is durable.
        """
        name = file.base_label
        resolution = self._reuse.resolution()
        job = resolution.producers.get(name)
        execution = self._jobs.get(job)
        if execution is None:
            said = self._reuse.claims.made_in_this_run(name)
            if said and said.version:
                return  # the process of the job did it, on this node or another one
            execution = Execution(None, Watched(self._reuse.directory.hashes), 0.0)
        transfer.check(file.parsed, file.copy_path)
        made = self._published(file, execution)
        # Clocks of nodes differ: an output is never older than what it was made from.
        newest = resolution.newest_input(job) if job else 0
        claim = Claim(
            made.version,
            max(version_log.now(), newest),
            execution.key,
            is_touched=bool(execution.seen.rejected),  # it stands here, without a record
        )
        self._reuse.claim(file, claim, made.store)
        is_output = job is not None and name in map(label, job.output)
        if is_output and file.is_in_place:
            self._leave_link(job, file, made, claim)
        if job is None or not is_output or not execution.key or execution.fetched:
            key = execution.key if is_output else ""
            self._reuse.stores.in_background(Parcel.of([self._naming(file, made, key)]))
            return
        execution.made[name] = made
        if _is_whole(job, execution.made):
            parcel = execution.parcel or Parcel.of(self._writing(job, execution, execution.made))
            execution.parcel = None
            self._reuse.stores.in_background(parcel)

    def _leave_link(self, job: Any, file: StoredFile, made: Made, claim: Claim) -> None:
        """Let an output in its own place be a link into the store: it takes its bytes once."""
        protected = any(
            label(each) == file.label and each.flags.get("protected") for each in job.output
        )
        provider = file.provider
        if (
            protected
            or provider.materialisation is not Materialisation.SYMLINK
            or os.geteuid() == 0
        ):
            return
        entry = Entry(file.parsed.collection, file.parsed.name, made.version, claim.time)
        transfer.bring(made.store, entry, file.parsed, file.copy_path, provider.materialisation)

    def _published(self, file: StoredFile, execution: Execution) -> Made:
        """The output of a job in a store: as it was when the job ended, or else as it is now."""
        path = file.copy_path
        if added := execution.added.get(file.base_label):
            if added.seen == _seen(os.stat(path)) and self._is_kept(added.made, execution):
                return added.made
            execution.parcel = None
        return self._reuse.stores.add(file.provider.store, path)

    def _is_kept(self, made: Made, execution: Execution) -> bool:
        """Whether nobody removes from the store what was added to it when a job ended."""
        # A group publishes at its end, which may be long after a job of it ended.
        ended = execution.began + execution.seconds
        return time.monotonic() - ended < _SOON or made.store.renew(made.version)

    def remove(self, file: StoredFile) -> None:
        """Give up the claim to an output, or a temporary's name; nobody else is affected.

        What a temporary file means stays known, and since when: else it would look newer in the
        next run than what was made of it.
        """
        before = self._reuse.current(file.base_label)
        if before and before.version and self._is_temporary(file):
            task = self._reuse.stores.withdrawing(file, before.version)
            self._reuse.stores.in_background(Parcel.of([task]))
        else:
            self._reuse.claim(file, Claim(None, version_log.now()))
        if file.is_in_place:
            discard(file.copy_path)

    def _is_temporary(self, file: StoredFile) -> bool:
        job = self._reuse.resolution().producers.get(file.base_label)
        outputs = job.output if job else ()
        return any(label(each) == file.label and each.flags.get("temp") for each in outputs)

    def touch(self, file: StoredFile) -> None:
        """Let an output be new from now on, for this working directory."""
        name = file.base_label
        claim = self._reuse.current(name)
        if claim is None or self._reuse.entry(file) is None:
            return
        resolution = self._reuse.resolution()
        told = resolution.jobs[resolution.producers[name]].told
        key = told.key if told else claim.key
        is_touched = claim.is_touched or key != claim.key
        self._reuse.claim(
            file, replace(claim, time=version_log.now(), key=key, is_touched=is_touched)
        )

    def _note_run(self, job: Job, key: str, statuses: Mapping[Any, os.stat_result | None]) -> None:
        """Note of which run files are whose content does not say it.

        These are empty ones, and the log and benchmark if somebody needs them. Those that are
        stored are claimed when they are.
        """
        # The process of a job does not know who needs them.
        found = (
            snakemake_api.needed_traces(job)
            if self._reuse.workflow.is_main_process
            else snakemake_api.traces(job)
        )
        empty = [file for file, status in statuses.items() if _is_empty(file, status)]
        self._finished |= dict.fromkeys(map(label, empty), key)
        for file in (*found, *empty):
            if not stored(file):
                with suppress(FileNotFoundError):
                    version = self._local_version(job, file)
                    self._reuse.claims.put(label(file), Claim(version, version_log.now(), key))

    def _naming(self, file: StoredFile, made: Made, key: str) -> Task:
        """To let the name of a file mean what was made, once that is durable."""
        return self._reuse.stores.assigning(made.store, file, made.version, key)

    def _writing(self, job: Job, execution: Execution, made: Mapping[str, Made]) -> list[Task]:
        """To write down what a job made: what its outputs are called, and the record."""
        assert execution.told
        outputs = [stored(file) for file in job.output]
        named = [
            self._naming(ours, made[ours.base_label], execution.key) for ours in outputs if ours
        ]
        try:
            versions = [
                made[ours.base_label].version if ours else self._local_version(job, file)
                for file, ours in zip(job.output, outputs, strict=True)
            ]
        except (SeqstoreError, OSError) as error:
            logger.warning(f"seqstore: what rule {job.rule.name} made is not recorded: {error}")
            return named
        if execution.seen.rejected:
            return named
        record = Record(
            execution.key,
            tuple(versions),
            tuple(ours is not None for ours in outputs),
            tuple(map(self._trace, snakemake_api.traces(job))),
            execution.told.canonical(),
            execution.seen.reads,
            execution.seen.undeclared,
            execution.seen.is_observed,
            execution.seconds,
            job.rule.name,
            about.of(job),
        )
        return named + self._reuse.stores.recording(job, record)

    def _trace(self, file: Any) -> Version | None:
        """A log or benchmark, stored as it is when the job has ended; None if it is not stored."""
        ours = stored(file)
        if ours is None:
            return None
        with suppress(SeqstoreError, OSError):
            return self._reuse.stores.add(ours.provider.store, ours.copy_path).version
        return None

    def _local_version(self, job: Job, file: Any) -> Version:
        """What a job made in a plain local file, before or after Snakemake took it."""
        path = _made_at(job, file)
        if not os.path.exists(path) and file.flags.get("touch"):
            return EMPTY
        return self._reuse.directory.contents.version(path)

    def _may_be_fetched(self, job: Job) -> bool:
        return (
            all(stored(file) for file in job.output)
            and not self._reuse.is_forced(job)
            and not (self._reuse.workflow.is_main_process and needs_to_run(job))
        )

    def _fetch(self, job: Job, key: str) -> Record | None:
        """Put the outputs of a job in place, all or none."""
        reuse = self._reuse
        resolution = reuse.resolution()
        conditions = reuse.new_conditions(reuse.directory.contents, resolution)
        records = reuse.stores.find_records(job, key)
        record = next(
            (
                each
                for each in records
                if reuse.stores.has_payloads(job, each)
                and _has_traces(job, each)
                and not conditions.failing(each, job, False, records)
            ),
            None,
        )
        if record is None:
            return None
        try:
            for file, version in zip(job.output, record.outputs, strict=True):
                self._place(file, version)
            for file, trace in zip(snakemake_api.traces(job), record.traces, strict=True):
                if trace and stored(file):
                    self._place(file, trace)
            if job.benchmark and not os.path.lexists(job.benchmark):  # Snakemake waits for it
                snakemake_api.write_benchmark(job, record.seconds)
        except (DamageError, OSError) as error:
            logger.warning(f"seqstore: rule {job.rule.name} is computed: {error}")
            for file in job.output:
                discard(str(file))
            return None
        logger.info(
            f"seqstore: rule {job.rule.name} was not computed but fetched: the same computation "
            f"took {messages.duration(record.seconds)} when it was made."
        )
        return record

    def _place(self, file: Any, version: Version) -> None:
        ours = stored(file)
        assert ours
        holder = self._reuse.stores.holder(ours.provider.store, version)
        if holder is None:
            raise DamageError(f"the stored bytes of {ours.parsed} are gone")
        query = ours.parsed
        entry = Entry(query.collection, query.name, version, version_log.now())
        path = ours.copy_path
        path.parent.mkdir(parents=True, exist_ok=True)
        transfer.bring(
            holder, entry, query, path, ours.provider.materialisation, ours.provider.verify
        )


def _has_traces(job: Job, record: Record) -> bool:
    """Whether a record has the logs and the benchmark that others need."""
    needed = {*map(label, snakemake_api.needed_traces(job))}
    traces = zip(snakemake_api.traces(job), record.traces, strict=False)
    return needed <= {label(file) for file, version in traces if version}


def _is_there(file: Any, status: os.stat_result | None) -> bool:
    """Whether a job made an output, or Snakemake is about to make it."""
    return status is not None or bool(file.flags.get("touch"))


def _is_whole(job: Job, made: Mapping[str, Made]) -> bool:
    """Whether all outputs of a job that are to be stored are."""
    return all(ours.base_label in made for file in job.output if (ours := stored(file)))


def _discard_copies(job: Job) -> None:
    """Remove local copies of what a job is about to make, as of a checkpoint that was brought.

    Snakemake does not, and members of a directory would stay in it.
    """
    for file in job.output:
        # A pipe is there for its reader before the job starts.
        if stored(file) and not file.flags.get("update") and not file.flags.get("pipe"):
            discard(str(file))


def _is_empty(file: Any, status: os.stat_result | None) -> bool:
    """Whether a job made an empty file, or Snakemake is about to make it."""
    if status is None:
        return _is_there(file, status)
    return stat.S_ISREG(status.st_mode) and status.st_size == 0  # a pipe always looks empty


def _seen(status: os.stat_result) -> tuple[int, ...]:
    """What stays the same of an output while Snakemake takes it: it gives it a new time."""
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    return status.st_ino, status.st_mode, size


def _made_at(job: Job, file: Any) -> str:
    """Where a local output is before Snakemake took it, or after that."""
    shadowed = job.shadowed_path(file)
    return str(shadowed if shadowed is file or os.path.exists(shadowed) else file)


def _status(job: Job, file: Any) -> os.stat_result | None:
    """What a job made, which its owner may write from now on; None if it did not make it.

    A copy of an input is read-only where that is so in the store, and Snakemake takes an output
    that is read-only for protected, and does not make it again.
    """
    path = _made_at(job, file)
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
