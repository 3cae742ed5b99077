"""Memory that work in bulk takes again and again."""

from __future__ import annotations

_BYTES = 24 << 20


def keep() -> None:
    """Have the C library keep memory that is freed, rather than have the system clear it anew.

    glibc keeps some times as much as the largest piece that it was given back in one, and takes
    that as a sign of what will be needed. Elsewhere this does nothing.
    """
    bytes(_BYTES)
