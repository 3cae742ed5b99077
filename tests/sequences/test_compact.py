"""The compact file: nothing of it may be damaged and go unnoticed."""

import io
import multiprocessing
import os
import random
import struct
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.errors import (
    DamageError,
    InputError,
    SeqstoreError,
    StoreError,
)
from snakemake_storage_plugin_seqstore.sequences import (
    SequenceStore,
    compact_format,
    compact_reader,
    compact_writer,
    sorter,
)

from .conftest import RECORDS, fasta_text, many


def _build(tmp_path: Path, records: list[tuple[str, str]], encoding: str = "compact") -> Path:
    source, path = tmp_path / "in.fasta", tmp_path / encoding
    source.write_bytes(fasta_text(records))
    SequenceStore.build(path, [source], encoding=encoding)
    return path


def _file(tmp_path: Path, content: io.BytesIO) -> Path:
    path = tmp_path / "written.fasta"
    path.write_bytes(content.getvalue())
    return path


def _all(path: Path) -> list[object]:
    """Ask everything that can be asked."""
    with SequenceStore.open_reader(path) as store:
        gids = range(-1, len(store) + 1)
        metas = store.get_many_meta(gids)
        out = io.BytesIO()
        store.write_fasta(out)
        return [
            list(store),
            out.getvalue(),
            [store.get_seq(gid) for gid in gids],
            store.get_many_seqs(gids),
            [store.get_header_len(gid) for gid in gids],
            metas,
            store.get_gids_by_length_range(None, None),
            store.get_gids_by_length_range(20, 60),
            [store.find_name(header.split()[0]) for _, header, _, _ in metas[1:-1]],
            [store.find_header(header) for _, header, _, _ in metas[1:-1]],
            [store.find_hash(hash8) for _, _, _, hash8 in metas[1:-1]],
        ]


def test_both_encodings_answer_the_same(tmp_path: Path) -> None:
    # More than one block, page and chunk of each table; equal sequences; one over many blocks.
    records = [*RECORDS, *many(700), ("long", "ACDEFGHIKLMNPQRSTVWY" * 1000), ("short", "M")]
    records += [(f"copy{i} {'x' * i}", records[i][1]) for i in range(0, 500, 3)]
    portable = _build(tmp_path, records, "portable")
    assert _all(_build(tmp_path, records)) == _all(portable)


def test_copies_of_what_was_read_long_ago(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(compact_reader, "_RECORDS_AT_ONCE", 50)
    monkeypatch.setattr(compact_reader, "_BATCH_RECORDS", 30)
    monkeypatch.setattr(compact_reader, "_NEAR", 2)
    monkeypatch.setattr(compact_reader, "_BLOCKS_IN_MEMORY", 8)  # which is replaced all the time
    records = [*many(700), ("long", "ACDEFGHIKLMNPQRSTVWY" * 1000)]
    for i in range(900):
        seq = records[i * 37 % 701][1] if i % 4 else "ACDEFGHIKL" * 10 + "W" * i
        records.append((f"later{i}", seq))
    right = [(gid, *record) for gid, record in enumerate(records)]
    gids = random.Random(3).sample(range(len(records)), 900)
    path = _build(tmp_path, records)
    dumped = io.BytesIO()
    with SequenceStore.open_reader(path) as store:
        store.write_fasta(dumped)

        def read(_: int) -> None:
            assert list(store) == right
            assert list(store.records(gids)) == [right[gid] for gid in gids]
            assert store.get_many_seqs(gids) == [records[gid][1] for gid in gids]
            out = io.BytesIO()
            store.write_fasta(out)
            assert out.getvalue() == dumped.getvalue()

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(read, range(6)))
    assert SequenceStore.build(tmp_path / "again", [_file(tmp_path, dumped)]).written == len(
        records
    )
    with SequenceStore.open_reader(tmp_path / "again") as store:
        assert list(store) == right
    with SequenceStore.open_reader(path) as store:
        blocks = store._reading()._blocks
        offsets = random.Random(4).sample(range(blocks[0], blocks[len(blocks) - 1]), 40)
    whole = path.read_bytes()
    for offset in offsets:
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << offset % 8
        path.write_bytes(damaged)
        with SequenceStore.open_reader(path) as store:
            for read_all in (
                lambda: store.write_fasta(io.BytesIO()),
                lambda: store.get_many_seqs(range(1601)),
            ):
                with pytest.raises(DamageError, match="residues cannot be decoded"):
                    read_all()


LETTERS = "ACDEFGHIKLMNPQRSTVWYacgtnNXBZ*-."


@settings(max_examples=25)
@given(
    seqs=st.lists(st.text(LETTERS, min_size=1, max_size=3000), min_size=1, max_size=140),
    copies=st.integers(0, 20),
    names=st.lists(st.text("Aé蛋|_", max_size=5), max_size=140),
)
def test_conversion_both_ways_loses_nothing(
    tmp_path_factory, seqs: list[str], copies: int, names: list[str]
) -> None:
    directory = tmp_path_factory.mktemp("both")
    seqs += seqs[:copies]
    names += [""] * (len(seqs) - len(names))
    records = [
        (f"n{i}{name} \t{name}", s) for i, (name, s) in enumerate(zip(names, seqs, strict=False))
    ]
    answers = []
    source = directory / "0.fasta"
    source.write_bytes(fasta_text(records))
    for step, encoding in enumerate(("portable", "compact", "portable", "compact"), 1):
        path = directory / str(step)
        SequenceStore.build(path, [source], encoding=encoding)
        answers.append(_all(path))
        source = directory / f"{step}.fasta"
        with SequenceStore.open_reader(path) as store:
            assert store.write_fasta(source) == len(records)
    assert [(record.header, record.seq) for record in answers[0][0]] == records
    assert answers[1:] == answers[:1] * 3
    assert len({(directory / f"{step}.fasta").read_bytes() for step in range(1, 5)}) == 1


def test_no_flipped_bit_gives_another_answer(tmp_path: Path) -> None:
    path = _build(tmp_path, RECORDS + many(70))
    right = _all(path)
    whole = path.read_bytes()
    places = {*range(60), *random.Random(1).sample(range(len(whole)), 500)}
    unnoticed = 0
    for place in sorted({*places, *range(len(whole) - 60, len(whole))}):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert _all(path) == right, place
            unnoticed += 1
            continue
        except DamageError as error:
            assert str(path) in str(error)
        except StoreError:
            assert place < compact_format.HEAD.size  # another program's file, or another version
        with pytest.raises(SeqstoreError):
            SequenceStore.validate(path, deep=True)
    assert unnoticed < 5  # zstd has a bit without meaning in each frame


def test_no_truncated_file_is_opened(tmp_path: Path) -> None:
    path = _build(tmp_path, RECORDS + many(70))
    whole = path.read_bytes()
    for size in random.Random(1).sample(range(1, len(whole)), 200):
        path.write_bytes(whole[:size])
        with pytest.raises(SeqstoreError, match=r"damaged|truncated|not a sequence database"):
            SequenceStore.open_reader(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(DamageError, match="something was written to its end"):
        SequenceStore.open_reader(path)


def test_a_file_that_shrinks_while_it_is_open_is_damaged(tmp_path: Path) -> None:
    path = _build(tmp_path, RECORDS + many(70))
    with SequenceStore.open_reader(path) as store:
        with open(path, "r+b") as file:
            file.truncate(100)
        with pytest.raises(DamageError, match="ends before byte"):
            store.get_seq(70)


def test_other_versions_are_refused(tmp_path: Path) -> None:
    path = _build(tmp_path, RECORDS)
    with open(path, "r+b") as file:
        file.write(compact_format.HEAD.pack(compact_format.MAGIC, 9))
    with pytest.raises(StoreError, match="compact format 9, this program knows 1"):
        SequenceStore.open_reader(path)


def test_compact_is_small(tmp_path: Path) -> None:
    records = many(4000)
    records += [(f"copy{i}", seq) for i, (_, seq) in enumerate(records)]
    portable = _build(tmp_path, records, "portable").stat().st_size
    assert _build(tmp_path, records).stat().st_size < 0.5 * portable


def test_a_replaced_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = _build(tmp_path, [("a", "MKV")])
    with SequenceStore.open_reader(path) as store:
        _build(tmp_path, [("a", "WWW")])
        assert store.get_seq(0) == "MKV"


def test_what_a_file_cannot_hold_is_said(tmp_path: Path, monkeypatch, litter) -> None:
    monkeypatch.setattr(compact_format, "MAX_RECORDS", 3)
    with pytest.raises(InputError, match="at most 3 records"):
        _build(tmp_path, RECORDS)
    assert litter(tmp_path) == []
    assert not (tmp_path / "compact").exists()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch, litter) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = _build(tmp_path, RECORDS).read_bytes()
    monkeypatch.setattr(compact_writer, "publish", full)
    with pytest.raises(StoreError, match=r"cannot write .*compact: No space left"):
        _build(tmp_path, RECORDS + many(70))
    assert (tmp_path / "compact").read_bytes() == before
    assert litter(tmp_path) == []


@given(st.lists(st.lists(st.integers(0, compact_format.MAX_KEY), max_size=40), max_size=12))
def test_more_pairs_than_fit_into_memory_are_sorted(tmp_path_factory, batches) -> None:
    before = sorter._RUN, sorter._STEP
    sorter._RUN, sorter._STEP = 30, 4
    pairs = sorter.Sorter(tmp_path_factory.mktemp("sort"))
    try:
        for batch in batches:
            pairs.add(batch)
        found = [pair for piece in pairs.sorted() for pair in piece]
    finally:
        sorter._RUN, sorter._STEP = before
        pairs.close()
    keys = [key for batch in batches for key in batch]
    assert found == sorted(key << 32 | number for number, key in enumerate(keys))


@given(st.lists(st.integers(0, 40), max_size=3000), st.integers(0, 41), st.integers(0, 41))
def test_tables_find_keys(keys: list[int], low: int, high: int) -> None:
    pairs = sorted(key << 32 | gid for gid, key in enumerate(keys))
    data = b""
    size = compact_format.CHUNK_NUMBERS
    for start in range(0, len(pairs), size):
        chunk = compact_format.little_endian(array("Q", pairs[start : start + size]))
        data += compact_format.CRC.pack(compact_format.zlib.crc32(chunk)) + chunk.tobytes()
    table = compact_format.Table(lambda at, size: data[at : at + size], DamageError, 0, len(pairs))
    assert list(table) == pairs
    assert table.gids(low, high) == [
        pair & 0xFFFFFFFF for pair in pairs if low <= pair >> 32 <= high
    ]
    assert sorted(set(table.shared_keys())) == sorted({k for k in keys if keys.count(k) > 1})


def test_numbers_in_a_file_are_little_endian() -> None:
    assert compact_format.little_endian(struct.pack("<2Q", 1, 1 << 62)).tolist() == [1, 1 << 62]


def test_threads_and_forked_processes_share_a_reader(tmp_path: Path, monkeypatch) -> None:
    # All of them replace it all the time.
    monkeypatch.setattr(compact_reader, "_BLOCKS_IN_MEMORY", 8)
    records = many(600) + [(f"copy{i}", seq) for i, (_, seq) in enumerate(many(300))]
    with SequenceStore.open_reader(_build(tmp_path, records)) as store:

        def right(seed: int) -> bool:
            for gids in (random.Random(seed + i).sample(range(900), 90) for i in range(30)):
                seqs = [records[gid][1] for gid in gids]
                metas = [(gid, records[gid][0], len(records[gid][1])) for gid in gids]
                assert store.get_many_seqs(gids) == seqs
                assert [store.get_seq(gid) for gid in gids] == seqs
                assert store.get_many_header_len(gids) == metas
            return True

        with ThreadPoolExecutor(6) as threads:
            assert all(threads.map(right, range(6)))
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        children = [context.Process(target=lambda: results.put(right(9))) for _ in range(3)]
        for child in children:
            child.start()
        assert right(10)
        for child in children:
            child.join()
        assert [results.get() for _ in children] == [True] * 3


def test_nothing_keeps_a_closed_reader_open(tmp_path: Path) -> None:
    path = _build(tmp_path, RECORDS)

    def opened() -> int:
        links = (os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir())
        return sum(link == str(path.resolve()) for link in links)

    store = SequenceStore.open_reader(path)
    store.get_seq(0)
    assert opened() == 1
    store.close()
    assert opened() == 0
