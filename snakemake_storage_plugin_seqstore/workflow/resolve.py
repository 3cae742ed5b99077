"""What every output of a DAG means, found in one pass from the sources to the targets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import Store, Version
from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown
from snakemake_storage_plugin_seqstore.workflow import input_numbers, present, snakemake_api
from snakemake_storage_plugin_seqstore.workflow.changed_inputs import ChangedInputs
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.conditions import Conditions
from snakemake_storage_plugin_seqstore.workflow.files import (
    StoredFile,
    label,
    lacks_copy,
    stored,
)
from snakemake_storage_plugin_seqstore.workflow.inputs import Inputs, Resolved
from snakemake_storage_plugin_seqstore.workflow.job_places import JobPlaces
from snakemake_storage_plugin_seqstore.workflow.lookup import Lookup
from snakemake_storage_plugin_seqstore.workflow.products import Products
from snakemake_storage_plugin_seqstore.workflow.side_files import SideFiles
from snakemake_storage_plugin_seqstore.workflow.snakemake_params import with_inputs_in_order
from snakemake_storage_plugin_seqstore.workflow.telling import Teller
from snakemake_storage_plugin_seqstore.workflow.touched import Touched
from snakemake_storage_plugin_seqstore.workflow.traces import (
    claims_to_traces,
    recorded_traces,
)

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import DAG, File, Job


class Resolution:
    """The jobs of a DAG, resolved.

    Parameters
    ----------
    dag : DAG
        The DAG, complete as far as its targets are known.
    teller : Teller
        Says what jobs are told.
    directory : Directory
        What the working directory knows.
    products : Products
        What the jobs make.
    places : JobPlaces
        Where paths lie for the jobs.
    source : callable
        Says of a stored file that no job makes what it is, and since when.
    now : int
        Time, in ns, for all that this working directory comes to mean by this pass: one time, so
        that no hit looks older than the one it feeds on.
    awaited : set
        What jobs waited for in vain before the DAG changed.

    Attributes
    ----------
    awaited : set
        What jobs wait for in vain: each with the output of a checkpoint.
    """

    def __init__(
        self,
        dag: DAG,
        teller: Teller,
        directory: Directory,
        products: Products,
        places: JobPlaces,
        source: Callable[[StoredFile], tuple[Version, int] | None],
        now: int,
        awaited: Set[Any],
    ) -> None:
        self._dag = dag
        self._teller = teller
        self._directory = directory
        self._claims = directory.claims
        self._stores = directory.stores
        self._contents = directory.contents
        self.products = products
        self.places = places
        self._under_way: set[Job] = set()
        self._now = now
        self._awaited_before = awaited
        self.awaited: set[Any] = set()
        self._incomplete: set[str] = set()
        self.inputs = Inputs(dag, directory.claims, source)
        self.jobs = self.inputs.jobs
        self.producers = self.inputs.producers
        self.is_touching = snakemake_api.touches(dag.workflow)
        self._changed = ChangedInputs(self.inputs, products, directory, teller)
        self.side_files = SideFiles(self.jobs, products, directory)
        self._touched = Touched(directory, self.inputs, teller, self.is_touching, now)

    def resolve(self, jobs: Iterable[Job], conditions: Conditions) -> None:
        """Resolve jobs; those that others depend on come first."""
        jobs = [job for job in jobs if not snakemake_api.is_target(job)]
        persistence = self._dag.workflow.persistence
        keys = {persistence._get_key(file): file for job in jobs for file in job.output}
        self._incomplete = {label(keys[key]) for key in persistence._filter_incomplete_keys(keys)}
        self._conditions = conditions
        self._has_checkpoints = any(job.is_checkpoint for job in jobs)
        self._lookup = Lookup(self._directory, conditions, self._told_in_order)
        for job in jobs:
            self.producers |= dict.fromkeys(map(label, job.products()), job)
        self._read_before = snakemake_api.read_before_update(jobs)
        for job in jobs:
            self._resolve(job)
        known = 0
        while (made := sum(map(len, self.products.undeclared.values()))) > known:
            known = made
            self._conditions.look_again()
            self._look_again(jobs)
        for job, resolved in self.jobs.items():
            if job.is_checkpoint and not resolved.is_hit:
                self.awaited.update(self._awaiting(job))

    def output(self, name: str) -> File | None:
        """The output of a job by its label, with its flags."""
        maker = self.producers.get(name)
        outputs = maker.output if maker else ()
        return next((made for made in outputs if label(made) == name), None)

    def holder(self, name: str) -> Store | None:
        """The store that was found to have what an output of a job means, by its label."""
        maker = self.producers.get(name)
        return self.jobs[maker].holders.get(name) if maker in self.jobs else None

    def product_digests(self, reader: Job, path: str) -> Iterator[str]:
        """SHA-256 of what a path that a job makes may contain when a job starts.

        What the record of its maker says. A log or benchmark that is there may be of another run
        with the same result, and an undeclared file may have been changed since: nobody puts what
        the record says in its place, so it may be what is there, too. But not what an earlier run
        of its maker left there, which Snakemake would have replaced.
        """
        found = self.products.maker(path)
        if found and not (found[1] in snakemake_api.traces(found[0]) and os.path.exists(path)):
            job, file, inside = found
            self._resolve(job)
            resolved = self.jobs.get(job)
            version = resolved.versions.get(label(file)) if resolved else None
            if version is not None and inside and (ours := stored(file)):
                version = self._stores.member(ours.provider.store, version, inside)
            if version is not None:
                yield version.digest
                return
        made = self.products.before(path, reader)
        for version in made:
            yield version.digest
        with suppress(OSError, SeqstoreError):
            there = self._contents.version(path)
            if there not in made and not self.side_files.is_outdated(path, there):
                yield there.digest

    def _look_again(self, jobs: list[Job]) -> None:
        """Resolve again what failed by what it read, and what follows from that.

        Others may make that without declaring it, as their records say.
        """
        doubtful: set[Job] = set()
        for job in jobs:
            makers = snakemake_api.makers(job)
            if self.jobs[job].failing or not doubtful.isdisjoint(makers):
                doubtful.add(job)
        for job in doubtful:
            del self.jobs[job]
        for job in jobs:
            self._resolve(job)

    def _resolve(self, job: Job) -> None:
        """Resolve a job and what it depends on, unless that is done or under way."""
        if job in self.jobs or job in self._under_way or snakemake_api.is_target(job):
            return
        self._under_way.add(job)
        before = (*snakemake_api.makers(job), *self._made_views(job), *self._readers_before(job))
        for other in before:
            self._resolve(other)
        self.jobs[job] = resolved = self._job(job)
        self._under_way.remove(job)
        if resolved.is_hit and resolved.record:
            if resolved.record.undeclared and any(map(self._is_switched, resolved.claims.items())):
                self.products.switched.add(job)
            self.products.add_undeclared(job, resolved.record.undeclared)
        elif resolved.is_hit and resolved.told:  # it stands here without a record
            self.products.add_undeclared(job, self.side_files.left_by(job, resolved.told.key))

    def _is_switched(self, claimed: tuple[str, Claim]) -> bool:
        name, claim = claimed
        before = self._claims.known(name)
        return before is not None and before.key != claim.key

    def _made_views(self, job: Job) -> Iterator[Job]:
        """Jobs that make what a job reads views of: no dependencies, as far as Snakemake knows."""
        for file in job.input:
            ours = stored(file)
            if ours and ours.is_derived and ours.base_label in self.producers:
                yield self.producers[ours.base_label]

    def _readers_before(self, job: Job) -> Iterator[Job]:
        """Jobs that read what a job updates, before it does."""
        if self._read_before:
            for file in filter(snakemake_api.is_updated, job.output):
                yield from self._read_before.get(str(file), ())

    def _job(self, job: Job) -> Resolved:
        resolved = Resolved()
        makers = [self.jobs[each] for each in snakemake_api.makers(job) if each in self.jobs]
        resolved.is_old = any(maker.is_old for maker in makers)
        if job.is_checkpoint and resolved.is_old:
            # Functions would read it, and Snakemake would not ask again for what it is made of.
            resolved.reason = NotYet("what it reads is not known before another checkpoint")
            resolved.is_new = True
            return resolved
        members = self._has_checkpoints and present.members(job, self._claims, self._contents)
        if members:
            resolved.versions, resolved.is_hit, resolved.is_inside = members, True, True
            return resolved
        try:
            snakemake_api.refuse_special(job)
            versions = self.inputs.versions(job, self._contents)
            resolved.before = self.inputs.before(job, self._contents)
            before = tuple(resolved.before.values())
            resolved.told = self._teller.tell(job, versions, before)
            key = resolved.told.key
            rested = self._rested(job, versions) if before else None
        except Unknown as reason:
            resolved.reason = reason
            if isinstance(reason, NotYet):
                is_new = any(maker.is_new for maker in makers)
                resolved.is_new = is_new or self._lacks_checkpoint(job)
            if not resolved.is_new:
                self._believe_claims(job, resolved)
                self._touched.take_over_unknown(job, resolved)
            return resolved
        if rested:
            return rested
        readers = (self.jobs.get(each) for each in self._readers_before(job))
        if not all(reader.is_hit for reader in readers if reader):
            if self._stores.find_records(job, key):
                resolved.failing = ["what is there is to be read before it is updated"]
            resolved.is_new = True
            return resolved
        resolved.replaced = {**resolved.before}
        self._look_up(job, resolved, resolved.told)
        if resolved.record is None and (as_made := self._changed.told_as_made(job, versions)):
            stood = Resolved(told=as_made)
            self._look_up(job, stood, as_made)
            resolved = stood if stood.is_hit else resolved
        # A job that waits for a checkpoint is made anew when that is there: at once, but not if it
        # waited for it in vain before. Then it is made anew only when the checkpoint has run.
        if job.is_checkpoint and not self._awaited_before.isdisjoint(self._awaiting(job)):
            resolved.is_hit, resolved.claims = False, {}
        if not resolved.record or not resolved.is_hit:
            resolved.replaced = {}
        return resolved

    def _rested(self, job: Job, versions: Sequence[Version]) -> Resolved | None:
        """What is known of a job that updates files, if they are what it made of what was there.

        It would not make the same of what is there now. Where nobody knows what was there, as the
        directory lost its claims, it may have been nothing.
        """
        resolved, keys = Resolved(), set[str]()
        for file in filter(snakemake_api.is_updated, job.output):
            claim = self._claims.made_in_this_run(label(file)) or self._claims.known(label(file))
            ours = stored(file)
            is_gone = ours and ours.is_in_place and not os.path.lexists(ours.copy_path)
            if is_gone or (claim and claim.version is None):
                return None
            resolved.before[label(file)] = claim.before if claim else None
            keys |= {claim.key} if claim else set()
        before = tuple(resolved.before.values())
        resolved.told = self._teller.tell(job, versions, before)
        if keys - {resolved.told.key}:
            return None
        self._look_up(job, resolved, resolved.told)
        is_other = not keys and not present.is_as_recorded(job, resolved.versions, self._contents)
        return resolved if resolved.is_hit and not is_other else None

    def _told_in_order(self, job: Job, order: Sequence[int]) -> Told | None:
        """What a job would be told if its inputs came in another order, by their numbers."""
        try:
            versions = self.inputs.versions(job, self._contents)
            before = tuple(self.inputs.before(job, self._contents).values())
            places = input_numbers.places(job)
            moved = {place: places[number] for place, number in zip(places, order, strict=True)}
            there = [moved[place] for place in range(len(job.input))]
            other = with_inputs_in_order(job, there)
            inputs = [versions[place] for place in there]
            return self._teller.tell(other, inputs, before)
        except Unknown:
            return None

    def _lacks_checkpoint(self, job: Job) -> bool:
        """Whether a checkpoint is not there that says what a job reads.

        What the job made before is not believed then, as Snakemake would not look at it again. A
        temporary one is never there.
        """
        makers = self.inputs.makers(job)
        for file in job.input:
            maker = self.jobs.get(makers[label(file)]) if label(file) in makers else None
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
        newest = self.inputs.newest(job) if snakemake_api.waits(job) else 0
        for file in job.output:
            if ours := stored(file):
                claim = self._claims.get(label(file))
                if claim and claim.time < newest:  # of what a checkpoint was before
                    resolved.is_old = True
                    if job.is_checkpoint:
                        resolved.is_new = True
                        continue
                if claim and claim.version and snakemake_api.metadata(job, file):
                    resolved.versions[label(file)] = claim.version
                    if self._stores.holder(ours.provider.store, claim.version):
                        resolved.claims[label(file)] = claim

    def _look_up(self, job: Job, resolved: Resolved, told: Told) -> None:
        key = told.key
        if all(map(snakemake_api.is_pipe, job.output)):
            return  # what reads them is found, or not
        names = [label(file) for file in job.output]
        before = [self._claims.known(name) for name in names]
        if made := self._made_now(job, names, key):
            resolved.claims = made
            resolved.versions = {
                name: claim.version for name, claim in made.items() if claim.version
            }
            resolved.is_hit = True
            return
        answer = self._lookup.answer(job, told)
        resolved.failing, resolved.remembered = answer.failing, answer.lost
        resolved.told = answer.told
        record, key = answer.record, answer.told.key
        if record is None:
            resolved.is_new = not self._touched.keep(job, resolved, before)
            resolved.is_unclaimed = resolved.is_new and present.is_unclaimed(
                job, self._claims, self._incomplete
            )
            return
        resolved.record = record
        outputs = zip(names, record.outputs, strict=True)
        resolved.versions = {**dict(outputs), **recorded_traces(job, record)}
        # An earlier run may have been interrupted while it made this; Snakemake asks for it then.
        if not self._incomplete.isdisjoint(names):
            return
        holders = self._stores.holders(job, record)
        if holders is None:
            self._touched.keep(job, resolved, before)
            return
        if job.is_checkpoint and snakemake_api.only_looks(self._dag.workflow) and lacks_copy(job):
            resolved.failing = [
                "it is in the store, but nothing is brought without a run: what depends on this "
                "checkpoint is shown as if it had to run"
            ]
            return  # functions read what it makes
        newest = self.inputs.newest(job)
        traces = claims_to_traces(self._directory, job, record, newest, self._now)
        if traces is None:
            resolved.is_new = True
            return
        resolved.is_hit = True
        resolved.holders = holders
        resolved.claims |= traces
        for file, name, claim in zip(job.output, names, before, strict=True):
            if ours := stored(file):
                version = resolved.versions[name]
                if claim and self._changed.makes_way(ours, version, claim, key):
                    resolved.replaced[name] = self._contents.version(ours.copy_path)
                is_kept = ours.is_in_place and name not in resolved.replaced
                if is_kept and self._changed.is_foreign(ours, version, claim):
                    resolved.foreign.append(name)
                since = claim.time if claim and claim.version == version else self._now
                resolved.claims[name] = Claim(
                    version,
                    max(since, newest),
                    key,
                    before=resolved.before.get(name),
                    reads=record.reads.digest,
                    workflow=self._claims.workflow,
                )

    def _awaiting(self, checkpoint: Job) -> Iterator[Any]:
        """What waits for the outputs of a checkpoint, in any DAG, each with the output."""
        outputs = {*map(str, checkpoint.output)}
        for reader in snakemake_api.depending(checkpoint):
            yield from (each for each in snakemake_api.awaited(reader) if each[-1] in outputs)

    def _made_now(self, job: Job, names: list[str], key: str) -> dict[str, Claim]:
        """The claims of a job that ran in this run, before its DAG changed; empty if it did not."""
        made: dict[str, Claim] = {}
        for file, name in zip(job.output, names, strict=True):
            if snakemake_api.is_pipe(file):
                continue
            claim = self._claims.made_in_this_run(name)
            if claim is None or claim.version is None or claim.key != key or not stored(file):
                return {}
            made[name] = claim
        return made
