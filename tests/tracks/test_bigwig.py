import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.tracks.bbi import compression
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig import BigWig
from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig_writer import bigwig_writer
from snakemake_storage_plugin_seqstore.tracks.signal import Runs

from .conftest import CHROMS, random_runs


def write(path, chroms, values):
    with bigwig_writer(path, chroms) as out:
        for chrom, runs in values.items():
            out.add(chrom, runs)
    return path


def of(*rows):
    table = np.array(rows, float).reshape(-1, 3)
    return Runs(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2])


def same(one, other):
    return (
        np.array_equal(one.start, other.start)
        and np.array_equal(one.end, other.end)
        and np.array_equal(one.value.astype(np.float32), other.value.astype(np.float32))
    )


def test_what_is_written_is_read(bigwig, values):
    signal = BigWig(bigwig)
    assert signal.chroms() == CHROMS
    for chrom, runs in values.items():
        assert same(signal.runs(chrom), runs)
        assert same(signal.runs(chrom, 5000, 9001), runs.clipped(5000, 9001))
    assert len(signal.runs("chrUn")) == len(signal.runs("chrX")) == 0


def test_pybigwig_reads_the_same(bigwig, values):
    other = pytest.importorskip("pyBigWig").open(str(bigwig))
    ours = BigWig(bigwig)
    assert other.chroms() == CHROMS
    for chrom, runs in values.items():
        rows = zip(runs.start.tolist(), runs.end.tolist(), runs.value.tolist(), strict=True)
        assert other.intervals(chrom) == tuple(rows)
        for kind in ("mean", "min", "max", "sum", "coverage", "std"):
            theirs = other.stats(chrom, 100, 16_001, type=kind, nBins=7, exact=True)
            assert ours.stats(chrom, 100, 16_001, kind, 7) == pytest.approx(theirs)
            base = int(runs.start[3])
            theirs = other.stats(chrom, base, base + 1, type=kind, exact=True)
            assert ours.stats(chrom, base, base + 1, kind) == pytest.approx(theirs)
            if kind == "sum":
                continue  # pyBigWig gives the mean
            near = other.stats(chrom, 0, CHROMS[chrom], type=kind)  # from zoom levels
            assert near == pytest.approx(ours.stats(chrom, type=kind), rel=0.02)
    head = other.header()
    assert head["nLevels"] >= 1
    assert head["nBasesCovered"] == sum(int((r.end - r.start).sum()) for r in values.values())
    assert head["maxVal"] == int(max(r.value.max() for r in values.values()))


def test_pybigtools_reads_the_same(bigwig, values):
    other = pytest.importorskip("pybigtools").open(str(bigwig))
    for chrom, runs in values.items():
        rows = np.array(list(other.records(chrom)))
        assert same(Runs(rows[:, 0], rows[:, 1], rows[:, 2]), runs)
    for reduction in BigWig(bigwig).file.zooms:
        rows = list(other.zoom_records(reduction, "chr1"))
        assert sum(row[2]["bases_covered"] for row in rows) == int(
            (values["chr1"].end - values["chr1"].start).sum()
        )


def test_files_of_other_libraries_are_read(tmp_path, values):
    library = pytest.importorskip("pyBigWig")
    path = tmp_path / "x.bw"
    with library.open(str(path), "w") as out:
        out.addHeader(list(CHROMS.items()))
        runs = values["chr1"]
        out.addEntries(
            ["chr1"] * len(runs), runs.start.tolist(), runs.end.tolist(), runs.value.tolist()
        )
        out.addEntries("chr2", [1, 10, 30], values=[1.0, 2.0, 3.0], span=5)
        out.addEntries("chrM", 100, values=[4.0, 5.0, 6.0], span=10, step=20)
    signal = BigWig(path)
    assert same(signal.runs("chr1"), runs)
    assert same(signal.runs("chr2"), of((1, 6, 1), (10, 15, 2), (30, 35, 3)))
    assert same(signal.runs("chrM", 105, 125), of((105, 110, 4), (120, 125, 5)))


def test_zoom_levels(bigwig, values):
    signal = BigWig(bigwig)
    smallest = min(signal.file.zooms)
    bins = signal.file.bins("chr2", 0, CHROMS["chr2"], smallest)
    runs = values["chr2"]
    assert bins.covered.sum() == (runs.end - runs.start).sum()
    assert bins.sum.sum() == pytest.approx(((runs.end - runs.start) * runs.value).sum())
    assert (bins.end - bins.start <= smallest).all()
    assert signal.file.bins("chr2", 0, 100, smallest - 1) is None
    for kind in ("mean", "min", "max", "sum", "coverage", "std"):
        near = signal.stats("chr2", 0, 200_000, kind, 5, exact=False)
        exact = signal.stats("chr2", 0, 200_000, kind, 5)
        if kind in ("min", "max"):  # also of what lies beyond the edges of bins
            pairs = zip(near, exact, strict=True)
            assert all(a <= b if kind == "min" else a >= b for a, b in pairs)
        else:
            assert near == pytest.approx(exact, rel=0.1)
            assert near != exact
        assert signal.stats("chr2", 0, 500, kind, 5, exact=False) == signal.stats(
            "chr2", 0, 500, kind, 5
        )


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(1, 1 << 20),
            st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
        ),
        max_size=40,
    ),
    st.integers(0, 1 << 22),
    st.integers(1, 1 << 22),
)
def test_any_runs(tmp_path_factory, rows, low, size):
    path = tmp_path_factory.mktemp("any") / "x.bw"
    place, found = 0, []
    for gap, span, value in rows:
        found.append((place + gap, place + gap + span, value))
        place += gap + span
    runs = of(*found)
    write(path, {"a": place + 1, "b": 10}, {"a": runs})
    signal = BigWig(path)
    assert same(signal.runs("a"), runs)
    assert same(signal.runs("a", low, low + size), runs.clipped(low, low + size))


def test_a_long_run_has_few_summaries(tmp_path):
    # The first runs are short: bins of their size would be very many in the long one.
    runs = of(*((i, i + 1, i) for i in range(100)), (1000, 240_000_000, 1))
    path = write(tmp_path / "x.bw", {"chr1": 250_000_000}, {"chr1": runs})
    assert path.stat().st_size < 100_000
    assert same(BigWig(path).runs("chr1"), runs)


def test_runs_of_one_length_are_kept_in_less(tmp_path):
    rng = np.random.default_rng(0)
    start = np.arange(0, 1_000_000, 50)
    runs = Runs(start, start + 50, rng.random(len(start)))
    fixed = write(tmp_path / "x.bw", {"a": 1_000_000}, {"a": runs})
    assert fixed.stat().st_size < 5 * len(start)
    assert same(BigWig(fixed).runs("a"), runs)
    kept = rng.random(len(start)) > 0.3
    runs = Runs(runs.start[kept], runs.end[kept], runs.value[kept])
    stepped = write(tmp_path / "y.bw", {"a": 1_000_000}, {"a": runs})
    assert same(BigWig(stepped).runs("a", 333, 77_777), runs.clipped(333, 77_777))


def test_many_contigs(tmp_path):
    chroms = {f"contig_{n}": 100 + n % 7 for n in range(100_000)}
    values = {f"contig_{n}": of((0, 50, n)) for n in range(0, 100_000, 500)}
    path = write(tmp_path / "x.bw", chroms, values)
    signal = BigWig(path)
    assert signal.chroms() == chroms
    assert list(signal.chroms()) == list(chroms)
    assert signal.runs("contig_99500").value.tolist() == [99500]
    other = pytest.importorskip("pyBigWig").open(str(path))
    assert other.chroms() == chroms
    assert other.intervals("contig_99500") == ((0, 50, 99500),)
    theirs = pytest.importorskip("pybigtools").open(str(path))
    assert list(theirs.records("contig_99500")) == [(0, 50, 99500)]


def test_the_bytes_do_not_depend_on_how_runs_are_handed_over(tmp_path, values, bigwig):
    path = tmp_path / "x.bw"
    with bigwig_writer(path, CHROMS) as out:
        for chrom, runs in values.items():
            for first in range(0, len(runs), 777):
                part = slice(first, first + 777)
                out.add(chrom, Runs(runs.start[part], runs.end[part], runs.value[part]))
    ours, theirs = BigWig(path), BigWig(bigwig)
    for chrom in values:
        assert same(ours.runs(chrom), theirs.runs(chrom))
    assert path.read_bytes() == bigwig.read_bytes()


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([(0, 10, 1), (5, 20, 2)], "a:5-20 (2) overlaps"),
        ([(10, 20, 1), (0, 5, 2)], "a:0-5 (2) overlaps the one before it, or is out of order"),
        ([(5, 5, 1)], "a:5-5 (1) is empty"),
        ([(9, 5, 1)], "a:9-5 (1) is empty or ends before it starts"),
        ([(90, 101, 1)], "a:90-101 (1) ends past the chromosome, which has 100 bp"),
        ([(0, 1, np.nan)], "a:0-1 (nan) has a value that is no finite number"),
        ([(0, 1, 1), (1, 2, np.inf)], "a:1-2 (inf)"),
        ([(0, 1, 1e39)], "a:0-1 (inf)"),
        ([(-1, 5, 1)], "a:-1-5 (1) starts before the chromosome"),
    ],
)
def test_what_cannot_stand_in_one_is_refused(tmp_path, rows, error):
    path = tmp_path / "x.bw"
    with pytest.raises(InputError) as raised:
        write(path, {"a": 100}, {"a": of(*rows)})
    assert error in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_unknown_and_late_chromosomes_are_refused(tmp_path):
    one = of((0, 1, 1))
    with pytest.raises(InputError, match="no chromosome 'c'"):
        write(tmp_path / "x.bw", {"a": 5, "b": 5}, {"c": one})
    with pytest.raises(InputError, match="'a' comes too late"):
        write(tmp_path / "x.bw", {"a": 5, "b": 5}, {"b": one, "a": one})


def big_endian(path):
    """Write a small file in the other byte order: one section of each kind, not compressed."""
    tree = struct.pack(">IIIIQQ", 0x78CA8C91, 1, 4, 8, 1, 0) + struct.pack(">BBH", 1, 0, 1)
    tree += b"chr1" + struct.pack(">II", 0, 1000)
    runs = struct.pack(">IIIIIBBH", 0, 10, 50, 0, 0, 1, 0, 2)
    runs += struct.pack(">IIfIIf", 10, 20, 1.5, 30, 50, 2.5)
    steps = struct.pack(">IIIIIBBH", 0, 60, 80, 0, 5, 2, 0, 2) + struct.pack(">IfIf", 60, 3, 75, 4)
    fixed = struct.pack(">IIIIIBBH", 0, 100, 125, 20, 5, 3, 0, 2) + struct.pack(">ff", 5, 6)
    places = [(10, 50), (60, 80), (100, 125)]
    data = 64 + len(tree)
    index = data + 8 + sum(map(len, (runs, steps, fixed)))
    nodes = struct.pack(">IIQIIIIQII", 0x2468ACE0, 256, 3, 0, 10, 0, 125, index, 1, 0)
    nodes += struct.pack(">BBH", 1, 0, 3)
    offset = data + 8
    for (start, end), section in zip(places, (runs, steps, fixed), strict=True):
        nodes += struct.pack(">IIIIQQ", 0, start, 0, end, offset, len(section))
        offset += len(section)
    head = struct.pack(">IHHQQQHHQQIQ", 0x888FFC26, 4, 0, 64, data, index, 0, 0, 0, 0, 0, 0)
    path.write_bytes(head + tree + struct.pack(">Q", 3) + runs + steps + fixed + nodes)
    return path


def test_the_other_byte_order(tmp_path):
    path = big_endian(tmp_path / "x.bw")
    rows = [(10, 20, 1.5), (30, 50, 2.5), (60, 65, 3), (75, 80, 4), (100, 105, 5), (120, 125, 6)]
    signal = BigWig(path)
    assert signal.chroms() == {"chr1": 1000}
    assert same(signal.runs("chr1"), of(*rows))
    assert same(signal.runs("chr1", 62, 122), of(*rows).clipped(62, 122))


def test_damage_is_found_or_does_no_harm(bigwig, values, tmp_path):
    whole = bigwig.read_bytes()
    rng = np.random.default_rng(5)
    path = tmp_path / "x.bw"
    wrong = 0
    for place in [*range(64), *rng.integers(64, len(whole), 150).tolist()]:
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ (1 << rng.integers(8))]) + whole[place + 1 :]
        )
        try:
            signal = BigWig(path)
            for chrom, runs in values.items():
                wrong += not same(signal.runs(chrom), runs)
        except (DamageError, InputError) as error:
            assert str(path) in str(error)
    assert wrong < 30  # lengths, names and places that could be true; the store knows the bytes


@pytest.mark.parametrize("part", [0, 3, 63, 200, 5000, -1])
def test_a_file_that_is_cut_is_refused(bigwig, values, tmp_path, part):
    path = tmp_path / "x.bw"
    path.write_bytes(bigwig.read_bytes()[:part])
    if part == -1:
        assert same(BigWig(path).runs("chrM"), values["chrM"])  # only the last byte, a signature
        return
    with pytest.raises((DamageError, InputError), match=r"x\.bw"):
        BigWig(path).runs("chr1")


def test_zlib_serves_where_libdeflate_is_not_installed(monkeypatch):
    text = b"values" * 1000
    fast = compression.compress(text)
    monkeypatch.setattr(compression, "deflate", None)
    assert compression.decompress(fast, len(text)) == text
    assert zlib.decompress(compression.compress(text)) == text
    with pytest.raises(ValueError, match=r"\w"):
        compression.decompress(b"no stream", 10)


def test_threads_share_a_reader(bigwig, values):
    from concurrent.futures import ThreadPoolExecutor

    signal = BigWig(bigwig)
    with ThreadPoolExecutor(8) as pool:
        names = list(values) * 20
        for name, runs in zip(names, pool.map(signal.runs, names), strict=True):
            assert same(runs, values[name])


def test_random_runs_have_gaps_and_neighbours():
    runs = random_runs(10_000, 1)
    touching = runs.start[1:] == runs.end[:-1]
    assert touching.any() and not touching.all()
