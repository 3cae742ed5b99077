"""Genomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.collections.collection import Collection, Example, Views
from snakemake_storage_plugin_seqstore.genomes import formats, views


def _validate(source: Path, name: str) -> None:
    from snakemake_storage_plugin_seqstore.genomes.validation import check

    check(source, name)


def _summary(payload: Path) -> Mapping[str, Any]:
    from snakemake_storage_plugin_seqstore.genomes import Summary, opening

    with opening.open(payload) as genome:
        return Summary.of(genome).rows()


COLLECTION = Collection(
    name="genomes",
    entry="a genome",
    suffixes=formats.all_suffixes(),
    validate=_validate,
    views=Views(views.KEYS, views.FORMATS, views.check, views.write_view),
    summary=_summary,
    examples=(
        Example("seqstore://genomes/hg38.fa", "A genome: FASTA, GenBank or 2bit."),
        Example("seqstore://genomes/hg38.fa?format=sizes", "The lengths of its chromosomes."),
        Example("seqstore://genomes/hg38.fa?region=chr1:1-1000", "A part of it, as FASTA."),
    ),
)
