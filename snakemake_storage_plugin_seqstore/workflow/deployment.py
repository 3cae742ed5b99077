"""The software that Snakemake deploys for a job, as far as it is fixed."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.unknown import Unknown

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def deployed(job: Any, contents: Contents) -> str | None:
    """What names the deployed software of a job exactly; None if none is deployed for it.

    That is the digest of a container, or the content of its local file, and the pins of a conda
    environment.

    Raises
    ------
    Unknown
        If what is deployed may change without notice: a container by its tag, an environment by
        its name or without pins, environment modules.
    """
    methods = job.dag.workflow.deployment_settings.deployment_method
    if not methods:
        return None
    from snakemake.settings.types import DeploymentMethod

    if DeploymentMethod.ENV_MODULES in methods and job.env_modules:
        raise Unknown("environment modules do not say which software they load")
    parts = []
    if DeploymentMethod.APPTAINER in methods and job.container_img_url:
        parts.append(_container(job.container_img_url, contents))
    if DeploymentMethod.CONDA in methods and job.conda_env_spec:
        parts.append(_conda(job))
    return " ".join(parts) or None


def _container(image: str, contents: Contents) -> str:
    from snakemake.common import is_local_file, parse_uri

    if is_local_file(image):
        try:
            return f"container {contents.digest(Path(parse_uri(image).uri_path))}"
        except (OSError, InputError) as error:
            raise Unknown(f"the container {image} cannot be read: {error}") from None
    if not _DIGEST.search(image):
        raise Unknown(
            f"the container {image} is named by a tag, whose content may change",
            "name it by its digest: ...@sha256:...",
        )
    return image


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
    if os.path.exists(f"{environment.address}.yaml"):  # Snakemake goes on without them
        raise Unknown("its conda environment was installed without its pins")
    content = (environment.content, environment.content_deploy or b"", environment.content_pin)
    return "conda " + hashlib.sha256(b"\0".join(content)).hexdigest()
