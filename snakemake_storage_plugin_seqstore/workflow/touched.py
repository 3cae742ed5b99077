"""Outputs that stand because the user says so by ``--touch``, also those of plain Snakemake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.workflow.claims import Claim, Claims
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.inputs import Resolved
from snakemake_storage_plugin_seqstore.workflow.stores import Stores

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job


class Touched:
    """Keeps outputs that were made otherwise than their job is told now.

    Parameters
    ----------
    claims : Claims
        What the working directory claims.
    stores : Stores
        Where payloads are.
    contents : Contents
        Says what local files contain.
    touches : bool
        Whether the user says by ``--touch`` in this run that what is here stands.
    now : int
        Time of new claims, in ns.
    newest_input : callable
        Time of the newest input of a job, in ns.
    """

    def __init__(
        self,
        claims: Claims,
        stores: Stores,
        contents: Contents,
        touches: bool,
        now: int,
        newest_input: Callable[[Job], int],
    ) -> None:
        self._claims = claims
        self._stores = stores
        self._contents = contents
        self._touches = touches
        self._now = now
        self._newest_input = newest_input

    def keep(self, job: Job, resolved: Resolved, before: list[Claim | None]) -> bool:
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
            elif not self._touches and not (claim.is_touched and claim.key == key):
                return False
            is_gone = claim.version and not self._stores.holder(ours.provider.store, claim.version)
            if is_gone and label(file) not in resolved.taken_over:
                return False
            kept[label(file)] = claim
        there = {name: claim for name, claim in kept.items() if claim.version}
        resolved.is_hit = bool(there) and all(claim.key == key for claim in there.values())
        resolved.is_outdated = bool(there) and not resolved.is_hit
        newest = self._newest_input(job) if resolved.is_hit else 0
        for name, claim in there.items():
            stands = claim.is_touched or self._touches
            resolved.claims[name] = replace(claim, time=max(claim.time, newest), is_touched=stands)
            resolved.versions[name] = claim.version  # type: ignore[assignment]
        return bool(kept)

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

    def take_over_unknown(self, job: Job, resolved: Resolved) -> None:
        """Take over what is here of a job of which it is not known what it is told."""
        if not self._touches:
            return
        for file in job.output:
            ours = stored(file)
            known = self._claims.get(label(file))
            if ours and not (known and known.version):
                claim = self._found_here(file, ours, "")
                if claim and claim.version:
                    resolved.taken_over[label(file)] = resolved.claims[label(file)] = claim
                    resolved.versions[label(file)] = claim.version
