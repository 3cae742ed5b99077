import bz2
import gzip
import io
import logging
import lzma
import os
import re
import sqlite3
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import progress
from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import (
    BuildReport,
    SequenceStore,
    fastx_reader,
    filters,
    loader,
)

from .conftest import RECORDS, fasta_text, many, write


def _records(path: Path) -> list[tuple[str | None, str]]:
    with SequenceStore.open_reader(path) as store:
        return [(record.header, record.seq) for record in store]


def _build_from(tmp_path: Path, content: bytes, name: str = "in.fasta", **options: object) -> Path:
    source = tmp_path / name
    source.write_bytes(content)
    SequenceStore.build(tmp_path / "db", [source], **options)
    return tmp_path / "db"


def _gzip_members(content: bytes) -> bytes:
    """As bgzip makes it: many members, and an empty one at the end."""
    half = len(content) // 2
    return (
        gzip.compress(content[:half], mtime=0)
        + gzip.compress(content[half:], mtime=0)
        + gzip.compress(b"", mtime=0)
    )


def _zstd_frames(content: bytes) -> bytes:
    half = len(content) // 2
    return zstandard.compress(content[:half]) + zstandard.compress(content[half:])


@pytest.mark.parametrize(
    "compress",
    [
        bytes,
        gzip.compress,
        _gzip_members,
        zstandard.compress,
        _zstd_frames,
        bz2.compress,
        lzma.compress,
    ],
)
@pytest.mark.parametrize("encoding", ["portable", "compact"])
def test_compressed_files_are_told_by_their_content(
    tmp_path: Path, compress, encoding: str
) -> None:
    records = RECORDS + many(3000)
    path = _build_from(tmp_path, compress(fasta_text(records)), "in.dat", encoding=encoding)
    assert _records(path) == records


def test_several_files_keep_their_order_and_their_places(tmp_path: Path) -> None:
    sources = []
    for i in range(3):
        source = tmp_path / f"{i}.fasta"
        source.write_bytes(b"".join(b">r%d_%d\nMK\n" % (i, k) for k in range(i + 1)))
        sources.append(source)
    report = SequenceStore.build(tmp_path / "db", sources)
    assert report == BuildReport(6, 6, 0, 0, 0, 0, 12)
    assert str(report).startswith("6 of 6 records written, 12 residues; left out: 0 too short")
    with sqlite3.connect(tmp_path / "db") as connection:
        rows = connection.execute("SELECT gid, shard, local_idx FROM sequences").fetchall()
    connection.close()
    assert rows == [(0, 0, 0), (1, 1, 0), (2, 1, 1), (3, 2, 0), (4, 2, 1), (5, 2, 2)]


NAMES = st.from_regex(r"[!-~]{1,12}( [ -~éß蛋]{0,30})?", fullmatch=True)
SEQS = st.text("ACDEFGHIKLMNPQRSTVWYacx*-.", min_size=1, max_size=300)


@given(
    records=st.lists(st.tuples(NAMES, SEQS), min_size=1, max_size=12),
    width=st.integers(1, 80),
    newline=st.sampled_from([b"\n", b"\r\n"]),
    ends=st.integers(0, 2),
    batch=st.integers(1, 400),
)
def test_any_layout_of_fasta_is_read(
    records, width: int, newline: bytes, ends: int, batch: int
) -> None:
    path = Path("in.fasta")
    lines: list[bytes] = []
    for header, seq in records:
        lines.append(b">" + header.encode())
        lines += [seq[i : i + width].encode() for i in range(0, len(seq), width)]
    content = newline.join(lines) + newline * ends
    # As small as nobody has them: so that any border may be anywhere.
    pieces = [content[i : i + batch] for i in range(0, len(content), batch)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastx_reader, "texts", lambda _: iter(pieces))
        patch.setattr(fastx_reader, "_START_BYTES", 100)
        patch.setattr(fastx_reader, "_BATCH_RECORDS", 3)
        batches = list(fastx_reader.read_here(path))
    got = [pair for batch in batches for pair in zip(batch.headers, batch.seqs, strict=True)]
    assert got == [(header.encode(), seq.encode()) for header, seq in records]
    places = [batch.where(i) for batch in batches for i in range(len(batch.seqs))]
    names = [header.split()[0] for header, _ in records]
    numbers = [lines.index(line) + 1 for line in lines if line.startswith(b">")]
    for i in range(1, len(numbers)):
        if numbers[i] <= numbers[i - 1]:  # the same header again
            numbers[i] = lines.index(lines[numbers[i] - 1], numbers[i - 1]) + 1
    assert places == [
        f"{path}, line {line}, record {n} ({name})"
        for n, (line, name) in enumerate(zip(numbers, names, strict=True), 1)
    ]


def test_fastq_loses_its_qualities(tmp_path: Path) -> None:
    path = _build_from(tmp_path, b"@a x\nACGT\n+\nIIII\n@b\nTT\n+b\n!!\n", "in.fq", alphabet="dna")
    assert _records(path) == [("a x", "ACGT"), ("b", "TT")]


GOOD = b">a\nMKV\n"


def _bgzip(content: bytes, end: bool = True) -> bytes:
    """Compress as bgzip does, in one block, with or without the empty block that ends a file."""
    deflate = zlib.compressobj(wbits=-15)
    data = deflate.compress(content) + deflate.flush()
    block = bytes.fromhex("1f8b08040000000000ff060042430200")
    block += struct.pack("<H", len(data) + 25) + data
    block += struct.pack("<II", zlib.crc32(content), len(content))
    return block + (_bgzip(b"", end=False) if end else b"")


def test_bgzip_needs_its_last_block(tmp_path: Path) -> None:
    blocks = _bgzip(GOOD, end=False) + _bgzip(b">b\nMK\n", end=False)
    assert gzip.decompress(blocks) == GOOD + b">b\nMK\n"
    with pytest.raises(InputError, match="is truncated: bgzip's last block is missing"):
        _build_from(tmp_path, blocks)
    path = _build_from(tmp_path, blocks + _bgzip(b""))
    assert _records(path) == [("a", "MKV"), ("b", "MK")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "in.fa is empty"),
        (b">", "line 1, record 1: the header is empty"),
        (b"\n\n\r\n", "in.fa has no sequences"),
        (b";only\n;comments", "in.fa has no sequences"),
        (b"\nhello\n>a\nMK\n", "neither FASTA nor FASTQ: line 2 begins with 'h'"),
        (bytes(range(256)), "neither FASTA"),
        (">a\nMK\n".encode("utf-16"), "UTF-16.*iconv"),
        (b">a\rMK\r>b\rMK\r", "old Macs.*tr "),
        (b"@a\rAC\r+\rII\r", "old Macs.*tr "),
        (GOOD + b">b\rMK\r>c\rMK\n", r"line 3, record 2 \(.*a carriage return in the.*old Macs"),
        (GOOD + b">b\nMK\rMK\n", r"line 3, record 2 \(b\): a carriage return among.*old Macs"),
        (
            GOOD + b">b c\nMK\nV1V\n",
            r"in.fa, line 3, record 2 \(b\): illegal character '1' at residue 4",
        ),
        (GOOD + b">b\nMK V\n", r"record 2.*illegal character ' '"),
        (GOOD + b">b\nMK\xc3\xa9\n", r"record 2.*illegal character 'é' at residue 3"),
        (GOOD + b">b\nMK\xe9\n", r"record 2.*illegal character '\ufffd' at residue 3"),
        (GOOD + b">b\nM>K\n", "record 2.*illegal character '>'"),
        (GOOD + b">b\nM\0K\n", r"record 2.*illegal character '\\x00'"),
        (GOOD + b">b\n>c\nMK\n", r"record 2 \(b\): the sequence is empty"),
        (GOOD + b">b", r"in.fa, line 3, record 2 \(b\): the sequence is empty"),
        (GOOD + b">\nMK\n", "record 2: the header is empty"),
        (GOOD + b"> \t\nMK\n", "record 2: the header is empty"),
        (GOOD + b">b\xe9\nMK\n", "record 2.*not UTF-8"),
        (GOOD + b">b\x00\nMK\n", "record 2.*control character"),
        (
            GOOD + b">" + b"b" * (1 << 16) + b"b\nMK\n",
            "record 2.*header has more than 65,536 bytes",
        ),
        (
            GOOD + b">" + b"b" * (1 << 22) + b"b\nMK\n",
            "record 2.*header has more than 65,536 bytes",
        ),
        (b"@a\nACGT\n+\nII\n", r"in.fa, line 1, record 1 \(a\): 4 residues, 2 qualities"),
        (b"@a\nAC\n+\nII\n@b\nACGT\n+\n\n", r"line 5, record 2 \(b\): 4 residues, 0 qual"),
        (b"@a\nAC\n+\nII\n@b\nACGT\n+\n", r"in.fa, line 5: the last record is cut off"),
        (b"@a\nAC\n+\nII\n\n@b\nACGT\n", r"in.fa, line 6: the last record is cut off"),
        (b"@a\nACGT\nIIII\n+\n", "in.fa, line 3: expected '\\+', found 'I'.*four lines"),
        (b"@a\nAC\n+\nII\n>b\nACGT\n", "in.fa, line 5: expected '@', found '>'"),
        (gzip.compress(fasta_text(many(999)), mtime=0)[:-400], "in.fa is truncated"),
        (gzip.compress(GOOD, mtime=0)[:-1], "in.fa is truncated"),
        (zstandard.compress(fasta_text(many(999)))[:-40], "in.fa is truncated"),
        (bz2.compress(fasta_text(many(49_999)))[:-40], "in.fa is truncated"),
        (bz2.compress(GOOD)[:-40], "in.fa is truncated"),
        (lzma.compress(fasta_text(many(999)))[:-40], "in.fa is truncated"),
        (gzip.compress(GOOD, mtime=0)[:-8] + bytes(8), "in.fa is damaged: it cannot be unpacked"),
        (b"\x1f\x8b\x08rubbish that is no gzip at all", "in.fa is (damaged|truncated)"),
        (b"\x28\xb5\x2f\xfdrubbish that is no zstd at all", "in.fa is damaged"),
        (gzip.compress(b"", mtime=0), "in.fa has no sequences"),
    ],
)
def test_bad_input_is_named_and_nothing_is_published(
    tmp_path: Path, litter, content: bytes, reason: str
) -> None:
    path = write(tmp_path / "db")
    before = path.read_bytes()
    with pytest.raises(InputError, match=reason) as caught:
        _build_from(tmp_path, content, "in.fa")
    assert str(tmp_path / "in.fa") in str(caught.value)
    assert path.read_bytes() == before
    assert litter(tmp_path) == []


def test_records_are_counted_over_batches(tmp_path: Path) -> None:
    records = many(30_000)
    content = fasta_text(records) + b">last\nMK?\n"
    with pytest.raises(InputError, match=r"in.fasta, line 60,001, record 30,001 \(last\)"):
        _build_from(tmp_path, content)


def test_sources_must_be_there_before_the_work_begins(tmp_path: Path, fasta: Path) -> None:
    bad = tmp_path / "bad.fasta"
    bad.write_bytes(b"no FASTA")
    with pytest.raises(InputError, match="absent: no such file"):
        SequenceStore.build(tmp_path / "db", [bad, tmp_path / "absent"])
    with pytest.raises(InputError, match="is a directory"):
        SequenceStore.build(tmp_path / "db", [bad, tmp_path])
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        SequenceStore.build(tmp_path / "db", [bad, tmp_path / ("x" * 300)])
    with pytest.raises(InputError, match="no source files"):
        SequenceStore.build(tmp_path / "db", [])
    with pytest.raises(InputError, match="list"):
        SequenceStore.build(tmp_path / "db", str(fasta))  # type: ignore[arg-type]


def test_a_pipe_can_be_a_source(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"printf '>a\\nMK\\n' > '{pipe}'"]):
        SequenceStore.build(tmp_path / "db", [pipe])
    assert _records(tmp_path / "db") == [("a", "MK")]


def test_progress_knows_its_total_only_of_plain_files(tmp_path: Path, caplog, monkeypatch) -> None:
    plain, packed = tmp_path / "a.fasta", tmp_path / "b.fasta.gz"
    plain.write_bytes(fasta_text())
    packed.write_bytes(gzip.compress(fasta_text()))
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    caplog.set_level(logging.INFO)
    for sources, said in (
        ([plain], r"read \d sequences \(\d+%\)"),
        ([packed], r"read \d sequences"),
    ):
        caplog.clear()
        SequenceStore.build(tmp_path / "db", sources)
        assert re.fullmatch(said, caplog.messages[0])


@pytest.mark.parametrize(
    "options", [{"encoding": "zip"}, {"alphabet": "klingon"}, {"illegal": "ignore"}, {"threads": 0}]
)
def test_wrong_options_are_named(tmp_path: Path, fasta: Path, options: dict[str, object]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(InputError, match=f"{name}={value!r}"):
        SequenceStore.build(tmp_path / "db", [fasta], **options)


def test_filters_are_counted_by_the_first_reason(tmp_path: Path) -> None:
    content = b">a\nMK\n>b\nMKVMKV\n>c\nMK1V\n>d\nMKVA\n>e\nMKVA\n>f\nmkva\n>g\n1\n"
    source = tmp_path / "in.fasta"
    source.write_bytes(content)
    report = SequenceStore.build(
        tmp_path / "db",
        [source],
        illegal="skip",
        min_len=3,
        max_len=5,
        drop_duplicates=True,
        alphabet="protein",
    )
    assert report == BuildReport(
        read=7, written=2, too_short=2, too_long=1, illegal=1, duplicates=1, residues=8
    )
    with sqlite3.connect(tmp_path / "db") as connection:
        rows = connection.execute("SELECT gid, local_idx, header FROM sequences").fetchall()
    connection.close()
    assert rows == [(0, 3, b"\x00d"), (1, 5, b"\x00f")]


@pytest.mark.parametrize(
    ("alphabet", "good", "bad"),
    [
        ("dna", "acgtnRYswkmbdhv", "U"),
        ("rna", "acguN", "T"),
        ("protein", "ABCDEFGHIJKLMNOPQRSTUVWXYZ*", "-"),
        ("any", "AZaz*-.", "_"),
    ],
)
def test_alphabets(tmp_path: Path, alphabet: str, good: str, bad: str) -> None:
    path = _build_from(tmp_path, f">a\n{good}\n".encode(), alphabet=alphabet)
    assert _records(path) == [("a", good)]
    with pytest.raises(InputError, match=f"illegal character '{bad}'.*'{alphabet}'"):
        _build_from(tmp_path, f">a\n{good}{bad}\n".encode(), alphabet=alphabet)


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of the 1 sequences in .*in\.fasta"):
        _build_from(tmp_path, GOOD, min_len=10)


@pytest.mark.parametrize("encoding", ["portable", "compact"])
def test_duplicate_names_are_named_with_both_places(tmp_path: Path, encoding: str) -> None:
    first, second = tmp_path / "1.fasta", tmp_path / "2.fasta"
    first.write_bytes(b">x\nMK\n>dup z\nMK\n>dup!\nMK\n")
    second.write_bytes(b">y\nMK\n>y2\nMK\n>dup\ta\nMKV\n")
    with pytest.raises(InputError, match="'dup'") as caught:
        SequenceStore.build(tmp_path / "db", [first, second], encoding=encoding)
    assert f"{first}, line 3, record 2 (dup)" in str(caught.value)
    assert f"{second}, line 5, record 3 (dup)" in str(caught.value)
    assert not (tmp_path / "db").exists()
    SequenceStore.build(tmp_path / "db", [first, second], encoding=encoding, unique_names=False)
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert store.find_name("dup") == [1, 5]


@pytest.mark.parametrize("limit", [2_000_000, 0])
def test_names_are_compared_without_the_blanks_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(loader, "_MAX_NAMES", limit)  # with and without hashes in memory
    records = [*many(50), ("zz", "MK"), (" \tzz top", "MK")]
    with pytest.raises(InputError, match=r"'zz'.*record 51.*record 52"):
        _build_from(tmp_path, fasta_text(records))
    assert _records(_build_from(tmp_path, fasta_text(records[:-1]))) == records[:-1]


@pytest.mark.parametrize("encoding", ["portable", "compact"])
def test_equal_sequences_are_found_on_disk_as_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    records = [(f"n{i}", seq) for i, (_, seq) in enumerate(many(300) * 2)]
    drop = encoding == "portable"
    builds = []
    for latest in (1_000_000, 7):
        monkeypatch.setattr(filters, "_MAX_LATEST", latest)
        path = _build_from(tmp_path, fasta_text(records), encoding=encoding, drop_duplicates=drop)
        builds.append(path.read_bytes())
    assert builds[0] == builds[1]
    assert len(_records(path)) == (len(set(seq for _, seq in records)) if drop else len(records))


def test_builds_are_the_same_whatever_the_threads(tmp_path: Path) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text(many(9000)))
    for encoding in ("portable", "compact"):
        built = []
        for threads in (1, 3):
            SequenceStore.build(tmp_path / "db", [source], encoding=encoding, threads=threads)
            built.append((tmp_path / "db").read_bytes())
        assert built[0] == built[1]


def test_validate(tmp_path: Path, fasta: Path) -> None:
    SequenceStore.build(tmp_path / "db", [fasta])
    assert SequenceStore.validate(tmp_path / "db") == 4
    assert SequenceStore.validate(tmp_path / "db", deep=True) == 4
    SequenceStore.open_writer(tmp_path / "none").close_publish()
    with pytest.raises(StoreError, match="no sequences"):
        SequenceStore.validate(tmp_path / "none")


def test_progress_speaks_sparsely_in_a_log(monkeypatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO)
    with progress.Progress("read", "sequences", 100) as work:
        for step in range(9):
            work.update(1000, 10 * (step + 1))
    assert caplog.messages == [
        "read 3,000 sequences (30%)",
        "read 6,000 sequences (60%)",
        "read 9,000 sequences (90%)",
        "read 9,000 sequences in 100.0 s",
    ]


def test_progress_is_a_bar_on_a_terminal(monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress.Progress("read", "sequences", 100) as work:
        work.update(5, 50)
    assert "read:" in screen.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["portable", "compact"])
def test_memory_is_bounded(tmp_path: Path, encoding: str) -> None:
    source = tmp_path / "in.fasta"
    with open(source, "wb") as file:
        for copy in range(150):
            file.write(
                b"".join(
                    b">c%d_%d a protein of no particular kind, number %d\n%b\n"
                    % (copy, i, i * copy, (h + s * 4).encode().translate(None, b"|_0123456789 ="))
                    for i, (h, s) in enumerate(many(2000))
                )
            )
    code = """
        import re, sys
        from snakemake_storage_plugin_seqstore.sequences import SequenceStore
        options = {"drop_duplicates": True} if sys.argv[3] == "portable" else {}
        report = SequenceStore.build(sys.argv[1], [sys.argv[2]], encoding=sys.argv[3], **options)
        assert report.read == 300_000, report
        with SequenceStore.open_reader(sys.argv[1]) as store:
            assert store.write_fasta("/dev/null") == report.written
        # Its own peak: getrusage counts that of the process that started it, too.
        print(re.search("VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), tmp_path / "db", source, encoding],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) / 1024 < 400
