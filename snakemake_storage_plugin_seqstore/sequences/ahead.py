"""Iteration in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Give items, while the next one is being made: what zstd does, other threads need not wait."""
    end = object()
    with ThreadPoolExecutor(1) as maker:
        following = maker.submit(next, items, end)
        while (item := following.result()) is not end:
            following = maker.submit(next, items, end)
            yield item  # type: ignore[misc]
