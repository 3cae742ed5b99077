"""Writing to stores in a process of its own, which does not wait for Python's lock.

A name or a record takes some twenty calls of the system, each of which gives up the lock and waits
for it again: a thread beside Snakemake's scheduler would hold up both. As a main module, this one
is what that process runs.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import pickle
import select
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

from snakemake_storage_plugin_seqstore import processes
from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import directories, names, records
from snakemake_storage_plugin_seqstore.store.record_memory import RecordMemory
from snakemake_storage_plugin_seqstore.store.store import Store
from snakemake_storage_plugin_seqstore.store.version import Version

_NICENESS = 10  # nobody waits for this process before the program ends
_MOST = 500  # tasks; who is killed leaves so many unfinished files at most
_TOGETHER = 200  # ms in which tasks are collected: a disk is as fast with many as with one

logger = logging.getLogger(__name__)

_store = cache(Store)
_memory = cache(RecordMemory)


@dataclass(frozen=True)
class Task:
    """A call of a method of a store.

    Parameters
    ----------
    roots : tuple of str
        Root of the store, and another one that is taken if the first may not be written.
    method : callable
        The method.
    arguments : tuple
        Its arguments.
    what : str
        What nobody can reuse if it fails; empty if that need not be told.
    needs : Version or None
        What must be durable first.
    memory : str
        The file in which a record is remembered that it writes; empty if none is.
    """

    roots: tuple[str, ...]
    method: Callable[..., object]
    arguments: tuple[Any, ...]
    what: str = ""
    needs: Version | None = None
    memory: str = ""

    @property
    def is_needless(self) -> bool:
        """Whether a name already means what it is to follow."""
        if self.method is not Store.follow:
            return False
        collection, name, version, _, project = self.arguments
        try:
            return _store(self.roots[0]).means(collection, name, version, project)
        except Exception:  # it is told of when the task runs
            return False

    def content(self) -> bytes | None:
        """What it writes into a small file, if that is known before."""
        if self.method in (Store.assign, Store.follow):
            return names.dump(*self.arguments[2:4])
        return records.dump(*self.arguments) if self.method is Store.add_record else None

    def run(self, tell: Callable[[str], object], refused: set[str]) -> None:
        """Make the call; tell if it fails, and once of each store that refused one."""
        for root in self.roots:
            try:
                done = self.method(_store(root), *self.arguments)
                if self.memory and isinstance(done, records.Record):
                    _memory(self.memory).note(done)
                return
            except Exception as error:
                if root == self.roots[-1] or not is_denied(error):
                    if self.what:
                        tell(f"seqstore: others cannot reuse {self.what}: {error}")
                    return
                if root not in refused:
                    refused.add(root)
                    tell(refusal(error, self.roots[-1]))


def pack(tasks: Sequence[Task]) -> bytes:
    """Tasks that are ready to be sent: what they are about may change afterwards."""
    return pickle.dumps(tasks)


class Background:
    """Runs tasks one after the other; the program that asked for them ends after them."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def submit(self, packed: bytes) -> None:
        """Have tasks run after all that were submitted before."""
        with self._lock:
            if self._process is None:
                self._process = self._start()
            self._waiting.append(packed)
            assert self._process.stdin
            try:
                self._process.stdin.write(packed)
                self._process.stdin.flush()
            except OSError:  # it was killed
                self._stop()

    def wait(self) -> None:
        """Wait until all is done that was submitted."""
        with self._lock:
            if self._process is not None:
                self._stop()

    def _start(self) -> subprocess.Popen[bytes]:
        process = processes.start(__name__)
        assert process.stdout
        self._waiting: deque[bytes] = deque()  # what the process has not done yet
        listener = threading.Thread(
            target=_listen, args=(process.stdout, self._waiting), daemon=True
        )
        listener.start()
        # At the latest when the program ends.
        self._end = weakref.finalize(self, _finish, process, listener, self._waiting, os.getpid())
        return process

    def _stop(self) -> None:
        self._end()
        self._process = None


def is_denied(error: Exception) -> bool:
    """Whether a store is not written because it may not be, or because it is full."""
    cause = error.__cause__
    denied = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, StoreError) and isinstance(cause, OSError) and cause.errno in denied


def refusal(error: Exception, own: str) -> str:
    """What to tell of a store that refused what another one then took."""
    return (
        f"seqstore: {error}. Results stay in this working directory, in {own}, and nobody else "
        "can reuse them."
    )


def _listen(messages: IO[bytes], waiting: deque[bytes]) -> None:
    with messages:
        for message in _received(messages):
            if isinstance(message, str):
                logger.warning(message)
            else:  # so many are done
                for _ in range(message):
                    waiting.popleft()


def _finish(
    process: subprocess.Popen[bytes],
    listener: threading.Thread,
    waiting: deque[bytes],
    owner: int,
) -> None:
    if os.getpid() != owner:  # a process that was forked from it ends
        return
    assert process.stdin
    with suppress(OSError), process.stdin as pipe:  # it has ended already
        # A process that was forked from this one may have the pipe open still.
        pickle.dump(None, pipe)
    process.wait()
    listener.join()
    if waiting:
        logger.warning(
            "seqstore: the process that writes to the store was killed; this one does its work."
        )
    refused: set[str] = set()
    for packed in waiting:
        run(pickle.loads(packed), logger.warning, refused)


def _received(pipe: IO[bytes]) -> Iterator[Any]:
    """What comes through a pipe, up to its end."""
    with suppress(EOFError, pickle.UnpicklingError):
        while True:
            yield pickle.load(pipe)


def _batches(pipe: int) -> Iterator[list[Sequence[Task]]]:
    """What comes through a pipe, up to None or its end: the first at once, and then together."""
    poll = select.poll()
    poll.register(pipe, 0)  # asks for nothing but the end
    unfinished = b""
    while chunk := os.read(pipe, processes.PIPE_BYTES):
        stream = io.BytesIO(unfinished + chunk)
        submitted, start = [], 0
        for tasks in _received(stream):
            submitted.append(tasks)
            start = stream.tell()
        unfinished = stream.getvalue()[start:]
        yield [tasks for tasks in submitted if tasks is not None]
        if None in submitted:
            return
        if not unfinished:  # else the pipe may be full
            poll.poll(_TOGETHER)


def run(batch: list[Task], tell: Callable[[str], object], refused: set[str]) -> None:
    """Run tasks in their order; what they need is made durable together."""
    batch = [task for task in batch if not task.is_needless]
    failures: list[str] = []
    needed: dict[str, set[str]] = {}
    contents: dict[str, list[bytes]] = {}
    for task in batch:
        with suppress(Exception):  # it is told of when the task runs
            if content := task.content():
                contents.setdefault(task.roots[0], []).append(content)
            if task.needs:
                payloads = _store(task.roots[0]).payloads(task.needs)
                needed.setdefault(task.roots[0], set()).update(payloads)
    with ExitStack() as stack:
        stack.enter_context(directories.kept_open())
        for root, digests in needed.items():
            try:
                stack.enter_context(_store(root).objects.synced(digests))
            except OSError as error:  # each is tried again by its task
                failures.append(str(error))
        for root, together in contents.items():
            stack.enter_context(_store(root).prepared(together))
        for task in batch:
            task.run(lambda message: tell("; before that: ".join((message, *failures))), refused)
    for file in {task.memory for task in batch} - {""}:
        _memory(file).save()


def _main() -> None:
    os.nice(_NICENESS)
    with processes.answers() as pipe:

        def tell(message: str | int) -> None:
            with suppress(BrokenPipeError):  # who asked was killed; what it asked for is done
                os.write(pipe.fileno(), pickle.dumps(message))

        refused: set[str] = set()
        for submitted in _batches(sys.stdin.fileno()):
            batch = [task for tasks in submitted for task in tasks]
            for start in range(0, len(batch), _MOST):
                run(batch[start : start + _MOST], tell, refused)
            tell(len(submitted))


if __name__ == "__main__":
    # Tasks are of the module by its name, of which this one is a second copy.
    from snakemake_storage_plugin_seqstore.store import background

    background._main()
