"""What processes did with files, put together from what was seen, one event after the other."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Access:
    """What was done with one path. What the job itself had made before does not count as seen.

    Attributes
    ----------
    read : bool
        Its content was opened for reading, and was there before the job touched it.
    asked : bool
        It was there before the job touched it, and its status was asked for.
    absent : bool
        It was looked for before the job touched it, and was not there.
    listed : bool
        A directory that was there before, and whose names were asked for.
    executed : bool
        It was started as a program, or is the interpreter of a script that was.
    written : bool
        The job made it, emptied it, appended to it, or put something in its place.
    opened_to_change : bool
        It was there before and was opened for reading and writing; the file's times say whether
        it was changed.
    replaced : bool
        It had been read, or was opened, before the job put something else in its place, removed
        it or renamed it: what was read is not there any more.
    removed : bool
        The job removed it or renamed it, last.
    """

    read: bool = False
    asked: bool = False
    absent: bool = False
    listed: bool = False
    executed: bool = False
    written: bool = False
    opened_to_change: bool = False
    replaced: bool = False
    removed: bool = False


@dataclass
class Accesses:
    """What a job did.

    Attributes
    ----------
    paths : dict of str to Access
        By absolute path, without ``..``; links are not resolved but where the job made them.
    searched : dict of str to frozenset of str
        Directories that an interpreter searched for modules, each with the modules' names that
        it came to load: a file of such a name that comes to be there would be loaded instead.
    notes : frozenset of str
        ``talked to the network``, ``talked to a daemon: PATH``, ``used io_uring``, ...
    started : int
        When the first process began, ns since the epoch.
    events : int
        How many there were.
    """

    paths: dict[str, Access] = field(default_factory=dict)
    searched: dict[str, frozenset[str]] = field(default_factory=dict)
    notes: frozenset[str] = frozenset()
    started: int = 0
    events: int = 0
