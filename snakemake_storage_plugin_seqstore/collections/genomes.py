"""Genomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from snakemake_storage_plugin_seqstore.collections.collection import Collection, Example, Views
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.genomes import formats, views

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.genomes import Genome


def _validate(source: Path, name: str) -> None:
    from snakemake_storage_plugin_seqstore.genomes.validation import check

    check(source, name)


def open_payload(payload: Payload) -> Genome:
    """Open the genome of an entry; what opening it takes is found out once."""
    from snakemake_storage_plugin_seqstore.genomes import opening

    name = formats.stem(payload.name.rpartition("/")[2])
    return opening.open_as(name, payload.path, payload.keep)


def _check_view(name: str, params: Mapping[str, str], format: str) -> None:
    views.check(params, format)


def _write_view(
    payload: Payload, params: Mapping[str, str], format: str, target: Path | BinaryIO
) -> None:
    with open_payload(payload) as genome:
        views.write_view(genome, params, format, target)


def _summary(payload: Payload) -> Mapping[str, Any]:
    from snakemake_storage_plugin_seqstore.genomes import Summary

    if formats.promised(payload.name) is None:
        return {}  # an index of one

    def find() -> Mapping[str, Any]:
        with open_payload(payload) as genome:
            return Summary.of(genome).rows()

    known: Mapping[str, Any] = payload.keep("summary of a genome, 1", find)
    return known


COLLECTION = Collection(
    name="genomes",
    entry="a genome",
    suffixes=formats.all_suffixes(),
    validate=_validate,
    views=Views(views.KEYS, _check_view, _write_view, default=views.FORMATS[0]),
    summary=_summary,
    examples=(
        Example("seqstore://genomes/hg38.fa", "A genome: FASTA, GenBank or 2bit."),
        Example("seqstore://genomes/hg38.fa?format=sizes", "The lengths of its chromosomes."),
        Example("seqstore://genomes/hg38.fa?region=chr1:1-1000", "A part of it, as FASTA."),
    ),
)
