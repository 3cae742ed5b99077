"""What a workflow's outputs are, as the storage plugin tells Snakemake once reuse is on."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import Entry, Store, Version, version_log
from snakemake_storage_plugin_seqstore.store.background import Parcel, Task
from snakemake_storage_plugin_seqstore.store.filesystem import discard
from snakemake_storage_plugin_seqstore.workflow import agreement, garbage
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims
from snakemake_storage_plugin_seqstore.workflow.contents import Contents, Digests
from snakemake_storage_plugin_seqstore.workflow.describer import Describer
from snakemake_storage_plugin_seqstore.workflow.explain import Explainer
from snakemake_storage_plugin_seqstore.workflow.files import (
    Answer,
    MadeHere,
    StoredFile,
    base_path,
    label,
    may_be_made,
    stored,
)
from snakemake_storage_plugin_seqstore.workflow.jobs import needed_traces
from snakemake_storage_plugin_seqstore.workflow.resolution import Resolution
from snakemake_storage_plugin_seqstore.workflow.stores import Stores

FOLDER = "seqstore"  # in .snakemake


class Reuse:
    """The reuse of one workflow in one process.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        The workflow.
    nameless : callable
        Says of a rule whether the names of its files do not matter.
    """

    def __init__(self, workflow: Any, nameless: Callable[[Any], bool]) -> None:
        self.workflow = workflow
        self.nameless = nameless
        self._lock = threading.RLock()
        self._resolution: Resolution | None = None
        self._describer: Describer | None = None
        self._made_here = MadeHere(workflow)
        self._state: tuple[int, ...] = ()
        self._jobs: set[Any] = set()
        self._has_forgotten = False
        self._opened = False
        self._wanted: set[str] = set()  # scheduled by us, not by the user
        self._found: dict[str, tuple[Claim, tuple[Store, Entry]]] = {}
        self._answers: dict[str, Answer] = {}
        self._now = version_log.now()

    @property
    def is_ready(self) -> bool:
        """Whether there is a DAG to answer from."""
        return self.workflow.dag is not None and self.workflow.persistence is not None

    def entry(self, file: StoredFile) -> tuple[Store, Entry] | None:
        """What a file of a store means in this workflow, and the store that has it.

        A rule's output is there by provenance, or by this working directory's own claim, never
        because somebody published that name. Other files are what their names say.
        """
        self._open()
        if file.parsed.pin:
            return self._named(file)
        name = file.base_label
        if claim := self.claims.made_in_this_run(name) if self._is_running else None:
            found = self._claimed(name, file, claim)
            with self._lock:
                if found and self.claims.stands(name, claim):
                    file.answer = self._answers.setdefault(name, Answer(found))
            return found
        resolution = self.resolution()
        if maker := resolution.producers.get(name):
            if maker in resolution.jobs and name in map(label, maker.output):
                return self._claimed(name, file, resolution.jobs[maker].claims.get(name))
            return self._claimed(name, file, self.claims.get(name))
        return self._unmade(file)

    def claim(self, file: StoredFile, claim: Claim, holder: Store | None = None) -> None:
        """Say what a file means from now on, and if that is known, which store has it."""
        name = file.base_label
        with self._lock:
            self.claims.put(name, claim)
            if answer := self._answers.pop(name, None):
                answer.stands = False
        if holder:
            self._found[name] = claim, (holder, _entry(file, claim))

    def resolution(self) -> Resolution:
        """What the outputs of the DAG mean, as far as its jobs are final."""
        with self._lock:  # jobs may start in several threads before it is known
            return self._current_resolution()

    def _current_resolution(self) -> Resolution:
        dag = self.workflow.dag
        state = (
            len(dag.dependencies),
            len(dag._jobid),
            len(dag.job_factory.cache),
            len(dag.targetjobs),
        )
        if self._resolution is None or state != self._state:
            self._state = state
            # Jobs that change are made anew; that they get their numbers is no change.
            jobs = set(dag.bfs(dag.dependencies, *dag.targetjobs))
            if self._resolution is None or jobs != self._jobs:
                self._open()
                self._jobs = jobs
                self.forget_early_answers()
                with garbage.lasting():
                    self._resolution = self._resolve()
                self._has_forgotten = False
        return self._resolution

    def new_describer(self, contents: Contents) -> Describer:
        """A describer of jobs as things are now."""
        self._describer = Describer(
            self.workflow, contents, self.nameless, self._made_here, before=self._describer
        )
        return self._describer

    def is_forced(self, job: Any) -> bool:
        """Whether the user wants a job to be computed whatever is in the store."""
        if not self.workflow.is_main_process:
            return any(label(file) in self.claims.forced for file in job.output)
        dag = self.workflow.dag
        return (job.rule in dag.forcerules and job not in dag.omitforce) or any(
            file in dag.forcefiles and label(file) not in self._wanted for file in job.output
        )

    def current(self, name: str) -> Claim | None:
        """The claim that holds for an output now."""
        resolution = self.resolution()
        maker = resolution.producers.get(name)
        resolved = resolution.jobs[maker].claims.get(name) if maker else None
        return self.claims.made_in_this_run(name) or resolved

    def _open(self) -> None:
        """Load what the working directory knows, once its place is known."""
        if self._opened:
            return
        self._opened = True
        directory = self.workflow.persistence.path / FOLDER
        self.digests = Digests(directory / "contents.json")
        self.contents = Contents(self.digests)
        alone = self.workflow.is_main_process and self.workflow.local_exec
        self.claims = Claims(directory, alone)
        self.claims.load(join=not self.workflow.is_main_process)
        self.stores = Stores(self.workflow, directory / "store", self.contents)
        self._explainer = Explainer(self.stores, self.claims)

    def _resolve(self) -> Resolution:
        dag = self.workflow.dag
        self._found.clear()
        self._forget_answers()
        self._made_here = MadeHere(self.workflow, self.claims.made)  # by the DAG as it is now
        describer = self.new_describer(self.contents)
        before = None
        # Files may be asked for before the DAG is complete and its jobs get their numbers.
        if self._resolution and dag._jobid:
            before = {job for job, found in self._resolution.jobs.items() if found.is_hit}
        resolution = Resolution(
            dag,
            describer,
            self.claims,
            self.stores,
            self._source,
            self._now,
            before,
        )
        resolution.resolve(job for level in dag.toposorted() for job in level if job in self._jobs)
        if self.workflow.is_main_process:
            self._settle(resolution)
        self.digests.save()
        return resolution

    def forget_early_answers(self) -> None:
        """Have Snakemake ask again, once, as its DAG changes."""
        if self._resolution and not self._has_forgotten and not self._is_running:
            self._has_forgotten = True
            agreement.forget_answers(self.workflow, self._resolution.jobs)

    def _forget_answers(self) -> None:
        """Look anew at what was said of files."""
        with self._lock:
            for answer in self._answers.values():
                answer.stands = False
            self._answers.clear()

    def _settle(self, resolution: Resolution) -> None:
        """Make Snakemake's own view agree, and tell the user and the processes of jobs."""
        for job, resolved in resolution.jobs.items():
            if resolved.is_hit and all(map(stored, job.output)):
                agreement.forget_metadata(self.workflow, job)
            agreement.forget_removed_copies(self.workflow, job)
            if job.is_checkpoint:  # functions wait for one that is forced
                self._bring(job, {} if self.is_forced(job) else resolved.claims)
            if resolved.is_new or resolved.is_outdated:
                self._want(job)
        self._explainer.report(resolution)
        if self.workflow.executor_plugin is not None and not self.workflow.dryrun:
            self._write_down(resolution)

    def _write_down(self, resolution: Resolution) -> None:
        """Remember what outputs mean, for the next run and for the processes of jobs."""
        claims: dict[str, Claim] = {}
        tasks: list[Task] = []
        for job, resolved in resolution.jobs.items():
            claims |= resolved.claims
            if resolved.is_hit:
                tasks += self._following(job, resolved.claims)
        if tasks:
            self.stores.in_background(Parcel.of(tasks))
        forced = (
            label(file)
            for job in resolution.jobs
            if self.is_forced(job) or self.needs_to_run(job)
            for file in job.output
        )
        products = (file for job in resolution.jobs for file in job.products())
        made = {str(file) for file in products if not file.is_storage}
        self.claims.save(claims, forced, made)
        self.claims.take_up()

    def _following(self, job: Any, claims: dict[str, Claim]) -> Iterator[Task]:
        """To let names mean in the store what they have come to mean here."""
        for file in job.output:
            ours, claim = stored(file), claims.get(label(file))
            if ours and claim and claim.version:
                before = self.claims.known(label(file))
                if before is None or before.version != claim.version:
                    yield self.stores.following(
                        ours.provider.store, ours.parsed, claim.version, claim.key
                    )

    def needs_to_run(self, job: Any) -> bool:
        """Whether somebody needs what only a run of the job makes: its benchmark or log."""
        return bool(job.benchmark or needed_traces(job))

    def _want(self, job: Any) -> None:
        """Have a job scheduled whose outputs meant something else here before.

        That they are missing is no reason for Snakemake, where local files made from them exist.
        """
        for file in job.output:
            claim = self.claims.known(label(file))
            if claim and claim.version and file not in self.workflow.dag.forcefiles:
                self._wanted.add(label(file))
                self.workflow.dag.forcefiles.add(file)

    def _bring(self, job: Any, claims: dict[str, Claim]) -> None:
        """Bring a checkpoint's outputs, which functions read while Snakemake builds its DAG.

        The copies go at the end: Snakemake leaves them if there is nothing to do, and then fails
        if everything is forced, as it takes a copy that it has just removed for a protected file.
        """
        for file in job.output:
            ours = stored(file)
            if ours is None:
                continue
            path = ours.local_path()
            if found := self._claimed(label(file), ours, claims.get(label(file))):
                if not path.exists() or path.lstat().st_mtime_ns != found[1].time:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if not self.workflow.storage_settings.keep_storage_local:
                        weakref.finalize(self, _discard, path, os.getpid())
                    transfer.bring(*found, ours.parsed, path, ours.provider.materialisation)
            elif not self._is_running:
                # Snakemake would take an old copy, once it removed it, for a protected file.
                discard(path)
                self.workflow.iocache.exists_local.pop(file, None)

    @property
    def _is_running(self) -> bool:
        """Whether jobs may have run since the DAG was built: Snakemake asks anew then."""
        return not self.workflow.iocache.active

    def _source(self, file: StoredFile) -> tuple[Version, int] | None:
        found = self._unmade(file)
        return (found[1].version, found[1].time) if found else None

    def _unmade(self, file: StoredFile) -> tuple[Store, Entry] | None:
        """What a file means that no job of the DAG makes."""
        name, path = file.base_label, base_path(file)
        if self.workflow.is_main_process:
            # A rule could make it, were its inputs there.
            if not file.parsed.pin and self.workflow.dag.output_index.match_producers(path):
                return self._claimed(name, file, self.claims.get(name))
            return self._named(file)
        if claim := self.claims.get(name):
            return self._claimed(name, file, claim)
        if not self.claims.joined and may_be_made(self.workflow, path):
            raise StoreError(
                f"{file.parsed} is made by this workflow, but its job does not see the workflow's "
                ".snakemake directory, which says what it is",
                "add persistence to --shared-fs-usage",
            )
        return self._named(file)

    def _named(self, file: StoredFile) -> tuple[Store, Entry] | None:
        store = file.provider.store
        entry = transfer.find(store, file.parsed)
        return (store, entry) if entry else None

    def _claimed(
        self, name: str, file: StoredFile, claim: Claim | None
    ) -> tuple[Store, Entry] | None:
        """What the claim to the base of a file stands for, if its payload is there.

        A payload that was there is not looked for again in this resolution.
        """
        if claim is None or claim.version is None:
            return None
        known = self._found.get(name)
        if known and known[0] is claim:
            return known[1]
        holder = self.stores.holder(file.provider.store, claim.version)
        if holder is None:
            return None
        found = holder, _entry(file, claim)
        self._found[name] = claim, found
        return found


def _entry(file: StoredFile, claim: Claim) -> Entry:
    """What a claim to a file stands for."""
    assert claim.version
    return Entry(file.parsed.collection, file.parsed.name, claim.version, claim.time)


def _discard(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # else a process that was forked from it ends
        discard(path)
