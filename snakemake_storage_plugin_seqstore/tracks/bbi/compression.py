"""zlib streams, by libdeflate where it is installed."""

from __future__ import annotations

import zlib
from types import ModuleType

deflate: ModuleType | None
try:
    import deflate
except ImportError:  # no wheel for this machine
    deflate = None

# Higher levels of libdeflate make places and values no smaller, but take longer.
_LEVEL, _ZLIB_LEVEL = 3, 6
_RATIO = 1032  # no byte of a stream makes more than so many


def compress(block: bytes) -> bytes:
    """Return a block as a zlib stream."""
    if deflate is None:
        return zlib.compress(block, _ZLIB_LEVEL)
    return bytes(deflate.zlib_compress(block, _LEVEL))


def decompress(block: bytes | memoryview, size: int) -> bytes | bytearray:
    """Return the bytes of a zlib stream that are `size` at most.

    Raises
    ------
    ValueError
        If it is no such stream.
    """
    try:
        size = min(size, len(block) * _RATIO + 1)  # a file may claim more, to fill the memory
        if deflate is None:
            stream = zlib.decompressobj()
            text = stream.decompress(block, size)
            more = stream.decompress(stream.unconsumed_tail, 1)  # nothing, but the end is seen
            if more or not stream.eof:
                raise ValueError("it is cut off, or longer than its file says")
            return text
        found: bytearray = deflate.zlib_decompress(block, size)
        return found
    except (zlib.error, _DeflateError) as error:
        raise ValueError(str(error)) from None


def gunzip(block: bytes, size: int) -> bytes | bytearray:
    """Return the bytes of a gzip stream that has so many.

    Raises
    ------
    ValueError
        If it is no such stream, or its checksum is another.
    """
    try:
        if deflate is None:
            return zlib.decompress(block, zlib.MAX_WBITS | 16, size)
        found: bytearray = deflate.gzip_decompress(block, size)
        return found
    except (zlib.error, _DeflateError) as error:
        raise ValueError(str(error)) from None


_DeflateError: type[Exception] = zlib.error if deflate is None else deflate.DeflateError
