import hashlib
from contextlib import suppress
from typing import Any

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.sequences import SequenceStore, codec
from snakemake_storage_plugin_seqstore.sequences.texts import numbers

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(TEXTS, st.booleans())
def test_what_is_encoded_decodes_to_itself(text: str, compress: bool) -> None:
    assert SequenceStore.decode_seq(SequenceStore.encode_seq(text, compress)) == text
    assert SequenceStore.decode_header(SequenceStore.encode_header(text, compress)) == text


def test_flags_are_the_seeds() -> None:
    assert SequenceStore.encode_seq("M", False) == b"\x00M"
    assert SequenceStore.encode_seq("M", compress=True)[:5] == b"\x01\x28\xb5\x2f\xfd"
    assert SequenceStore.encode_header(None, True) is None
    assert SequenceStore.decode_header(None) is None


@given(TEXTS)
def test_hash8_is_the_little_endian_signed_start_of_sha1(text: str) -> None:
    digest = hashlib.sha1(text.encode()).digest()
    assert SequenceStore.hash8(text) == int.from_bytes(digest[:8], "little", signed=True)


ITEMS = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=3 * codec._MANY)


@given(ITEMS)
def test_many_are_encoded_like_one_and_never_grow(items: list[bytes]) -> None:
    blobs = codec.encode_many(items)
    assert [codec.decode(blob) for blob in blobs] == items
    assert all(len(blob) <= len(item) + 1 for blob, item in zip(blobs, items, strict=True))


def _joined(blobs: list[bytes], **options: Any) -> list[bytes]:
    return list(codec.decode_joined(b"".join(blobs), numbers(map(len, blobs)), **options))


@given(ITEMS, st.lists(st.booleans(), min_size=3 * codec._MANY))
def test_many_are_decoded_like_one(items: list[bytes], plain: list[bool]) -> None:
    blobs = [
        codec.PLAIN + item if flag else codec.ZSTD + zstandard.compress(item)
        for item, flag in zip(items, plain, strict=False)
    ]
    assert _joined(blobs) == _joined(blobs, sizes=numbers(map(len, items))) == items


@pytest.mark.parametrize("bad", [b"", b"\x07abc", b"\x01", b"\x01garbage", b"\x02abc"])
def test_many_are_refused_if_one_is_damaged(bad: bytes) -> None:
    good = [codec.ZSTD + zstandard.compress(b"MK" * 50)] * 3
    assert _joined([*good, b"\x00MK", good[0]], limit=400) == [b"MK" * 50] * 3 + [b"MK", b"MK" * 50]
    for blobs in ([*good, bad], [bad, *good], [good[0][:-1], *good]):
        with pytest.raises(ValueError, match=r"flag|frame|blob"):
            _joined(blobs)
    with pytest.raises(ValueError, match="sizes"):
        _joined(good, limit=299)
    with pytest.raises(ValueError, match="sizes"):
        _joined(good, sizes=numbers([100, 0, 100]))
    for size in (99, 101):
        with pytest.raises(ValueError, match="frame is damaged"):
            _joined(good, sizes=numbers([100, size, 100]))
    with pytest.raises(ValueError, match="missing"):
        codec.decode_joined(b"".join(good), numbers([len(good[0])] * 2))


@given(st.one_of(st.just([]), ITEMS), st.sampled_from([1, 3]))
def test_frames_have_checksums(items: list[bytes], level: int) -> None:
    frames = codec.pack_many(items, level)
    assert list(codec.unpack_many(frames)) == items
    for frame in frames:
        with pytest.raises(ValueError, match="damaged"):
            codec.unpack(frame[:-1] + bytes([frame[-1] ^ 1]))


def test_a_frame_that_claims_gigabytes_is_not_unpacked() -> None:
    frame = zstandard.ZstdCompressor(level=1).compress(b"M" * 100_000)
    with pytest.raises(ValueError, match="claims 100,000 bytes"):
        codec.decode(codec.ZSTD + frame, limit=99_999)


@pytest.mark.parametrize("blob", [b"\x07abc", b"\x01garbage", b"\x02abc"])
def test_unknown_flags_and_damaged_frames_are_value_errors(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"flag|damaged"):
        SequenceStore.decode_seq(blob)


def _mangled(frame: bytes, at: int, new: bytes) -> bytes:
    at %= len(frame) + 1
    return frame[:at] + new + frame[at + len(new) :]


FRAMES = st.binary(max_size=2000).map(zstandard.compress) | st.binary(max_size=40)
BLOBS = st.builds(
    lambda flag, frame, at, new: flag + _mangled(frame, at, new),
    st.sampled_from([b"", codec.PLAIN, codec.ZSTD, codec.ZSTD, b"\2"]),
    FRAMES | st.integers(0, 10**6).map(lambda size: zstandard.compress(b"M" * size)),
    st.integers(0, 2000),
    st.binary(max_size=9),
)


TWO_FRAMES = codec.ZSTD + zstandard.compress(b"MK") * 2


@given(st.lists(BLOBS, min_size=1, max_size=3 * codec._MANY))
@example([TWO_FRAMES])
@example([TWO_FRAMES] * 2 * codec._MANY)
@example([codec.ZSTD + zstandard.FRAME_HEADER + b"\xe0" + b"\xff" * 8 + b"\1\0\0"])
@example([codec.ZSTD + zstandard.compress(b"M" * 150_000) + b"\0"])
def test_any_blobs_are_texts_or_refused(blobs: list[bytes]) -> None:
    """However frames are changed, many together give what they give one by one, or nothing."""
    limit = 200_000
    singles: list[bytes | None] = []
    for blob in blobs:
        try:
            singles.append(codec.decode(blob, limit))
        except ValueError:
            singles.append(None)
    assert all(len(text) <= limit for text in singles if text is not None)
    frames = [blob[1:] for blob in blobs if blob[:1] == codec.ZSTD]
    expected = [t for t, blob in zip(singles, blobs, strict=True) if blob[:1] == codec.ZSTD]
    with suppress(ValueError):
        assert list(codec.unpack_many(frames, limit)) == expected
    with suppress(ValueError):
        assert _joined(blobs, limit=limit) == singles
