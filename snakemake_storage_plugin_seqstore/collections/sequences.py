"""Sequence databases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from snakemake_storage_plugin_seqstore.collections.collection import Collection, Example, Views
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.errors import QueryError
from snakemake_storage_plugin_seqstore.sequences.selection import FORMATS, Selection


def _validate(source: Path, name: str) -> None:
    from snakemake_storage_plugin_seqstore.sequences import SequenceStore

    SequenceStore.validate(source)


def _check_view(name: str, params: Mapping[str, str], format: str) -> None:
    Selection.parse(params)
    if format not in FORMATS:
        raise QueryError(f"unknown format '{format}'", f"allowed: {', '.join(FORMATS)}")


def _write_view(
    payload: Payload, params: Mapping[str, str], format: str, target: Path | BinaryIO
) -> None:
    from snakemake_storage_plugin_seqstore.sequences.views import write_view

    write_view(payload.path, Selection.parse(params), format, target, name=payload.name)


def _summary(payload: Payload) -> Mapping[str, Any]:
    from snakemake_storage_plugin_seqstore.sequences import SequenceStore

    with SequenceStore.open_reader(payload.path) as store:
        return {"sequences": len(store)}


COLLECTION = Collection(
    name="sequences",
    entry="a sequence database",
    suffixes=(".sqlite", ".sqlite3", ".db"),
    validate=_validate,
    views=Views(
        keys=("gids", "length", "name", "header", "sample", "seed"),
        check=_check_view,
        write=_write_view,
        default=FORMATS[0],
    ),
    summary=_summary,
    examples=(
        Example("seqstore://sequences/uniprot.sqlite", "A sequence database."),
        Example(
            "seqstore://sequences/uniprot.sqlite?length=50-500&format=fasta.gz",
            "The sequences of 50 to 500 residues in it, as compressed FASTA.",
        ),
    ),
)
