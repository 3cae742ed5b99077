"""The log of strace: from lines to events, one after the other, in bounded memory. Pure."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from snakemake_storage_plugin_seqstore.observe.calls import HERE, MOST, Call, kind, parse
from snakemake_storage_plugin_seqstore.observe.system_calls import Does

_LINE = re.compile(r"(\d+) +(\d+)\.(\d{6}) (.*)\n", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_UNFINISHED = " <unfinished ...>"
_ENDS = ("+++ exited", "+++ killed")


@dataclass(slots=True, eq=False)
class Action:
    """What a system call did. Those of equal lines are one object.

    Attributes
    ----------
    does : Does
        What it does.
    path : str
        The absolute path that was asked for; empty if there is none.
    other : str
        The second path: a new name, or where a new link leads.
    real : str
        The path that was opened, as the system says, links resolved.
    error : str
        ``ENOENT``, ...; empty if all went well.
    flags : frozenset of str
        ``O_WRONLY``, ``AT_SYMLINK_NOFOLLOW``, ...
    detail : str
        What a socket is connected with.
    asked : str
        The path as it was written, behind the directory that it begins in; empty if it was an
        absolute path without ``..``.
    """

    does: Does
    path: str = ""
    other: str = ""
    real: str = ""
    error: str = ""
    flags: frozenset[str] = frozenset()
    detail: str = ""
    asked: str = ""


class Event(NamedTuple):
    """One system call that ended.

    Attributes
    ----------
    time : int
        Microseconds since the epoch.
    pid : int
        The thread.
    action : Action
        What was done.
    """

    time: int
    pid: int
    action: Action


class Incomplete(Exception):
    """The log ends before the process that it is about."""


@dataclass
class _View:
    """What relative paths begin with; threads may share it."""

    directory: str
    foreign: bool = False  # paths mean something else, as in a container


def children(lines: Iterable[str]) -> dict[int, deque[int]]:
    """What each thread started, in order; 0 where that failed.

    A child's first line may come before its parent's call has ended, so this is read beforehand.
    """
    found: dict[int, deque[int]] = {}
    for parent, call in _starts(lines):
        found.setdefault(parent, deque()).append(call.child or 0)
    return found


def running(lines: Iterable[str]) -> set[int]:
    """The processes that were started and have not ended, threads apart. Lines are read twice."""
    begun = {call.child or 0 for _, call in _starts(lines) if "CLONE_THREAD" not in call.flags}
    for line in lines:
        if " +++ " in line and is_end(line):
            begun.discard(int(line.partition(" ")[0]))
    return begun - {0}


def is_end(line: str) -> bool:
    """Whether a line says that its process has ended."""
    parts = _LINE.fullmatch(line)
    return bool(parts and parts[4].startswith(_ENDS))


def _starts(lines: Iterable[str]) -> Iterator[tuple[int, Call]]:
    """The threads that started others, and their calls, once these have ended."""
    unfinished: dict[int, str] = {}
    for line in lines:
        if "clone" not in line and "fork" not in line:
            continue
        parts = _LINE.fullmatch(line)
        if parts is None:
            continue
        pid, text = int(parts[1]), parts[4]
        if text.endswith(_UNFINISHED):
            unfinished[pid] = text[: -len(_UNFINISHED)]
            continue
        if resumed := _RESUMED.match(text):
            text = unfinished.pop(pid, f"{resumed[1]}(") + text[resumed.end() :]
        call = parse(text)
        if call and call.does is Does.START and call.child is not None:
            yield pid, call


def events(
    lines: Iterable[str], started: dict[int, deque[int]], root: int, directory: str = ""
) -> Iterator[Event]:
    """What processes did, in order, also those that outlive the root process.

    Parameters
    ----------
    lines : iterable of str
        The log's lines with their ends; bytes beyond ASCII do not occur.
    started : dict
        What `children` found.
    root : int
        The process that the log is about; 0 for one that was attached to, whose log has no end.
    directory : str
        The working directory at the beginning; by default the first that is seen.

    Raises
    ------
    Incomplete
        If the log ends before the root process.
    """
    views: dict[int, _View] = {}
    unfinished: dict[int, str] = {}
    first = _View(directory)
    for line in lines:
        parts = _LINE.fullmatch(line)
        if parts is None:
            if not line.endswith("\n"):
                break  # cut off
            continue
        pid, text = int(parts[1]), parts[4]
        if text.startswith("+++ "):
            views.pop(pid, None)
            unfinished.pop(pid, None)
            if pid == root and text.startswith(_ENDS):
                root = 0
            continue
        view = views.get(pid) or views.setdefault(pid, first)
        if text.endswith(_UNFINISHED):
            text = text[: -len(_UNFINISHED)]
            unfinished[pid] = text
            if kind(text) is Does.START and (call := parse(text)):
                _start(pid, call, view, views, started)
            continue
        resumed = _RESUMED.match(text) if text.startswith("<") else None
        if resumed:
            text = unfinished.pop(pid, f"{resumed[1]}(") + text[resumed.end() :]
        call = parse(text)
        if call is None:
            continue
        if call.does is Does.START and not resumed:
            _start(pid, call, view, views, started)
        if call.has_ended:
            action = _action(call, view)
            if action is not None:
                yield Event(int(parts[2]) * 1_000_000 + int(parts[3]), pid, action)
    if root:
        raise Incomplete


def _start(
    pid: int,
    call: Call,
    view: _View,
    views: dict[int, _View],
    started: dict[int, deque[int]],
) -> None:
    queue = started.get(pid)
    child = queue.popleft() if queue else 0
    if child:
        shared = "CLONE_FS" in call.flags
        views[child] = view if shared else _View(view.directory, view.foreign)


def _action(call: Call, view: _View) -> Action | None:
    does = call.does
    view.directory = call.directory or view.directory
    if does is Does.VIEW or does is Does.START:
        may_be_same = does is Does.START or call.name == "unshare"
        if call.error or (may_be_same and "CLONE_NEWNS" not in call.flags):
            return None
        view.foreign = True
        return Action(Does.VIEW)
    if does is Does.ENTER:
        return _enter(call, view)
    if view.foreign and does not in (Does.CONNECT, Does.RING):
        return None
    understand = _understood.__wrapped__ if call.goes_up else _understood
    return understand(call, view.directory)


def _enter(call: Call, view: _View) -> Action | None:
    paths = _paths(call, view.directory)
    if view.foreign or not paths or call.error == "EFAULT":
        return None
    path, asked = paths[0]
    if not call.error:
        view.directory = os.path.realpath(path)
    return (
        None if call.name == "fchdir" else Action(Does.ENTER, path, error=call.error, asked=asked)
    )


@lru_cache(MOST)
def _understood(call: Call, directory: str) -> Action | None:
    """What a call did that changes no working directory; None if nothing that counts."""
    does, error = call.does, call.error
    if does is Does.CONNECT:
        if call.peer is None or error not in ("", "EINPROGRESS"):
            return None
        return Action(does, detail=call.peer)
    if does is Does.RING:
        return None if error else Action(does)
    paths = _paths(call, directory)
    if not paths or error == "EFAULT":
        return None
    (path, asked), other, real = paths[0], paths[1][0] if len(paths) > 1 else "", call.real
    if real and not real.startswith("/"):
        return None  # a pipe, a socket, memory
    if real and ("/../" in path or path.endswith("/..") or path.startswith("/proc/")):
        path = real
    return Action(does, path, other, real, error, call.flags, asked=asked)


def _paths(call: Call, directory: str) -> list[tuple[str, str]]:
    """The paths that a call was given, absolute, each with how it was asked for."""
    does, base, bases, found = call.does, "", False, list[tuple[str, str]]()
    for argument in call.arguments:
        if argument.descriptor:
            is_here = argument.descriptor == HERE
            if argument.text is None and not is_here:
                continue  # a number that is no file
            base, bases = argument.text if argument.text is not None else directory, True
            if not is_here and does in (Does.LIST, Does.ENTER):
                return [(base, "")] if base.startswith("/") else []
            continue
        text = argument.text or ""
        if does is Does.LINK_BY_NAME and not found:
            found.append((text, ""))  # where it leads, as it is written
            continue
        if not text:
            if does is Does.EXECUTE and bases:
                found.append((base, ""))
            break  # the status of an open file
        start = base if bases else directory
        written = text if text.startswith("/") else f"{start}/{text}"
        found.append((absolute(text, start), written if written != text or call.goes_up else ""))
        bases = False
    if does is Does.LINK_BY_NAME:
        found.reverse()
        if len(found) == 2:
            found[1] = absolute(found[1][0], os.path.dirname(found[0][0])), ""
    return [pair for pair in found if pair[0].startswith("/")]


def absolute(path: str, directory: str) -> str:
    """An absolute path without ``.`` and ``..``, as the system would read it.

    ``..`` after a link to a directory is the parent of where the link leads.
    """
    if not path.startswith("/"):
        path = f"{directory}/{path}"
    if "/." not in path and "//" not in path and not path.endswith("/"):
        return path
    parts = list[str]()
    for part in path.split("/"):
        if part == "..":
            here = "/" + "/".join(parts)
            if os.path.islink(here):
                parts = os.path.realpath(here).strip("/").split("/")
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
