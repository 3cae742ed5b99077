"""The wrappers of genomes in the workflows in their ``test`` directories."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from snakemake_storage_plugin_seqstore import GenomeStore, genomes, tracks
from snakemake_storage_plugin_seqstore.store import Store

WRAPPERS = Path(__file__).parents[2] / "wrappers" / "genomes"


@pytest.fixture
def workflow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the test workflow of the wrapper that the test names."""
    return Path(shutil.copytree(WRAPPERS / request.param / "test", tmp_path / "workflow"))


def of(wrapper: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("workflow", [wrapper], indirect=True)


@of("gc")
def test_gc(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    expected = [
        ("chr1", 0, 10, 0.5),
        ("chr1", 10, 20, 0.6),
        ("plasmid", 0, 10, 0.3),
        ("plasmid", 10, 20, 0.3),
        ("plasmid", 20, 30, 0.2),
    ]
    lines = (workflow / "gc.bedGraph").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    assert [(c, int(s), int(e), float(v)) for c, s, e, v in rows] == expected
    store = Store(workflow / ".seqstore")
    payload = store.objects.path(store.find("tracks", "test/gc.bw").version.digest)
    track = tracks.open(payload, format="bigwig")
    for chrom, start, end, value in expected:
        assert track.signal_at(chrom, start, end) == pytest.approx(value)


@of("publish")
def test_publish(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow, "publish")
    snakemake(workflow, "region")
    assert (workflow / "region.fa").read_text() == ">plasmid:25-8\nTACATTGATTACAG\n"
    rows = dict(line.split("\t") for line in (workflow / "summary.tsv").read_text().splitlines())
    with genomes.open(workflow / "genome.fa") as genome:
        digest = genomes.SequenceCollection.of(genome).digest
    assert (rows["sequences"], rows["bases"], rows["refget"]) == ("2", "50", digest)
    assert "genome.fa is sound" in (workflow / "logs" / "publish.log").read_text()
    store = GenomeStore(root=workflow / ".seqstore")
    assert store.get(store.find("genomes/test/genome.fa")).chrom_lengths["plasmid"] == 30
    assert "Nothing to be done" in snakemake(workflow, "publish").stdout


@of("publish")
def test_publish_refuses_what_is_no_genome(workflow: Path, snakemake: Callable) -> None:
    with (workflow / "genome.fa").open("a") as fasta:
        fasta.write(">protein\nMKV\nMEV\n")
    printed = snakemake(workflow, fails=True).stdout
    message = "genome.fa, line 10: record 3 ('protein') has 'E' at position 5"
    assert message in printed
    assert message in (workflow / "logs" / "publish.log").read_text()
    assert "Traceback" not in printed
    assert not GenomeStore(root=workflow / ".seqstore").list_all()


@pytest.mark.parametrize("directory", sorted(WRAPPERS.iterdir()), ids=lambda path: path.name)
def test_meta_says_what_it_does(directory: Path) -> None:
    meta = yaml.safe_load((directory / "meta.yaml").read_text())
    assert meta["name"] == f"seqstore genomes {directory.name}"
    assert meta["description"] and meta["input"] and meta["output"]
    assert (directory / "environment.yaml").is_file()
