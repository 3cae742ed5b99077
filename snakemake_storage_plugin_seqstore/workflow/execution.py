"""What happens when a job runs: it is fetched instead, or what it made is recorded."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import DamageError, SeqstoreError
from snakemake_storage_plugin_seqstore.store import EMPTY, Entry, Record, Version, version_log
from snakemake_storage_plugin_seqstore.store.background import Parcel, Task
from snakemake_storage_plugin_seqstore.store.filesystem import discard, overwrite
from snakemake_storage_plugin_seqstore.workflow import explain
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, file_name
from snakemake_storage_plugin_seqstore.workflow.contents import Watched
from snakemake_storage_plugin_seqstore.workflow.describer import Describer
from snakemake_storage_plugin_seqstore.workflow.description import Description
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.jobs import (
    is_spawned,
    needed_traces,
    refuse_special,
    traces,
)
from snakemake_storage_plugin_seqstore.workflow.reuse import FOLDER, Reuse
from snakemake_storage_plugin_seqstore.workflow.stores import Made
from snakemake_storage_plugin_seqstore.workflow.unknown import Unknown

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
    description : Description or None
        How it is made, from what it is given to read; None if that cannot be told.
    contents : Watched
        The files that were looked at for it.
    began : float
        When it started, on the monotonic clock, in s.
    seconds : float
        How long it took.
    told : str
        Digest of what it is told to do, if the Snakefile is read again for it.
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

    description: Description | None
    contents: Watched
    began: float
    seconds: float = 0.0
    told: str = ""
    changed: str = ""
    fetched: Record | None = None
    added: dict[str, Added] = field(default_factory=dict)
    parcel: Parcel | None = None
    made: dict[str, Made] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key under which its results are recorded; empty if they are not."""
        return self.description.key if self.description and not self.changed else ""


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

    def start(self, job: Any) -> bool:
        """Look at everything that a job is about to read; fetch its outputs if they are known.

        Returns
        -------
        bool
            Whether the outputs are in place, so that the job need not run.
        """
        reuse = self._reuse
        resolution = reuse.resolution()
        contents = Watched(reuse.digests)
        describer = reuse.new_describer(contents)
        description = None
        try:
            refuse_special(job)
            versions = resolution.input_versions(job, contents, self._finished)
            description = describer.describe(job, versions, at_start=True)
        except Unknown as reason:
            logger.debug(f"seqstore: rule {job.rule.name} cannot be recorded: {reason}")
        execution = Execution(description, contents, time.monotonic())
        if description and is_spawned(job):
            execution.told = _instructions(job, describer)
            self._told(job).unlink(missing_ok=True)
        self._jobs[job] = execution
        if description and self._may_be_fetched(job):
            execution.fetched = self._fetch(job, execution.key)
        if execution.fetched is None:
            _discard_copies(job)
        return execution.fetched is not None

    def tell(self, job: Any) -> None:
        """Say in the process of its own that a job runs in what it is told to do there."""
        path = self._told(job)
        describer = self._reuse.new_describer(self._reuse.contents)
        overwrite(path, _instructions(job, describer).encode(), path.parent.parent)

    def finish(self, job: Any) -> None:
        """Note that a job ran, and whether it read what it was given to the end."""
        execution = self._jobs[job]
        execution.seconds = time.monotonic() - execution.began
        statuses = {file: _status(job, file) for file in job.output}
        if execution.description and (changed := self._changed(job, execution)):
            execution.changed = changed
            logger.warning(
                f"seqstore: {changed} changed while rule {job.rule.name} ran: what it made stays "
                "in this working directory and is made again the next time."
            )
        if execution.description and execution.key:
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

    def _adding(self, statuses: Mapping[Any, os.stat_result | None]) -> Iterator[tuple[str, Added]]:
        """Add the outputs of a job to their stores, in its own thread: that may take long.

        Nothing means them before Snakemake has accepted and published them.
        """
        for file, status in statuses.items():
            if status and (ours := stored(file)):
                # What fails here is told when it is published.
                with suppress(SeqstoreError, OSError):
                    made = self._reuse.stores.add(ours.provider.store, ours.local_path())
                    yield ours.base_label, Added(made, _seen(status))

    def _changed(self, job: Any, execution: Execution) -> str:
        """What changed under a job while it ran; empty if nothing did."""
        if execution.told:
            path = self._told(job)
            try:
                told = path.read_text()
                path.unlink()
            except OSError:
                told = ""
            if told != execution.told:
                return "the config, or what else the Snakefile reads,"
        return execution.contents.changed()

    def _told(self, job: Any) -> Path:
        folder: Path = self._reuse.workflow.persistence.path / FOLDER / "told"
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
            execution = Execution(None, Watched(self._reuse.digests), 0.0)
        transfer.check(file.parsed, file.local_path())
        made = self._published(file, execution)
        # Clocks of nodes differ: an output is never older than what it was made from.
        newest = resolution.newest_input(job) if job else 0
        claim = Claim(made.version, max(version_log.now(), newest), execution.key)
        self._reuse.claim(file, claim, made.store)
        if execution.changed:
            return
        is_output = job is not None and name in map(label, job.output)
        if not is_output or not execution.key or execution.fetched:
            key = execution.key if is_output else ""
            self._reuse.stores.in_background(Parcel.of([self._naming(file, made, key)]))
            return
        execution.made[name] = made
        if _is_whole(job, execution.made):
            parcel = execution.parcel or Parcel.of(self._writing(job, execution, execution.made))
            execution.parcel = None
            self._reuse.stores.in_background(parcel)

    def _published(self, file: StoredFile, execution: Execution) -> Made:
        """The output of a job in a store: as it was when the job ended, or else as it is now."""
        path = file.local_path()
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
        """Give up the claim to an output; nobody else is affected."""
        self._reuse.claim(file, Claim(None, version_log.now()))

    def touch(self, file: StoredFile) -> None:
        """Let an output be new from now on, for this working directory."""
        name = file.base_label
        claim = self._reuse.current(name)
        if claim is None or self._reuse.entry(file) is None:
            return
        resolution = self._reuse.resolution()
        description = resolution.jobs[resolution.producers[name]].description
        key = description.key if description else claim.key
        is_touched = claim.is_touched or key != claim.key
        self._reuse.claim(
            file, replace(claim, time=version_log.now(), key=key, is_touched=is_touched)
        )

    def _note_run(self, job: Any, key: str, statuses: Mapping[Any, os.stat_result | None]) -> None:
        """Note of which run files are whose content does not say it.

        These are empty ones, and the log and benchmark if somebody needs them. Those that are
        stored are claimed when they are.
        """
        # The process of a job does not know who needs them.
        found = needed_traces(job) if self._reuse.workflow.is_main_process else traces(job)
        empty = [file for file, status in statuses.items() if _is_empty(file, status)]
        self._finished |= dict.fromkeys(map(label, empty), key)
        for file in (*found, *empty):
            if not stored(file):
                with suppress(FileNotFoundError):
                    version = self._local_version(job, file)
                    self._reuse.claims.put(label(file), Claim(version, version_log.now(), key))

    def _naming(self, file: StoredFile, made: Made, key: str) -> Task:
        """To let the name of a file mean what was made, once that is durable."""
        return self._reuse.stores.assigning(made.store, file.parsed, made.version, key)

    def _writing(self, job: Any, execution: Execution, made: Mapping[str, Made]) -> list[Task]:
        """To write down what a job made: what its outputs are called, and the record."""
        assert execution.description
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
        record = Record(
            execution.key,
            tuple(versions),
            tuple(ours is not None for ours in outputs),
            execution.description.canonical(),
            execution.seconds,
            job.rule.name,
        )
        return named + self._reuse.stores.recording(job, record)

    def _local_version(self, job: Any, file: Any) -> Version:
        """What a job made in a plain local file, before or after Snakemake took it."""
        path = _made_at(job, file)
        if not os.path.exists(path) and file.flags.get("touch"):
            return EMPTY
        return self._reuse.contents.version(path)

    def _may_be_fetched(self, job: Any) -> bool:
        return (
            all(stored(file) for file in job.output)
            and not self._reuse.is_forced(job)
            and not (self._reuse.workflow.is_main_process and self._reuse.needs_to_run(job))
        )

    def _fetch(self, job: Any, key: str) -> Record | None:
        """Put the outputs of a job in place, all or none."""
        reuse = self._reuse
        record = reuse.stores.find_record(job, key)
        if record is None or not reuse.stores.has_payloads(job, record):
            return None
        try:
            for file, version in zip(job.output, record.outputs, strict=True):
                self._place(file, version)
        except (DamageError, OSError) as error:
            logger.warning(f"seqstore: rule {job.rule.name} is computed: {error}")
            for file in job.output:
                discard(str(file))
            return None
        logger.info(
            f"seqstore: rule {job.rule.name} was not computed but fetched: the same computation "
            f"took {explain.duration(record.seconds)} when it was made."
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
        path = ours.local_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        transfer.bring(
            holder, entry, query, path, ours.provider.materialisation, ours.provider.verify
        )


def _is_there(file: Any, status: os.stat_result | None) -> bool:
    """Whether a job made an output, or Snakemake is about to make it."""
    return status is not None or bool(file.flags.get("touch"))


def _is_whole(job: Any, made: Mapping[str, Made]) -> bool:
    """Whether all outputs of a job that are to be stored are."""
    return all(ours.base_label in made for file in job.output if (ours := stored(file)))


def _instructions(job: Any, describer: Describer) -> str:
    """What a job is told to do; empty if that cannot be told."""
    try:
        return describer.instructions(job)
    except Unknown:
        return ""


def _discard_copies(job: Any) -> None:
    """Remove local copies of what a job is about to make, as of a checkpoint that was brought.

    Snakemake does not, and members of a directory would stay in it.
    """
    for file in job.output:
        if stored(file) and not file.flags.get("update"):
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


def _made_at(job: Any, file: Any) -> str:
    """Where a local output is before Snakemake took it, or after that."""
    shadowed = job.shadowed_path(file)
    return str(shadowed if shadowed is file or os.path.exists(shadowed) else file)


def _status(job: Any, file: Any) -> os.stat_result | None:
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
