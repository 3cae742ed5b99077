import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import tracks
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.text import signals
from snakemake_storage_plugin_seqstore.tracks.text.bed import bed_lines
from snakemake_storage_plugin_seqstore.tracks.text.encode import lines, shortest
from snakemake_storage_plugin_seqstore.tracks.text.lines import parse_floats, parse_ints

BED = (
    "track name=x\n#comment\n\nbrowser position chr1\n"
    "chr1\t10\t20\ta b\t5\t+\n"
    "tracker\t0\t5\tb\t.\t-\n"
    "chr1\t5\t500\tc\t1e2\t.\n"
)


def opened(tmp_path, file, text, **options):
    path = tmp_path / file
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tracks.open(path, **options)


def fields_of(words):
    text = np.frombuffer(b"".join(words) or b"\0", np.uint8)
    end = np.cumsum([len(word) for word in words], dtype=np.int64)
    return text, end - np.array([len(word) for word in words], np.int64), end


number = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.integers().map(str),
    st.text("0123456789.-+eE_ x", max_size=20),
)


@given(st.lists(number, min_size=1, max_size=20))
def test_numbers_are_what_python_makes_of_them(texts):
    value, wrong = parse_floats(*fields_of([text.encode() for text in texts]))
    for text, mine, bad in zip(texts, value.tolist(), wrong.tolist(), strict=True):
        try:
            expected = float(text) if "_" not in text else None
        except ValueError:
            expected = None
        assert bad == (expected is None)
        assert bad or mine == expected


@given(
    st.lists(
        st.one_of(st.integers(-(10**18) + 1, 10**18 - 1).map(str), st.text("0-x ", max_size=4))
    )
)
def test_whole_numbers(texts):
    value, wrong = parse_ints(*fields_of([text.encode() for text in texts]))
    for text, mine, bad in zip(texts, value.tolist(), wrong.tolist(), strict=True):
        digits = text.removeprefix("-")
        assert bad != (digits.isascii() and digits.isdigit())
        assert bad or mine == int(text)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_text_of_a_number_means_it(value):
    assert np.float32(shortest(value, single=True)) == np.float32(value)
    assert float(shortest(value)) == value


@given(st.lists(st.integers(0, 2**40), min_size=1))
def test_numbers_are_written(values):
    column = np.array(values)
    written = b"".join(lines([b"x", column, b"\t", column.astype(float), b"\n"], len(values)))
    assert written.decode() == "".join(f"x{v}\t{v}\n" for v in values)


def test_bed(tmp_path):
    track = opened(tmp_path, "peaks.bed", BED)
    assert track.name == "peaks"
    assert [(r.chrom, r.start, r.end, r.name, r.score, r.strand) for r in track] == [
        ("chr1", 10, 20, "a b", 5.0, "+"),
        ("tracker", 0, 5, "b", 0.0, "-"),
        ("chr1", 5, 500, "c", 100.0, "."),
    ]
    assert [r.start for r in track.regions("chr1", 0, 15)] == [5, 10]
    assert b"".join(bed_lines(track.intervals)).decode() == "".join(BED.splitlines(True)[4:])


@pytest.mark.parametrize("change", ["gzip", "crlf", "spaces", "last line"])
def test_bed_in_other_dress(tmp_path, change):
    text = "chr1\t10\t20\ta\t5\t+\nchr2\t1\t2\tb\t6\t-\n"
    expected = list(opened(tmp_path, "a.bed", text))
    name = "b.bed.gz" if change == "gzip" else "b.bed"
    content = {
        "gzip": gzip.compress(text.encode()),
        "crlf": text.replace("\n", "\r\n").encode(),
        "spaces": text.replace("\t", "  ").encode(),
        "last line": text[:-1].encode(),
    }[change]
    track = opened(tmp_path, name, content)
    assert list(track) == expected
    assert track.name == "b"


def test_bed12_and_narrowpeak(tmp_path):
    text = "chr1\t0\t100\tt\t0\t+\t10\t90\t255,0,0\t2\t10,20,\t0,80,\n"
    (region,) = opened(tmp_path, "a.bed", text)
    assert region.tags == {
        "thickStart": 10,
        "thickEnd": 90,
        "itemRgb": "255,0,0",
        "blockCount": 2,
        "blockSizes": [10, 20],
        "blockStarts": [0, 80],
    }
    text = "chr1\t0\t100\t.\t900\t.\t5.5\t-1\t2\t50\n"
    (region,) = opened(tmp_path, "a.narrowPeak", text)
    assert region.tags == {"signalValue": 5.5, "pValue": -1.0, "qValue": 2.0, "peak": 50}
    made = tracks.IntervalTrack(tracks.TrackLabel("t"), [region])
    assert b"".join(bed_lines(made.intervals)).decode() == text


def test_what_was_made_is_written(tmp_path):
    made = [
        tracks.Region("chr1", 5, 10, "+", 2.5, "x"),
        tracks.Region("chr2", 0, 4000000000, "-", 0, ""),
    ]
    track = tracks.IntervalTrack(tracks.TrackLabel("t"), made)
    text = b"".join(bed_lines(track.intervals))
    assert text == b"chr1\t5\t10\tx\t2.5\t+\nchr2\t0\t4000000000\t.\t0\t-\n"
    assert b"".join(bed_lines(track.intervals, 3)).count(b"\t") == 4


def test_gff3(tmp_path):
    text = (
        "##gff-version 3\n"
        "chr1\tsrc\tgene\t11\t20\t.\t+\t.\tID=g1;Name=a%3Bb;Dbxref=x:1,y:2\n"
        "###\n"
        "chr1\tsrc\tCDS\t11\t13\t5.5\t?\t0\tParent=g1\n"
        "##FASTA\n>chr1\nACGT\n"
    )
    gene, cds = opened(tmp_path, "a.gff3", text)
    assert (gene.start, gene.end, gene.strand, gene.name) == (10, 20, "+", "a;b")
    assert gene.tags["Dbxref"] == ["x:1", "y:2"]
    assert (gene.tags["type"], gene.tags["source"]) == ("gene", "src")
    assert (cds.score, cds.strand, cds.tags["Parent"]) == (5.5, ".", ["g1"])


def rows(signal, chrom, *window):
    runs = signal.runs(chrom, *window)
    return list(zip(runs.start.tolist(), runs.end.tolist(), runs.value.tolist(), strict=True))


def test_bedgraph(tmp_path):
    text = "track type=bedGraph\nchr1\t0\t10\t1.5\nchr1\t10\t20\t-2e1\nchr2 \t5\t6\t0\n".replace(
        " \t", "\t"
    )
    signal = opened(tmp_path, "a.bedGraph", text).signal
    assert signal.chroms() == {"chr1": 20, "chr2": 6}
    assert rows(signal, "chr1") == [(0, 10, 1.5), (10, 20, -20.0)]
    assert rows(signal, "chr1", 5, 12) == [(5, 10, 1.5), (10, 12, -20.0)]
    assert rows(signal, "chr2") == [(5, 6, 0.0)]


WIG = """track type=wiggle_0
fixedStep chrom=chr1 start=11 step=10 span=5
1
2.5
variableStep chrom=chr1 span=2
101 7
201\t8
fixedStep chrom=chr2 start=1 step=1
4
5
6
"""


@pytest.mark.parametrize("size", [1 << 20, 64, 40, 20])
@pytest.mark.parametrize("zipped", [False, True])
def test_wig(tmp_path, monkeypatch, size, zipped):
    monkeypatch.setattr(signals, "_SPAN", size)
    text = WIG.encode()
    name, content = ("a.wig.gz", gzip.compress(text)) if zipped else ("a.wig", text)
    signal = opened(tmp_path, name, content).signal
    assert signal.chroms() == {"chr1": 202, "chr2": 3}
    assert rows(signal, "chr1") == [(10, 15, 1), (20, 25, 2.5), (100, 102, 7), (200, 202, 8)]
    assert rows(signal, "chr2") == [(0, 1, 4), (1, 2, 5), (2, 3, 6)]
    assert rows(signal, "chr1", 101, 201) == [(101, 102, 7), (200, 201, 8)]


@pytest.mark.parametrize("size", [1 << 20, 4096, 333])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_windows_of_a_bedgraph(tmp_path, monkeypatch, values, size, line_end):
    monkeypatch.setattr(signals, "_SPAN", size)
    expected = {chrom: runs.clipped(0, 20_000) for chrom, runs in values.items()}
    text = "".join(
        b"".join(signals.bedgraph_lines(chrom, runs)).decode() for chrom, runs in expected.items()
    )
    signal = opened(tmp_path, "x.bdg", text.replace("\n", line_end)).signal
    for chrom, runs in expected.items():
        for low, high in ((0, 20_000), (0, 1), (777, 5000), (15_000, 15_001)):
            found, cut = signal.runs(chrom, low, high), runs.clipped(low, high)
            assert np.array_equal(found.start, cut.start) and np.array_equal(found.end, cut.end)
            assert np.array_equal(found.value, cut.value)


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("a.bed", "chr1\t5\n", "line 1: fewer than 3 columns"),
        ("a.bed", "chr1\t1\t5\nchr1\tx\t5\n", "line 2: the start is no whole number"),
        ("a.bed", "#\nchr1\t7\t5\n", "line 2: the end is before the start: 'chr1\\t7\\t5'"),
        ("a.bed", "chr1\t7\t9\ta\thigh\n", "the score is no number"),
        ("a.bed", "chr1\t7\t9\ta\t0\tforward\n", "the strand is none of + - ."),
        ("a.gff3", "chr1\ts\tgene\t0\t5\t.\t.\t.\tID=a\n", "GFF3 counts from 1"),
        ("a.gff3", "chr1\ts\tgene\t1\t5\t.\t.\n", "9 columns"),
        ("a.bedGraph", "chr1\t0\t5\n", "fewer than 4"),
        ("a.bedGraph", "chr1\t0\t5\t1\nchr2\t0\t5\t1\nchr1\t6\t7\t1\n", "'chr1' comes again"),
        ("a.wig", "5\n", "before the first fixedStep"),
        ("a.wig", "fixedStep start=1\n5\n", "no line of wig"),
        ("a.wig", "fixedStep chrom=a start=0\n5\n", "start must be 1"),
        ("a.wig", "variableStep chrom=a\n5\n", "a place and a value"),
        ("a.json", "[1]", "is no table"),
        ("a.json", '{"a": "x"}', "'a' is no number"),
        ("a.json", '{"a": 1, "a": 2}', "'a' is there twice"),
        ("a.json", '{"a": NaN}', "'a' is not finite"),
        ("a.json", "{", "is no JSON"),
        ("a.txt", "x", "no format of tracks has this suffix"),
        ("a.bw", "chr1\t0\t5\n", "should be bigwig, but does not begin as one"),
        ("a.bed", ">chr1\nACGT\n", "should be bed, but is FASTA"),
        ("a.bed", "BAM\x01", "but is a BAM"),
    ],
)
def test_errors_name_file_and_line(tmp_path, name, text, error):
    with pytest.raises(InputError) as raised:
        opened(tmp_path, name, text)
    assert error in str(raised.value)
    assert name in str(raised.value)


@pytest.mark.parametrize("second", ["5\t20", "0\t5"])
def test_a_signal_that_is_out_of_order_is_refused_when_it_is_read(tmp_path, second):
    signal = opened(tmp_path, "a.bdg", f"chr1\t0\t10\t1\nchr1\t{second}\t1\n").signal
    with pytest.raises(InputError, match="sort the file"):
        signal.runs("chr1", 0, 100)


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.wig", "variableStep chrom=chr1\n50 1\n2 1\n"),
        ("a.wig", "fixedStep chrom=chr1 start=50\n1\n1\nfixedStep chrom=chr1 start=2\n1\n"),
        ("a.bdg", "chr1\t50\t60\t1\nchr1\t2\t9\t1\n"),
    ],
)
@pytest.mark.parametrize("window", [(), (0, 10), (45, 70)])
def test_values_that_come_too_late_are_not_lost(tmp_path, monkeypatch, name, text, size, window):
    monkeypatch.setattr(signals, "_SPAN", size)
    with pytest.raises(InputError, match="sort the file"):
        opened(tmp_path, name, text).signal.runs("chr1", *window)


def test_a_gzip_file_that_is_cut(tmp_path):
    with pytest.raises(InputError, match="no complete gzip file"):
        opened(tmp_path, "a.bed.gz", gzip.compress(b"chr1\t1\t2\n" * 1000)[:-20])


def test_table(tmp_path):
    track = opened(tmp_path, "counts.json", json.dumps({"a": 1, "b": 2.5}))
    assert (track.name, track.get("b")) == ("counts", 2.5)
    assert opened(tmp_path, "x.json.gz", gzip.compress(b'{"a": 3}')).get("a") == 3
    assert opened(tmp_path, "object", b"chr1\t1\t2\n", format="bed", name="n").name == "n"


@pytest.mark.parametrize("name", ["a.bed", "a.narrowPeak", "a.gff3", "a.bedGraph", "a.wig"])
def test_empty_files(tmp_path, name):
    track = opened(tmp_path, name, "")
    assert track.signal_at("chr1", 0, 10) == 0.0
    assert list(track.regions("chr1", 0, 10)) == []
