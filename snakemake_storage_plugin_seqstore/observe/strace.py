"""The program that observes: strace, tried once, and how it is started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Observer:
    """What observes jobs here.

    Attributes
    ----------
    available : bool
        Whether jobs can be observed.
    reason : str
        Why not, and what to do; empty if they can.
    version : str
        ``strace 6.1``; empty if there is none.
    program : str
        Path of strace.
    shell : str
        Path of the real bash.
    options : tuple of str
        What this version of strace can do beyond what is needed.
    """

    available: bool
    reason: str = ""
    version: str = ""
    program: str = ""
    shell: str = ""
    options: tuple[str, ...] = ()


def probe() -> Observer:
    """What observes jobs here: found and tried once in a process."""
    raise NotImplementedError
