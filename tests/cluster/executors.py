"""How Snakemake is told to run its jobs on a cluster."""

import sys
from pathlib import Path

from tests.cluster.slurm import Cluster

LOGS = Path(".snakemake", "slurm_logs")  # in the working directory: what the jobs printed

# What cluster-generic asks for a job's state. As long as Slurm does not answer, the job runs.
STATUS = """\
#!/bin/sh
case "$(squeue --noheader --states=all --format=%T --jobs="$1" 2>/dev/null)" in
    COMPLETED) echo success ;;
    BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | TIMEOUT) echo failed ;;
    *) echo running ;;
esac
"""


def snakemake(
    cluster: Cluster,
    *arguments: str,
    executor: str = "cluster-generic",
    node_local: bool = False,
) -> list[str]:
    """Command for a run on a cluster; ``LOGS`` has to exist.

    The quick executor is ``cluster-generic``. The other is ``slurm``, whose jobs start a second
    Snakemake, and which waits another 10 s when no job has ended since it last looked.
    With ``node_local``, stored files have their local copies on the nodes.
    """
    options = {"cluster-generic": cluster_generic, "slurm": slurm}[executor](cluster)
    if node_local:
        options += local_copies_on_nodes(cluster)
    return [
        *(sys.executable, "-m", "snakemake", "--jobs", "4", "--executor", executor),
        *options,
        *arguments,
    ]


def cluster_generic(cluster: Cluster) -> list[str]:
    status = cluster.directory / "status"
    status.write_text(STATUS)
    status.chmod(0o755)
    return [
        "--cluster-generic-submit-cmd",
        f"sbatch --parsable --cpus-per-task={{threads}} --output={LOGS}/%j.log",
        *("--cluster-generic-status-cmd", str(status)),
        *("--cluster-generic-cancel-cmd", "scancel"),
        *("--seconds-between-status-checks", "1"),
        *("--max-status-checks-per-second", "20"),
    ]


def slurm(cluster: Cluster) -> list[str]:
    return [
        *("--slurm-status-command", "squeue"),  # sacct knows no job without accounting
        *("--slurm-init-seconds-before-status-checks", "1"),
        "--slurm-keep-successful-logs",
    ]


def local_copies_on_nodes(cluster: Cluster) -> list[str]:
    # Two jobs on a node would delete each other's copies if their ids were not in the paths.
    # Snakemake wants a default storage provider where inputs and outputs are not shared.
    return [
        *("--shared-fs-usage", "persistence", "sources", "source-cache", "software-deployment"),
        *("--local-storage-prefix", str(cluster.node_local)),
        *("--remote-job-local-storage-prefix", f"{cluster.node_local}/$SLURM_JOB_ID"),
        *("--default-storage-provider", "seqstore"),
        *("--default-storage-prefix", "seqstore://files"),
    ]
