"""Tables: numbers by key, as a JSON object."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.text.lines import open_text


def read_table(path: str | os.PathLike[str]) -> dict[str, float]:
    """Return the numbers of a JSON object by key.

    Raises
    ------
    InputError
        If the file is none; it says the key whose value is no finite number.
    """
    with open_text(path) as file:
        content = file.read()
    try:
        found: Any = json.loads(content, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, _Pairs):
        raise InputError(f"{path} is no table", 'a table is {"key": number, ...}')
    table: dict[str, float] = {}
    for key, value in found:
        if key in table:
            raise InputError(f"{path}: the key {key!r} is there twice")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{path}: the value of {key!r} is no number")
        try:
            table[key] = float(value)
        except OverflowError:  # of a whole number
            table[key] = math.inf
        if not math.isfinite(table[key]):
            raise InputError(f"{path}: the value of {key!r} is not finite")
    return table


class _Pairs(list[tuple[str, Any]]):
    """The pairs of an object, so that a key that comes twice is seen."""


def table_text(table: dict[str, float]) -> bytes:
    """Return a table as JSON.

    Raises
    ------
    InputError
        If a number is not finite.
    """
    for key, value in table.items():
        if not math.isfinite(value):
            raise InputError(f"the value of {key!r} is not finite")
    return (json.dumps(table, indent=1, allow_nan=False) + "\n").encode()
