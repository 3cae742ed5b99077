"""What processes did with files, put together from what was seen, one event after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from snakemake_storage_plugin_seqstore.observe.log import Action, Event
from snakemake_storage_plugin_seqstore.observe.searches import Searches
from snakemake_storage_plugin_seqstore.observe.system_calls import Does
from snakemake_storage_plugin_seqstore.observe.ways import Ways

_NOT_THERE = ("ENOENT", "ENOTDIR")
_REFUSED = ("EACCES", "EPERM", "EROFS", "ELOOP")
_MOST_LINKS = 40  # one after the other, as the system follows them
_NETWORK = "talked to the network"
_RING = "used io_uring, whose reads are not seen"
_VIEW = "used a file system of its own (container, chroot), whose reads are not seen"


@dataclass(slots=True)
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
    asked_link : bool
        The status of a link itself was asked for, or where it leads.
    listed : bool
        A directory that was there before, and whose names were asked for.
    executed : bool
        It was started as a program.
    written : bool
        The job made it, emptied it, appended to it, or put something in its place.
    added_to : bool
        Something was written into it, or appended, that may have been there before.
    opened_to_change : bool
        It was opened for reading and writing; its times say whether it was changed.
    replaced : bool
        It had been read before the job changed it, removed it or renamed it, or is read after
        something was added to it: what was there before can not be told any more.
    perhaps_made : bool
        It was opened so that it is made where it is missing, and nobody looked before: the time
        of its birth says whether the job made it.
    made_new : bool
        The job made it in a way that fails where something is.
    swapped : bool
        What was read was removed or renamed since, or another file has its name: nobody can tell
        any more when it was born.
    first_read : int
        When it was first read, in ns since the epoch.
    """

    read: bool = False
    asked: bool = False
    absent: bool = False
    asked_link: bool = False
    listed: bool = False
    executed: bool = False
    written: bool = False
    added_to: bool = False
    opened_to_change: bool = False
    replaced: bool = False
    perhaps_made: bool = False
    made_new: bool = False
    swapped: bool = False
    first_read: int = 0


@dataclass
class Accesses:
    """What a job did.

    Attributes
    ----------
    paths : dict of str to Access
        By absolute path, without ``..``; links are not resolved but where the job made them.
    searched : dict of str to frozenset of str
        Directories that Python searched for modules, each with the names of the modules that were
        loaded from any of them: a file of such a name that comes to be there would be loaded.
    ways : dict of str to str
        Absolute paths that were asked for by ``..``, each as it was asked for.
    refused : frozenset of str
        Absolute paths that the system did not let it use.
    refused_writes : frozenset of str
        Those among them that it would have written to. A program that would have done both may have
        read them then, as SQLite does; these are left out.
    notes : frozenset of str
        ``talked to the network``, ``talked to a daemon: PATH``, ``used io_uring``, ...
    started : int
        When the first process began, ns since the epoch.
    events : int
        How many there were.
    """

    paths: dict[str, Access] = field(default_factory=dict)
    searched: dict[str, frozenset[str]] = field(default_factory=dict)
    ways: dict[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    refused_writes: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    started: int = 0
    events: int = 0

    def has_written(self, path: str) -> bool:
        """Whether the job made or changed what is at an absolute path."""
        access = self.paths.get(path)
        return access is not None and (access.written or access.opened_to_change)


def assemble(
    events: Iterable[Event],
    resolve: Callable[[str], str] = os.path.realpath,
    own: Iterable[str] = (),
) -> Accesses:
    """What a job did, from its events in the order of time.

    Parameters
    ----------
    events : iterable of Event
        What was seen.
    resolve : callable
        A path without links.
    own : iterable of str
        What belongs to the observer: directories with all in them, and files.
    """
    assembly = _Assembly(resolve, own)
    for event in events:
        assembly.add(event)
    return assembly.result()


class _Assembly:
    def __init__(self, resolve: Callable[[str], str], own: Iterable[str]) -> None:
        self._resolve = resolve
        self._directories: dict[str, str] = {}
        self._paths: dict[str, Access] = {}
        self._own: set[str] = set()  # made or removed by the job; links resolved, and not
        self._trees: set[str] = set()  # directories that the job made, with all in them
        self._moved: set[str] = set()  # those among them that had another name before
        own = tuple(own)
        self._observer = tuple(f"{path}/" for path in (*own, *map(resolve, own)))
        self._links: dict[str, str] = {}  # that the job made, and where they lead
        self._touched: dict[str, bool] = {}  # added to; whether the job perhaps made it
        self._readers: dict[str, set[str]] = {}  # a file without links: by which paths it was read
        self._opened: dict[str, str] = {}  # a directory without links: as it was asked for
        self._searches = Searches()
        self._ways = Ways()
        self._refused: set[str] = set()
        self._refused_writes: dict[str, bool] = {}  # whether it would only have written
        self._notes: set[str] = set()
        self._done: set[Action] = set()
        self._started = self._now = 0
        self._events = 0

    def add(self, event: Event) -> None:
        action = event.action
        self._now = event.time * 1000
        if not self._events:
            self._started = self._now
        self._events += 1
        self._searches.add(event.pid, action)
        if action in self._done or f"{action.path}/".startswith(self._observer):
            return
        if action.does in (Does.CONNECT, Does.RING, Does.VIEW):
            self._note(action)
            return
        if action.asked:
            self._ways.add(action.path, action.asked)
        if action.error in _REFUSED:
            self._refused.add(action.path)
            is_write = action.does in (Does.CREATE, Does.CHANGE) or "O_WRONLY" in action.flags
            if is_write or "O_RDWR" in action.flags:
                self._refused_writes[action.path] = is_write
        if self._is_read_only(action):
            # Most events are the same again: nothing new follows until something is written.
            self._done.add(action)
            self._look(action)
        elif self._write(action):
            self._done.clear()

    def result(self) -> Accesses:
        for directory in self._searches.listings():
            path = self._opened.get(directory, directory)
            if not self._is_moved(path) and not self._is_moved(directory):
                self._access(path).listed = True
        searched = {
            self._opened.get(directory, directory): names
            for directory, names in self._searches.modules().items()
            if not self._is_own(directory)
        }
        return Accesses(
            self._paths,
            searched,
            self._ways.found,
            frozenset(self._refused),
            frozenset(
                path
                for path, is_write in self._refused_writes.items()
                if is_write or not self._paths.get(path, Access()).read
            ),
            frozenset(self._notes),
            self._started,
            self._events,
        )

    # What is only looked at

    @staticmethod
    def _is_read_only(action: Action) -> bool:
        if action.does is Does.OPEN:
            return not action.flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"}
        return action.does in (
            Does.ASK,
            Does.ASK_LINK,
            Does.EXECUTE,
            Does.LIST,
            Does.ENTER,
        )

    def _look(self, action: Action) -> None:
        path = action.path
        if action.error:
            if action.error in _NOT_THERE:
                self._absent(path)
            elif action.does in (Does.ASK, Does.EXECUTE) and action.error in _REFUSED:
                self._asked(path, "")  # it is there, and no program
            return
        match action.does:
            case Does.OPEN:
                if "O_PATH" in action.flags:
                    self._asked(path, action.real)
                    return
                if "O_DIRECTORY" in action.flags or action.real:
                    self._opened.setdefault(action.real, path)
                self._read(path, action.real)
            case Does.ASK:
                if "AT_SYMLINK_NOFOLLOW" in action.flags:
                    self._asked(path, self._canonical(path), True)
                else:
                    self._asked(path, "")
            case Does.ASK_LINK:
                self._asked(path, self._canonical(path), True)
            case Does.EXECUTE:
                target = self._target(path, "")
                if target:
                    self._access(target).executed = True
            case _:
                pass  # listings are dealt with at the end

    def _absent(self, path: str) -> None:
        # In a directory that the job made, nothing was: if it was there before, something may be.
        path = self._followed(path)
        key = self._canonical(path)
        if path in self._own or key in self._own or key in self._touched or self._is_moved(path):
            return
        access = self._access(path)
        if not access.read and not access.asked:
            access.absent = True

    def _asked(self, path: str, real: str, is_link: bool = False) -> None:
        target = self._target(path, real)
        if target and self._canonical(target) not in self._touched:
            access = self._access(target)
            access.asked = True
            access.asked_link |= is_link

    def _read(self, path: str, real: str) -> None:
        target = self._target(path, real)
        if not target:
            return
        access = self._access(target)
        if not access.read:
            access.read, access.first_read = True, self._now
        key = real or self._canonical(target)
        self._readers.setdefault(key, set()).add(target)
        if key in self._touched:
            access.replaced = True
            access.perhaps_made = self._touched[key]

    # What is changed

    def _write(self, action: Action) -> bool:
        """Deal with a call that may change something; say whether it did."""
        path, real, flags = action.path, action.real, action.flags
        if action.error:
            if action.does in (Does.OPEN, Does.CREATE):
                if action.error == "EEXIST":
                    self._asked(path, "")
                elif action.error in _NOT_THERE:
                    self._absent(path)
            elif action.does in (Does.RENAME, Does.LINK, Does.CHANGE):
                if action.error in _NOT_THERE:
                    self._absent(path)
            elif action.does is Does.MAKE_DIRECTORY and action.error == "EEXIST":
                self._make(path)  # it would have made it: that it is there does not count
            elif action.does in (Does.MAKE, Does.LINK_BY_NAME) and action.error == "EEXIST":
                self._asked(path, self._canonical(path))
            return False
        match action.does:
            case Does.OPEN if "O_TMPFILE" in flags:
                return False  # the path is that of a directory; the file has no name
            case Does.OPEN if {"O_EXCL", "O_CREAT"} <= flags:
                if not self._is_own(path):
                    self._access(path).made_new = True
                self._replace(path, real)
            case Does.OPEN if "O_TRUNC" in flags:
                self._replace(path, real)
            case Does.CREATE:
                self._replace(path, real)
            case Does.OPEN if "O_WRONLY" in flags or (
                "O_APPEND" in flags and "O_RDWR" not in flags
            ):
                self._add_to(path, real, "O_CREAT" in flags)
            case Does.OPEN:
                self._open_to_change(path, real, "O_CREAT" in flags)
            case Does.CHANGE:
                self._add_to(path, self._resolve(path), False)
            case Does.RENAME:
                self._rename(path, action.other)
            case Does.REMOVE:
                self._replace(path, "", is_gone=True)
                self._links.pop(path, None)
            case Does.MAKE_DIRECTORY:
                self._access(path).made_new = True
                self._make(path)
                self._trees.update((path, self._canonical(path)))
            case Does.LINK:
                self._read(path, self._canonical(path))
                self._absent(action.other)
                self._replace(action.other, "")
            case Does.LINK_BY_NAME:
                self._absent(path)
                self._replace(path, "")
                self._links[path] = action.other
            case Does.MAKE:
                self._absent(path)
                self._replace(path, "")
            case _:
                return False
        return True

    def _replace(self, path: str, real: str, is_gone: bool = False) -> None:
        self._lose(real or self._canonical(path), is_gone)
        self._make(path)
        if real:
            self._own.add(real)

    def _add_to(self, path: str, real: str, makes: bool) -> None:
        if access := self._kept(path, real, makes):
            key = real or self._canonical(path)
            access.written = access.added_to = True
            self._lose(key)
            self._touched[key] = makes and not (access.read or access.asked)

    def _open_to_change(self, path: str, real: str, makes: bool) -> None:
        if access := self._kept(path, real, makes):
            access.opened_to_change = True
            access.perhaps_made = makes and not (access.read or access.asked)

    def _kept(self, path: str, real: str, makes: bool) -> Access | None:
        """The accesses of what is written to in its place; None if the job makes it."""
        target = self._target(path, real or self._canonical(path))
        if not target:
            self._make(path)
            return None
        access = self._access(target)
        if access.absent and makes:
            self._replace(target, real)
            return None
        return access

    def _rename(self, path: str, other: str) -> None:
        key = self._canonical(path)
        if not self._is_own(path):
            self._read(path, key)
        self._lose(self._canonical(other), is_gone=True)
        self._lose(key, is_gone=True)
        self._make(other)
        self._make(path)
        if path in self._trees or key in self._trees:
            self._trees.update((other, self._canonical(other)))
            self._moved.update((other, self._canonical(other)))
        if path in self._links:
            self._links[other] = self._links.pop(path)

    def _make(self, path: str) -> None:
        self._access(path).written = True
        self._own.update((path, self._canonical(path)))

    def _lose(self, key: str, is_gone: bool = False) -> None:
        for reader in self._readers.pop(key, ()):
            self._paths[reader].replaced = True
            self._paths[reader].swapped |= is_gone

    # Paths

    def _access(self, path: str) -> Access:
        access = self._paths.get(path)
        if access is None:
            access = self._paths[path] = Access()
        return access

    def _canonical(self, path: str) -> str:
        """A path whose directories, but not itself, are free of links."""
        directory, _, name = path.rpartition("/")
        found = self._directories.get(directory)
        if found is None:
            found = self._directories[directory] = self._resolve(directory or "/").rstrip("/")
        return f"{found}/{name}"

    def _is_own(self, path: str) -> bool:
        if path in self._own or _is_in(path, self._trees):
            return True
        key = self._canonical(path)
        return key != path and (key in self._own or _is_in(key, self._trees))

    def _is_moved(self, path: str) -> bool:
        return _is_in(path, self._moved)

    def _target(self, path: str, real: str) -> str:
        """The path to count; empty if the job made it. A link that it made means its target."""
        followed = self._followed(path)
        if followed == path and not self._is_own(path):
            return "" if real and self._is_own(real) else path
        real = real or self._resolve(followed)
        return "" if self._is_own(real) else real

    def _followed(self, path: str) -> str:
        """A path without the links that the job made."""
        if self._links:
            for _ in range(_MOST_LINKS):
                for place in (path, *_parents(path)):
                    if place in self._links:
                        path = self._links[place] + path[len(place) :]
                        break
                else:
                    break
        return path

    def _note(self, action: Action) -> None:
        if action.does is Does.RING:
            self._notes.add(_RING)
        elif action.does is Does.VIEW:
            self._notes.add(_VIEW)
        elif action.detail == "network":
            self._notes.add(_NETWORK)
        else:
            self._notes.add(f"talked to a daemon: {action.detail}")


def _is_in(path: str, trees: set[str]) -> bool:
    return bool(trees) and (path in trees or any(parent in trees for parent in _parents(path)))


def _parents(path: str) -> Iterable[str]:
    path = path.rpartition("/")[0]
    while path:
        yield path
        path = path.rpartition("/")[0]
