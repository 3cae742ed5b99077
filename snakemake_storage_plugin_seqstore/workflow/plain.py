"""Commands that name nothing but programs, as most do: described once for as long as that holds."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.workflow.description import Operation
from snakemake_storage_plugin_seqstore.workflow.software import Evidence
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings


@dataclass(frozen=True)
class Plain:
    """What a command does that names no files and runs no scripts, in one environment.

    Parameters
    ----------
    operation : Operation
        What it does.
    missing : set of str
        The files that it would name, were they there.
    programs : Evidence
        What was looked at to find its programs.
    """

    operation: Operation
    missing: Set[str]
    programs: Evidence

    def holds(self, surroundings: Surroundings) -> bool:
        """Whether it still names no files, and its programs are what they were."""
        if any(map(os.path.exists, self.missing)):
            return False
        return surroundings.software.holds(self.programs)
