"""The commands of ``seqstore`` that compute tracks: compute, operations."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.cli import for_people, main, prints_lines, to_query
from snakemake_storage_plugin_seqstore.errors import InputError, QueryError
from snakemake_storage_plugin_seqstore.query import COLLECTIONS, SCHEME, Query
from snakemake_storage_plugin_seqstore.store import Store

__all__ = ["main"]

_PARAM = re.compile(r"\A([A-Za-z_]\w*)=(.*)\Z", re.DOTALL)


@main.command()
@click.argument("operation")
@click.argument("words", nargs=-1, metavar="INPUT... [PARAM=VALUE]...")
@click.option("--name", callback=lambda c, p, value: to_query(c, p, value) if value else None)
@prints_lines
@click.pass_obj
def compute(
    store: Store,
    operation: str,
    words: tuple[str, ...],
    name: Query | None,
    line: Callable[..., None],
) -> None:
    """Make a track by OPERATION, or find it if anybody made it before; print its id and query.

    Each INPUT is a query of what is in the store (tracks/x.bw, genomes/hg38.fa), the id of a track
    or genome, or a file. `seqstore operations` lists what there is. The result is called --name,
    whose suffix says the format.
    """
    from snakemake_storage_plugin_seqstore.object_stores import TrackStore

    with for_people(store):
        params = {key: value for word in words for key, value in _PARAM.findall(word)}
        inputs = [_input(store, word) for word in words if not _PARAM.fullmatch(word)]
        tracks = TrackStore(root=store.root)
        format = _format(name) if name else ""
        made = tracks.compute(operation, inputs, format=format, **params)
        query = tracks.assign(made, str(name)) if name else ""
        line(*[made, query][: 1 + bool(name)], id=made, query=query or None)


def _input(store: Store, word: str) -> str | Path:
    """Return what `TrackStore.compute` takes for an input."""
    if "://" in word or word.partition("/")[0] in COLLECTIONS:
        return _stored(store, Query.parse(word if "://" in word else SCHEME + word))
    try:
        return str(uuid.UUID(word))
    except ValueError:
        pass
    if not Path(word).is_file():
        raise InputError(
            f"there is no file {word}",
            "inputs are queries such as tracks/x.bw, ids, or files; params are PARAM=VALUE",
        )
    return Path(word)


def _stored(store: Store, query: Query) -> str | Path:
    from snakemake_storage_plugin_seqstore.object_stores import GenomeStore, TrackStore

    if query.is_derived or not query.is_concrete:
        raise QueryError(f"{query} is no entry of the store", "`seqstore get` makes a file of it")
    entry = transfer.existing(store, query)
    if query.collection == "tracks":
        return TrackStore(root=store.root).find(str(query)) or ""
    if query.collection == "genomes":
        return GenomeStore(root=store.root).find(str(query)) or ""
    return store.objects.path(entry.version.digest)


def _format(name: Query) -> str:
    from snakemake_storage_plugin_seqstore.tracks.formats import format_of

    if name.collection != "tracks" or name.view:
        raise QueryError(f"{name} cannot be the name of a track", "such as tracks/s1/log.bw")
    return format_of(name.name) + ".gz" * name.name.lower().endswith(".gz")


@main.command()
@click.argument("operation", required=False)
@prints_lines
def operations(operation: str | None, line: Callable[..., None]) -> None:
    """List the operations on tracks; of one OPERATION its inputs and params."""
    from snakemake_storage_plugin_seqstore.tracks.operations import REGISTRY, find

    with for_people():
        if operation is None:
            for each in REGISTRY.values():
                line(each.id, each.description, **each.schema())
            return
        schema = find(operation).schema()
    for one in schema["inputs"]:
        kinds = ", ".join(one["kinds"]) + ", several" * one["many"]
        line("input", one["name"], kinds, one["description"], what="input", **one)
    for one in schema["parameters"]:
        values = "|".join(one.get("choices", [one["type"]]))
        line("param", one["name"], values, _default(one), one["description"], what="param", **one)


def _default(param: dict[str, Any]) -> str:
    if param["required"]:
        return "required"
    default = param["default"]
    return "" if default is None else f"default {str(default).lower()}"
