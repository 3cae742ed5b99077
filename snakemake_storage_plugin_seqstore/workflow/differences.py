"""What differs between what jobs were told, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.shown import (
    clean,
    difference,
    difference_behind,
    is_behind,
    text_difference,
)
from snakemake_storage_plugin_seqstore.provenance import plain

_SHELL = ("executable", "prefix", "suffix", "of the rule")


def differences(before: Mapping[str, Any], now: Mapping[str, Any], source: str) -> list[str]:
    """What differs between the parts of two provenances, in words.

    Parameters
    ----------
    before, now : mapping
        Tagged canonical values by name, as records keep them.
    source : str
        What the source is called of which they have a digest.
    """
    found: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old != new and name != "made":  # which says the same as its parts
            found += _of_part(name, old, new, source)
    return [*map(clean, found)] or ["the order of what it reads"]


def _of_part(name: str, old: Any, new: Any, source: str) -> Iterator[str]:
    """What differs between two parts of the same name; None where there is none."""
    match name:
        case "inputs" | "outputs":
            yield from _of_files(name.removesuffix("s"), plain(old), plain(new))
        case "params":
            yield from _of_params(old, new)
        case "wildcards" | "resources" if old and new:
            yield from _of_names(name.removesuffix("s"), old, new)
        case "config" if old and new:
            yield from difference_behind(name, old, new)
        case "globals" if old and new:
            yield from _of_globals(plain(old), plain(new))
        case "variables" if old and new:
            for each, state in _states(plain(old), plain(new)):
                yield f"variable {each} {state}"
        case "shell" if old and new and len(old[1]) == len(new[1]):
            names = _SHELL[1:3] if len(old[1]) == 2 else _SHELL
            for each, was, becomes in zip(names, old[1], new[1], strict=False):
                yield from difference(f"shell {each}", was, becomes)
        case "command":
            yield f"command changed: {text_difference(plain(old) or '', plain(new) or '')}"
        case "before":
            yield "what it updates has changed"
        case "source":
            yield f"{source} changed"
        case _:
            yield f"{name} changed"


def _of_files(kind: str, old: Any, new: Any) -> Iterator[str]:
    if old is None or new is None:
        return
    (old_files, old_roles), (new_files, new_roles) = old, new
    if len(old_files) != len(new_files):
        yield f"number of {kind}s: {len(old_files)} -> {len(new_files)}"
        return
    if old_roles != new_roles:
        yield f"names of the {kind}s changed"
    if old_files != new_files and sorted(old_files) == sorted(new_files):
        yield f"order of the {kind}s changed"
        return
    names = {start: name for start, _, name in new_roles}
    for number, (before, now) in enumerate(zip(old_files, new_files, strict=True)):
        label = f"{kind} {names.get(number) or now[0]}"
        if before[0] != now[0]:
            yield f"{label}: file {before[0]} -> {now[0]}"
        if before[1] != now[1]:
            yield f"{label}: content changed" if kind == "input" else f"{label}: demands changed"


def _of_params(old: Any, new: Any) -> Iterator[str]:
    before, now = _params(old), _params(new)
    for name in (*before, *(name for name in now if name not in before)):
        if name not in now:
            yield f"param {name}: removed"
        elif name not in before:
            yield f"param {name}: new"
        else:
            yield from difference(f"param {name}", before[name], now[name])
    if before == now:
        yield "order of the params changed"


def _params(params: Any) -> dict[str, Any]:
    """Params by name; by number where they have none."""
    found = {}
    for number, (_, (name, value)) in enumerate(params[1] if params else ()):
        found[str(number if plain(name) is None else plain(name))] = value
    return found


def _of_names(kind: str, old: Any, new: Any) -> Iterator[str]:
    """What differs between named values that code reads, such as wildcards."""
    before, now = ({plain(name): value for _, (name, value) in each[1]} for each in (old, new))
    for name in (*before, *(name for name in now if name not in before)):
        if name in before and name in now:
            yield from difference(f"{kind} {name}", before[name], now[name])
        else:
            yield f"{kind} {name} is read {'now' if name in now else 'no more'}"


def _of_globals(old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    """What differs between globals, each of which is a text."""
    for name, state in _states(old, new):
        if state != "changed":
            yield f"global {name} {state}"
            continue
        before, now = json.loads(old[name]), json.loads(new[name])
        if is_behind(before) and is_behind(now):
            yield from difference_behind(f"global {name.partition('[')[0]}", before, now)
        else:
            yield from difference(f"global {name}", before, now)


def _states(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of what is new, gone or changed."""
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield name, "new" if name not in old else "gone" if name not in new else "changed"
