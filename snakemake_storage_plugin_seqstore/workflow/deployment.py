"""The software that Snakemake deploys for a job, as far as it is fixed."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from snakemake_storage_plugin_seqstore.workflow.unknown import Unknown

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def deployed(job: Any) -> str | None:
    """What names the deployed software of a job exactly; None if none is deployed for it.

    That is the digest of a container, and the pins of a conda environment.

    Raises
    ------
    Unknown
        If what is deployed may change without notice: a container by its tag, an environment by
        its name or without pins.
    """
    methods = job.dag.workflow.deployment_settings.deployment_method
    if not methods:
        return None
    from snakemake.settings.types import DeploymentMethod

    parts = []
    if DeploymentMethod.APPTAINER in methods and job.container_img_url:
        image = job.container_img_url
        if not _DIGEST.search(image):
            raise Unknown(
                f"the container {image} is named by a tag, whose content may change",
                "name it by its digest: ...@sha256:...",
            )
        parts.append(image)
    if DeploymentMethod.CONDA in methods and job.conda_env_spec:
        parts.append(_conda(job))
    return " ".join(parts) or None


def _conda(job: Any) -> str:
    environment = job.conda_env
    if environment is None:
        raise Unknown("its conda environment is not known yet")
    if environment.is_externally_managed:
        raise Unknown("a conda environment that is named may change", "give an environment file")
    if not environment.content_pin:
        raise Unknown(
            "its conda environment is not pinned",
            "pin it: snakedeploy pin-conda-envs",
        )
    content = (environment.content, environment.content_deploy or b"", environment.content_pin)
    return "conda " + hashlib.sha256(b"\0".join(content)).hexdigest()
