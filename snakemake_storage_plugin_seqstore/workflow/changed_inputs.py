"""Inputs that jobs change, as ``sort -o {input} {input}`` does: what is there is not the user's.

The job that changed one, and those behind it, read what is there. Others that read it before stand
as they are: they were made of what its maker made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.inputs import Inputs, users_version
from snakemake_storage_plugin_seqstore.workflow.products import Products, jobs_before
from snakemake_storage_plugin_seqstore.workflow.telling import Teller

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


class ChangedInputs:
    """The inputs that jobs of a DAG changed here.

    Parameters
    ----------
    inputs : Inputs
        What the inputs of jobs contain.
    products : Products
        What the jobs make.
    directory : Directory
        What the working directory knows.
    teller : Teller
        Says what jobs are told.
    """

    def __init__(
        self, inputs: Inputs, products: Products, directory: Directory, teller: Teller
    ) -> None:
        self._inputs = inputs
        self._products = products
        self._claims = directory.claims
        self._left = directory.left
        self._contents = directory.contents
        self._teller = teller

    def is_foreign(self, file: StoredFile, version: Version, before: Claim | None) -> bool:
        """Whether the user's bytes are in a file's place.

        Parameters
        ----------
        version : Version
            What it means.
        before : Claim or None
            What it meant in this working directory before.
        """
        try:
            there = users_version(file, version, before, self._contents)
        except (OSError, SeqstoreError):
            return True
        return there is not None and not self._left.run_that_left(file.label, there)

    def makes_way(self, file: StoredFile, version: Version, before: Claim, key: str) -> bool:
        """Whether what the user or others put in a file's place makes way for what it means.

        That is so where its job is told something else than before: Snakemake would have let it
        run, and replaced what is there.
        """
        if not file.is_in_place or before.is_touched or before.key in ("", key):
            return False
        with suppress(OSError, SeqstoreError):
            return users_version(file, version, before, self._contents) is not None
        return False

    def told_as_made(self, job: Job, versions: Sequence[Version]) -> Told | None:
        """What a job was told that stands here, as others changed its inputs after it ran.

        Parameters
        ----------
        versions : sequence of Version
            What its inputs contain now.

        Raises
        ------
        Unknown
            If it cannot be told.
        """
        as_made = self._as_made(job, versions)
        if as_made == [*versions]:
            return None
        told = self._teller.tell(job, as_made)
        claims = [self._claims.known(label(file)) for file in job.output]
        return told if all(claim and claim.key == told.key for claim in claims) else None

    def _as_made(self, job: Job, versions: Sequence[Version]) -> list[Version]:
        """What its inputs contain without what others changed that do not come before it."""
        jobs, makers, found = self._inputs.jobs, self._inputs.makers(job), [*versions]
        for number, (file, there) in enumerate(zip(job.input, versions, strict=True)):
            maker = jobs.get(makers[label(file)]) if label(file) in makers else None
            made = maker.versions.get(label(file)) if maker and stored(file) else None
            if made and made != there and self._is_changed_by_others(job, label(file), there):
                found[number] = made
        return found

    def _is_changed_by_others(self, job: Job, path: str, there: Version) -> bool:
        run = self._left.run_that_left(path, there)
        if run is None or run.output in map(label, job.output):
            return False
        changer = self._products.maker(os.path.abspath(run.output))
        return changer is None or changer[0] not in jobs_before(job)


def as_left(changed: Iterable[str], contents: Contents) -> dict[str, Version]:
    """What a job left of the inputs that it changed, by path from the working directory.

    Parameters
    ----------
    changed : iterable of str
        Their absolute paths; those that it took away are left out.
    """
    found = {}
    for path in changed:
        with suppress(OSError, SeqstoreError):
            found[os.path.relpath(path)] = contents.unwatched.version(path)
    return found
