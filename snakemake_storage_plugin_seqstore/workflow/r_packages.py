"""The packages that are installed for R, by name and version."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from snakemake_storage_plugin_seqstore.workflow.conventions import R_LIBRARIES
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.packages import prefixes_of

PROGRAMS = ("R", "Rscript")
_COUNTED = ("Version:", "RemoteSha:")
_OF_USERS = ("~/R/*/*", "~/Library/R/*/*/library")
_OWN_LIBRARIES = re.compile(r"\.libPaths|lib\.loc|\brenv\b|\bpackrat\b")


def installed_for(program: Path, directories: Directories) -> list[str]:
    """The packages that an R may load, in the order in which it looks for them.

    Parameters
    ----------
    program : Path
        ``R`` or ``Rscript``.
    directories : Directories
        Remembers what is in a library while its names stay the same: R replaces what it updates.
    """
    return _installed([*_of_user(), *_beside(program)], directories)


def installed_by_user(directories: Directories) -> list[str]:
    """The packages that any R finds, also in an environment or container."""
    return _installed(_of_user(), directories)


def chooses_libraries(text: str) -> bool:
    """Whether a script may load packages from other places than R does by itself."""
    return _OWN_LIBRARIES.search(text) is not None


def _installed(libraries: Iterable[str], directories: Directories) -> list[str]:
    found: list[str] = []
    for library in dict.fromkeys(libraries):
        found += directories.read(library, _packages) or ()
    return found


def _of_user() -> Iterator[str]:
    for variable in R_LIBRARIES:
        yield from filter(None, os.environ.get(variable, "").split(os.pathsep))
    for pattern in _OF_USERS:
        yield from sorted(glob.glob(os.path.expanduser(pattern)))


def _beside(program: Path) -> Iterator[str]:
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
