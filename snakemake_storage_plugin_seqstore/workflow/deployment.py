"""The software that a job declares: conda environments, containers, environment modules."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown
from snakemake_storage_plugin_seqstore.workflow import snakemake_api

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


def deployed(job: Job, contents: Contents) -> tuple[str, ...]:
    """What a job is told of the software that Snakemake deploys for it; empty if it is none.

    The content of an environment file and its pins, the name of a container with its digest or
    tag, or the content of a local one, the names of environment modules. What an environment
    without pins really has is seen when the job runs.

    Raises
    ------
    Unknown
        If a local container cannot be read.
    """
    if job.env_modules and snakemake_api.deploys(job, "env-modules"):
        return (f"modules {job.env_modules}",)
    found = []
    if snakemake_api.runs_in_container(job):
        found.append(_container(str(job.container_img_url), contents))
    if job.conda_env_spec and snakemake_api.deploys(job, "conda"):
        found.append(_conda(job.conda_env))
    return tuple(found)


def _container(image: str, contents: Contents) -> str:
    from snakemake.common import is_local_file, parse_uri

    if not is_local_file(image):
        return f"container {image}"
    try:
        return f"container {contents.digest(Path(parse_uri(image).uri_path))}"
    except (OSError, InputError) as error:
        raise Unknown(f"the container {image} cannot be read: {error}") from None


def _conda(environment: Any) -> str:
    if environment is None:
        raise NotYet("its conda environment is not known yet")
    if environment.is_externally_managed:
        return f"conda {environment.address}"
    parts = (environment.content, environment.content_deploy or b"", environment.content_pin or b"")
    return "conda " + hashlib.sha256(b"\0".join(parts)).hexdigest()
