"""Progress of long work: a bar on a terminal, now and then a line in a log."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import Never

from tqdm import tqdm

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts items, and bytes of a known total, while a block runs.

    Parameters
    ----------
    verb, noun : str
        What is done to what, e.g. ``"read"``, ``"sequences"``.
    total : int, optional
        Bytes in all, where that is known.
    """

    def __init__(self, verb: str, noun: str, total: int | None = None) -> None:
        self.verb = verb
        self.noun = noun
        self.total = total
        self.items = 0
        self.done = 0
        self._bar: tqdm[Never] | None = None

    def __enter__(self) -> Progress:
        self._started = self._spoke = time.monotonic()
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=self.total, desc=self.verb, unit="B", unit_scale=True, leave=False
            )
        return self

    def update(self, items: int, done: int) -> None:
        """Say that so many more items are done, and how many bytes are by now."""
        self.items += items
        step, self.done = done - self.done, done
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self.items:,} {self.noun}", refresh=False)
            self._bar.update(step)
            return
        now = time.monotonic()
        if now - self._spoke >= _SECONDS_BETWEEN_LINES:
            self._spoke = now
            share = f" ({self.done / self.total:.0%})" if self.total else ""
            logger.info(f"{self.verb} {self.items:,} {self.noun}{share}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if kind is None:
            seconds = time.monotonic() - self._started
            logger.info(f"{self.verb} {self.items:,} {self.noun} in {seconds:.1f} s")
