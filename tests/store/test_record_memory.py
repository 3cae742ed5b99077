"""Records that are remembered from run to run."""

import json
import logging
from dataclasses import replace

import pytest

from snakemake_storage_plugin_seqstore import Store
from snakemake_storage_plugin_seqstore.store import (
    MadeIn,
    Reads,
    Record,
    RecordMemory,
    Version,
    json_lines,
    record_memory,
)

KEY, OTHER = "ab" * 32, "cd" * 32
ONE, TWO = (Version(digit * 64, "file", 3) for digit in "12")
READS = Reads(files={"workdir:x": "3" * 64}, absent=("workdir:y",), notes=("for people",))


def record(key=KEY, reads=READS):
    return Record(
        key,
        (ONE, replace(TWO, kind="tree", executable=True)),
        (True, False),
        {"command": ["str", "x"]},
        1.5,
        "rule",
        (None, TWO),
        reads,
        {"index.fai": ONE},
        True,
        {"host": "node"},
        MadeIn("/data", "data-1"),
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def reading(monkeypatch):
    """The files of records that are read."""
    read, done = record_memory.read, []

    def reads(key, stamp):
        done.append(key)
        return read(key, stamp)

    monkeypatch.setattr(record_memory, "read", reads)
    return done


def file_of(store, written):
    return next(store.root.glob(f"records/*/*/*{written.digest}.json"))


def test_a_record_is_read_once(store, tmp_path, reading):
    written = store.add_record(record())
    for times in (1, 1, 1):
        memory = RecordMemory(tmp_path / "memory")
        (found,) = store.find_records(KEY, memory)
        memory.save()
        assert replace(found, provenance={}, about={}, reads=Reads()) == replace(
            written, provenance={}, about={}, reads=Reads()
        )
        assert found.reads.digest == READS.digest
        assert len(reading) == times
    assert (dict(found.provenance), dict(found.about)) == ({"command": ["str", "x"]}, written.about)
    assert len(reading) == 2  # what only people ask is read when they do, once


def test_what_the_writer_remembers_is_not_read(store, tmp_path, reading):
    memory = RecordMemory(tmp_path / "memory")
    memory.note(store.add_record(record()))
    memory.save()
    assert store.find_records(KEY, RecordMemory(tmp_path / "memory")) and not reading


def test_equal_reads_are_one_object(store, tmp_path):
    for key in (KEY, OTHER):
        store.add_record(record(key))
    for _ in range(2):
        memory = RecordMemory(tmp_path / "memory")
        first, second = (store.find_records(key, memory)[0] for key in (KEY, OTHER))
        assert first.reads is second.reads
        memory.save()
    assert sum(len(row) == 2 for row in json_lines.read(tmp_path / "memory")) == 1


def test_what_is_removed_from_a_store_is_gone_and_what_is_new_is_found(store, tmp_path):
    memory = RecordMemory(tmp_path / "memory")
    first = store.add_record(record())
    assert store.find_records(KEY, memory)
    second = store.add_record(record(reads=Reads()))
    assert [each.digest for each in store.find_records(KEY, memory)] == [
        second.digest,
        first.digest,
    ]
    path = file_of(store, first)
    (found,) = [each for each in store.find_records(KEY, memory) if each.digest == first.digest]
    path.unlink()
    assert dict(found.provenance) == {}
    assert [each.digest for each in store.find_records(KEY, memory)] == [second.digest]


def test_a_record_in_the_place_of_another_computation_is_none(store, tmp_path, caplog):
    written = store.add_record(record())
    memory = RecordMemory(tmp_path / "memory")
    assert store.find_records(KEY, memory)
    path = file_of(store, written)
    wrong = store.root / "records" / OTHER[:2] / OTHER[2:] / path.name
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(path.read_bytes())
    with caplog.at_level(logging.WARNING):
        assert store.find_records(OTHER, memory) == []
    assert "a record counts as missing" in caplog.text


def test_a_rejected_result_is_not_remembered(store, tmp_path, reading):
    store.add_record(record(reads=Reads(rejected=("changed in place: x",))))
    for _ in range(2):
        memory = RecordMemory(tmp_path / "memory")
        assert store.find_records(KEY, memory)[0].reads.rejected
        memory.save()
    assert len(reading) == 2


@pytest.mark.parametrize(
    "edited",
    [b"", b"\n7\n", b'["x"]\n', b"null", b'{"a": 1}', b'["only", "reads"', b"[[]]\n[[], []]"],
)
def test_a_file_that_somebody_edited_says_nothing(store, tmp_path, edited):
    written = store.add_record(record())
    (tmp_path / "memory").write_bytes(edited)
    memory = RecordMemory(tmp_path / "memory")
    assert [each.digest for each in store.find_records(KEY, memory)] == [written.digest]
    memory.save()
    assert store.find_records(KEY, RecordMemory(tmp_path / "memory"))


@pytest.mark.parametrize("kept", ["reads", "record"])
def test_half_of_what_was_written(store, tmp_path, reading, kept):
    memory = RecordMemory(tmp_path / "memory")
    memory.note(store.add_record(record()))
    memory.save()
    rows = json_lines.read(tmp_path / "memory")
    rows = [row for row in rows if (len(row) == 2) == (kept == "reads")]
    (tmp_path / "memory").write_text("\n".join(map(json.dumps, rows)))
    assert store.find_records(KEY, RecordMemory(tmp_path / "memory"))[0].reads == READS
    assert reading == [KEY]


def test_a_large_file_keeps_what_is_used(store, tmp_path, monkeypatch, reading):
    monkeypatch.setattr(record_memory, "_MOST", 3000)
    for key in (KEY, OTHER):
        for number in range(8):
            store.add_record(record(key, Reads(absent=(f"workdir:{number}",))))
    memory = RecordMemory(tmp_path / "memory")
    store.find_records(OTHER, memory)
    memory.save()
    memory = RecordMemory(tmp_path / "memory")
    store.find_records(KEY, memory)
    memory.save()
    reading.clear()
    memory = RecordMemory(tmp_path / "memory")
    assert len(store.find_records(KEY, memory)) == 8 and not reading
    assert len(store.find_records(OTHER, memory)) == 8 and len(reading) == 8


def test_where_it_cannot_be_written(store, tmp_path):
    store.add_record(record())
    (tmp_path / "file").touch()
    memory = RecordMemory(tmp_path / "file" / "memory")
    assert store.find_records(KEY, memory)
    memory.save()
    assert not (tmp_path / "file").read_bytes()


def test_what_a_store_has_lost_is_remembered_by_its_run(store, tmp_path):
    memory = RecordMemory(tmp_path / "memory")
    written = memory.note(store.add_record(record()))
    memory.save()
    memory = RecordMemory(tmp_path / "memory")
    found = memory.recall(KEY, READS.digest)
    assert found and (found.outputs, found.undeclared) == (written.outputs, written.undeclared)
    assert (found.reads.digest, dict(found.provenance)) == (READS.digest, {})
    assert memory.recall(OTHER, READS.digest) is memory.recall(KEY, "") is None
