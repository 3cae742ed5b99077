"""What is done with many texts at once, compared with doing it one by one."""

import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.sequences import texts
from snakemake_storage_plugin_seqstore.sequences.lines import fasta
from snakemake_storage_plugin_seqstore.sequences.texts import Page, Texts

COUNTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)))


@given(st.lists(st.text("Aé蛋", max_size=5)), st.randoms(use_true_random=False))
def test_texts_are_what_was_put_in(items: list[str], rng) -> None:
    encoded = [item.encode() for item in items]
    joined = Texts.of(encoded)
    assert list(joined) == [joined[i] for i in range(len(joined))] == encoded
    assert joined.strings() == items
    order = rng.choices(range(len(items)), k=7) if items else []
    assert joined.take(texts.numbers(order)).strings() == [items[i] for i in order]


@given(COUNTS)
def test_runs(counts: list[tuple[int, int]]) -> None:
    starts, sizes = (texts.numbers(pair[i] for pair in counts) for i in (0, 1))
    expected = [number for start, size in counts for number in range(start, start + size)]
    assert texts.runs(starts, sizes).tolist() == expected


@given(st.lists(st.integers(0, 9)), st.integers(1, 5), st.integers(1, 20))
def test_portions_are_as_large_as_they_may_be(sizes: list[int], count: int, total: int) -> None:
    cuts = list(texts.portions(texts.numbers(sizes), count, total))
    parts = [sizes[cut] for cut in cuts]
    assert [size for part in parts for size in part] == sizes
    assert all(len(part) == 1 or (len(part) <= count and sum(part) <= total) for part in parts)
    for part, following in pairwise(parts):
        assert len(part) == count or sum(part) + following[0] > total


def _one_by_one(headers: list[bytes], seqs: list[bytes]) -> bytes:
    out = io.BytesIO()
    for header, seq in zip(headers, seqs, strict=True):
        out.write(b">" + header + b"\n")
        for start in range(0, len(seq), 60):
            out.write(seq[start : start + 60] + b"\n")
    return out.getvalue()


EDGES = st.one_of(
    st.sampled_from([0, 1, 2, 59, 60, 61, 62, 119, 120, 121, 122, 180]), st.integers(0, 700)
)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(EDGES, EDGES), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_fasta_is_the_same_as_line_by_line(
    lengths: list[tuple[int, int]], rng, shared: bool
) -> None:
    headers = [bytes(rng.choices(b" >|Az\xc3\xa9", k=length)) for length, _ in lengths]
    joined = Texts.of([bytes(rng.choices(b"ACDEFGHIKL*-", k=length)) for _, length in lengths])
    if shared:  # by several records, and they do not come in the order of the text
        joined = joined.take(texts.numbers(rng.choices(range(len(joined)), k=len(joined))))
    page = Page(range(len(headers)), Texts.of(headers), joined)
    assert fasta(Path("db"), page).tobytes() == _one_by_one(headers, list(joined))


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_fasta_names_the_header_with_a_line_break(end: bytes) -> None:
    page = Page([3, 9], Texts.of([b"a", b"b" + end]), Texts.of([b"MK", b"MK"]))
    with pytest.raises(InputError, match="db: the header of gid 9 has a line break"):
        fasta(Path("db"), page)
