"""Genomic tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from snakemake_storage_plugin_seqstore.collections.collection import Collection, Example, Views
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.errors import QueryError
from snakemake_storage_plugin_seqstore.tracks import formats


def _validate(source: Path, name: str) -> None:
    from snakemake_storage_plugin_seqstore.tracks.validation.files import validate

    validate(source, formats.format_of(name), thorough=False)


def _view_format(name: str, format: str) -> str:
    own = formats.format_of(name)
    if not format and own not in formats.OF_VIEWS:
        raise QueryError(
            f"a view of {own} must name its format", f"add format= {'|'.join(formats.OF_VIEWS)}"
        )
    return format or own


def _check_view(name: str, params: Mapping[str, str], format: str) -> None:
    from snakemake_storage_plugin_seqstore.tracks import views

    views.check(params, _view_format(name, format))


def _write_view(
    payload: Payload, params: Mapping[str, str], format: str, target: Path | BinaryIO
) -> None:
    from snakemake_storage_plugin_seqstore.tracks import views

    kind = _view_format(payload.name, format)
    views.write_view(payload.path, params, kind, target, name=payload.name)


def _summary(payload: Payload) -> Mapping[str, Any]:
    from snakemake_storage_plugin_seqstore.tracks.validation.files import validate

    def find() -> Mapping[str, Any]:
        return asdict(validate(payload.path, formats.format_of(payload.name)))

    known: Mapping[str, Any] = payload.keep("summary of a track, 2", find)
    return known


COLLECTION = Collection(
    name="tracks",
    entry="a genomic track",
    suffixes=formats.all_suffixes(),
    validate=_validate,
    views=Views(formats.VIEW_KEYS, _check_view, _write_view, version=2),
    summary=_summary,
    examples=(
        Example("seqstore://tracks/{sample}/coverage.bw", "A genomic track of each sample."),
        Example(
            "seqstore://tracks/{sample}/coverage.bw?region=chr1:1-1000&format=bedgraph",
            "A part of it, as bedGraph.",
        ),
    ),
)
