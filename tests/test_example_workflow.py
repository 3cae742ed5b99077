"""The example workflow, from its sources to the report."""

import base64
import csv
import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import needletail
import pytest
import yaml

EXAMPLE = Path(__file__).parents[1] / "example-workflow"
SOURCE = "resources/uniprot_reviewed.fasta.gz"


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """A fresh clone of the workflow."""
    left_behind = shutil.ignore_patterns(".snakemake", ".seqstore", "results", "logs", "report.*")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example", ignore=left_behind))


def records(fasta: Path) -> Iterator[tuple[str, str]]:
    for record in needletail.parse_fastx_file(str(fasta)):
        yield record.id, record.seq


def check_results(workflow: Path) -> None:
    """Compare the results with what the sources and the configuration say."""
    sequences = {seq for _, seq in records(workflow / SOURCE)}
    config = yaml.safe_load((workflow / "config" / "config.yaml").read_text())
    for name, limits in config["length_classes"].items():
        expected = {seq for seq in sequences if limits["min"] <= len(seq) <= limits["max"]}
        extracted = list(records(workflow / "results" / "classes" / f"{name}.fasta.gz"))
        assert len(extracted) == len(expected) > 0
        assert {seq for _, seq in extracted} == expected
        with (workflow / "results" / "hydropathy" / f"{name}.tsv").open() as table:
            rows = list(csv.DictReader(table, dialect="excel-tab"))
        assert [row["protein"] for row in rows] == [header.split()[0] for header, _ in extracted]


def test_runs_to_its_report(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    check_results(workflow)
    assert "Nothing to be done" in snakemake(workflow).stdout

    snakemake(workflow, "--report", "report.html")
    report = (workflow / "report.html").read_text()
    for name in "hydropathy.svg", "statistics.svg", "statistics.tsv":
        content = (workflow / "results" / name).read_bytes()
        assert base64.b64encode(content).decode() in report


def test_follows_its_sources(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    some = list(records(workflow / SOURCE))[:300]
    with gzip.open(workflow / SOURCE, "wt") as fasta:
        fasta.writelines(f">{header}\n{seq}\n" for header, seq in some)
    snakemake(workflow)
    check_results(workflow)
    assert "Nothing to be done" in snakemake(workflow).stdout
