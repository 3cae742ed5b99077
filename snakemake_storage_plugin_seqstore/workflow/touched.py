"""Outputs that stand because the user says so by ``--touch``, also those of plain Snakemake."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.inputs import Inputs, Resolved
from snakemake_storage_plugin_seqstore.workflow.taken_over import PlainRun, plain_run, unseen
from snakemake_storage_plugin_seqstore.workflow.telling import Teller

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job


class Touched:
    """Keeps outputs that were made otherwise than their job is told now.

    Parameters
    ----------
    directory : Directory
        What the working directory knows.
    inputs : Inputs
        What the inputs of jobs contain.
    teller : Teller
        Says what jobs are told.
    touches : bool
        Whether the user says by ``--touch`` in this run that what is here stands.
    now : int
        Time of new claims, in ns.
    """

    def __init__(
        self,
        directory: Directory,
        inputs: Inputs,
        teller: Teller,
        touches: bool,
        now: int,
    ) -> None:
        self._claims = directory.claims
        self._stores = directory.stores
        self._contents = directory.contents
        self._inputs = inputs
        self._teller = teller
        self._touches = touches
        self._now = now

    def keep(self, job: Job, resolved: Resolved, before: list[Claim | None]) -> bool:
        """Let outputs stand that were made otherwise, if the user says so by ``--touch``.

        Files that plain Snakemake left in their places are taken over. That holds in this working
        directory, until their provenance changes again. What a store has lost is taken over, too,
        and also without ``--touch`` where it is what this directory has made.
        """
        assert resolved.told
        key = resolved.told.key
        kept: dict[str, Claim] = {}
        taken_over: dict[str, Claim] = {}
        there: dict[str, Claim] = {}  # without temporaries that are gone, as they may be
        for file, claim in zip(job.output, before, strict=True):
            ours = stored(file)
            if ours is None:
                continue
            name = label(file)
            lost = self._lost(ours, claim)
            if claim is None or lost or not (claim.version or claim.is_touched):
                is_own = claim and lost and (claim.version, claim.key) == (lost, key)
                is_known = is_own and not resolved.failing
                if not (is_known or (self._touches and ours.is_in_place)):
                    return False
                if not (taken_over or resolved.record):
                    resolved.plain_run = self._plain_run(job, resolved.told)
                claim = self._found_here(job, file, ours, key, resolved.plain_run is not None)
                if claim is None:
                    return False
                taken_over[name] = claim
                is_there = claim.version is not None and not claim.version.is_unseen
            elif not self._touches and not (
                (claim.is_touched or resolved.record) and claim.key == key
            ):
                return False
            else:
                is_there = self._is_there(ours, claim)
                if not (is_there or file.flags.get("temp")):
                    return False
            kept[name] = claim
            if is_there:
                there[name] = claim
        resolved.taken_over = taken_over
        resolved.is_hit = bool(there) and all(claim.key == key for claim in there.values())
        resolved.is_outdated = bool(there) and not resolved.is_hit
        newest = self._inputs.newest(job) if resolved.is_hit else 0
        for name, claim in kept.items():
            stands = claim.is_touched or self._touches
            if name in there:
                claim = replace(claim, time=max(claim.time, newest), is_touched=stands)
                resolved.claims[name] = claim
            elif name not in resolved.taken_over:  # Snakemake touches only what is there
                reads = claim.reads if claim.key == key else ""
                resolved.claims[name] = replace(claim, key=key, is_touched=stands, reads=reads)
            if claim.version:
                resolved.versions[name] = claim.version
        return bool(kept)

    def _is_there(self, file: StoredFile, claim: Claim) -> bool:
        return bool(claim.version and self._stores.holder(file.provider.store, claim.version))

    def _lost(self, file: StoredFile, claim: Claim | None) -> Version | None:
        """What is in a file's place, where no store has any more what it means."""
        if claim and claim.version and file.is_in_place and not self._is_there(file, claim):
            return self._contents.known(file.copy_path)
        return None

    def _plain_run(self, job: Job, told: Told) -> PlainRun | None:
        """The run of plain Snakemake that made a job's outputs as it is told now."""
        makers, jobs = self._inputs.makers(job), self._inputs.jobs

        def version_of(file: File) -> Version | None:
            return jobs[makers[label(file)]].versions.get(label(file))

        return plain_run(job, told, version_of, self._teller, self._contents)

    def _found_here(
        self, job: Job, file: File, ours: StoredFile, key: str, is_known: bool
    ) -> Claim | None:
        """A claim to what plain Snakemake left in a place, or to a temporary that it removed.

        None if nothing is there that could be claimed. Of a temporary it is at best known which
        run made it.
        """
        version: Version | None
        try:
            version = self._contents.version(ours.copy_path)
        except FileNotFoundError:
            if not file.flags.get("temp"):
                return None
            version = unseen(job, file) if is_known else None
        return Claim(version, self._now, key, is_touched=True)

    def take_over_unknown(self, job: Job, resolved: Resolved) -> None:
        """Take over what is here of a job of which it is not known what it is told."""
        if not self._touches:
            return
        for file in job.output:
            ours = stored(file)
            known = self._claims.get(label(file))
            if ours and ours.is_in_place and not (known and known.version):
                claim = self._found_here(job, file, ours, "", False)
                if claim and claim.version:
                    resolved.taken_over[label(file)] = resolved.claims[label(file)] = claim
                    resolved.versions[label(file)] = claim.version
