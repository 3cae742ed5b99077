"""Results that are reused and so not in their places, by where somebody may look for them."""

from __future__ import annotations

import os
from collections.abc import Iterable


class Absent:
    """Files and directories that are not there.

    Parameters
    ----------
    names : iterable of str
        Their paths, as the workflow has them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._below: dict[str, list[str]] = {}  # by absolute path: they are there, or below it
        workdir = os.getcwd()
        for name in names:
            path = os.path.abspath(name)
            while path.startswith(workdir):
                self._below.setdefault(path, []).append(name)
                path = os.path.dirname(path)

    def at(self, path: str) -> list[str]:
        """What is missed by who looks for an absolute path, or lists it if it is a directory.

        A directory in it that is there is not looked into.
        """
        return [name for name in self._below.get(path, ()) if not _is_entered(path, name)]


def _is_entered(folder: str, name: str) -> bool:
    """Whether something is there at the first step from a folder to what is below it."""
    step = os.path.relpath(name, folder).split(os.sep)[0]
    return os.path.lexists(os.path.join(folder, step))
