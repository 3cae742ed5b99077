import math

import numpy as np
import pytest

from snakemake_storage_plugin_seqstore import (
    IntervalTrack,
    Region,
    SignalTrack,
    TableTrack,
    TrackLabel,
    tracks,
)
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.provenance import Provenance
from snakemake_storage_plugin_seqstore.tracks.operations import REGISTRY, find, run, windows
from snakemake_storage_plugin_seqstore.tracks.signal import Computed, Runs, dense
from snakemake_storage_plugin_seqstore.tracks.writing import write

from .conftest import CHROMS, random_runs

LABEL = TrackLabel("t")


class Genome:
    name = "g"

    def __init__(self, circular=(), **sequences):
        self._circular = circular
        self._sequences = sequences
        self.chrom_lengths = {name: len(text) for name, text in sequences.items()}

    def is_circular(self, chrom):
        return chrom in self._circular

    def fetch(self, chrom, start, end):
        return self._sequences[chrom][start:end]


def signal(*rows, length=100, chrom="a"):
    table = np.array(rows, float).reshape(-1, 3)
    runs = Runs(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2])
    return of_runs({chrom: runs}, {chrom: length})


def of_runs(runs, lengths):
    def blocks(chrom, start, end):
        found = runs.get(chrom, Runs.empty())
        kept = (found.end > start) & (found.start < end)
        yield Runs(found.start[kept], found.end[kept], found.value[kept])

    return SignalTrack(LABEL, Computed(lengths, blocks))


def rows(track, chrom="a"):
    runs = track.signal.runs(chrom)
    return list(zip(runs.start.tolist(), runs.end.tolist(), runs.value.tolist(), strict=True))


def regions(track):
    return [(r.chrom, r.start, r.end) for r in track]


TABLE = TableTrack(LABEL, {"x": 8.0, "y": 2.0})
PEAKS = IntervalTrack(LABEL, [Region("a", 1, 2, score=8.0), Region("a", 5, 9, score=2.0)])
VALUES = signal((0, 10, 8), (10, 20, 2))


@pytest.mark.parametrize("track", [TABLE, PEAKS, VALUES])
@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("transform.log", {"base": 2}, [3, 1]),
        ("transform.log", {"base": 10, "pseudocount": 92}, [2, math.log10(94)]),
        ("transform.log", {"base": 3}, [math.log(8, 3), math.log(2, 3)]),
        ("transform.scale", {"factor": 2, "offset": 1}, [17, 5]),
        ("transform.clip", {"max": 5}, [5, 2]),
        ("transform.clip", {"min": 3}, [8, 3]),
        ("transform.threshold", {"min": 5}, [8]),
        ("transform.threshold", {"max": 5, "binary": True}, [0, 1]),
        ("transform.normalize", {"method": "max"}, [1, 0.25]),
        ("transform.normalize", {"method": "mean", "target": 10}, [16, 4]),
        ("transform.normalize", {"method": "zscore"}, [1, -1]),
    ],
)
def test_values_change_alike_in_all_kinds(track, operation, params, expected):
    made = run(operation, [track], **params)
    assert made.track_type == track.track_type
    found = [row[2] for row in rows(made)] if track is VALUES else made.scores()
    assert found == pytest.approx(expected)


def test_normalize_by_sum():
    assert run("transform.normalize", [TABLE], target=100).scores() == [80, 20]
    made = run("transform.normalize", [VALUES], method="sum", target=100)
    assert rows(made) == [(0, 10, 8), (10, 20, 2)]
    assert run("transform.normalize", [TableTrack(LABEL, {})]).scores() == []


def test_what_has_no_finite_result_is_named():
    for track, place in ((signal((5, 7, 0)), "a:5-7"), (TableTrack(LABEL, {"a": -1}), "entry 1")):
        with pytest.raises(InputError) as raised:
            made = run("transform.log", [track])
            rows(made)
        assert place in str(raised.value) and "give a pseudocount" in str(raised.value)
    with pytest.raises(InputError, match="no z-score"):
        run("transform.normalize", [signal((0, 5, 1))], method="zscore")


def test_fill():
    made = run("transform.fill", [signal((5, 10, 1), (10, 12, 2), (50, 60, 3))], value=-1)
    assert rows(made) == [
        (0, 5, -1),
        (5, 10, 1),
        (10, 12, 2),
        (12, 50, -1),
        (50, 60, 3),
        (60, 100, -1),
    ]
    assert rows(run("transform.fill", [signal()])) == [(0, 100, 0)]
    assert made.signal.runs("a", 3, 7).value.tolist() == [-1, 1]
    assert made.signal.runs("a", 20, 30).value.tolist() == [-1]


def test_bin():
    track = signal((5, 10, 1), (10, 12, 2), (50, 60, 3))
    assert rows(run("transform.bin", [track], size=8)) == [
        (0, 8, 1), (8, 16, 1.5), (48, 56, 3), (56, 64, 3)
    ]  # fmt: skip
    assert rows(run("transform.bin", [track], size=30, statistic="sum")) == [
        (0, 30, 9),
        (30, 60, 30),
    ]
    assert rows(run("transform.bin", [track], size=40, statistic="max"))[-1] == (40, 80, 3)


@pytest.mark.parametrize("window", [1 << 21, 1000, 64])
def test_smooth_is_a_mean_of_each_window(monkeypatch, window):
    monkeypatch.setattr(windows, "WINDOW", window)
    runs = random_runs(3000, 4)
    track = of_runs({"a": runs}, {"a": 3000})
    made = dense(run("transform.smooth", [track], width=21).signal.runs("a"), 0, 3000)
    values = dense(runs, 0, 3000)
    for place in range(3000):
        if math.isnan(values[place]):
            assert math.isnan(made[place])
        else:
            near = values[max(0, place - 10) : place + 11]
            assert made[place] == pytest.approx(np.nanmean(near))


METHODS = {
    "mean": np.mean,
    "sum": np.sum,
    "min": np.min,
    "max": np.max,
    "diff": lambda x, axis: x[0] - x[1],
    "ratio": lambda x, axis: x[0] / x[1],
    "log2ratio": lambda x, axis: np.log2(x[0] / x[1]),
}


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("missing", [None, 0.5])
def test_combine(monkeypatch, method, missing):
    monkeypatch.setattr(windows, "WINDOW", 777)
    parts = [random_runs(5000, seed) for seed in (1, 2)]
    made = run(
        "combine",
        [of_runs({"a": part}, {"a": 5000}) for part in parts],
        method=method,
        missing=missing,
        pseudocount=0.25,
    )
    table = np.array([dense(part, 0, 5000) for part in parts])
    known = ~np.isnan(table)
    if missing is not None:
        table = np.where(known, table, missing)
    expected = METHODS[method](table + 0.25, axis=0)
    expected[~(known.any(axis=0) if missing is not None else known.all(axis=0))] = np.nan
    found = made.signal.runs("a")
    assert np.allclose(dense(found, 0, 5000), expected, equal_nan=True)
    assert (found.start[1:] >= found.end[:-1]).all()
    same = (found.start[1:] == found.end[:-1]) & (found.value[1:] == found.value[:-1])
    assert not same.any()


def test_combine_of_several_and_of_too_many():
    three = [signal((0, 10, n)) for n in (1, 2, 6)]
    assert rows(run("combine", three, method="mean")) == [(0, 10, 3)]
    with pytest.raises(InputError, match="diff takes two signals, not 3"):
        run("combine", three, method="diff")
    with pytest.raises(InputError, match="combine takes track, others: 1 inputs"):
        run("combine", three[:1], method="mean")
    zero = [signal((0, 10, 1)), signal((5, 20, 0))]
    with pytest.raises(InputError, match=r"a:5-10: ratio of 1 and 0 is not finite"):
        rows(run("combine", zero, method="ratio"))


def test_gc_and_skew():
    genome = Genome(a="GGCCAATTNNNNGGGgcat", b="NN")
    made = run("genome.gc", [genome], size=4)
    assert rows(made) == [(0, 4, 1), (4, 8, 0), (12, 16, 1), (16, 19, pytest.approx(1 / 3))]
    assert rows(made, "b") == []
    assert rows(run("genome.skew", [genome], size=4))[0] == (0, 4, 0)
    assert rows(run("genome.skew", [genome], size=4))[1] == (12, 16, 1)


def test_closest_without_any_other():
    made = run("intervals.closest", [PEAKS, IntervalTrack(LABEL, [Region("b", 1, 2)])])
    assert made.scores() == [-1, -1]


def test_operations_write_files(bigwig, tmp_path):
    made = run("transform.log", [tracks.open(bigwig)], base=2, pseudocount=1)
    write(made, tmp_path / "log.bw")
    again = tracks.open(tmp_path / "log.bw").signal
    assert again.chroms() == CHROMS
    expected = np.log2(tracks.open(bigwig).signal.runs("chr1").value.astype(float) + 1)
    assert np.array_equal(again.runs("chr1").value, expected.astype(np.float32))
    for name in ("log.bedGraph", "log.bedGraph.gz"):
        write(made, tmp_path / name)
        assert tracks.open(tmp_path / name).signal_at("chr1", 500, 900) == pytest.approx(
            again_at(tmp_path)
        )


def again_at(tmp_path):
    return tracks.open(tmp_path / "log.bw").signal_at("chr1", 500, 900)


def test_the_same_request_has_one_provenance():
    log = find("transform.log")
    expected = Provenance("transform.log", ("abc",), (("base", 2), ("pseudocount", 0)))
    for params in ({}, {"base": 2}, {"base": 2.0}, {"base": "2"}, {"pseudocount": np.int64(0)}):
        made = log.provenance(["abc"], params)
        assert made == expected
        assert made.digest() == expected.digest()


def test_the_order_of_inputs_counts():
    combine = find("combine")
    one = combine.provenance(["a", "b"], {"method": "diff"})
    other = combine.provenance(["b", "a"], {"method": "diff"})
    assert one.input_ids == other.input_ids == ("a", "b")
    assert one.digest() != other.digest()


@pytest.mark.parametrize(
    ("operation", "params", "error"),
    [
        ("transform.log", {"bass": 2}, "has no parameter 'bass' (there are base, pseudocount)"),
        ("transform.log", {"base": "two"}, "'base' must be a finite number, not 'two'"),
        ("transform.log", {"base": True}, "must be a finite number"),
        ("transform.log", {"base": math.nan}, "must be a finite number"),
        ("transform.log", {"base": 1}, "not 1"),
        ("transform.bin", {}, "needs the parameter 'size'"),
        ("transform.bin", {"size": 0}, "must be 1 at least"),
        ("transform.bin", {"size": 2.5}, "must be a whole number"),
        ("transform.bin", {"size": 2, "statistic": "median"}, "allowed: mean, min"),
        ("transform.clip", {"min": 2, "max": 1}, "min is more than max"),
        ("transform.threshold", {"binary": 1}, "must be a boolean"),
        ("no.such", {}, "there is no operation 'no.such'"),
        ("genome.gc", {}, "genome must be genome, not signal"),
    ],
)
def test_requests_that_are_refused(operation, params, error):
    with pytest.raises(InputError) as raised:
        run(operation, [VALUES], **params)
    assert error in str(raised.value)


def test_the_registry_describes_itself():
    import json

    for name, operation in REGISTRY.items():
        assert name == operation.id
        schema = json.loads(json.dumps(operation.schema()))
        assert schema["description"].endswith(".")
        assert all(p["description"] for p in schema["parameters"])
        assert schema["inputs"]


@pytest.mark.parametrize("operation", ["intersect", "subtract", "closest"])
def test_chromosomes_that_are_named_in_other_ways(operation):
    one, other = (IntervalTrack(LABEL, [Region(name, 1, 2)]) for name in ("chr1", "1"))
    with pytest.raises(InputError, match="one track has chr1, another 1"):
        run(f"intervals.{operation}", [one, other])
    other = IntervalTrack(LABEL, [Region("chr2", 1, 2)])
    assert len(run(f"intervals.{operation}", [one, other])) == (operation != "intersect")


def test_signals_of_chromosomes_that_are_named_in_other_ways():
    with pytest.raises(InputError, match="no chromosome is shared"):
        run("combine", [signal(chrom="chr1"), signal(chrom="1")], method="sum")


def test_intervals_across_the_origin_of_a_circular_chromosome():
    track = IntervalTrack(TrackLabel("t"), [Region("m", 8, 13), Region("m", 2, 4)])
    genome = Genome(circular=["m"], m="A" * 10, b="A" * 5)
    covered = run("coverage.intervals", [track, genome]).signal
    assert covered.intervals("m") == ((0, 2, 1.0), (2, 3, 2.0), (3, 4, 1.0), (8, 10, 1.0))
    left = run("intervals.complement", [track, genome])
    assert [(r.chrom, r.start, r.end) for r in left] == [("m", 4, 8), ("b", 0, 5)]


@pytest.mark.parametrize("operation", ["coverage.intervals", "intervals.complement"])
@pytest.mark.parametrize(
    ("region", "error"),
    [
        (Region("b", 3, 6), "b:3-6 ends past the chromosome, which has 5 bp"),
        (Region("m", 8, 19), "m:8-19 ends past"),
        (Region("m", 10, 11), "m:10-11 ends past"),
        (Region("chrm", 1, 2), "no chromosome 'chrm'; it has m, b"),
    ],
)
def test_intervals_that_are_not_in_the_genome(operation, region, error):
    genome = Genome(circular=["m"], m="A" * 10, b="A" * 5)
    with pytest.raises(InputError, match=f"{operation}: .*{error}"):
        run(operation, [IntervalTrack(TrackLabel("t"), [region]), genome])
