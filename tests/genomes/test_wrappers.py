"""The wrappers of genomes in the workflows in their ``test`` directories."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from snakemake_storage_plugin_seqstore import GenomeStore, genomes

WRAPPERS = Path(__file__).parents[2] / "wrappers" / "genomes"


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """A copy of the test workflow of genomes/publish."""
    return Path(shutil.copytree(WRAPPERS / "publish" / "test", tmp_path / "workflow"))


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
