"""The stores of a workflow, and beside them one of the working directory for what they refuse."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from snakemake_storage_plugin_seqstore.errors import DamageError, SeqstoreError, StoreError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import (
    Entry,
    Materialisation,
    Record,
    RecordMemory,
    Store,
    Version,
    materialise,
    trees,
    version_log,
)
from snakemake_storage_plugin_seqstore.store.background import (
    Background,
    Task,
    is_denied,
    pack,
    refusal,
)
from snakemake_storage_plugin_seqstore.workflow.claims import Claims
from snakemake_storage_plugin_seqstore.workflow.files import StoredFile, label, stored
from snakemake_storage_plugin_seqstore.workflow.in_place import named
from snakemake_storage_plugin_seqstore.workflow.whereabouts import Here

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job, Workflow

logger = logging.getLogger(__name__)


class Made(NamedTuple):
    """An output that is in a store."""

    store: Store
    version: Version


class Stores:
    """Finds records and payloads, and writes them where that is possible.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        The workflow; its rules name the stores.
    contents : Contents
        Remembers which payloads were verified.
    own : Path
        Root of the working directory's own store. What a read-only store refuses goes there, so
        that the workflow can go on.
    here : Here
        The working directory, with the project under which files in their own places are listed.
    memory : RecordMemory or None
        Remembers records, where many of them are asked for.
    """

    def __init__(
        self,
        workflow: Workflow,
        own: Path,
        contents: Contents,
        here: Here,
        memory: RecordMemory | None,
    ) -> None:
        self.here = here
        self._contents = contents
        self._workflow = workflow
        self._own = Store(own)
        self._has_own = own.exists()
        self._refused: set[str] = set()
        self._background = Background()
        self._memory = memory

    def of(self, job: Job) -> list[Store]:
        """The stores in which the outputs of a job are; if there are none, all of the workflow."""
        return _unique(job.output) or self._all

    def find_records(self, job: Job, key: str) -> list[Record]:
        """The records of a computation in the stores of a job, newest first in each."""
        stores = self._with_own(self.of(job))
        return [record for store in stores for record in store.find_records(key, self._memory)]

    def remembered(self, key: str, reads: str) -> Record | None:
        """The record of a run that this directory knows, though no store may have it any more."""
        return self._memory.recall(key, reads) if self._memory and reads else None

    def earlier(self, job: Job, claims: Claims) -> Record | None:
        """The record of what a working directory, or a store by that name, had before of a job."""
        for file in job.output:
            ours = stored(file)
            if ours is None:
                continue
            claim = claims.known(label(file))
            names = ours.provider.store.names
            query = ours.parsed
            key = claim.key if claim and claim.key else names.key(query.collection, query.name)
            if key and (records := self.find_records(job, key)):
                return records[0]
        return None

    def member(self, store: Store, directory: Version, path: str) -> Version | None:
        """What a file or directory in a directory contains; None if that is not known."""
        for candidate in self._with_own([store]):
            try:
                members = candidate.members(directory)
            except (OSError, DamageError):
                continue
            return trees.part(members, path)
        return None

    def holder(self, store: Store, version: Version) -> Store | None:
        """The store that has a payload: the one that should, or the working directory's own."""
        return self._first([store], version)

    def _first(self, stores: list[Store], version: Version) -> Store | None:
        """The first store that has a payload, the working directory's own after the others."""
        candidates = self._with_own(stores)
        return next((each for each in candidates if each.has_payload(version)), None)

    def folders(self, store: Store) -> tuple[str, ...]:
        """Where the payloads are that `holder` may find, as links into them begin."""
        return tuple(f"{each.objects.directory}{os.sep}" for each in (store, self._own))

    def has_payloads(self, job: Job, record: Record) -> bool:
        """Whether everything that a record says was stored is there, for the outputs of a job."""
        return self.holders(job, record) is not None

    def holders(self, job: Job, record: Record) -> dict[str, Store] | None:
        """The stores that have what a record says of the outputs of a job, by their labels.

        None if something is missing.
        """
        if len(record.outputs) != len(job.output):
            return None
        found = {}
        for file, version in zip(job.output, record.outputs, strict=True):
            if ours := stored(file):
                holder = self.holder(ours.provider.store, version)
                if holder is None or (
                    ours.provider.verify and not self._is_sound(holder, version, ours.parsed)
                ):
                    return None
                found[ours.label] = holder
        return found

    def _is_sound(self, store: Store, version: Version, query: Query) -> bool:
        """Whether the bytes of a payload are what they were; sets aside what is not."""
        try:
            store.verify(version, query, self._contents.digest)
        except (DamageError, OSError) as error:
            logger.warning(f"seqstore: {error}")
            return False
        return True

    def add(self, store: Store, source: Path) -> Made:
        """Add a file or directory to a store, or if that is refused, to the working directory's."""
        try:
            return Made(store, store.add(source))
        except StoreError as error:
            if not is_denied(error):
                raise
            if str(store.root) not in self._refused:
                self._refused.add(str(store.root))
                logger.warning(refusal(error, str(self._own.root)))
            self._has_own = True
            return Made(self._own, self._own.add(source))

    def keep(self, job: Job, name: str, path: Path) -> None:
        """Keep a file that a job made without declaring it, under its own name in the project."""
        for store in self.of(job)[:1]:
            with suppress(SeqstoreError, OSError):
                made = self.add(store, path)
                query = named(name)
                arguments = (query.collection, query.name, made.version, "", self.here.project)
                task = Task((str(made.store.root),), Store.assign, arguments, name, made.version)
                self.in_background(pack([task]))

    def has_kept(self, job: Job, version: Version) -> bool:
        """Whether a file that a job made without declaring it was kept, and still is."""
        return self._first(self._near(job), version) is not None

    def _near(self, job: Job) -> list[Store]:
        """The stores of a job, then the others: its readers keep what they read in theirs."""
        return [*dict.fromkeys((*self.of(job), *self._all))]

    @cached_property
    def _all(self) -> list[Store]:
        """All stores of the workflow."""
        return _unique(
            file for rule in self._workflow.rules for file in (*rule.output, *rule.input)
        )

    def bring_kept(
        self,
        job: Job,
        version: Version,
        path: Path,
        how: Materialisation = Materialisation.COPY,
    ) -> None:
        """Bring a file or directory that was kept, if it still is."""
        if store := self._first(self._near(job), version):
            entry = Entry("files", path.name, version, version_log.now())
            materialise(store, entry, path, how)

    def assigning(self, store: Store, file: StoredFile, version: Version, key: str) -> Task:
        """To let the name of a file mean what was added."""
        query = file.parsed
        arguments = (query.collection, query.name, version, key, self._project_of(file))
        return Task((str(store.root),), Store.assign, arguments, str(query), version)

    def following(self, file: StoredFile, version: Version, key: str) -> Task:
        """To let a name mean what is stored already; see :meth:`note`."""
        query = file.parsed
        arguments = (query.collection, query.name, version, key, self._project_of(file))
        return Task((str(file.provider.store.root),), Store.follow, arguments)

    def note(self, files: Iterable[tuple[StoredFile, Version]]) -> set[str]:
        """Note in stores what is used here, and is stored already; give what could not be noted.

        By label. That a store is read-only is no news.
        """
        found: dict[tuple[Store, str], dict[str, tuple[StoredFile, Version]]] = {}
        for file, version in files:
            used = found.setdefault((file.provider.store, self._project_of(file)), {})
            used[file.label] = file, version
        failed: set[str] = set()
        for (store, project), used in found.items():
            queries = ((file.parsed, version) for file, version in used.values())
            try:
                store.use(project, {(q.collection, q.name): version for q, version in queries})
            except (OSError, SeqstoreError):
                failed.update(used)
        return failed

    def withdrawing(self, file: StoredFile, version: Version) -> Task:
        """To let the name of a temporary file mean nothing any more."""
        query = file.parsed
        arguments = (query.collection, query.name, version, self._project_of(file))
        return Task((str(file.provider.store.root),), Store.withdraw, arguments)

    def _project_of(self, file: StoredFile) -> str:
        """The project under which a file is listed; what is named by a query belongs to none."""
        return (file.provider.project or self.here.project) if file.is_in_place else ""

    def recording(self, job: Job, record: Record) -> list[Task]:
        """To write down what a job made."""
        what, own = f"what rule {record.rule} made", str(self._own.root)
        tasks = []
        for store in self.of(job):
            root = str(store.root)
            roots = (own,) if root in self._refused else (root, own)
            memory = str(self._memory.file) if self._memory else ""
            tasks.append(Task(roots, Store.add_record, (record,), what, memory=memory))
        return tasks

    def in_background(self, packed: bytes) -> None:
        """Have packed tasks done one after the other, while the workflow goes on."""
        self._background.submit(packed)

    def wait(self) -> None:
        """Wait until all is written down that is done in the background."""
        self._background.wait()

    def _with_own(self, stores: list[Store]) -> list[Store]:
        return [*stores, self._own] if self._has_own else stores


def _unique(files: Iterable[Any]) -> list[Store]:
    found = (ours.provider.store for file in files if (ours := stored(file)))
    return list({store.root: store for store in found}.values())
