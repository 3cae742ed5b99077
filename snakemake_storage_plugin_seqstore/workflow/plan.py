"""What is to be done once the outputs of a DAG are resolved: said here, done by `apply`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.store import EMPTY, Version
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.asked import Asked
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.inputs import Resolved
from snakemake_storage_plugin_seqstore.workflow.products import Absent, makers_past_flags
from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import DAG, File, Job


@dataclass
class Plan:
    """What is to be done.

    Parameters
    ----------
    claims : dict
        What the outputs come to mean here, by label.
    forced : set of str
        Labels of outputs that are to be computed whatever is in the store.
    made : set of str
        Local paths that the workflow makes.
    follow : list
        Names that come to point, in their store, to a result that it has already, with the key.
    use : list
        Files in their own places that are new to this directory, with what they mean.
    bring : list
        Outputs of checkpoints that are to be in their places before what depends on them is known;
        with None where an old copy is to go.
    take_over : list
        Jobs with files that plain Snakemake left, which are to be stored.
    place : list
        Files that are to be in their own places, with what they mean: targets, those of which an
        older state is there, what a job that runs may read without declaring it, and what a job
        updates.
    absent : dict
        What else was reused and is not in its own place, by path, if a job runs that may look for
        it.
    remove : list
        Paths of undeclared files beside what outputs were before, not those of what they are now.
    missing : dict
        Outputs that meant something else here before, and those that are asked for and gone, by
        job: these are to be scheduled even where nothing misses them.
    """

    claims: dict[str, Claim] = field(default_factory=dict)
    forced: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    follow: list[tuple[StoredFile, Version, str]] = field(default_factory=list)
    use: list[tuple[StoredFile, Version]] = field(default_factory=list)
    bring: list[tuple[File, StoredFile, Claim | None]] = field(default_factory=list)
    take_over: list[tuple[Job, Resolved]] = field(default_factory=list)
    place: list[tuple[StoredFile, Claim]] = field(default_factory=list)
    absent: dict[str, Version] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    missing: dict[Job, list[File]] = field(default_factory=dict)


def plan(resolution: Resolution, dag: DAG, claims: Claims) -> Plan:
    """Say what is to be done in the main process.

    Parameters
    ----------
    resolution : Resolution
        The outputs of the DAG, resolved.
    dag : DAG
        The DAG.
    claims : Claims
        What the working directory had before.
    """
    found = Plan()
    asked = Asked(dag)
    running: list[Job] = []
    hits: list[Job] = []
    for job, resolved in resolution.jobs.items():
        if job not in asked.jobs:
            continue
        forced = is_forced(job)
        found.claims |= resolved.taken_over | resolved.claims
        if resolved.taken_over or resolved.remembered:
            found.take_over.append((job, resolved))
        found.made.update(str(file) for file in job.products() if not file.is_storage)
        if forced or needs_to_run(job):
            found.forced.update(map(label, job.output))
        if forced or not resolved.is_hit:
            running.append(job)
        if resolved.is_hit:
            hits.append(job)
            found.place += _placing(job, resolved, claims, asked.files)
            found.remove += resolution.side_files.left_over(job)
        if job.is_checkpoint:  # functions wait for one that is forced
            found.bring += _bringing(job, {} if forced else resolved.claims)
        missing: list[File] = []
        if resolved.is_new or resolved.is_outdated:
            # Missing outputs are no reason for Snakemake where local files made of them exist.
            missing += [file for file in job.output if _meant_something(file, claims)]
        if job in asked.last:
            missing += [file for file in job.output if _is_overlooked(file, job, resolved)]
        if missing:
            found.missing[job] = missing
    needed = asked.files.union(label(file) for job in running for file in job.input)
    for job in hits:
        for ours, version, key in _to_note(job, resolution.jobs[job], claims, needed):
            is_known = claims.known(ours.label) and ours.label not in claims.unnoted
            if ours.is_in_place and not is_known:
                found.use.append((ours, version))
            else:
                found.follow.append((ours, version, key))
    found.place += _beside_inputs(running, resolution)
    if running:
        absent = {ours.label: (ours, claim) for ours, claim in _absent(resolution)}
        found.place += _read_before(running, absent, resolution)
        found.absent = {name: claim.version for name, (_, claim) in absent.items() if claim.version}
    return found


def is_forced(job: Job) -> bool:
    """Whether the user wants a job to be computed whatever is in the store."""
    dag = job.dag
    if not (dag.forcerules or dag.forcefiles):
        return False
    return (job.rule in dag.forcerules and job not in dag.omitforce) or any(
        file in dag.forcefiles for file in job.output
    )


def needs_to_run(job: Job) -> bool:
    """Whether somebody needs what only a run of the job makes: a local log or benchmark."""
    return any(stored(file) is None for file in snakemake_api.needed_traces(job))


def _to_note(
    job: Job, resolved: Resolved, claims: Claims, needed: set[str]
) -> Iterator[tuple[StoredFile, Version, str]]:
    """Outputs, and traces that others need, of which a store is to know that they are used here.

    A temporary is used as long as it is needed: who removes it then gives it up.
    """
    for file in (*job.output, *snakemake_api.traces(job)):
        ours = stored(file)
        claim = resolved.claims.get(ours.label) if ours else None
        if ours is None or claim is None or claim.version is None or claim.version.is_unseen:
            continue
        before = claims.known(ours.label)
        is_new = before is None or before.version != claim.version
        is_new = is_new or (ours.is_in_place and ours.label in claims.unnoted)
        is_used = ours.label in needed if file.flags.get("temp") else is_new
        if is_used:
            yield ours, claim.version, claim.key


def _placing(
    job: Job, resolved: Resolved, claims: Claims, targets: set[str]
) -> Iterator[tuple[StoredFile, Claim]]:
    for file in (*job.output, *snakemake_api.traces(job)):
        ours = stored(file)
        claim = resolved.claims.get(ours.label) if ours else None
        if ours is None or claim is None or not ours.is_in_place:
            continue
        before = claims.known(ours.label)
        has_changed = before is None or before.version != claim.version
        has_changed = has_changed or ours.label in resolved.replaced
        is_wanted = ours.label in targets or snakemake_api.is_updated(file)
        if not (has_changed or is_wanted):
            continue
        is_there = os.path.lexists(ours.copy_path)
        if (has_changed and is_there) or (is_wanted and not is_there):
            yield ours, claim


def _beside_inputs(
    jobs: Iterable[Job], resolution: Resolution
) -> Iterator[tuple[StoredFile, Claim]]:
    """What else was made with the inputs of jobs, or is behind their flags: files of an index."""

    def is_flag(maker: Job, file: File) -> bool:
        resolved = resolution.jobs.get(maker)
        return resolved is not None and resolved.versions.get(label(file)) == EMPTY

    for maker in makers_past_flags(jobs, is_flag):
        resolved = resolution.jobs.get(maker)
        if resolved and resolved.is_hit:
            for file in maker.output:
                yield from _missing(file, resolved)


def _read_before(
    jobs: Iterable[Job],
    absent: Mapping[str, tuple[StoredFile, Claim]],
    resolution: Resolution,
) -> Iterator[tuple[StoredFile, Claim]]:
    """What jobs read when they last ran without declaring it, as those do that look for reports."""
    places = Absent(absent, resolution.products.includes)
    for job in jobs:
        for path in resolution.side_files.read_before(job, resolution.places.of(job)):
            yield from (absent[name] for name in places.at(path))


def _missing(file: File, resolved: Resolved) -> Iterator[tuple[StoredFile, Claim]]:
    """An output with what it means, if it is not in its own place."""
    ours, claim = stored(file), resolved.claims.get(label(file))
    if ours is None or claim is None or file.flags.get("temp"):
        return
    if ours.is_in_place and not os.path.lexists(ours.copy_path):
        yield ours, claim


def _absent(resolution: Resolution) -> Iterator[tuple[StoredFile, Claim]]:
    """What jobs made that are reused, and is not in its own place."""
    for job, resolved in resolution.jobs.items():
        if resolved.is_hit and resolved.claims:
            yield from (each for file in job.output for each in _missing(file, resolved))
            one = next(iter(resolved.claims.values()))
            for file in snakemake_api.traces(job):
                ours, version = stored(file), resolved.versions.get(label(file))
                if ours and ours.is_in_place and version and not os.path.lexists(file):
                    yield ours, replace(one, version=version)


def _bringing(
    job: Job, claims: dict[str, Claim]
) -> Iterator[tuple[File, StoredFile, Claim | None]]:
    for file in job.output:
        if ours := stored(file):
            yield file, ours, claims.get(label(file))


def _is_overlooked(file: File, job: Job, resolved: Resolved) -> bool:
    """Whether an output is missing that Snakemake does not look for, as other jobs are left out."""
    has_claim = label(file) in resolved.claims or label(file) in resolved.taken_over
    return stored(file) is not None and not has_claim and not snakemake_api.is_asked_for(job, file)


def _meant_something(file: File, claims: Claims) -> bool:
    if snakemake_api.is_updated(file):  # what is there is no reason either
        return stored(file) is not None and os.path.lexists(file)
    claim = claims.known(label(file))
    return claim is not None and claim.version is not None
