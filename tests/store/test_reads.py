"""The reads in a record."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.store import Reads
from snakemake_storage_plugin_seqstore.store.parsing import MalformedError

names = st.text(max_size=20)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
places = st.dictionaries(names, digests, max_size=3)
texts = st.lists(names, max_size=3).map(tuple)
statuses = st.one_of(
    digests, st.just(""), st.tuples(st.integers(0, 2**62), st.integers(-(2**62), 2**62))
)
reads = st.builds(
    Reads,
    files=places,
    asked=st.dictionaries(names, statuses, max_size=3),
    absent=texts,
    listed=places,
    wrote=st.dictionaries(names, texts, max_size=2),
    searched=places,
    modules=texts,
    products=places,
    made=places,
    programs=st.dictionaries(names, st.one_of(digests, names.map(lambda x: f"/|{x}")), max_size=2),
    software=st.dictionaries(names, st.dictionaries(names, names, max_size=2), max_size=2),
    system=places,
    search_path=names,
    notes=texts,
    rejected=texts,
)
D = "0" * 64


@given(reads)
def test_round_trip(value: Reads) -> None:
    text = json.dumps(value.to_json())
    again = Reads.from_json(json.loads(text))
    assert again.to_json() == value.to_json()
    assert again.digest == value.digest
    assert again.software_digest == value.software_digest


def test_names_that_are_no_text() -> None:
    value = Reads(files={"workdir:\udcff": D})
    assert Reads.from_json(json.loads(json.dumps(value.to_json()))) == value
    assert value.digest != Reads(files={"workdir:x": D}).digest


@pytest.mark.parametrize(
    "value",
    [
        [], None, "x", {"other": {}}, {"files": {"a": "0"}}, {"files": {"a": D.upper() + "A"}},
        {"files": [D]}, {"absent": "a"}, {"absent": [1]}, {"asked": {"a": [1]}},
        {"asked": {"a": [1, True]}}, {"asked": {"a": [1, 2.0]}}, {"asked": {"a": None}},
        {"software": {"/": {"a": 1}}}, {"search_path": 1}, {"programs": {"a": "x"}},
        {"wrote": {"a": "b"}},
    ],
)  # fmt: skip
def test_what_is_no_record(value: object) -> None:
    with pytest.raises(MalformedError):
        Reads.from_json(value)


def test_what_is_for_people_does_not_count() -> None:
    assert Reads(notes=("x",)).digest == Reads().digest
    assert Reads(absent=("x",)).digest != Reads().digest
    assert Reads(absent=("x",)).software_digest == Reads().software_digest
