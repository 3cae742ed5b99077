"""TrackStore: the same calls in memory and on disk, and computations that are made once."""

import hashlib
import math
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore import (
    Genome,
    GenomeStore,
    IntervalTrack,
    Provenance,
    Region,
    SignalTrack,
    StoredTrack,
    TableTrack,
    TrackLabel,
    TrackStore,
    tracks,
    transfer,
)
from snakemake_storage_plugin_seqstore.errors import QueryError, SeqstoreError
from snakemake_storage_plugin_seqstore.provenance import content_id, result_id
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Store
from snakemake_storage_plugin_seqstore.tracks.operations import REGISTRY, transform
from snakemake_storage_plugin_seqstore.tracks.signal import Computed, Runs
from snakemake_storage_plugin_seqstore.tracks.text.regions import read_regions
from snakemake_storage_plugin_seqstore.tracks.writing import write

LABEL = TrackLabel("t")
REGIONS = [
    Region("chr2", 5, 9, "+", -0.1, "b\tc", {"parts": ((0, 1), (2, 3)), "note": "x", "n": 1}),
    Region("chr1", 3, 4, tags={"list": [1, 2.5, None], "text": "\u00e9"}),
    Region("chr1", 0, 9, "-", 1e300, "."),
]
INTERVALS = IntervalTrack(LABEL, REGIONS)
TABLE = TableTrack(LABEL, {"b": 0.1, "a": 7.0, "": 1e-300})
VALUES = SignalTrack(
    LABEL,
    Computed(
        {"chr1": 20},
        lambda chrom, start, end: iter([Runs(np.array([2]), np.array([9]), np.array([7.0]))]),
    ),
)


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TrackStore:
    return TrackStore() if request.param == "memory" else TrackStore(root=tmp_path / "store")


def same(one, other) -> bool:
    if isinstance(one, SignalTrack):
        ours, theirs = one.signal, other.signal
        assert ours.lengths == theirs.lengths
        return all(ours.intervals(chrom) == theirs.intervals(chrom) for chrom in ours.lengths)
    if isinstance(one, TableTrack):
        return (one.keys(), one.scores()) == (other.keys(), other.scores())
    return list(one) == list(other)


@pytest.mark.parametrize("track", [INTERVALS, TABLE, VALUES, IntervalTrack(LABEL, [])])
def test_the_calls_mean_the_same(store: TrackStore, track) -> None:
    assert store.list_all() == []
    made = Provenance("op", ("abc",), (("x", 1),))
    track_id = store.put(track, chroms={"chr1": 20, "chr2": 30}, provenance=made)
    assert str(uuid.UUID(track_id)) == track_id
    stored = store.get(track_id)
    assert isinstance(stored, StoredTrack)
    assert (stored.track.name, stored.track_type) == ("t", track.track_type)
    assert stored.chroms == {"chr1": 20, "chr2": 30}
    assert stored.provenance == made
    assert stored.created_at.tzinfo
    if track is not VALUES:
        assert same(stored.track, track)
    assert stored.track.signal_at("chr1", 2, 9) == track.signal_at("chr1", 2, 9)
    assert store.put(TABLE, provenance=made) == track_id
    other = store.put(TableTrack(TrackLabel("other"), {"z": 1.0}))
    assert [one.id for one in store.list_all()] == [track_id, other]
    assert [one.track_type for one in store.list_all()] == [track.track_type, "table"]
    assert [one.track.name for one in store.list_all()] == ["t", "other"]
    assert store.delete(track_id)
    assert not store.delete(track_id)
    assert store.get(track_id) is None
    assert store.get("no such id") is None


@pytest.mark.parametrize("track", [INTERVALS, TABLE, VALUES])
def test_the_same_source_data_is_there_once(tmp_path: Path, track) -> None:
    store = TrackStore(root=tmp_path / "one")
    ids = {store.put(track), store.put(track), TrackStore(root=tmp_path / "two").put(track)}
    assert len(ids) == 1
    assert len(store.list_all()) == 1
    if track is INTERVALS:
        assert store.put(track, chroms={"chr1": 20}) not in ids


def test_a_file_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "peaks.bed"
    path.write_text("# a comment\nchr1\t1\t5\ta\t3\t+\nchr1\t7\t9\tb\t0\t-\n")
    plain = Store(tmp_path / "store")
    transfer.publish(plain, Query.parse("seqstore://tracks/s1/peaks.bed"), path)
    store = TrackStore(root=plain.root)
    track_id = store.find("tracks/s1/peaks.bed")
    assert track_id == store.find("seqstore://tracks/s1/peaks.bed")
    assert store.put(tracks.open(path)) == track_id
    assert store.put(store.get(track_id).track) == track_id
    assert len(store.list_all()) == 1
    assert same(store.get(track_id).track, tracks.open(path))
    assert store.find("tracks/other.bed") is None
    for query in ("tracks/x.bw?bins=3", "files/x.bed", "tracks/{x}.bed", "x"):
        with pytest.raises(QueryError):
            store.find(query)
    opened = tracks.open(path)
    path.write_text("chr1\t1\t5\n")
    with pytest.raises(SeqstoreError, match="changed since it was opened"):
        store.put(opened)


scores = st.floats(allow_nan=False, allow_infinity=False)
tags = st.dictionaries(
    st.text(max_size=3) | st.integers(0, 3),
    st.none() | st.booleans() | scores | st.text(max_size=4) | st.lists(st.integers()).map(tuple),
    max_size=3,
)
regions = st.builds(
    lambda chrom, start, length, *rest: Region(chrom, start, start + length, *rest),
    st.text(min_size=1, max_size=3).filter(lambda text: text.isprintable()),
    st.integers(0, 1000),
    st.integers(1, 1000),
    st.sampled_from("+-."),
    scores,
    st.text(max_size=4),
    tags,
)


@settings(max_examples=60)
@given(st.lists(regions, max_size=4))
def test_all_of_regions_comes_back(tmp_path_factory, found: list[Region]) -> None:
    path = tmp_path_factory.mktemp("x") / "x.jsonl"
    write(IntervalTrack(LABEL, found), path)
    again = list(read_regions(path))
    assert again == found
    assert [repr(one) for one in again] == [repr(one) for one in found]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: it is no JSON"),
        ("[]", "line 2: a region is"),
        ('{"chrom":"a","start":0}', "line 2: a region is"),
        ('{"chrom":"a","start":5,"end":5}', "line 2: the interval is empty"),
        ('{"chrom":"a","start":5,"end":4}', "line 2: the interval ends before its start"),
        ('{"chrom":"a","start":-1,"end":4}', "line 2: the start is negative"),
        ('{"chrom":"a","start":1.5,"end":4}', "line 2: start cannot be 1.5"),
        ('{"chrom":"a","start":true,"end":4}', "line 2: start cannot be True"),
        ('{"chrom":"a","start":0,"end":4,"score":NaN}', "line 2: the score is not finite"),
        ('{"chrom":"a","start":0,"end":4,"strand":"x"}', "line 2: the strand is none of"),
        ('{"chrom":"a","start":0,"end":4,"color":1}', "line 2: color cannot be 1"),
        ('{"chrom":"a","start":0,"end":4,"typed_tags":[1]}', "line 2: typed_tags are damaged"),
    ],
)
def test_what_is_no_region_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"chrom":"a","start":0,"end":4}\n' + line + "\n")
    store = Store(tmp_path / "store")
    with pytest.raises(SeqstoreError, match=reason):
        transfer.publish(store, Query.parse("seqstore://tracks/x.jsonl"), path)
    assert not list(store.under("tracks"))


@pytest.mark.parametrize(
    ("track", "reason"),
    [
        (IntervalTrack(LABEL, [Region("a", 5, 5)]), "^track 't': a:5-5 is empty"),
        (IntervalTrack(LABEL, [Region("a", -5, 5)]), "^track 't': a:-5-5 starts before 0"),
        (IntervalTrack(LABEL, [Region("a", 5, 9, score=math.inf)]), "^track 't': .*not finite"),
        (IntervalTrack(LABEL, [Region("a", 5, 9, tags={"x": object()})]), "a:5-9"),
        (TableTrack(LABEL, {"a": math.nan}), "not finite"),
    ],
)
def test_what_cannot_be_kept_is_refused(tmp_path: Path, track, reason: str) -> None:
    store = TrackStore(root=tmp_path / "store")
    with pytest.raises(SeqstoreError, match=reason):
        store.put(track)
    assert not store.list_all()


def test_inputs_are_ids_or_paths(store: TrackStore) -> None:
    genome = Genome("g", {}, {"chr1": "ACGT"}, (), {})
    with pytest.raises(SeqstoreError, match=r"an id or a Path, not a Genome \(put it into"):
        store.compute("genome.gc", [genome])


def test_lengths_that_a_track_knows_are_kept(store: TrackStore) -> None:
    track_id = store.put(VALUES)
    logged = store.compute("transform.log", [track_id], pseudocount=1)
    assert VALUES.signal.lengths
    assert store.get(track_id).chroms == store.get(logged).chroms == VALUES.signal.lengths


@pytest.mark.parametrize("track", [INTERVALS, TABLE, VALUES])
def test_a_computation_is_made_once(store: TrackStore, track, monkeypatch) -> None:
    source = store.put(track)
    first = store.compute("transform.scale", [source], factor=2)
    assert store.get(first).provenance.operation == "transform.scale"
    score = store.get(first).track.signal_at("chr1", 2, 3) or store.get(first).track.scores()[0]
    before = track.signal_at("chr1", 2, 3) or track.scores()[0]
    assert score == 2 * before
    monkeypatch.setattr(transform, "pointwise", lambda *a: pytest.fail("it is there"))
    assert store.compute("transform.scale", [source], factor="2.0", offset=0) == first
    monkeypatch.undo()
    assert store.compute("transform.scale", [source], factor=3) != first
    assert len(store.list_all()) == 3


def test_ids_on_disk_are_those_of_the_operation(tmp_path: Path) -> None:
    store = TrackStore(root=tmp_path / "store")
    source = store.put(VALUES)
    made = REGISTRY["transform.log"].provenance([source], {"pseudocount": 1})
    found = store.compute("transform.log", [source], base=2, pseudocount=1)
    assert found == result_id(made.digest())
    # What it is made from counts by its content, however that was made.
    plain = Store(tmp_path / "store")
    (name,) = plain.under("tracks", found)
    entry = plain.find("tracks", name)
    again = store.compute("transform.clip", [found], max=1)
    clip = REGISTRY["transform.clip"].provenance([entry.id], {"max": 1})
    assert again == result_id(clip.digest())


def test_another_process_finds_it(tmp_path: Path) -> None:
    store = TrackStore(root=tmp_path / "store")
    source = store.put(INTERVALS)
    code = (
        "import sys, snakemake_storage_plugin_seqstore as seqstore\n"
        "store = seqstore.TrackStore(root=sys.argv[1])\n"
        "print(store.compute('intervals.merge', [sys.argv[2]], distance=1))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "store"), source]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    number = len(store.list_all())
    assert store.compute("intervals.merge", [source], distance=1) == found
    assert len(store.list_all()) == number == 2
    assert [(r.chrom, r.start, r.end) for r in store.get(found).track] == [
        ("chr2", 5, 9),
        ("chr1", 0, 9),
    ]


def test_genomes_and_files_are_inputs(tmp_path: Path) -> None:
    root = tmp_path / "store"
    genome = Genome("g", {}, {"chr1": "GGAA" * 5, "chr2": "A" * 30}, (), {})
    genome_id = GenomeStore(root=root).put(genome)
    store = TrackStore(root=root)
    gc = store.compute("genome.gc", [genome_id], size=4)
    assert store.get(gc).track.signal_at("chr1", 0, 4) == 0.5
    source = store.put(INTERVALS)
    covered = store.compute("coverage.intervals", [source, genome_id])
    assert store.get(covered).track.signal_at("chr1", 3, 4) == 2
    assert store.get(covered).chroms == {"chr1": 20, "chr2": 30}
    path = tmp_path / "g.fa"
    path.write_text(">chr1\n" + "GGAA" * 5 + "\n")
    ids = [store.compute("genome.gc", [path]), store.compute("genome.gc", [path])]
    assert len(set(ids)) == 1
    assert TrackStore().compute("genome.gc", [path])
    with pytest.raises(SeqstoreError, match="no track or genome 'x' in the store"):
        store.compute("transform.log", ["x"])
    with pytest.raises(SeqstoreError, match=r"transform\.log has no parameter 'bse'"):
        store.compute("transform.log", [gc], bse=2)
    with pytest.raises(SeqstoreError, match="no format"):
        TrackStore().compute("genome.gc", [path], format="bed")


def test_a_format_that_keeps_less_is_another_result(tmp_path: Path) -> None:
    store = TrackStore(root=tmp_path / "store")
    source = store.put(IntervalTrack(LABEL, [Region("a", 1, 5)]))
    whole = store.compute("intervals.merge", [source])
    bed = store.compute("intervals.merge", [source], format="bed")
    assert store.compute("intervals.merge", [source], format="regions") == whole != bed
    names = list(Store(tmp_path / "store").under("tracks", bed))
    assert names == [f"{bed}/t.bed"]
    # The same bytes are BED or bedGraph by their name alone.
    path = tmp_path / "x.bed"
    path.write_text("a\t1\t5\t7\n")
    twin = path.with_suffix(".bedGraph")
    twin.write_bytes(path.read_bytes())
    entries = [store.put(tracks.open(one)) for one in (path, twin)]
    assert (
        entries[0]
        == entries[1]
        == content_id("file", hashlib.sha256(path.read_bytes()).hexdigest())
    )
    assert store.compute("transform.scale", [path]) != store.compute("transform.scale", [twin])
