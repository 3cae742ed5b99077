"""Python in processes of its own, which do not share this one's lock.

Not ``multiprocessing``: its processes import the user's main script again, or are forked from one
that may have threads.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

# It finds what this process finds, but its own modules first: a workflow may have one that is
# called as one of Python's.
_MAIN = """
import runpy, sys
sys.path += [path for path in sys.argv.pop(1).splitlines() if path not in sys.path]
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""
# What was not read yet waits in the pipe, where the system lets it be as large as that.
PIPE_BYTES = 1 << 20


def start(module: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """Start a module as ``python -m module arguments`` does, with pipes to it and from it.

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
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _MAIN, "\n".join(sys.path), module, *arguments],
        env=os.environ | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    )
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # a user may have only so much of it
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # type: ignore[arg-type]
    return process


@contextmanager
def answers() -> Iterator[IO[bytes]]:
    """In such a process, the pipe back; what else is printed goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as pipe:
        os.dup2(2, 1)
        yield pipe
