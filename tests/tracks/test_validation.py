import gzip
import struct

import numpy as np
import pytest

from snakemake_storage_plugin_seqstore import IntervalTrack, Region, TrackLabel, tracks
from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.tracks.bbi import autosql
from snakemake_storage_plugin_seqstore.tracks.bbi.bigbed import write_bigbed
from snakemake_storage_plugin_seqstore.tracks.summary import TrackSummary, summarise
from snakemake_storage_plugin_seqstore.tracks.validation import validate
from snakemake_storage_plugin_seqstore.tracks.writing import write as write_track

from .conftest import CHROMS

GENOME = {"chr1": 1000, "chr2": 500}
BED12 = "chr1\t0\t100\tt\t0\t+\t10\t90\t255,0,0\t2\t10,20,\t0,80,\n"
PEAK = "chr1\t0\t100\tp\t900\t.\t5.5\t-1\t2\t50\n"
GFF = (
    "##gff-version 3\nchr1\ts\tgene\t1\t90\t.\t+\t.\tID=g\nchr1\ts\tCDS\t1\t9\t.\t+\t0\tParent=g\n"
)


def check(tmp_path, name, text, genome=GENOME):
    path = tmp_path / name
    path.write_text(text)
    return validate(path, genome=genome)


@pytest.mark.parametrize(
    ("name", "text", "summary"),
    [
        ("a.bed", "", TrackSummary("interval", 0, 0, 0, None, None, None)),
        (
            "a.bed",
            "chr1\t0\t10\ta\t5\nchr1\t5\t20\tb\t10\nchr2\t0\t500\tc\t0\n",
            TrackSummary("interval", 2, 3, 520, 0.0, 5.0, 10.0),
        ),
        ("a.bed", BED12, TrackSummary("interval", 1, 1, 100, 0.0, 0.0, 0.0)),
        ("a.narrowPeak", PEAK, TrackSummary("interval", 1, 1, 100, 900.0, 900.0, 900.0)),
        ("a.gff3", GFF, TrackSummary("interval", 1, 2, 90, 0.0, 0.0, 0.0)),
        (
            "a.bedGraph",
            "chr1\t0\t10\t1\nchr1\t10\t40\t-3\n",
            TrackSummary("signal", 1, 2, 40, -3.0, -2.0, 1.0),
        ),
        (
            "a.wig",
            "fixedStep chrom=chr1 start=1 step=10\n1\n3\n",
            TrackSummary("signal", 1, 2, 2, 1.0, 2.0, 3.0),
        ),
        ("a.json", '{"a": 1, "b": 3}', TrackSummary("table", 0, 2, 0, 1.0, 2.0, 3.0)),
    ],
)
def test_good_files_have_a_summary(tmp_path, name, text, summary):
    assert check(tmp_path, name, text) == summary


@pytest.mark.parametrize(
    ("chrom", "name"), [("chr1", "1"), ("1", "chr1"), ("NC_1", "NC_1.2"), ("NC_1.2", "NC_1")]
)
def test_names_that_may_mean_the_same(tmp_path, chrom, name):
    with pytest.raises(InputError, match=f"does the genome call it '{name}'"):
        check(tmp_path, "a.bed", f"{chrom}\t0\t5\n", {"other": 9, name: 9, "2.2": 9})


@pytest.mark.parametrize("name", ["a.bed", "a.bedGraph", "a.bed.gz"])
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path, name):
    text = "\ufeffchr1\t0\t100" + "\t1" * ("Graph" in name) + "\n"
    packed = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    (tmp_path / name).write_bytes(packed)
    assert validate(tmp_path / name, genome=GENOME).covered == 100


def test_features_across_the_origin_of_a_circular_chromosome(tmp_path):
    head = "##gff-version 3\nchr1\t.\tregion\t1\t1000\t.\t+\t.\tID=c;Is_circular=true\n"
    gene = "chr1\t.\tgene\t990\t1010\t.\t+\t.\tID=g\n"
    assert check(tmp_path, "a.gff3", head + gene).intervals == 2
    for wrong in (gene.replace("990", "1001"), gene.replace("1010", "1999")):
        with pytest.raises(InputError, match="line 3: the end is past the chromosome"):
            check(tmp_path, "a.gff3", head + wrong)
    with pytest.raises(InputError, match="past the chromosome"):
        check(tmp_path, "a.gff3", head.replace("true", "false") + gene)


def test_what_features_across_the_origin_cover(tmp_path):
    head = "##gff-version 3\nchr1\t.\tregion\t1\t1000\t.\t+\t.\tID=c;Is_circular=true\n"
    gene = "chr1\t.\tgene\t990\t1010\t.\t+\t.\tID=g\n"
    assert check(tmp_path, "a.gff3", head + gene).covered == 1000
    track = tracks.open(tmp_path / "a.gff3")
    assert summarise(track).covered == 1000
    write_track(track, tmp_path / "a.jsonl")
    assert summarise(tracks.open(tmp_path / "a.jsonl")).covered == 1000
    linear = head.replace(";Is_circular=true", "").replace("\t1000\t", "\t900\t")
    (tmp_path / "b.gff3").write_text(linear + gene)
    assert summarise(tracks.open(tmp_path / "b.gff3")).covered == 921


def changed(text, column, value):
    fields = text.rstrip("\n").split("\t")
    fields[column] = value
    return "\t".join(fields) + "\n"


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("a.bed", "chr1\t5\t9\nchr1\t0\t2\n", "line 2: it is out of order"),
        (
            "a.bed",
            "chr1\t5\t9\nchr2\t0\t2\nchr1\t10\t12\n",
            "line 3: chromosome 'chr1' comes again",
        ),
        ("a.bed", "chr1\t5\t5\n", "line 1: the interval is empty"),
        ("a.bed", "chr1\t9\t5\n", "the end is before the start"),
        ("a.bed", "chr1\t-1\t5\n", "the start is negative"),
        ("a.bed", "chr1\t5\t1001\n", "past the chromosome, which has 1,000 bp"),
        (
            "a.bed",
            "chr1\t0\t1\n1\t5\t7\n",
            "line 2: the genome has no chromosome '1'; it has chr1, chr2",
        ),
        ("a.bed", "1\t5\t7\n", "does the genome call it 'chr1'?"),
        ("a.bed", "scaffold\t5\t7\n", "is it of another genome?"),
        ("a.bed", "chr1\t1\t2\ta\t.\n", "no number"),
        ("a.bed", "chr1\t1\t2\ta\t1001\n", "whole number from 0 to 1000"),
        ("a.bed", "chr1\t1\t2\ta\t0.5\n", "whole number from 0 to 1000"),
        ("a.bed", "chr1\t1\t2\ta\tnan\n", "whole number from 0 to 1000"),
        ("a.bed", "chr1\t1\t2\ta\nchr1\t3\t4\n", "line 2: it has not 4 columns"),
        ("a.bed", BED12.rstrip("\n") + "\tx\n", "this has 13"),
        ("a.bed", "\t".join(BED12.split("\t")[:10]) + "\n", "this has 10"),
        ("a.bed", changed(BED12, 6, "101"), "thickStart is outside"),
        ("a.bed", changed(BED12, 7, "5"), "thickEnd is outside"),
        ("a.bed", changed(BED12, 8, "256,0,0"), "itemRgb"),
        ("a.bed", changed(BED12, 9, "3"), "blockCount is 3, but there are 2 sizes and 2 starts"),
        ("a.bed", changed(BED12, 10, "10,x"), "no whole numbers"),
        ("a.bed", changed(BED12, 10, "10,10"), "the last block does not end"),
        ("a.bed", changed(BED12, 10, "90,20"), "overlap"),
        ("a.bed", changed(BED12, 11, "1,80"), "the first block does not start"),
        ("a.narrowPeak", changed(PEAK, 9, "100"), "the peak is outside"),
        ("a.narrowPeak", changed(PEAK, 6, "inf"), "signalValue is not finite"),
        ("a.narrowPeak", "chr1\t0\t5\n", "narrowPeak has 10 columns"),
        ("a.gff3", GFF[16:], "begins with '##gff-version 3'"),
        (
            "a.gff3",
            GFF.replace("Parent=g", "Parent=h"),
            "line 3: there is no feature with the ID 'h'",
        ),
        ("a.gff3", GFF.replace("ID=g", "gene_id g"), "the attribute 'gene_id g' has no '='"),
        ("a.gff3", GFF.replace("\t0\tPar", "\t.\tPar"), "line 3: the phase"),
        ("a.gff3", GFF.replace("90", "1001"), "past the chromosome"),
        ("a.bedGraph", "chr1\t0\t5\t1\nchr1\t4\t6\t1\n", "line 2: it overlaps"),
        ("a.bedGraph", "chr1\t0\t5\t1\nchr1\t5\t5\t1\n", "line 2: the end is not after"),
        ("a.bedGraph", "chr1\t9\t5\t1\n", "line 1: the end is not after"),
        ("a.bedGraph", "chr1\t-1\t5\t1\n", "line 1: the start is negative"),
        ("a.bedGraph", "chr1\t0\t5\tnan\n", "chr1:0-5 (nan) has a value"),
        ("a.bedGraph", "chr1\t0\t5\tinf\n", "chr1:0-5 (inf) has a value"),
        ("a.bedGraph", "chr1\t0\t1001\t1\n", "chr1:0-1001 (1) ends past the chromosome"),
        ("a.bedGraph", "1\t0\t5\t1\n", "does the genome call it 'chr1'?"),
        ("a.wig", "fixedStep chrom=chr2 start=500 step=1\n1\n2\n", "chr2:500-501 (2) ends past"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, name, text, error):
    with pytest.raises(InputError) as raised:
        check(tmp_path, name, text)
    assert error in str(raised.value)
    assert name in str(raised.value)


def test_without_a_genome_any_chromosome_will_do(tmp_path):
    assert check(tmp_path, "a.bed", "x\t0\t5000\n", None).covered == 5000


def test_bigwig(bigwig, values):
    found = validate(bigwig, genome=CHROMS)
    weight = np.concatenate([r.end - r.start for r in values.values()])
    value = np.concatenate([r.value for r in values.values()])
    assert (found.kind, found.chromosomes, found.intervals) == ("signal", 3, len(value))
    assert found.covered == weight.sum()
    assert found.mean == pytest.approx((weight * value).sum() / weight.sum())
    quick = validate(bigwig, genome=CHROMS, thorough=False)
    assert quick.intervals is None
    assert (quick.covered, quick.chromosomes, quick.max) == (found.covered, 3, found.max)
    assert quick.mean == pytest.approx(found.mean)


@pytest.mark.parametrize("thorough", [True, False])
@pytest.mark.parametrize(
    ("genome", "error"),
    [
        ({**CHROMS, "chr2": 5}, "'chr2' has 300,000 bp, that of the genome 5 bp"),
        ({"1": 500_000, "2": 300_000}, "does the genome call it '1'?"),
    ],
)
def test_bigwig_of_another_genome(bigwig, thorough, genome, error):
    with pytest.raises(InputError) as raised:
        validate(bigwig, genome=genome, thorough=thorough)
    assert error in str(raised.value)


@pytest.mark.parametrize("thorough", [True, False])
def test_a_damaged_index(bigwig, tmp_path, thorough):
    whole = bytearray(bigwig.read_bytes())
    index = struct.unpack_from("<Q", whole, 24)[0]
    path = tmp_path / "x.bw"
    for place, value in ((0, 7), (48, 9), (8, 1), (52 + 32 * 5 + 4, 0), (52 + 12, 0x7FFFFFFF)):
        damaged = whole.copy()
        struct.pack_into("<I", damaged, index + place, value)
        path.write_bytes(damaged)
        with pytest.raises((DamageError, InputError), match=r"x\.bw"):
            validate(path, thorough=thorough)


def test_values_of_others_that_no_signal_can_have(tmp_path):
    library = pytest.importorskip("pyBigWig")
    path = tmp_path / "x.bw"
    with library.open(str(path), "w") as out:
        out.addHeader([("a", 10)])
        out.addEntries(["a", "a"], [0, 5], [5, 20], [1.0, 2.0])
    for thorough in (True, False):
        with pytest.raises(InputError, match="past the chromosome"):
            validate(path, thorough=thorough)


def write(path, *regions):
    track = IntervalTrack(TrackLabel("t"), regions)
    write_bigbed(path, track.intervals, GENOME)
    return path


def test_bigbed(tmp_path):
    path = write(
        tmp_path / "a.bb", Region("chr1", 0, 10, "+", 5, "a"), Region("chr1", 5, 25, "+", 15, "b")
    )
    assert validate(path, genome=GENOME) == TrackSummary("interval", 1, 2, 25, 5.0, 10.0, 15.0)
    with pytest.raises(InputError, match="from 0 to 1000"):
        validate(write(tmp_path / "b.bb", Region("chr1", 0, 10, "+", 1005, "a")))
    with pytest.raises(InputError, match="'chr1' has 1,000 bp"):
        validate(path, genome={"chr1": 10, "chr2": 500})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (autosql.for_bed(5), "autoSql has 5 columns, the intervals have 6"),
        (autosql.for_bed(6).replace("string", "strong"), "unknown type"),
    ],
)
def test_bigbed_with_a_wrong_description(tmp_path, text, error):
    path = write(tmp_path / "a.bb", Region("chr1", 0, 10, "+", 5, "a"))
    right = autosql.for_bed(6).encode()
    whole = path.read_bytes()
    assert right in whole
    path.write_bytes(whole.replace(right, text.encode().ljust(len(right), b" ")))
    with pytest.raises(InputError, match=error):
        validate(path)


def test_a_suffix_that_lies(bigwig, tmp_path):
    path = tmp_path / "x.bed"
    path.write_bytes(bigwig.read_bytes())
    with pytest.raises(InputError, match="should be bed, but is a bigWig"):
        validate(path)
    assert validate(path, format="bigwig").kind == "signal"
