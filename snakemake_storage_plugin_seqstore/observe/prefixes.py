"""Where software is installed: prefixes of the system and of environments, found by their marks."""

from __future__ import annotations

import functools
import os
import re

# Below these directories lies what the system brings; what lies elsewhere is somebody's own.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/var")
_MARKS = ("conda-meta", "pyvenv.cfg", "bin/python3")
_PYTHON = re.compile(r"/lib(?:64)?/python3(?:\.\d+)?(?=/|$)")


def prefix_of(path: str) -> str | None:
    """The prefix that a file lies below.

    Parameters
    ----------
    path : str
        An absolute path.

    Returns
    -------
    str or None
        An environment's directory, ``/`` for the system, None for what is no software.
    """
    return _prefix_of(os.path.dirname(path))


@functools.lru_cache(maxsize=1 << 16)
def _prefix_of(directory: str) -> str | None:
    parent = directory
    while parent not in ("", "/"):
        if parent != "/usr" and any(os.path.exists(f"{parent}/{mark}") for mark in _MARKS):
            return parent
        parent = os.path.dirname(parent)
    if f"{directory}/".startswith(tuple(f"{place}/" for place in SYSTEM)):
        return "/"
    python = _PYTHON.search(directory)  # a user's own packages have no Python beside them
    return directory[: python.start()] if python else None
