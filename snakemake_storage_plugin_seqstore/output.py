"""Text out: to a path, where it appears whole or not at all, or to an open binary file."""

from __future__ import annotations

import contextlib
import gzip
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard


@contextlib.contextmanager
def partial(path: Path) -> Iterator[Path]:
    """Give the name of a file beside ``path`` that takes its place when the block succeeds.

    A pipe or a device, which nothing may take the place of, is given as it is.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffixes stay: they say the format to whatever writes the file.
    part = path.with_name(f".{uuid.uuid4().hex[:12]}.part{''.join(path.suffixes[-2:])}")
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def binary_output(
    target: str | os.PathLike[str] | BinaryIO, *, compress: bool
) -> Iterator[BinaryIO]:
    """Open a path for writing, compressed as its suffix says if ``compress``; pass on a file."""
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    path = Path(target)
    name = path.name if compress else ""
    with partial(path) as part, open(part, "wb") as file, compressed(file, name) as out:
        yield out


@contextlib.contextmanager
def compressed(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Compress what goes to ``file`` as ``name`` ends in ``.gz`` or ``.zst``; ``file`` stays open.

    The bytes depend on what is written alone: neither name nor time is put into them.
    """
    if name.endswith(".gz"):
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as out:
            yield out  # type: ignore[misc]
    elif name.endswith(".zst"):
        with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as out:
            yield out
    else:
        yield file
