"""Databases to FASTA, large ones by two processes."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, BinaryIO

from snakemake_storage_plugin_seqstore.sequences.lines import fasta
from snakemake_storage_plugin_seqstore.sequences.pool import replaced
from snakemake_storage_plugin_seqstore.sequences.publish import version
from snakemake_storage_plugin_seqstore.sequences.reader import Reader, open_file
from snakemake_storage_plugin_seqstore.sequences.worker_process import WorkerProcess, ahead

# Fewer records take no longer than to start Python, or are large: they need memory in each process.
_MANY = 1 << 17

# Some records as FASTA, and how many they are.
Answer = tuple[bytes | memoryview, int]
Maker = Callable[[Sequence[int]], Answer]


def write(reader: Reader, gids: Iterable[int] | None, out: BinaryIO) -> int:
    """Write all records by ascending gid, or these in their order; return how many."""
    asked = None if gids is None else list(map(int, gids))
    makers: SimpleQueue[Maker] = SimpleQueue()

    def make(portion: Sequence[int]) -> Answer:
        maker = makers.get()
        try:
            return maker(portion)
        finally:
            makers.put(maker)

    def here(portion: Sequence[int]) -> Answer:
        return _text(reader, portion)

    with contextlib.ExitStack() as stack:
        chosen: list[Maker] = [here, here]
        if _is_for_two(reader, asked):
            process = stack.enter_context(WorkerProcess(texts, reader.path))
            process.send(reader.version)
            there = _There(process)
            chosen = [here, there, there]  # so that the other process always has work
        for maker in chosen:
            makers.put(maker)
        written = 0
        for text, records in ahead(make, reader.portions(asked), len(chosen)):
            out.write(text)
            written += records
    return written


def texts(requests: Iterator[Any], path: Path) -> Iterator[Answer]:
    """Give the records that are asked for: what the other process does."""
    reader = open_file(path)
    if reader.version != next(requests):
        raise replaced(path)
    for gids in requests:
        yield _text(reader, range(*gids) if isinstance(gids, tuple) else gids)


def _text(reader: Reader, gids: Sequence[int]) -> Answer:
    page = reader.page(gids)
    return fasta(reader.path, page).data, len(page.gids)


def _is_for_two(reader: Reader, gids: Sequence[int] | None) -> bool:
    """Say whether there is enough to do for two processes, and both can open the same file."""
    with contextlib.suppress(OSError):
        many = len(reader if gids is None else gids) >= _MANY
        return many and version(reader.path) == reader.version
    return False


class _There:
    """What another process makes; it answers several threads in the order of their requests."""

    def __init__(self, process: WorkerProcess) -> None:
        self._process = process
        self._sending, self._receiving = Lock(), Lock()
        self._due: deque[Future[Answer]] = deque()
        self._error: Exception | None = None

    def __call__(self, gids: Sequence[int]) -> Answer:
        mine: Future[Answer] = Future()
        with self._sending:
            self._process.send((gids.start, gids.stop) if isinstance(gids, range) else gids)
            self._due.append(mine)
        with self._receiving:
            first = self._due.popleft()  # which may be another thread's
            try:
                if self._error is not None:  # with which it has ended
                    raise self._error
                first.set_result(self._process.receive())
            except Exception as error:
                self._error = error
                first.set_exception(error)
        return mine.result()
