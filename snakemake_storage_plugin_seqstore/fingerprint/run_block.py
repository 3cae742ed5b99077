"""What a `run:` block does: its code and the globals that it reads, recursively."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.source_names import SourceNames
from snakemake_storage_plugin_seqstore.fingerprint.symbols import Places

SourceOf = Callable[[str], str | None]


@dataclass(frozen=True)
class RunBlock:
    """What counts of a `run:` block, whatever the job.

    Parameters
    ----------
    parts : dict
        Its code and its globals by name, each in a form that `canonical` takes.
    names : SourceNames
        Config keys, wildcards, resources, variables and modules that the code names.
    local_modules : tuple of str
        Paths of the modules' files that its globals come from and that are not installed.
    commands : tuple of str
        Literal commands that it gives to ``shell``, as written.
    """

    parts: dict[str, Any]
    names: SourceNames
    local_modules: tuple[str, ...] = ()
    commands: tuple[str, ...] = field(default=())


def read_run_block(
    run_func: FunctionType,
    namespace: Mapping[str, Any],
    source_of: SourceOf,
    places: Places = (),
    snakemake_globals: Mapping[str, Any] | None = None,
) -> RunBlock:
    """Read a `run:` block.

    Parameters
    ----------
    run_func : function
        The function that Snakemake made of it, ``rule.run_func``.
    namespace : mapping
        The globals of the rule's module.
    source_of : callable
        Gives for the ``co_filename`` of a code object the Python source that it was compiled from,
        with the same line numbers (for a Snakefile what Snakemake's parser makes of it), or None.
        Without it the code object itself counts.
    places : tuple of (str, Symbol)
        Directories that do not count.
    snakemake_globals : mapping, optional
        What Snakemake puts into each Snakefile (``workflow.vanilla_globals``): such objects do not
        count as long as they are the same.

    Raises
    ------
    Unknown
        If it reads a global that has no canonical form; the message names it.
    """
    raise NotImplementedError
