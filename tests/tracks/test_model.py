import doctest
import importlib
import math

import numpy as np
import pytest

import snakemake_storage_plugin_seqstore as seqstore
from snakemake_storage_plugin_seqstore import (
    IntervalTrack,
    Region,
    SignalTrack,
    StoredTrack,
    TableTrack,
    Track,
    TrackLabel,
    TrackStore,
    tracks,
)
from snakemake_storage_plugin_seqstore.errors import InputError

REGIONS = [
    Region("chr1", 100, 200, score=5.0),
    Region("chr1", 150, 300, "+", 10.0, "b", {"type": "gene"}),
    Region("chr2", 0, 10, score=1.0),
    Region("chr1", 10, 1000, score=2.0),
]


def test_region():
    assert repr(Region("chr1", 100, 200, strand="+", name="geneA")) == (
        "Region(chrom='chr1', start=100, end=200, strand='+', score=0.0, name='geneA', tags={})"
    )
    assert (Region("c", 100, 201).length, Region("c", 100, 201).center) == (101, 150)
    with pytest.raises(AttributeError):
        Region("c", 1, 2).start = 3
    assert hash(Region("c", 1, 2)) == hash(Region("c", 1, 2))


@pytest.mark.parametrize(
    "make",
    [lambda s: IntervalTrack(s, []), lambda s: TableTrack(s, {}), lambda s: SignalTrack(s, None)],
)
def test_a_track_needs_a_source_with_a_name(make):
    for source in ("t", 3):
        with pytest.raises(TypeError, match="name"):
            make(source)


def test_all_kinds_are_tracks(bigwig):
    found = [
        IntervalTrack(TrackLabel("t"), []),
        TableTrack(TrackLabel("t"), {}),
        tracks.open(bigwig),
    ]
    assert all(isinstance(track, Track) for track in found)
    assert [track.track_type for track in found] == ["interval", "table", "signal"]
    assert not isinstance(3, Track)


def test_intervals():
    track = IntervalTrack(TrackLabel("peaks"), REGIONS)
    assert list(track) == REGIONS
    assert [r.start for r in track.regions("chr1", 199, 201)] == [10, 100, 150]
    assert list(track.regions("chr1", 300, 301)) == [REGIONS[3]]
    assert list(track.regions("chr3", 0, 10)) == []
    assert track.signal_at("chr3", 0, 10) == 0.0
    assert track.signal_at("chr1", 2000, 3000) == 0.0
    # 10 and 50 bases of 5, 60 of 10, 110 of 2
    assert track.signal_at("chr1", 140, 160) == pytest.approx((20 * 5 + 10 * 10 + 20 * 2) / 50)
    assert track.scores() == [5.0, 10.0, 1.0, 2.0]
    assert track.map_scores(lambda s: s * 2).scores() == [10.0, 20.0, 2.0, 4.0]
    assert list(track.filter_entries(lambda s: s > 4)) == REGIONS[:2]
    assert track.with_scores([1, 2, 3, 4]).scores() == [1, 2, 3, 4]
    assert next(iter(track.with_scores([1, 2, 3, 4]).filter_entries(lambda s: s == 2))).tags == {
        "type": "gene"
    }
    with pytest.raises(ValueError, match="1 scores for 4 regions"):
        track.with_scores([1])


def test_windows_find_what_a_search_of_all_finds():
    rng = np.random.default_rng(3)
    start = rng.integers(0, 1000, 300)
    size = rng.integers(0, 3, 300) * rng.integers(1, 300, 300) + 1
    regions = [Region("c", int(s), int(s + n)) for s, n in zip(start, size, strict=True)]
    track = IntervalTrack(TrackLabel("t"), regions)
    for low in range(0, 1200, 37):
        expected = sorted(
            (r for r in regions if r.end > low and r.start < low + 20), key=lambda r: r.start
        )
        assert list(track.regions("c", low, low + 20)) == expected


def test_table():
    track = TableTrack(TrackLabel("counts"), {"geneA": 42.0, "geneB": 7.0})
    assert (track.get("geneA"), track.get("x"), track.keys()) == (42.0, 0.0, ["geneA", "geneB"])
    assert track.signal_at("chr1", 0, 10) == 0.0
    assert list(track.regions("chr1", 0, 10)) == []
    assert track.map_scores(math.sqrt).get("geneA") == math.sqrt(42)
    assert track.filter_entries(lambda s: s > 10).keys() == ["geneA"]
    assert track.with_scores([1, 2]).get("geneB") == 2.0
    assert track.map_scores(abs).name == "counts"


def test_signal(bigwig, values):
    track = tracks.open(bigwig)
    runs = values["chr1"].clipped(1000, 2000)
    weight = runs.end - runs.start
    assert track.signal_at("chr1", 1000, 2000) == pytest.approx(
        (weight * runs.value).sum() / weight.sum()
    )
    assert track.signal_at("chrUn", 0, 1000) == 0.0
    assert track.signal_at("chrX", 0, 1000) == 0.0
    assert list(track.regions("chr1", 0, 100)) == []
    assert sum(track.raw_signal("chr1", 1000, 2000)) == pytest.approx((weight * runs.value).sum())
    for call in (track.scores, lambda: track.map_scores(abs), lambda: track.with_scores([])):
        with pytest.raises(NotImplementedError, match=r"transform\.bin"):
            call()


def test_a_signal_over_an_open_file_of_another_library(bigwig):
    other = pytest.importorskip("pyBigWig").open(str(bigwig))
    ours = tracks.open(bigwig)
    theirs = SignalTrack(TrackLabel("t"), other)
    for start in range(0, 16_000, 777):
        assert theirs.signal_at("chrM", start, start + 300) == pytest.approx(
            ours.signal_at("chrM", start, start + 300)
        )
    assert theirs.signal_at("chrX", 0, 10) == 0.0
    assert theirs.signal_at("chrM", 10_000, 20_000) > 0


def test_store(bigwig):
    store = TrackStore()
    tid = store.put(IntervalTrack(TrackLabel("t"), []))
    assert isinstance(store.get(tid), StoredTrack)
    other = store.put(tracks.open(bigwig), chroms={"chr1": 5})
    assert [stored.track_type for stored in store.list_all()] == ["interval", "signal"]
    assert store.get(other).chroms == {"chr1": 5}


def test_public_names():
    for name in ("Region", "SignalTrack", "TableTrack"):
        assert name in seqstore.__all__
        assert getattr(seqstore, name) is getattr(tracks, name)


@pytest.mark.parametrize("module", ["region", "track"])
def test_the_examples_in_the_documentation(module):
    found = importlib.import_module(f"{tracks.__name__}.{module}")
    result = doctest.testmod(found)
    assert result.attempted > 0
    assert result.failed == 0


def test_a_strand_that_is_none_is_named():
    with pytest.raises(InputError, match="c:0-5: the strand 'x' is none of"):
        IntervalTrack(TrackLabel("t"), [Region("c", 0, 5, strand="x")])
