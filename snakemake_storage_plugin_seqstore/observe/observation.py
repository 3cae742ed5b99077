"""One job that is observed."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import IO

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.observe.accesses import Accesses, assemble
from snakemake_storage_plugin_seqstore.observe.log import Event, Incomplete, children, events
from snakemake_storage_plugin_seqstore.observe.strace import Observer

_ATTACHED = "attached"  # name of the log of a process that was attached to
_BEGIN, _END = "begin", "end"  # asked for by this process, so that they stand in its log
_PR_SET_PTRACER = 0x59616D61
_PATIENCE = 10.0  # seconds
_SOON = 0.05  # seconds that an observer usually needs to write its last line


class ObserverDied(SeqstoreError):
    """The observer ended before the job: the job may have gone wrong without a word."""


class NotObserved(SeqstoreError):
    """Nothing was started by the observation's shell, and nothing was attached to."""


class Observation:
    """One job, or one attached ``run:`` block.

    Parameters
    ----------
    observer : Observer
        An observer that is available.
    directory : Path
        A directory to be made for this job alone. Its parent is there, and keeps one small script
        for all jobs.

    Attributes
    ----------
    shell : str
        Path of the ``bash`` to start instead of the real one.
    """

    def __init__(self, observer: Observer, directory: Path) -> None:
        self._observer = observer
        self._directory = directory.absolute()
        self._directory.mkdir()
        self._script = str(observer.script_in(self._directory.parent))
        shell = self._directory / "bash"
        shell.symlink_to(self._script)
        self.shell = str(shell)
        self._tracer: subprocess.Popen[bytes] | None = None
        self._start = ""

    def attach(self) -> None:
        """Observe this process too, all its threads and what they start, from now on.

        Raises
        ------
        NotObserved
            If the system forbids it.
        """
        self._start = os.getcwd()
        log = self._directory / f"{_ATTACHED}.log"
        tracer = subprocess.Popen(
            self._observer.attach_command(os.getpid(), log),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with suppress(OSError, AttributeError):  # Yama lets a process name who may trace it
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, tracer.pid, 0, 0, 0)
        deadline = time.monotonic() + _PATIENCE
        while not self._is_seen(_BEGIN, log):
            if tracer.poll() is not None or time.monotonic() > deadline:
                tracer.kill()
                said = tracer.communicate()[1].decode(errors="replace").strip()
                raise NotObserved(f"this process can not be observed: {said}")
            time.sleep(0.005)
        self._tracer = tracer

    def detach(self) -> None:
        """End what `attach` began; nothing happens if it did not begin.

        Raises
        ------
        ObserverDied
            If the observer had ended before.
        """
        tracer, self._tracer = self._tracer, None
        if tracer is None:
            return
        seen = False
        deadline = time.monotonic() + _PATIENCE
        while tracer.poll() is None and not seen and time.monotonic() < deadline:
            seen = self._is_seen(_END, self._directory / f"{_ATTACHED}.log")
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)  # it lets go of all processes, then ends
        with suppress(subprocess.TimeoutExpired):
            tracer.communicate(timeout=_PATIENCE)
        if tracer.poll() is None:
            tracer.kill()
            tracer.communicate()
        if not seen:
            raise _died()

    def finish(self, timeout: float = _PATIENCE) -> Accesses:
        """What was done, once the job has ended; removes the directory.

        Background processes that outlive the job's shell are not waited for: what they did until
        the shell ended counts.

        Parameters
        ----------
        timeout : float
            How long the observer may need to write what it has seen, in seconds.

        Raises
        ------
        ObserverDied
            If the observer ended before the job: what the job made must not be used.
        NotObserved
            If no process of the job was observed.
        """
        try:
            self.detach()
            logs = sorted(self._directory.glob("*.log"))
            if not logs:
                raise NotObserved("nothing that this job started was observed")
            deadline = time.monotonic() + timeout
            for log in logs:
                self._wait(log, deadline)
            with ExitStack() as stack:
                streams = [self._events(log, stack) for log in logs]
                seen = merge(*streams, key=attrgetter("time")) if len(logs) > 1 else streams[0]
                try:
                    return assemble(seen, own=(str(self._directory), self._script))
                except Incomplete:
                    raise _died() from None
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the directory; what was seen is not wanted."""
        with suppress(ObserverDied):
            self.detach()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _is_seen(self, name: str, log: Path) -> bool:
        path = str(self._directory / name)
        os.path.exists(path)
        with suppress(FileNotFoundError):
            return f'"{path}"' in _tail(log)
        return False

    def _events(self, log: Path, stack: ExitStack) -> Iterator[Event]:
        root = _root(log)
        with _open(log) as lines:
            started = children(lines)
        return events(
            stack.enter_context(_open(log)), started, root, self._start if not root else ""
        )

    def _wait(self, log: Path, deadline: float) -> None:
        """Wait until the log has the line that its process has ended.

        The observer is asked first for the process, so only it can be late, and not by much.
        """
        root, begun = _root(log), time.monotonic()
        while root and not _has_end(_tail(log).splitlines(keepends=True), root):
            time.sleep(0.002)
            now = time.monotonic()
            if now > begun + _SOON:
                is_late = now > deadline or not _is_observed(log)
                with _open(log) as lines:  # what outlives the process may have written much
                    if _has_end(lines, root):
                        return
                if is_late:
                    raise _died()
                time.sleep(_SOON)


def _died() -> ObserverDied:
    return ObserverDied(
        "the observer of this job ended before the job did, so the job's result can not be trusted",
        "was strace killed? run the job again, or set observe='off'",
    )


def _root(log: Path) -> int:
    name = log.name.partition(".")[0]
    return 0 if name == _ATTACHED else int(name)


def _open(log: Path) -> IO[str]:
    return log.open(encoding="latin-1", newline="\n")


def _tail(log: Path, size: int = 1 << 16) -> str:
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read().decode("latin-1")


def _has_end(lines: Iterable[str], root: int) -> bool:
    """Whether the line is there that says that a process has ended."""
    start = f"{root} "
    return any(line.startswith(start) and " +++ " in line and line.endswith("\n") for line in lines)


def _is_observed(log: Path) -> bool:
    """Whether the observer that writes a log is still there."""
    name = os.fsencode(log)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if name in (process / "cmdline").read_bytes().split(b"\0"):
                return True
    return False
