"""The software that scripts run with: of Snakemake's Python, or of what is deployed for a job."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.workflow import conventions, r_packages
from snakemake_storage_plugin_seqstore.workflow.code.modules import Imported
from snakemake_storage_plugin_seqstore.workflow.code.reading import snakemake_version
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import Unknown

_JULIA_ENVIRONMENTS = "environments/*/Manifest.toml"
# By the suffix of a script: what runs it, where its packages can be told.
_PROGRAMS = {
    ".sh": ("bash",),
    ".R": ("Rscript", "R"),
    ".Rmd": ("Rscript", "R", "pandoc"),
}
_NATIVE_KERNELS = ("", "python3")


def of_python(
    found: Imported, job: Any, deployed: str | None, surroundings: Surroundings
) -> dict[str, str]:
    """What a Python script runs with, but for the programs that it names.

    Snakemake appends its own search path to that of a script, also in an environment or container:
    what these lack is taken from there.
    """
    modules = _installed(found.packages)
    software: dict[str, str] = {}
    if any(name.partition(".")[0] == "snakemake" for name in found.packages):
        software["Snakemake"] = snakemake_version()
    if deployed is not None:
        pins = _pins(job, deployed)
        software["deployed"] = deployed
        if pins is None or re.search(r"/python-\d", pins):
            packages = surroundings.packages.of(modules)
            lacking = {name: label for name, label in packages.items() if not _pinned(name, pins)}
            return software | lacking
    software["Python"] = surroundings.packages.python
    software |= {name: "missing" for name in found.missing}
    software |= surroundings.packages.of(modules)
    return software


def of_other(
    language: str, suffix: str, text: str, deployed: str | None, surroundings: Surroundings
) -> dict[str, str]:
    """What a script in another language runs with, but for the programs that it names.

    Parameters
    ----------
    suffix : str
        Its suffix, which says what runs it.
    text : str
        The script, and what it sources.

    Raises
    ------
    Unknown
        If its packages cannot be told.
    """
    if deployed is not None:
        return {"deployed": deployed}
    programs = _PROGRAMS.get(suffix, ())
    if not programs or (language == "R" and r_packages.chooses_libraries(text)):
        raise Unknown(
            f"it cannot be told which packages a script in {language} loads",
            "deploy its software: a pinned conda environment or a container by its digest",
        )
    found = surroundings.software.programs(programs)
    if programs[0] not in found:
        raise Unknown(f"{programs[0]}, which runs it, is not on the search path")
    return found


def user_libraries(language: str, surroundings: Surroundings) -> dict[str, Any]:
    """Packages of the user that a language finds also in environments and containers."""
    program = "julia" if language == "Julia" else language
    variables = conventions.variables(frozenset((program,)))
    found: dict[str, Any] = surroundings.environment(variables)
    if language == "R":
        found["packages"] = r_packages.installed_by_user(surroundings.directories)
    elif language == "Julia":
        root = Path.home() / ".julia"
        for path in sorted(root.glob(_JULIA_ENVIRONMENTS)):
            found[str(path.relative_to(root))] = surroundings.contents.digest(path)
    return found


def refuse_foreign_kernel(kernel: str, deployed: str | None) -> None:
    """Refuse a notebook whose kernel may be of another Python than Snakemake's.

    Raises
    ------
    Unknown
        If it is.
    """
    if deployed is not None:
        return
    name = kernel or "python3"
    if kernel not in _NATIVE_KERNELS or any(
        (Path(place).expanduser() / "kernels" / name).exists() for place in _jupyter_places()
    ):
        raise Unknown(f"the kernel {name} may be of another Python than Snakemake's")
    # What Snakemake runs notebooks with; its kernel python3 is that of its own Python.
    runner = shutil.which("papermill") or shutil.which("jupyter-nbconvert")
    if runner and not os.path.samefile(os.path.dirname(runner), os.path.dirname(sys.executable)):
        raise Unknown(
            f"its notebook is run by {runner}, which may be of another Python than Snakemake's",
            "install papermill and ipykernel beside Snakemake",
        )


def _jupyter_places() -> Iterable[str]:
    yield from filter(None, os.environ.get("JUPYTER_PATH", "").split(os.pathsep))
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    yield os.environ.get("JUPYTER_DATA_DIR") or f"{data}/jupyter"
    system = ("/usr/local/share/jupyter", "/usr/share/jupyter")
    yield from (place for place in system if not place.startswith(f"{sys.prefix}/"))


def _installed(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.partition(".")[0] != "snakemake")


def _pins(job: Any, deployed: str) -> str | None:
    """The explicit list of packages of a conda environment; None in a container."""
    if not deployed.startswith("conda "):
        return None
    return str(job.conda_env.content_pin.decode(errors="replace"))


def _pinned(package: str, pins: str | None) -> bool:
    name = re.escape(package).replace("_", "[-_.]")
    return pins is not None and re.search(rf"/{name}-\d[^/]*$", pins, re.M | re.I) is not None
