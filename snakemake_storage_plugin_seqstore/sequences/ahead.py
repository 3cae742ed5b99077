"""Work in threads, its results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

from snakemake_storage_plugin_seqstore.sequences import memory

S = TypeVar("S")
T = TypeVar("T")

# While zstd, SQLite or numpy work for one thread, Python works for another: more gain little.
_THREADS = 2


def ahead(make: Callable[[S], T], items: Iterable[S], threads: int = _THREADS) -> Iterator[T]:
    """Give what is made of each item, while the next ones are being made."""
    source = iter(items)
    first = list(islice(source, 2))
    if len(first) < 2:
        yield from map(make, first)
        return
    memory.keep()
    pending: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as makers:
        for item in chain(first, source):
            pending.append(makers.submit(make, item))
            # More than there are threads, so that none waits for a slower one.
            if len(pending) > 2 * (threads - 1):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
