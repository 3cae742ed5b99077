"""Whether what a recorded job read is the same here, so that its result is the answer."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReads
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.fingerprint.variables import counted, locale, salted
from snakemake_storage_plugin_seqstore.observe import (
    TICK,
    Access,
    Accesses,
    Checks,
    Kind,
    Places,
    born,
    goes_up,
    is_changed,
    summarise,
)
from snakemake_storage_plugin_seqstore.store import Piped, Reads, Record, Version, trees
from snakemake_storage_plugin_seqstore.workflow import about, input_numbers, snakemake_api
from snakemake_storage_plugin_seqstore.workflow.named_parts import shown
from snakemake_storage_plugin_seqstore.workflow.observing import Mode

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.directory import Directory
    from snakemake_storage_plugin_seqstore.workflow.job_places import JobPlaces
    from snakemake_storage_plugin_seqstore.workflow.products import Products
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job
    from snakemake_storage_plugin_seqstore.workflow.telling import Teller

_MOST_UNDECLARED = 1000  # files of a job
_LOCALE = "the locale or the time zone"
_NOT_DEPLOYED = "not deployed"  # the state of software that is not here


@dataclass(frozen=True)
class Seen:
    """What a job did that just ran.

    Parameters
    ----------
    reads : Reads
        What it read beyond what it was told.
    is_observed : bool
        Whether that was seen.
    undeclared : dict of str to Version
        Files and empty folders that it made without declaring them, by their path from the
        working directory.
    rejected : str
        Why its result is not for reuse elsewhere; empty if it is.
    took : tuple of str
        Absolute paths of its inputs that it changed or took away itself.
    lacked : str
        What it saw less than it would see among plain files, all in place; empty if nothing.
    """

    reads: Reads = field(default_factory=Reads)
    is_observed: bool = False
    undeclared: dict[str, Version] = field(default_factory=dict)
    rejected: str = ""
    took: tuple[str, ...] = ()
    lacked: str = ""

    @classmethod
    def load(cls, document: dict[str, Any]) -> Seen:
        """Read it back from what its fields were written as.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is not one.
        """
        files = document["undeclared"].items()
        undeclared = {path: Version.load(version) for path, version in files}
        took = tuple(document["took"])
        reads = Reads.from_json(document["reads"])
        return cls(**document | {"reads": reads, "undeclared": undeclared, "took": took})


class Conditions:
    """Checks the reads of records, and sums up those of jobs that ran here.

    Parameters
    ----------
    mode : {"auto", "required", "off"}
        Whether a result that was not observed is an answer.
    directory : Directory
        What the working directory knows, of which it accepts software.
    contents : Contents
        Says what files contain.
    products : Products
        What the workflow makes.
    places : JobPlaces
        Where paths lie for its jobs.
    product_digests : callable
        SHA-256 of what a path that a job of this workflow makes may contain when a job starts;
        none if that is not known.
    teller : Teller
        Says what is behind names in sources.
    """

    def __init__(
        self,
        mode: Mode,
        directory: Directory,
        contents: Contents,
        products: Products,
        places: JobPlaces,
        product_digests: Callable[[Job, str], Iterable[str]],
        teller: Teller,
    ) -> None:
        self._mode = mode
        self.contents = contents
        self._products = products
        self._places = places
        self._product_digests = product_digests
        self._accepted = directory.claims.accepted.setdefault(about.host(), {})
        self._teller = teller
        self._directory = directory
        self._packages = directory.packages
        self._checks = Checks(contents, self._packages)
        self._machines: dict[object, tuple[list[str], str, str]] = {}

    def look_again(self) -> None:
        """Forget what was found of files: more is known of what jobs make."""
        self._checks = Checks(self.contents, self._packages)

    def failing(
        self, record: Record, job: Job, told: Told, is_own: bool, stands: bool, others: list[Record]
    ) -> list[str]:
        """Why a record is no answer for a job here, in words; empty if it is one.

        Parameters
        ----------
        told : Told
            What the job is told.
        is_own : bool
            Whether this working directory made, or has taken, what it records.
        stands : bool
            Whether it is here, whatever became of inputs that are ancient.
        others : list of Record
            All records of the same key.
        """
        if not record.is_observed:
            if self._mode == "required":
                return ["its result was made without being observed"]
            if not is_own and any(other.is_observed for other in others):
                return ["it was made without being observed, and others were"]
        ancient = record.reads.ancient
        if ancient != told.ancient and not stands:
            numbers = (n for n, content in told.ancient.items() if ancient.get(n) != content)
            inputs = input_numbers.in_order(job)
            changed = [f"its ancient input {inputs[int(n)]} has changed" for n in numbers]
            return changed or ["it had other ancient inputs"]
        return self._failing(record, job, is_own)

    def _failing(self, record: Record, job: Job, is_own: bool) -> list[str]:
        """What does not hold here of the reads of a job, and of the jobs that fill its pipes."""
        pipes = snakemake_api.pipes(job).values()
        if len(record.reads.piped) != len(pipes):
            return ["it was made with other pipes"]
        reads = record.reads
        if is_own and reads.made:  # others may have changed what it made without declaring it
            reads = replace(reads, made={})
        found: list[str] = []
        if reads.has_files:
            products = partial(self._product_digests, job)
            found = self._checks.files(reads, self._places.of(job), products, is_own)
        if reads.named:
            now = self._teller.behind(job, reads.named)
            changed = (way for way, digest in reads.named.items() if now.get(way) != digest)
            found += [f"{shown(way)} has changed" for way in changed]
        found = found or self._failing_machine(record, job, is_own)
        for pipe, filler in zip(pipes, record.reads.piped, strict=True):
            filling = replace(record, reads=filler.reads)
            found = found or self._failing(filling, pipe.maker, is_own)
        return found

    def of_run(
        self,
        job: Job,
        accesses: Accesses | None,
        plain: PlainReads,
        started: int,
        before: Mapping[str, str] | None = None,
    ) -> Seen:
        """What a job did that just ran.

        Parameters
        ----------
        accesses : Accesses or None
            What it was seen to do; None if it was not observed.
        plain : PlainReads
            What is plain from its code.
        started : int
            When it began, in ns since the epoch.
        before : mapping of str to str, optional
            What was behind its flags then, as `SideFiles.behind` says.
        """
        before = before or {}
        seen = accesses or Accesses(started=started)
        for path in plain.files:
            asked, path = os.path.join(os.getcwd(), path), os.path.abspath(path)
            seen.paths.setdefault(path, Access()).read = True
            if goes_up(asked):
                seen.ways.setdefault(path, asked)
        # A search in vain leaves no trace: Python lists a directory once for all modules.
        for directory, names in seen.searched.items():
            seen.searched[directory] = names | plain.imports
        places = replace(self._places.of(job, at_end=True), ways=seen.ways)
        search_path = os.environ.get("PATH", os.defpath)
        if accesses is None and not snakemake_api.hides_programs(job):
            along = f"{places.environment}/bin{os.pathsep}" * bool(places.environment) + search_path
            for program in plain.programs:
                # One below the working directory is among the files, if it was there before.
                is_named = "/" not in program or os.path.isabs(program)
                if is_named and (there := shutil.which(program, path=along)):
                    seen.paths.setdefault(os.path.abspath(there), Access()).executed = True
        reads = summarise(seen, places, self.contents, self._packages, search_path, before)
        variables = counted(plain.variables, plain.programs, plain.languages)
        sources = filter(None, map(places.path_of, reads.files))
        named = self._teller.named_in(job, sources)
        took = tuple(path for path in places.inputs if self._is_taken(path, seen))
        taken = (places.shown(places.name_of(path)) for path in took)
        rejected = [*reads.rejected, *(f"it changes its input {name}" for name in taken)]
        of_machine = salted(variables, os.environ) | {_LOCALE: locale(os.environ)}
        return Seen(
            replace(reads, variables=of_machine, named=named),
            accesses is not None,
            self._undeclared(seen, places, before),
            rejected[0] if rejected else "",
            took,
        )

    def _is_taken(self, path: str, seen: Accesses) -> bool:
        """Whether a job changed an input or took it away: who else would, meanwhile.

        A directory is changed where files are that were in it, but those that jobs left there.
        """
        access = seen.paths.get(path, Access())
        try:
            status = os.stat(path)
        except OSError:
            return True
        if not stat.S_ISDIR(status.st_mode):
            return _has_written(access, status, seen.started)
        below = (each for each in seen.paths.items() if each[0].startswith(f"{path}/"))
        return any(
            _has_changed_file(member, access, seen.started) and not self._directory.left.has(member)
            for member, access in below
        )

    def _undeclared(
        self, seen: Accesses, places: Places, before: Mapping[str, str]
    ) -> dict[str, Version]:
        """What a job made or changed here without declaring it: files and empty folders."""
        found: dict[str, Version] = {}
        start = places.workdir + os.sep
        for path, access in seen.paths.items():
            since = seen.started - TICK
            made = access.written or (access.perhaps_made and born(path, follow=True) > since)
            made = made or (path in before and self._is_taken(path, seen))
            if made and len(found) < _MOST_UNDECLARED:
                place = places.classify(path)
                is_inside = place.kind is Kind.DECLARED and places.is_in_input(place.path)
                counts = is_inside or place.kind in (Kind.SOURCE, Kind.PRODUCT)
                is_mark = os.path.basename(path) == trees.IGNORED
                if counts and not is_mark and place.path.startswith(start):
                    with suppress(OSError, SeqstoreError):
                        if not os.path.isdir(place.path) or not os.listdir(place.path):
                            version = self.contents.unwatched.version(place.path)
                            found[place.path.removeprefix(start)] = version
        return found

    def _failing_machine(self, record: Record, job: Job, is_own: bool) -> list[str]:
        """What differs of the software and the variables that a result was made with.

        What this directory made elsewhere, as on a node, stands as long as these are here what
        they were when the result was first used here. It stands for good if the environment of
        the job was not here then: one that is deployed later, for others, has newer packages.
        """
        environment = snakemake_api.environment(job)
        found, state, machine = self._compared(record.reads, job, environment)
        if found and not is_own:
            return found
        if environment and not os.path.isdir(environment):
            state = _NOT_DEPLOYED
        if not found or record.about.get("host") != about.host():
            accepted = self._accepted.setdefault(machine, state)
        else:
            accepted = self._accepted.get(machine, "")
        return found if accepted not in (state, _NOT_DEPLOYED) else []

    def _compared(self, reads: Reads, job: Job, environment: str) -> tuple[list[str], str, str]:
        """What differs here of software and variables, what they are here, and what they were.

        The last two as digests. Most jobs have the same.
        """
        recorded = reads.variables
        key = reads.software_digest, environment, tuple(recorded.items())
        if key not in self._machines:
            here = self._places.of(job)
            variables = salted(recorded, os.environ) | {_LOCALE: locale(os.environ)}
            differing, software = self._checks.software(reads, here)
            found = differing + [
                f"{name if name == _LOCALE else f'the variable {name}'} has changed"
                for name, before in recorded.items()
                if variables[name] != before
            ]
            state = _digest(software, variables)
            self._machines[key] = found, state, _digest(*reads.machine(), recorded)
        return self._machines[key]


def with_pipes(seen: Seen, makers: Sequence[tuple[str, Seen]]) -> Seen:
    """What a job did, together with the jobs that filled its pipes.

    Parameters
    ----------
    makers : sequence of (str, Seen)
        For each of its pipes, the rule that filled it and what that job did.
    """
    done = [each for _, each in makers]
    piped = tuple(Piped(rule, each.reads) for rule, each in makers)
    undeclared = {path: version for each in done for path, version in each.undeclared.items()}
    rejected = (f"{each.rejected} (in rule {rule})" for rule, each in makers if each.rejected)
    return replace(
        seen,
        reads=replace(seen.reads, piped=piped),
        is_observed=seen.is_observed and all(each.is_observed for each in done),
        undeclared=undeclared | seen.undeclared,
        rejected=seen.rejected or next(rejected, ""),
        took=(*seen.took, *(path for each in done for path in each.took)),
    )


def _has_changed_file(path: str, access: Access, started: int) -> bool:
    """Whether a job changed a file that was there when it began, or took it away."""
    status = None
    with suppress(OSError):
        status = os.stat(path)
    if status and stat.S_ISDIR(status.st_mode):
        return False
    was_there = access.read or access.asked or (status and born(path) < started - TICK)
    return bool(was_there and _has_written(access, status, started))


def _has_written(access: Access, status: os.stat_result | None, started: int) -> bool:
    return access.written or access.replaced or is_changed(access, status, started)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
