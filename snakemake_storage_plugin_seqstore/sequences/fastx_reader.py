"""Records in: FASTA and FASTQ, plain or compressed, in batches and in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha1
from itertools import chain
from operator import itemgetter, sub
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.sequences.codec import (
    MAX_BYTES,
    MAX_NEW_HEADER_BYTES,
    first_word,
)
from snakemake_storage_plugin_seqstore.sequences.decompression import texts
from snakemake_storage_plugin_seqstore.sequences.worker_process import WorkerProcess

_BATCH_RECORDS = 4000
# Reading less takes no longer than to start Python.
_LARGE_BYTES = 128 << 20
# As far as that a file is looked at before its first record is.
_START_BYTES = 1 << 16
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# In NCBI's files of different sequences it parts the headers of equal ones.
_CONTROL_A = b"\x01"
# A tab may stand in a header. Other control characters are damage, or another kind of file.
_CONTROLS = bytes(i for i in (*range(32), 127) if i != 9)
_ALL_BUT_CONTROLS = bytes(i for i in range(256) if i not in _CONTROLS)
# Where one of them is among residues, there are blanks around lines, comments, or it is illegal.
_BESIDE_RESIDUES = (b" ", b"\t", b"\r", b"\v", b"\f", b";")
_TOO_LONG = f"the sequence has more than {MAX_BYTES:,} residues"
_OLD_MAC = "the line ends of old Macs: make new ones, e.g. with tr '\\r' '\\n'"


@dataclass
class Batch:
    """Consecutive records of one file; one with several names is there once for each.

    Parameters
    ----------
    path : Path
        The file.
    headers, seqs : list of bytes
        Without ``>`` and line breaks.
    line, heights : int, bytes
        Number of the first line, from 1, and how many lines each record has beyond that of its
        header, in 32 bits each.
    size : int
        Bytes of the text, once unpacked, that it was made of.
    problems : dict of int to str
        By position in the batch, what is wrong with a record whatever else is asked of it.
    first : int
        Number of the first record in the file, from 1.
    digests : list of bytes
        The SHA-1 of each sequence.
    origins : list of int
        Where some records have several names, each one's distance from the first.
    """

    path: Path
    headers: list[bytes]
    seqs: list[bytes]
    line: int
    heights: bytes
    size: int
    problems: dict[int, str] = field(default_factory=dict)
    first: int = 1
    digests: list[bytes] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)

    @property
    def indexes(self) -> Sequence[int]:
        """Position of each record in the file, from 0."""
        first = self.first - 1
        if self.origins:
            return [first + origin for origin in self.origins]
        return range(first, first + len(self.headers))

    def where(self, index: int) -> str:
        """Say for people where the record at ``index`` of this batch stands."""
        name = first_word(self.headers[index])[:100].decode(errors="replace")
        # A terminal must not take it for commands.
        plain = name if name.isprintable() else repr(name)
        called = f" ({plain})" if name else ""
        number = self.indexes[index] + 1
        before = number - self.first
        line = self.line + before + sum(array("I", self.heights)[:before])
        return f"{self.path}, line {line:,}, record {number:,}{called}"


def read(path: Path) -> Iterator[Batch]:
    """Read the records of a FASTA or FASTQ file as :func:`read_here` does, large files apart."""
    if not path.is_file() or path.stat().st_size < _LARGE_BYTES:
        yield from read_here(path)
        return
    with WorkerProcess(batches, path) as process:
        while batch := process.receive():
            yield Batch(path, *batch)


def batches(_: Iterator[Any], path: Path) -> Iterator[tuple[Any, ...]]:
    """Give what batches are made of: what the process does, without being asked."""
    for batch in read_here(path):
        yield tuple(vars(batch).values())[1:]


def read_here(path: Path) -> Iterator[Batch]:
    """Read the records of a FASTA or FASTQ file.

    Parameters
    ----------
    path : Path
        Plain or compressed, see :func:`decompression.texts`.

    Yields
    ------
    Batch
        Up to some megabytes of records; FASTQ qualities are dropped.

    Raises
    ------
    InputError
        Naming the file and line, if it cannot be told where records begin and end.
    """
    source = texts(path)
    text, line = _start(path, source)
    source = chain((text,), source)
    number = 1
    for part in (_fasta if text.startswith(b">") else _fastq)(path, source, line):
        for batch in _cut(part) if part.headers else ():
            batch.first = number
            number += len(batch.headers)
            yield _checked(batch)


def _cut(batch: Batch) -> Iterator[Batch]:
    """Cut a batch of very many records."""
    step, line = _BATCH_RECORDS, batch.line
    if len(batch.headers) <= step:
        yield batch
        return
    for start in range(0, len(batch.headers), step):
        end = start + step
        heights = batch.heights[4 * start : 4 * end]
        yield Batch(
            batch.path,
            batch.headers[start:end],
            batch.seqs[start:end],
            line,
            heights,
            0 if start else batch.size,
            {i - start: text for i, text in batch.problems.items() if start <= i < end},
        )
        line += step + sum(array("I", heights))


def _start(path: Path, source: Iterator[bytes]) -> tuple[bytes, int]:
    """Return the text from the first record on, and the number of its line."""
    text = b""
    while len(text) < _START_BYTES and (more := next(source, None)) is not None:
        text += more
    if text.startswith(_UTF16):
        raise InputError(
            f"{path} is neither FASTA nor FASTQ: it is in UTF-16",
            "convert it, e.g. with iconv -f utf-16 -t utf-8",
        )
    if b"\r" in text and b"\n" not in text:
        raise InputError(f"{path} has {_OLD_MAC}")
    text = text.removeprefix(_BOM)
    line = 1
    while not text.startswith((b">", b"@")):
        before, end, after = text.partition(b"\n")
        if before.strip() and not before.startswith(b";"):
            raise InputError(
                f"{path} is neither FASTA nor FASTQ: line {line} begins with "
                f"{before[:1].decode(errors='replace')!r}",
                "records begin with '>' or '@'; compressed files are gzip, bzip2, xz or zstd",
            )
        if end:
            text, line = after, line + 1
        elif (more := next(source, None)) is not None:
            text += more
        else:
            raise InputError(f"{path} has no sequences")
    return text, line


# ---- FASTA


def _fasta(path: Path, source: Iterable[bytes], line: int) -> Iterator[Batch]:
    for text, lost in _whole_records(source):
        size = len(text)
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
        pairs = [record.partition(b"\n") for record in _split(text)]
        headers = [header for header, _, _ in pairs]
        bodies = [body for _, _, body in pairs]
        del pairs
        seqs = [body.replace(b"\n", b"") for body in bodies]
        # What is gone now are line ends.
        heights = array("I", map(sub, map(len, bodies), map(len, seqs)))
        batch = Batch(path, headers, seqs, line, heights.tobytes(), size)
        line += len(headers) + sum(heights) + (lost or 0)
        # They are looked at as a whole first: nearly always nothing is wrong with any.
        joined = b"".join(seqs)
        if any(mark in joined for mark in _BESIDE_RESIDUES):
            seqs[:] = map(_residues, bodies)
            for index, seq in enumerate(seqs):
                if b"\r" in seq:
                    batch.problems[index] = f"a carriage return among the residues: {_OLD_MAC}"
        if lost is not None or len(joined) > MAX_BYTES:
            for index, seq in enumerate(seqs):
                if lost is not None or len(seq) > MAX_BYTES:
                    batch.problems[index] = _TOO_LONG
                    seqs[index] = b""
        yield batch


def _split(text: bytes) -> list[bytes]:
    """Return the records of a text, without their marks and with all their line ends."""
    # One character is found in half the time of two, but headers may have it too.
    records = text.split(b">")[1:]
    if set(map(itemgetter(slice(-1, None)), records[:-1])) <= {b"\n"}:
        return records
    records = text[1:].split(b"\n>")
    return [*(record + b"\n" for record in records[:-1]), records[-1]]


def _whole_records(source: Iterable[bytes]) -> Iterator[tuple[bytes, int | None]]:
    """Cut a text where records begin.

    Yields
    ------
    text : bytes
        Of some records, or of the beginning of one that is too long for a database.
    lost : int or None
        How many line ends that one has beyond the text; None if it is whole.
    """
    parts: list[bytes] = []  # of one record, as soon as there are any
    size = 0  # of these, without line ends
    lost, ended = None, False
    for text in source:
        # Where the record ends; -1 if that is not in this text.
        first = 0 if ended and text.startswith(b">") else text.find(b"\n>") + 1 or -1
        ended = text.endswith(b"\n")
        if first < 0 and parts:
            ends = text.count(b"\n")
            if lost is not None:
                lost += ends
                continue
            if b"\n" in parts[0]:
                parts.append(text)
            else:
                parts[0] += text  # so that the first part has all of the header
            size += len(text) - ends - text.count(b"\r")
            no_header = len(parts[0]) > _START_BYTES and b"\n" not in parts[0]
            if no_header or size > MAX_BYTES + _START_BYTES:
                lost = sum(part.count(b"\n") for part in parts[1:]) - no_header
                del parts[1:]
            continue
        last = max(first, text.rfind(b"\n>") + 1)
        if lost is not None:
            yield b"".join(parts), lost + text[:first].count(b"\n")
            parts, text, last = [], text[first:], last - first
        if last or parts:
            yield b"".join((*parts, memoryview(text)[:last])), None
        parts = [text[last:]]
        size, lost = len(parts[0]), None
    yield b"".join(parts), lost


def _residues(body: bytes) -> bytes:
    """Return what is in lines without comments, and without the blanks around them."""
    lines = map(bytes.strip, body.split(b"\n"))
    return b"".join(line for line in lines if not line.startswith(b";"))


# ---- FASTQ


def _fastq(path: Path, source: Iterable[bytes], line: int) -> Iterator[Batch]:
    left: list[bytes] = []  # of what is no whole record yet
    number = 1
    for text in chain(source, (None,)):
        left.append(text or b"")
        if text is not None and b"\n" not in text:
            if sum(map(len, left)) > 4 * MAX_BYTES:
                header = left[0].partition(b"\n")[0][1:]
                where = Batch(path, [header], [b""], line, b"", 0, first=number).where(0)
                raise InputError(f"{where}: {_TOO_LONG}", "take it out of the file")
            continue
        lines = b"".join(left).split(b"\n")
        last = lines.pop()  # which may go on, or is nothing
        if text is None and last:
            lines, last = [*lines, last], b""
        batch, done = _records(path, line, lines)
        batch.size = sum(map(len, left))
        yield batch
        line += done
        number += len(batch.headers)
        left = [b"\n".join([*lines[done:], last])]
    if left[0].strip():
        raise InputError(f"{path}, line {line}: the last record is cut off")


def _records(path: Path, line: int, lines: list[bytes]) -> tuple[Batch, int]:
    """Return the records in some lines, and how many lines they have.

    Parameters
    ----------
    path : Path
        The file.
    line : int
        Number of the first line.
    lines : list of bytes
        Lines; what they end with may be only the beginning of a record.
    """
    batch = Batch(path, [], [], line, b"", 0)
    heights = array("I")
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            if heights:
                heights[-1] += 1
            else:
                batch.line += 1
            continue
        record = lines[at : at + 4]
        for mark, found, number in (("@", record[0], at), ("+", b"".join(record[2:3]), at + 2)):
            if number < len(lines) and not found.startswith(mark.encode()):
                raise InputError(
                    f"{path}, line {line + number}: expected {mark!r}, "
                    f"found {found[:1].decode(errors='replace')!r}",
                    "a FASTQ record has four lines: @name, residues, +, qualities",
                )
        if len(record) < 4:
            break
        header, seq, _, quality = record
        seq, quality = seq.strip(), quality.strip()
        if len(seq) != len(quality):
            batch.problems[len(batch.seqs)] = f"{len(seq):,} residues, {len(quality):,} qualities"
        if len(seq) > MAX_BYTES:
            batch.problems[len(batch.seqs)] = _TOO_LONG
            seq = b""
        batch.headers.append(header[1:].removesuffix(b"\r"))
        batch.seqs.append(seq)
        heights.append(3)
        at += 4
    batch.heights = heights.tobytes()
    return batch, at


# ---- what a database can hold


def _checked(batch: Batch) -> Batch:
    """Hash sequences, and look for headers that could not be found or written again."""
    batch.digests = [sha1(seq, usedforsecurity=False).digest() for seq in batch.seqs]
    # Batches are looked at as a whole first: nearly always nothing is wrong with any record.
    joined = b"".join(batch.headers)
    if _CONTROL_A in joined:
        batch = _one_a_name(batch)
        joined = b"".join(batch.headers)
    controls = len(joined.translate(None, _CONTROLS)) != len(joined)
    suspicious = (
        controls
        or not joined.isascii()
        or max(map(len, batch.headers)) > MAX_NEW_HEADER_BYTES
        or not all(map(bytes.strip, batch.headers))
    )
    if suspicious:
        batch.problems |= _problems(batch.headers)
    if not all(batch.seqs):
        for index, seq in enumerate(batch.seqs):
            if not seq:
                batch.problems.setdefault(index, "the sequence is empty")
    return batch


def _one_a_name(batch: Batch) -> Batch:
    """Return a batch that has a record for each name that Control-A parts from others."""
    names = [list(filter(bytes.strip, header.split(_CONTROL_A))) for header in batch.headers]
    origins = [index for index, of_one in enumerate(names) for _ in of_one or [b""]]
    return replace(
        batch,
        headers=[name for of_one in names for name in of_one or [b""]],
        seqs=[batch.seqs[index] for index in origins],
        digests=[batch.digests[index] for index in origins],
        problems={
            new: batch.problems[old] for new, old in enumerate(origins) if old in batch.problems
        },
        origins=origins,
    )


def _problems(headers: list[bytes]) -> dict[int, str]:
    found = ((index, _problem(header)) for index, header in enumerate(headers))
    return {index: problem for index, problem in found if problem}


def _problem(header: bytes) -> str:
    """Say what is wrong with a header; nothing if it is sound."""
    if not header.strip():
        return "the header is empty: every record needs a name"
    if b"\r" in header:
        return f"a carriage return in the header: {_OLD_MAC}"
    if len(header) > MAX_NEW_HEADER_BYTES:
        return f"the header has more than {MAX_NEW_HEADER_BYTES:,} bytes"
    if controls := header.translate(None, _ALL_BUT_CONTROLS):
        return f"control character {controls[:1]!r} in the header"
    try:
        header.decode()
    except UnicodeDecodeError:
        return "the header is not UTF-8: convert the file, e.g. with iconv -f latin1 -t utf-8"
    return ""
