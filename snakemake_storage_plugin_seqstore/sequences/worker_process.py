"""Work beside other work: in threads, or in a process that does not share Python's lock.

As a main module, this one is what that process runs.
"""

from __future__ import annotations

import contextlib
import marshal
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeVar

from snakemake_storage_plugin_seqstore import errors, processes

S = TypeVar("S")
T = TypeVar("T")

# While zstd, SQLite or numpy work for one thread, Python works for another: more gain little.
_THREADS = 2
# The largest pieces that work in bulk takes again and again.
_KEPT_BYTES = 24 << 20
_SIZE = struct.Struct("<Q")

# Takes requests and the path of a file, gives answers: of numbers, texts, lists and tuples.
Task = Callable[[Iterator[Any], Path], Iterator[Any]]


def ahead(make: Callable[[S], T], items: Iterable[S], threads: int = _THREADS) -> Iterator[T]:
    """Give what is made of each item, while the next ones are being made."""
    source = iter(items)
    first = list(islice(source, 2))
    if len(first) < 2:
        yield from map(make, first)
        return
    keep_memory()
    pending: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as makers:
        for item in chain(first, source):
            pending.append(makers.submit(make, item))
            # More than there are threads, so that none waits for a slower one.
            if len(pending) > 2 * (threads - 1):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def keep_memory() -> None:
    """Have the C library keep memory that is freed, rather than have the system clear it anew.

    glibc keeps some times as much as the largest piece that it was given back in one, and takes
    that as a sign of what will be needed. Elsewhere this does nothing.
    """
    bytes(_KEPT_BYTES)


class WorkerProcess:
    """A process that works on one file; a context manager, which ends it.

    Parameters
    ----------
    task : callable
        What it does: a function of some module.
    path : Path
        The file.
    """

    def __init__(self, task: Task, path: Path) -> None:
        self._path = path
        self._process = processes.start(
            __name__,
            task.__module__,
            task.__name__,
            str(path),
            OPENBLAS_NUM_THREADS="1",  # which numpy would start, and nothing here uses
        )

    def send(self, request: Any) -> None:
        """Send a request; what waits to be answered must be small, as must the number of them."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # receive() says why
            _send(self._process.stdin, request)

    def receive(self) -> Any:
        """Return the next answer, or None if there are no more; the task's errors are raised.

        Raises
        ------
        StoreError
            If the process was killed, or had not enough memory.
        """
        assert self._process.stdout is not None
        message = _receive(self._process.stdout)
        if message is not None:
            error, answer = message
            if error:
                raise getattr(errors, error)(answer)
            return answer
        if status := self._process.wait():
            raise errors.StoreError(
                f"{self._path}: the process that reads it has ended with status {status}",
                "it was killed: by lack of memory, say" if status < 0 else "see its own message",
            )
        return None

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()  # if what it does is of no use any more
        with contextlib.suppress(BrokenPipeError):
            self._process.__exit__(kind, error, traceback)


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    data = pipe.read(size)
    return marshal.loads(data) if len(data) == size else None


def _send(pipe: IO[bytes], message: Any) -> None:
    data = marshal.dumps(message, 2)  # later versions look for equal objects
    pipe.write(_SIZE.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _main(module: str, name: str, path: str) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody wants any more of it
    keep_memory()
    task: Task = getattr(import_module(module), name)
    requests = iter(lambda: _receive(sys.stdin.buffer), None)
    with processes.answers() as pipe:
        try:
            for answer in task(requests, Path(path)):
                _send(pipe, ("", answer))
        except errors.SeqstoreError as error:
            _send(pipe, (type(error).__name__, str(error)))
        except MemoryError:
            _send(pipe, ("StoreError", f"{path}: there is not enough memory to read it"))


if __name__ == "__main__":
    _main(*sys.argv[1:])
