"""Files as people have them: read to their end and as they are meant, or refused by name."""

import bz2
import gzip
import importlib
import logging
import lzma
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import (
    BuildReport,
    SequenceStore,
    decompression,
    fastx_reader,
)
from snakemake_storage_plugin_seqstore.sequences.worker_process import WorkerProcess

from ..genomes.conftest import bgzip
from .conftest import fasta_text, many

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd of unknown size": zstandard.ZstdCompressor(
        write_checksum=True, write_content_size=False
    ).compress,
}


def _build(tmp_path: Path, content: bytes, **options: object) -> list[tuple[str | None, str]]:
    source, path = tmp_path / "in.fasta", tmp_path / "db"
    source.write_bytes(content)
    SequenceStore.build(path, [source], **options)
    with SequenceStore.open_reader(path) as store:
        return [(record.header, record.seq) for record in store]


# ---- compressed


@pytest.mark.parametrize("packer", PACKERS)
def test_all_streams_of_a_file_are_read(tmp_path: Path, packer: str) -> None:
    pack = PACKERS[packer]
    records = many(300)
    parts = [fasta_text(records[:1]), b"", fasta_text(records[1:290]), fasta_text(records[290:])]
    assert _build(tmp_path, b"".join(map(pack, parts))) == records


def test_streams_of_several_formats_are_read(tmp_path: Path) -> None:
    records = many(len(PACKERS))
    parts = zip(PACKERS.values(), records, strict=True)
    assert _build(tmp_path, b"".join(pack(fasta_text([r])) for pack, r in parts)) == records


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("zeros", [1, 8, 5000])
def test_zeros_behind_a_stream_are_no_part_of_it(tmp_path: Path, packer: str, zeros: int) -> None:
    pack = PACKERS[packer]
    content = pack(b">a\nMK\n") + bytes(zeros) + pack(b">b\nMKV\n") + bytes(zeros)
    assert _build(tmp_path, content) == [("a", "MK"), ("b", "MKV")]


@pytest.mark.parametrize("zeros", [0, 1, 9, 100_000])
def test_a_bgzip_that_was_cut_between_blocks_is_refused(tmp_path: Path, zeros: int) -> None:
    content = bgzip(b">a\nMK\n") + bgzip(b">b\nMKV\n")
    assert _build(tmp_path, content + bytes(zeros)) == [("a", "MK"), ("b", "MKV")]
    with pytest.raises(InputError, match="bgzip's last block is missing"):
        _build(tmp_path, content[:-28] + bytes(zeros))


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("rest", [b">b\nMK\n", b"\x00\x00x", b"\x1f", b"BZ"])
def test_what_else_follows_is_refused(tmp_path: Path, packer: str, rest: bytes) -> None:
    with pytest.raises(InputError, match=r"in\.fasta: what follows its compressed data"):
        _build(tmp_path, PACKERS[packer](b">a\nMK\n") + rest)


def test_frames_without_text_are_passed_over(tmp_path: Path) -> None:
    skipped = b"\x5e\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"index"
    frame = zstandard.compress(b">a\nMK\n")
    assert _build(tmp_path, skipped + frame + skipped) == [("a", "MK")]


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(PACKERS)), st.integers(0, 10_000), st.integers(0, 2), st.integers(1, 255)
)
def test_no_cut_or_damaged_file_is_read(
    tmp_path_factory, packer: str, place: int, kind: int, change: int
) -> None:
    """Whatever is cut off or changed, all records come or an error of ours."""
    records = many(30)
    parts = (fasta_text(records[:9]), fasta_text(records[9:]))
    data = bytearray(b"".join(map(PACKERS[packer], parts)))
    place %= len(data)
    if kind == 0:
        del data[place:]
    elif kind == 1:
        del data[place]
    else:
        data[place] ^= change
    path = tmp_path_factory.mktemp("cut") / "in.dat"
    path.write_bytes(data)
    try:
        found = [
            (header.decode(), seq.decode())
            for batch in fastx_reader.read_here(path)
            for header, seq in zip(batch.headers, batch.seqs, strict=True)
        ]
    except InputError as error:
        assert str(path) in str(error)
    else:
        # Nothing tells that a stream is missing which began where another ended.
        assert found in (records, records[:9])


def test_little_that_makes_much_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "zeros.zst"
    compressor = zstandard.ZstdCompressor()
    with open(path, "wb") as file, compressor.stream_writer(file) as out:
        for _ in range(300):
            out.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 16
    sizes = [len(text) for text in decompression.texts(path)]
    assert sum(sizes) == 300 << 20 and max(sizes) <= 130 << 20


# ---- FASTA and FASTQ as they are


LENIENT = [
    (b"\xef\xbb\xbf>a x\nMK\n", [("a x", "MK")]),
    (b"\n \n\t\r\n>a\nMK\n", [("a", "MK")]),
    (b">a\nMK  \nVL\t\n\n   \nAA\n\n>b\nMK\n", [("a", "MKVLAA"), ("b", "MK")]),
    (b">a\r\nMK \r\n \r\nVL\r\n", [("a", "MKVL")]),
    (b"; about\n;this\n>a\n;and that\nMK\n; > more\nVL\n;\n>b\nM\n", [("a", "MKVL"), ("b", "M")]),
    (b">a -> b\nMK\n>c > d\nVL\n", [("a -> b", "MK"), ("c > d", "VL")]),
    (b">a;b  \nMK", [("a;b  ", "MK")]),
    (b"\n@a x\r\nMK\r\n+\r\nII\r\n\r\n@b\nMK\n+\nI@\n\n", [("a x", "MK"), ("b", "MK")]),
    (b"\xef\xbb\xbf@a\nMK\n+\n@I\n", [("a", "MK")]),
]


@pytest.mark.parametrize(("content", "records"), LENIENT)
@pytest.mark.parametrize("packer", ["plain", "gzip"])
def test_what_does_not_count_is_passed_over(tmp_path, content: bytes, records, packer: str) -> None:
    pack = PACKERS.get(packer, bytes)
    assert _build(tmp_path, pack(content)) == records


@pytest.mark.parametrize("encoding", ["portable", "compact"])
def test_a_header_of_several_names_is_a_record_for_each(tmp_path: Path, encoding: str) -> None:
    content = b">a one\1b two\1c\nMK\nVL\n>d\nM\n>e\1\1f \1\nMM\n"
    records = [("a one", "MKVL"), ("b two", "MKVL"), ("c", "MKVL")]
    records += [("d", "M"), ("e", "MM"), ("f ", "MM")]
    assert _build(tmp_path, content, encoding=encoding) == records
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert [store.find_name(name) for name in "abcdef"] == [[i] for i in range(6)]
    with pytest.raises(InputError, match=r"line 4, record 2 \(d\): illegal"):
        _build(tmp_path, content.replace(b">d\nM", b">d\n1"), encoding=encoding)
    with pytest.raises(InputError, match=r"'b'.*line 1, record 1 \(b\).*line 8, record 4 \(b\)"):
        _build(tmp_path, content + b">b\nM\n", encoding=encoding)


BAD = {
    3: (b">\nMK\n", "the header is empty"),
    5: (b">empty\n", r"\(empty\): the sequence is empty"),
    6: (b">blank\n \n\n", r"\(blank\): the sequence is empty"),
    9: (b">latin\xe9\nMK\n", "not UTF-8"),
    11: (b">bell\7\nMK\n", r"\('bell\\x07'\): control character b'\\x07'"),
    13: (b">digit x\nMK\nV1\n", r"\(digit\): illegal character '1' at residue 4"),
    16: (b">" + b"x" * 70_000 + b"\nMK\n", "the header has more than 65,536 bytes"),
    18: (b">mac\rMK\n", "a carriage return in the header"),
    19: (b">old\nM\rK\n", "a carriage return among the residues"),
    21: (b">utf\nM\xff\n", "illegal character"),
}


def test_bad_records_are_left_out_and_listed(tmp_path: Path, caplog) -> None:
    content = b">good\nMK\n" + b"".join(record for record, _ in BAD.values()) + b">last\nMKV\n"
    source = tmp_path / "in.fasta"
    source.write_bytes(content)
    report = SequenceStore.build(tmp_path / "db", [source], illegal="skip")
    assert report == BuildReport(len(BAD) + 2, 2, 0, 0, len(BAD), 0, 5)
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == len(BAD)
    for message, (line, (_, problem)) in zip(said, BAD.items(), strict=True):
        assert re.match(rf"left out: {re.escape(str(source))}, line {line}, record ", message)
        assert re.search(problem, message)
    for line, (record, problem) in BAD.items():
        with pytest.raises(InputError, match=problem) as caught:
            _build(tmp_path, b"\n" * (line - 1) + record)
        assert f"line {line}, record 1" in str(caught.value)


def test_bad_fastq_records_are_left_out(tmp_path: Path, caplog) -> None:
    content = b"@a\nMK\n+\nII\n@b\nMKV\n+\nII\n@\nM\n+\nI\n@c\n\n+\n\n@d\nMK\n+\nII\n"
    assert _build(tmp_path, content, illegal="skip") == [("a", "MK"), ("d", "MK")]
    assert "line 5, record 2 (b): 3 residues, 2 qualities" in caplog.text
    assert "line 9, record 3: the header is empty" in caplog.text
    assert "line 13, record 4 (c): the sequence is empty" in caplog.text


@pytest.mark.parametrize("end", [b"", b"\n", b"\n>b\nMK\n"])
@pytest.mark.parametrize("width", [7, 1000])
@pytest.mark.parametrize("piece", [5, 64, 4000])
def test_sequences_that_no_database_holds_are_named(
    tmp_path: Path, monkeypatch, caplog, end: bytes, width: int, piece: int
) -> None:
    monkeypatch.setattr(fastx_reader, "MAX_BYTES", 2000)
    monkeypatch.setattr(fastx_reader, "_START_BYTES", 100)
    monkeypatch.setattr(decompression, "_PACKED_BYTES", piece)
    monkeypatch.setattr(decompression, "_TEXT_BYTES", piece)
    lines = b"\n".join(b"M" * width for _ in range(3000 // width))
    content = b">a\nMK\n>big one\n" + lines + end
    with pytest.raises(InputError, match=r"line 3, record 2 \(big\): the sequence has more than"):
        _build(tmp_path, content)
    right = [("a", "MK"), ("b", "MK")] if end.endswith(b"K\n") else [("a", "MK")]
    assert _build(tmp_path, content, illegal="skip") == right
    content += b"\n>last\nM1\n"
    line = content.count(b"\n", 0, content.index(b">last")) + 1
    with pytest.raises(InputError, match=rf"line {line:,}, record \d \(last\)"):
        caplog.clear()
        _build(tmp_path, content, illegal="skip")
        raise InputError(caplog.messages[-1])


@pytest.mark.parametrize("size", [3000, 200_000])
def test_reads_that_no_database_holds_are_named(tmp_path: Path, monkeypatch, size: int) -> None:
    monkeypatch.setattr(fastx_reader, "MAX_BYTES", 2000)
    monkeypatch.setattr(fastx_reader, "_START_BYTES", 100)
    monkeypatch.setattr(decompression, "_PACKED_BYTES", 500)
    monkeypatch.setattr(decompression, "_TEXT_BYTES", 500)
    content = b"@a\nMK\n+\nII\n@big one\n" + b"M" * size + b"\n+\n" + b"I" * size + b"\n"
    with pytest.raises(InputError, match=r"line 5, record 2 \(big\): the sequence has more than"):
        _build(tmp_path, content)


@pytest.mark.slow
def test_two_gigabytes_are_an_error_that_names_the_record(tmp_path: Path, capfd) -> None:
    source = tmp_path / "in.fasta"
    with open(source, "wb") as file:
        file.write(b">small\nACGT\n>chr1 large\n")
        for _ in range(2200):
            file.write(b"ACGTACGTAC" * 100_000 + b"\n")
        file.write(b">after\nACGT\n")
    with pytest.raises(InputError, match=r"line 3, record 2 \(chr1\): .* more than 1,000,000,000"):
        SequenceStore.build(tmp_path / "db", [source])
    report = SequenceStore.build(tmp_path / "db", [source], illegal="skip")
    source.unlink()
    assert (report.read, report.written) == (3, 2)
    assert "Traceback" not in capfd.readouterr().err


def test_a_process_without_memory_says_so(tmp_path: Path, monkeypatch) -> None:
    """As said by the process that reads, not guessed from how it ended."""
    source = tmp_path / "in.fasta"
    source.write_bytes(b">a\nMK\n")
    (tmp_path / "exhausting.py").write_text(
        "def task(_, path):\n    raise MemoryError\n    yield\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    task = importlib.import_module("exhausting").task
    with WorkerProcess(task, source) as process, pytest.raises(StoreError, match="enough memory"):
        process.receive()


def test_a_pipe_of_several_streams(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = b"".join(map(bz2.compress, (b">a\nMK\n", b">b\nMKV\n")))
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    SequenceStore.build(tmp_path / "db", [pipe])
    writer.join()
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert len(store) == 2
