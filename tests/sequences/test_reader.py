import io
import multiprocessing
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import (
    SequenceStore,
    compact_reader,
    schema,
    sqlite_reader,
)

from .conftest import RECORDS, many, row, write


def test_single_records(store: SequenceStore) -> None:
    header, seq = RECORDS[2]
    assert store.get_seq(2) == seq
    assert store.get_seq(gid=3) == RECORDS[3][1]
    assert store.get_header_len(2) == (header, len(seq))
    assert store.get_seq(10**6) is None
    assert store.get_seq(10**30) is None
    assert store.get_header_len(10**6) == (None, None)


def test_part_of_a_sequence(store: SequenceStore) -> None:
    seq = RECORDS[2][1]
    assert store.get_subseq(2, 5, 33) == seq[5:33]
    assert store.get_subseq(2, 0, len(seq)) == seq
    assert store.get_subseq(10**6, 0, 1) is None
    for start, end in ((-1, 3), (5, 4), (0, len(seq) + 1)):
        with pytest.raises(InputError, match="not within gid 2"):
            store.get_subseq(2, start, end)


def test_batches_keep_order_duplicates_and_gaps(store: SequenceStore) -> None:
    gids = [3, 10**6, 0, 3, -5, 10**30]
    hashes = {gid: store.hash8(RECORDS[gid][1]) for gid in (0, 3)}
    assert (
        store.get_many_seqs(gids)
        == [RECORDS[3][1], None, RECORDS[0][1], RECORDS[3][1]] + [None] * 2
    )
    assert store.get_many_meta(iter(gids)) == [
        (gid, RECORDS[gid][0], len(RECORDS[gid][1]), hashes[gid])
        if gid in hashes
        else (gid, None, None, None)
        for gid in gids
    ]
    assert [meta[:3] for meta in store.get_many_meta(gids)] == store.get_many_header_len(gids)
    assert store.get_many_seqs([]) == store.get_many_meta([]) == []


def test_batches_larger_than_a_statement(tmp_path: Path) -> None:
    records = many(2500)
    with SequenceStore.open_reader(write(tmp_path / "db", records)) as store:
        gids = [*range(2499, -1, -1), *range(2500)]
        assert store.get_many_seqs(gids) == [records[gid][1] for gid in gids]
        assert [meta[1] for meta in store.get_many_meta(gids)] == [records[gid][0] for gid in gids]


def test_pages_hold_no_more_residues_than_fit_into_memory(
    store: SequenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = list(store)
    monkeypatch.setattr(sqlite_reader, "_PAGE_RESIDUES", 280)
    monkeypatch.setattr(compact_reader, "_RESIDUES_AT_ONCE", 280)
    gids = [record.gid for record in expected]
    random.Random(1).shuffle(gids)
    with SequenceStore.open_reader(store.path) as other:
        for asked in (None, gids):
            pages = list(other._reading().pages(asked))
            sizes = [list(map(len, page.seqs)) for page in pages]
            assert all(len(page) == 1 or sum(page) <= 280 for page in sizes)
            assert len(sizes) < sum(map(len, sizes))  # most are together with others
        assert [300] in sizes  # more than the limit
        assert list(other) == expected
        assert other.get_many_seqs(gids) == [expected[gid].seq for gid in gids]


def test_huge_and_tiny_sequences(tmp_path: Path) -> None:
    seqs = [letter * length for letter in "AC" for length in (1, 59, 60, 61, 120, 3_000_000, 2)]
    seqs += [seqs[5], "M" * 121] * 8 + ["W"]
    source = tmp_path / "in.fasta"
    with open(source, "w") as out:
        for i, seq in enumerate(seqs):
            out.write(f">n{i}\n")
            out.writelines(f"{seq[start : start + 60]}\n" for start in range(0, len(seq), 60))
    for encoding in ("portable", "compact"):
        SequenceStore.build(tmp_path / encoding, [source], encoding=encoding)
        with SequenceStore.open_reader(tmp_path / encoding) as store:
            assert store.write_fasta(tmp_path / "out.fasta") == len(seqs)
            assert (tmp_path / "out.fasta").read_bytes() == source.read_bytes()
            assert store.get_many_seqs(range(len(seqs))) == seqs


@pytest.mark.parametrize(
    "gids", [range(24), range(23, -1, -1), [7] * 30, [3, 9_999, -1, 2**70] * 9]
)
def test_an_empty_database_has_nothing(tmp_path: Path, gids) -> None:
    with SequenceStore.open_reader(write(tmp_path / "db", [])) as store:
        assert list(store) == []
        assert store.get_many_seqs(gids) == [None] * len(gids)
        assert store.get_many_meta(gids) == [(gid, None, None, None) for gid in gids]
        out = io.BytesIO()
        assert store.write_fasta(out) == 0
        assert out.getvalue() == b""
        with pytest.raises(InputError, match="has no gid"):
            store.write_fasta(out, gids)


def test_databases_whose_texts_are_utf16_are_read_too(tmp_path: Path) -> None:
    path = write(tmp_path / "db", RECORDS + many(20))
    with SequenceStore.open_reader(path) as store:
        expected = list(store)
    with sqlite3.connect(path) as source, sqlite3.connect(tmp_path / "wide") as wide:
        wide.execute("PRAGMA encoding='UTF-16'")
        for statement in (
            schema.TABLE,
            schema.INDEX_LEN,
            schema.INDEX_HASH8,
            schema.INDEX_HEADER,
        ):
            wide.execute(statement)
        places = ",".join("?" * len(schema.COLUMNS))
        wide.executemany(
            f"INSERT INTO sequences VALUES ({places})", source.execute("SELECT * FROM sequences")
        )
    source.close()
    wide.close()
    with SequenceStore.open_reader(tmp_path / "wide") as store:
        assert list(store) == expected
        assert store.get_many_seqs(range(24)) == [record.seq for record in expected]
        assert [meta[1] for meta in store.get_many_meta(range(24))] == [r.header for r in expected]


def test_rows_without_hash_and_with_any_character_are_read(tmp_path: Path) -> None:
    seqs = ["MK", "MKé蛋", "", "MKV" * 99]
    with SequenceStore.open_writer(tmp_path / "db") as writer:
        for gid, seq in enumerate(seqs):
            number, length, _, *rest = row(gid, None, seq)
            writer.insert_rows([(number, length, None, *rest), row(gid + 4, None, seq)])
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert store.get_many_seqs(range(8)) == seqs * 2
        assert [store.get_seq(gid) for gid in range(8)] == seqs * 2
        assert [record.header for record in store] == [None] * 8


def test_some_records_without_header_or_hash(tmp_path: Path) -> None:
    records = many(40)
    with SequenceStore.open_writer(tmp_path / "db") as writer:
        rows = [row(gid, header, seq) for gid, (header, seq) in enumerate(records)]
        rows[7] = (*rows[7][:6], None)
        rows[9] = (*rows[9][:2], None, *rows[9][3:])
        writer.insert_rows(rows)
    headers = [None if gid == 7 else header for gid, (header, _) in enumerate(records)]
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert [record.header for record in store] == headers
        assert store.get_many_seqs(range(40)) == [seq for _, seq in records]
        metas = store.get_many_meta(range(40))
        assert [meta[1] for meta in metas] == headers
        assert [meta[3] is None for meta in metas] == [gid == 9 for gid in range(40)]
        out = io.BytesIO()
        store.write_fasta(out, range(5, 40))
        assert re.findall(rb">(.*)", out.getvalue()) == [
            b"7" if header is None else header.encode() for header in headers[5:]
        ]


def test_length_and_iteration(store: SequenceStore) -> None:
    records = list(store)
    assert len(store) == len(records)
    assert [(r.header, r.seq) for r in records[:4]] == RECORDS
    assert [r.gid for r in records] == list(range(len(store)))


def test_iteration_crosses_gaps_and_the_ends_of_gid(tmp_path: Path) -> None:
    gids = [-(2**63), -1, 7, *range(10, 2110), 2**63 - 1]
    with SequenceStore.open_writer(tmp_path / "db") as writer:
        writer.insert_rows([row(gid, f"n{gid}", "MK") for gid in reversed(gids)])
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert [record.gid for record in store] == gids


def test_length_ranges(tmp_path: Path) -> None:
    records = [(f"n{i}", "M" * i) for i in range(6)]
    with SequenceStore.open_reader(write(tmp_path / "db", records)) as store:
        assert store.get_gids_by_length_range(2, 4) == [2, 3, 4]
        assert store.get_gids_by_length_range(None, 1) == [0, 1]
        assert store.get_gids_by_length_range(4, None) == [4, 5]
        assert store.get_gids_by_length_range(None, None) == list(range(6))
        assert store.get_gids_by_length_range(4, 2) == []
        assert store.get_gids_by_length_range(-(10**30), 10**30) == list(range(6))


def test_finding(store: SequenceStore) -> None:
    assert store.find_name("sp|P1|ALPHA") == [0]
    assert store.find_name("sp|P3|GAMMA") == [2]
    for absent in ("sp|P1", "sp|P1|ALPHA first protein", "first", "", "sp|P1|ALPHA2"):
        assert store.find_name(absent) == []
    assert store.find_header(RECORDS[2][0]) == [2]
    assert store.find_header("sp|P1|ALPHA") == []
    assert store.find_hash(store.hash8(RECORDS[0][1])) == [0, 3]
    assert store.find_hash(1) == []


def test_names_are_found_however_headers_are_stored(tmp_path: Path) -> None:
    headers = ["n", "n x", "n\tx", " n", "\t n y", "n!", "nn", "n\x01", None, ""]
    with SequenceStore.open_writer(tmp_path / "db") as writer:
        for i, header in enumerate(headers):
            writer.insert_rows([row(i, header, "MK", False), row(100 + i, header, "MK", True)])
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert store.find_name("n") == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
        assert store.find_name("n!") == [5, 105]
        assert store.find_header("n\tx") == [2, 102]


def test_write_fasta(store: SequenceStore, tmp_path: Path) -> None:
    expected = b">sp|P2|BETA\n" + b"\n".join([b"M" * 60] * 5) + b"\n>sp|P1|ALPHA first protein\n"
    expected += RECORDS[0][1].encode() + b"\n"
    stream = io.BytesIO()
    assert store.write_fasta(stream, [1, 0]) == 2
    assert stream.getvalue() == expected
    assert store.write_fasta(tmp_path / "all.fasta") == len(store)
    again = SequenceStore.build(tmp_path / "again.sqlite", [tmp_path / "all.fasta"])
    assert again.written == len(store)
    with SequenceStore.open_reader(tmp_path / "again.sqlite") as other:
        assert list(other) == list(store)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_fasta_is_deterministic(
    store: SequenceStore, tmp_path: Path, suffix: str
) -> None:
    first, second = tmp_path / f"a.fasta{suffix}", tmp_path / f"b.fasta{suffix}"
    store.write_fasta(first)
    os.utime(first, (1, 1))
    store.write_fasta(second)
    assert first.read_bytes() == second.read_bytes()
    assert SequenceStore.build(tmp_path / "again", [first]).written == len(store)


def test_fasta_that_fails_leaves_the_file_as_it_was(
    store: SequenceStore, tmp_path: Path, litter
) -> None:
    target = tmp_path / "out.fasta"
    target.write_text("before")
    with pytest.raises(InputError, match="has no gid 1000000"):
        store.write_fasta(target, [0, 10**6])
    assert target.read_text() == "before"
    assert litter(tmp_path) == []


def test_fasta_refuses_headers_with_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path / "db", [("a\nMK", "MK")])
    with (
        SequenceStore.open_reader(path) as store,
        pytest.raises(InputError, match="gid 0 has a line break"),
    ):
        store.write_fasta(io.BytesIO())


def test_a_record_without_header_is_named_by_its_gid(tmp_path: Path) -> None:
    with SequenceStore.open_writer(tmp_path / "db") as writer:
        writer.insert_rows([row(5, None, "MK")])
    with SequenceStore.open_reader(tmp_path / "db") as store:
        out = io.BytesIO()
        store.write_fasta(out)
        assert out.getvalue() == b">5\nMK\n"
        assert store.get_header_len(5) == (None, 2)
        assert next(iter(store)) == (5, None, "MK")


def test_threads_share_a_reader(tmp_path: Path) -> None:
    records = many(300)
    with SequenceStore.open_reader(write(tmp_path / "db", records)) as store:
        start = threading.Barrier(8)

        def read(offset: int) -> None:
            start.wait()
            for step in range(1500):
                gid = (offset * 37 + step) % 300
                assert store.get_seq(gid) == records[gid][1]
                assert store.get_many_meta([gid, gid])[1][1] == records[gid][0]
                if step % 100 == 0:
                    assert store.get_many_seqs(range(300)) == [seq for _, seq in records]

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(read, range(8)))


def test_processes_inherit_a_reader(tmp_path: Path) -> None:
    records = many(200)
    with SequenceStore.open_reader(write(tmp_path / "db", records)) as store:
        store.get_seq(0)
        inherited = {id(cursor) for cursor in store._reading().pool._idle}
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()

        def child() -> None:
            right = [store.get_seq(gid) for gid in range(200)] == [seq for _, seq in records]
            used = {id(cursor) for cursor in store._reading().pool._idle}
            results.put((right, bool(used & inherited)))

        children = [context.Process(target=child) for _ in range(3)]
        for process in children:
            process.start()
        assert [store.get_seq(gid) for gid in range(200)] == [seq for _, seq in records]
        for process in children:
            process.join()
        assert [results.get() for _ in children] == [(True, False)] * 3


def test_what_comes_back_while_a_reader_is_closed_is_closed(tmp_path: Path) -> None:
    with SequenceStore.open_reader(write(tmp_path / "db")) as store:
        pool = store._reading().pool

        class Late(deque[sqlite3.Cursor]):
            def append(self, cursor: sqlite3.Cursor) -> None:
                pool.close()  # as another thread may, just before
                super().append(cursor)

        cursor = pool.take()
        pool._idle = Late()
        pool.give_back(cursor)
        assert not pool._idle
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            cursor.execute("SELECT 1")


def test_a_closed_reader_says_so(store: SequenceStore) -> None:
    store.close()
    with pytest.raises(RuntimeError, match="closed"):
        store.get_seq(0)


def test_the_wrong_mode_says_so(store: SequenceStore, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="needs a writer"):
        store.insert_rows([])
    with pytest.raises(RuntimeError, match="needs a writer"):
        store.close_publish()
    writer = SequenceStore.open_writer(tmp_path / "new")
    with pytest.raises(RuntimeError, match="needs a reader"):
        writer.get_seq(0)
    writer.close()


def test_a_reader_never_mixes_two_versions(tmp_path: Path) -> None:
    path = write(tmp_path / "db", [("a", "MKV")])
    with SequenceStore.open_reader(path) as store:
        write(path, [("a", "WWW")])
        assert store.get_seq(0) == "MKV"
        cursor = store._reading().pool.take()  # as if another thread were reading
        with pytest.raises(StoreError, match="was replaced"):
            store.get_seq(0)
        store._reading().pool.give_back(cursor)
        assert store.get_seq(0) == "MKV"


@pytest.mark.parametrize(
    "name",
    [
        "what?.db",
        "a#b.db",
        "100%.db",
        "%41.db",
        "a b.db",
        "dé ß 蛋白.db",
        "?mode=memory",
        "'\";.db",
    ],
)
def test_any_path_works(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / name
    write(path)
    assert [p.name for p in path.parent.iterdir()] == [name]
    with SequenceStore.open_reader(str(path)) as store:
        assert store.get_seq(0) == RECORDS[0][1]
    assert SequenceStore.validate(os.fsencode(path)) == len(RECORDS)


def test_relative_paths_and_undecodable_names(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("plain.db"))
    write(Path(os.fsdecode(b"latin\xe9.db")))
    assert SequenceStore.validate("plain.db") == SequenceStore.validate(b"latin\xe9.db") == 4


def test_importing_selections_is_light() -> None:
    code = (
        "import sys, snakemake_storage_plugin_seqstore.sequences.selection;"
        "heavy = {'sqlite3', 'zstandard', 'numpy', 'isal', 'tqdm', 'altair'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout.strip() == "[]", process.stderr
