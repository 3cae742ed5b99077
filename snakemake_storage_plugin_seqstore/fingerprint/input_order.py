"""Whether jobs are told the same but for the order of their inputs.

That may be the order of a set, which is another one in each process of Python, or in which a
filesystem lists files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import plain

_NUMBER = re.compile(r"(?<=\\u0000input:)\d+")


def differ_in_order(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two jobs are told the same, but perhaps for the order of their inputs.

    Parameters
    ----------
    one, other : mapping
        What they are told, as tagged canonical values by name: see `Told.canonical`.
    """
    if one.keys() != other.keys() or "inputs" not in one:
        return False
    try:
        if _files(one["inputs"]) != _files(other["inputs"]):
            return False
        return all(_text(one[name]) == _text(other[name]) for name in one if name != "inputs")
    except (TypeError, ValueError, IndexError):
        return False  # somebody else wrote it


def _files(inputs: Any) -> tuple[Any, ...]:
    """The inputs in alphabetical order, all of them and those with each name."""
    files, names = plain(inputs)
    named = (
        (name, end < 0, sorted(files[start : end if end >= 0 else start + 1]))
        for start, end, name in ((int(start), int(end), name) for start, end, name in names)
    )
    return sorted(files), sorted(named)


def _text(part: Any) -> str:
    """A part of what a job is told, in which inputs have no numbers."""
    return _NUMBER.sub("", json.dumps(part))
