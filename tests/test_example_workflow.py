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


def check_tracks(workflow: Path) -> None:
    with (workflow / "results" / "phage" / "tracks.tsv").open() as table:
        found = {row["track"]: row for row in csv.DictReader(table, dialect="excel-tab")}
    ((name, genome),) = records(workflow / "resources" / "phage_lambda.fa.gz")
    assert name.startswith("NC_001416.1 ")
    gc = (genome.count("G") + genome.count("C")) / len(genome)
    assert float(found["GC"]["mean"]) == pytest.approx(gc, rel=1e-5)
    for sample in "amplified", "reference":
        row = found[sample]
        assert float(row["mean"]) * int(row["covered"]) == pytest.approx(1500 * 100, rel=1e-5)
    with (workflow / "results" / "phage" / "orfs.bed").open() as bed:
        frames = list(csv.reader(bed, dialect="excel-tab"))
    assert len(frames) == int(found["ORFs"]["intervals"]) > 20
    for _, start, end, _, _, strand in frames:
        frame = genome[int(start) : int(end)]
        if strand == "-":
            frame = frame[::-1].translate(str.maketrans("ACGT", "TGCA"))
        assert frame[:3] == "ATG" and frame[-3:] in ("TAA", "TAG", "TGA") and not len(frame) % 3


def test_runs_to_its_report_and_a_clone_rests(
    workflow: Path, tmp_path: Path, snakemake: Callable
) -> None:
    clone = Path(shutil.copytree(workflow, tmp_path / "clone"))
    snakemake(workflow)
    check_results(workflow)
    check_tracks(workflow)
    assert "Nothing to be done" in snakemake(workflow).stdout
    printed = snakemake(clone, f"--storage-seqstore-root={workflow / '.seqstore'}").stdout
    assert "Nothing to be done" in printed
    assert "outputs of 22 jobs are reused" in printed
    for name in "statistics.svg", "phage/tracks.svg", "classes/giants.fasta.gz":
        path = Path("results") / name
        assert (clone / path).read_bytes() == (workflow / path).read_bytes()

    snakemake(workflow, "--report", "report.html")
    report = (workflow / "report.html").read_text()
    for name in "hydropathy.svg", "statistics.svg", "statistics.tsv", "phage/tracks.svg":
        content = (workflow / "results" / name).read_bytes()
        assert base64.b64encode(content).decode() in report


@pytest.mark.slow
def test_follows_its_sources(workflow: Path, snakemake: Callable) -> None:
    snakemake(workflow)
    some = list(records(workflow / SOURCE))[:300]
    with gzip.open(workflow / SOURCE, "wt") as fasta:
        fasta.writelines(f">{header}\n{seq}\n" for header, seq in some)
    snakemake(workflow)
    check_results(workflow)
    assert "Nothing to be done" in snakemake(workflow).stdout
