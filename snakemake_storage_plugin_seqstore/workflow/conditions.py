"""Whether what a recorded job read is the same here, so that its result is the answer."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReads
from snakemake_storage_plugin_seqstore.fingerprint.variables import counted, salted
from snakemake_storage_plugin_seqstore.observe import (
    Access,
    Accesses,
    Checks,
    Packages,
    Places,
    Reads,
    summarise,
)
from snakemake_storage_plugin_seqstore.store import Record
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import Provider
from snakemake_storage_plugin_seqstore.workflow.observing import Mode

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.products import Products
    from snakemake_storage_plugin_seqstore.workflow.snakemake_api import Job, Workflow

_VARIABLES = "variables"  # beside the reads, in a record

# For each host, the digest of a set of software to what it was there when a result of this
# directory was made or first used.
Accepted = dict[str, dict[str, str]]


class Conditions:
    """Checks the reads of records, and sums up those of jobs that ran here.

    Parameters
    ----------
    workflow : Workflow
        The workflow.
    mode : {"auto", "required", "off"}
        Whether a result that was not observed is an answer.
    contents : Contents
        Says what files contain.
    products : Products
        What the workflow makes.
    product_digest : callable
        SHA-256 of what a job of this workflow makes at a path; None if that is not known.
    accepted : dict
        The software that this directory has accepted, by host; added to.
    """

    def __init__(
        self,
        workflow: Workflow,
        mode: Mode,
        contents: Contents,
        products: Products,
        product_digest: Callable[[str], str | None],
        accepted: Accepted,
    ) -> None:
        self._workflow = workflow
        self._mode = mode
        self._contents = contents
        self._products = products
        self._product_digest = product_digest
        self._accepted = accepted.setdefault(socket.gethostname(), {})
        self._packages = Packages()
        self._checks = Checks(contents, self._packages)
        self._parsed: dict[str, Reads] = {}

    def failing(self, record: Record, job: Job, is_own: bool, others: list[Record]) -> list[str]:
        """Why a record is no answer for a job here, in words; empty if it is one.

        Parameters
        ----------
        is_own : bool
            Whether this working directory made, or has taken, what it records.
        others : list of Record
            All records of the same key.
        """
        if not record.is_observed:
            if self._mode == "required":
                return ["its result was made without being observed"]
            if not is_own and any(other.is_observed and other.reads for other in others):
                return ["it was made without being observed, and reads more than it declares"]
        reads = self.reads(record)
        if reads is None:
            return ["its record cannot be read"]
        found = self._checks.files(reads, self.places(job), self._product_digest)
        found += self._changed_variables(record.reads.get(_VARIABLES, {}))
        return found or self._failing_software(record, reads, is_own)

    def reads(self, record: Record) -> Reads | None:
        """The reads of a record; None if they are of no known form."""
        document = {key: value for key, value in record.reads.items() if key != _VARIABLES}
        try:
            return Reads.from_json(document)
        except SeqstoreError:
            return None

    def of_run(
        self, job: Job, accesses: Accesses | None, plain: PlainReads, started: int
    ) -> tuple[dict[str, Any], Reads]:
        """What a job read that just ran, as its record keeps it.

        Parameters
        ----------
        accesses : Accesses or None
            What it was seen to do; None if it was not observed.
        plain : PlainReads
            What is plain from its code.
        started : int
            When it began, in ns since the epoch.
        """
        seen = accesses or Accesses(started=started)
        for path in plain.files:
            seen.paths.setdefault(os.path.abspath(path), Access()).read = True
        if accesses is None:
            for program in plain.programs:
                # One below the working directory is among the files, if it was there before.
                is_named = "/" not in program or os.path.isabs(program)
                if is_named and (found := shutil.which(program)):
                    seen.paths.setdefault(os.path.abspath(found), Access()).executed = True
        places = self.places(job, at_end=True)
        search_path = os.environ.get("PATH", os.defpath)
        reads = summarise(seen, places, self._contents, self._packages, search_path)
        variables = salted(counted(plain.variables, plain.programs, plain.languages), os.environ)
        document = reads.to_json()
        if variables:
            document[_VARIABLES] = variables
        return document, reads

    def places(self, job: Job, at_end: bool = False) -> Places:
        """The places of a job, here."""
        others = [*job.output, *snakemake_api.traces(job)]
        workdir = os.getcwd()
        shadow = {snakemake_api.source_copies(self._workflow): ""}
        if at_end and job.shadow_dir:
            shadow[os.path.abspath(job.shadow_dir)] = workdir
        return Places(
            workdir=workdir,
            workflow_dir=snakemake_api.basedir(job.rule) or "",
            home=os.path.expanduser("~"),
            tmpdir=tempfile.gettempdir(),
            inputs=tuple(os.path.abspath(file) for file in job.input),
            others=frozenset(os.path.abspath(file) for file in others),
            shadow=shadow,
            stores=tuple(str(provider.store.root) for provider in self._providers()),
            copies=tuple(os.path.abspath(provider.local_prefix) for provider in self._providers()),
            variables=os.environ,
            is_product=self._products.includes,
            covered_names=self._products.names_in,
        )

    def _providers(self) -> list[Provider]:
        return snakemake_api.providers(self._workflow)

    def _failing_software(self, record: Record, reads: Reads, is_own: bool) -> list[str]:
        """What differs of the software that a result was made with.

        What this directory made elsewhere, as on a node, stands as long as the software here is
        what it was when the result was first used here.
        """
        found = self._checks.software(reads)
        if not is_own:
            return found
        software, state = _software_digest(reads), self._checks.software_state(reads)
        if not found or record.about.get("host") != socket.gethostname():
            accepted = self._accepted.setdefault(software, state)
            return found if accepted != state else []
        return found if self._accepted.get(software) != state else []

    def _changed_variables(self, recorded: Mapping[str, str]) -> list[str]:
        now = salted(recorded, os.environ)
        return [
            f"the variable {name} changed" for name in recorded if now.get(name) != recorded[name]
        ]


def _software_digest(reads: Reads) -> str:
    document = reads.to_json()
    parts = [document.get(name) for name in ("programs", "software", "system", "search_path")]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
