import numpy as np
import pytest

from snakemake_storage_plugin_seqstore import IntervalTrack, Region, TrackLabel, tracks
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.bbi import autosql
from snakemake_storage_plugin_seqstore.tracks.bbi.bigbed import BigBed, write_bigbed

CHROMS = {"chr2": 50_000, "chr1": 100_000}


def regions(number=3000, seed=1):
    rng = np.random.default_rng(seed)
    found = []
    for row in range(number):
        start = int(rng.integers(0, 40_000))
        end = start + int(rng.integers(1, 3000 if row % 50 == 0 else 100))
        strand = "+-."[row % 3]
        found.append(Region(f"chr{row % 2 + 1}", start, end, strand, row % 1000, f"r{row}"))
    return found


@pytest.fixture(scope="module")
def made():
    return IntervalTrack(TrackLabel("t"), regions())


@pytest.fixture(scope="module")
def bigbed(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("bigbed") / "x.bb"
    write_bigbed(path, made.intervals, CHROMS)
    return path


def key(region):
    return (region.start, region.end, region.name)


def test_what_is_written_is_read(made, bigbed):
    track = tracks.open(bigbed)
    assert track.track_type == "interval"
    for chrom in CHROMS:
        for low, high in ((0, 100_000), (100, 200), (39_000, 39_001)):
            expected = sorted(made.regions(chrom, low, high), key=key)
            assert sorted(track.regions(chrom, low, high), key=key) == expected
    assert track.signal_at("chr1", 500, 900) == pytest.approx(made.signal_at("chr1", 500, 900))
    assert len(track) == len(made)
    assert list(track.regions("chrX", 0, 10)) == []


def test_others_read_the_same(made, bigbed):
    mine = [
        (r.start, r.end, f"{r.name}\t{r.score:g}\t{r.strand}")
        for r in sorted(made.regions("chr1", 100, 2000), key=key)
    ]
    other = pytest.importorskip("pyBigWig").open(str(bigbed))
    assert other.isBigBed() and other.chroms() == CHROMS
    assert sorted(other.entries("chr1", 100, 2000)) == sorted(mine)
    assert "table bed6" in other.SQL().decode() if isinstance(other.SQL(), bytes) else other.SQL()
    theirs = pytest.importorskip("pybigtools").open(str(bigbed))
    found = [(row[0], row[1], "\t".join(row[2:])) for row in theirs.records("chr1", 100, 2000)]
    assert sorted(found) == sorted(mine)
    assert BigBed(bigbed).count() == len(made)


def test_bed12_and_more_columns(tmp_path):
    text = "chr1\t0\t100\tt\t0\t+\t10\t90\t255,0,0\t2\t10,20,\t0,80,\tgene one\t5\n"
    source = tmp_path / "a.bed"
    source.write_text(text)
    description = autosql.for_bed(12, ("gene", "level"))
    path = tmp_path / "a.bb"
    write_bigbed(path, tracks.open(source).intervals, CHROMS, description, 12)
    (region,) = tracks.open(path).regions("chr1", 0, 10)
    assert region.tags["blockStarts"] == [0, 80]
    assert (region.tags["gene"], region.tags["level"]) == ("gene one", "5")
    with pytest.raises(InputError, match="autoSql has 12 columns, the intervals have 14"):
        write_bigbed(path, tracks.open(source).intervals, CHROMS, autosql.for_bed(12), 12)


def test_bed3_plus(tmp_path):
    source = tmp_path / "a.bed"
    source.write_text("chr1\t0\t100\n")
    path = tmp_path / "a.bb"
    write_bigbed(path, tracks.open(source).intervals, CHROMS)
    (region,) = tracks.open(path)
    assert region == Region("chr1", 0, 100)
    source.write_text("chr1\t0\t100\t\nchr1\t5\t100\ty\n")
    write_bigbed(path, tracks.open(source).intervals, CHROMS)
    assert [region.name for region in tracks.open(path)] == ["", "y"]
    source.write_text("chr1\t0\t100\tx\t7\n")
    sql = autosql.for_bed(3).replace(")", 'string kind; "k" int n; "n")')
    write_bigbed(path, tracks.open(source).intervals, CHROMS, sql, 3)
    (region,) = tracks.open(path)
    assert region == Region("chr1", 0, 100, tags={"kind": "x", "n": 7})


def test_empty(tmp_path):
    write_bigbed(tmp_path / "a.bb", IntervalTrack(TrackLabel("t"), []).intervals, CHROMS)
    assert list(tracks.open(tmp_path / "a.bb")) == []


@pytest.mark.parametrize(
    ("region", "error"),
    [
        (Region("chrX", 0, 5), "no chromosome 'chrX'"),
        (Region("chr1", 0, 100_001), "'chr1': an interval ends at 100,001, past its end"),
    ],
)
def test_what_cannot_stand_in_one_is_refused(tmp_path, region, error):
    with pytest.raises(InputError, match=error):
        write_bigbed(tmp_path / "a.bb", IntervalTrack(TrackLabel("t"), [region]).intervals, CHROMS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "must be"),
        ('table t "d" ( string a )', "no column: 'string a'"),
        ('table t "d" ( strong a; "x" )', "'a' has the unknown type 'strong'"),
        ('table t "d" ( string a; "x" int a; "y" )', "two columns 'a'"),
    ],
)
def test_autosql_errors(text, error):
    with pytest.raises(InputError, match=error):
        autosql.parse(text)


def test_autosql_of_the_field():
    text = """table bigGenePred "bigGenePred gene models"
    (
    string chrom;       "Reference sequence"
    uint   chromStart;  "Start"
    char[1] strand;     "+ or -"
    int[blockCount] blockSizes; "Comma separated"
    enum (none, unk, incmpl, cmpl) status; "a \\"status\\""
    double[2] range; "low; high"
    )"""
    fields = autosql.parse(text)
    assert [f.name for f in fields] == [
        "chrom",
        "chromStart",
        "strand",
        "blockSizes",
        "status",
        "range",
    ]
    assert fields[3].size == "blockCount"
    assert [f.is_whole for f in fields] == [False, True, False, False, False, False]
