"""bgzip writes gzip in blocks; the last one is empty, so that a file that was cut can be told."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import IO

from snakemake_storage_plugin_seqstore.errors import InputError

_START = re.compile(rb"\x1f\x8b\x08\x04.{8}BC\x02\x00", re.DOTALL)
_START_BYTES = 16
_LAST = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_STEP = 1 << 16  # bytes


def require_last(path: str | os.PathLike[str], file: IO[bytes]) -> None:
    """Make sure that the last block is there, if bgzip wrote the file.

    A file that was cut between two blocks is whole gzip: nothing else tells that some is missing.

    Parameters
    ----------
    path : path-like
        What an error names.
    file : binary file
        The file, open for reading; it is at its start afterwards.

    Raises
    ------
    InputError
        If it is not there.
    """
    file.seek(0)
    if _START.match(file.read(_START_BYTES)):
        # Zeros that pad a file are no part of it; the block ends in zeros, too.
        file.seek(max(0, end_of_data(file) - len(_LAST.rstrip(b"\0"))))
        if file.read(len(_LAST)) != _LAST:
            raise InputError(f"{Path(path)} is truncated: bgzip's last block is missing")
    file.seek(0)


def end_of_data(file: IO[bytes]) -> int:
    """Where the last byte of an open file ends that is not zero; the last block goes beyond it."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _STEP)
        file.seek(start)
        if content := file.read(end - start).rstrip(b"\0"):
            return start + len(content)
        end = start
    return 0
