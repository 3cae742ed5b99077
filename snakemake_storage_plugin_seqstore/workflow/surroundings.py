"""What is around the jobs of a workflow: its files, programs, packages and variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.lists import Lists
from snakemake_storage_plugin_seqstore.workflow.mentions import Mentions
from snakemake_storage_plugin_seqstore.workflow.packages import Packages
from snakemake_storage_plugin_seqstore.workflow.software import Software
from snakemake_storage_plugin_seqstore.workflow.variables import salted


class Surroundings:
    """What a job may come upon, as it is now: looked at anew for each pass.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    is_made : callable
        Says whether the workflow makes a path or something below it.
    directories : Directories
        Remembers what is in directories while they stay the same.
    """

    def __init__(
        self, contents: Contents, is_made: Callable[[str], bool], directories: Directories
    ) -> None:
        self.contents = contents
        self.is_made = is_made
        self.directories = directories
        self.lists = Lists(contents, is_made, directories)
        self.mentions = Mentions(contents, is_made, directories, self.lists)
        self.packages = Packages(contents, directories)
        self.software = Software(contents, directories, self.packages, self.lists)

    def environment(self, names: Iterable[str]) -> dict[str, str]:
        """Salted values of the environment variables that are set."""
        return {
            name: salted(name, os.environ[name]) for name in sorted(names) if name in os.environ
        }
