"""Which job an observation belongs to: the shell that Snakemake starts is that of the thread's job.

Snakemake starts all commands of a process by one executable, from the threads in which jobs run.
It is given an object whose path is, in each thread, the shell of the job that runs there.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
import threading
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from snakemake_storage_plugin_seqstore.observe import (
    Accesses,
    NotObserved,
    Observation,
    probe,
)
from snakemake_storage_plugin_seqstore.workflow import snakemake_api, snakemake_changes

Mode = Literal["auto", "required", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)

_thread = threading.local()


class JobShell(os.PathLike[str]):
    """The shell of the job that runs in the thread that asks.

    Parameters
    ----------
    real : str
        The shell where no job is observed.
    """

    def __init__(self, real: str) -> None:
        self.real = real

    def __fspath__(self) -> str:
        observation: Observation | None = getattr(_thread, "observation", None)
        return observation.shell if observation else self.real

    def __str__(self) -> str:
        return os.fspath(self)


class Observing:
    """The observations of the jobs of this process.

    Parameters
    ----------
    mode : {"auto", "required", "off"}
        Whether jobs are observed.
    """

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self._numbers = itertools.count()
        self._free: list[Path] = []  # directories of jobs that have ended

    @property
    def is_on(self) -> bool:
        """Whether jobs can be observed here."""
        return self.mode != "off" and probe().available

    @property
    def reason(self) -> str:
        """Why jobs cannot be observed here, and what to do; empty if they can."""
        return "" if self.mode == "off" else probe().reason

    def begin(self, attach: bool) -> Observation | None:
        """Observe the job that runs in this thread from now on.

        Parameters
        ----------
        attach : bool
            Whether the job is code that runs in this process.

        Returns
        -------
        Observation or None
            None if it cannot be observed.
        """
        self.release()
        executable = snakemake_api.shell_executable()
        if not isinstance(executable, JobShell):  # the workflow set one of its own
            if os.path.basename(executable or "") != "bash":
                return None
            snakemake_changes.set_shell_executable(JobShell(str(executable)))
        try:
            directory = self._free.pop()
        except IndexError:
            directory = self._directory / str(next(self._numbers))
        observation = Observation(probe(), directory)
        if attach:
            try:
                observation.attach()
            except NotObserved:
                observation.discard()
                return None
        _thread.observation = observation
        return observation

    def end(self, observation: Observation) -> Accesses | None:
        """What the job of this thread did; None if nothing of it was observed.

        Raises
        ------
        ObserverDied
            If the observer ended before the job.
        """
        self.release()
        try:
            return observation.finish()
        except NotObserved:
            return None
        finally:
            self._free.append(observation.directory)

    def release(self) -> None:
        """Let the thread start an ordinary shell from now on."""
        _thread.observation = None

    @cached_property
    def _directory(self) -> Path:
        directory = Path(tempfile.mkdtemp(prefix="seqstore-observed-"))
        owner = os.getpid()

        def remove() -> None:
            if os.getpid() == owner:
                with suppress(OSError):
                    shutil.rmtree(directory)

        atexit.register(remove)
        return directory
