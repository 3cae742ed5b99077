"""The command line: ``seqstore ...``."""

from __future__ import annotations

import grp
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from snakemake_storage_plugin_seqstore import transfer, views
from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.query import COLLECTIONS, SCHEME, Query
from snakemake_storage_plugin_seqstore.store import (
    DEFAULT_ROOT,
    ROOT_VARIABLE,
    Store,
    maintenance,
    marker,
)
from snakemake_storage_plugin_seqstore.store import projects as known_projects
from snakemake_storage_plugin_seqstore.store.parsing import printable

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _age(context: click.Context, param: click.Parameter, value: str) -> float:
    """Read an age; return it in s."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]+)", value)
    if not match or match[2] not in _UNITS:
        raise click.BadParameter(f"'{value}' is no age: write e.g. 30d ({', '.join(_UNITS)})")
    return float(match[1]) * _UNITS[match[2]]


def to_query(context: click.Context, param: click.Parameter, value: str) -> Query:
    """Read a query, which may be written without its scheme."""
    try:
        query = Query.parse(value if "://" in value else SCHEME + value)
        views.check(query)
    except SeqstoreError as error:
        raise click.BadParameter(str(error)) from None
    if not query.is_concrete:
        raise click.BadParameter(f"'{value}' has wildcards")
    return query


def _queries(
    context: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Query, ...]:
    return tuple(to_query(context, param, value) for value in values)


@click.group()
@click.version_option(package_name="snakemake-storage-plugin-seqstore")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=DEFAULT_ROOT,
    envvar=ROOT_VARIABLE,
    show_envvar=True,
    show_default=True,
    help="Directory of the store.",
)
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Look into a seqstore, bring files in and out, and keep it clean.

    Queries may be written without seqstore://, e.g. sequences/uniprot.sqlite.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    context.obj = Store(root.expanduser())


def prints_lines(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --json, and in its place a function that prints a line.

    That takes the fields of the line by name, and before them the columns for people if they are
    others. A text of a store means nothing to the terminal.
    """

    @wraps(command)
    def wrapper(*args: Any, as_json: bool, **kwargs: Any) -> None:
        def line(*columns: object, **fields: object) -> None:
            text = "\t".join(map(printable, columns or fields.values()))
            click.echo(json.dumps(fields, default=str) if as_json else text)

        command(*args, line=line, **kwargs)

    help = "Print one JSON object a line."
    return click.option("--json", "as_json", is_flag=True, help=help)(wrapper)


@main.command()
@click.option("--shared", is_flag=True, help="Let the group of the directory write, too.")
@click.pass_obj
def init(store: Store, shared: bool) -> None:
    """Make the root a store (the first run of a workflow does that, too), and share it."""
    with for_people():
        marker.create(store.root, shared)
        click.echo(f"{store.root} is a store")
        if shared:
            group = _group(store.root)
            click.echo(
                f"everybody in the group {group} may add to it (if that is the wrong group: "
                f"`chgrp GROUP {store.root}`, then `seqstore init --shared` again)"
            )


def _group(root: Path) -> str:
    number = root.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


@main.command()
@click.argument("prefix", default="")
@click.option("-l", "--long", is_flag=True, help="With time, size, SHA-256 and projects.")
@prints_lines
@click.pass_obj
def ls(store: Store, prefix: str, long: bool, line: Callable[..., None]) -> None:
    """List what there is, or what starts with PREFIX."""
    collection, slash, start = prefix.removeprefix(SCHEME).partition("/")
    found = False
    with for_people(store):
        for candidate in COLLECTIONS:
            if candidate != collection if slash else not candidate.startswith(collection):
                continue
            for name in store.under(candidate, start):
                found = True
                query = f"{SCHEME}{candidate}/{name}"
                entry = store.find(candidate, name) if long else None
                if entry:
                    version = entry.version
                    time, size = _time(entry.time), version.size
                    projects = ",".join(store.projects(candidate, name)) or "-"
                    line(
                        time=time,
                        size=size,
                        sha256=version.digest,
                        projects=projects,
                        query=query,
                    )
                else:
                    line(query=query)
        if prefix and not found:
            raise SeqstoreError(f"nothing in the store {store.root} starts with '{prefix}'")


@main.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.argument("query", callback=to_query)
@click.option(
    "--genome",
    metavar="GENOME",
    help="Of a track: a file or a query of a genome that has its chromosomes.",
)
@prints_lines
@click.pass_obj
def put(
    store: Store, source: Path, query: Query, genome: str | None, line: Callable[..., None]
) -> None:
    """Publish the file or directory SOURCE as QUERY."""
    with for_people(store):
        if genome:
            _check_on_genome(store, source, query, genome)
        entry = transfer.publish(store, query, source)
        digest = entry.version.digest
        line(query, f"sha256={digest}", query=query, sha256=digest)


def _check_on_genome(store: Store, source: Path, query: Query, genome: str) -> None:
    """Refuse a track that is not within a genome."""
    from snakemake_storage_plugin_seqstore import genomes
    from snakemake_storage_plugin_seqstore.collections.genomes import open_payload
    from snakemake_storage_plugin_seqstore.collections.payload import stored
    from snakemake_storage_plugin_seqstore.tracks.formats import format_of
    from snakemake_storage_plugin_seqstore.tracks.validation import validate

    if query.collection != "tracks":
        raise SeqstoreError(f"{query} is no track", "--genome says where tracks must be within")
    if "://" in genome or genome.partition("/")[0] == "genomes":
        named = Query.parse(genome if "://" in genome else SCHEME + genome)
        opened = open_payload(stored(store, transfer.existing(store, named)))
    else:
        opened = genomes.open(genome)
    with opened as found:
        validate(source, format_of(query.name), found.chrom_lengths)


@main.command()
@click.argument("query", callback=to_query)
@click.argument("target", type=click.Path(path_type=Path))
@click.pass_obj
def get(store: Store, query: Query, target: Path) -> None:
    """Copy QUERY, an entry or a view of one, to TARGET, which must not exist."""
    with for_people(store):
        if os.path.lexists(target):
            raise SeqstoreError(f"{target} exists", "remove it or choose another name")
        if not target.parent.is_dir():
            raise SeqstoreError(f"there is no directory {target.parent}", "make it first")
        transfer.retrieve(store, query, target, verify=True)


@main.command()
@click.argument("query", callback=to_query)
@prints_lines
@click.pass_obj
def history(store: Store, query: Query, line: Callable[..., None]) -> None:
    """List the versions of QUERY, newest first; pin one as QUERY?sha256=..."""
    with for_people(store):
        stamps = store.history(query.collection, query.name)
        if not stamps:
            raise transfer.missing(store, query)
        for stamp in stamps:
            time = _time(stamp.time)
            line(time, stamp.digest or "removed", time=time, sha256=stamp.digest)


@main.command()
@click.argument("queries", callback=_queries, nargs=-1, required=True)
@click.pass_obj
def rm(store: Store, queries: tuple[Query, ...]) -> None:
    """Remove the names QUERIES, or none if one does not exist; `gc` clears their bytes later."""
    with for_people(store):
        for query in queries:
            if query.view or not store.names.current(query.collection, query.name):
                raise SeqstoreError(f"{query} is not an entry of {store.root}", "none is removed")
        for query in queries:
            store.remove(query.collection, query.name)


@main.command()
@prints_lines
@click.pass_obj
def projects(store: Store, line: Callable[..., None]) -> None:
    """List the projects that made or use files: since when nothing was new, how many, the name."""
    with for_people(store):
        for name, project in known_projects.projects(store).items():
            line(time=_time(project.time), files=project.files, project=name)


@main.command()
@click.argument("projects", nargs=-1, required=True)
@click.pass_obj
def forget(store: Store, projects: tuple[str, ...]) -> None:
    """Give up what PROJECTS made or use, as their directories are gone; `gc` clears the bytes.

    None is forgotten if one is not known. Published files and what other projects use stays.
    """
    with for_people(store):
        known = known_projects.projects(store)
        if unknown := [name for name in projects if name not in known]:
            raise SeqstoreError(
                f"the store {store.root} knows no project '{unknown[0]}'",
                "none is forgotten; `seqstore projects` lists them",
            )
        for name in projects:
            known_projects.forget(store, name)


@main.command()
@prints_lines
@click.pass_obj
def du(store: Store, line: Callable[..., None]) -> None:
    """Say how many bytes there are, by collection and stored in all (each payload once)."""

    def say(sizes: list[int], unit: str, what: str) -> None:
        total, count = sum(sizes), len(sizes)
        line(total, f"{count} {unit}", what, bytes=total, count=count, what=what)

    with for_people(store):
        for collection in COLLECTIONS:
            entries = [store.find(collection, name) for name in store.under(collection)]
            sizes = [entry.version.size for entry in entries if entry]
            say(sizes, "entries", collection)
        say([status.st_size for _, status in store.objects], "payloads", "stored")
        litter = [(path.parent, status.st_size) for path, status in maintenance.litter(store)]
        for folder, what in (
            (store.objects.staging, "unfinished"),
            (store.objects.damaged, "damaged"),
        ):
            sizes = [size for parent, size in litter if parent == folder]
            say(sizes, "files", what)


@main.command()
@prints_lines
@click.pass_obj
def verify(store: Store, line: Callable[..., None]) -> None:
    """Read every payload, and set aside those whose bytes changed; fail if there were any."""
    found = 0
    with for_people(store):
        for digest in maintenance.damaged(store):
            found += 1
            try:
                outcome = f"set aside in {store.objects.set_aside(digest)}"
            except OSError as error:
                outcome = f"cannot be set aside: {error}"
            line(f"damaged: {digest}, {outcome}", sha256=digest, outcome=outcome)
    if found:
        sys.exit(1)


@main.command()
@prints_lines
@click.pass_obj
def nondeterministic(store: Store, line: Callable[..., None]) -> None:
    """List results that differed each time: when, the rule, the output, its SHA-256."""
    with for_people(store):
        for records in store.records.nondeterministic():
            for number, name in enumerate(records[0].names):
                outputs = [record.outputs[number : number + 1] for record in records]
                if len(set(outputs)) > 1:
                    for record, output in zip(records, outputs, strict=True):
                        digest = output[0].digest if output else None
                        time = _time(record.time)
                        line(time=time, rule=record.rule, output=name, sha256=digest)


@main.command(short_help="Remove what nobody has used for some time, and unfinished files.")
@click.option("--older-than", callback=_age, default="30d", show_default=True, metavar="AGE")
@click.option("-n", "--dry-run", is_flag=True, help="Only list what would be removed.")
@prints_lines
@click.pass_obj
def gc(store: Store, older_than: float, dry_run: bool, line: Callable[..., None]) -> None:
    """Remove what no name has meant and no project used for AGE (e.g. 12h, 30d), and litter."""
    with for_people(store):
        removed = maintenance.collect_garbage(store, older_than, dry_run)
        if dry_run:
            for digest in removed.payloads:
                line(what="payload", path=store.objects.path(digest).relative_to(store.root))
            for path in removed.versions:
                line(what="old version", path=path.relative_to(store.root))
            for path in removed.litter:
                line(what="unfinished", path=path.relative_to(store.root))
        verb = "would remove" if dry_run else "removed"
        payloads, versions = len(removed.payloads), len(removed.versions)
        line(
            f"{verb} {payloads} payloads, {versions} old versions and {len(removed.litter)} "
            f"unfinished files: {removed.bytes} bytes",
            payloads=payloads,
            versions=versions,
            unfinished=len(removed.litter),
            bytes=removed.bytes,
        )


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 10**9, UTC).isoformat(timespec="seconds")


@contextmanager
def for_people(store: Store | None = None) -> Iterator[None]:
    """Print errors as messages; a store that is given must be there."""
    try:
        if store and not marker.is_store(store.root):
            state = "is no store" if os.path.lexists(store.root) else "does not exist"
            raise SeqstoreError(
                f"the root {store.root} {state}",
                f"name another one with --root or {ROOT_VARIABLE}, or `seqstore init` this one",
            )
        yield
    except BrokenPipeError:
        raise  # whoever read it has seen enough: click ends the program
    except (SeqstoreError, OSError) as error:
        told = str(error)
        if isinstance(error, OSError) and isinstance(error.filename, str | Path):
            told = f"{error.filename}: {error.strerror}"
        raise click.ClickException(printable(told)) from error
