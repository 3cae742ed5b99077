"""The packages that are installed for R, by name and version."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from snakemake_storage_plugin_seqstore.workflow.conventions import R_LIBRARIES
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.packages import prefixes_of

PROGRAMS = ("R", "Rscript")
_COUNTED = ("Version:", "RemoteSha:")


def installed_for(program: Path, directories: Directories) -> list[str]:
    """The packages that an R may load, in the order in which it looks for them.

    Parameters
    ----------
    program : Path
        ``R`` or ``Rscript``.
    directories : Directories
        Remembers what is in a library while its names stay the same: R replaces what it updates.
    """
    found: list[str] = []
    for library in dict.fromkeys(_libraries(program)):
        found += directories.read(library, _packages) or ()
    return found


def _libraries(program: Path) -> Iterator[str]:
    for variable in R_LIBRARIES:
        yield from filter(None, os.environ.get(variable, "").split(os.pathsep))
    yield from sorted(glob.glob(os.path.expanduser("~/R/*/*")))
    for prefix in sorted(prefixes_of(program)):
        for library in ("local/lib", "lib", "lib64"):
            yield from (f"{prefix}/{library}/R/{name}" for name in ("site-library", "library"))


def _packages(library: str) -> tuple[str, ...]:
    names = sorted(name for name in os.listdir(library) if not name.startswith("00LOCK"))
    return tuple(f"{name} {_version(f'{library}/{name}/DESCRIPTION')}" for name in names)


def _version(description: str) -> str:
    try:
        lines = Path(description).read_text(errors="replace").splitlines()
    except OSError:
        return "?"
    return " ".join(line for line in lines if line.startswith(_COUNTED))
