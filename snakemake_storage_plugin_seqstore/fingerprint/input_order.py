"""The order in which inputs were before, where the order alone is another one.

That may be the order of a set, which is another one in each process of Python, or in which a
filesystem lists files.
"""

from __future__ import annotations

import json
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import plain


def former_order(before: Any, now: Any) -> list[int] | None:
    """Return the numbers that inputs have now, in the order in which they were before.

    Parameters
    ----------
    before, now : list
        The inputs of what a job was told and is told, as tagged canonical values: see
        `Told.canonical`.

    Returns
    -------
    list of int or None
        None if they are not the same, all of them and those with each name, or in the same order.
    """
    try:
        there, here = _with_names(before), _with_names(now)
        waiting: dict[str, list[int]] = {}
        for number, file in enumerate(here):
            waiting.setdefault(file, []).append(number)
        order = [waiting[file].pop(0) for file in there]
    except (TypeError, ValueError, IndexError, KeyError):
        return None  # they differ, or somebody else wrote it
    return order if len(order) == len(here) and order != sorted(order) else None


def _with_names(inputs: Any) -> list[str]:
    """Each input with the names that it has, and how many share them; -1 for a single one."""
    files, names = plain(inputs)
    named: list[list[tuple[str, int]]] = [[] for _ in files]
    for first, last, name in names:
        start, end = int(first), int(last)
        count = -1 if end < 0 else end - start
        for number in range(start, start + 1 if end < 0 else end):
            named[number].append((name, count))
    return [json.dumps([file, sorted(of)]) for file, of in zip(files, named, strict=True)]
