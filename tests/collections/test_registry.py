"""The registry: all that differs between collections."""

import io
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from snakemake_storage_plugin_seqstore import StorageProvider, transfer, views
from snakemake_storage_plugin_seqstore.collections import REGISTRY, Collection
from snakemake_storage_plugin_seqstore.collections.collection import Example, Views
from snakemake_storage_plugin_seqstore.collections.payload import Payload, stored
from snakemake_storage_plugin_seqstore.errors import InputError, QueryError
from snakemake_storage_plugin_seqstore.genomes.views import FORMATS
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Store


@pytest.fixture
def poems(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more collection: what a module of it would say, and nothing else."""

    def validate(source: Path, name: str) -> None:
        if not source.read_text().strip():
            raise InputError(f"{source}: the poem is empty")

    def check(name: str, params: Mapping[str, str], format: str) -> None:
        if not params.get("lines", "1").isdigit():
            raise QueryError("lines is no number")

    def write(payload: Payload, params: Mapping[str, str], format: str, out: Path | BinaryIO):
        lines = payload.path.read_text().splitlines(keepends=True)[: int(params["lines"])]
        content = "".join(lines).encode()
        if isinstance(out, Path):
            out.write_bytes(content)
        else:
            out.write(content)

    collection = Collection(
        name="poems",
        entry="a poem",
        examples=(Example("seqstore://poems/a.txt", "A poem."),),
        suffixes=(".txt",),
        validate=validate,
        views=Views(("lines",), check, write),
        summary=lambda payload: payload.keep(
            "lines of a poem", lambda: {"lines": len(payload.path.read_text().splitlines())}
        ),
    )
    monkeypatch.setitem(REGISTRY, "poems", collection)


def test_one_more_collection_touches_nothing_else(tmp_path: Path, poems: None) -> None:
    store = Store(tmp_path / "store")
    source = tmp_path / "a.txt"
    source.write_text(" \n")
    query = Query.parse("seqstore://poems/a.txt")
    with pytest.raises(InputError, match="the poem is empty"):
        transfer.publish(store, query, source)
    source.write_text("one\ntwo\n")
    entry = transfer.publish(store, query, source)
    view = Query.parse("seqstore://poems/a.txt?lines=1")
    assert view.local_suffix() == "poems.view/lines=1/a.txt"
    named = Query.parse("seqstore://poems/a.txt?lines=1&format=text")
    assert named.local_suffix() == "poems.view/lines=1@format=text/a.txt.text"
    assert transfer.size(store, entry, view) == 4
    transfer.retrieve(store, view, tmp_path / "view")
    assert (tmp_path / "view").read_text() == "one\n"
    with pytest.raises(QueryError, match=r"a poem ends in one of \.txt"):
        Query.parse("seqstore://poems/a.bam")
    with pytest.raises(QueryError, match="allowed for poems: sha256, format, lines"):
        Query.parse("seqstore://poems/a.txt?length=1")
    with pytest.raises(QueryError, match=r"lines=x': lines is no number"):
        views.check(Query.parse("seqstore://poems/a.txt?lines=x"))
    assert "seqstore://poems/a.txt" in [e.query for e in StorageProvider.example_queries()]
    summary = REGISTRY["poems"].summary
    assert summary(stored(store, entry)) == {"lines": 2}
    # It is known from now on, in every process.
    store.objects.path(entry.version.digest).unlink()
    assert summary(stored(Store(store.root), entry)) == {"lines": 2}


def test_examples_are_valid() -> None:
    for collection in REGISTRY.values():
        assert collection.examples
        for example in collection.examples:
            assert StorageProvider.is_valid_query(example.query).valid
            assert Query.parse(example.query).collection == collection.name


def test_each_format_of_a_view_has_a_writer(tmp_path: Path) -> None:
    genome = tmp_path / "x.fa"
    genome.write_text(">a\nACGT\n")
    for format in FORMATS:
        out = io.BytesIO()
        REGISTRY["genomes"].views.write(Payload(genome, "x.fa"), {}, format, out)
        assert out.getvalue()


def test_views_of_sequences_keep_their_checksums() -> None:
    """Whoever has a record with such a view as an input finds it again."""
    query = Query.parse("seqstore://sequences/x.sqlite?length=1-5")
    assert views.checksum(query, "0" * 64) == (
        "0edb197c41dcbf06d436160f47e37eab86587879b33665c33a8ace4d723b9f4d"
    )


def test_nothing_heavy_is_imported_with_the_plugin() -> None:
    code = (
        "import sys, snakemake_storage_plugin_seqstore.plugin\n"
        "print([m for m in ('numpy', 'gb_io', 'needletail', 'sqlite3') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
