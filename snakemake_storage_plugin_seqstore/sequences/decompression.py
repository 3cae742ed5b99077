"""Files of text, plain or compressed: read to their end, or refused."""

from __future__ import annotations

import bz2
import lzma
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard
from isal import isal_zlib

from snakemake_storage_plugin_seqstore import bgzip
from snakemake_storage_plugin_seqstore.errors import InputError

_TEXT_BYTES = 1 << 20
# What is unpacked at once: some formats make a hundred megabytes of that, but not more.
_PACKED_BYTES = 1 << 12


class _Stream(Protocol):
    """One compressed stream, as the standard library's decompressors read it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


# By what a stream begins with. The last one of zstd's is a frame with no text in it.
_FORMATS: list[tuple[re.Pattern[bytes], Callable[[], _Stream]]] = [
    (re.compile(rb"\x1f\x8b"), lambda: isal_zlib.decompressobj(wbits=31)),
    (re.compile(rb"BZh[1-9][\x31\x17]"), bz2.BZ2Decompressor),
    (re.compile(rb"\xfd7zXZ\x00"), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)),
    (
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
        lambda: zstandard.ZstdDecompressor().decompressobj(),
    ),
]
_MARK_BYTES = 6
_ERRORS: tuple[type[Exception], ...] = (
    isal_zlib.error,  # type: ignore[assignment]
    OSError,
    lzma.LZMAError,
    zstandard.ZstdError,
)


def plain_size(path: Path) -> int | None:
    """Look at a file before the work on it begins.

    Returns
    -------
    int or None
        Its size in bytes, if that says how much there is to read: it is not compressed, nor a pipe.

    Raises
    ------
    InputError
        If it is missing or cannot be opened, or bgzip did not finish it.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory", "name the files in it")
        if path.exists() and not path.is_file():
            return None  # a pipe can be read only once
        with open(path, "rb") as file:
            bgzip.require_last(path, file)
            head = file.read(_MARK_BYTES)
            size = file.seek(0, os.SEEK_END)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not size:
        raise InputError(f"{path} is empty: it has no sequences")
    return size if _format(head) is None else None


def texts(path: Path) -> Iterator[bytes]:
    """Give what is in a file, unpacked, in pieces of about a megabyte.

    Parameters
    ----------
    path : Path
        Plain, gzip (bgzip too), bzip2, xz or zstd, told by its content. Streams that were put one
        behind the other are read one after the other; zeros behind one are no part of the text.

    Raises
    ------
    InputError
        If it cannot be read, is truncated or damaged, or something else follows what is compressed.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        head = _read(path, file, _PACKED_BYTES)
        if _format(head) is not None:
            yield from _joined(_unpacked(path, file, head))
            return
        while head:
            yield head
            head = _read(path, file, _TEXT_BYTES)


def _format(head: bytes) -> Callable[[], _Stream] | None:
    return next((make for mark, make in _FORMATS if mark.match(head)), None)


def _read(path: Path, file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _unpacked(path: Path, file: BinaryIO, data: bytes) -> Iterator[bytes]:
    """Give the texts of all streams of a file that begins with these data."""
    while data:
        make = _format(data)
        if make is None:
            raise InputError(
                f"{path}: what follows its compressed data is not compressed, or damaged",
                "if it does not belong there, remove it",
            )
        stream = make()
        while not stream.eof:
            if not data:
                raise InputError(f"{path} is truncated: its compressed data end too early")
            try:
                text = stream.decompress(data)
            except _ERRORS as error:
                raise InputError(f"{path} is damaged: it cannot be unpacked: {error}") from None
            yield text
            data = b"" if stream.eof else _read(path, file, _PACKED_BYTES)
        data = stream.unused_data.lstrip(b"\0")
        while len(data) < _MARK_BYTES and (more := _read(path, file, _PACKED_BYTES)):
            data = (data + more).lstrip(b"\0")


def _joined(texts: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    for text in texts:
        parts.append(text)
        size += len(text)
        if size >= _TEXT_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)
