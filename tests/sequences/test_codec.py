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


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=20))
def test_many_are_encoded_like_one_and_never_grow(items: list[bytes]) -> None:
    for encoder in (codec.Codec(), codec.Codec(DICTIONARY)):
        blobs = encoder.encode_many(items)
        assert [encoder.decode(blob) for blob in blobs] == items
        assert all(len(blob) <= len(item) + 1 for blob, item in zip(blobs, items, strict=True))


@given(
    st.lists(st.binary(max_size=300), max_size=2 * codec._MANY),
    st.lists(st.booleans(), min_size=2 * codec._MANY),
)
def test_many_are_decoded_like_one(items: list[bytes], plain: list[bool]) -> None:
    for encoder in (codec.Codec(), codec.Codec(DICTIONARY)):
        blobs = [
            codec.PLAIN + item if flag else encoder.encode(item)
            for item, flag in zip(items, plain, strict=False)
        ]
        assert encoder.decode_many(blobs) == items


@pytest.mark.parametrize("bad", [b"", b"\x07abc", b"\x01", b"\x01garbage", b"\x02abc"])
def test_many_are_refused_if_one_is_damaged(bad: bytes) -> None:
    good = [codec.ZSTD + zstandard.compress(b"MK" * 50)] * codec._MANY
    size = 100 * codec._MANY
    decoded = codec.Codec().decode_many([*good, b"\x00MK"], limit=size)
    assert decoded == [b"MK" * 50] * codec._MANY + [b"MK"]
    for blobs in ([*good, bad], [bad, *good], [good[0][:-1], *good]):
        with pytest.raises(ValueError, match=r"flag|frame"):
            codec.Codec().decode_many(blobs)
    with pytest.raises(ValueError, match="sizes"):
        codec.Codec().decode_many(good, limit=size - 1)


SAMPLES = [b"tr|Q%04d|Q%04d_HUMAN protein kinase %d" % (i, i, i * i) for i in range(2000)]
DICTIONARY = codec.train(SAMPLES)


def test_a_dictionary_saves_most_of_a_header() -> None:
    encoder = codec.Codec(DICTIONARY, codec.HEADER_LEVEL)
    blobs = encoder.encode_many(SAMPLES)
    assert {blob[:1] for blob in blobs} == {codec.DICTIONARY}
    assert sum(map(len, blobs)) < 0.6 * sum(map(len, SAMPLES))
    with pytest.raises(ValueError, match="unknown blob flag"):
        codec.Codec().decode(blobs[0])


def test_too_few_samples_make_no_dictionary() -> None:
    assert codec.train(SAMPLES[:50]) is None
    assert codec.train([]) is None


def test_a_frame_that_claims_gigabytes_is_not_unpacked() -> None:
    frame = zstandard.ZstdCompressor(level=1).compress(b"M" * 100_000)
    with pytest.raises(ValueError, match="claims 100,000 bytes"):
        codec.Codec().decode(codec.ZSTD + frame, limit=99_999)


@pytest.mark.parametrize("blob", [b"\x07abc", b"\x01garbage", b"\x02abc"])
def test_unknown_flags_and_damaged_frames_are_value_errors(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"flag|damaged"):
        SequenceStore.decode_seq(blob)


@given(st.integers(0, 2**63 - 1))
def test_references_to_other_records_round_trip(gid: int) -> None:
    assert codec.same_gid(codec.same_as(gid)) == gid
