"""Reading in a process of its own, which does not share Python's lock with what is made of it.

``python -m`` this module is that process. Not ``multiprocessing``: its processes import the user's
main script again, or are forked from one that may have threads.
"""

from __future__ import annotations

import marshal
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.sequences import fasta

# Reading less takes no longer than to start Python.
_LARGE_BYTES = 128 << 20
# The next batch waits in the pipe, where the system lets it be as large as that.
_PIPE_BYTES = 1 << 20
_SIZE = struct.Struct("<Q")


def read(path: Path) -> Iterator[fasta.Batch]:
    """Read the records of a FASTA or FASTQ file as :func:`fasta.read` does, large files apart."""
    if not path.is_file() or path.stat().st_size < _LARGE_BYTES:
        yield from fasta.read(path)
        return
    command = [sys.executable, "-P", "-m", __name__, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        pipesize=_PIPE_BYTES,
    ) as process:
        assert process.stdout is not None
        try:
            while message := _receive(process.stdout):
                if "error" in message:
                    raise InputError(message["error"])
                yield fasta.Batch(path, **message)
            status = process.wait()
        finally:
            process.kill()  # if what was read is of no use
    if status:
        raise InputError(
            f"{path}: the process that reads it has ended with status {status}",
            "if there is no other message, it was killed: by lack of memory, say",
        )


def _receive(pipe: IO[bytes]) -> dict[str, Any] | None:
    head = pipe.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    data = pipe.read(size)
    return marshal.loads(data) if len(data) == size else None


def _send(pipe: IO[bytes], message: dict[str, Any]) -> None:
    data = marshal.dumps(message, 2)  # later versions look for equal objects
    pipe.write(_SIZE.pack(len(data)))
    pipe.write(data)


def _main(path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process deals with it
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # it does not want any more, or was killed
    with os.fdopen(os.dup(1), "wb") as pipe:
        os.dup2(2, 1)  # nothing else may be written there
        try:
            for batch in fasta.read(path):
                _send(
                    pipe,
                    {
                        "first": batch.first,
                        "headers": batch.headers,
                        "seqs": batch.seqs,
                        "digests": batch.digests,
                    },
                )
        except InputError as error:
            _send(pipe, {"error": str(error)})


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
