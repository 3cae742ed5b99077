"""The classes that Snakemake looks for. Thin: they translate between Snakemake and the store.

Snakemake imports this module on every call, so heavy libraries are imported where they are used,
and it reads the types of the settings at run time, so they are not postponed here.
"""

import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_storage_plugins.common import Operation
from snakemake_interface_storage_plugins.io import (
    IOCacheStorageInterface,
    Mtime,
    get_constant_prefix,
)
from snakemake_interface_storage_plugins.storage_object import (
    StorageObjectGlob,
    StorageObjectRead,
    StorageObjectTouch,
    StorageObjectWrite,
)
from snakemake_interface_storage_plugins.storage_provider import (
    ExampleQuery,
    QueryType,
    StorageProviderBase,
    StorageQueryValidationResult,
)

from snakemake_storage_plugin_seqstore import transfer, views
from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.errors import QueryError, SeqstoreError
from snakemake_storage_plugin_seqstore.plugin_settings import VERIFY
from snakemake_storage_plugin_seqstore.query import SCHEME, Query
from snakemake_storage_plugin_seqstore.store import (
    DEFAULT_ROOT,
    ROOT_VARIABLE,
    Entry,
    Materialisation,
    Store,
)
from snakemake_storage_plugin_seqstore.store.filesystem import sha256_of
from snakemake_storage_plugin_seqstore.store.parsing import is_project, printable
from snakemake_storage_plugin_seqstore.workflow.binding import Bound, binding
from snakemake_storage_plugin_seqstore.workflow.files import Answer, local_size, source_time
from snakemake_storage_plugin_seqstore.workflow.in_place import is_path, named
from snakemake_storage_plugin_seqstore.workflow.snakemake_api import OLDEST, is_supported
from snakemake_storage_plugin_seqstore.workflow.snakemake_changes import in_place_path

_TAG = re.compile(r"\w+:")
_NO_LIMIT = nullcontext()

T = TypeVar("T")


class StorageProvider(StorageProviderBase):
    """A store as a Snakemake storage provider."""

    def __post_init__(self) -> None:
        """Check the settings."""
        settings = self.settings
        root = settings.root or os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT
        self._root = Path(os.path.expandvars(root)).expanduser()
        if _TAG.match(str(self._root)):
            raise WorkflowError(
                f"The root '{self._root}' begins with a tag: Snakemake does not hand tagged "
                "settings from the command line to the processes of its jobs. Give each root in "
                'the Snakefile (storage mytag: provider="seqstore", root="...").'
            )
        ways = [way.value for way in Materialisation]
        self.materialisation = Materialisation(_choice("materialize", settings.materialize, ways))
        self.verify = _choice("verify", settings.verify, VERIFY) == "sha256"
        self.project = settings.project or ""
        if self.project and not is_project(self.project):
            raise WorkflowError(
                f"The seqstore setting project '{printable(self.project)}' is no name: use "
                "letters, digits, '.', '_' and '-'."
            )
        self._stores: dict[str, Store] = {}
        self.in_place = ""  # the prefix of queries that are paths in their own places
        self.mark: Callable[[Any], Any]  # marks such a path as a stored one, where there are any
        self.bound: Bound | None = None  # what answers for its workflow, once there is a DAG
        # What the library reports goes where the messages of Snakemake go.
        logging.getLogger(__package__).parent = self.logger

    @property
    def store(self) -> Store:
        """The store; a relative root is relative to the workflow's directory, which may change."""
        here = "" if self._root.is_absolute() else os.getcwd()
        if here not in self._stores:
            self._stores[here] = Store(here / self._root)
        return self._stores[here]

    @classmethod
    def example_queries(cls) -> list[ExampleQuery]:
        """Queries for the plugin catalog."""
        return [
            ExampleQuery(
                query=example.query,
                description=example.description,
                type=QueryType.INPUT if Query.parse(example.query).view else QueryType.ANY,
            )
            for collection in REGISTRY.values()
            for example in collection.examples
        ]

    def rate_limiter(self, query: str, operation: Operation) -> AbstractAsyncContextManager[None]:
        """Return what Snakemake enters for each question: it does not wait, and costs nothing."""
        return _NO_LIMIT

    def rate_limiter_key(self, query: str, operation: Operation) -> Any:
        """Return a key for a rate limiter; there is none."""
        return None

    def default_max_requests_per_second(self) -> float:
        """Return a rate; a filesystem needs none."""
        return 0.0

    def use_rate_limiter(self) -> bool:
        """A filesystem needs no rate limit."""
        return False

    @classmethod
    def is_valid_query(cls, query: str) -> StorageQueryValidationResult:
        """Check a query, with or without wildcards.

        Snakemake asks each plugin that is installed for whom a query is: paths are not ours alone.
        """
        try:
            views.check(Query.parse(query))
        except QueryError as error:
            return StorageQueryValidationResult(query=query, valid=False, reason=str(error))
        return StorageQueryValidationResult(query=query, valid=True)

    def postprocess_query(self, query: str) -> str:
        """Tell paths that Snakemake gives to its default provider from other queries."""
        # Snakemake's metadata are of plain paths then. Any other query keeps the marks that it has.
        return query.removeprefix(self.in_place) if self.in_place else query


def _for_people(method: Callable[["StorageObject"], T]) -> Callable[["StorageObject"], T]:
    """Hand our errors to Snakemake as the kind that it prints without a traceback."""

    @wraps(method)
    def translated(self: "StorageObject") -> T:
        try:
            return method(self)
        except SeqstoreError as error:
            raise WorkflowError(str(error)) from error

    return translated


class _Known:
    """What follows from a query.

    Parameters
    ----------
    label, base_label : str
        What it, and the entry that it derives from, is called in the workflow.
    """

    def __init__(self, label: str, base_label: str) -> None:
        self.label = label
        self.base_label = base_label

    @cached_property
    def parsed(self) -> Query:
        """The query; of a path in its own place, that under which it is listed."""
        return named(self.label)

    @cached_property
    def path(self) -> Path:
        """Where the local copy is."""
        return Path(self.label)


class StorageObject(StorageObjectRead, StorageObjectWrite, StorageObjectGlob, StorageObjectTouch):
    """One entry of the store, or a view of one, as Snakemake sees it."""

    provider: StorageProvider
    is_of_seqstore = True
    is_in_place: bool  # whether it is a file of the workflow whose local copy is itself

    def __post_init__(self) -> None:
        """Refuse what cannot be, and what an old Snakemake would turn into a loss."""
        if self.is_in_place:
            if not self.provider.in_place:
                raise WorkflowError(
                    f"{self.print_query}: only the default storage provider of a workflow that "
                    "calls seqstore.reuse(workflow) knows paths in their own places. Write "
                    f"{SCHEME}<collection>/<name>."
                )
            self.keep_local = True
        if bound := self._bound:
            bound[0].forget_early_answers()  # the DAG changes
        if not self.retrieve and not is_supported():
            raise WorkflowError(
                f"{self.print_query}: with retrieve=False, Snakemake before {OLDEST} removes "
                "inputs from their storage. Upgrade Snakemake, or leave retrieve=False out: where "
                "the store is mounted, an input is a link or clone anyway."
            )

    @property
    def query(self) -> str:
        """The query, which Snakemake replaces in copies: nothing that followed from it stays."""
        return self._query

    @query.setter
    def query(self, query: str) -> None:
        self._query = query
        self.is_in_place = is_path(query)
        self._known: _Known | None = None
        self.answer: Answer | None = None

    @property
    def parsed(self) -> Query:
        """The parsed query."""
        return (self._known or self._parse()).parsed

    @property
    def is_derived(self) -> bool:
        """Whether it is a view of an entry."""
        return not self.is_in_place and self.parsed.is_derived

    @property
    def label(self) -> str:
        """What it is called in this workflow, on every node: local copies may be anywhere."""
        return (self._known or self._parse()).label

    @property
    def base_label(self) -> str:
        """The label of the entry that the query names, or derives from."""
        return (self._known or self._parse()).base_label

    @_for_people
    def _parse(self) -> _Known:
        """What follows from the query, which is parsed once."""
        if self.is_in_place:
            self._known = _Known(self._query, self._query)
            return self._known
        parsed = Query.parse(self._query)
        prefix = self.provider.local_prefix
        suffix, base = parsed.local_suffix(), parsed.base.local_suffix()
        self._known = _Known(f"{prefix.name}/{suffix}", f"{prefix.name}/{base}")
        self._known.parsed, self._known.path = parsed, prefix / suffix
        return self._known

    @property
    def _bound(self) -> Bound | None:
        """What answers for the workflow's outputs, once there is a DAG."""
        provider = self.provider
        if provider.bound is None:
            provider.bound = binding(self)
        return provider.bound

    def is_valid_query(self) -> StorageQueryValidationResult:
        """Check the query; any path has its own place."""
        if self.is_in_place:
            return StorageQueryValidationResult(query=self.query, valid=True)
        return self.provider.is_valid_query(self.query)

    def local_suffix(self) -> str:
        """Path of the local copy below the provider's prefix."""
        return self.label if self.is_in_place else self.parsed.local_suffix()

    def local_path(self) -> Any:
        """Where the local copy is: a path, or for a file in its own place a string like one."""
        if self._overwrite_local_path:
            return self._overwrite_local_path
        # Snakemake puts its flags on that string: each time another one.
        return in_place_path(self.label) if self.is_in_place else self.copy_path

    @property
    def copy_path(self) -> Path:
        """Where the local copy is."""
        return self._overwrite_local_path or (self._known or self._parse()).path

    def get_inventory_parent(self) -> str | None:
        """There is no cheaper way than to ask for each."""
        return None

    async def inventory(self, cache: IOCacheStorageInterface) -> None:
        """Answer existence and time at once, unless they depend on a DAG that is not yet built."""
        key = self.cache_key()
        if key in cache.exists_in_storage or self._bound:
            return
        found = self._look()
        cache.exists_in_storage[key] = found is not None
        if found:
            cache.mtime[key] = Mtime(storage=found[1].mtime)

    def cleanup(self) -> None:
        """Nothing remains but the local copy, which Snakemake removes."""

    @property
    def _answered(self) -> Answer | None:
        """What was said before, if it stands."""
        answer = self.answer
        return answer if answer and answer.stands else None

    async def managed_exists(self) -> bool:
        """Whether the store has the entry, whole.

        Snakemake asks thousands of times for the inputs of all that could start.
        """
        if answer := self._answered:
            return answer.found is not None or self._users_file() is not None
        return bool(await super().managed_exists())

    async def managed_retrieve(self) -> None:
        """Bring what the store has; the user's own file, which a failure would remove, stays.

        If that is not there just now, its job will say so. What is only touched reads nothing.
        """
        is_touched = self.is_in_place and (bound := self._bound) and bound[0].workflow.touch
        is_users = (answer := self._answered) and answer.found is None
        if not (is_touched or is_users or isinstance(self._look_anywhere(), Path)):
            await super().managed_retrieve()

    async def managed_size(self) -> int:
        """Size in bytes; asked for as often."""
        if (answer := self._answered) and not self.is_derived:
            if answer.found:
                return transfer.size(*answer.found, self.parsed)
            with suppress(OSError):
                return local_size(self.copy_path)
        return int(await super().managed_size())

    async def managed_checksum(self) -> str | None:
        """SHA-256 of the content; none of a pipe that is gone with its jobs' process."""
        is_gone = self.is_in_place and self._look_anywhere() is None
        return None if is_gone else await super().managed_checksum()

    def exists(self) -> bool:
        """Whether the store has the entry, whole, or it is in its own place.

        There it is the user's own file, or what a job has begun: Snakemake removes what failed.
        """
        if self._look_anywhere() is not None:
            return True
        return bool(self.is_in_place and (bound := self._bound) and bound[1].has_begun(self))

    def mtime(self) -> float:
        """Since when the entry means what it does, in s since the epoch."""
        found = self._existing_or_local()
        return source_time(found) if isinstance(found, Path) else found[1].mtime

    @_for_people
    def size(self) -> int:
        """Size in bytes; 0 for a directory."""
        found = self._existing_or_local()
        if isinstance(found, Path):
            return local_size(found)
        return transfer.size(*found, self.parsed)

    def checksum(self) -> str | None:
        """SHA-256 of the content; of a directory or a view, of what determines it.

        None for a file in its own place that is not stored: Snakemake reads it itself, up to a
        size, if it is there. A temporary is gone when its readers are touched.
        """
        found = self._look_anywhere() if self.is_in_place else self._existing_or_local()
        if isinstance(found, tuple):
            return f"sha256:{transfer.checksum(found[1].version, self.parsed)}"
        if found is None or self.is_in_place or found.is_dir():
            return None
        return f"sha256:{sha256_of(found)}"

    def local_footprint(self) -> int:
        """Bytes that the local copy takes; a link or clone takes none."""
        if self.is_derived:
            return self.size()
        ways = (Materialisation.AUTO, Materialisation.SYMLINK)
        links = self.provider.materialisation in ways and os.geteuid() != 0
        found = self._existing_or_local()
        return 0 if links or isinstance(found, Path) else found[1].version.size

    @_for_people
    def retrieve_object(self) -> None:
        """Bring the entry or view to its local path, whole or not at all."""
        provider = self.provider
        found = self._existing_or_local()
        if isinstance(found, Path):
            return  # the user's own file is where it is
        if self.is_in_place and (bound := self._bound):
            bound[0].place(self, *found)
            return
        transfer.bring(
            *found,
            self.parsed,
            self.copy_path,
            provider.materialisation,
            provider.verify,
        )

    @_for_people
    def store_object(self) -> None:
        """Publish what is at the local path."""
        if bound := self._bound:
            bound[1].publish(self)
        else:
            transfer.publish(self.provider.store, self.parsed, self.copy_path)

    @_for_people
    def remove(self) -> None:
        """Let the entry mean nothing here; others who rely on the bytes keep them."""
        if bound := self._bound:
            bound[1].remove(self)
        else:
            self.provider.store.remove(self.parsed.collection, self.parsed.name)

    @_for_people
    def touch(self) -> None:
        """Renew the entry's time."""
        if bound := self._bound:
            bound[1].publications.touch(self)
        else:
            self.provider.store.touch(self.parsed.collection, self.parsed.name)

    @_for_people
    def _look(self) -> tuple[Store, Entry] | None:
        """What the query means, and the store that has it; None if it is not there whole."""
        if bound := self._bound:
            return bound[0].entry(self)
        entry = transfer.find(self.provider.store, self.parsed)
        return (self.provider.store, entry) if entry else None

    def _look_anywhere(self) -> tuple[Store, Entry] | Path | None:
        """What the query means: a stored entry, or in its own place the user's file.

        Before there is a DAG, what is in its place.
        """
        if answer := self._answered:
            return answer.found or self._users_file()
        bound = self._bound
        if (bound or not self.is_in_place) and (found := self._look()):
            return found
        is_source = self.is_in_place and (bound is None or bound[0].is_source(self))
        return self._users_file() if is_source else None

    def _users_file(self) -> Path | None:
        path = self.copy_path
        return path if os.path.exists(path) else None

    def _existing_or_local(self) -> tuple[Store, Entry] | Path:
        """What the query means, or the local file of a job that just ran.

        Snakemake checks that before we may publish it.
        """
        if found := self._look_anywhere():
            return found
        if self.copy_path.exists():
            return self.copy_path
        raise self._missing()

    def _missing(self) -> WorkflowError:
        store = self.provider.store
        if self.is_in_place:
            return WorkflowError(
                f"{self.label} is neither in its place nor in the store {store.root}."
            )
        return WorkflowError(str(transfer.missing(store, self.parsed)))

    @_for_people
    def list_candidate_matches(self) -> Iterable[str]:
        """The queries of all entries that may match."""
        query = self.parsed
        if query.view:
            raise WorkflowError(
                f"{self.print_query}: the store lists entries, not views. "
                f"Use the query without its view in glob_wildcards()."
            )
        prefix = get_constant_prefix(query.name)
        names = self.provider.store.under(query.collection, prefix)
        return [f"{SCHEME}{query.collection}/{name}" for name in names]


def _choice(setting: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise WorkflowError(
            f"Invalid value '{value}' of the seqstore setting {setting} "
            f"(allowed: {', '.join(allowed)})."
        )
    return value
