"""Files that jobs make without declaring them: what a job finds, what is stale, what is lost."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.store import EMPTY, Record, Version, trees
from snakemake_storage_plugin_seqstore.workflow import snakemake_api
from snakemake_storage_plugin_seqstore.workflow.files import label
from snakemake_storage_plugin_seqstore.workflow.inputs import Resolved
from snakemake_storage_plugin_seqstore.workflow.left import Run
from snakemake_storage_plugin_seqstore.workflow.products import Products, makers_past_flags

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.observe import Places
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job

_HERE = "workdir:"  # how places in the working directory begin


class SideFiles:
    """The undeclared files of a DAG.

    Parameters
    ----------
    jobs : mapping of Job to Resolved
        What is known of the jobs.
    products : Products
        What they make.
    directory : Directory
        What the working directory knows.
    """

    def __init__(
        self, jobs: Mapping[Job, Resolved], products: Products, directory: Directory
    ) -> None:
        self._jobs = jobs
        self._products = products
        self._claims = directory.claims
        self._left = directory.left
        self._sought = directory.sought
        self._stores = directory.stores
        self._contents = directory.contents

    def behind(self, job: Job) -> dict[str, str]:
        """What was made with a job's inputs, and is behind its flags, as it is now.

        An empty file says only that its job ran: who reads it may read what that one read.

        Returns
        -------
        dict of str to str
            By absolute path, the SHA-256 of what is as its maker left it. Empty for what is not,
            but is read: what a job makes of that is not to be had from what its rules say.
        """
        found: dict[str, str] = {}
        for maker in makers_past_flags([job], lambda _, file: _is_empty(file)):
            for path in self._products.made_by.get(maker, ()):
                if path not in found and os.path.isfile(path):
                    as_made = self._as_made(path, job)
                    if as_made or self._is_read(path):
                        found[path] = as_made
        return found

    def _as_made(self, path: str, reader: Job) -> str:
        """The SHA-256 of a file that is as its makers left it; else empty."""
        now = self._contents.known(path)
        return now.digest if now and now in self._products.before(path, reader) else ""

    @cached_property
    def _records(self) -> dict[Job, Record]:
        """What is recorded of the jobs, of others by what they were before."""
        found = {
            job: resolved.record or self._stores.earlier(job, self._claims)
            for job, resolved in self._jobs.items()
        }
        return {job: record for job, record in found.items() if record}

    @cached_property
    def _read(self) -> dict[str, set[str]]:
        """Undeclared files of this directory that jobs are known to read, by their rules.

        Absolute paths.
        """
        found: dict[str, set[str]] = {}
        for job, record in self._records.items():
            names = (*record.reads.products, *record.reads.files)
            here = (name.removeprefix(_HERE) for name in names if name.startswith(_HERE))
            found.setdefault(job.rule.name, set()).update(map(os.path.abspath, here))
        return found

    def _is_read(self, path: str) -> bool:
        is_sought = path in self._sought_by_any
        return is_sought or any(path in paths for paths in self._read.values())

    @cached_property
    def _sought_by_any(self) -> set[str]:
        rules = {job.rule.name for job in self._jobs}
        return set().union(*map(self._sought.by, rules))

    def is_read_by(self, reader: Job, maker: Job) -> bool:
        """Whether jobs of a rule are known to read what another job is the last to make so."""
        read = self._read.get(reader.rule.name, set()) | self._sought.by(reader.rule.name)
        return any(
            path in read and version in self._products.before(path, reader)
            for path, version in self._products.made_by.get(maker, {}).items()
        )

    def read_before(self, job: Job, places: Places) -> Iterator[str]:
        """What a job read of what others make when it last ran, and what it listed: its paths."""
        if record := self._records.get(job):
            names = (*record.reads.products, *record.reads.listed)
            yield from filter(None, map(places.path_of, names))

    def run_of(self, job: Job) -> Run | None:
        """The run whose result a job has; None if it has none."""
        resolved = self._jobs.get(job)
        if resolved is None or resolved.told is None or not resolved.is_hit:
            return None
        reads = resolved.record.reads.digest if resolved.record else ""
        return Run(label(job.output[0]), resolved.told.key, reads)

    def run_before(self, job: Job) -> Run | None:
        """The run whose result a job had here before; None if it had none."""
        claim = self._claims.known(label(job.output[0]))
        return Run(label(job.output[0]), claim.key, claim.reads) if claim and claim.key else None

    def is_another(self, job: Job) -> bool:
        """Whether a job has the result of another run than before: Snakemake would have run it."""
        now, before = self.run_of(job), self.run_before(job)
        return now is not None and before is not None and not now.is_same(before)

    def left_by(self, job: Job, key: str) -> dict[str, Version]:
        """What a job left when it was told what has this key, by path."""
        left = self._left.files_of(label(job.output[0])).items()
        return {path: file.version for path, file in left if file.run.key == key}

    def left_over(self, job: Job) -> Iterator[str]:
        """Undeclared files that other runs of a job left beside its outputs, by their path.

        They are not what comes with the outputs now, and are kept in a store. Files elsewhere stay.
        """
        left = self._left.files_of(label(job.output[0]))
        run = self.run_of(job) if left else None
        others = {path: file for path, file in left.items() if run and not run.is_same(file.run)}
        folders = {os.path.dirname(os.path.abspath(file)) for file in job.output if others}
        for path, file in others.items():
            whole = os.path.abspath(path)
            is_beside = os.path.dirname(whole) in folders
            is_kept = self._stores.has_kept(job, file.version)
            if is_beside and is_kept and self._is_stale(whole, file.version):
                yield path

    def is_outdated(self, path: str, version: Version) -> bool:
        """Whether an undeclared file was left by another run than that whose result its job has.

        Of a job that has to run, that is what it had before.

        Parameters
        ----------
        path : str
            Its absolute path.
        """
        left = self._left.run_that_left(path, version)
        maker = self._products.maker(os.path.abspath(left.output)) if left else None
        run = (self.run_of(maker[0]) or self.run_before(maker[0])) if maker else None
        return left is not None and run is not None and not run.is_same(left)

    def _is_stale(self, path: str, version: Version) -> bool:
        """Whether a file is there that nobody declares, and of which another version belongs."""
        if self._contents.known(path) != version:
            return False
        is_declared = self._products.maker(path) or any(
            path == os.path.abspath(file) for job in self._jobs for file in job.input
        )
        current = self._products.undeclared.get(path, {}).values()
        return not is_declared and version not in current

    def missing(self, job: Job) -> Iterator[tuple[str, Version, Run | None]]:
        """Files and folders that a job may read without declaring them, and that are not in place.

        By absolute path, with what each may be, and the run that left it.
        """
        undeclared = [*self._products.undeclared.items()]  # other jobs end meanwhile
        folders = _folders(job) if undeclared else set()
        for path, made in undeclared:
            makers = [*made.items()]
            may_have = any(_may_have(folders, path, version) for _, version in makers)
            if may_have and not os.path.lexists(path):
                for version in self._products.before(path, job):
                    if _may_have(folders, path, version) and not os.path.lexists(path):
                        maker = next((maker for maker, each in makers if each == version), None)
                        yield path, version, self.run_of(maker) if maker else None

    def needed(self, job: Job, record: Record) -> dict[str, Version]:
        """Undeclared files without which those that read the outputs of a job would miss something.

        Somebody is known to read them. Or nothing is known of a rule that reads the outputs, and
        they are behind flags, or the job changed there what others had made, or what is in place
        is of another run.
        """
        if not record.undeclared:
            return {}
        are_flags = all(version == EMPTY for version in record.outputs)
        changed = {_HERE + path for path in record.undeclared} & record.reads.products.keys()
        made = dict(self._products.undeclared_of(job, record.undeclared))
        are_known = all(reader.rule.name in self._read for reader in snakemake_api.readers(job))

        def is_needed(path: str) -> bool:
            if self._is_read(path) or are_known:
                return self._is_read(path)
            return are_flags or bool(changed) or self._is_of_another_run(path)

        return {
            path: version
            for path, version in made.items()
            if version.kind == "file" and is_needed(path)
        }

    def _is_of_another_run(self, path: str) -> bool:
        """Whether what is at a path was left by another run than that whose result its job has."""
        now = self._contents.known(path)
        return now is not None and self.is_outdated(path, now)

    def not_here(self, job: Job, record: Record) -> list[str]:
        """What a job left that makes nothing but flags that are asked for, and is not here.

        Nobody reads it, so it is not brought. Only where no run had the flag before.
        """
        are_flags = all(version == EMPTY for version in record.outputs)
        if not are_flags or label(job.output[0]) in self._claims.before:
            return []
        if snakemake_api.readers(job):
            return []
        return [
            path
            for path, version in record.undeclared.items()
            if version.kind == "file" and not os.path.lexists(path)
        ]

    def replaced(self, job: Job, record: Record, is_starting: bool = False) -> str:
        """A file that another run left of a job that makes nothing but flags; empty if none is.

        Snakemake would have run the job, and replaced it.

        Parameters
        ----------
        is_starting : bool
            Whether the job is about to start: what is gone by then, as what it was in was made
            anew, is not as the run left it either.
        """
        if any(version != EMPTY for version in record.outputs):
            return ""
        run = Run(label(job.output[0]), record.key, record.reads.digest)
        claim = self._claims.known(run.output)
        if claim is None or run.is_same(Run(run.output, claim.key, claim.reads)):
            return ""
        for path in self._left.files_of(run.output):
            now = self._contents.known(os.path.abspath(path))
            left = self._left.run_that_left(path, now) if now else None
            if left and left.output == run.output and not run.is_same(left):
                return path
        gone = (path for path in record.undeclared if not os.path.lexists(path))
        return next(gone, "") if is_starting else ""

    def lost(self, job: Job, record: Record, is_starting: bool = False) -> str:
        """One of the files that are needed which is neither in place nor kept; empty if none is.

        Where jobs without an order add to a file, any of them may have been the last one. Where
        they change what was there, no version is known to have what all of them did.

        Parameters
        ----------
        is_starting : bool
            Whether the job is about to start, so that what is in place is of an earlier run, or
            of a job before this one.
        """
        readers = snakemake_api.readers(job)
        folders = set[str].intersection(*map(_folders, readers)) if readers else set()
        stale = set() if is_starting else {*map(os.path.abspath, self.left_over(job))}
        is_another = self.is_another(job)
        for path, version in self.needed(job, record).items():
            may_be = {version}
            if len(self._products.undeclared.get(path, ())) > 1 and not is_starting:
                for reader in readers:
                    may_be.update(self._products.before(path, reader, {job: version}))
            if os.path.lexists(path) and path not in stale:
                is_old = is_starting or is_another or self._is_of_another_run(path)
                is_there = self._contents.known(path) in may_be or not is_old
            elif len(may_be) > 1 and _HERE + os.path.relpath(path) in record.reads.products:
                is_there = False
            else:
                is_there = any(
                    _may_have(folders, path, each) and self._stores.has_kept(job, each)
                    for each in may_be
                )
            if not is_there:
                return os.path.relpath(path)
        return ""


def _folders(job: Job) -> set[str]:
    """Where a job has its own files; with a slash at its end what may be a directory of its own."""
    paths = {os.path.abspath(file) for file in (*job.input, *job.output)}
    return {os.path.dirname(path) for path in paths} | {f"{path}/" for path in paths}


def _may_have(folders: Collection[str], path: str, version: Version) -> bool:
    """Whether an undeclared file may be put in place for a job with its own files in these folders.

    That is beside them, or in a directory of its own: whoever wrote a record in a shared store
    decides on no other place. A folder was left empty, for what others make.
    """
    is_hidden = "/." in f"/{os.path.relpath(path)}"
    is_beside = os.path.dirname(path) in folders
    is_beside = is_beside or any(f"{each}/" in folders for each in trees.above(path))
    is_beside = is_beside and not version.executable
    return not is_hidden and (is_beside or version.kind == "tree")


def _is_empty(file: File) -> bool:
    """Whether an input of a job that starts is an empty file."""
    try:
        return os.path.isfile(file) and not os.path.getsize(file)
    except OSError:
        return False
