"""What people ask of a record besides what counts: who made it, where, from which workflow."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.workflow import snakemake_api, snakemake_params
from snakemake_storage_plugin_seqstore.workflow.files import label

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.store import Record
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


def of(job: Job, workdir: str, secret: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What people ask of a job that just ran.

    Parameters
    ----------
    workdir : str
        Where it ran.
    secret : frozenset of str
        Names of params that are not to be told.
    """
    snakefile = str(job.dag.workflow.main_snakefile)
    params = snakemake_params.hidden(job.params, secret)
    found = {
        "workflow": snakefile,
        "commit": _commit(os.path.dirname(os.path.abspath(snakefile))),
        "directory": workdir,
        "command": snakemake_api.command_as_run(job, params),
        "params": snakemake_params.texts(params),
        "inputs": [label(file) for file in job.input],
        "outputs": [label(file) for file in job.output],
        "log": [label(file) for file in job.log],
        "user": _user(),
        "host": host(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return {name: value for name, value in found.items() if value}


def metadata(job: Job, record: Record) -> dict[str, Any]:
    """What Snakemake keeps of a job's outputs and shows in reports, of the run that made them."""
    end = record.time / 1e9
    return {
        "rule": job.rule.name,
        "job_hash": int(record.digest[:15], 16),
        "starttime": end - record.seconds,
        "endtime": end,
        "input": [label(file) for file in job.input],
        "log": [label(file) for file in job.log],
        "shellcmd": record.about.get("command"),
        "conda_env": None,
        "container_img_url": None,
    }


@cache
def host() -> str:
    """The name of this machine."""
    return socket.gethostname()


@cache
def _commit(directory: str) -> str:
    """The commit of the workflow, with ``+`` if files in it were changed; empty if it has none."""
    git = ["git", "-C", directory]
    try:
        commit = _output([*git, "rev-parse", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "--untracked-files=no"])
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit + ("+" if changed else "")


def _output(command: list[str]) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=10
    ).stdout.strip()


@cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.geteuid())
