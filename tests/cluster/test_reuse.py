"""Reuse when jobs run elsewhere: what a job on a node records is what the main process knows."""

import re
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import Store
from tests.cluster import executors

pytestmark = pytest.mark.xdist_group("slurm")

HEAD = """
import snakemake_storage_plugin_seqstore as seqstore

storage:
    provider="seqstore",
    root="../store",
seqstore.reuse(workflow)
localrules: all
"""
SHELL = """
rule all:
    input: storage.seqstore("seqstore://files/total.txt")
rule count:
    input: "data/{name}.txt"
    output: "counts/{name}.txt"
    shell: "wc -c < {input} > {output}"
rule double:
    input: "counts/{name}.txt"
    output: storage.seqstore("seqstore://files/{name}.double")
    params: factor=config.get("factor", 2)
    shell: "expr $(cat {input}) '*' {params.factor} > {output}"
rule total:
    input: [storage.seqstore(f"seqstore://files/{name}.double") for name in "ab"]
    output: storage.seqstore("seqstore://files/total.txt")
    run:
        with open(output[0], "w") as file:
            print(sum(int(open(path).read()) for path in input), file=file)
"""


def ran(printed: str) -> list[str]:
    """Rules that Snakemake scheduled, without the target."""
    return sorted(
        set(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", printed, re.M)) - {"all"}
    )


def workflow(directory: Path, text: str, head: str = HEAD) -> Path:
    directory.mkdir()
    (directory / "Snakefile").write_text(head + textwrap.dedent(text))
    (directory / "data").mkdir()
    for name in "ab":
        (directory / "data" / f"{name}.txt").write_text(name * 10)
    return directory


def clone(directory: Path, target: Path) -> Path:
    ignored = shutil.ignore_patterns(".snakemake", "counts")
    shutil.copytree(directory, target, ignore=ignored, copy_function=shutil.copy)
    return target


def total(tmp_path: Path) -> str:
    store = Store(tmp_path / "store")
    entry = store.find("files", "total.txt")
    assert entry
    return store.objects.path(entry.version.digest).read_text()


def test_a_clone_of_what_ran_on_nodes_has_nothing_to_do(
    snakemake_on_cluster: Callable, snakemake: Callable, tmp_path: Path
) -> None:
    first = workflow(tmp_path / "first", SHELL)
    printed = snakemake_on_cluster(first).stdout
    assert ran(printed) == ["count", "double", "total"]
    assert total(tmp_path) == "40\n"
    assert "Nothing to be done" in snakemake_on_cluster(first).stdout
    second = clone(first, tmp_path / "second")
    assert "Nothing to be done" in snakemake(second).stdout
    assert not (second / "counts").exists()
    # other params run on the nodes, and going back runs nothing
    printed = snakemake_on_cluster(second, "--config", "factor=3").stdout
    assert ran(printed) == ["count", "double", "total"]
    assert "Nothing to be done" in snakemake(first, "--config", "factor=3").stdout
    assert "Nothing to be done" in snakemake_on_cluster(second).stdout


def job_logs(directory: Path) -> str:
    return "".join(path.read_text() for path in (directory / executors.LOGS).rglob("*.log"))


def test_a_job_on_a_node_is_fetched_or_computed_as_the_main_process_says(
    snakemake_on_cluster: Callable, snakemake: Callable, tmp_path: Path
) -> None:
    first = workflow(tmp_path / "first", SHELL)
    snakemake(first)
    # A clone without the local intermediate, in which its rule has to run again: what is downstream
    # is scheduled, too, but fetched.
    second = clone(first, tmp_path / "second")
    printed = snakemake_on_cluster(second, "--forcerun", "count").stdout
    assert ran(printed) == ["count", "double", "total"]
    assert job_logs(second).count("was not computed but fetched") == 3
    assert "Nothing to be done" in snakemake_on_cluster(second).stdout
    # What the user forces is computed.
    third = clone(first, tmp_path / "third")
    snakemake_on_cluster(third, "--forcerun", "double")
    assert job_logs(third).count("was not computed but fetched") == 1  # the total


LISTED = """
rule all:
    input: storage.seqstore("seqstore://files/total.txt")
rule count:
    input: "data/{name}.txt"
    output: "counts/{name}.txt", "counts/{name}.lines.txt"
    shell: "wc -c < {input} > {output[0]}; wc -l < {input} > {output[1]}"
rule total:
    input:
        "sheet.tsv",
        expand("counts/{name}.txt", name=["a", "b"]),
    output: storage.seqstore("seqstore://files/total.txt")
    shell: "cat $(cat {input[0]}) | awk '{{n += $1}} END {{print n}}' > {output}"
"""


def test_a_list_that_names_what_the_workflow_makes(
    snakemake_on_cluster: Callable, snakemake: Callable, tmp_path: Path
) -> None:
    first = workflow(tmp_path / "first", LISTED)
    (first / "side.txt").write_text("7\n")
    (first / "sheet.tsv").write_text("counts/a.txt counts/a.lines.txt side.txt\n")
    assert ran(snakemake_on_cluster(first).stdout) == ["count", "total"]
    assert total(tmp_path) == "17\n"
    # What other jobs make is there when the job starts on its node, and not in a clone.
    second = clone(first, tmp_path / "second")
    assert "Nothing to be done" in snakemake(second).stdout
    (second / "side.txt").write_text("8\n")
    assert ran(snakemake(second).stdout) == ["count", "total"]
    assert total(tmp_path) == "18\n"


STORED_HEAD = """
import snakemake_storage_plugin_seqstore as seqstore

seqstore.reuse(workflow)
localrules: all
"""
STORED = """
rule all:
    input: "total.txt"
rule count:
    input: local("data/{name}.txt")
    output: "counts/{name}.txt"
    shell: "wc -c < {input} > {output}"
rule total:
    input: expand("counts/{name}.txt", name=["a", "b"])
    output: "total.txt"
    shell: "cat {input} | awk '{{n += $1}} END {{print n}}' > {output}"
"""


def test_local_copies_on_the_nodes(
    snakemake_on_cluster: Callable, snakemake: Callable, tmp_path: Path
) -> None:
    first = workflow(tmp_path / "first", STORED, STORED_HEAD)
    arguments = ("--storage-seqstore-root", str(tmp_path / "store"))
    printed = snakemake_on_cluster(first, *arguments, node_local=True).stdout
    assert ran(printed) == ["count", "total"]
    assert total(tmp_path) == "20\n"
    for directory in (first, clone(first, tmp_path / "second")):
        printed = snakemake_on_cluster(directory, *arguments, node_local=True).stdout
        assert "Nothing to be done" in printed


IN_PLACE = """
rule all:
    input: "results/total.txt", "results/parts"
rule count:
    input: "data/{name}.txt"
    output: temp("results/{name}.txt")
    shell: "wc -c < {input} > {output}"
rule total:
    input: expand(rules.count.output, name=["a", "b"])
    output: total="results/total.txt", unneeded=temp("results/unneeded.txt")
    shell:
        "cat {input} | awk '{{n += $1}} END {{print n}}' > {output.total};"
        " cat {input} > {output.unneeded}"
rule parts:
    input: "results/total.txt"
    output: directory("results/parts")
    run:
        shell("mkdir {output}; cp results/total.txt {output}/x.txt")
"""

SCAN = """
rule scan:
    input: "results/total.txt"
    output: "scan.txt"
    shell: "find results -name '*.txt' | sort > {output}"
"""


def test_files_in_their_own_places(
    snakemake_on_cluster: Callable, snakemake: Callable, tmp_path: Path
) -> None:
    first = workflow(tmp_path / "first", IN_PLACE, STORED_HEAD)
    arguments = (
        *("--default-storage-provider", "seqstore"),
        *("--default-storage-prefix", "seqstore://files"),
        *("--storage-seqstore-root", str(tmp_path / "store")),
    )
    assert ran(snakemake_on_cluster(first, *arguments).stdout) == ["count", "parts", "total"]
    second = clone(first, tmp_path / "second")
    shutil.rmtree(second / "results")
    assert "Nothing to be done" in snakemake_on_cluster(second, *arguments).stdout
    for directory in (first, second):
        assert "Nothing to be done" in snakemake(directory, *arguments).stdout
        assert not (directory / "results/a.txt").exists()
        assert not (directory / "results/unneeded.txt").exists()
        for name in ("total.txt", "parts/x.txt"):
            assert (directory / "results" / name).read_text() == "20\n"
    # A job on a node finds what is reused and in the store only.
    shutil.rmtree(second / "results")
    scanned = f"{IN_PLACE}{SCAN}".replace('"results/parts"', '"results/parts", "scan.txt"', 1)
    (second / "Snakefile").write_text(STORED_HEAD + textwrap.dedent(scanned))
    assert ran(snakemake_on_cluster(second, *arguments).stdout) == ["scan"]
    assert (second / "scan.txt").read_text() == "results/parts/x.txt\nresults/total.txt\n"


CHECKPOINT = """
def parts(wildcards):
    with open(checkpoints.split.get().output[0]) as file:
        return [storage.seqstore(f"seqstore://files/{line.strip()}.part") for line in file]
rule all:
    input: storage.seqstore("seqstore://files/total.txt")
rule copy:
    input: "data/a.txt"
    output:
        storage.seqstore("seqstore://files/copy.txt"),
        storage.seqstore(temp("seqstore://files/unneeded.txt")),
    shell: "cp {input} {output[0]}; cp {input} {output[1]}"
checkpoint split:
    input: rules.copy.output[0]
    output: storage.seqstore("seqstore://files/names.txt")
    shell: "printf 'x\\ny\\n' > {output}"
rule part:
    input: rules.copy.output[0]
    output: storage.seqstore("seqstore://files/{name}.part")
    group: "parts"
    shell: "echo {wildcards.name} > {output}"
rule total:
    input: parts
    output: storage.seqstore("seqstore://files/total.txt")
    group: "parts"
    shell: "cat {input} > {output}"
"""


def test_a_checkpoint_and_a_group(
    snakemake_on_cluster: Callable, snakemake: Callable, tmp_path: Path
) -> None:
    first = workflow(tmp_path / "first", CHECKPOINT)
    printed = snakemake_on_cluster(first).stdout
    assert "checkpoint split:" in printed
    assert "reused" not in printed, printed  # what jobs made on nodes before the DAG changed
    assert total(tmp_path) == "x\ny\n"
    printed = snakemake_on_cluster(first).stdout
    assert "Nothing to be done" in printed, printed
    assert "Nothing to be done" in snakemake(clone(first, tmp_path / "second")).stdout


@pytest.mark.slow
def test_the_slurm_executor(
    snakemake_on_cluster: Callable, snakemake: Callable, tmp_path: Path
) -> None:
    first = workflow(tmp_path / "first", SHELL)
    snakemake_on_cluster(first, executor="slurm", timeout=240)
    assert total(tmp_path) == "40\n"
    assert "Nothing to be done" in snakemake(first).stdout
    assert "Nothing to be done" in snakemake(clone(first, tmp_path / "second")).stdout
