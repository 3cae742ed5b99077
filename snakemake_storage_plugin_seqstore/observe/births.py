"""When a file came to be."""

from __future__ import annotations

import ctypes
import os
import struct

_AT_FDCWD = -100
_NO_LINKS = 0x100
_STATX_BTIME = 0x800
_SIZE = 256
_MASK, _BORN = 0, 0x50  # offsets in the kernel's struct statx, equal on all machines


def born(path: str, follow: bool = False) -> int:
    """When a file was made, in ns since the epoch; 0 if its file system does not say.

    Parameters
    ----------
    path : str
        The file.
    follow : bool
        Whether that which a link leads to is meant, not the link itself.
    """
    buffer = ctypes.create_string_buffer(_SIZE)
    try:
        failed = ctypes.CDLL(None).statx(
            _AT_FDCWD,
            os.fsencode(path),
            0 if follow else _NO_LINKS,
            _STATX_BTIME,
            ctypes.byref(buffer),
        )
    except (OSError, AttributeError):
        return 0
    if failed or not struct.unpack_from("=I", buffer, _MASK)[0] & _STATX_BTIME:
        return 0
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, _BORN)
    return int(seconds * 10**9 + nanoseconds)
