"""Texts to bytes and back: the blobs of a portable database, and zstd frames.

====  ==================================
flag  payload of a blob
====  ==================================
0x00  UTF-8
0x01  UTF-8 in one zstd frame
====  ==================================
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Iterable, Iterator

import numpy as np
import zstandard

from snakemake_storage_plugin_seqstore.sequences.texts import Numbers, Texts, before, numbers

PLAIN, ZSTD = b"\x00", b"\x01"
# Blobs in bulk are bytearrays: before sqlite3 takes bytes, it looks for an adapter of each of them.
_PLAIN, _ZSTD = bytearray(PLAIN), bytearray(ZSTD)

# On protein text level 1 is both the fastest and the smallest: higher levels search for repeats
# that are not there. Headers do repeat.
SEQUENCE_LEVEL, HEADER_LEVEL = 1, 3
# SQLite's own limit for a blob: nothing larger can have been stored, nor is it ever allocated.
MAX_BYTES = 10**9
# Of headers that are there already, and of those that are taken into new databases: a page of them
# is read at once.
MAX_HEADER_BYTES = 1 << 24
MAX_NEW_HEADER_BYTES = 1 << 16
# Of the headers of a page.
MAX_HEADERS_BYTES = 1 << 27
# What zstandard prepares for many frames takes as long as so many do one by one.
_MANY = 12

# Bytes of the least zstd frame, of the header of a block, and of the id of a dictionary, by flag.
_LEAST, _BLOCK_HEADER = 9, 3
_ID_BYTES = np.array([0, 1, 2, 4])

_first_int64 = struct.Struct("<q").unpack_from


class _Contexts(threading.local):
    """A thread's zstd contexts: slow to make, fast to use, unsafe to share."""

    def __init__(self) -> None:
        self.decompressor = zstandard.ZstdDecompressor()
        self.blobs = zstandard.ZstdCompressor(level=SEQUENCE_LEVEL)
        self.frames = {
            level: zstandard.ZstdCompressor(level=level, write_checksum=True)
            for level in (SEQUENCE_LEVEL, HEADER_LEVEL)
        }


_contexts = _Contexts()


def encode_many(items: list[bytes]) -> list[bytearray]:
    """Return the smaller of the plain and the compressed blob of each item, none of them empty."""
    frames: Iterable[bytes] = _contexts.blobs.multi_compress_to_buffer(items)  # type: ignore[arg-type, assignment]
    return [
        _ZSTD + frame if len(frame) < len(data) else _PLAIN + data
        for data, frame in zip(items, frames, strict=True)
    ]


def plain_many(items: list[bytes]) -> list[bytearray]:
    """Return the plain blob of each item."""
    return [_PLAIN + data for data in items]


def decode(blob: bytes, limit: int = MAX_BYTES) -> bytes:
    """Return the text of a blob as UTF-8 bytes.

    Parameters
    ----------
    blob : bytes
        Flag and payload.
    limit : int
        The most bytes that the text may have; a frame that claims more is not unpacked.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If the flag is unknown or the payload is damaged.
    """
    flag = blob[:1]
    if flag == ZSTD:
        return unpack(blob[1:], limit)
    if flag == PLAIN:
        return blob[1:]
    if not blob:
        return b""
    raise ValueError(f"unknown blob flag {flag!r}")


def decode_joined(
    blobs: bytes, lengths: Numbers, sizes: Numbers | None = None, limit: int = MAX_BYTES
) -> Texts:
    """Return the texts of many blobs; other threads run meanwhile.

    Parameters
    ----------
    blobs : bytes
        Flags and payloads, one behind the other.
    lengths : array of int
        How many bytes each blob has.
    sizes : array of int, optional
        How many bytes each text has; by default what its frame says.
    limit : int
        No more bytes than this are unpacked.

    Raises
    ------
    ValueError
        If one cannot be decoded; :func:`decode` says what is wrong with it.
    """
    starts = before(lengths)
    if lengths.sum() != len(blobs) or not lengths.all():
        raise ValueError("empty or missing blobs")
    flags = np.frombuffer(blobs, np.uint8)[starts]
    if flags.max(initial=0) > ord(ZSTD):
        raise ValueError("unknown blob flags")
    starts, lengths = starts + 1, lengths - 1
    packed, plain = np.flatnonzero(flags), np.flatnonzero(flags == ord(PLAIN))
    if not len(packed):
        return Texts(blobs, starts, lengths)
    frames = Texts(blobs, starts[packed], lengths[packed])
    if sizes is None:
        sizes = np.zeros_like(lengths)
        try:
            sizes[packed] = numbers(map(zstandard.frame_content_size, frames))
        except (zstandard.ZstdError, OverflowError) as error:  # one claims 2**63 bytes
            raise ValueError(f"a zstd frame is damaged: {error}") from None
    unpacked = sizes[packed]
    if unpacked.min() < 1 or max(unpacked.max(), unpacked.sum()) > limit:
        raise ValueError("the sizes of some frames must be looked at one by one")
    text = unpack_parts(frames, unpacked)
    starts[packed], lengths[packed] = before(unpacked), unpacked
    rest = Texts(blobs, starts[plain], lengths[plain])
    starts[plain] = len(text) + before(rest.lengths)
    return Texts(b"".join((text, *rest)), starts, lengths)


def pack_many(items: list[bytes], level: int) -> list[bytes]:
    """Return a zstd frame with a checksum of each item; other threads run meanwhile."""
    if not items:  # which zstandard does not survive
        return []
    frames = _contexts.frames[level].multi_compress_to_buffer(items)  # type: ignore[arg-type]
    return [frames[i].tobytes() for i in range(len(items))]


def unpack(frame: bytes, limit: int = MAX_BYTES) -> bytes:
    """Return the text in a zstd frame; ValueError if it is damaged or larger than ``limit``."""
    # The size is checked before anything is allocated: one flipped bit can make it gigabytes.
    try:
        size = zstandard.frame_content_size(frame)
        if size > limit:
            raise ValueError(
                f"its zstd frame claims {size:,} bytes, at most {limit:,} can be right"
            )
        if size == 0:
            return b""
        return _contexts.decompressor.decompress(
            frame, max_output_size=limit if size < 0 else 0, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise ValueError(f"its zstd frame is damaged: {error}") from None


def unpack_many(frames: list[bytes], limit: int = MAX_BYTES) -> Iterator[bytes]:
    """Give the texts in many frames; ValueError if they are damaged, or together too large."""
    if len(frames) < _MANY:
        return (unpack(frame, limit) for frame in frames)
    try:
        sizes = list(map(zstandard.frame_content_size, frames))
        if min(sizes) <= 0 or sum(sizes) > limit:
            raise ValueError("the sizes of some frames must be looked at one by one")
        _check_ends(Texts.of(frames))
        buffers = _contexts.decompressor.multi_decompress_to_buffer(frames)  # type: ignore[arg-type]
    except zstandard.ZstdError as error:
        raise ValueError(f"a zstd frame is damaged: {error}") from None
    return (buffers[i].tobytes() for i in range(len(frames)))


def unpack_parts(frames: Texts, sizes: Numbers) -> bytes:
    """Return the joined texts of zstd frames; other threads run meanwhile.

    Parameters
    ----------
    frames : Texts
        At least one frame.
    sizes : array of int
        How many bytes each text must have: at least 1.

    Raises
    ------
    ValueError
        If a frame is damaged, or its text has another size.
    """
    segments = np.stack((frames.starts, frames.lengths), axis=1).tobytes()
    _check_ends(frames)
    try:
        texts = _contexts.decompressor.multi_decompress_to_buffer(
            zstandard.BufferWithSegments(frames.data, segments),
            decompressed_sizes=sizes.tobytes(),
        )
    except zstandard.ZstdError as error:
        raise ValueError(f"a zstd frame is damaged: {error}") from None
    # Their types do not tell that they are buffers.
    return b"".join(map(texts.__getitem__, range(len(texts))))  # type: ignore[arg-type]


def _check_ends(frames: Texts) -> None:
    """Refuse what goes on behind its zstd frame: of many at once, zstandard ignores that.

    A frame is a header, blocks that each say how long they are and whether they are the last one,
    and perhaps a checksum.
    """
    data, starts = np.frombuffer(frames.data, np.uint8), frames.starts
    ends = starts + frames.lengths
    if frames.lengths.min(initial=_LEAST) < _LEAST:
        raise ValueError("a zstd frame is damaged: it is too short")
    descriptor = data[starts + len(zstandard.FRAME_HEADER)]
    is_single = descriptor >> 5 & 1
    size_bytes = np.where(descriptor >> 6 == 0, is_single, 1 << (descriptor >> 6))
    id_bytes = _ID_BYTES[descriptor & 3]
    at = starts + len(zstandard.FRAME_HEADER) + 1 + (1 - is_single) + id_bytes + size_bytes
    ends = ends - 4 * (descriptor >> 2 & 1)
    while len(at):
        if (at + _BLOCK_HEADER > ends).any():
            raise ValueError("a zstd frame is damaged: it is cut")
        header = data[at] | data[at + 1].astype(np.int64) << 8 | data[at + 2].astype(np.int64) << 16
        is_repeated = (header >> 1 & 3) == 1  # one byte stands for all
        at = at + _BLOCK_HEADER + np.where(is_repeated, 1, header >> 3)
        is_last = (header & 1).astype(bool)
        if (at[is_last] != ends[is_last]).any():
            raise ValueError("a zstd frame is damaged: it has another length")
        at, ends = at[~is_last], ends[~is_last]


def hash8(data: bytes) -> int:
    """Return the first 8 bytes of the SHA-1 of ``data`` as a little-endian signed integer."""
    value: int = _first_int64(hashlib.sha1(data, usedforsecurity=False).digest())[0]
    return value


def hashes8(digests: list[bytes]) -> tuple[int, ...]:
    """Return the hash8 of each SHA-1."""
    return struct.unpack("<" + "q12x" * len(digests), b"".join(digests))


def encode_text(text: str, compress: bool) -> bytes:
    """Encode a text as the seed does: with flag 0x01 if ``compress``, even where that is longer."""
    data = text.encode()
    return ZSTD + _contexts.blobs.compress(data) if compress else PLAIN + data


def decode_text(blob: bytes, limit: int = MAX_BYTES) -> str:
    """Decode a blob."""
    return decode(blob, limit).decode()


def first_word(header: bytes) -> bytes:
    """Return a record's name: what stands before the first ASCII whitespace of its header."""
    words = header.split(None, 1)
    return words[0] if words else b""
