"""The log of strace: from lines to events, one after the other, in bounded memory. Pure."""

from __future__ import annotations

import functools
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.observe.system_calls import TRACED, Does

_LINE = re.compile(r"(\d+) +(\d+)\.(\d{6}) (.*)\n", re.DOTALL)
_CALL = re.compile(r"(\w+)\(")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_RESULT = re.compile(r"\) = (-?\d+|\?)(?:<((?:[^<>\\]|\\.)*)>(\(deleted\))?)?(?: ([A-Z]+)\b.*)?$")
_WITH_FLAGS = (Does.OPEN, Does.ASK, Does.VIEW)
_UNFINISHED = " <unfinished ...>"
# A file descriptor with its path, or a string.
_ARGUMENT = re.compile(
    r'(?:^|(?<= ))(?:(AT_FDCWD|-?\d+)(?:<((?:[^<>\\]|\\.)*)>)?|"((?:[^"\\]|\\.)*)")'
    r"(?=[,)]|\(deleted\)|$)"
)
_FLAGS = re.compile(r"\b(?:O|AT|CLONE|RENAME)_[A-Z0-9_]+\b")
_SOCKET = re.compile(r'sa_family=AF_(\w+)(?:.*?sun_path=(@?)"((?:[^"\\]|\\.)*)")?')
_LOCAL = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"|"::ffff:127\.')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|<(?:[^<>\\]|\\.)*>')
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_SIMPLE = {
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b"v": b"\v",
    b"f": b"\f",
    b"a": b"\a",
    b"b": b"\b",
}


@dataclass(slots=True)
class Event:
    """One system call that ended.

    Attributes
    ----------
    time : int
        Microseconds since the epoch.
    pid : int
        The thread.
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
    """

    time: int
    pid: int
    does: Does
    path: str = ""
    other: str = ""
    real: str = ""
    error: str = ""
    flags: frozenset[str] = frozenset()
    detail: str = ""


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
    for line in lines:
        if "clone" not in line and "fork" not in line:
            continue
        parts = _LINE.fullmatch(line)
        if not parts or parts[4].endswith(_UNFINISHED):
            continue
        text = parts[4]
        call = _RESUMED.match(text) or _CALL.match(text)
        if call and TRACED.get(call[1]) is Does.START and (result := _RESULT.search(text)):
            value = int(result[1]) if result[1].isdigit() else 0
            found.setdefault(int(parts[1]), deque()).append(value)
    return found


def events(
    lines: Iterable[str], started: dict[int, deque[int]], root: int, directory: str = ""
) -> Iterator[Event]:
    """What processes did, in order, until the root process ended.

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
        If the log ends before.
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
            if pid == root and text.startswith(("+++ exited", "+++ killed")):
                return
            continue
        view = views.get(pid) or views.setdefault(pid, first)
        if text.endswith(_UNFINISHED):
            text = text[: -len(_UNFINISHED)]
            unfinished[pid] = text
            call = _CALL.match(text)
            if call and TRACED.get(call[1]) is Does.START:
                _start(pid, text, view, views, started)
            continue
        resumed = _RESUMED.match(text)
        if resumed:
            text = unfinished.pop(pid, f"{resumed[1]}(") + text[resumed.end() :]
        call = _CALL.match(text)
        does = TRACED.get(call[1]) if call else None
        if call is None or does is None:
            continue
        if does is Does.START:
            if not resumed:
                _start(pid, text, view, views, started)
            if "CLONE_NEWNS" not in text:
                continue
            does = Does.VIEW
        result = _RESULT.search(text)
        if result is None or result[1] == "?":
            continue
        time = int(parts[2]) * 1_000_000 + int(parts[3])
        event = _event(time, pid, does, text, result, view)
        if event is not None:
            yield event
    if root:
        raise Incomplete


def _start(
    pid: int,
    text: str,
    view: _View,
    views: dict[int, _View],
    started: dict[int, deque[int]],
) -> None:
    queue = started.get(pid)
    child = queue.popleft() if queue else 0
    if child:
        shared = "CLONE_FS" in text
        views[child] = view if shared else _View(view.directory, view.foreign)


def _event(
    time: int, pid: int, does: Does, text: str, result: re.Match[str], view: _View
) -> Event | None:
    arguments = text[text.index("(") + 1 : result.start() + 1]
    error = result[4] or ""
    if does is Does.CONNECT:
        return _connection(time, pid, arguments, error)
    if does is Does.RING:
        return None if error else Event(time, pid, does)
    flags = _flags(_STRING.sub("", arguments)) if does in _WITH_FLAGS else frozenset[str]()
    if does is Does.VIEW:
        if error or (text.startswith("unshare") and "CLONE_NEWNS" not in flags):
            return None
        view.foreign = True
        return Event(time, pid, does)
    paths = _paths(arguments, view, does)
    if view.foreign or error == "EFAULT":
        return None
    real = unescape(result[2]) if result[2] and not result[3] else ""
    if does is Does.ENTER:
        if not error and paths:
            view.directory = os.path.realpath(paths[0])
        if text.startswith("fchdir"):
            return None
    if not paths:
        return None
    path, other = paths[0], paths[1] if len(paths) > 1 else ""
    if real and not real.startswith("/"):
        return None  # a pipe, a socket, memory
    if real and ("/../" in path or path.endswith("/..") or path.startswith("/proc/")):
        path = real
    return Event(time, pid, does, path, other, real, error, flags)


@functools.lru_cache(maxsize=1 << 10)
def _flags(arguments: str) -> frozenset[str]:
    return frozenset(_FLAGS.findall(arguments))


def _paths(arguments: str, view: _View, does: Does) -> list[str]:
    """The paths that a call was given, absolute."""
    base, bases, found = "", False, list[str]()
    for argument in _ARGUMENT.finditer(arguments):
        number, place, name = argument.groups()
        if number is not None:
            if place is None and number != "AT_FDCWD":
                continue  # a number that is no file
            base, bases = unescape(place) if place is not None else view.directory, True
            if number == "AT_FDCWD":
                if place is not None:
                    view.directory = base
            elif does in (Does.LIST, Does.ENTER):
                return [base] if base.startswith("/") else []
            continue
        text = unescape(name)
        if does is Does.LINK_BY_NAME and not found:
            found.append(text)  # where it leads, as it is written
            continue
        if not text:
            if does is Does.EXECUTE and bases:
                found.append(base)
            break  # the status of an open file
        found.append(absolute(text, base if bases else view.directory))
        bases = False
        if does not in (Does.RENAME, Does.LINK, Does.LINK_BY_NAME):
            break
    if does is Does.LINK_BY_NAME:
        found.reverse()
        if len(found) == 2:
            found[1] = absolute(found[1], os.path.dirname(found[0]))
    return [path for path in found if path.startswith("/")]


def _connection(time: int, pid: int, arguments: str, error: str) -> Event | None:
    socket = _SOCKET.search(arguments)
    if socket is None or error not in ("", "EINPROGRESS"):
        return None
    if socket[1] == "UNIX":
        name = socket[2] + unescape(socket[3] or "")
        return Event(time, pid, Does.CONNECT, detail=name)
    if socket[1] in ("INET", "INET6") and not _LOCAL.search(arguments):
        return Event(time, pid, Does.CONNECT, detail="network")
    return None


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


def unescape(text: str) -> str:
    """A string as strace writes it, as Python has paths."""
    if "\\" not in text:
        return text
    return os.fsdecode(_ESCAPE.sub(_escaped, text.encode("latin-1")))


def _escaped(escape: re.Match[bytes]) -> bytes:
    text = escape[1]
    if text[:1] in b"01234567" and text[:1]:
        return bytes([int(text, 8) & 255])
    if text[:1] == b"x" and len(text) == 3:
        return bytes([int(text[1:], 16)])
    return _SIMPLE.get(text, text)
