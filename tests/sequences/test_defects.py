"""The defects of the class that this one replaces, one test each: none may come back."""

import contextlib
import errno
import gc
import io
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import textwrap
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import SequenceStore, codec, compact_writer, schema

from .conftest import RECORDS, fasta_text, many, row, write


def test_get_many_meta_takes_duplicates_and_missing_gids_in_order(store: SequenceStore) -> None:
    assert [meta[0] for meta in store.get_many_meta([2, 2, 999_999, 0])] == [2, 2, 999_999, 0]
    assert store.get_many_meta([999_999]) == [(999_999, None, None, None)]


def test_get_many_meta_does_not_scan_the_table(tmp_path: Path) -> None:
    statements: list[str] = []
    with SequenceStore.open_reader(write(tmp_path / "db")) as store:
        rows = store._reading()
        cursor = rows.pool.take()
        cursor.connection.set_trace_callback(statements.append)
        rows.pool.give_back(cursor)
        store.get_many_meta([1])
        plan = cursor.execute("EXPLAIN QUERY PLAN " + statements[-1]).fetchall()
    assert all("SCAN sequences" not in step[-1] for step in plan), plan


def test_two_threads_on_one_reader_never_swap_rows(tmp_path: Path) -> None:
    records = many(50)
    with SequenceStore.open_reader(write(tmp_path / "db", records)) as store:

        def read(seed: int) -> bool:
            gids = random.Random(seed).choices(range(50), k=2000)
            return all(
                store.get_header_len(gid) == (records[gid][0], len(records[gid][1]))
                and store.get_seq(gid) == records[gid][1]
                for gid in gids
            )

        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(read, range(4)))


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a?mode=ro"])
def test_paths_that_look_like_uris_open_the_right_file(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a", [("other", "WWW")])
    write(tmp_path / name, RECORDS)
    with SequenceStore.open_reader(tmp_path / name) as store:
        assert len(store) == len(RECORDS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", name]


def test_a_closed_writer_leaves_nothing(tmp_path: Path) -> None:
    writer = SequenceStore.open_writer(tmp_path / "db")
    writer.insert_rows([row(0, "a", "MK")])
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_forgotten_writer_leaves_nothing(tmp_path: Path) -> None:
    SequenceStore.open_writer(tmp_path / "db").insert_rows([row(0, "a", "MK")])
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def _run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
    )


_KILLED = """
    import os, signal, sys
    from snakemake_storage_plugin_seqstore.sequences import SequenceStore as S
    w = S.open_writer(sys.argv[1])
    w.insert_rows([(0, 1, S.hash8("M"), S.encode_seq("M"), 0, 0, None)])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_writer_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    target = tmp_path / "db"
    assert _run(_KILLED, target).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".db.building.")
    write(target)
    assert list(tmp_path.iterdir()) == [target]


def test_litter_of_other_hosts_goes_by_age_and_of_other_targets_never(tmp_path: Path) -> None:
    old = tmp_path / ".db.building.elsewhere.1.0123abcd"
    young = tmp_path / ".db.building.elsewhere.2.0123abcd"
    other = tmp_path / ".db2.building.elsewhere.1.0123abcd"
    for path in (old, young, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (1, 1))
    with SequenceStore.open_writer(tmp_path / "db") as writer:
        SequenceStore.open_writer(tmp_path / "db").close()  # does not disturb one that is at work
        writer.insert_rows([row(0, "a", "MK")])
    assert sorted(tmp_path.iterdir()) == sorted([young, other, tmp_path / "db"])


def _header_bytes(path: Path, offset: int, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def test_missing_empty_foreign_and_truncated_files_fail_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "db"

    def refuses(error: type[Exception], reason: str) -> None:
        with pytest.raises(error, match=reason) as caught:
            SequenceStore.open_reader(path)
        assert str(path) in str(caught.value)

    refuses(StoreError, "no such sequence database")
    path.touch()
    refuses(StoreError, "empty")
    path.write_bytes(fasta_text())
    refuses(StoreError, "not a SQLite file")
    path.write_bytes(b"SQLite format 3\x00")
    refuses(DamageError, "truncated")
    path.unlink()
    path.mkdir()
    refuses(StoreError, "not a file")
    path.rmdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE genes (id)")
    connection.close()
    refuses(StoreError, "no table.*genes")
    path.unlink()
    whole = write(path, many(200)).read_bytes()
    for size in (len(whole) - 4096, len(whole) - 1, 5000, 99, 50):
        path.write_bytes(whole[:size])
        refuses(DamageError, "truncated")
    path.write_bytes(whole)
    (tmp_path / "db-journal").write_bytes(b"hot")
    refuses(StoreError, "unfinished: db-journal")
    (tmp_path / "db-journal").unlink()
    _header_bytes(path, 18, b"\x02\x02")
    refuses(StoreError, "WAL")
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    refuses(DamageError, "damaged")


def test_no_flipped_bit_gives_another_sequence(tmp_path: Path) -> None:
    seq = "MKVLAAGIVGLLLAQPSQAMKRWWEDD" * 5
    source = tmp_path / "in.fasta"
    source.write_bytes(f">a\n{seq}\n".encode())
    path = tmp_path / "db"
    SequenceStore.build(path, [source])
    with sqlite3.connect(path) as connection:
        ((blob,),) = connection.execute("SELECT seq FROM sequences").fetchall()
    caught = 0
    for bit in range(8 * len(blob)):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        with connection:
            connection.execute("UPDATE sequences SET seq=?", (bytes(flipped),))
        with SequenceStore.open_reader(path) as store:
            try:
                assert store.get_seq(0) == seq  # a bit may have no meaning
            except DamageError as error:
                assert str(path) in str(error) and "gid 0" in str(error)
                caught += 1
    connection.close()
    assert caught > 0.9 * 8 * len(blob)


def _dump(store: SequenceStore) -> bytes:
    out = io.BytesIO()
    store.write_fasta(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("len", 18, "has 19 residues, not 18|claims"),
        ("len", 10**15, "residues, not"),
        ("hash8", 5, "hash"),
        ("seq", b"\x00MKVLAAGIVGLLLAQPSQV", "hash"),
        ("seq", b"\x09MKVLAAGIVGLLLAQPSQA", "flag"),
        ("seq", "text", "decoded"),
        ("seq", b"", "0 residues"),
        ("seq", b"\x00\xff", "decoded"),
        ("header", b"\x00\xff", "UTF-8"),
        ("header", b"\x01", "header cannot be decoded"),
    ],
)
def test_damaged_rows_are_errors_everywhere(
    tmp_path: Path, column: str, value: object, reason: str
) -> None:
    path = write(tmp_path / "db", RECORDS + many(20))
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE sequences SET {column}=? WHERE gid=0", (value,))
    connection.close()
    with SequenceStore.open_reader(path) as store:
        assert store.get_seq(1) == RECORDS[1][1]
        reads = [lambda: list(store)]
        if column == "header":
            reads += [lambda: store.get_header_len(0), lambda: store.get_many_meta(range(20))]
        else:
            reads += [lambda: store.get_seq(0), lambda: store.get_many_seqs([1, 0])]
            reads += [lambda: store.get_many_seqs(range(20)), lambda: _dump(store)]
        for read in reads:
            with pytest.raises(DamageError, match=reason):
                read()
    with pytest.raises(DamageError, match="gid 0"):
        SequenceStore.validate(path, deep=True)


def test_a_frame_that_claims_gigabytes_allocates_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "db")
    # magic, "one segment, 8 bytes of content size", 1 TiB, and some data
    frame = b"\x01\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 40) + b"\x01\x00\x00"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sequences SET seq=? WHERE gid=0", (frame,))
    connection.close()
    with (
        SequenceStore.open_reader(path) as store,
        pytest.raises(DamageError, match="claims 1,099,511,627,776 bytes"),
    ):
        store.get_seq(0)


def test_data_and_directory_are_synced_before_and_after_the_replace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        events.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        real_fsync(descriptor)

    def replace(source: object, target: object) -> None:
        events.append("replace")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write(tmp_path / "db")
    assert events == ["file", "file", "replace", "directory"]


@pytest.mark.parametrize("encoding", ["portable", "compact"])
@pytest.mark.parametrize("call", [0, 1])  # while the file is made, and when it is whole
def test_what_the_disk_does_not_take_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, call: int
) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text())
    calls = iter(range(100))
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        if next(calls) == call:
            raise OSError(errno.EIO, "Input/output error")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StoreError, match=r"cannot write .*db: .*Input/output error"):
        SequenceStore.build(tmp_path / "db", [source], encoding=encoding)
    assert list(tmp_path.iterdir()) == [source]


class _FailingConnection:
    """A connection whose COMMIT fails as on a full disk."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        if sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(sql, *values)


def test_a_failed_commit_never_replaces_a_good_file(tmp_path: Path) -> None:
    path = write(tmp_path / "db")
    before = path.read_bytes()
    store = SequenceStore.open_writer(path)
    store.insert_rows([row(0, "a", "MK")])
    assert store._writer is not None
    store._writer.connection = _FailingConnection(store._writer.connection)
    with pytest.raises(StoreError, match="disk is full"):
        store.close_publish()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_never_replaces_a_good_file(small_disk: Path) -> None:
    path = write(small_disk / "db")
    before = path.read_bytes()
    noise = random.Random(1).randbytes
    with pytest.raises(StoreError, match="full"), SequenceStore.open_writer(path) as writer:
        # More than SQLite's cache holds, so that it has to write.
        for gid in range(40):
            text = noise(1 << 20).hex()
            writer.insert_rows([(gid, len(text), None, b"\x00" + text.encode(), 0, 0, None)])
    assert path.read_bytes() == before
    assert list(small_disk.iterdir()) == [path]


@pytest.mark.parametrize("encoding", ["portable", "compact"])
def test_a_place_where_nothing_can_be_built_is_said(tmp_path: Path, encoding: str) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text())
    for path in (source / "db", source / "below" / "db", tmp_path / ("x" * 300) / "db"):
        with pytest.raises(StoreError, match=r"cannot write .*db: .*(exists|directory|too long)"):
            SequenceStore.build(path, [source], encoding=encoding)
        with pytest.raises(StoreError, match="cannot write"):
            SequenceStore.open_writer(path)
    assert list(tmp_path.iterdir()) == [source]


def test_what_a_disk_still_refuses_when_all_is_discarded_hides_no_reason(tmp_path: Path) -> None:
    def refuse() -> None:
        raise OSError(errno.EIO, "Input/output error")

    loader = compact_writer.CompactLoader(tmp_path / "db")
    loader._files.callback(refuse)
    with pytest.raises(StoreError, match="the reason"), contextlib.closing(loader):
        raise StoreError("the reason")
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_cannot_begin_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text())

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(StoreError, match="No space left"):
        SequenceStore.build(tmp_path / "db", [source], encoding="compact")
    assert list(tmp_path.iterdir()) == [source]


def test_after_a_write_error_a_writer_refuses_to_publish(tmp_path: Path) -> None:
    store = SequenceStore.open_writer(tmp_path / "db")
    store.insert_rows([row(0, "a", "MK")])
    assert store._writer is not None
    with pytest.raises(StoreError), store._writer.guard():
        raise sqlite3.OperationalError("disk I/O error")
    with pytest.raises(StoreError, match="incomplete"):
        store.insert_rows([row(1, "b", "MK")])
    with pytest.raises(StoreError, match="incomplete"):
        store.close_publish()
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_batch_leaves_none_of_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with SequenceStore.open_writer(path) as writer:
        writer.insert_rows([row(0, "a", "MK")])
        with pytest.raises(InputError, match="gid 0 is given twice"):
            writer.insert_rows([row(gid, "b", "MK") for gid in (*range(1, 3000), 0)])
        with pytest.raises(InputError, match="gid 7 is given twice"):
            writer.insert_rows([row(7, "b", "MK"), row(7, "b", "MK")])
        with pytest.raises(InputError, match="gid 999"):
            writer.insert_rows([*(row(gid, "b", "MK") for gid in range(1, 999)), (999, "x")])

        def broken():
            yield row(50, "c", "MK")
            raise KeyError("the caller's own error")

        with pytest.raises(KeyError):
            writer.insert_rows(broken())
        writer.insert_rows([row(1, "d", "MK")])
    with SequenceStore.open_reader(path) as store:
        assert [(r.gid, r.header) for r in store] == [(0, "a"), (1, "d")]


def test_no_cache_keeps_a_closed_reader_alive(tmp_path: Path) -> None:
    store = SequenceStore.open_reader(write(tmp_path / "db"))
    store.get_seq(0)
    store.close()
    gone = weakref.ref(store)
    del store
    gc.collect()
    assert gone() is None


def test_indexes_are_made_after_the_load(tmp_path: Path) -> None:
    writer = SequenceStore.open_writer(tmp_path / "db")
    assert writer._writer is not None
    writer.insert_rows([row(0, "a", "MK")])
    names = "SELECT name FROM sqlite_master WHERE type='index'"
    assert writer._writer.connection.execute(names).fetchall() == []
    writer.close_publish()
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert set(store._reading().column(names)) == {"idx_len", "idx_hash8", "idx_header"}


def test_zstd_contexts_are_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    SequenceStore.decode_seq(SequenceStore.encode_seq("MK"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a context was made for one call")

    monkeypatch.setattr(codec.zstandard, "ZstdCompressor", refuse)
    monkeypatch.setattr(codec.zstandard, "ZstdDecompressor", refuse)
    assert SequenceStore.decode_seq(SequenceStore.encode_seq("MK" * 50)) == "MK" * 50


def test_the_schema_is_the_seeds(tmp_path: Path) -> None:
    with (
        SequenceStore.open_reader(write(tmp_path / "db")) as store,
        store._reading().pool.cursor() as cursor,
    ):
        columns = cursor.execute("PRAGMA table_info(sequences)").fetchall()
    assert [(name, kind, notnull, pk) for _, name, kind, notnull, _, pk in columns] == [
        ("gid", "INTEGER", 0, 1),
        ("len", "INTEGER", 1, 0),
        ("hash8", "INTEGER", 0, 0),
        ("seq", "BLOB", 1, 0),
        ("shard", "INTEGER", 0, 0),
        ("local_idx", "INTEGER", 0, 0),
        ("header", "BLOB", 0, 0),
    ]
    assert tuple(column[1] for column in columns) == schema.COLUMNS


def test_a_forked_child_does_not_spoil_its_parents_build(tmp_path: Path) -> None:
    code = """
        import os, sys
        from snakemake_storage_plugin_seqstore.sequences import SequenceStore as S
        rows = lambda n: [(g, 900, None, S.encode_seq("MKW" * 300, False), 0, g, None) for g in n]
        w = S.open_writer(sys.argv[1])
        w._writer.connection.execute("PRAGMA cache_size=-64")
        w.insert_rows(rows(range(2000)))
        if os.fork() == 0:
            del w
            sys.exit(0)
        os.wait()
        w.insert_rows(rows(range(2000, 4000)))
        w.close_publish()
    """
    process = _run(code, tmp_path / "db")
    assert process.returncode == 0, process.stderr
    assert SequenceStore.validate(tmp_path / "db", deep=True) == 4000
    assert [p.name for p in tmp_path.iterdir()] == ["db"]
