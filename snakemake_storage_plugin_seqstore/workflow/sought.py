"""What jobs failed for, as it is not here: files that others left where they ran, undeclared."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import Accesses
from snakemake_storage_plugin_seqstore.store import json_lines

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.products import Products


class Sought:
    """Files that jobs of a rule looked for in vain before they failed, in ``sought.jsonl``.

    In the next run they count as what the rule reads, so that those that leave them run again.

    Parameters
    ----------
    directory : Path
        What the working directory knows is kept there; need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "sought.jsonl"
        self._lock = threading.Lock()  # jobs end in several threads
        self._by_rule: dict[str, set[str]] = {}
        for rule, path in json_lines.load(self._file, _load):
            self._by_rule.setdefault(rule, set()).add(path)

    def by(self, rule: str) -> set[str]:
        """Absolute paths of what jobs of a rule looked for."""
        return {*map(os.path.abspath, self._by_rule.get(rule, ()))}

    def note(self, rule: str, paths: Iterable[str]) -> None:
        """Note what a job of a rule looked for, by path from the working directory."""
        with self._lock:
            known = self._by_rule.setdefault(rule, set())
            if new := sorted({*paths} - known):
                known.update(new)
                json_lines.append(self._file, ([rule, path] for path in new))


def _load(row: list[str]) -> tuple[str, str]:
    rule, path = row
    return rule, path


def in_vain(accesses: Accesses | None, products: Products) -> dict[str, str]:
    """What a job looked for that others leave without declaring it, and that is not there.

    Returns
    -------
    dict of str to str
        By path from the working directory, the rule that leaves it.
    """
    paths = accesses.paths.items() if accesses else ()
    found = (path for path, access in paths if access.absent and not os.path.lexists(path))
    return {
        os.path.relpath(path): next(iter(makers)).rule.name
        for path in found
        if (makers := products.undeclared.get(path))
    }
