"""What was computed by Python or by command is a hit for a rule, and the other way round."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import TrackStore
from snakemake_storage_plugin_seqstore.provenance import result_id
from snakemake_storage_plugin_seqstore.store import Store
from snakemake_storage_plugin_seqstore.tracks.operations import REGISTRY

SNAKEFILE = """
import snakemake_storage_plugin_seqstore as seqstore

storage:
    provider="seqstore",
    root="../store",

seqstore.reuse(workflow)

rule all:
    input:
        storage.seqstore("seqstore://tracks/s1/ratio.bw"),
        storage.seqstore("seqstore://tracks/s1/shared.bed"),

rule gc:
    input: "genome.fa"
    output: storage.seqstore("seqstore://tracks/s1/gc.bw")
    params: size=10
    wrapper: seqstore.wrapper("genomes/gc")

rule log:
    input: storage.seqstore("seqstore://tracks/s1/gc.bw")
    output: storage.seqstore("seqstore://tracks/{sample}/log.bw")
    params: operation="transform.log", pseudocount=1
    wrapper: seqstore.wrapper("tracks/transform")

rule ratio:
    input:
        others=storage.seqstore("seqstore://tracks/s1/log.bw"),
        track=storage.seqstore("seqstore://tracks/s1/gc.bw"),
    output: storage.seqstore("seqstore://tracks/s1/ratio.bw")
    params: method="ratio"
    wrapper: seqstore.wrapper("tracks/combine")

rule shared:
    input: "genes.bed", "peaks.bed"
    output: storage.seqstore("seqstore://tracks/s1/shared.bed")
    wrapper: seqstore.wrapper("tracks/intersect")
"""
# Elsewhere files and rules have other names, and params are put in another way.
OTHER = (
    SNAKEFILE.replace("genome.fa", "phage.fasta")
    .replace("genes.bed", "a.bed")
    .replace("rule gc", "rule content")
    .replace("size=10", 'size="10", operation="genome.gc"')
    .replace("pseudocount=1", "base=2.0, pseudocount=1")
    .replace("s1/", "other/")
)
GENOME = ">chr1\n" + "ACGTGGC" * 20 + "\n"
IN_PYTHON = """
import sys
from pathlib import Path
from snakemake_storage_plugin_seqstore import TrackStore
store, there = TrackStore(root=sys.argv[1]), Path(sys.argv[2])
gc = store.compute("genome.gc", [there / "genome.fa"], size=10)
log = store.compute("transform.log", [gc], base=2, pseudocount=1)
ratio = store.compute("combine", [gc, log], method="ratio")
bed = [there / "genes.bed", there / "peaks.bed"]
print(ratio, store.compute("intervals.intersect", bed, format="bed"))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return made(tmp_path / "project", SNAKEFILE)


def made(directory: Path, snakefile: str) -> Path:
    directory.mkdir()
    (directory / "Snakefile").write_text(snakefile)
    for name in ("genome.fa", "phage.fasta"):
        (directory / name).write_text(GENOME)
    for name in ("genes.bed", "a.bed"):
        (directory / name).write_text("chr1\t2\t12\tgeneA\t0\t+\nchr1\t20\t30\tgeneB\t0\t-\n")
    (directory / "peaks.bed").write_text("chr1\t8\t25\n")
    return directory


def in_python(project: Path) -> list[str]:
    command = [sys.executable, "-c", IN_PYTHON, str(project.parent / "store"), str(project)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def by_command(project: Path) -> list[str]:
    """Do the same as `in_python`, by the command line."""

    def seqstore(*words: str) -> str:
        command = [sys.executable, "-m", "snakemake_storage_plugin_seqstore", "--root", "../store"]
        done = subprocess.run(
            [*command, *words], cwd=project, check=True, capture_output=True, text=True
        )
        return done.stdout

    def compute(*words: str) -> str:
        return seqstore("compute", *words).split()[0]

    seqstore("init")
    gc = compute("genome.gc", "genome.fa", "size=10")
    compute("transform.log", gc, "pseudocount=1", "--name", "tracks/named/log.bw")
    ratio = compute("combine", "method=ratio", gc, "tracks/named/log.bw")
    bed = ["genes.bed", "peaks.bed", "--name", "tracks/named/shared.bed"]
    return [ratio, compute("intervals.intersect", *bed)]


@pytest.mark.parametrize("elsewhere", [in_python, pytest.param(by_command, marks=pytest.mark.slow)])
def test_what_was_computed_elsewhere_is_a_hit_for_rules(
    project: Path, snakemake: Callable, elsewhere: Callable
) -> None:
    ratio, shared = elsewhere(project)
    assert "Nothing to be done" in snakemake(project).stdout
    store = TrackStore(root=project.parent / "store")
    snakemake(project, "--forcerun", "ratio")
    assert store.find("tracks/s1/ratio.bw") == ratio
    other = made(project.parent / "other", OTHER)
    assert "Nothing to be done" in snakemake(other).stdout
    # What is asked for in another way is another result.
    text = (other / "Snakefile").read_text()
    (other / "Snakefile").write_text(text.replace("base=2.0", "base=10"))
    printed = snakemake(other, "--dry-run").stdout
    assert "rule log:" in printed and "rule content:" not in printed
    assert shared in {one.id for one in store.list_all()}


def test_what_rules_made_is_found_by_python(project: Path, snakemake: Callable) -> None:
    snakemake(project)
    plain = Store(project.parent / "store")
    names = set(plain.under("tracks"))
    store = TrackStore(root=plain.root)
    gc = plain.find("tracks", "s1/gc.bw").id  # by its content
    log = REGISTRY["transform.log"].provenance([gc], {"pseudocount": 1})
    assert store.find("tracks/s1/log.bw") == result_id(log.digest())
    assert store.get(result_id(log.digest())).provenance == log
    records = set(plain.records)
    ratio, shared = in_python(project)
    assert set(plain.records) == records  # nothing was computed
    assert store.find("tracks/s1/ratio.bw") == ratio
    assert store.find("tracks/s1/shared.bed") == shared
    assert by_command(project) == [ratio, shared]
    assert set(plain.records) == records
    # A result is found when its rule's name means something else by now.
    plain.remove("tracks", "s1/ratio.bw")
    assert in_python(project) == [ratio, shared]
    assert set(plain.records) == records
    assert store.get(ratio).track.signal_at("chr1", 0, 10) > 0
    assert set(plain.under("tracks")) > names - {"s1/ratio.bw"}
    shutil.rmtree(project / ".snakemake")
    assert "Nothing to be done" in snakemake(project).stdout
    command = [sys.executable, "-m", "snakemake_storage_plugin_seqstore", "--root", plain.root]
    shown = subprocess.run([*command, "show", "tracks/s1/log.bw"], capture_output=True, text=True)
    for text in ("summary", "kind: signal", "rule", "log"):
        assert text in shown.stdout
