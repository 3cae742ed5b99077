"""What is plain from the code: the scripts and local modules that it names literally.

These are conditions of a record, never a part of its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.fingerprint.shell_command import ShellCommand
from snakemake_storage_plugin_seqstore.fingerprint.source_names import SourceNames

Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class PlainReads:
    """What is plain from the code.

    Parameters
    ----------
    files : tuple of str
        Paths of scripts and local modules that are there, sorted: relative to the working directory
        where they are below it, else absolute.
    programs : tuple of str
        Programs in command position, as written, sorted.
    variables : frozenset of str
        Environment variables that the command, its scripts and modules name.
    """

    files: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()

    def __or__(self, other: PlainReads) -> PlainReads:
        """What is plain from either."""
        raise NotImplementedError


class PlainReader:
    """Follows code to the scripts and local modules that it names.

    Parameters
    ----------
    workdir : str
        The directory in which jobs run, absolute.
    read : callable
        Returns the bytes of a file, or None if there is none. Called with absolute paths.
    module_path : sequence of str
        Directories besides that of a script in which Python finds local modules (PYTHONPATH).
    """

    def __init__(self, workdir: str, read: Read, module_path: Iterable[str] = ()) -> None:
        raise NotImplementedError

    def of_command(self, command: ShellCommand) -> PlainReads:
        """What a shell command comes to."""
        raise NotImplementedError

    def of_source(
        self, names: SourceNames, folder: str | None, in_workdir: bool = False
    ) -> PlainReads:
        """What a script, notebook or wrapper comes to; itself it is part of the key.

        Parameters
        ----------
        names : SourceNames
            What it names.
        folder : str or None
            The directory in which it lies; None if it is remote.
        in_workdir : bool
            Whether modules are also found in the working directory (notebooks, `run:` blocks).
        """
        raise NotImplementedError
