"""Python's search for garbage, which would go through the whole DAG again and again.

With many jobs that takes longer than to resolve them, and finds nothing while the workflow lasts.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Leave out of the search all that is made by now, and do not search while more is made."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
        gc.freeze()
