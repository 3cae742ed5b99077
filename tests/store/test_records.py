"""Records of what computations gave."""

from dataclasses import replace

import pytest

from snakemake_storage_plugin_seqstore import Store
from snakemake_storage_plugin_seqstore.store import MadeIn, Record, Version

KEY = "ab" * 32
ONE, TWO = (Version(digit * 64, "file", 3) for digit in "12")


def record(*outputs: Version, seconds: float = 1.0) -> Record:
    return Record(KEY, outputs, (True,) * len(outputs), {"command": ["str", "x"]}, seconds, "rule")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_record_comes_back(store):
    assert next(iter(store.find_records(KEY)), None) is None
    written = store.add_record(record(ONE, TWO))
    found = next(iter(store.find_records(KEY)), None)
    assert found == written and found.outputs == (ONE, TWO) and found.provenance
    assert list(store.records) == [KEY]


def test_the_same_outputs_are_recorded_once(store):
    first = store.add_record(record(ONE))
    assert store.add_record(record(ONE, seconds=2.0)) == first
    assert len(store.records.all(KEY)) == 1


def test_another_log_or_side_file_is_another_record(store):
    first = record(ONE)
    for made in (first, replace(first, traces=(ONE,)), replace(first, undeclared={"x": TWO})):
        store.add_record(made)
        newest = store.find_records(KEY)[0]
        assert (newest.traces, newest.undeclared) == (made.traces, made.undeclared)


def test_other_outputs_count_from_then_on_and_the_earlier_ones_stay_as_evidence(store):
    store.add_record(record(ONE))
    store.add_record(record(TWO))
    assert next(iter(store.find_records(KEY)), None).outputs == (TWO,)
    assert [old.outputs for old in store.records.all(KEY)] == [(TWO,), (ONE,)]
    store.add_record(record(ONE))
    assert [old.outputs for old in store.records.all(KEY)] == [(ONE,), (TWO,)]


def test_what_contains_the_path_of_its_directory_differs_elsewhere(store):
    here, there = MadeIn("/data/run1", "run1-1"), MadeIn("/data/run2", "run2-2")
    store.add_record(replace(record(ONE), made_in=here))
    assert next(iter(store.find_records(KEY)), None).made_in == here
    store.add_record(replace(record(TWO), made_in=there))
    assert [found.made_in for found in store.records.all(KEY)] == [there, here]
    assert not list(store.records.nondeterministic())
    store.add_record(record(ONE))
    store.add_record(record(TWO))
    assert len(list(store.records.nondeterministic())) == 1


@pytest.mark.parametrize("position", range(0, 250, 25))
def test_a_damaged_record_counts_as_missing(store, caplog, position):
    store.add_record(record(ONE))
    (path,) = (store.root / "records").rglob("*.json")
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    assert next(iter(store.find_records(KEY)), None) is None
    assert "counts as missing" in caplog.text
    assert store.add_record(record(ONE)).outputs == (ONE,)
    assert next(iter(store.find_records(KEY)), None).outputs == (ONE,)
