"""Blobs of a sequence database: one flag byte, then the text, plain or compressed.

======  ==========================================================================================
flag    payload
======  ==========================================================================================
0x00    UTF-8
0x01    UTF-8 in one zstd frame
0x02    UTF-8 in one zstd frame without its four magic bytes, made with the file's own dictionary
0x03    the gid, as a little-endian integer, of the record that has the same sequence
======  ==========================================================================================

Other programs know 0x00 and 0x01; the rest is only ever written by ``encoding="compact"``.
"""

from __future__ import annotations

import hashlib
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence

import zstandard

PLAIN, ZSTD, DICTIONARY, SAME = b"\x00", b"\x01", b"\x02", b"\x03"

# On protein text level 1 is both the fastest and the smallest: higher levels search for repeats
# that are not there. Headers do repeat; with a dictionary levels above 3 are worse for them too.
SEQUENCE_LEVEL, HEADER_LEVEL = 1, 3
_MAGIC = b"\x28\xb5\x2f\xfd"
# SQLite's own limit for a blob: nothing larger can have been stored, nor is it ever allocated.
MAX_BYTES = 10**9
MAX_HEADER_BYTES = 1 << 24
_DICTIONARY_BYTES = 110 * 1024
# Given, since zstd's search for the best value takes four times as long and finds nothing better.
_SEGMENT_BYTES = 1000

# zstd loads the dictionary anew for each call with many frames: fewer are faster one by one.
_MANY = 20

_first_int64 = struct.Struct("<q").unpack_from


class Codec:
    """Encoder and decoder of blobs; one object may be shared between threads.

    Parameters
    ----------
    dictionary : bytes, optional
        What flag 0x02 is made with; without it such blobs are neither written nor understood.
    level : int
        zstd's level.
    """

    def __init__(self, dictionary: bytes | None = None, level: int = SEQUENCE_LEVEL) -> None:
        self.dictionary = dictionary
        self._flag = ZSTD if dictionary is None else DICTIONARY
        self._contexts = _Contexts(dictionary, level)

    def encode(self, data: bytes) -> bytes:
        """Return the smaller of the plain and the compressed blob."""
        packed = self._flag + self._contexts.compressor.compress(data)
        return packed if len(packed) <= len(data) else PLAIN + data

    def encode_many(self, items: list[bytes]) -> list[bytes]:
        """Return :meth:`encode` of every item, none of them empty; other threads run meanwhile."""
        frames: Iterable[bytes] = self._contexts.compressor.multi_compress_to_buffer(items)  # type: ignore[arg-type, assignment]
        flag = self._flag
        return [
            flag + frame if len(frame) < len(data) else PLAIN + data
            for data, frame in zip(items, frames, strict=True)
        ]

    def decode(self, blob: bytes, limit: int = MAX_BYTES) -> bytes:
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
            return _inflate(self._contexts.plain, blob[1:], limit)
        if flag == PLAIN:
            return blob[1:]
        if flag == DICTIONARY and self.dictionary is not None:
            return _inflate(self._contexts.decompressor, _MAGIC + blob[1:], limit)
        if not blob:
            return b""
        raise ValueError(f"unknown blob flag {flag!r}")

    def decode_many(self, blobs: Sequence[bytes], limit: int = MAX_BYTES) -> list[bytes]:
        """Return the texts of many blobs; other threads run meanwhile.

        Parameters
        ----------
        blobs : sequence of bytes
            Flags and payloads.
        limit : int
            No more bytes than this are unpacked at once.

        Raises
        ------
        ValueError
            If one cannot be decoded; :meth:`decode` says what is wrong with it.
        """
        if len(blobs) < _MANY:
            return [self.decode(blob, limit) for blob in blobs]
        contexts = self._contexts
        kinds = [(ZSTD, b"", contexts.plain), (DICTIONARY, _MAGIC, contexts.decompressor)]
        if self.dictionary is None:
            kinds.pop()
        flags = {blob[:1] for blob in blobs}
        if not flags <= {PLAIN, *(flag for flag, _, _ in kinds)}:
            raise ValueError("unknown blob flags")
        texts = [blob[1:] for blob in blobs]
        for flag, magic, context in kinds:
            if flag in flags:
                which = [i for i, blob in enumerate(blobs) if blob[:1] == flag]
                frames = [magic + texts[i] for i in which]
                for i, text in zip(which, _inflate_many(context, frames, limit), strict=True):
                    texts[i] = text
        return texts


class _Contexts(threading.local):
    """A thread's zstd contexts: slow to make, fast to use, unsafe to share."""

    def __init__(self, dictionary: bytes | None, level: int) -> None:
        self.plain = zstandard.ZstdDecompressor()
        if dictionary is None:
            self.compressor = zstandard.ZstdCompressor(level=level)
            self.decompressor = self.plain
        else:
            trained = zstandard.ZstdCompressionDict(dictionary)
            parameters = zstandard.ZstdCompressionParameters.from_level(
                level, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_dict_id=False
            )
            self.compressor = zstandard.ZstdCompressor(
                dict_data=trained, compression_params=parameters
            )
            self.decompressor = zstandard.ZstdDecompressor(dict_data=trained)


def _inflate(context: zstandard.ZstdDecompressor, frame: bytes, limit: int) -> bytes:
    # The size is checked before anything is allocated: one flipped bit can make it gigabytes.
    try:
        size = zstandard.frame_content_size(frame)
        if size > limit:
            raise ValueError(
                f"its zstd frame claims {size:,} bytes, at most {limit:,} can be right"
            )
        if size == 0:
            return b""
        return context.decompress(
            frame, max_output_size=limit if size < 0 else 0, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise ValueError(f"its zstd frame is damaged: {error}") from None


def _inflate_many(
    context: zstandard.ZstdDecompressor, frames: list[bytes], limit: int
) -> Iterator[bytes]:
    try:
        sizes = list(map(zstandard.frame_content_size, frames))
        if min(sizes) <= 0 or sum(sizes) > limit:
            raise ValueError("the sizes of some frames must be looked at one by one")
        buffers = context.multi_decompress_to_buffer(frames)  # type: ignore[arg-type]
    except zstandard.ZstdError as error:
        raise ValueError(f"a zstd frame is damaged: {error}") from None
    return (buffers[i].tobytes() for i in range(len(frames)))


def train(samples: Sequence[bytes]) -> bytes | None:
    """Make a dictionary from samples of what it shall compress, or None if they are too few."""
    # A dictionary that is not much smaller than what it was made from saves nothing.
    size = min(_DICTIONARY_BYTES, sum(map(len, samples)) // 16)
    if len(samples) < 100 or size < 1024:
        return None
    try:
        trained = zstandard.train_dictionary(
            size, list(samples), k=_SEGMENT_BYTES, d=8, level=SEQUENCE_LEVEL
        )
    except zstandard.ZstdError:
        return None
    return trained.as_bytes()


def hash8(data: bytes) -> int:
    """Return the first 8 bytes of the SHA-1 of ``data`` as a little-endian signed integer."""
    value: int = _first_int64(hashlib.sha1(data, usedforsecurity=False).digest())[0]
    return value


def hashes8(digests: list[bytes]) -> tuple[int, ...]:
    """Return the hash8 of each SHA-1."""
    return struct.unpack("<" + "q12x" * len(digests), b"".join(digests))


_portable = Codec()


def encode_text(text: str, compress: bool) -> bytes:
    """Encode a text as the seed does: with flag 0x01 if ``compress``, even where that is longer."""
    data = text.encode()
    return ZSTD + _portable._contexts.compressor.compress(data) if compress else PLAIN + data


def decode_text(blob: bytes, limit: int = MAX_BYTES) -> str:
    """Decode a blob with flag 0x00 or 0x01."""
    return _portable.decode(blob, limit).decode()


def first_word(header: bytes) -> bytes:
    """Return a record's name: what stands before the first ASCII whitespace of its header."""
    words = header.split(None, 1)
    return words[0] if words else b""


def name_key(word: bytes) -> int:
    """Return what a compact file finds a name by: 32 bits, as candidates are compared anyway."""
    return zlib.crc32(word) - (1 << 31)  # signed, which SQLite stores in four bytes


def same_as(gid: int) -> bytes:
    """Return the blob that stands for the sequence of another record."""
    return SAME + gid.to_bytes(-(-gid.bit_length() // 8), "little")


def same_gid(blob: bytes) -> int:
    """Return the gid that :meth:`same_as` was given."""
    return int.from_bytes(blob[1:], "little")
