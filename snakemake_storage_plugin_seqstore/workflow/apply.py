"""Doing what a plan says. A dry run applies nothing but to Snakemake's view in memory."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.store import Entry, Record, Store
from snakemake_storage_plugin_seqstore.store.background import pack
from snakemake_storage_plugin_seqstore.store.filesystem import discard
from snakemake_storage_plugin_seqstore.workflow import about, snakemake_api, whereabouts
from snakemake_storage_plugin_seqstore.workflow.claims import Claims
from snakemake_storage_plugin_seqstore.workflow.conditions import Conditions
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.placing import entry_of
from snakemake_storage_plugin_seqstore.workflow.plan import Plan
from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution
from snakemake_storage_plugin_seqstore.workflow.stores import Stores
from snakemake_storage_plugin_seqstore.workflow.telling import Teller

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Workflow


def forget_removed_copies(resolution: Resolution, workflow: Workflow) -> None:
    """Have Snakemake look again for local copies that it has removed while it built its DAG.

    It would take them for protected files. A run that was killed leaves such copies.
    """
    known = workflow.iocache.exists_local
    for job in resolution.jobs:
        for file in job.output:
            if known.get(file) and stored(file) and not os.path.lexists(file):
                known.pop(file)


def bring_checkpoints(
    plan: Plan,
    workflow: Workflow,
    stores: Stores,
    owner: object,
    place: Callable[[StoredFile, Store, Entry], None],
) -> None:
    """Bring outputs of checkpoints, which functions read while Snakemake builds its DAG.

    The copies go with their `owner`: Snakemake leaves them if there is nothing to do, and then
    fails if everything is forced, as it takes a copy that it has just removed for a protected file.

    Parameters
    ----------
    place : callable
        Puts a file in its own place, but over bytes that are the user's.
    """
    for file, ours, claim in plan.bring:
        path = ours.copy_path
        holder = (
            stores.holder(ours.provider.store, claim.version) if claim and claim.version else None
        )
        if claim and claim.version and holder:
            entry = entry_of(ours, claim)
            if ours.is_in_place:
                place(ours, holder, entry)
            elif not path.exists() or path.lstat().st_mtime_ns != claim.time:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not workflow.storage_settings.keep_storage_local:
                    weakref.finalize(owner, _discard, path, os.getpid())
                transfer.bring(holder, entry, ours.parsed, path, ours.provider.materialisation)
        elif workflow.iocache.active and not ours.is_in_place:
            # Snakemake would take an old copy, once it removed it, for a protected file.
            discard(path)
            workflow.iocache.exists_local.pop(file, None)


def take_over(
    plan: Plan, stores: Stores, conditions: Conditions, teller: Teller, secret: frozenset[str]
) -> None:
    """Store what plain Snakemake left in its place.

    Others can reuse it only where it is known that the job as it is made it.
    """
    for job, resolved in plan.take_over:
        tasks = []
        for file in job.output:
            ours, claim = stored(file), resolved.taken_over.get(label(file))
            if ours and claim and claim.version and not claim.version.is_unseen:
                made = stores.add(ours.provider.store, ours.copy_path)
                tasks.append(stores.assigning(made.store, ours, made.version, claim.key))
        claims = [resolved.taken_over.get(label(file)) for file in job.output]
        outputs = tuple(claim.version for claim in claims if claim and claim.version)
        run, known = resolved.plain_run, resolved.remembered
        # Nobody knows what was there before of what was updated.
        is_updated = any(map(snakemake_api.is_updated, job.output))
        is_whole = len(outputs) == len(job.output) and not is_updated
        if known and resolved.told:
            told, described = resolved.told.canonical(), about.of(job, stores.here.path, secret)
            tasks += stores.recording(job, replace(known, provenance=told, about=described))
        elif run and resolved.told and is_whole:
            there = zip(map(stored, job.output), outputs, strict=True)
            made_here = [(str(ours.copy_path), version) for ours, version in there if ours]
            plain = teller.plain_reads(job)
            record = Record(
                resolved.told.key,
                outputs,
                tuple(not version.is_unseen for version in outputs),
                resolved.told.canonical(),
                run.seconds,
                job.rule.name,
                (None,) * len(snakemake_api.traces(job)),
                replace(
                    conditions.of_run(job, None, plain, int(run.began * 1e9)).reads,
                    ancient=resolved.told.ancient,
                ),
                about=about.of(job, stores.here.path, secret)
                | {"taken over": "made by Snakemake without seqstore"},
                made_in=whereabouts.told_in(made_here, stores.here),
            )
            tasks += stores.recording(job, record)
        stores.in_background(pack(tasks))
    if plan.take_over:  # else nobody would do it again, once this directory claims it
        stores.wait()


def write_down(plan: Plan, claims: Claims, stores: Stores) -> None:
    """Remember what outputs mean, for the next run and for the processes of jobs."""
    tasks = [stores.following(ours, version, key) for ours, version, key in plan.follow]
    if tasks:
        stores.in_background(pack(tasks))
    claims.unnoted = (claims.unnoted - plan.claims.keys()) | stores.note(plan.use)
    claims.save(plan.claims, plan.forced, plan.made, plan.absent)
    claims.take_up()


def _discard(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # else a process that was forked from it ends
        discard(path)
