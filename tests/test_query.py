"""The grammar of queries."""

import os
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from snakemake.io import apply_wildcards

from snakemake_storage_plugin_seqstore import views
from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.errors import QueryError
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store.parsing import LEVELS, RESERVED_SEGMENT, SEGMENT

segments = (
    st.text(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/?{}"),
        min_size=1,
        max_size=60,
    )
    .filter(lambda text: len(text.encode()) <= SEGMENT)
    .filter(lambda text: text not in (".", "..", RESERVED_SEGMENT))
)
names = st.lists(segments, min_size=1, max_size=4).map("/".join)
values = st.text("abcXYZ019-._~:,=%+", min_size=1, max_size=20).filter(
    lambda text: not re.search(r"%(?![0-9A-F]{2})", text)
)
views_text = st.dictionaries(
    st.sampled_from(["gids", "length", "name", "header", "sample", "seed", "format"]),
    values,
    min_size=1,
).map(lambda pairs: "&".join(f"{key}={value}" for key, value in pairs.items()))


@given(collection=st.sampled_from(list(REGISTRY)), name=names)
def test_a_name_is_kept_as_it_is(collection, name):
    name += REGISTRY[collection].suffixes[0] if REGISTRY[collection].suffixes else ""
    query = Query.parse(f"seqstore://{collection}/{name}")
    assert (query.collection, query.name, query.view) == (collection, name, ())
    assert str(query) == f"seqstore://{collection}/{name}"
    assert query.local_suffix() == f"{collection}/{name}"


@given(view=views_text)
def test_a_view_is_kept_as_it_is(view):
    text = f"seqstore://sequences/a/b.sqlite?{view}"
    try:
        query = Query.parse(text)
    except QueryError as error:  # escapes that are not UTF-8
        assert "UTF-8" in str(error)
    else:
        assert str(query) == text


words = st.text("abcXYZ019-._", min_size=1, max_size=12)


@given(
    pattern=st.sampled_from(
        [
            "seqstore://files/{a}/{b}.bam",
            "seqstore://tracks/{a}.{b}.bw?region={a}:{b}",
            "seqstore://sequences/{a}.sqlite?length={b}",
            "seqstore://sequences/{a}.db?name={b}&format={a}",
            "seqstore://sequences/x.db?header=%2A{a,[^&?]+}_{b}*",
            "seqstore://files/{a}?sha256={b}",
            "seqstore://genomes/{a}.fa?region={b}:1-{a}&format=2bit",
            "seqstore://{a}/x",
        ]
    ),
    a=words,
    b=words,
)
def test_the_local_path_commutes_with_wildcards(pattern, a, b):
    wildcards = {"a": a, "b": b}
    before = Query.parse(pattern).local_suffix()
    try:
        after = Query.parse(apply_wildcards(pattern, wildcards)).local_suffix()
    except QueryError:
        assume(False)
    assert apply_wildcards(before, wildcards) == after


@given(st.lists(st.tuples(names, st.none() | views_text), min_size=2, max_size=2, unique=True))
def test_local_paths_are_unique(pairs):
    texts = [
        f"seqstore://sequences/{name}.sqlite" + (f"?{view}" if view else "") for name, view in pairs
    ]
    try:
        paths = {Query.parse(text).local_suffix() for text in texts}
    except QueryError:
        assume(False)
    assert len(paths) == 2


@given(views_text)
def test_local_paths_of_views_mean_nothing_to_a_shell(view):
    try:
        query = Query.parse(f"seqstore://sequences/x.sqlite?{view}&sha256={'0' * 64}")
    except QueryError:
        assume(False)
    assert re.fullmatch(r"[A-Za-z0-9._~:,%+=@^/-]+", query.local_suffix())


pieces = st.sampled_from(
    [
        *("seqstore://", *REGISTRY, "/", "//", "..", ".", "@", "a", "x.sqlite", "x.bw", "x.fa"),
        *("?", "&", "=", "%", "%2F", "%00", "%FF", "*", "{", "}", "{a}", "{a,.*}", "{a,{2}}"),
        *("gids", "length", "name", "header", "sample", "seed", "format", "region", "bins"),
        *("sha256", "0" * 64, "1-5", "5-1", "-", ",", ":", "chr1:1-1000", "chr1:9-2", "fasta.gz"),
        *("9" * 5000, "1e400", "nan", "\0", "\n", "\x1b", "\u2028", "\udc80", "é", "a" * 300),
    ]
)
anything = st.lists(pieces, max_size=12).map("".join) | st.text(max_size=30)


@given(
    st.sampled_from(
        [
            *("", "seqstore://", "seqstore://files/", "seqstore://sequences/x.db?", "{"),
            *("seqstore://tracks/x.bw?region=", "seqstore://genomes/x.fa?region="),
        ]
    ),
    anything,
)
def test_any_text_is_a_query_or_refused(start, rest):
    try:
        query = Query.parse(start + rest)
        views.check(query)
    except QueryError as error:
        assert str(error).isprintable()
        return
    assert str(query) == start + rest
    path = query.local_suffix()
    if query.is_concrete:
        assert os.path.normpath(path) == path and not path.startswith(("/", ".."))


@pytest.mark.parametrize(
    ("view", "suffix"),
    [
        ("length=1-5", ".fasta"),
        ("length=1-5&format=fasta.gz", ".fasta.gz"),
        ("gids=1&format=tsv", ".tsv"),
        (f"sha256={'a' * 64}", ".sqlite"),
        (f"sha256={'a' * 64}&gids=1", ".fasta"),
    ],
)
def test_local_paths_end_in_a_useful_suffix(view, suffix):
    query = Query.parse(f"seqstore://sequences/x.sqlite?{view}")
    assert query.local_suffix().endswith(suffix)


@pytest.mark.parametrize(
    ("view", "suffix"),
    [
        ("region=chr1:1-1000", "/x.fa.fasta"),
        ("region=chr1:1-1000&format=2bit", "/x.fa.2bit"),
        ("format=sizes", "/x.fa.sizes"),
        ("format=fai", "/x.fa.fai"),
    ],
)
def test_local_paths_of_genomes_end_in_a_useful_suffix(view, suffix):
    assert Query.parse(f"seqstore://genomes/x.fa?{view}").local_suffix().endswith(suffix)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("s3://bucket/x", "does not start with seqstore://"),
        ("seqstore://files", "no name"),
        ("seqstore://files/", "empty segment"),
        ("seqstore://files//abs", "empty segment"),
        ("seqstore://files/a//b", "empty segment"),
        ("seqstore://files/a/", "empty segment"),
        ("seqstore://files/" + "a/" * LEVELS + "a", "more than 100 segments"),
        ("seqstore://files/../x", "'..'"),
        ("seqstore://files/a/./x", "'.'"),
        ("seqstore://files/a/@/x", "'@'"),
        ("seqstore://files/a\nb", "control character"),
        ("seqstore://files/a\x7f", "control character"),
        ("seqstore://files/a\0b", "NUL"),
        ("seqstore://files/a\udc80", "UTF-8"),
        ("seqstore://files/" + "a" * 256, "255 bytes"),
        ("seqstore://files/" + "é" * 128, "255 bytes"),
        ("seqstore://reads/x", "allowed: sequences, genomes, tracks, files"),
        ("seqstore://sequences/x.fasta", ".sqlite, .sqlite3, .db"),
        ("seqstore://genomes/x.bam", ".fa, .fasta, .fna, .gb"),
        ("seqstore://genomes/x.fa?gids=1", "allowed for genomes: sha256, format, region"),
        ("seqstore://tracks/x.bam", ".bed, .narrowpeak"),
        ("seqstore://tracks/a/.bw?bins=3", "is a suffix alone, '.bw'"),
        ("seqstore://tracks/x.bw?gids=1", "allowed for tracks: sha256, format, region, bins"),
        ("seqstore://sequences/x.db?", "unknown key ''"),
        ("seqstore://sequences/x.db?size=3", "allowed for sequences: sha256, format"),
        ("seqstore://files/x?length=3", "allowed for files: sha256"),
        ("seqstore://sequences/x.db?length", "no value"),
        ("seqstore://sequences/x.db?length=", "no value"),
        ("seqstore://sequences/x.db?gids=1&gids=2", "twice"),
        ("seqstore://sequences/x.db?{key}=2", "a wildcard stands for a key"),
        ("seqstore://sequences/x.db?name=a|b", "write it as %7C"),
        ("seqstore://sequences/x.db?name=a b", "write it as %20"),
        ("seqstore://sequences/x.db?name=é", "write it as %C3%A9"),
        ("seqstore://sequences/x.db?name=../../x", "write it as %2F"),
        ("seqstore://sequences/x.db?name=100%", "write it as %25"),
        ("seqstore://sequences/x.db?name=%FF", "not UTF-8"),
        ("seqstore://files/x?sha256=abc", "not a SHA-256"),
        ("seqstore://sequences/x.db?name=" + "a" * 255, "255 bytes"),
    ],
)
def test_a_bad_query_is_refused_and_named(text, reason):
    with pytest.raises(QueryError) as caught:
        Query.parse(text)
    escaped = text.replace("\0", "{}").encode("unicode_escape").decode()
    named = text if text.isprintable() else escaped
    assert str(caught.value).startswith(f"query '{named}': ")
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        ("length=9-1", "length"),
        ("length=x", "length"),
        ("gids=5-", "gids"),
        ("sample=many", "sample"),
        ("seed=1", "seed"),
        ("gids=1&format=bam", "allowed: fasta, fasta.gz, tsv, tsv.gz"),
    ],
)
def test_a_bad_value_in_a_view_is_refused_and_named(view, reason):
    text = f"seqstore://sequences/x.sqlite?{view}"
    with pytest.raises(QueryError, match=re.escape(reason)) as caught:
        views.check(Query.parse(text))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        ("format=bam", "allowed: fasta, fasta.gz, 2bit, bed, fai, sizes"),
        ("region=chr1:1-5&format=sizes", "no meaning with format=sizes"),
        ("region=chr1:0-5", "is not a region"),
        ("region=:1-5", "is not a region"),
        ("region=chr1:5-0", "is not a region"),
    ],
)
def test_a_bad_view_of_a_genome_is_refused_and_named(view, reason):
    text = f"seqstore://genomes/x.fa?{view}"
    with pytest.raises(QueryError, match=re.escape(reason)) as caught:
        views.check(Query.parse(text))
    assert text in str(caught.value)


def test_values_are_checked_when_their_wildcards_are_known():
    views.check(Query.parse("seqstore://sequences/x.sqlite?length={range}"))


def test_values_are_decoded():
    query = Query.parse("seqstore://sequences/x.sqlite?name=sp%7C*&header=*OS=Homo+sapiens*")
    assert query.params == {"name": "sp|*", "header": "*OS=Homo sapiens*"}


def test_longest_segment_is_allowed():
    assert Query.parse("seqstore://files/" + "a" * 255).name == "a" * 255
