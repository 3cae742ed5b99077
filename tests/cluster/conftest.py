"""A Slurm cluster for the tests of this directory, and Snakemake on it.

Each process that runs such tests starts one of its own. ``--dist loadgroup`` and
``pytestmark = pytest.mark.xdist_group("slurm")`` put them all into one process.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cluster import executors
from tests.cluster.slurm import NAMESPACES, PROGRAMS, Cluster, running


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.geteuid() != 0:
        pytest.skip("a cluster needs root: each of its nodes mounts file systems")
    if absent := [program for program in PROGRAMS if shutil.which(program) is None]:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"a cluster needs {', '.join(absent)}; .ci/run installs Slurm on Debian")
    namespaces = subprocess.run([*NAMESPACES, "true"], stderr=subprocess.PIPE, text=True)
    if namespaces.returncode != 0:
        pytest.skip(f"a cluster needs namespaces: {namespaces.stderr.strip()}")
    with running(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster without jobs; those that a test leaves behind are cancelled."""
    yield running_cluster
    running_cluster.cancel_jobs()


@pytest.fixture
def snakemake_on_cluster(
    cluster: Cluster, environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Snakemake in a directory, and its jobs on the nodes.

    ``snakemake_on_cluster(directory, *arguments, executor="cluster-generic", node_local=False,
    fails=False, timeout=120)``. Returns the finished process like the fixture ``snakemake``.
    """

    def run(
        directory: Path,
        *arguments: str,
        executor: str = "cluster-generic",
        node_local: bool = False,
        fails: bool = False,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        if executor == "slurm" and find_spec("snakemake_executor_plugin_slurm") is None:
            pytest.skip("the extra `cluster` is not installed; `make test-cluster` installs it")
        logs = directory / executors.LOGS
        logs.mkdir(parents=True, exist_ok=True)
        command = executors.snakemake(cluster, *arguments, executor=executor, node_local=node_local)
        try:
            return cluster.run(
                *command,
                directory=directory,
                environment=environment,
                fails=fails,
                timeout=timeout,
            )
        except AssertionError as error:
            for log in sorted(logs.rglob("*.log")):
                error.add_note(f"{log}:\n{log.read_text()}")
            raise

    return run
