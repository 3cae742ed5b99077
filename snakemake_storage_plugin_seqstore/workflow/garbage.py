"""Python's search for garbage, which would go through the whole DAG again and again.

With many jobs that takes longer than to resolve them, and finds nothing while the workflow lasts.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 50_000  # objects; Python searches whenever 700 more are there


@contextmanager
def searched_rarely() -> Iterator[None]:
    """Search less often, while many objects are made that last."""
    often, *older = gc.get_threshold()
    if often:  # else the user wants no search
        gc.set_threshold(max(often, _MANY), *older)
    try:
        yield
    finally:
        gc.set_threshold(often, *older)


@contextmanager
def not_searched(lasts: bool) -> Iterator[None]:
    """Do not search while many objects are made.

    Parameters
    ----------
    lasts : bool
        Whether they last as long as the workflow: all that is there is left out from then on.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
        if lasts:
            gc.freeze()
