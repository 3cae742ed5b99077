"""Where a path lies, and what follows from that: whether what is read there counts, and how."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache

from snakemake_storage_plugin_seqstore.observe.log import absolute
from snakemake_storage_plugin_seqstore.observe.prefixes import SYSTEM, prefix_of
from snakemake_storage_plugin_seqstore.observe.ways import start

_MACHINE = ("/proc", "/sys", "/dev", "/run", "/var/run", "/var/cache")
# What a program remembers between runs, in a home: it changes nothing in what it computes.
_REMEMBERED = re.compile(r"\.\w*(?:history|hst|hist)|\.gitconfig|\.fontconfig|\.Xauthority")
_CACHES = {"XDG_CACHE_HOME": ".cache", "MPLCONFIGDIR": "", "PYTHONPYCACHEPREFIX": ""}
_BYTE_CODE = "__pycache__"
_SNAKEMAKE = ".snakemake"


class Kind(Enum):
    """What a place means for a job."""

    IGNORED = "ignored"  # /proc, caches, histories, Snakemake's own
    DECLARED = "declared"  # input, output, log, benchmark: elsewhere taken care of
    SOURCE = "source"  # content counts, being absent counts
    PRODUCT = "product"  # what a job of this workflow makes, not declared by this one
    STORED = "stored"  # a file of a store, directly or by its local copy: content counts
    SCRATCH = "scratch"  # in TMPDIR
    SYSTEM = "system"  # below a prefix of the system or of an environment: its package counts


@dataclass(frozen=True)
class Place:
    """A path as it is called in another directory or on another machine.

    Attributes
    ----------
    kind : Kind
        What it means.
    name : str
        ``workdir:data/x.txt``, ``workflow:scripts/x.py``, ``home:.config/x``,
        ``input-dir:0:genome.fa.fai`` for what lies beside the first declared input,
        ``workdir:../x.txt`` for what was asked for in this way, or the absolute path.
    path : str
        The path here; another one than that which was classified for a shadow directory.
    """

    kind: Kind
    name: str
    path: str


@dataclass(frozen=True)
class Places:
    """The places of one job, here. Paths are absolute.

    Attributes
    ----------
    workdir : str
        The workflow's working directory.
    workflow_dir : str
        Where the Snakefile of the rule lies.
    repository : str
        What holds the workflow: all its Snakefiles and scripts.
    home : str
        The user's home.
    tmpdir : str
        The job's TMPDIR.
    inputs : sequence of str
        Declared inputs in their order, as paths where they lie here.
    others : collection of str
        Declared outputs, logs and benchmark.
    shadow : mapping of str to str
        A shadow directory, and the directory that it stands for; the folder of copies of sources,
        and nothing.
    bare : collection of str
        Shadow directories with nothing in them but what the job declares.
    stores : collection of str
        Roots of stores.
    copies : collection of str
        Prefixes below which the local copies of stored files lie.
    environment : str
        The environment that Snakemake deploys for the job; empty if it is none.
    directories : dict of str to str
        Directories that are no links, as far as they were looked at, with their paths without
        links; added to.
    ways : mapping of str to str
        How the job asked for paths by ``..``, as `Accesses.ways` says.
    variables : mapping of str to str
        Where caches are: the job's environment (``XDG_CACHE_HOME``, ...).
    is_product : callable
        Whether a job of this workflow makes a path, or the directory that it is in.
    is_undeclared : callable
        Whether a job of this workflow makes a path without declaring it.
    is_left : callable
        Whether a file is as another job, or another run of this one, left it without declaring it.
    left_names : callable
        Names in a directory of what such runs left.
    is_made_before : callable
        Whether the job finds at a path what jobs that it depends on made without declaring it.
    covered_names : callable
        Names in a directory that this directory's claims ever covered: also of directories on
        the way to what they covered.
    """

    workdir: str
    workflow_dir: str = ""
    repository: str = ""
    home: str = ""
    tmpdir: str = "/tmp"
    inputs: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    shadow: Mapping[str, str] = field(default_factory=dict)
    bare: Collection[str] = ()
    stores: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    environment: str = ""
    directories: dict[str, str] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    is_product: Callable[[str], bool] = lambda path: False
    is_undeclared: Callable[[str], bool] = lambda path: False
    is_left: Callable[[str], bool] = lambda path: False
    left_names: Callable[[str], Collection[str]] = lambda directory: ()
    is_made_before: Callable[[str], bool] = lambda path: False
    covered_names: Callable[[str], Collection[str]] = lambda directory: ()

    def classify(self, path: str) -> Place:
        """Where an absolute path lies. The most specific place wins."""
        is_bare = False
        for directory, meant in self._shadows:
            if _is_below(path, directory):
                path = meant + path[len(directory) :]
                is_bare = directory in self._bare
                break
        if self._declared(path):
            return Place(Kind.DECLARED, self._name(path), path)
        if is_bare:  # what else is in the directory that it stands for can't be seen from there
            return Place(Kind.IGNORED, self._name(path, Kind.IGNORED), path)
        kind = self.kind_for_all(path)
        if kind is Kind.SCRATCH and (self._is_beside_input(path) or self._by_way(path)):
            kind = Kind.PRODUCT if self.is_product(path) else Kind.SOURCE
        return Place(kind, self._name(path, kind), path)

    def kind_for_all(self, path: str) -> Kind:
        """What a path means for all jobs alike, whatever one of them declares."""
        root = path
        while root and root not in self._roots:
            root = root.rpartition("/")[0]
        kind, depth = self._roots.get(root, Kind.SOURCE), len(root)
        prefix = prefix_of(path)
        if prefix is not None and prefix != "/" and len(prefix) > depth:
            kind = Kind.SYSTEM
        if _BYTE_CODE in path.split("/") or self._is_remembered(path):
            kind = Kind.IGNORED
        if kind is Kind.SOURCE and self.is_product(path):
            kind = Kind.PRODUCT
        return kind

    def is_copied(self, path: str) -> bool:
        """Whether a path lies among copies of sources: with them is not what lies beside them."""
        return any(not meant and _is_below(path, directory) for directory, meant in self._shadows)

    def is_for_declared(self, path: str) -> bool:
        """Whether a path is declared by this job, or lies above or below what is."""
        return path in self._declared_directories or self._declared(path)

    def path_of(self, name: str) -> str | None:
        """Where a place lies here; None if there is no such place here."""
        if name.startswith("/"):
            return name
        place, _, rest = name.partition(":")
        if place == "input-dir":
            number, _, rest = rest.partition(":")
            if not number.isdigit() or int(number) >= len(self.inputs):
                return None
            root = os.path.dirname(self.inputs[int(number)])
        else:
            root = {
                "workdir": self.workdir,
                "workflow": self.workflow_dir,
                "repository": self.repository,
                "home": self.home,
                "tmpdir": self.tmpdir,
                "environment": self.environment,
            }.get(place, "")
        if not root:
            return None
        return root if rest == "." else absolute(rest, root.rstrip("/"))

    def paths_of(self, name: str, workdir: str) -> list[str]:
        """Where a place may lie here: a job that was told an absolute path may have made it up.

        Parameters
        ----------
        name : str
            The place.
        workdir : str
            The working directory where it has this name.

        Returns
        -------
        list of str
            Its path, and for an absolute one, what lies in the same way from this working
            directory, if it is there.
        """
        path = self.path_of(name)
        paths = [path] if path else []
        if path and name.startswith("/") and workdir not in ("", self.workdir):
            beside = absolute(os.path.relpath(path, workdir), self.workdir)
            if beside != path and (self.is_product(beside) or os.path.lexists(beside)):
                paths = [beside, *filter(os.path.lexists, paths)]
        return paths

    def shown(self, name: str) -> str:
        """A place as people call it: from the working directory, or from their home."""
        path = self.path_of(name) or name
        if path in (self.workdir, self.home):
            return f"the {'working' if path == self.workdir else 'home'} directory"
        beside = os.path.dirname(self.workdir)
        for root, before in ((self.workdir, ""), (self.home, "~/"), (beside, "../")):
            if root.strip("/") and _is_below(path, root):
                return before + path[len(root) :].lstrip("/")
        return path

    def is_written(self, path: str) -> bool:
        """Whether a job of this workflow makes a path, now or earlier, or this job does."""
        if self.is_product(path) or self._declared(path) or self.is_left(path):
            return True
        while _is_below(path, self.workdir) and path != self.workdir:
            directory, _, name = path.rpartition("/")
            if name in self.covered_names(directory):
                return True
            path = directory
        return False

    def holds_places(self, directory: str) -> bool:
        """Whether a directory is there anyway: places or declared files lie below it."""
        return directory in self._declared_directories or any(
            _is_below(root, directory) for root in self._roots
        )

    def name_of(self, path: str, kind: Kind = Kind.DECLARED) -> str:
        """How a path is called elsewhere, if it is of that kind."""
        return self._name(path, kind)

    @cached_property
    def _declared_directories(self) -> frozenset[str]:
        found = set()
        for path in (*self._inputs, *self._others):
            while path not in ("", "/"):
                path = path.rpartition("/")[0]
                found.add(path or "/")
        return frozenset(found)

    @cached_property
    def _shadows(self) -> list[tuple[str, str]]:
        return [(way, meant) for made, meant in self.shadow.items() for way in _root_ways(made)]

    @cached_property
    def _bare(self) -> frozenset[str]:
        return frozenset(way for made in self.bare for way in _root_ways(made))

    @cached_property
    def _inputs(self) -> frozenset[str]:
        return frozenset(way for path in self.inputs for way in self._file_ways(path))

    @cached_property
    def _others(self) -> frozenset[str]:
        return frozenset(way for path in self.others for way in self._file_ways(path))

    @cached_property
    def _input_directories(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for number, path in enumerate(self.inputs):
            for way in self._file_ways(path):
                found.setdefault(os.path.dirname(way), number)
        return found

    def _file_ways(self, path: str) -> tuple[str, ...]:
        """A path as it is given, and as the system calls it; a directory is looked at once."""
        path = path.rstrip("/")
        real = self._real(path)
        return (path,) if path == real else (path, real)

    def _real(self, path: str) -> str:
        if path in self.directories:
            return self.directories[path]
        if path == self.workdir:
            return _root_ways(path)[-1]
        if not path:
            return ""
        directory, _, name = path.rpartition("/")
        real = f"{self._real(directory)}/{name}"
        mode = _mode(real)
        if stat.S_ISLNK(mode):
            return os.path.realpath(real)
        if stat.S_ISDIR(mode):
            self.directories[path] = real
        return real

    @cached_property
    def _named(self) -> list[tuple[str, str]]:
        """Roots that names begin with, the longest first."""
        roots = (
            ("workdir", self.workdir),
            ("workflow", self.workflow_dir),
            ("home", self.home),
            ("tmpdir", self.tmpdir),
            ("environment", self.environment),
            ("repository", self.repository),
        )
        found = [(way, name) for name, root in roots if root for way in _root_ways(root)]
        return sorted(found, key=lambda pair: -len(pair[0]))

    @cached_property
    def _roots(self) -> dict[str, Kind]:
        """What lies below a directory, the closest one decides.

        Of one that is given twice the first counts.
        """
        given = [
            *((root, Kind.SOURCE) for root in (self.workdir, self.workflow_dir, self.home)),
            (f"{self.workdir}/{_SNAKEMAKE}", Kind.IGNORED),
            *((root, Kind.IGNORED) for root in (*_MACHINE, *self._caches)),
            *((root, Kind.SYSTEM) for root in (*SYSTEM, self.environment)),
            *((root, Kind.STORED) for root in (*self.stores, *self.copies)),
            *((root, Kind.SCRATCH) for root in (self.tmpdir, "/tmp", "/var/tmp")),
            (self.repository, Kind.SOURCE),
        ]
        return {way: kind for root, kind in reversed(given) if root for way in _root_ways(root)}

    @cached_property
    def _caches(self) -> list[str]:
        found = []
        for variable, default in _CACHES.items():
            value = self.variables.get(variable, "")
            if not value and default and self.home:
                value = f"{self.home}/{default}"
            found.append(value)
        return found

    def is_in_input(self, path: str) -> bool:
        """Whether a path lies in a directory that is an input, and is not declared itself."""
        found = self._nearest(path)
        return found != path and found in self._inputs and found not in self._others

    def _declared(self, path: str) -> bool:
        if self.is_undeclared(path) and self.is_in_input(path):
            return False
        return bool(self._nearest(path))

    def _nearest(self, path: str) -> str:
        """What is declared that is a path, or the closest directory around it; else empty."""
        while path not in ("", "/"):
            if path in self._inputs or path in self._others:
                return path
            path = path.rpartition("/")[0]
        return ""

    def _is_beside_input(self, path: str) -> bool:
        directory = os.path.dirname(path)
        return directory in self._input_directories and directory not in self._roots

    def _is_remembered(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        return directory == self.home and _REMEMBERED.fullmatch(name) is not None

    def _name(self, path: str, kind: Kind = Kind.DECLARED) -> str:
        root, place = next(
            ((root, place) for root, place in self._named if _is_below(path, root)), ("", "")
        )
        directory, _, name = path.rpartition("/")
        if kind is Kind.SOURCE and place not in ("workdir", "workflow"):
            number = self._input_directories.get(directory)
            if number is not None:
                return f"input-dir:{number}:{name}"
        if kind is Kind.SYSTEM and place != "environment":
            return path
        rest = path[len(root) + 1 :]
        if place in ("", "home", "tmpdir"):
            if way := self._by_way(path):
                return way
            # What lies in a home together with the working directory is no setting of a user.
            if not root or (place == "home" and _is_below(self.workdir, _first(root, rest))):
                return path
        return f"{place}:{rest or '.'}"

    def _by_way(self, path: str) -> str:
        """The name of what the job asked for by ``..``; empty if it did not, or not from here."""
        asked = self.ways.get(path, "")
        for root, place in self._named if asked else ():
            if place in ("workdir", "workflow", "repository") and _is_below(start(asked), root):
                return f"{place}:{os.path.relpath(path, root)}"
        return ""


def _mode(path: str) -> int:
    """The mode of a file, link or directory; 0 if it is not there."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _first(root: str, rest: str) -> str:
    """The first directory below another one on the way to a path."""
    return f"{root}/{rest.partition('/')[0]}"


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root) and path[len(root) :][:1] in ("", "/")


@lru_cache
def _root_ways(path: str) -> tuple[str, ...]:
    """A place as it is given, and as the system calls it; looked at once, as it stays there."""
    path = path.rstrip("/")
    real = os.path.realpath(path)
    return (path,) if path == real else (path, real)
