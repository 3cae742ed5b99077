"""Reading in another process: the same records and errors, and nothing is left of it."""

import gzip
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import SequenceStore, fastx_reader

from .conftest import RECORDS, fasta_text, many

RECORDS_READ = RECORDS + many(9000)  # several batches
FASTQ = b"".join(b"@%d\nACGT\n+\nIIII\n" % i for i in range(9000))


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Read all files apart, and tell in which processes."""
    started: list[subprocess.Popen[bytes]] = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(fastx_reader, "_LARGE_BYTES", 0)
    monkeypatch.setattr(subprocess, "Popen", Popen)
    return started


@pytest.mark.parametrize(
    "content",
    [
        fasta_text(RECORDS_READ),
        gzip.compress(fasta_text(RECORDS_READ)),
        fasta_text(RECORDS_READ) + b">b\xe9\nMK\n>c\n>d\1e\nMK",
        FASTQ,
    ],
    ids=["fasta", "gzip", "bad records", "fastq"],
)
def test_the_same_is_read(tmp_path: Path, processes, content: bytes) -> None:
    source = tmp_path / "in.dat"
    source.write_bytes(content)
    found, expected = list(fastx_reader.read(source)), list(fastx_reader.read_here(source))
    assert found == expected and len(found) > 2
    assert [process.returncode for process in processes] == [0]


@pytest.mark.parametrize(
    "content",
    [
        FASTQ + b"@b",
        gzip.compress(fasta_text(RECORDS_READ))[:-10],
        b"no sequences",
    ],
    ids=["cut", "truncated", "foreign"],
)
def test_errors_are_the_same(tmp_path: Path, processes, capfd, content: bytes) -> None:
    source = tmp_path / "in.dat"
    source.write_bytes(content)
    with pytest.raises(InputError) as expected:
        list(fastx_reader.read_here(source))
    with pytest.raises(InputError) as found:
        list(fastx_reader.read(source))
    assert str(found.value) == str(expected.value)
    assert capfd.readouterr() == ("", "")


def test_small_files_need_no_process(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text())
    assert [*fastx_reader.read(source)] == [*fastx_reader.read_here(source)]


def test_nobody_is_left_if_records_are_refused(tmp_path: Path, processes, litter) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(b">bad\nM1K\n" + fasta_text(RECORDS_READ))
    with pytest.raises(InputError, match=r"record 1 \(bad\): illegal character '1'"):
        SequenceStore.build(tmp_path / "db", [source])
    assert [process.returncode for process in processes] == [-signal.SIGKILL]
    assert litter(tmp_path) == []


def test_a_killed_process_is_an_error(tmp_path: Path, processes, litter) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text(RECORDS_READ) * 20)  # more than the pipe holds
    batches = fastx_reader.read(source)
    next(batches)
    processes[0].terminate()
    with pytest.raises(StoreError, match=r"in\.fasta: the process .* status -15 .*killed"):
        list(batches)


def test_it_ends_when_nobody_reads_any_more(tmp_path: Path) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text(RECORDS_READ) * 20)
    code = """
        import os, signal, sys
        from pathlib import Path
        from snakemake_storage_plugin_seqstore.sequences import fastx_reader
        fastx_reader._LARGE_BYTES = 0
        batches = fastx_reader.read(Path(sys.argv[1]))
        next(batches)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    # It has inherited standard error: this returns when it has ended, too.
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), source], stderr=subprocess.PIPE, timeout=60
    )
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, b"")


def test_it_starts_in_a_thread_beside_wrong_modules(tmp_path, monkeypatch, processes) -> None:
    (tmp_path / "struct.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    source = tmp_path / os.fsdecode(b"latin\xe9 1.fasta")
    source.write_bytes(fasta_text())
    with ThreadPoolExecutor(1) as thread:
        batches = thread.submit(list, fastx_reader.read(source)).result()
    assert [header for batch in batches for header in batch.headers] == [
        header.encode() for header, _ in RECORDS
    ]
