"""The reuse of one workflow in one process: what its outputs are, as Snakemake is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.store import (
    Entry,
    Store,
    Version,
    marker,
    version_log,
)
from snakemake_storage_plugin_seqstore.store.filesystem import discard
from snakemake_storage_plugin_seqstore.workflow import (
    about,
    apply,
    garbage,
    made_again,
    placing,
    snakemake_api,
    snakemake_changes,
)
from snakemake_storage_plugin_seqstore.workflow.answers import Answers
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims
from snakemake_storage_plugin_seqstore.workflow.conditions import Conditions
from snakemake_storage_plugin_seqstore.workflow.directory import Directory
from snakemake_storage_plugin_seqstore.workflow.files import (
    StoredFile,
    base_path,
    label,
    stored,
)
from snakemake_storage_plugin_seqstore.workflow.inputs import Resolved
from snakemake_storage_plugin_seqstore.workflow.job_places import JobPlaces
from snakemake_storage_plugin_seqstore.workflow.observing import Observing
from snakemake_storage_plugin_seqstore.workflow.plan import is_forced, plan
from snakemake_storage_plugin_seqstore.workflow.products import Products
from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution
from snakemake_storage_plugin_seqstore.workflow.stores import Stores
from snakemake_storage_plugin_seqstore.workflow.telling import Teller

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job, Rule, Workflow


class Reuse:
    """The reuse of one workflow in one process.

    Parameters
    ----------
    workflow : Workflow
        The workflow.
    nameless : callable
        Says of a rule whether the names of its files do not matter.
    observing : Observing
        How jobs are observed.
    """

    def __init__(
        self, workflow: Workflow, nameless: Callable[[Rule], bool], observing: Observing
    ) -> None:
        self.workflow = workflow
        self.nameless = nameless
        self.observing = observing
        self.secret: frozenset[str] = frozenset()  # names of params of which a digest is kept
        self._lock = threading.RLock()
        self._directory: Directory | None = None
        self._resolution: Resolution | None = None
        self._jobs: set[Job] = set()  # of the resolution
        self._state: tuple[int, ...] = ()  # of the DAG then
        self._changes = 0  # of the DAG, that numbers do not tell
        self._settled: dict[Job, bool] = {}  # its jobs, as far as Snakemake asked
        self._has_forgotten = False
        self._is_built = False  # the DAG that the run begins with
        self._answers = Answers()
        self._moment = 0  # of the first resolution

    @property
    def is_ready(self) -> bool:
        """Whether there is a DAG to answer from."""
        return self.workflow.dag is not None and self.workflow.persistence is not None

    @property
    def directory(self) -> Directory:
        """What the working directory knows."""
        if self._directory is None:
            with self._lock:
                self._directory = self._directory or Directory(self.workflow)
        return self._directory

    @property
    def claims(self) -> Claims:
        """What the working directory's outputs mean."""
        return self.directory.claims

    @property
    def stores(self) -> Stores:
        """The stores of the workflow."""
        return self.directory.stores

    def entry(self, file: StoredFile) -> tuple[Store, Entry] | None:
        """What a file of a store means in this workflow, and the store that has it.

        A rule's output is there by provenance, or by this working directory's own claim, never
        because somebody published that name. Other files are what their names say.
        """
        if not file.is_in_place and file.parsed.pin:
            return _named(file)
        name = file.base_label
        if claim := self.claims.made_in_this_run(name) if self.is_running else None:
            found = self._claimed(name, file, claim)
            if found and self.claims.stands(name, claim):
                self._answers.give(name, file, found)
            return found
        resolution = self.resolution()
        if maker := resolution.producers.get(name):
            resolved = resolution.jobs.get(maker)
            claim = resolved.claims.get(name) if resolved else None
            if resolved and (claim or name in map(label, maker.output)):
                return self._claimed(name, file, claim, resolution.holder(name))
            return self._claimed(name, file, self.claims.get(name))  # a log that nobody needs
        is_inside = file.is_in_place and resolution.products.around(file.label)
        if file.is_in_place and self.workflow.is_main_process and not is_inside:
            # It is the user's as long as the DAG is what it is.
            self._answers.give(name, file, None)
            return None
        return self._unmade(file)

    def is_source(self, file: StoredFile) -> bool:
        """Whether a file in its own place is what is there: the user's, or a pipe of jobs.

        No job makes the user's files; a pipe or what a service offers is there while its jobs run,
        and Snakemake removes it. What a job has yet to update is there before.
        """
        name, resolution = file.base_label, self.resolution()
        made = resolution.output(name)
        if made and (snakemake_api.is_streamed(made) or snakemake_api.is_updated(made)):
            return True
        if self.workflow.is_main_process:
            maker = resolution.producers.get(name)
            resolved = resolution.jobs[maker] if maker else None
            # A dry run stores nothing of what it would take over.
            return resolved is None or resolved.is_inside or name in resolved.taken_over
        claim = self.claims.get(name)
        return claim is None or claim.version is None

    def place(self, file: StoredFile, store: Store, entry: Entry) -> None:
        """Put what a file means in its own place, but over bytes that are the user's."""
        placing.place(self.directory, self.resolution(), file, store, entry)

    def claim(self, file: StoredFile, claim: Claim, holder: Store | None = None) -> None:
        """Say what a file means from now on, and if that is known, which store has it."""
        name = file.base_label
        self.claims.put(name, claim)
        self._answers.withdraw(name)
        if holder:
            self._answers.found[name] = claim, (holder, placing.entry_of(file, claim))

    def current(self, name: str) -> Claim | None:
        """The claim that holds for an output now."""
        return self.resolution().inputs.current(name)

    def is_forced(self, job: Job) -> bool:
        """Whether the user wants a job to be computed whatever is in the store."""
        if not self.workflow.is_main_process:
            return any(label(file) in self.claims.forced for file in job.output)
        return is_forced(job)

    def resolution(self) -> Resolution:
        """What the outputs of the DAG mean, as far as its jobs are final."""
        with self._lock:  # jobs may start in several threads before it is known
            dag = self.workflow.dag
            parts = (dag.dependencies, dag._jobid, dag.job_factory.cache, dag.targetjobs)
            state = (*map(len, parts), self._changes)
            if self._resolution is None or state != self._state:
                self._state = state
                # Jobs that change are made anew; that they get their numbers is no change.
                jobs = set(dag.bfs(dag.dependencies, *dag.targetjobs))
                # That some are left out changes nothing for the others.
                if self._resolution is None or not jobs <= self._jobs:
                    self._jobs = jobs
                    self.forget_early_answers(jobs)
                    if self._resolution and not self.is_running:
                        snakemake_changes.forget_reasons(self.workflow)
                    # Checkpoints replace what comes after the first.
                    with garbage.not_searched(lasts=self._resolution is None):
                        self._resolution = self._resolve()
                    self._settled.clear()
                    self._has_forgotten = False
            return self._resolution

    def forget_early_answers(self, new: Iterable[Job] = ()) -> None:
        """Have Snakemake ask again, once, as its DAG changes; of new jobs in any case."""
        if self._resolution and not self.is_running:
            known = () if self._has_forgotten else self._resolution.jobs
            self._has_forgotten = True
            snakemake_changes.forget_answers(self.workflow, (*known, *new))

    def _note_change(self) -> None:
        self._changes += 1

    def tell_of_dag(self) -> None:
        """Tell the user what is reused and what is not, once all jobs are known."""
        self._is_built = True
        if self.workflow.is_main_process:
            self.directory.messages.report(self.resolution(), self.workflow.dag)

    def new_teller(self, contents: Contents) -> Teller:
        """Says what jobs are told, as things are now."""
        return self._teller.anew(contents)

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self.workflow, self.nameless, self.secret, self.directory.contents)

    def new_conditions(self, contents: Contents, resolution: Resolution) -> Conditions:
        """Checks what jobs read, as things are now."""
        return Conditions(
            self.observing.mode,
            self.directory,
            contents,
            resolution.products,
            resolution.places,
            resolution.product_digests,
            self._teller.anew(contents.unwatched),
        )

    def _resolve(self) -> Resolution:
        dag, directory = self.workflow.dag, self.directory
        self._answers.clear()
        awaited: set[Any] = set()
        # Files may be asked for before the DAG is complete and its jobs get their numbers.
        if self._resolution and dag._jobid:
            awaited = self._resolution.awaited
        elif self._resolution is None and self.workflow.is_main_process:
            self._say_stores()
            snakemake_changes.overrule_metadata(self.workflow, self._is_settled, self._metadata)
            snakemake_changes.tell_of_replaced(dag, self._note_change)
        known = self._resolution.products if self._resolution else None
        others, left = directory.claims.products(), directory.left.paths
        products = Products(self._jobs, others, directory.since, known, left)
        resolution = Resolution(
            dag,
            self.new_teller(directory.contents),
            directory,
            products,
            JobPlaces(self.workflow, products, directory),
            self._source,
            self._now(),
            awaited,
        )
        jobs = (job for level in dag.toposorted() for job in level if job in self._jobs)
        resolution.resolve(jobs, self.new_conditions(directory.contents, resolution))
        if self.workflow.is_main_process:
            self._settle(resolution)
        return resolution

    def _say_stores(self) -> None:
        """Say which stores are used, and refuse what is none before any job runs."""
        roots = {provider.store.root for provider in snakemake_api.providers(self.workflow)}
        self.claims.use_stores(map(str, roots))
        for root in roots:
            marker.check(root)
            new = "" if marker.is_store(root) else ", which is new"
            self.directory.messages.tell(f"the store is {root}{new}")

    def _now(self) -> int:
        """When this run first resolved, by the store's clock where a file may be made for it."""
        if not self._moment:
            workflow = self.workflow
            roots = (each.store.root for each in snakemake_api.providers(workflow))
            runs = workflow.executor_plugin is not None and not snakemake_api.only_looks(workflow)
            self._moment = version_log.now(next(roots, None) if runs else None)
        return self._moment

    def _settle(self, resolution: Resolution) -> None:
        """Do what follows from a resolution, and tell the user; a look writes nothing."""
        workflow, directory = self.workflow, self.directory
        made_again.give_up(resolution, directory.stores.here)
        conditions = self.new_conditions(directory.contents, resolution)
        found = plan(resolution, workflow.dag, directory.claims)
        snakemake_changes.schedule(workflow, found.missing)
        apply.forget_removed_copies(resolution, workflow)
        directory.messages.report_foreign(resolution)
        if self._is_built:
            directory.messages.report(resolution, workflow.dag)
        if snakemake_api.only_looks(workflow):
            return
        directory.messages.report_taken_over(found.take_over)
        teller = self.new_teller(directory.contents)
        apply.take_over(found, directory.stores, conditions, teller, self.secret)
        place = partial(placing.place, directory, resolution)
        apply.bring_checkpoints(found, workflow, directory.stores, self, place)
        if workflow.executor_plugin is not None:
            for path in found.remove:
                discard(Path(path))
            for file, claim in found.place:
                if there := self._claimed(file.label, file, claim, resolution.holder(file.label)):
                    place(file, *there)
            apply.write_down(found, directory.claims, directory.stores)
            directory.save()

    def _metadata(self, file: File) -> Mapping[str, Any] | None:
        """What Snakemake keeps of what a job made, from its record, if its outputs are settled."""
        if self._resolution is None:
            return None
        job = self._resolution.producers.get(label(file))
        record = self._resolution.jobs[job].record if job and self._is_settled(job) else None
        return about.metadata(job, record) if job and record else None

    def _is_settled(self, job: Job) -> bool:
        """Whether a job's outputs are there by their provenance; of local files nobody knows.

        Snakemake asks several times in a row.
        """
        if self._resolution is None:
            return False
        if job not in self._settled:
            self._settled[job] = self._looks_settled(job, self._resolution.jobs.get(job))
        return self._settled[job]

    def _looks_settled(self, job: Job, resolved: Resolved | None) -> bool:
        """The same; a pipe is made for its reader alone."""
        if resolved is None:
            return False
        readers = snakemake_api.pipe_readers(job)
        if not (resolved.is_hit or readers) or not all(map(self._is_settled, readers)):
            return False
        files = [file for file in job.output if not (readers and snakemake_api.is_pipe(file))]
        return bool(readers and not files) or (resolved.is_hit and all(map(stored, files)))

    @property
    def is_running(self) -> bool:
        """Whether jobs may have run since the DAG was built: Snakemake asks anew then."""
        return not self.workflow.iocache.active

    def _source(self, file: StoredFile) -> tuple[Version, int] | None:
        found = self._unmade(file)
        return (found[1].version, found[1].time) if found else None

    def _unmade(self, file: StoredFile) -> tuple[Store, Entry] | None:
        """What a file means that no job of the DAG makes."""
        name, path = file.base_label, base_path(file)
        if file.is_in_place:
            return self._inside(file)
        if self.workflow.is_main_process:
            # A rule could make it, were its inputs there.
            if not file.parsed.pin and self.workflow.dag.output_index.match_producers(path):
                return self._claimed(name, file, self.claims.get(name))
            return _named(file)
        if claim := self.claims.get(name):
            return self._claimed(name, file, claim)
        if not self.claims.joined and snakemake_api.may_be_made(self.workflow, path):
            raise StoreError(
                f"{file.parsed} is made by this workflow, but its job does not see the workflow's "
                ".snakemake directory, which says what it is",
                "add persistence to --shared-fs-usage",
            )
        return _named(file)

    def _inside(self, file: StoredFile) -> tuple[Store, Entry] | None:
        """What a file in its own place means that is in a directory that a job makes."""
        if not self.workflow.is_main_process and (claim := self.claims.get(file.base_label)):
            return self._claimed(file.base_label, file, claim)
        resolution = self._resolution
        around = resolution.products.around(file.label) if resolution else None
        if resolution is None or around is None:
            return None
        # Once functions have read what a checkpoint made, it need not be in the DAG any more.
        is_made = around[0] in resolution.producers
        claim = self.current(around[0]) if is_made else self.claims.get(around[0])
        if claim is None or claim.version is None:
            return None
        store = file.provider.store
        version = self.stores.member(store, claim.version, around[1])
        holder = self.stores.holder(store, version) if version else None
        if version is None or holder is None:
            return None
        return holder, Entry(file.parsed.collection, file.parsed.name, version, claim.time)

    def _claimed(
        self, name: str, file: StoredFile, claim: Claim | None, holder: Store | None = None
    ) -> tuple[Store, Entry] | None:
        """What the claim to the base of a file stands for, if its payload is there.

        A payload that was there is not looked for again in this resolution.

        Parameters
        ----------
        holder : Store or None
            The store that has it, if it was found there before.
        """
        if claim is None or claim.version is None:
            return None
        known = self._answers.found.get(name)
        if known and known[0] is claim:
            return known[1]
        holder = holder or self.stores.holder(file.provider.store, claim.version)
        if holder is None:
            return None
        self._answers.found[name] = claim, (holder, placing.entry_of(file, claim))
        return self._answers.found[name][1]


def _named(file: StoredFile) -> tuple[Store, Entry] | None:
    store = file.provider.store
    entry = transfer.find(store, file.parsed)
    return (store, entry) if entry else None
