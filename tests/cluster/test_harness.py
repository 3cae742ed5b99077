"""The cluster that other tests rely on is one, and leaves nothing behind."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import Store
from tests.cluster.slurm import NODES, Cluster, running, wait_until

pytestmark = pytest.mark.xdist_group("slurm")

ROOT = Path(__file__).parents[2]

# Each job of `each` fills a node, and they wait for each other.
WORKFLOW = """
    rule all:
        input: "both"

    rule each:
        output: "each_{n}"
        params: other=lambda wildcards: {"1": "2", "2": "1"}[wildcards.n]
        threads: 2
        shell:
            "touch started_{wildcards.n}\\n"
            "until [ -e started_{params.other} ]; do sleep 0.1; done\\n"
            "hostname > {output}\\n"
            "python -c 'import sys; print(sys.prefix)' >> {output}\\n"
            "realpath {output} >> {output}"

    rule both:
        input: "each_1", "each_2"
        output: "both"
        shell: "cat {input} > {output}"
    """

# A process that starts a cluster and a program on its login node.
OWNER = """
import sys
from pathlib import Path
from tests.cluster.slurm import running

with running(Path(sys.argv[1])) as cluster:
    with cluster.process("sh", "-c", "echo up; exec sleep 1000") as program:
        program.wait()
"""


def read_stored(directory: Path, name: str) -> str:
    store = Store(directory / ".seqstore")
    return store.objects.path(store.find("files", name).version.digest).read_text()


def check_jobs(written: str, outputs: Path) -> None:
    """Check what the jobs of `each` wrote: who ran them, with which Python, and where to."""
    lines = written.splitlines()
    assert {*lines[::3]} == {*NODES}
    assert {*lines[1::3]} == {sys.prefix}
    assert all(Path(line).is_relative_to(outputs) for line in lines[2::3])


def traces(directory: Path) -> list[Path]:
    """Of a cluster in a directory: all processes that know it or see its mounts."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            seen = (process / "environ").read_bytes() + (process / "mountinfo").read_bytes()
        except OSError:
            continue  # it has ended
        if bytes(directory) in seen:
            found.append(process)
    return found


def test_the_nodes_run_jobs(cluster: Cluster) -> None:
    for node in NODES:
        job = cluster.run("srun", f"--nodelist={node}", "hostname")
        assert job.stdout == f"{node}\n"


def test_node_local_files_stay_on_their_node(cluster: Cluster, tmp_path: Path) -> None:
    private, shared = cluster.node_local / "private", tmp_path / "shared"
    for node in NODES:
        write = f"echo {node} | tee {private} >> {shared}"
        cluster.run("srun", f"--nodelist={node}", "sh", "-c", write)
    for node in NODES:
        assert cluster.run("srun", f"--nodelist={node}", "cat", str(private)).stdout == f"{node}\n"
    assert not private.exists()
    assert shared.read_text().split() == [*NODES]


@pytest.mark.parametrize("node_local", [False, True], ids=["shared", "node-local"])
def test_workflow(
    cluster: Cluster, snakemake_on_cluster: Callable, tmp_path: Path, node_local: bool
) -> None:
    (tmp_path / "Snakefile").write_text(textwrap.dedent(WORKFLOW))
    snakemake_on_cluster(tmp_path, node_local=node_local)
    if node_local:
        check_jobs(read_stored(tmp_path, "both"), cluster.node_local)
    else:
        check_jobs((tmp_path / "both").read_text(), tmp_path)


@pytest.mark.slow
def test_executor_slurm(cluster: Cluster, snakemake_on_cluster: Callable, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(textwrap.dedent(WORKFLOW))
    snakemake_on_cluster(tmp_path, "--until", "each", executor="slurm", node_local=True)
    each = [read_stored(tmp_path, name) for name in ("each_1", "each_2")]
    check_jobs("".join(each), cluster.node_local)


def test_a_run_that_hangs_fails(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="more than 1 s:\nhello"):
        cluster.run(
            *("sh", "-c", "echo hello; sleep 1000; echo"),
            environment=os.environ | {"MARK": str(tmp_path)},
            timeout=1,
        )
    wait_until(lambda: not traces(tmp_path))


def test_a_second_cluster_leaves_nothing_behind(cluster: Cluster, tmp_path: Path) -> None:
    with running(tmp_path) as second:
        second.run("sbatch", "--output=/dev/null", "--wrap=sleep 1000")
        wait_until(lambda: "RUNNING" in second.run("squeue", "--format=%T").stdout)
        assert cluster.is_up()
        assert traces(tmp_path)
    assert not traces(tmp_path)


def test_a_cluster_ends_with_its_owner(cluster: Cluster, tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == "up\n"
        assert traces(tmp_path)
        owner.kill()
    wait_until(lambda: not traces(tmp_path))
