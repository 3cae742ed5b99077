"""Dumps that another process helps with: the same text and errors, and nothing is left of it."""

import gzip
import io
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import SequenceStore, dump, worker_process
from snakemake_storage_plugin_seqstore.sequences.reader import Reader

from .conftest import fasta_text, many, row

NUMBER = 15_000  # several portions


@pytest.fixture(scope="module", params=["portable", "compact"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp(request.param)
    source = directory / "in.fasta"
    source.write_bytes(fasta_text(many(NUMBER)))
    SequenceStore.build(directory / "db", [source], encoding=request.param)
    return directory / "db"


@pytest.fixture
def store(path: Path) -> Iterator[SequenceStore]:
    with SequenceStore.open_reader(path) as store:
        yield store


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Dump everything with another process; tell in which ones."""
    started: list[Any] = []

    class WorkerProcess(worker_process.WorkerProcess):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.answers = 0
            self.answered = threading.Event()
            started.append(self)

        def receive(self) -> Any:
            try:
                return super().receive()
            finally:
                self.answers += 1
                self.answered.set()

    monkeypatch.setattr(dump, "_MANY", 0)
    monkeypatch.setattr(dump, "WorkerProcess", WorkerProcess)
    return started


@pytest.fixture
def only_there(monkeypatch: pytest.MonkeyPatch, processes: list[Any]) -> None:
    """Have this process wait until the other one has answered, and then leave its part out."""

    def text(reader: Reader, gids: Sequence[int]) -> dump.Answer:
        assert processes[0].answered.wait(60)
        return b"", len(gids)

    monkeypatch.setattr(dump, "_text", text)


def _expected(gids: Sequence[int] = range(NUMBER)) -> bytes:
    records = many(NUMBER)
    lines = []
    for gid in gids:
        header, seq = records[gid]
        lines += [f">{header}\n", *(f"{seq[i : i + 60]}\n" for i in range(0, len(seq), 60))]
    return "".join(lines).encode()


def _ended(processes: list[Any]) -> list[int]:
    return [process._process.returncode for process in processes]


def test_the_text_is_the_same(store: SequenceStore, processes, tmp_path: Path) -> None:
    assert store.write_fasta(tmp_path / "out.fasta") == NUMBER
    assert (tmp_path / "out.fasta").read_bytes() == _expected()
    assert store.write_fasta(tmp_path / "out.fasta.gz") == NUMBER
    assert gzip.decompress((tmp_path / "out.fasta.gz").read_bytes()) == _expected()
    assert [process.answers > 0 for process in processes] == [True, True]
    assert _ended(processes) == [-signal.SIGKILL] * 2


def test_records_come_in_the_order_asked(store: SequenceStore, processes) -> None:
    gids = [gid * 7919 % NUMBER for gid in range(12_000)] + [3, 3, 2]
    out = io.BytesIO()
    assert store.write_fasta(out, gids) == len(gids)
    assert out.getvalue() == _expected(gids)
    assert processes[0].answers > 0


def test_the_target_may_be_a_pipe(store: SequenceStore, processes) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        found: list[bytes] = []
        reading = threading.Thread(target=lambda: found.append(cat.stdout.read()))
        reading.start()
        store.write_fasta(cat.stdin)
        cat.stdin.close()
        reading.join()
    assert found == [_expected()]


def test_small_databases_need_no_process(store: SequenceStore, monkeypatch) -> None:
    monkeypatch.setattr(dump, "WorkerProcess", None)
    out = io.BytesIO()
    store.write_fasta(out)
    assert out.getvalue() == _expected()


def test_few_records_of_a_large_one_need_none(store: SequenceStore, monkeypatch) -> None:
    monkeypatch.setattr(dump, "WorkerProcess", None)
    monkeypatch.setattr(dump, "_MANY", NUMBER)
    out = io.BytesIO()
    store.write_fasta(out, range(100))
    assert out.getvalue() == _expected(range(100))
    with pytest.raises(TypeError, match="NoneType"):
        store.write_fasta(out)


def _spoil_row(path: Path, column: str, value: object) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE sequences SET {column}=? WHERE gid % 2000 = 9", (value,))
    connection.close()


@pytest.mark.parametrize(
    ("column", "value", "error", "reason"),
    [
        ("hash8", 5, DamageError, "is damaged at gid [0-9]*9: .* does not have the hash"),
        ("header", b"\0a\nb", InputError, "the header of gid [0-9]*9 has a line break"),
    ],
)
def test_errors_are_the_same(
    tmp_path: Path, processes, only_there, capfd, column: str, value: object, error, reason: str
) -> None:
    path = tmp_path / "db"
    with SequenceStore.open_writer(path) as writer:
        writer.insert_rows(row(gid, *record) for gid, record in enumerate(many(NUMBER)))
    _spoil_row(path, column, value)
    (tmp_path / "out.fasta").write_text("before")
    with SequenceStore.open_reader(path) as store, pytest.raises(error, match=reason) as found:
        store.write_fasta(tmp_path / "out.fasta")
    assert type(found.value) is error and str(found.value).startswith(str(path))
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "out.fasta").read_text() == "before"
    assert len(_ended(processes)) == 1 and None not in _ended(processes)


def test_a_damaged_compact_file_is_an_error(tmp_path: Path, processes, only_there) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text(many(NUMBER)))
    path = tmp_path / "db"
    SequenceStore.build(path, [source], encoding="compact")
    data = bytearray(path.read_bytes())
    for place in range(1000, len(data) // 2, 1000):
        data[place] ^= 1
    path.write_bytes(data)
    with SequenceStore.open_reader(path) as store, pytest.raises(DamageError, match="is damaged"):
        store.write_fasta(io.BytesIO())
    assert None not in _ended(processes)


def test_gids_that_are_missing_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with SequenceStore.open_writer(path) as writer:
        writer.insert_rows(row(gid, *record) for gid, record in enumerate(many(100)))
    with SequenceStore.open_reader(path) as store:
        reader = store._reading()
        reader.__dict__["_count"] = 101  # as if an index had more than the table
        reader.__dict__["_dense"] = range(101)
        with pytest.raises(DamageError, match="gids are missing from 0 to 100"):
            store.write_fasta(io.BytesIO())


def test_what_comes_behind_an_error_is_that_error() -> None:
    class Process:
        """One whose task has failed at the first request, and ended."""

        answers = iter([DamageError("the reason")])

        def send(self, request: Any) -> None:
            pass

        def receive(self) -> Any:
            for error in self.answers:
                raise error

    there = dump._There(Process())
    for _ in range(3):  # which of them is the first one needed depends on threads
        with pytest.raises(DamageError, match="the reason"):
            there(range(5))


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_is_an_error(
    store: SequenceStore, processes, only_there, monkeypatch, stop: signal.Signals
) -> None:
    send = worker_process.WorkerProcess.send

    def kill(self: Any, request: Any) -> None:
        send(self, request)
        self._process.send_signal(stop)

    monkeypatch.setattr(worker_process.WorkerProcess, "send", kill)
    with pytest.raises(StoreError, match=f"{store.path}: the process .* status -{stop} .*killed"):
        store.write_fasta(io.BytesIO())
    assert _ended(processes) == [-stop]


class _Broken(io.RawIOBase):
    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def test_nobody_is_left_if_it_cannot_be_written(store: SequenceStore, processes) -> None:
    threads = threading.active_count()
    with pytest.raises(OSError, match="No space left"):
        store.write_fasta(_Broken())  # type: ignore[arg-type]
    assert _ended(processes) == [-signal.SIGKILL]
    assert threading.active_count() == threads


def test_a_database_that_was_replaced_is_not_read_by_another_process(
    path: Path, tmp_path: Path, processes, monkeypatch
) -> None:
    database = tmp_path / "db"
    database.write_bytes(path.read_bytes())
    with SequenceStore.open_reader(database) as store:
        _replace(database)
        try:
            store.write_fasta(out := io.BytesIO())
            assert out.getvalue() == _expected()
        except StoreError as error:  # SQLite has to open it again
            assert "was replaced" in str(error)
    assert processes == []


def test_nor_is_one_that_was_replaced_meanwhile(
    path: Path, tmp_path: Path, processes, only_there, monkeypatch
) -> None:
    database = tmp_path / "db"
    database.write_bytes(path.read_bytes())
    is_for_two: Callable[..., bool] = dump._is_for_two

    def replace(*args: Any) -> bool:
        found = is_for_two(*args)
        _replace(database)
        return found

    monkeypatch.setattr(dump, "_is_for_two", replace)
    replaced = pytest.raises(StoreError, match=r"was replaced or removed while it was open")
    with SequenceStore.open_reader(database) as store, replaced:
        store.write_fasta(io.BytesIO())
    assert None not in _ended(processes)


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.replace(other, path)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_this_process(path: Path, stop: signal.Signals) -> None:
    who = "0" if stop == signal.SIGINT else "os.getpid()"  # all of them, as a terminal does
    code = f"""
        import os, signal, sys
        from snakemake_storage_plugin_seqstore.sequences import SequenceStore, dump
        # What started the tests may have it ignored, as nohup does.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        dump._MANY = 0
        class Out:
            def write(self, data):
                os.kill({who}, {int(stop)})
        SequenceStore.open_reader(sys.argv[1]).write_fasta(Out())
    """
    # It has inherited standard error: this returns when it has ended, too.
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), path],
        stderr=subprocess.PIPE,
        start_new_session=True,
        timeout=60,
    )
    assert ended.returncode == -stop
    assert ended.stderr.count(b"Traceback") == (stop == signal.SIGINT)
