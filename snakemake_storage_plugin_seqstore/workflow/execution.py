"""What happens when a job runs: it is fetched instead, or what it made is recorded."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents, Watched
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.observe import (
    Accesses,
    NotObserved,
    Observation,
    ObserverDied,
)
from snakemake_storage_plugin_seqstore.store import Version, version_log
from snakemake_storage_plugin_seqstore.store.background import pack
from snakemake_storage_plugin_seqstore.unknown import Unknown
from snakemake_storage_plugin_seqstore.workflow import (
    changed_inputs,
    snakemake_api,
    snakemake_changes,
)
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.conditions import Seen, with_pipes
from snakemake_storage_plugin_seqstore.workflow.fetching import Fetching
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.kept import Kept
from snakemake_storage_plugin_seqstore.workflow.left import Run
from snakemake_storage_plugin_seqstore.workflow.links import Links
from snakemake_storage_plugin_seqstore.workflow.missed import Missed
from snakemake_storage_plugin_seqstore.workflow.outputs import (
    discard_copies,
    discard_made,
    is_empty,
    is_repeatable,
    is_there,
    status_of,
)
from snakemake_storage_plugin_seqstore.workflow.publishing import Execution, Publications, is_whole
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse
from snakemake_storage_plugin_seqstore.workflow.spawned import Spawned
from snakemake_storage_plugin_seqstore.workflow.telling import Teller
from snakemake_storage_plugin_seqstore.workflow.under_way import LeftFiles

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job

logger = logging.getLogger(__name__)


class Executions:
    """The jobs that run in this process.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self.publications = Publications(reuse)
        self._fetching = Fetching(reuse)
        self._links = Links(reuse)
        self._missed = Missed(reuse)
        self._spawned = Spawned(reuse)
        self._jobs: dict[Any, Execution] = {}
        self._kept = Kept(reuse)
        self._finished: dict[str, str] = {}  # keys of the runs that made empty files, by label
        self._waiting_for_pipes: list[Job] = []  # they ended before what fills them
        self._lock = threading.Lock()

    def start(self, job: Job) -> bool:
        """Look at everything that a job is given to read; fetch its outputs if they are known.

        Returns
        -------
        bool
            Whether the outputs are in place, so that the job need not run.
        """
        reuse = self._reuse
        snakemake_changes.spare_rounds(reuse.workflow)
        reuse.directory.under_way.begin(job)
        contents = Watched(reuse.directory.contents)
        teller = reuse.new_teller(contents)
        told = None
        try:
            told = self._tell(job, teller, contents)
        except Unknown as reason:
            logger.debug(f"seqstore: rule {job.rule.name} cannot be recorded: {reason}")
        execution = Execution(told, contents, time.monotonic())
        execution.plain = teller.plain_reads(job)
        if told:
            execution.before = self._before(job)
        if told and snakemake_api.is_spawned(job):
            execution.instructions = teller.instructions(job)
        with self._lock:
            self._jobs[job] = execution
            if job in self._waiting_for_pipes:  # it is tried again
                self._waiting_for_pipes.remove(job)
        if told and self._fetching.is_allowed(job):
            execution.fetched = self._fetching.fetch(job, told)
        resolution = reuse.resolution()
        if execution.fetched is None:
            discard_copies(job)
            self._links.replace(job, _runs_in_container(job, teller))
            self._missed.look_again()
            self._missed.bring_undeclared(job)
            if reuse.observing.is_on:
                execution.behind = resolution.side_files.behind(job)
            if execution.instructions:
                self._spawned.say_behind(job, execution.behind)
            execution.observation = self._observe(job, teller)
        else:
            reuse.directory.under_way.end(job)
            resolution.products.add_undeclared(job, execution.fetched.undeclared)
        return execution.fetched is not None

    def _tell(self, job: Job, teller: Teller, contents: Contents) -> Told:
        """What a job is told that is about to start, when its inputs are here.

        What fills its pipes starts at the same time, and is told the same here and there.

        Raises
        ------
        Unknown
            If it cannot be told.
        """
        snakemake_api.refuse_special(job)
        finished = self._finished
        if pipes := snakemake_api.pipes(job):
            finished = finished | {
                path: self._tell(pipe.maker, teller, contents).key for path, pipe in pipes.items()
            }
        inputs = self._reuse.resolution().inputs
        versions = inputs.versions(job, contents, finished)
        return teller.tell(job, versions, tuple(self._before(job).values()))

    def _before(self, job: Job) -> dict[str, Version | None]:
        """What is there of the outputs that a job is about to update, by label."""
        # It changes while the job runs.
        return self._reuse.resolution().inputs.before(job, self._reuse.directory.contents)

    def _observe(self, job: Job, teller: Teller) -> Observation | None:
        """Observe a job that runs in this process from now on, if that can be."""
        observing = self._reuse.observing
        observing.release()  # of a job of this thread that failed
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
        if _runs_in_container(job, teller):
            return None
        return observing.begin(attach=snakemake_api.is_python_block(job))

    def start_there(self, job: Job) -> None:
        """Note what a job is told in the process of its own, and observe it there."""
        reuse = self._reuse
        execution = Execution(None, Watched(reuse.directory.contents), time.monotonic())
        teller = reuse.new_teller(execution.contents)
        execution.instructions = teller.instructions(job)
        execution.behind = self._spawned.hear_behind(job)
        reuse.resolution().products.add_others(execution.behind)
        execution.plain = teller.plain_reads(job)
        self._jobs[job] = execution
        self._links.replace(job, is_inside=False)  # now that it runs again, perhaps
        execution.observation = self._observe(job, teller)

    def finish_there(self, job: Job) -> None:
        """Say in the process of its own what a job was told and what it read.

        Raises
        ------
        ObserverDied
            As `finish` does.
        """
        execution = self._jobs[job]
        self._note_reads(job, execution)
        if not execution.is_to_run_again:
            self._spawned.say_seen(job, execution.instructions, execution.seen)

    def finish(self, job: Job) -> None:
        """Note that a job ran, and what it read.

        Raises
        ------
        ObserverDied
            If what observed it ended before: it may have gone wrong without a word.
        """
        execution = self._jobs[job]
        execution.seconds = time.monotonic() - execution.began
        execution.statuses = {file: status_of(job, file) for file in job.output}
        if execution.instructions:
            instructions, execution.seen = self._spawned.hear_seen(job)
            if instructions != execution.instructions:
                execution.changed = "the config, or what else the Snakefile reads,"
        else:
            self._note_reads(job, execution)
        if execution.is_to_run_again:
            return
        self._note_seen(job, execution.seen)
        if execution.told and not job.shadow_dir:
            # Else they are not yet where they will be published from.
            execution.added = dict(self.publications.adding(execution.statuses))
        if snakemake_api.pipes(job):
            with self._lock:
                self._waiting_for_pipes.append(job)
        else:
            self._complete(job, {})
        while self._waiting_for_pipes and self._complete_next():
            pass

    def is_to_run_again(self, job: Job, has_failed: bool) -> bool:
        """Whether a job that ended, or failed, runs again at once, as it saw less than there is."""
        # A process of its own sees to that itself.
        is_here = job.dag.workflow.subprocess_exec or not snakemake_api.is_spawned(job)
        execution = self._jobs.get(job)
        if has_failed:
            self._reuse.directory.under_way.end(job)
        if execution is None or not is_here:
            return False
        if has_failed and not execution.is_complete:
            execution.is_to_run_again = False
            accesses = _seen_of(execution)
            self._look_for_lacks(job, execution, accesses, has_failed)
            if not execution.is_to_run_again:
                self._missed.note_sought(job, accesses)
        return execution.is_to_run_again

    def _complete_next(self) -> bool:
        """Complete a job, if there is one, that ended before what fills its pipes."""
        with self._lock:
            for job in self._waiting_for_pipes:
                makers = [pipe.maker for pipe in snakemake_api.pipes(job).values()]
                filled = {maker: self._jobs[maker] for maker in makers if maker in self._jobs}
                if all(maker in filled and filled[maker].is_complete for maker in makers):
                    self._waiting_for_pipes.remove(job)
                    self._complete(job, filled)
                    return True
        return False

    def _complete(self, job: Job, makers: Mapping[Job, Execution]) -> None:
        """Write down what a job did, now that the jobs that filled its pipes have ended."""
        execution = self._jobs[job]
        if makers:
            pipes = snakemake_api.pipes(job).values()
            found = [(pipe.maker.rule.name, makers[pipe.maker].seen) for pipe in pipes]
            execution.seen = with_pipes(execution.seen, found)
            execution.changed = next(
                (maker.changed for maker in makers.values() if maker.changed), execution.changed
            )
        if execution.told and (changed := self._changed(job, execution)):
            execution.changed = changed
            logger.warning(
                f"seqstore: {changed} changed while rule {job.rule.name} ran: what it made is "
                "published by its name only, and made again the next time."
            )
        elif execution.seen.lacked:
            execution.changed = execution.seen.lacked
            logger.warning(
                f"seqstore: rule {job.rule.name}: {execution.changed}. It changed files, so it "
                "runs again the next time only."
            )
        if execution.told and (ancient := execution.told.ancient):
            reads = replace(execution.seen.reads, ancient=ancient)
            execution.seen = replace(execution.seen, reads=reads)
        execution.is_complete = True
        if execution.key and _was_made_after(execution):
            # It stands here as long as they are what it left.
            with suppress(Unknown, SeqstoreError, OSError):
                contents = self._reuse.directory.contents
                teller = self._reuse.new_teller(contents)
                execution.key_as_left = self._tell(job, teller, contents).key
        if execution.told:
            key = execution.key_as_left or execution.told.key
            run = Run(label(job.output[0]), key, execution.reads)
            inputs = changed_inputs.as_left(execution.seen.took, self._reuse.directory.contents)
            self._reuse.directory.left.note(execution.seen.undeclared | inputs, run)
        self._reuse.directory.under_way.end(job)
        statuses = execution.statuses
        if execution.key and not all(map(snakemake_api.is_pipe, job.output)):
            made = {name: added.made for name, added in execution.added.items()}
            if all(map(is_there, statuses, statuses.values())) and is_whole(job, made):
                packed = pack(self.publications.writing(job, execution, made))
                if made:
                    execution.packed = packed
                else:
                    self._reuse.stores.in_background(packed)
        self._note_run(job, execution.key, statuses)

    def _note_reads(self, job: Job, execution: Execution) -> None:
        observing = self._reuse.observing
        accesses = None
        if execution.observation:
            accesses = observing.end(execution.observation)
        conditions = self._reuse.new_conditions(execution.contents, self._reuse.resolution())
        execution.seen = conditions.of_run(
            job, accesses, execution.plain, execution.started, execution.behind
        )
        self._look_for_lacks(job, execution, accesses, has_failed=False)

    def _look_for_lacks(
        self, job: Job, execution: Execution, accesses: Accesses | None, has_failed: bool
    ) -> None:
        """Let a job run again that saw less than there is, if that can be, else say so."""
        if not (lacked := self._lacked(job, accesses, has_failed)):
            return
        places, rule = self._reuse.resolution().places.of(job, at_end=True), job.rule.name
        if accesses and is_repeatable(job, accesses, places):
            execution.is_to_run_again = True
            discard_made(job, accesses, places)
            # The process of a job shows errors only.
            logger.error(f"seqstore: rule {rule} runs again: {lacked}.")
        elif has_failed:
            logger.error(f"seqstore: rule {rule} failed: {lacked}.")
        else:
            execution.seen = replace(execution.seen, lacked=lacked)

    def _lacked(self, job: Job, accesses: Accesses | None, has_failed: bool) -> str:
        """What a job saw less than it would see among plain files, all in place; empty if nothing.

        It is there now.
        """
        if why := self._links.why_not_links(job, accesses, has_failed):
            return why
        if missed := self._missed.bring(job, accesses):
            return f"it looked for {missed}, which was in the store only"
        return ""

    def _note_seen(self, job: Job, seen: Seen) -> None:
        """Tell of what a job did that keeps others from its result, and keep what they read."""
        if seen.rejected:
            self._reuse.directory.messages.tell(
                f"what rule {job.rule.name} made is not reused elsewhere: {seen.rejected}"
            )
        self._kept.keep(job, seen)
        self._reuse.resolution().products.add_undeclared(job, seen.undeclared)

    def _changed(self, job: Job, execution: Execution) -> str:
        """What others changed under a job while it ran; empty if nothing did."""
        changed = execution.changed or self._links.damaged(job)
        if not changed:
            directory, own = self._reuse.directory, execution.seen.undeclared
            added = LeftFiles(
                lambda path: os.path.relpath(path) in own,
                directory.is_left,
                partial(directory.under_way.may_make, besides=job),
            )
            changed = execution.contents.changed(execution.seen.took, added)
        return changed

    def publish(self, file: StoredFile) -> None:
        """Store the output of a job, or its log, and say that this working directory has it."""
        job = self._reuse.resolution().producers.get(file.base_label)
        self.publications.publish(file, job, self._jobs.get(job))

    def has_begun(self, file: StoredFile) -> bool:
        """Whether an output is there that its job has not finished, in this process."""
        job = self._reuse.resolution().producers.get(file.base_label)
        return job in self._jobs and os.path.lexists(file.copy_path)

    def remove(self, file: StoredFile) -> None:
        """Give up an output, as Snakemake does that of a job that failed.

        A temporary that only its group read is published first, as Snakemake publishes at the end
        of a group what is left.
        """
        job = self._reuse.resolution().producers.get(file.base_label)
        execution = self._jobs.get(job)
        if (
            job is not None
            and file.is_in_place
            and self._reuse.is_running
            and self._is_read_already(job, file, execution)
        ):
            self.publish(file)
        self.publications.remove(file, execution)

    def _is_read_already(self, job: Job, file: StoredFile, execution: Execution | None) -> bool:
        """Whether jobs of the same process read a temporary before it was published."""
        name = file.base_label
        is_temporary = self.publications.is_temporary(file)
        if not is_temporary or execution is None or name not in execution.added:
            return False
        readers = (
            reader
            for reader, files in snakemake_api.depending(job).items()
            if any(label(each) == file.label for each in files)
        )
        is_read = any(reader in self._jobs for reader in readers)
        return is_read and self._reuse.claims.made_in_this_run(name) is None

    def _note_run(self, job: Job, key: str, statuses: Mapping[Any, os.stat_result | None]) -> None:
        """Note of which run files are whose content does not say it.

        These are empty ones, those that it updates, and the log and benchmark if somebody needs
        them. Those that are stored are claimed when they are.
        """
        # The process of a job does not know who needs them.
        found = (
            snakemake_api.needed_traces(job)
            if self._reuse.workflow.is_main_process
            else snakemake_api.traces(job)
        )
        empty = [file for file, status in statuses.items() if is_empty(file, status)]
        self._finished |= dict.fromkeys(map(label, empty), key)
        updated = filter(snakemake_api.is_updated, job.output)
        before = self._jobs[job].before
        for file in (*found, *empty, *updated):
            if not stored(file):
                with suppress(FileNotFoundError):
                    version = self.publications.local_version(job, file)
                    claim = Claim(version, version_log.now(), key, before=before.get(label(file)))
                    self._reuse.claims.put(label(file), claim)


def _was_made_after(execution: Execution) -> bool:
    """Whether a job changed inputs and then made its outputs; what Snakemake touches comes last."""
    made = (status.st_mtime_ns for status in execution.statuses.values() if status)
    took = [os.stat(path).st_mtime_ns for path in execution.seen.took if os.path.exists(path)]
    return bool(took) and max(took) <= min(made, default=max(took))


def _runs_in_container(job: Job, teller: Teller) -> bool:
    """Whether commands of a job run in a container: Snakemake starts it, or they do."""
    return snakemake_api.runs_in_container(job) or teller.runs_container(job)


def _seen_of(execution: Execution) -> Accesses | None:
    """What a job did that failed; None if that was not observed."""
    with suppress(NotObserved, ObserverDied):
        return execution.observation.finish() if execution.observation else None
    return None
