import hashlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.sequences import SequenceStore, codec

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


@given(ITEMS, st.lists(st.booleans(), min_size=3 * codec._MANY))
def test_many_are_decoded_like_one(items: list[bytes], plain: list[bool]) -> None:
    blobs = [
        codec.PLAIN + item if flag else codec.ZSTD + zstandard.compress(item)
        for item, flag in zip(items, plain, strict=False)
    ]
    assert codec.decode_many(blobs) == items


@pytest.mark.parametrize("bad", [b"", b"\x07abc", b"\x01", b"\x01garbage", b"\x02abc"])
def test_many_are_refused_if_one_is_damaged(bad: bytes) -> None:
    good = [codec.ZSTD + zstandard.compress(b"MK" * 50)] * codec._MANY
    size = 100 * codec._MANY
    decoded = codec.decode_many([*good, b"\x00MK"], limit=size)
    assert decoded == [b"MK" * 50] * codec._MANY + [b"MK"]
    for blobs in ([*good, bad], [bad, *good], [good[0][:-1], *good]):
        with pytest.raises(ValueError, match=r"flag|frame"):
            codec.decode_many(blobs)
    with pytest.raises(ValueError, match="sizes"):
        codec.decode_many(good, limit=size - 1)


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
