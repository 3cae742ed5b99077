"""What jobs that have not ended leave in directories that they read: nobody knows of it yet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.observe import TICK, born
from snakemake_storage_plugin_seqstore.workflow.products import changed_at

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job


class UnderWay:
    """The jobs of this process that have begun, up to the moment when it is noted what they left.

    Parameters
    ----------
    has_left : callable
        Whether a job left a file, in this run or before: another one may write it anew.
    """

    def __init__(self, has_left: Callable[[str], bool]) -> None:
        self._has_left = has_left
        # The inputs of a job, which may be directories, and since when it may write to them.
        self._jobs: dict[Job, tuple[tuple[str, ...], int]] = {}

    def begin(self, job: Job) -> None:
        """Note that a job is about to start."""
        folders = tuple(f"{os.path.abspath(file)}/" for file in job.input)
        self._jobs[job] = folders, time.time_ns() - TICK

    def end(self, job: Job) -> None:
        """Note that it is known what a job left, or that it does not run."""
        self._jobs.pop(job, None)

    def may_make(self, path: str, besides: Job | None = None) -> bool:
        """Whether a file is new, or written anew, in a directory that one of the jobs reads.

        Parameters
        ----------
        besides : Job, optional
            A job that does not count.
        """
        if not self._jobs:
            return False
        whole, jobs = os.path.abspath(path), [*self._jobs.items()]  # others start meanwhile
        begun = [since for job, (in_, since) in jobs if job != besides and whole.startswith(in_)]
        if not begun:
            return False
        since = min(begun)
        return born(path) > since or (self._has_left(path) and changed_at(path) > since)


class LeftFiles:
    """Files that jobs left, each as it is when it is asked for.

    Parameters
    ----------
    tests : callable
        Say whether a job left a file, or may be doing that.
    """

    def __init__(self, *tests: Callable[[str], bool]) -> None:
        self._tests = tests

    def __contains__(self, path: object) -> bool:
        """Whether a file is one of them."""
        return isinstance(path, str) and any(test(path) for test in self._tests)
