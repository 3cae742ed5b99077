"""Records in: FASTA and FASTQ, plain or compressed, in batches and in bounded memory.

FASTQ is parsed by dnaio. FASTA is cut into records here, as bytes: dnaio's FASTA reader takes twice
as long, skips lines in sequences that begin with ``#``, and removes blanks without a word.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NoReturn

import zstandard

from ..errors import InputError
from .codec import MAX_HEADER_BYTES

_CHUNK = 1 << 20
_FASTQ_RECORDS = 5000
_MAGICS = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
# A tab may stand in a header. Other control characters are damage, or another kind of file.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROLS = bytes(i for i in (*range(32), 127) if i != 9)


@dataclass
class Batch:
    """Consecutive records of one file.

    Parameters
    ----------
    path : Path
        The file.
    first : int
        Number of the first record in it, from 1.
    headers, seqs : list of bytes
        Without ``>`` and line breaks.
    done : int
        Bytes of the file, as it is on disk, that have been read by now.
    """

    path: Path
    first: int
    headers: list[bytes]
    seqs: list[bytes]
    done: int
    # What is needed to find a record's line, should one be wrong.
    _line: int = 1
    _text: bytes = field(default=b"", repr=False)

    def where(self, index: int) -> str:
        """Say for people where the record at ``index`` of this batch stands."""
        name = self.headers[index].split(None, 1)[:1]
        called = f" ({name[0].decode(errors='replace')})" if name else ""
        at = f", line {self._line_of(index)}" if self._text else ""
        return f"{self.path}{at}, record {self.first + index}{called}"

    def _line_of(self, index: int) -> int:
        starts = [match.start() for match in re.finditer(rb"^>", self._text, re.MULTILINE)]
        return self._line + self._text.count(b"\n", 0, starts[index])


def read(path: str | os.PathLike[str]) -> Iterator[Batch]:
    """Read the records of a FASTA or FASTQ file.

    Parameters
    ----------
    path : path-like
        Plain, gzip (bgzip too), zstd, bzip2 or xz; told by its content.

    Yields
    ------
    Batch
        About a megabyte of records; FASTQ qualities are dropped.

    Raises
    ------
    InputError
        Naming the file and the line or record.
    """
    path = Path(os.fsdecode(path))
    with contextlib.ExitStack() as stack:
        try:
            raw = stack.enter_context(open(path, "rb"))
            file = stack.enter_context(_decompressed(raw))
            start = _skip_blank_lines(file)
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            _unreadable(path, error)
        if not start.text:
            raise InputError(f"{path} is empty: it has no sequences")
        if start.text[:1] == b">":
            batches = _read_fasta(path, raw, file, start)
        elif start.text[:1] == b"@":
            batches = _read_fastq(path, raw, io.BufferedReader(_Prepended(start.text, file)))
        else:
            shown = start.text.split(b"\n", 1)[0][:40].decode("ascii", "backslashreplace")
            raise InputError(
                f"{path}, line {start.line}: neither FASTA nor FASTQ",
                f"expected '>' or '@', found {shown!r}",
            )
        try:
            for batch in batches:
                _check_headers(batch)
                yield batch
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            _unreadable(path, error)


def _unreadable(path: Path, error: Exception) -> NoReturn:
    if isinstance(error, FileNotFoundError):
        raise InputError(f"{path}: no such file") from None
    if isinstance(error, EOFError):
        raise InputError(f"{path} is truncated: its compressed data end too early") from error
    raise InputError(f"{path} cannot be read: {error}") from error


@dataclass
class _Start:
    text: bytes
    line: int


def _skip_blank_lines(file: BinaryIO) -> _Start:
    line = 1
    while text := file.read(_CHUNK):
        rest = text.lstrip(b"\r\n")
        line += text.count(b"\n", 0, len(text) - len(rest))
        if rest:
            return _Start(rest, line)
    return _Start(b"", line)


def _read_fasta(path: Path, raw: BinaryIO, file: BinaryIO, start: _Start) -> Iterator[Batch]:
    first, line = 1, start.line
    pieces = [start.text]
    while True:
        # Only the new piece is searched: a chromosome is not searched again with each one.
        piece = pieces[-1]
        end = piece.rfind(b"\n>")
        if end < 0 and len(pieces) > 1 and pieces[-2][-1:] == b"\n" and piece[:1] == b">":
            end = -1
            text, rest = b"".join(pieces[:-1]), piece
        elif end >= 0:
            text, rest = b"".join([*pieces[:-1], piece[: end + 1]]), piece[end + 1 :]
        else:
            text, rest = b"", b""
        if text:
            batch = _cut(path, first, line, text, raw.tell())
            yield batch
            first += len(batch.headers)
            line += text.count(b"\n")
            pieces = [rest]
        piece = file.read(_CHUNK)
        if not piece:
            yield _cut(path, first, line, b"".join(pieces), raw.tell())
            return
        pieces.append(piece)


def _cut(path: Path, first: int, line: int, text: bytes, done: int) -> Batch:
    lines = text.replace(b"\r\n", b"\n") if b"\r" in text else text
    headers, seqs = [], []
    for record in lines[1:].split(b"\n>"):
        header, _, seq = record.partition(b"\n")
        headers.append(header)
        seqs.append(seq.replace(b"\n", b""))
    if headers[-1][-1:] == b"\r":  # the very last line, without a line feed
        headers[-1] = headers[-1][:-1]
    if seqs[-1][-1:] == b"\r":
        seqs[-1] = seqs[-1][:-1]
    return Batch(path, first, headers, seqs, done, line, text)


def _read_fastq(path: Path, raw: BinaryIO, file: BinaryIO) -> Iterator[Batch]:
    import dnaio

    first = 1
    try:
        records = iter(dnaio.FastqReader(file))
        while batch := list(islice(records, _FASTQ_RECORDS)):
            headers = [record.name.encode() for record in batch]
            seqs = [record.sequence.encode() for record in batch]
            yield Batch(path, first, headers, seqs, raw.tell())
            first += len(batch)
    except dnaio.FileFormatError as error:
        line = "" if error.line is None else f", line {error.line + 1}"
        raise InputError(f"{path}{line}: not FASTQ: {error.message}") from None


def _check_headers(batch: Batch) -> None:
    """Refuse headers that could not be found or written again."""
    joined = b"".join(batch.headers)
    suspicious = len(joined.translate(None, _CONTROLS)) != len(joined) or not joined.isascii()
    for index, header in enumerate(batch.headers):
        if not header.strip():
            raise InputError(
                f"{batch.where(index)}: the header is empty", "every record needs a name"
            )
        if not suspicious:
            continue
        if control := _CONTROL.search(header):
            raise InputError(
                f"{batch.where(index)}: control character {control[0]!r} in the header"
            )
        try:
            header.decode()
        except UnicodeDecodeError:
            raise InputError(
                f"{batch.where(index)}: the header is not UTF-8",
                "convert the file, e.g. with iconv -f latin1 -t utf-8",
            ) from None
        if len(header) > MAX_HEADER_BYTES:
            raise InputError(f"{batch.where(index)}: the header has {len(header):,} bytes")


@contextlib.contextmanager
def _decompressed(raw: BinaryIO) -> Iterator[BinaryIO]:
    head = raw.read(6)
    raw.seek(0)
    kind = next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), None)
    if kind is None:
        yield raw
    elif kind == "zst":
        yield io.BufferedReader(_ZstdFile(raw), _CHUNK)
    else:
        from xopen import xopen

        with xopen(raw, "rb", threads=0, format=kind) as file:
            yield file


class _ZstdFile(io.RawIOBase):
    """All frames of a zstd file; zstandard's own reader does not notice where data are missing."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._context = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._output:
            if not self._input:
                self._input = self._raw.read(1 << 17)
            if not self._input:
                if self._frame is not None:
                    raise EOFError("a zstd frame is not complete")
                return 0
            if self._frame is None:
                self._frame = self._context.decompressobj()
            self._output = memoryview(self._frame.decompress(self._input))
            self._input = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        size = min(len(buffer), len(self._output))
        buffer[:size] = self._output[:size]
        self._output = self._output[size:]
        return size


class _Prepended(io.RawIOBase):
    """A file whose first bytes were read already."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start = memoryview(start)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._start:
            data = self._rest.read(len(buffer))
        else:
            data, self._start = bytes(self._start[: len(buffer)]), self._start[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)
