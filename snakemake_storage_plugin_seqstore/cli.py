"""The command line: ``seqstore ...``."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

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

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _age(context: click.Context, param: click.Parameter, value: str) -> float:
    """Read an age; return it in s."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]+)", value)
    if not match or match[2] not in _UNITS:
        raise click.BadParameter(f"'{value}' is no age: write e.g. 30d ({', '.join(_UNITS)})")
    return float(match[1]) * _UNITS[match[2]]


def _query(context: click.Context, param: click.Parameter, value: str) -> Query:
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
    return tuple(_query(context, param, value) for value in values)


@click.group()
@click.version_option(package_name="snakemake-storage-plugin-seqstore")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
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


@main.command()
@click.option("--shared", is_flag=True, help="Let the group of the directory write, too.")
@click.pass_obj
def init(store: Store, shared: bool) -> None:
    """Make the root a store (the first publication does that, too), and share it."""
    with _for_people():
        marker.create(store.root, shared)
    click.echo(f"{store.root} is a store")


@main.command()
@click.argument("prefix", default="")
@click.option("-l", "--long", is_flag=True, help="With time, size and SHA-256.")
@click.pass_obj
def ls(store: Store, prefix: str, long: bool) -> None:
    """List what there is, or what starts with PREFIX."""
    collection, slash, start = prefix.removeprefix(SCHEME).partition("/")
    with _for_people():
        for candidate in COLLECTIONS:
            if candidate != collection if slash else not candidate.startswith(collection):
                continue
            for name in store.under(candidate, start):
                query = f"{SCHEME}{candidate}/{name}"
                entry = store.find(candidate, name) if long else None
                if entry:
                    version = entry.version
                    query = f"{_time(entry.time)}\t{version.size}\t{version.digest}\t{query}"
                click.echo(query)


@main.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.argument("query", callback=_query)
@click.pass_obj
def put(store: Store, source: Path, query: Query) -> None:
    """Publish the file or directory SOURCE as QUERY."""
    with _for_people():
        entry = transfer.publish(store, query, source)
    click.echo(f"{query}\tsha256={entry.version.digest}")


@main.command()
@click.argument("query", callback=_query)
@click.argument("target", type=click.Path(path_type=Path))
@click.pass_obj
def get(store: Store, query: Query, target: Path) -> None:
    """Copy QUERY, an entry or a view of one, to TARGET, which must not exist."""
    with _for_people():
        if target.exists():
            raise SeqstoreError(f"{target} exists", "remove it or choose another name")
        transfer.retrieve(store, query, target, verify=True)


@main.command()
@click.argument("query", callback=_query)
@click.pass_obj
def history(store: Store, query: Query) -> None:
    """List the versions of QUERY, newest first; pin one as QUERY?sha256=..."""
    with _for_people():
        for stamp in store.history(query.collection, query.name):
            click.echo(f"{_time(stamp.time)}\t{stamp.digest or 'removed'}")


@main.command()
@click.argument("queries", callback=_queries, nargs=-1, required=True)
@click.pass_obj
def rm(store: Store, queries: tuple[Query, ...]) -> None:
    """Remove the names QUERIES; `gc` clears their bytes later."""
    with _for_people():
        for query in queries:
            if query.view or not store.remove(query.collection, query.name):
                raise SeqstoreError(f"{query} is not an entry of {store.root}")


@main.command()
@click.pass_obj
def du(store: Store) -> None:
    """Say how many bytes there are, by collection and stored in all (each payload once)."""
    with _for_people():
        for collection in COLLECTIONS:
            entries = [store.find(collection, name) for name in store.under(collection)]
            sizes = [entry.version.size for entry in entries if entry]
            click.echo(f"{sum(sizes)}\t{len(sizes)} entries\t{collection}")
        stored = [status.st_size for _, status in store.objects]
        click.echo(f"{sum(stored)}\t{len(stored)} payloads\tstored")


@main.command()
@click.pass_obj
def verify(store: Store) -> None:
    """Read every payload, and set aside those whose bytes changed; fail if there were any."""
    found = 0
    with _for_people():
        for digest in maintenance.damaged(store):
            found += 1
            try:
                click.echo(f"damaged: {digest}, set aside in {store.objects.set_aside(digest)}")
            except OSError as error:
                click.echo(f"damaged: {digest}, which cannot be set aside: {error}")
    if found:
        sys.exit(1)


@main.command()
@click.pass_obj
def nondeterministic(store: Store) -> None:
    """List results that differed each time: when, the rule, the output, its SHA-256."""
    with _for_people():
        for records in store.records.nondeterministic():
            for number, name in enumerate(records[0].names):
                if len({record.outputs[number] for record in records}) > 1:
                    for record in records:
                        digest = record.outputs[number].digest
                        click.echo(f"{_time(record.time)}\t{record.rule}\t{name}\t{digest}")


@main.command(short_help="Remove what no name has meant for some time, and unfinished files.")
@click.option("--older-than", callback=_age, default="30d", show_default=True, metavar="AGE")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@click.pass_obj
def gc(store: Store, older_than: float, dry_run: bool) -> None:
    """Remove what no name has meant for AGE (e.g. 12h, 30d), and what killed processes left."""
    with _for_people():
        removed = maintenance.collect_garbage(store, older_than, dry_run)
    click.echo(
        f"{'would remove' if dry_run else 'removed'} {len(removed.payloads)} payloads, "
        f"{len(removed.versions)} old versions and {len(removed.litter)} unfinished files: "
        f"{removed.bytes} bytes"
    )


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 10**9, UTC).isoformat(timespec="seconds")


@contextmanager
def _for_people() -> Iterator[None]:
    try:
        yield
    except (SeqstoreError, OSError) as error:
        raise click.ClickException(str(error)) from error
