import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import tracks
from snakemake_storage_plugin_seqstore.errors import InputError, QueryError
from snakemake_storage_plugin_seqstore.tracks.places import Place, parse_place
from snakemake_storage_plugin_seqstore.tracks.plot import plot
from snakemake_storage_plugin_seqstore.tracks.views import (
    FORMATS,
    SUFFIXES,
    check,
    default_format,
    write_view,
)
from snakemake_storage_plugin_seqstore.tracks.writing import write

from .conftest import CHROMS


def view(payload, format, name=None, **params):
    out = io.BytesIO()
    write_view(payload, params, format, out, name=name or payload.name)
    return out.getvalue()


@given(st.integers(1, 10**9), st.integers(0, 10**6), st.booleans())
def test_places_are_counted_from_1(start, size, commas):
    end = start + size
    text = f"{start:,}-{end:,}" if commas else f"{start}-{end}"
    assert parse_place(f"HLA:1:2:{text}", {"HLA:1:2": 10**10}) == Place("HLA:1:2", start - 1, end)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("chr1", Place("chr1", 0, 100)),
        ("chr1:5", Place("chr1", 4, 100)),
        ("chr1:5-", Place("chr1", 4, 100)),
        ("chr1:5-5", Place("chr1", 4, 5)),
        ("chr1:5-100", Place("chr1", 4, 100)),
        ("a:1-2", Place("a:1-2", 0, 7)),
    ],
)
def test_places(text, place):
    assert parse_place(text, {"chr1": 100, "a:1-2": 7}) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("chr1:5", Place("chr1", 4, 100)),
        ("chr1:5-1000", Place("chr1", 4, 1000)),
        ("chr1:501", Place("chr1", 500, 500)),
        ("chr1:501-600", Place("chr1", 500, 600)),
    ],
)
def test_places_behind_what_is_known(text, place):
    assert parse_place(text, {"chr1": 100}, exact=False) == place


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "is no region"),
        (":1-2", "is no region"),
        ("chr1:0-5", "starts before 1"),
        ("chr1:9-5", "ends before it starts"),
        ("chr1:101", "region chr1:101: chr1 has 100 bp"),
        ("chr1:101-", "region chr1:101-: chr1 has 100 bp"),
        ("chr1:5-101", "region chr1:5-101: chr1 has 100 bp"),
        ("chr2:1-5", "no chromosome 'chr2'; there are chr1"),
        ("chr1:x-5", "no chromosome 'chr1:x-5'"),
    ],
)
def test_what_is_no_place(text, error):
    with pytest.raises(QueryError, match=error):
        parse_place(text, {"chr1": 100})


def test_region_of_a_bigwig(bigwig, values):
    runs = values["chr1"].clipped(1000, 2000)
    expected = "".join(
        f"chr1\t{s}\t{e}\t{v:g}\n"
        for s, e, v in zip(runs.start.tolist(), runs.end.tolist(), runs.value.tolist(), strict=True)
    )
    assert view(bigwig, "bedgraph", region="chr1:1001-2000").decode() == expected
    table = view(bigwig, "tsv", region="chr1:1001-2000").decode()
    assert table == "chrom\tstart\tend\tvalue\n" + expected
    places = view(bigwig, "bed", region="chr1:1001-2000").decode()
    assert places.splitlines()[0] == f"chr1\t{runs.start[0]}\t{runs.end[0]}"


def test_only_what_is_asked_for_is_read(bigwig, monkeypatch):
    from snakemake_storage_plugin_seqstore.tracks.bbi.reader import BbiReader

    read = []
    real = BbiReader.read
    monkeypatch.setattr(BbiReader, "read", lambda s, o, n: read.append(n) or real(s, o, n))
    view(bigwig, "bedgraph", region="chr1:1001-2000")
    assert sum(read) < bigwig.stat().st_size / 4


@pytest.mark.parametrize("region", ["chr1:1001-2000", "chr2", None])
def test_bigwig_of_a_bigwig(bigwig, tmp_path, region):
    target = tmp_path / "object"
    write_view(bigwig, {"region": region} if region else {}, "bigwig", target, name="a/x.bw")
    other = tracks.open(target, format="bigwig").signal
    whole = tracks.open(bigwig).signal
    assert other.chroms() == CHROMS
    place = parse_place(region or "chrM", CHROMS)
    assert np.array_equal(
        other.runs(place.chrom).value, whole.runs(place.chrom, place.start, place.end).value
    )
    assert (len(other.runs("chr1")) > 0) == (region != "chr2")


def test_bins(bigwig):
    signal = tracks.open(bigwig).signal
    for statistic in ("mean", "max", "coverage"):
        text = view(bigwig, "bedgraph", region="chr2:1-10000", bins="7", summary=statistic)
        rows = [line.split("\t") for line in text.decode().splitlines()]
        expected = signal.stats("chr2", 0, 10_000, statistic, 7)
        assert [float(row[3]) for row in rows] == pytest.approx(expected)
        assert rows[0][1] == "0" and rows[-1][2] == "10000"
    whole = view(bigwig, "tsv", bins="2").decode().splitlines()
    assert len(whole) == 1 + 2 * 3


def test_regions_past_the_end(bigwig, tmp_path):
    with pytest.raises(QueryError, match=r"region chr1:9000000-9000001: chr1 has [0-9,]+ bp"):
        view(bigwig, "bedgraph", region="chr1:9000000-9000001")
    (tmp_path / "x.bed").write_text(BED)
    (tmp_path / "x.bb").write_bytes(view(tmp_path / "x.bed", "bigbed"))
    with pytest.raises(QueryError, match="region chr1:20-501: chr1 has 500 bp"):
        view(tmp_path / "x.bb", "bed", region="chr1:20-501")
    # A text does not say how long chromosomes are.
    assert view(tmp_path / "x.bed", "bed", region="chr1:9000").decode() == ""
    assert view(tmp_path / "x.bed", "bed", region="chr1:20-9000").decode().count("\n") == 2


def test_a_figure_of_what_no_track_reaches(tmp_path):
    (tmp_path / "x.bed").write_text(BED)
    with pytest.raises(InputError, match="region chr1:9000: no track goes as far"):
        plot([str(tmp_path / "x.bed")], tmp_path / "x.svg", "chr1:9000")


def test_bins_do_not_depend_on_how_far_a_text_goes(tmp_path):
    path = tmp_path / "x.bedGraph"
    path.write_text("chr1\t0\t150\t2\n")
    for format in ("bedgraph", "bigwig"):
        found = tmp_path / f"found{SUFFIXES[format]}"
        found.write_bytes(view(path, format, region="chr1:1-1000", bins="10"))
        signal = tracks.open(found).signal
        assert signal.intervals("chr1") == ((0, 100, 2.0), (100, 200, 2.0))


BED = "chr1\t10\t20\ta\t5\t+\nchr1\t15\t500\tb\t7\t-\nchr2\t0\t9\tc\t1\t.\n"


@pytest.mark.parametrize("format", ["bedgraph", "bed", "bigwig", "bigbed", "tsv"])
def test_a_view_of_nothing_says_so(tmp_path, caplog, format):
    path = tmp_path / "x.bed"
    path.write_text("chr1\t10\t20\ta\t5\n")
    view(path, format, region="chr1:11-12")
    assert caplog.text == ""
    content = view(path, format, name="my/x.bed", region="chr1:30-40")
    assert "my/x.bed: there is nothing in chr1:30-40" in caplog.text
    write_view(path, {"region": "chr1:30-40"}, format, tmp_path / "out", name="my/x.bed")
    assert (tmp_path / "out").read_bytes() == content


def test_views_of_intervals(tmp_path):
    path = tmp_path / "x.bed"
    path.write_text(BED)
    assert view(path, "bed", region="chr1:20-20").decode() == "".join(BED.splitlines(True)[:2])
    assert view(path, "bed", region="chr1:21-21").decode() == BED.splitlines(True)[1]
    assert view(path, "tsv", region="chr2").decode().splitlines()[1] == "chr2\t0\t9\tc\t1\t."
    (tmp_path / "x.bb").write_bytes(view(path, "bigbed"))
    assert view(tmp_path / "x.bb", "bed").decode() == BED
    assert view(tmp_path / "x.bb", "bed", region="chr2:3").decode() == BED.splitlines(True)[2]
    path.write_text("chr1\t10\t20\ta\t5\nchr1\t30\t50\tb\t7\n")
    (tmp_path / "x.bw").write_bytes(view(path, "bigwig"))
    assert tracks.open(tmp_path / "x.bw").signal.runs("chr1").value.tolist() == [5, 7]
    with pytest.raises(QueryError, match="is no signal"):
        view(path, "bed", bins="3")
    path = tmp_path / "x.json"
    write(tracks.TableTrack(tracks.TrackLabel("t"), {"a": 1.5}), path)
    assert view(path, "tsv").decode() == "key\tvalue\na\t1.5\n"
    with pytest.raises(QueryError, match="has no regions"):
        view(path, "tsv", region="chr1")


@pytest.mark.parametrize(
    ("params", "format", "error"),
    [
        ({"gids": "1"}, "bed", "allowed: region, bins, summary, format"),
        ({}, "fasta", "allowed: bedgraph, bed, bigwig, bigbed, tsv"),
        ({"bins": "0"}, "tsv", "1 at least"),
        ({"bins": "x"}, "tsv", "1 at least"),
        ({"summary": "mean"}, "tsv", "it needs bins"),
        ({"bins": "5", "summary": "mode"}, "tsv", "allowed: mean"),
        ({"bins": "5"}, "bigbed", "bigbed cannot hold"),
        ({"region": "chr1:0-1"}, "bed", "starts before 1"),
    ],
)
def test_views_that_are_refused_without_a_look_at_the_track(params, format, error):
    with pytest.raises(QueryError, match=error):
        check(params, format)


def test_formats():
    assert set(SUFFIXES) == set(FORMATS)
    names = ("x.bw", "x.bb", "x.wig", "x.gff3", "x.narrowPeak.gz", "x.bed", "x.json", "x.bdg")
    assert [default_format(name) for name in names] == [
        "bigwig", "bigbed", "bedgraph", "bed", "bed", "bed", "tsv", "bedgraph"
    ]  # fmt: skip
    assert {default_format(name) for name in names} <= set(FORMATS)
