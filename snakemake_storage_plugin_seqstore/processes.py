"""Python in processes of its own, which do not share this one's lock.

Not ``multiprocessing``: its processes import the user's main script again, or are forked from one
that may have threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

# What was not read yet waits in the pipe, where the system lets it be as large as that.
_PIPE_BYTES = 1 << 20


def start(module: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """Start ``python -m module arguments``, with pipes to it and from it.

    It is not interrupted from the terminal: who started it deals with that.

    Parameters
    ----------
    module : str
        Name of the module.
    *arguments : str
        Its arguments.
    **variables : str
        Environment variables, beside those of this process.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pipesize=_PIPE_BYTES,
        process_group=0,
    )


@contextmanager
def answers() -> Iterator[IO[bytes]]:
    """In such a process, the pipe back; what else is printed goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as pipe:
        os.dup2(2, 1)
        yield pipe
