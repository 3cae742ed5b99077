"""Where a path lies, and what follows from that: whether what is read there counts, and how."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum


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
        ``input-dir:0:genome.fa.fai`` for what lies beside the first declared input, or the
        absolute path.
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
        Where the Snakefile lies.
    home : str
        The user's home.
    tmpdir : str
        The job's TMPDIR.
    inputs : sequence of str
        Declared inputs in their order, as paths where they lie here.
    others : collection of str
        Declared outputs, logs and benchmark.
    shadow : mapping of str to str
        A shadow directory, and the directory that it stands for.
    stores : collection of str
        Roots of stores.
    copies : collection of str
        Prefixes below which the local copies of stored files lie.
    prefixes : collection of str
        Prefixes of environments (conda, venv) besides those that are recognised by themselves.
    variables : mapping of str to str
        Where caches are: the job's environment (``XDG_CACHE_HOME``, ...).
    is_product : callable
        Whether a job of this workflow makes a path, or the directory that it is in.
    covered_names : callable
        Names in a directory that this directory's claims ever covered.
    """

    workdir: str
    workflow_dir: str = ""
    home: str = ""
    tmpdir: str = "/tmp"
    inputs: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    shadow: Mapping[str, str] = field(default_factory=dict)
    stores: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    is_product: Callable[[str], bool] = lambda path: False
    covered_names: Callable[[str], Collection[str]] = lambda directory: ()

    def classify(self, path: str) -> Place:
        """Where an absolute path lies. The most specific place wins."""
        raise NotImplementedError

    def path_of(self, name: str) -> str | None:
        """Where a place lies here; None if there is no such place here."""
        raise NotImplementedError
