"""The store as its users see it: publish something under a name, find it, list what is there."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import DamageError, StoreError
from snakemake_storage_plugin_seqstore.provenance import content_id
from snakemake_storage_plugin_seqstore.store import filesystem, marker, trees
from snakemake_storage_plugin_seqstore.store.names import Names
from snakemake_storage_plugin_seqstore.store.objects import Objects
from snakemake_storage_plugin_seqstore.store.parsing import read
from snakemake_storage_plugin_seqstore.store.record_memory import RecordMemory
from snakemake_storage_plugin_seqstore.store.records import Record, Records
from snakemake_storage_plugin_seqstore.store.uses import Use, Uses
from snakemake_storage_plugin_seqstore.store.version import Version, is_executable
from snakemake_storage_plugin_seqstore.store.version_log import Stamp

DEFAULT_ROOT = Path(".seqstore")  # in the working directory
ROOT_VARIABLE = "SNAKEMAKE_STORAGE_SEQSTORE_ROOT"  # names another one

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What a name means.

    Parameters
    ----------
    collection, name : str
        The name.
    version : Version
        The payload: digest, kind, size, executable.
    time : int
        When it was published, in ns since the epoch.
    """

    collection: str
    name: str
    version: Version
    time: int

    @property
    def id(self) -> str:
        """UUID of the content: the same content has the same id in every store."""
        return content_id(self.version.kind, self.version.digest)

    @property
    def mtime(self) -> float:
        """When it was published, in s since the epoch."""
        return self.time / 10**9


class Store:
    """A store in a directory, which need not exist until something is published.

    Parameters
    ----------
    root : path
        The directory, usually on a filesystem that all users and nodes share.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(os.path.abspath(root))
        self.objects = Objects(self.root)
        self.names = Names(self.root)
        self.uses = Uses(self.root)
        self.records = Records(self.root)
        self._known = False

    def find(self, collection: str, name: str, digest: str | None = None) -> Entry | None:
        """What a name means now, or the version of it that has this digest.

        Returns None if there is no such entry, and also, with a warning, if its record or its
        payload is missing or damaged: it has to be made again then.
        """
        if not self._is_there:
            return None
        try:
            found = self.names.find(collection, name, digest)
            if found is None:
                return None
            stamp, version = found
            self._check_payload(version)
        except (OSError, DamageError) as error:
            logger.warning(
                f"seqstore: {collection}/{name} in {self.root} counts as missing: {error}"
            )
            return None
        return Entry(collection, name, version, stamp.time)

    def history(self, collection: str, name: str) -> list[Stamp]:
        """All versions of a name that are kept, newest first."""
        return self.names.history(collection, name) if self._is_there else []

    def under(self, collection: str, prefix: str = "") -> Iterator[str]:
        """The names of a collection that start with `prefix`, in order."""
        return self.names.under(collection, prefix) if self._is_there else iter(())

    def publish(self, collection: str, name: str, source: Path) -> Entry:
        """Store a file or directory and let a name mean it from now on.

        The payload is durable before the name is, and both are when this returns. Publishing what
        is there already only renews the time.

        Raises
        ------
        StoreError
            If the store cannot be written, or `source` cannot be read.
        InputError
            If a directory has something in it that cannot be stored.
        """
        with self._writing(f"{collection}/{name}"):
            self._create()
            version = self._add(source)
            stamp = self.names.add(collection, name, version)
            for directory in stamp.path.parents:
                filesystem.sync(directory)
                if directory == self.root:
                    break
            return Entry(collection, name, version, stamp.time)

    def add(self, source: Path) -> Version:
        """Store a file or directory without a name, and without waiting until it is durable.

        Who :meth:`assigns <assign>` it a name later waits for that.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        with self._writing(str(source)):
            self._create()
            return self._add(source, durable=False)

    def assign(
        self,
        collection: str,
        name: str,
        version: Version,
        key: str | None = None,
        project: str = "",
    ) -> Entry:
        """Let a name mean what was added before, once that is durable."""
        with self._writing(f"{collection}/{name}"):
            self.objects.sync(self.payloads(version))
            stamp = self.names.add(collection, name, version, key, project)
        return Entry(collection, name, version, stamp.time)

    def means(self, collection: str, name: str, version: Version, project: str = "") -> bool:
        """Whether a name means a version in a project."""
        if project and (use := self._use(collection, name, project)):
            return use.version.digest == version.digest
        log = self.names.log(collection, name, project)
        return bool(log) and log[0].digest == version.digest

    def projects(self, collection: str, name: str) -> list[str]:
        """The projects that made what they have by a name, or use it."""
        using = [each for each in self.uses.projects if self._use(collection, name, each)]
        return sorted({*self.names.projects(collection, name), *using})

    def used_by(self, project: str) -> Iterator[tuple[str, str, Use]]:
        """What a project uses without having made it: collection, name and version."""
        for collection, name in self.uses.of(project):
            if use := self._use(collection, name, project):
                yield collection, name, use

    def _use(self, collection: str, name: str, project: str) -> Use | None:
        use = self.uses.of(project).get((collection, name))
        return use if use and self.names.since(collection, name, project) <= use.time else None

    def follow(
        self, collection: str, name: str, version: Version, key: str, project: str = ""
    ) -> None:
        """Let a name mean in a project what is stored already."""
        with self._writing(f"{collection}/{name}"):
            self._renew(version)
            self.names.add(collection, name, version, key, project)

    def use(self, project: str, versions: Mapping[tuple[str, str], Version]) -> None:
        """Note what a project uses from now on, by collection and name: `gc` leaves it alone.

        That is for what is new to the project; where it has another version, a name follows.
        """
        with self._writing(f"what {project} uses"):
            for version in versions.values():
                self.renew(version)
            self.uses.add(project, versions)

    def withdraw(self, collection: str, name: str, version: Version, project: str = "") -> None:
        """Let a name mean nothing in a project, if it means this version there."""
        if self.means(collection, name, version, project):
            self.remove(collection, name, project)

    def renew(self, version: Version) -> bool:
        """Let the payloads of a version be new, so that `gc` leaves them; say whether they are."""
        try:
            return self._renew(version)
        except (OSError, DamageError):
            return False

    def _renew(self, version: Version) -> bool:
        return all([self.objects.renew(digest) for digest in self.payloads(version)])

    def find_records(self, key: str, memory: RecordMemory | None = None) -> list[Record]:
        """All records of a computation that can be read, newest first.

        Their payloads may be gone: see :meth:`has_payload`.

        Parameters
        ----------
        memory : RecordMemory, optional
            What remembers those that were read before.
        """
        if not self._is_there:
            return []
        return memory.all(self.records, key) if memory else self.records.all(key)

    @contextmanager
    def prepared(self, contents: Iterable[bytes]) -> Iterator[None]:
        """Have the files of names and records ready, with one wait for the disk for all of them."""
        with filesystem.prepared(contents if self._is_there else (), self.root):
            yield

    def add_record(self, record: Record) -> Record:
        """Write down what a computation gave.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        with self._writing(f"the record of rule {record.rule}"):
            self._create()
            return self.records.add(record)

    def remove(self, collection: str, name: str, project: str | None = None) -> bool:
        """Let a name mean nothing, in one project or in all; the bytes stay until `gc`.

        Says whether it meant something.
        """
        with self._writing(f"{collection}/{name}"):
            if not self._is_there:
                return False
            using = {
                each: use
                for each in (self.uses.projects if project is None else filter(None, [project]))
                if (use := self._use(collection, name, each))
            }
            for each, use in using.items():
                self.names.end(collection, name, each, use.time)
            return self.names.remove(collection, name, project) or bool(using)

    def touch(self, collection: str, name: str) -> Entry:
        """Renew the time of what a name means."""
        entry = self.find(collection, name)
        if entry is None:
            raise StoreError(f"there is no {collection}/{name} in the store {self.root}")
        with self._writing(f"{collection}/{name}"):
            stamp = self.names.add(collection, name, entry.version)
        return Entry(collection, name, entry.version, stamp.time)

    def members(self, version: Version) -> list[trees.Member]:
        """The members of a directory.

        Raises
        ------
        FileNotFoundError
            If its manifest is missing.
        DamageError
            If its manifest is damaged.
        """
        return trees.load(self._manifest(version))

    def _manifest(self, version: Version) -> bytes:
        content = read(self.objects.path(version.digest), trees.LARGEST)
        if hashlib.sha256(content).hexdigest() != version.digest:
            raise DamageError(f"the manifest {version.digest} in {self.root} is damaged")
        return content

    def verify(
        self,
        version: Version,
        what: object,
        sha256: Callable[[Path], str] | None = None,
    ) -> None:
        """Compare all bytes of a version with their SHA-256.

        Parameters
        ----------
        what : object
            What it is called, for people.
        sha256 : callable, optional
            Says what a payload has; reads it by default.

        Raises
        ------
        DamageError
            If they differ. They are set aside then, where that is possible: the version counts as
            missing, and whoever makes or publishes it again heals the store.
        """
        self._verify(version.digest, what, sha256)  # without which its members are not known
        for digest in self.payloads(version).keys() - {version.digest}:
            self._verify(digest, what, sha256)

    def _verify(self, digest: str, what: object, sha256: Callable[[Path], str] | None) -> None:
        if self.objects.is_sound(digest, sha256):
            return
        try:
            hint = f"it is set aside in {self.objects.set_aside(digest)}"
        except OSError as error:
            hint = f"it cannot be set aside: {error}"
        raise DamageError(
            f"the stored bytes of {what} changed on disk, in {self.objects.path(digest)}",
            f"{hint}; make or publish it again",
        )

    def payloads(self, version: Version) -> dict[str, int]:
        """SHA-256 and sizes of all payloads that a version consists of.

        Raises
        ------
        FileNotFoundError, DamageError
            If it is a directory whose manifest is missing or damaged.
        """
        if version.kind == "file":
            return {version.digest: version.size}
        manifest = self._manifest(version)
        members = {m.digest: m.size for m in trees.load(manifest) if m.digest}
        return members | {version.digest: len(manifest)}

    def has_payload(self, version: Version) -> bool:
        """Whether all payloads of a version are there, and nothing wrote to them."""
        try:
            self._check_payload(version)
        except (OSError, DamageError):
            return False
        return True

    def _create(self) -> None:
        if not self._is_there:
            marker.create(self.root)

    def _add(self, source: Path, durable: bool = True) -> Version:
        status = source.stat()
        if stat.S_ISDIR(status.st_mode):
            version, manifest = trees.describe(
                source, partial(self.objects.add_file, durable=durable)
            )
            self.objects.add_bytes(manifest, version.digest, durable)
            return version
        digest, size = self.objects.add_file(source, durable, status.st_size)
        return Version(digest, "file", size, is_executable(status.st_mode))

    def _check_payload(self, version: Version) -> None:
        for digest, size in self.payloads(version).items():
            self.objects.check(digest, size)

    @property
    def _is_there(self) -> bool:
        # Only a yes is remembered: another process may create the store at any time.
        self._known = self._known or marker.is_store(self.root)
        return self._known

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            hint = ""
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                hint = "ask its owner for `seqstore init --shared`, or choose another root"
            raise StoreError(
                f"cannot write {what} in the store {self.root}: {error}", hint
            ) from error
