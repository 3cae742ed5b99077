"""What all bundled wrappers share: the log file, errors for people, and checked params."""

from __future__ import annotations

import difflib
import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.bundled import Offer
from snakemake_storage_plugin_seqstore.errors import InputError, SeqstoreError

FORMAT_OF_SUFFIX = {
    ".fasta": "fasta",
    ".fa": "fasta",
    ".faa": "fasta",
    ".fna": "fasta",
    ".tsv": "tsv",
}


@contextmanager
def job(snakemake: Any, known: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Run the body of a wrapper.

    What the body prints, and its progress, go to the rule's log file where there is one. An error
    that is written for people ends the job with that message alone, there and on the terminal.

    Parameters
    ----------
    snakemake : Snakemake
        The object that Snakemake puts into a wrapper.
    known : collection of str
        The names of the params that the wrapper knows.

    Yields
    ------
    dict
        The rule's params by name.
    """
    with ExitStack() as stack:
        if snakemake.log:
            log = stack.enter_context(open(snakemake.log[0], "w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(log))
            stack.enter_context(redirect_stderr(log))
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
        try:
            yield named_params(snakemake.params, known)
        except SeqstoreError as error:
            message = f"rule {snakemake.rule}: {error}"
            if snakemake.log:
                print(message)
            sys.exit(message)


def operate(snakemake: Any, offer: Offer) -> None:
    """Run the operation that a rule asks for: the body of a wrapper that offers operations.

    Parameters
    ----------
    snakemake : Snakemake
        The object that Snakemake puts into a wrapper.
    offer : Offer
        The operations of the wrapper.
    """
    from snakemake_storage_plugin_seqstore.object_stores.inputs import open_input
    from snakemake_storage_plugin_seqstore.tracks import operations
    from snakemake_storage_plugin_seqstore.tracks.operations.wrapped import asked
    from snakemake_storage_plugin_seqstore.tracks.writing import write

    known = [one.name for each in offer.operations for one in operations.find(each).parameters]
    with job(snakemake, ["operation", *dict.fromkeys(known)]) as params:
        if len(snakemake.output) != 1:
            raise InputError(f"this wrapper has one output, not {len(snakemake.output)}")
        files, target = [*map(str, snakemake.input)], str(snakemake.output[0])
        found = asked(offer, files, dict(snakemake.input._get_names()), params, target)
        operation, told = found.request.operation, found.request.params
        roles = operation.roles(len(found.order))
        paths = [files[place] for place in found.order]
        inputs = [open_input(path, role) for path, role in zip(paths, roles, strict=True)]
        write(operations.run(operation.id, inputs, **told), target)
        shown = ", ".join(f"{name}={value}" for name, value in told.items())
        print(f"{operation.id}({', '.join(paths)}{', ' if shown else ''}{shown}) -> {target}")


def named_params(params: Any, known: Collection[str]) -> dict[str, Any]:
    """Return a rule's params by name, and refuse those that the wrapper does not know.

    Parameters
    ----------
    params : snakemake.io.Params
        The params of the job.
    known : collection of str
        The names that the wrapper knows.

    Returns
    -------
    dict
        The params by name.
    """
    named = dict(params.items())
    allowed = f"params of this wrapper: {', '.join(known) or 'none'}"
    if len(params) > len(named):
        raise InputError("a param has no name", allowed)
    for name in named:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            suggestion = f"did you mean '{close[0]}'? " if close else ""
            raise InputError(f"unknown param '{name}'", suggestion + allowed)
    return named


def as_text(value: Any) -> str:
    """Write a param's value as it would stand in a query: lists with commas."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def format_of(path: Path) -> str:
    """Return the format that a file's suffix asks for.

    Parameters
    ----------
    path : Path
        The file, e.g. ``long.faa.gz``.

    Returns
    -------
    str
        ``fasta``, ``fasta.gz``, ``tsv`` or ``tsv.gz``.
    """
    zipped = ".gz" if path.suffix == ".gz" else ""
    suffix = (path.with_suffix("") if zipped else path).suffix
    if suffix not in FORMAT_OF_SUFFIX:
        raise InputError(
            f"{path}: its suffix does not say which format is wanted",
            f"allowed: {', '.join(FORMAT_OF_SUFFIX)}, each also with .gz",
        )
    return FORMAT_OF_SUFFIX[suffix] + zipped
