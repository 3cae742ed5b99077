"""One job that is observed."""

from __future__ import annotations

import ctypes
import io
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.observe.accesses import Accesses, assemble
from snakemake_storage_plugin_seqstore.observe.log import (
    Event,
    Incomplete,
    children,
    events,
    is_end,
    running,
)
from snakemake_storage_plugin_seqstore.observe.strace import Observer

_LOG = ".log"
_SMALL = 1 << 16  # bytes of a log that is read at once
_ATTACHED = "attached"  # name of the log of a process that was attached to
# Names that this process asks for, so that they stand in its log.
_BEGIN, _END = "seqstore-observation-begins", "seqstore-observation-ends"
_PR_SET_PTRACER = 0x59616D61
_PATIENCE = 10.0  # seconds
_SOON = 0.05  # seconds that an observer usually needs to write its last line
_GRACE = 0.5  # seconds in which what a job's shell left running still belongs to the job


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
        A directory for one job after the other, made if it is missing. Its parent is there, and
        keeps one small script for all jobs.

    Attributes
    ----------
    directory : Path
        The directory.
    shell : str
        Path of the ``bash`` to start instead of the real one.
    """

    def __init__(self, observer: Observer, directory: Path) -> None:
        self._observer = observer
        self.directory = directory.absolute()
        self._script = str(observer.script_in(self.directory.parent))
        self.shell = str(self.directory / "bash")
        self.directory.mkdir(exist_ok=True)
        with suppress(FileExistsError):  # the job before left it
            os.symlink(self._script, self.shell)
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
        log = self.directory / f"{_ATTACHED}{_LOG}"
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
        log, seen = self.directory / f"{_ATTACHED}{_LOG}", False
        deadline = time.monotonic() + _PATIENCE
        while tracer.poll() is None and not seen and time.monotonic() < deadline:
            seen = self._is_seen(_END, log)
        if seen:
            _let_end(log, _lines(log))
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
        """What was done, once the job has ended; the directory is free for the next job.

        What the job's shell left running belongs to the job if it ends within half a second, as
        ``tee`` in ``exec > >(tee log)`` does. What runs longer is not waited for.

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
            logs = self._logs()
            if not logs:
                raise NotObserved("nothing that this job started was observed")
            deadline = time.monotonic() + timeout
            streams = [self._events(log, _ended(log, deadline)) for log in logs]
            seen = merge(*streams, key=attrgetter("time")) if len(logs) > 1 else streams[0]
            try:
                return assemble(seen, own=(str(self.directory), self._script))
            except Incomplete:
                raise _died() from None
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what was seen: it is not wanted any more."""
        with suppress(ObserverDied):
            self.detach()
        for log in self._logs():
            log.unlink(missing_ok=True)

    def _logs(self) -> list[Path]:
        names = sorted(os.listdir(self.directory)) if self.directory.is_dir() else []
        return [self.directory / name for name in names if name.endswith(_LOG)]

    def _is_seen(self, name: str, log: Path) -> bool:
        os.path.exists(self.directory / name)
        with suppress(FileNotFoundError):
            return any(f'/{name}"' in line for line in _tail(log, os.path.getsize(log)))
        return False

    def _events(self, log: Path, lines: Iterable[str]) -> Iterator[Event]:
        root = _root(log)
        return events(iter(lines), children(lines), root, self._start if not root else "")


def _died() -> ObserverDied:
    return ObserverDied(
        "the observer of this job ended before the job did, so the job's result can not be trusted",
        "was strace killed? run the job again, or set observe='off'",
    )


def _root(log: Path) -> int:
    name = log.name.partition(".")[0]
    return 0 if name == _ATTACHED else int(name)


def _ended(log: Path, deadline: float) -> Lines:
    """The lines of a log, once it has the one that says that its process has ended.

    The observer is asked first for the process, so only it can be late, and not by much.
    """
    root, begun = _root(log), time.monotonic()
    lines = _lines(log)
    if not root:
        return lines  # its processes had their time before the observer let go of them
    while not _has_end(lines if isinstance(lines, list) else lines.tail(), root):
        time.sleep(0.002)
        now = time.monotonic()
        if now > begun + _SOON:
            is_late = now > deadline or not _is_observed(log)
            lines = _lines(log)
            if _has_end(lines, root):  # what outlives the process may have written much
                break
            if is_late:
                raise _died()
            time.sleep(_SOON)
        lines = _lines(log)
    return _let_end(log, lines)


def _let_end(log: Path, lines: Lines) -> Lines:
    """The lines of a log once all processes in it have ended, or the time for that is over."""
    if not running(lines):
        return lines
    end = time.monotonic() + _GRACE
    while True:
        time.sleep(0.01)
        lines = _lines(log)
        if not running(lines) or time.monotonic() > end:
            return lines


class _LargeLog:
    """The lines that a log has now, read anew each time."""

    def __init__(self, log: Path, size: int) -> None:
        self._log = log
        self._size = size

    def __iter__(self) -> Iterator[str]:
        left = self._size
        with self._log.open(encoding="latin-1", newline="\n") as file:
            for line in file:
                left -= len(line)  # one byte is one character
                if left < 0:
                    return
                yield line

    def tail(self) -> list[str]:
        """The last of them."""
        return _tail(self._log, self._size)


Lines: TypeAlias = "list[str] | _LargeLog"


def _lines(log: Path) -> Lines:
    """The lines of a log with their ends; a small one is read once."""
    size = os.path.getsize(log)
    return _LargeLog(log, size) if size > _SMALL else _split(log.read_bytes())


def _tail(log: Path, size: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(0, size - _SMALL))
        return _split(file.read(min(size, _SMALL)))


def _split(content: bytes) -> list[str]:
    return io.StringIO(content.decode("latin-1"), newline="\n").readlines()


def _has_end(lines: Iterable[str], root: int) -> bool:
    """Whether the line is there that says that a process has ended."""
    start = f"{root} "
    return any(
        line.startswith(start) and " +++ " in line and is_end(line)
        for line in (reversed(lines) if isinstance(lines, list) else lines)
    )


def _is_observed(log: Path) -> bool:
    """Whether the observer that writes a log is still there."""
    name = os.fsencode(log)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if name in (process / "cmdline").read_bytes().split(b"\0"):
                return True
    return False
