"""The wrappers of tracks in the workflows in their ``test`` directories."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from snakemake_storage_plugin_seqstore import TrackStore, bundled, tracks
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.tracks.operations import REGISTRY
from snakemake_storage_plugin_seqstore.tracks.operations.wrapped import asked

ROOT = Path(__file__).parents[2] / "wrappers"
WRAPPERS = ROOT / "tracks"


@pytest.fixture
def workflow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the test workflow of the wrapper that the test names."""
    return Path(shutil.copytree(WRAPPERS / request.param / "test", tmp_path / "workflow"))


def of(wrapper: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("workflow", [wrapper], indirect=True)


def stored(workflow: Path, query: str):
    store = TrackStore(root=workflow / ".seqstore")
    return store.get(store.find(query))


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()]


@of("transform")
def test_transform(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    expected = [["chr1", "0", "10", "2"], ["chr1", "10", "20", "3"], ["chr1", "30", "40", "4"]]
    assert rows(workflow / "log.bedGraph") == expected
    assert stored(workflow, "tracks/test/log.bw").track.signal_at("chr1", 5, 15) == 2.5
    assert "transform.log(signal.bedGraph" in (workflow / "logs" / "log.log").read_text()


@of("transform")
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("base=2", "bse=2", "unknown param 'bse' (did you mean 'base'?"),
        ('        operation="transform.log",\n', "", "the param 'operation' is missing"),
        ("        pseudocount=1,", "        pseudocount=-3,", "no finite result"),
    ],
)
def test_transform_explains(
    workflow: Path, snakemake: Callable, old: str, new: str, message: str
) -> None:
    snakefile = workflow / "Snakefile"
    assert old in snakefile.read_text()
    snakefile.write_text(snakefile.read_text().replace(old, new, 1))
    printed = snakemake(workflow, "log", fails=True).stdout
    assert message in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("wrapper", "inputs", "names", "params", "output", "reason"),
    [
        ("transform", ["x.bw"], {}, {"operation": "log"}, "y.bw", "no operation 'log'"),
        ("combine", ["x.bw"], {}, {"method": "sum"}, "y.bw", "1 inputs are not right"),
        ("combine", ["x.bw", "y.bw"], {}, {}, "y.bw", "needs the parameter 'method'"),
        ("combine", ["x", "y"], {"other": (1, None)}, {}, "y.bw", "has no input 'other'"),
        ("coverage", ["x.bam", "g.fa", "z"], {}, {}, "y.bw", "3 inputs are not right"),
        ("coverage", ["x.bam"], {}, {}, "y.txt", "no format of tracks has this suffix"),
        ("intersect", ["x.bed", "y.bed"], {}, {"distance": 1}, "y.bed", "no parameter 'distance'"),
    ],
)
def test_what_a_rule_cannot_ask(wrapper, inputs, names, params, output, reason) -> None:
    with pytest.raises(InputError, match=reason):
        asked(bundled.OFFERS[f"tracks/{wrapper}"], inputs, names, params, output)


def test_inputs_have_the_order_of_the_operation() -> None:
    offer = bundled.OFFERS["tracks/combine"]
    files = ["b.bw", "c.bedGraph", "a.wig"]
    found = asked(offer, files, {"others": (0, 2), "track": (2, None)}, {"method": "sum"}, "x.bw")
    assert found.order == (2, 0, 1)
    assert found.request.inputs == ("wig", "bigwig", "bedgraph")
    assert asked(offer, files, {}, {"method": "sum"}, "x.bw").order == (0, 1, 2)
    coverage = bundled.OFFERS["tracks/coverage"]
    assert asked(coverage, ["x.bam"], {}, {}, "x.bw").request.operation.id == "coverage.reads"
    two = asked(coverage, ["x.bed", "g.fa"], {}, {}, "x.bw")
    assert two.request.operation.id == "coverage.intervals"


@of("combine")
def test_combine(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    found = rows(workflow / "ratio.bedGraph")
    assert found == [
        ["chr1", "0", "5", "3"],
        ["chr1", "5", "10", "2"],
        ["chr1", "10", "20", "6"],
        ["chr1", "30", "40", "15"],
    ]


@of("coverage")
def test_coverage(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    signal = stored(workflow, "tracks/test/coverage.bw").track.signal
    assert signal.intervals("chr1") == ((2, 4, 1.0), (4, 7, 2.0), (9, 12, 1.0))
    assert rows(workflow / "genes.bedGraph") == [
        ["chr1", "2", "12", "1"],
        ["chr1", "20", "30", "1"],
    ]


@of("intersect")
def test_intersect(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    assert [row[:4] for row in rows(workflow / "shared.bed")] == [
        ["chr1", "8", "12", "geneA"],
        ["chr1", "20", "25", "geneB"],
    ]
    assert [row[1:3] for row in rows(workflow / "between.bed")] == [
        ["0", "2"],
        ["12", "20"],
        ["30", "40"],
    ]
    (first, _) = tracks.open(workflow / "closest.jsonl")
    assert first.tags["closest"] == "chr1:8-25"


@of("publish")
def test_publish(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    assert stored(workflow, "tracks/test/signal.bedGraph").track_type == "signal"
    assert "covered\t30" in (workflow / "logs" / "publish.log").read_text()


@of("publish")
def test_publish_refuses_what_the_genome_has_not(workflow: Path, snakemake: Callable) -> None:
    with (workflow / "signal.bedGraph").open("a") as track:
        track.write("2\t0\t10\t1\n")
    printed = snakemake(workflow, fails=True).stdout
    assert "the genome has no chromosome '2'; it has chr1" in printed
    assert "Traceback" not in printed
    assert not TrackStore(root=workflow / ".seqstore").list_all()


@of("convert")
def test_convert(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    signal = tracks.open(workflow / "signal.bw").signal
    assert signal.lengths == {"chr1": 40}
    assert len(signal.intervals("chr1")) == 3
    assert list(tracks.open(workflow / "genes.bb")) == list(tracks.open(workflow / "genes.bed"))


@of("stats")
def test_stats(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    head, signal, genes = rows(workflow / "stats.tsv")
    assert dict(zip(head, signal, strict=True)) == {
        "track": "signal.bedGraph",
        "kind": "signal",
        "chromosomes": "1",
        "intervals": "3",
        "covered": "30",
        "min": "3",
        "mean": "8.33333",
        "max": "15",
    }
    assert genes[:5] == ["genes.bed", "interval", "1", "2", "20"]


@of("plot")
def test_plot(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    figure = (workflow / "figure.svg").read_text()
    assert "<svg" in figure
    for text in ("chr1:1-40", ">signal<", ">genes<", "geneA \u2192", "\u2190 geneB"):
        assert text in figure


@of("plot")
def test_plot_explains(workflow: Path, snakemake: Callable) -> None:
    snakefile = workflow / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace("chr1:1-40", "chr2:1-40"))
    assert "there is no chromosome 'chr2'" in snakemake(workflow, fails=True).stdout


@pytest.mark.parametrize("directory", sorted(WRAPPERS.iterdir()), ids=lambda path: path.name)
def test_meta_says_what_it_does(directory: Path) -> None:
    meta = yaml.safe_load((directory / "meta.yaml").read_text())
    assert meta["name"] == f"seqstore tracks {directory.name}"
    assert meta["description"] and meta["input"] and meta["output"]
    assert (directory / "environment.yaml").is_file()
    assert f"tracks/{directory.name}" in bundled.VERSIONS


@pytest.mark.parametrize("name", bundled.OFFERS)
def test_meta_has_all_inputs_and_params_of_the_operations(name: str) -> None:
    meta = yaml.safe_load((ROOT / name / "meta.yaml").read_text())
    operations = [REGISTRY[each] for each in bundled.OFFERS[name].operations]
    params = {one.name for each in operations for one in each.parameters}
    assert {key for one in meta["params"] for key in one} == {"operation", *params}
    inputs = {one.name for each in operations for one in each.inputs}
    assert {key for one in meta["input"] for key in one} == inputs


def test_every_operation_has_a_wrapper() -> None:
    offered = [each for offer in bundled.OFFERS.values() for each in offer.operations]
    assert sorted(offered) == sorted(REGISTRY)
