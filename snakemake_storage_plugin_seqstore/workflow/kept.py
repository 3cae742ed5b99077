"""Undeclared files that jobs read of others: the user is told, and a store keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.file_hashes import Signature, signature_of
from snakemake_storage_plugin_seqstore.workflow.conditions import Seen
from snakemake_storage_plugin_seqstore.workflow.messages import and_more
from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


class Kept:
    """Keeps what jobs read of others, with all else that was made with it.

    Parameters
    ----------
    reuse : Reuse
        The reuse of the workflow.
    """

    def __init__(self, reuse: Reuse) -> None:
        self._reuse = reuse
        self._known: set[tuple[str, Signature]] = set()  # what was kept, as it was then
        self._told: set[tuple[str, str]] = set()  # which rule was advised what

    def keep(self, job: Job, seen: Seen) -> None:
        """Keep what a job read that others made without declaring it, and tell the user."""
        resolution = self._reuse.resolution()
        products = resolution.products
        if not (products.undeclared and seen.reads.products):
            return  # so it is with most jobs: where their files lie need not be found
        own = {*map(os.path.abspath, seen.undeclared)}
        known = filter(None, map(resolution.places.of(job).path_of, seen.reads.products))
        read = [path for path in known if path in products.undeclared and path not in own]
        for advice, paths in self._by_advice(read).items():
            if (job.rule.name, advice) not in self._told:  # once for all jobs of a rule
                self._told.add((job.rule.name, advice))
                self._reuse.directory.messages.tell(
                    f"rule {job.rule.name} reads {and_more([*map(os.path.relpath, paths)])}, which "
                    f"another rule makes without declaring it: {advice}"
                )
        for made in {other for path in read for other in products.made_with(path)}:
            with suppress(OSError):
                kept = made, signature_of(os.stat(made))
                if kept not in self._known:
                    self._known.add(kept)
                    self._reuse.stores.keep(job, os.path.relpath(made), Path(made))

    def _by_advice(self, paths: Iterable[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in paths:
            found.setdefault(self._advice(path), []).append(path)
        return found

    def _advice(self, path: str) -> str:
        around = self._reuse.resolution().products.around(path)
        if around:  # Snakemake allows no output in the directory of another rule
            return f"let that rule make it outside of {around[0]}, as its output"
        return "declare it as its output and here as input"
