"""What jobs made, into stores: added when a job ends, published when Snakemake has accepted it."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import InputError, SeqstoreError
from snakemake_storage_plugin_seqstore.file_hashes import Watched
from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReads
from snakemake_storage_plugin_seqstore.fingerprint.task import Told
from snakemake_storage_plugin_seqstore.observe import Observation
from snakemake_storage_plugin_seqstore.store import (
    EMPTY,
    Entry,
    Materialisation,
    Record,
    Version,
    version_log,
    way,
)
from snakemake_storage_plugin_seqstore.store.background import Task, pack
from snakemake_storage_plugin_seqstore.store.filesystem import discard
from snakemake_storage_plugin_seqstore.workflow import about, snakemake_api, whereabouts
from snakemake_storage_plugin_seqstore.workflow.claims import Claim
from snakemake_storage_plugin_seqstore.workflow.conditions import Seen
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse
from snakemake_storage_plugin_seqstore.workflow.stores import Made

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import File, Job

_SOON = 60.0  # s; after that, what was added to a store is renewed before something means it

logger = logging.getLogger(__name__)


class Added(NamedTuple):
    """An output that was added to a store when its job ended, and how it looked then."""

    made: Made
    seen: tuple[int, ...]


@dataclass
class Execution:
    """One job that starts in this process.

    Parameters
    ----------
    told : Told or None
        What it is told; None if that is not known.
    contents : Watched
        The files that were looked at for it.
    began : float
        When it started, on the monotonic clock, in s.
    started : int
        When it started, in ns since the epoch.
    seconds : float
        How long it took.
    instructions : str
        Digest of what it is told, if the Snakefile is read again for it.
    plain : PlainReads
        What is plain from its code.
    observation : Observation or None
        What sees it; None if it is not observed.
    seen : Seen
        What it did, once it has ended.
    statuses : dict
        What its outputs were then.
    is_to_run_again : bool
        Whether it has ended, but saw less than there is.
    is_complete : bool
        Whether it has ended, and all that fills its pipes.
    changed : str
        What changed under it while it ran; empty if nothing did.
    fetched : Record or None
        What was fetched instead of running it.
    added : dict
        Its outputs that were added to a store when it ended, by label.
    packed : bytes
        The tasks that write down what it made, if all of that was added; else empty.
    made : dict
        What was published of it so far, by label.
    before : dict
        What was there before of the outputs that it updates, by label; None if nothing was.
    behind : dict
        What was behind its flags when it started, as `SideFiles.behind` says.
    key_as_left : str
        The key with its inputs as it left them, or as its own process said; empty if that is
        `key`.
    """

    told: Told | None
    contents: Watched
    began: float
    started: int = field(default_factory=time.time_ns)
    seconds: float = 0.0
    instructions: str = ""
    plain: PlainReads = PlainReads()  # noqa: RUF009 it is frozen
    observation: Observation | None = None
    seen: Seen = Seen()  # noqa: RUF009 it is frozen
    statuses: dict[Any, os.stat_result | None] = field(default_factory=dict)
    is_to_run_again: bool = False
    is_complete: bool = False
    changed: str = ""
    fetched: Record | None = None
    added: dict[str, Added] = field(default_factory=dict)
    packed: bytes = b""
    made: dict[str, Made] = field(default_factory=dict)
    before: dict[str, Version | None] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    key_as_left: str = ""

    @property
    def key(self) -> str:
        """The key under which its results are recorded; empty if they are not."""
        is_whole = self.is_complete or self.fetched is not None
        return self.told.key if self.told and is_whole and not self.changed else ""

    @property
    def reads(self) -> str:
        """Digest of what the run read whose result it is; empty if no record has it."""
        if self.fetched:
            return self.fetched.reads.digest
        return self.seen.reads.digest if self.key and not self.seen.rejected else ""


class Publications:
    """Brings what jobs made into stores, and says what it means.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse

    def adding(self, statuses: Mapping[Any, os.stat_result | None]) -> Iterator[tuple[str, Added]]:
        """Add the outputs of a job to their stores, in its own thread: that may take long.

        Nothing means them before Snakemake has accepted and published them.
        """
        for file, status in statuses.items():
            if status and (ours := stored(file)):
                # What fails here is told when it is published.
                with suppress(SeqstoreError, OSError):
                    made = self._reuse.stores.add(ours.provider.store, ours.copy_path)
                    yield ours.base_label, Added(made, _seen(status))

    def publish(self, file: StoredFile, job: Job | None, execution: Execution | None) -> None:
        """Store the output of a job, or its log, and say that this working directory has it.

        That everybody can find it is written down in the background, once it is durable.
        """
        name = file.base_label
        resolution = self._reuse.resolution()
        if execution is None:
            said = self._reuse.claims.made_in_this_run(name)
            if said and said.version:  # the process of the job did it, on this node or another one
                self._bring_back(file)
                return
            execution = Execution(None, Watched(self._reuse.directory.contents), 0.0)
            execution.key_as_left = self._said_key(job) if job else ""
        output = resolution.output(name) if job else None
        if job and output is not None and file.is_in_place:
            _check_kind(job, output, file)
        transfer.check(file.parsed, file.copy_path)
        made = self._published(file, execution)
        # Clocks of nodes differ: an output is never older than what it was made from.
        newest = resolution.inputs.newest(job) if job else 0
        claim = Claim(
            made.version,
            max(version_log.now(made.store.root), newest),
            execution.key_as_left or execution.key,
            is_touched=bool(execution.seen.rejected),  # it stands here, without a record
            before=execution.before.get(name),
            reads=execution.reads,
        )
        self._reuse.claim(file, claim, made.store)
        if output is not None and file.is_in_place:
            self._leave_in_place(output, file, made, claim)
        if job is None or output is None or not execution.key or execution.fetched:
            key = execution.key if output is not None else ""
            self._reuse.stores.in_background(pack([self._naming(file, made, key)]))
            return
        execution.made[name] = made
        if is_whole(job, execution.made):
            packed = execution.packed or pack(self.writing(job, execution, execution.made))
            execution.packed = b""
            self._reuse.stores.in_background(packed)

    def _said_key(self, job: Job) -> str:
        """The key that the process of a job said for its other outputs; empty if it said none.

        It leaves out temporaries that nobody needs.
        """
        claims = (self._reuse.claims.made_in_this_run(label(file)) for file in job.output)
        return next((claim.key for claim in claims if claim), "")

    def _bring_back(self, file: StoredFile) -> None:
        """Put a temporary back that its group has read: Snakemake gives it a time, and removes it.

        For that it has to be there.
        """
        is_gone = file.is_in_place and not os.path.lexists(file.copy_path)
        if is_gone and (found := self._reuse.entry(file)):
            self._reuse.place(file, *found)

    def _leave_in_place(self, output: File, file: StoredFile, made: Made, claim: Claim) -> None:
        """Let an output in its own place take its bytes once: what is no clone becomes a link."""
        path = file.copy_path
        # Protected: by its mode; updated: it is written to again.
        kept = output.flags.get("protected") or snakemake_api.is_updated(output)
        how = way(made.store, path.parent, file.provider.materialisation)
        if kept or how is not Materialisation.SYMLINK:
            with suppress(OSError):  # it need not be read again as long as it has this time
                os.utime(path, ns=(claim.time, claim.time), follow_symlinks=False)
            return
        entry = Entry(file.parsed.collection, file.parsed.name, made.version, claim.time)
        transfer.bring(made.store, entry, file.parsed, path, how)

    def _published(self, file: StoredFile, execution: Execution) -> Made:
        """The output of a job in a store: as it was when the job ended, or else as it is now."""
        path = file.copy_path
        if added := execution.added.get(file.base_label):
            if added.seen == _seen(os.stat(path)) and self._is_kept(added.made, execution):
                return added.made
            execution.packed = b""
        return self._reuse.stores.add(file.provider.store, path)

    def _is_kept(self, made: Made, execution: Execution) -> bool:
        """Whether nobody removes from the store what was added to it when a job ended."""
        # A group publishes at its end, which may be long after a job of it ended.
        ended = execution.began + execution.seconds
        return time.monotonic() - ended < _SOON or made.store.renew(made.version)

    def remove(self, file: StoredFile, execution: Execution | None) -> None:
        """Give up the claim to an output, or a temporary's name; nobody else is affected.

        What a temporary file means stays known, and since when: else it would look newer in the
        next run than what was made of it. What was there before a job that failed updated it is
        there again: it stays.
        """
        is_restored = execution is None or execution.before.get(file.base_label)
        if is_restored and self._reuse.is_running and self._is_updated(file):
            return
        before = self._reuse.current(file.base_label)
        if before and before.version and self.is_temporary(file):
            task = self._reuse.stores.withdrawing(file, before.version)
            self._reuse.stores.in_background(pack([task]))
        else:
            self._reuse.claim(file, Claim(None, version_log.now(file.provider.store.root)))
        if file.is_in_place:
            discard(file.copy_path)

    def is_temporary(self, file: StoredFile) -> bool:
        """Whether a file is an output that Snakemake removes when it is no longer needed."""
        made = self._reuse.resolution().output(file.base_label)
        return made is not None and bool(made.flags.get("temp"))

    def _is_updated(self, file: StoredFile) -> bool:
        made = self._reuse.resolution().output(file.base_label)
        return made is not None and snakemake_api.is_updated(made)

    def touch(self, file: StoredFile) -> None:
        """Let an output be new from now on, for this working directory."""
        name = file.base_label
        claim = self._reuse.current(name)
        if claim is None or self._reuse.entry(file) is None:
            return
        resolution = self._reuse.resolution()
        told = resolution.jobs[resolution.producers[name]].told
        key = told.key if told else claim.key
        is_touched = claim.is_touched or key != claim.key
        self._reuse.claim(
            file,
            replace(
                claim,
                time=version_log.now(file.provider.store.root),
                key=key,
                is_touched=is_touched,
                reads=claim.reads if key == claim.key else "",
            ),
        )

    def _naming(self, file: StoredFile, made: Made, key: str) -> Task:
        """To let the name of a file mean what was made, once that is durable."""
        return self._reuse.stores.assigning(made.store, file, made.version, key)

    def writing(self, job: Job, execution: Execution, made: Mapping[str, Made]) -> list[Task]:
        """To write down what a job made: what its outputs are called, and the record."""
        assert execution.told
        outputs = [stored(file) for file in job.output]
        named = [
            self._naming(ours, made[ours.base_label], execution.key)
            for file, ours in zip(job.output, outputs, strict=True)
            if ours and snakemake_api.is_kept(job, file)
        ]
        try:
            versions = [self._version(job, file, made) for file in job.output]
        except (SeqstoreError, OSError) as error:
            logger.warning(f"seqstore: what rule {job.rule.name} made is not recorded: {error}")
            return named
        if execution.seen.rejected:
            return named
        told_by, here = _told_by(job, versions, execution.seen), self._reuse.stores.here
        record = Record(
            execution.key,
            tuple(versions),
            tuple(ours is not None for ours in outputs),
            execution.told.canonical(),
            execution.seconds,
            job.rule.name,
            tuple(map(self._trace, snakemake_api.traces(job))),
            execution.seen.reads,
            execution.seen.undeclared,
            execution.seen.is_observed,
            about.of(job, here.path, self._reuse.secret),
            whereabouts.told_in(told_by, here),
        )
        return named + self._reuse.stores.recording(job, record)

    def _version(self, job: Job, file: Any, made: Mapping[str, Made]) -> Version:
        ours = stored(file)
        if ours is None:
            return self.local_version(job, file)
        found = made.get(ours.base_label)
        return (found or self._reuse.stores.add(ours.provider.store, ours.copy_path)).version

    def _trace(self, file: Any) -> Version | None:
        """A log or benchmark, stored as it is when the job has ended; None if it is not stored."""
        ours = stored(file)
        if ours is None:
            return None
        with suppress(SeqstoreError, OSError):
            return self._reuse.stores.add(ours.provider.store, ours.copy_path).version
        return None

    def local_version(self, job: Job, file: Any) -> Version:
        """What a job made in a plain local file, before or after Snakemake took it."""
        if snakemake_api.is_pipe(file):
            return EMPTY
        path = made_at(job, file)
        if not os.path.exists(path) and file.flags.get("touch"):
            return EMPTY
        return self._reuse.directory.contents.version(path)


def _check_kind(job: Job, output: File, file: StoredFile) -> None:
    """Refuse a directory that is not marked as one: Snakemake does, with local files."""
    if os.path.isdir(file.copy_path) and not output.is_directory:
        raise InputError(
            f"{file.label}, which rule {job.rule.name} made, is a directory",
            'write directory("...") around it in the rule',
        )


def is_whole(job: Job, made: Mapping[str, Made]) -> bool:
    """Whether all outputs of a job that are to be stored are."""
    return all(
        ours.base_label in made
        for file in job.output
        if (ours := stored(file)) and snakemake_api.is_kept(job, file)
    )


def _told_by(job: Job, versions: list[Version], seen: Seen) -> Iterator[tuple[str, Version]]:
    """What says what a job made: its outputs, or what is behind them if they are flags."""
    for file, version in zip(job.output, versions, strict=True):
        if not snakemake_api.is_pipe(file):
            ours = stored(file)
            yield (str(ours.copy_path) if ours else made_at(job, file)), version
    if all(version == EMPTY for version in versions):
        yield from seen.undeclared.items()


def _seen(status: os.stat_result) -> tuple[int, ...]:
    """What stays the same of an output while Snakemake takes it: it gives it a new time."""
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    return status.st_ino, status.st_mode, size


def made_at(job: Job, file: Any) -> str:
    """Where a local output is before Snakemake took it, or after that."""
    shadowed = job.shadowed_path(file)
    return str(shadowed if shadowed is file or os.path.exists(shadowed) else file)
