"""How a job came to paths: up by ``..`` from where it was, or from its code, and down again. Pure.

Such a path means another file in each clone of a project; one that is written out does not.
"""

from __future__ import annotations

import os


class Ways:
    """The ways that a job took, while its events go by.

    Attributes
    ----------
    found : dict of str to str
        Absolute paths, each with how it was asked for: absolute, with ``..``.
    """

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def add(self, path: str, asked: str) -> None:
        """Take note of how a path was asked for.

        Parameters
        ----------
        path : str
            The absolute path, without ``..``.
        asked : str
            What was written, behind the directory that it begins in.
        """
        if goes_up(asked):
            if os.path.normpath(asked) == path:  # no link on the way leads elsewhere
                self.found.setdefault(path, asked)
            return
        above = path if self.found else ""  # the job may have come to that directory by ``..``
        while above:
            above = above.rpartition("/")[0]
            if above in self.found:
                self.found.setdefault(path, self.found[above] + path[len(above) :])
                break


def goes_up(asked: str) -> bool:
    """Whether there is a ``..`` in a path that begins with a directory."""
    return "/../" in f"{asked}/"


def start(asked: str) -> str:
    """The directory from which a path begins to go up."""
    return f"{asked}/".partition("/../")[0]
