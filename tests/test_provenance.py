"""Provenance, its canonical form, and the in-memory stores of the seed."""

import doctest
import importlib
import math
import re
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import (
    Genome,
    GenomeStore,
    IntervalTrack,
    Provenance,
    Region,
    StoredGenome,
    StoredTrack,
    TrackLabel,
    TrackStore,
)
from snakemake_storage_plugin_seqstore.provenance import (
    NotCanonical,
    canonical,
    content_id,
    result_id,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.booleans(), inner)
        | st.frozensets(scalars)
    ),
    max_leaves=12,
)


def same(one, other):
    """Equal in value, type and order: what the canonical text has to tell apart."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, frozenset):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    return one == other


@given(values, values)
def test_texts_are_equal_exactly_if_values_are(one, other):
    assert (canonical(one) == canonical(other)) == same(one, other)
    assert canonical(one) == canonical(one)


DIFFERENT = [
    None, 0, 1, True, False, 0.0, -0.0, 1.0, "1", b"1", 1j, "", b"", [], (), {}, set(), frozenset(),
    [1], (1,), [True], ["1"], [[1]], [1, 2], [2, 1], "a\nb", "a\\nb", "é", "e\u0301",
    {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": {"b": 1}}, {1: "a"}, {True: "a"}, {"1": "a"},
    float("inf"), float("-inf"), float("nan"), Path("a"), "None", "none", ["none"], 10**30, 1e30,
]  # fmt: skip


def test_values_that_python_or_json_confuses_are_different():
    assert len({canonical(value) for value in DIFFERENT}) == len(DIFFERENT)


def test_sets_have_no_order():
    assert canonical({"a", "b", "c"}) == canonical({"c", "b", "a"})
    assert canonical(PurePosixPath("a")) == canonical(Path("a"))


class Text(str):
    pass


LOOP: list = [1]
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (object(), "p is a builtins.object"),
        ({"x": [0, Text("a")]}, "p['x'][1] is a "),
        (len, "p is a builtins.builtin_function_or_method"),
        (LOOP, "p[1] contains itself"),
        ({(1, object()): 1}, "p["),
    ],
)
def test_what_has_no_text_is_named(value, what):
    with pytest.raises(NotCanonical, match=re.escape(what)):
        canonical(value, "p")


def test_the_same_list_twice_is_no_loop():
    twice = [1]
    assert canonical([twice, twice]) == canonical([[1], [1]])


def test_the_key_is_the_seeds():
    made = Provenance("transform.log", ("abc",), (("base", 2),))
    assert made.cache_key() == ("transform.log", ("abc",), (("base", 2),))
    assert hash(made.cache_key())


def test_the_digest_is_for_ever():
    """Stores on disk are keyed by it: if this fails, raise the version of the key."""
    made = Provenance("transform.log", ("abc",), (("base", 2), ("x", {"k": [1.5, None]})))
    assert made.digest() == ("43856a14640315f6f27419ce827d32afb49d2a7c950f30db989ea66e24efdbf4")


def test_ids_are_for_ever():
    assert content_id("file", "0" * 64) == "b3599768-ea20-51a8-a6da-fa8d66fe07ff"
    assert result_id("0" * 64) == "58c88ddb-bb2a-5180-bad1-1feec0ca19c8"


def test_digests_tell_provenances_apart():
    made = [
        Provenance("a", (), ()),
        Provenance("b", (), ()),
        Provenance("a", ("x",), ()),
        Provenance("a", ("x", "y"), ()),
        Provenance("a", ("xy",), ()),
        *(Provenance("a", (), (("k", value),)) for value in DIFFERENT),
        Provenance("a", (), (("k", 1), ("l", 2))),
        Provenance("a", (), (("l", 2), ("k", 1))),
    ]
    assert len({one.digest() for one in made}) == len(made)


TRACK = IntervalTrack(TrackLabel("t"), [])


def test_putting_twice_without_provenance_makes_two():
    store = TrackStore()
    ids = [store.put(TRACK), store.put(TRACK)]
    assert len(set(ids)) == 2
    assert [stored.id for stored in store.list_all()] == ids


def test_the_same_provenance_gives_the_existing_id():
    store = TrackStore()
    handle = object()
    made = Provenance("scale", ("a",), (("by", [1, 2]),))
    first = store.put(TRACK, chroms={"chr1": 9}, provenance=made, temp_file=handle)
    other = IntervalTrack(TrackLabel("other"), [Region("chr1", 0, 1)])
    assert store.put(other, provenance=Provenance("scale", ("a",), (("by", [1, 2]),))) == first
    stored = store.get(first)
    assert isinstance(stored, StoredTrack)
    assert (stored.track, stored.track_type, stored.chroms) == (TRACK, "interval", {"chr1": 9})
    assert (stored.provenance, stored.temp_file) == (made, handle)
    assert stored.created_at.tzinfo


@pytest.mark.parametrize("value", [True, 1.0, "1", [1], (1, 1)])
def test_another_provenance_gives_a_new_id(value):
    store = TrackStore()
    first = store.put(TRACK, provenance=Provenance("scale", (), (("by", 1),)))
    assert store.put(TRACK, provenance=Provenance("scale", (), (("by", value),))) != first


def test_what_cannot_be_compared_is_new():
    store = TrackStore()
    unsure = Provenance("scale", (), (("by", object()),))
    assert store.put(TRACK, provenance=unsure) != store.put(TRACK, provenance=unsure)


def test_deleting_forgets_the_provenance_too():
    store = TrackStore()
    made = Provenance("scale", (), ())
    first = store.put(TRACK, provenance=made)
    assert store.delete(first)
    assert not store.delete(first)
    assert store.get(first) is None
    assert store.list_all() == []
    assert store.put(TRACK, provenance=made) != first


def test_genomes():
    store = GenomeStore()
    genome = Genome("test", {}, {"chr1": "ATCG"}, (), {})
    ids = [store.put(genome), store.put(genome)]
    assert len(set(ids)) == 2
    assert [stored.id for stored in store.list_all()] == ids
    assert store.get(ids[0]).genome is genome
    assert store.get(ids[0]).created_at
    assert StoredGenome("abc", genome).chrom_lengths == {"chr1": 4}
    assert store.delete(ids[0]) and not store.delete(ids[0])
    assert store.get(ids[0]) is None


@pytest.mark.parametrize(
    "module", ["provenance.provenance", "object_stores.tracks", "object_stores.genomes"]
)
def test_the_examples_in_the_documentation(module):
    found = importlib.import_module(f"snakemake_storage_plugin_seqstore.{module}")
    result = doctest.testmod(found)
    assert result.attempted > 0
    assert result.failed == 0
