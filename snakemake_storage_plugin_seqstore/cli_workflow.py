"""The commands of ``seqstore`` that tell about results of workflows: show, why, undeclared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from snakemake_storage_plugin_seqstore import record_report, transfer
from snakemake_storage_plugin_seqstore.cli import for_people, to_query
from snakemake_storage_plugin_seqstore.cli_compute import main
from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.collections.payload import stored
from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Entry, Record, Store
from snakemake_storage_plugin_seqstore.store.parsing import printable
from snakemake_storage_plugin_seqstore.workflow.claims import Claims

__all__ = ["main"]

_DIRECTORY = Path(".snakemake/seqstore")
_OURS = "seqstore: "
_NOT_USED = (
    "This run does not use seqstore. If yours do, give `seqstore why` the options that you give "
    "to `snakemake`, such as --default-storage-provider seqstore."
)
# What Snakemake says of a dry run follows the first, and begins and ends with the second.
_DAG, _STATS = "Building DAG of jobs...", "Job stats:"


@main.command()
@click.argument("query", callback=to_query)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def show(store: Store, query: Query, as_json: bool) -> None:
    """Tell what QUERY is, and how it was made.

    Of genomes and tracks what is in them; of what a rule made the rule, command, params, inputs,
    reads, software, who and when.
    """
    with for_people(store):
        key = store.names.key(query.collection, query.name)
        records = store.find_records(key) if key else []
        entry = store.find(query.collection, query.name, query.pin)
        found = _summary(store, entry)
        if records:
            found |= record_report.document(_of(records, entry))
        if not found and entry is None:
            raise transfer.missing(store, query)
        if not found:
            raise SeqstoreError(
                f"no record says how {query} was made", "it was published, not made by a rule"
            )
        if as_json:
            click.echo(json.dumps(found, indent=2))
            return
        pairs = list(record_report.lines(found))
        width = max(len(name) for name, _ in pairs)
        for name, text in pairs:
            click.echo(f"{name:{width}}  {printable(text)}")


def _summary(store: Store, entry: Entry | None) -> dict[str, Any]:
    """What is in an entry, if its collection knows."""
    summary = REGISTRY[entry.collection].summary if entry else None
    if entry is None or summary is None or entry.version.kind != "file":
        return {}
    known = summary(stored(store, entry))
    shown = {name: value for name, value in known.items() if value is not None}
    return {"summary": shown} if shown else {}


def _of(records: list[Record], entry: Entry | None) -> Record:
    """The record that made what a query means now, else the newest."""
    made = (r for r in records if entry and entry.version in (*r.outputs, *r.traces))
    return next(made, records[0])


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("targets", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def why(context: click.Context, targets: tuple[str, ...]) -> None:
    """Say in a workflow's directory what would run for TARGETS, and what is new about it.

    The store is the workflow's own, unless --root names one. More options are handed to Snakemake.
    """
    command = [sys.executable, "-m", "snakemake", "--quiet", "host", "--dry-run", *targets]
    if _is_root_named(context):
        with for_people(context.obj):
            command += ["--storage-seqstore-root", str(context.obj.root)]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = process.stdout.rpartition(_DAG)[2].strip()
    if process.returncode:
        raise click.ClickException(said.removeprefix("Error: "))
    ours = [line.removeprefix(_OURS) for line in said.splitlines() if line.startswith(_OURS)]
    if not ours:  # else it says which store is used
        click.echo(_NOT_USED)
    for line in ours:
        click.echo(line)
    _, stats, jobs = said.rpartition(_STATS)
    click.echo(stats + jobs if stats else "Nothing would run.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def undeclared(context: click.Context, as_json: bool) -> None:
    """List what each rule was seen to read without declaring it, ready to paste.

    In a workflow's directory of its results, in the workflow's own store unless --root names one;
    elsewhere of all in the store.
    """
    claims = Claims(_DIRECTORY, is_alone=True)
    claims.load()
    is_named = _is_root_named(context) or not claims.stores
    stores = [context.obj] if is_named else [*map(Store, claims.stores)]
    keys = claims.keys() if _DIRECTORY.is_dir() else None
    with ExitStack() as stack:
        for store in stores:
            stack.enter_context(for_people(store))
        found = record_report.undeclared(_records(stores, keys))
        if as_json:
            click.echo(json.dumps(found, indent=2))
            return
        for rule, reads in sorted(found.items()):
            click.echo(f"rule {rule}:\n    input:")
            for path, jobs in sorted(reads.items()):
                click.echo(f'        "{printable(path)}",  # {jobs} job{"s" * (jobs > 1)}')


def _is_root_named(context: click.Context) -> bool:
    """Whether the user named a store; a workflow has its own."""
    source = context.find_root().get_parameter_source("root")
    return source is click.core.ParameterSource.COMMANDLINE


def _records(stores: list[Store], keys: Iterable[str] | None) -> Iterator[Record]:
    """The newest record of each key, or of all that a store has."""
    for store in stores:
        for key in store.records if keys is None else keys:
            yield from store.find_records(key)[:1]
