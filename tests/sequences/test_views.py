import gzip
import io
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_storage_plugin_seqstore.errors import InputError, QueryError
from snakemake_storage_plugin_seqstore.sequences import FORMATS, Selection, SequenceStore
from snakemake_storage_plugin_seqstore.sequences.stats import Stats
from snakemake_storage_plugin_seqstore.sequences.views import write_view

from .conftest import RECORDS, fasta_text, many, row, write


def test_parse() -> None:
    assert Selection.parse({}) == Selection()
    everything = {
        "gids": "7,1,3-5,4",
        "length": "50-500",
        "name": "sp*",
        "header": "*kinase*",
        "sample": "100",
        "seed": "1",
    }
    assert Selection.parse(everything) == Selection(
        (1, 3, 4, 5, 7), 50, 500, "sp*", "*kinase*", 100, 1
    )
    assert Selection.parse({"length": "68"}) == Selection(min_len=68, max_len=68)
    assert Selection.parse({"length": "68-"}) == Selection(min_len=68)
    assert Selection.parse({"length": "-68"}) == Selection(max_len=68)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gids", ""),
        ("gids", "1,,2"),
        ("gids", "a"),
        ("gids", "5-3"),
        ("gids", "-3"),
        ("gids", "٣"),
        ("gids", "0-99999999999"),
        ("length", ""),
        ("length", "-"),
        ("length", "9-1"),
        ("length", "1-2-3"),
        ("length", " 5"),
        ("name", ""),
        ("header", ""),
        ("sample", "x"),
        ("sample", "-1"),
        ("seed", "1.5"),
        ("colour", "red"),
    ],
)
def test_parse_names_the_key_of_what_is_wrong(key: str, value: str) -> None:
    params = {"sample": "1"} if key == "seed" else {}
    with pytest.raises(QueryError, match=key):
        Selection.parse({**params, key: value})


def test_seed_needs_sample() -> None:
    with pytest.raises(QueryError, match="sample"):
        Selection.parse({"seed": "1"})


@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=30))
def test_lists_of_gids_round_trip(gids: set[int]) -> None:
    assert Selection.parse({"gids": ",".join(map(str, gids))}).gids == tuple(sorted(gids))


@pytest.mark.parametrize(
    ("selection", "gids"),
    [
        (Selection(gids=(3, 1)), [1, 3]),
        (Selection(min_len=20, max_len=200), [2]),
        (Selection(name="sp|P1*"), [0, 3]),
        (Selection(name="sp|P1|ALPHA"), [0]),
        (Selection(name="sp|P?|*"), [0, 1, 2]),
        (Selection(name="sp|P[13]|*"), [0, 2]),
        (Selection(name="*first*"), []),
        (Selection(name="SP*"), []),
        (Selection(header="*first protein"), [0, 3]),
        (Selection(header="*déjà*"), [2]),
        (Selection(name="*ALPHA*", header="*first*", max_len=19, gids=(0, 1)), [0]),
    ],
)
def test_select(tmp_path: Path, selection: Selection, gids: list[int]) -> None:
    with SequenceStore.open_reader(write(tmp_path / "db")) as store:
        assert store.select(selection) == gids


def test_gids_that_do_not_exist_are_named(store: SequenceStore) -> None:
    with pytest.raises(InputError, match="has no gid 1000000"):
        store.select(Selection(gids=(1, 10**6)))


def test_samples_depend_on_the_gids_and_the_seed_alone(tmp_path: Path) -> None:
    records = many(300)
    forward, backward = tmp_path / "forward", tmp_path / "backward"
    rows = [row(i, h, s) for i, (h, s) in enumerate(records)]
    for path, order in ((forward, rows), (backward, rows[::-1])):
        with SequenceStore.open_writer(path) as writer:
            writer.insert_rows(order)
    samples = []
    for path in (forward, backward):
        with SequenceStore.open_reader(path) as store:
            samples.append(store.select(Selection(sample=10)))
            assert store.select(Selection(sample=10, seed=2)) != samples[0]
            assert store.select(Selection(sample=10**6)) == list(range(300))
            assert store.select(Selection(sample=0)) == []
            long = store.get_gids_by_length_range(100, None)
            assert set(store.select(Selection(sample=5, min_len=100))) < set(long)
    # Written down: another Python must draw the same.
    assert samples == [[35, 40, 117, 125, 132, 169, 186, 225, 248, 266]] * 2


def test_views_of_every_format(tmp_path: Path) -> None:
    path = write(tmp_path / "db")
    expected = {
        "fasta": b">sp|P1|ALPHA first protein\n%b\n>sp|P10|ALPHA2 first protein\n%b\n"
        % ((RECORDS[0][1].encode(),) * 2),
        "tsv": b"gid\tlength\theader\tsequence\n"
        b"0\t19\tsp|P1|ALPHA first protein\t%b\n3\t19\tsp|P10|ALPHA2 first protein\t%b\n"
        % ((RECORDS[0][1].encode(),) * 2),
    }
    for format in FORMATS:
        contents = []
        for name in ("one", "two.gz"):
            assert write_view(path, Selection(max_len=19), format, tmp_path / name) == 2
            contents.append((tmp_path / name).read_bytes())
        stream = io.BytesIO()
        assert write_view(path, Selection(max_len=19), format, stream) == 2
        assert contents == [stream.getvalue()] * 2
        plain = gzip.decompress(contents[0]) if format.endswith(".gz") else contents[0]
        assert plain == expected[format.removesuffix(".gz")]


def test_a_view_of_everything_and_of_nothing(tmp_path: Path, caplog) -> None:
    path = write(tmp_path / "db")
    assert write_view(path, Selection(), "fasta", tmp_path / "all.fasta") == 4
    assert write_view(path, Selection(min_len=1000), "tsv", tmp_path / "none.tsv") == 0
    assert f"{path}: none of its 4 sequences has length=1000-" in caplog.text
    caplog.clear()
    nothing = Selection(gids=(), name="x*")
    assert write_view(path, nothing, "fasta", tmp_path / "none.fasta", name="my.sqlite") == 0
    assert "my.sqlite: none of its 4 sequences has name=x*" in caplog.text
    assert (tmp_path / "none.tsv").read_bytes() == b"gid\tlength\theader\tsequence\n"


def test_headers_stay_in_their_column(tmp_path: Path) -> None:
    path = write(tmp_path / "db", [("a\tb\\t\nc\rd", "MK")])
    out = io.BytesIO()
    write_view(path, Selection(), "tsv", out)
    assert out.getvalue().splitlines()[1:] == [rb"0	2	a\tb\\t\nc\rd	MK"]


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"'bam'.*fasta"):
        write_view(write(tmp_path / "db"), Selection(), "bam", tmp_path / "out")


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_view(write(tmp_path / "db"), Selection(gids=(0,)), "fasta", pipe)
    reader.join()
    assert read == [b">sp|P1|ALPHA first protein\n" + RECORDS[0][1].encode() + b"\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.fixture
def stats(tmp_path: Path) -> Stats:
    source = tmp_path / "in.fasta"
    source.write_bytes(b">a\nMMK\n>b\nmkv\n>c\nK\n>d\nVVVVVVVVVV\n")
    SequenceStore.build(tmp_path / "db", [source])
    return Stats.of(tmp_path / "db")


def test_statistics(stats: Stats, tmp_path: Path) -> None:
    assert stats.lengths == {1: 1, 3: 2, 10: 1}
    assert stats.composition == {"V": 11, "K": 3, "M": 3}
    stats.write_tsv(tmp_path / "stats.tsv")
    table = (tmp_path / "stats.tsv").read_text().splitlines()
    assert table[:8] == [
        "table\tkey\tvalue",
        "summary\tsequences\t4",
        "summary\tresidues\t17",
        "summary\tshortest\t1",
        "summary\tmedian_length\t3",
        "summary\tmean_length\t4.25",
        "summary\tn50\t10",
        "summary\tlongest\t10",
    ]
    assert table[8:] == [
        "length\t1\t1", "length\t3\t2", "length\t10\t1",
        "residue\tV\t11", "residue\tK\t3", "residue\tM\t3",
    ]  # fmt: skip


@given(st.dictionaries(st.integers(1, 40_000), st.integers(1, 99), min_size=1, max_size=40))
def test_every_length_is_in_its_bin(lengths: dict[int, int]) -> None:
    bins = Stats(dict(sorted(lengths.items())), {})._bins()
    for part in bins:
        inside = [n for length, n in lengths.items() if part["from"] <= length < part["to"]]
        assert part["sequences"] == sum(inside)
    assert sum(part["sequences"] for part in bins) == sum(lengths.values())
    assert [a["to"] for a in bins[:-1]] == [b["from"] for b in bins[1:]]


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<svg"), (".png", b"\x89PNG"), (".html", b"<!DOCTYPE html>")]
)
def test_plots(stats: Stats, tmp_path: Path, suffix: str, start: bytes) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    plot = tmp_path / f"plot{suffix}"
    stats.plot(plot, "four proteins")
    content = plot.read_bytes()
    assert content.lstrip().startswith(start)
    assert b'src="http' not in content
    if suffix == ".svg":
        for text in (b"four proteins", b"4 sequences, 17 residues", b"share of residues"):
            assert text in content


def test_the_chart_shows_the_numbers(stats: Stats) -> None:
    pytest.importorskip("altair")
    chart = stats.chart().to_dict()
    lengths, composition = (chart["datasets"][part["data"]["name"]] for part in chart["vconcat"])
    assert sum(part["sequences"] for part in lengths) == 4
    assert composition[0] == {"residue": "V", "share": 11 / 17, "count": 11}


def test_plots_say_which_suffixes_there_are(stats: Stats, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.svg, \.png, \.html"):
        stats.plot(tmp_path / "plot.jpeg")


def test_one_sequence_much_longer_than_a_chunk(tmp_path: Path) -> None:
    source = tmp_path / "in.fasta"
    source.write_bytes(fasta_text([("chr1", "ACGT" * 700_000)]))
    SequenceStore.build(tmp_path / "db", [source], alphabet="dna")
    with SequenceStore.open_reader(tmp_path / "db") as store:
        assert store.get_subseq(0, 2_000_001, 2_000_006) == "CGTAC"
    assert Stats.of(tmp_path / "db").composition == dict.fromkeys("ACGT", 700_000)
