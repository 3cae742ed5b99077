"""Bytes at any offset of a file, whatever it is compressed with."""

from __future__ import annotations

import bisect
import gzip
import os
import shutil
import struct
import tempfile
import weakref
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

from snakemake_storage_plugin_seqstore import bgzip
from snakemake_storage_plugin_seqstore.errors import DamageError, InputError

GZIP_MAGIC = b"\x1f\x8b"
_BLOCK_HEADER = struct.Struct("<4sIBBH2sHH")  # with the one extra field that bgzip writes
_BLOCK_HEADER_START = b"\x1f\x8b\x08\x04"
_Find = Callable[[], Any]

_END_OF_BLOCK = struct.Struct("<II")  # CRC-32 and length of what the block holds


class BytesSource(Protocol):
    """Bytes that can be read at any offset, by several threads at once."""

    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on; fewer at the end."""

    def close(self) -> None:
        """Let go of the file; nothing can be read any more."""


class PlainFile:
    """The bytes of a file as they are.

    Parameters
    ----------
    path : Path
        What it is called in errors.
    file : binary file, optional
        An open file to read instead; it is owned from now on.
    """

    def __init__(self, path: Path, file: IO[bytes] | None = None) -> None:
        self.path = path
        self._file = file or _open(path)
        self._descriptor = self._file.fileno()
        self.size = os.fstat(self._descriptor).st_size
        self._closing = weakref.finalize(self, self._file.close)

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on; fewer at the end."""
        if not self._closing.alive:
            raise InputError(f"{self.path} is closed")
        size = min(size, self.size - offset)  # a damaged file may ask for any number of bytes
        parts = []
        while size > 0 and (part := os.pread(self._descriptor, size, offset)):
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        self._closing()


class BlockGzipFile:
    """What a file holds that bgzip compressed: only the blocks that are asked for are read.

    Where the blocks start is read from the blocks themselves, so that no index is needed.

    Parameters
    ----------
    path : Path
        The file.
    keep : callable, optional
        Gives the blocks, if they are known already, or what the function that it is called with
        finds.

    Raises
    ------
    InputError
        If the file is truncated or damaged.
    """

    def __init__(self, path: Path, keep: Callable[[_Find], Any] = lambda find: find()) -> None:
        self.path = path
        self._file = PlainFile(path)
        try:
            # Where the blocks are in the file; where what they hold begins, and all of it ends.
            self.offsets, self.starts, self.size = keep(self._find_blocks)
        except BaseException:
            self._file.close()
            raise

    def _find_blocks(self) -> tuple[list[int], list[int], int]:
        offsets: list[int] = []
        starts: list[int] = []
        offset = start = length = 0
        head = self._file.read(0, _BLOCK_HEADER.size)
        with _open(self.path) as file:
            end = bgzip.end_of_data(file)
        while offset < end:
            size = _block_size(head)
            if size is None:
                raise InputError(f"{self.path} is damaged: there is no block of bgzip at {offset}")
            # The end of this block and the head of the next one are read at once.
            ends = offset + size - _END_OF_BLOCK.size
            tail = self._file.read(ends, _END_OF_BLOCK.size + _BLOCK_HEADER.size)
            if len(tail) < _END_OF_BLOCK.size:
                raise InputError(f"{self.path} is truncated in the block of bgzip at {offset}")
            _, length = _END_OF_BLOCK.unpack_from(tail)
            offsets.append(offset)
            starts.append(start)
            start += length
            offset += size
            head = tail[_END_OF_BLOCK.size :]
        if length:
            raise InputError(f"{self.path} is truncated: bgzip's last block is missing")
        return offsets, starts, start

    @property
    def blocks(self) -> set[tuple[int, int]]:
        """Where each block starts in the file, and where what it holds does."""
        return set(zip(self.offsets, self.starts, strict=True))

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on; fewer at the end."""
        end = min(offset + size, self.size)
        if offset >= end:
            return b""
        first = bisect.bisect_right(self.starts, offset) - 1
        last = bisect.bisect_left(self.starts, end) - 1
        content = b"".join([self._block(number) for number in range(first, last + 1)])
        skip = offset - self.starts[first]
        return content[skip : skip + end - offset]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _block(self, number: int) -> bytes:
        offset = self.offsets[number]
        following = number + 1
        end = self.offsets[following] if following < len(self.offsets) else self._file.size
        block = self._file.read(offset, end - offset)
        try:
            content = zlib.decompress(block[_BLOCK_HEADER.size : -_END_OF_BLOCK.size], -15)
        except zlib.error as error:
            raise DamageError(f"{self.path} is damaged in the block at {offset}: {error}") from None
        if _END_OF_BLOCK.unpack(block[-_END_OF_BLOCK.size :]) != (
            zlib.crc32(content),
            len(content),
        ):
            raise DamageError(f"{self.path} is damaged in the block at {offset}")
        return content


def open_bytes(path: Path, keep: Callable[[_Find], Any] = lambda find: find()) -> BytesSource:
    """Open a file that is plain, or compressed by bgzip or gzip, as its content says.

    Gzip without blocks has no random access: what it holds is written to an unnamed temporary file.
    For `keep` see :class:`BlockGzipFile`.

    Raises
    ------
    InputError
        If the file cannot be opened, is truncated or damaged.
    """
    with _open(path) as file:
        head = file.read(_BLOCK_HEADER.size)
    if not head.startswith(GZIP_MAGIC):
        return PlainFile(path)
    if _block_size(head) is None:
        return PlainFile(path, _unpacked(path))
    return BlockGzipFile(path, keep)


def _unpacked(path: Path) -> IO[bytes]:
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - who reads it closes it
    try:
        with gzip.open(path) as compressed:
            shutil.copyfileobj(compressed, unpacked, 1 << 20)
        unpacked.flush()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        unpacked.close()
        raise InputError(f"{path} is truncated or damaged: {error}") from None
    except BaseException:
        unpacked.close()
        raise
    return unpacked


def _block_size(head: bytes) -> int | None:
    """Size in bytes of the block of bgzip that starts like this; None if it is none."""
    if len(head) < _BLOCK_HEADER.size or not head.startswith(_BLOCK_HEADER_START):
        return None
    *_, extra, field, length, size = _BLOCK_HEADER.unpack(head)
    fits = size + 1 >= _BLOCK_HEADER.size + _END_OF_BLOCK.size
    return size + 1 if fits and (extra, field, length) == (6, b"BC", 2) else None


def _open(path: Path) -> IO[bytes]:
    try:
        return open(path, "rb")
    except IsADirectoryError:
        raise InputError(f"{path} is a directory", "name the file of the genome") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
