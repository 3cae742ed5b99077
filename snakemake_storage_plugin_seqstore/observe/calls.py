"""What a line of strace says of one system call. Pure; equal lines are read once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from snakemake_storage_plugin_seqstore.observe.system_calls import TRACED, Does

_CALL = re.compile(r"(\w+)\(")
_RESULT = re.compile(r"\) = (-?\d+|\?)(?:<((?:[^<>\\]|\\.)*)>(\(deleted\))?)?(?: ([A-Z]+)\b.*)?$")
# A file descriptor with its path, or a string.
_ARGUMENT = re.compile(
    r'(?:^|(?<= ))(?:(AT_FDCWD|-?\d+)(?:<((?:[^<>\\]|\\.)*)>)?|"((?:[^"\\]|\\.)*)")'
    r"(?=[,)]|\(deleted\)|$)"
)
_ADDRESS = re.compile(r"\b0x[0-9a-f]+")
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
_WITH_FLAGS = (Does.OPEN, Does.ASK, Does.START, Does.VIEW)
_WITH_TWO_PATHS = (Does.RENAME, Does.LINK, Does.LINK_BY_NAME)
HERE = "AT_FDCWD"
MOST = 1 << 13  # of what is remembered of lines


class Argument(NamedTuple):
    """A file descriptor, or a string.

    Attributes
    ----------
    descriptor : str
        A number or ``AT_FDCWD``; empty if it is a string.
    text : str or None
        The string, or the path of the file descriptor; None if that is not known.
    """

    descriptor: str
    text: str | None


@dataclass(slots=True, eq=False)
class Call:
    """One system call, as strace wrote it.

    Attributes
    ----------
    name : str
        ``openat``, ...
    does : Does
        What it does.
    has_ended : bool
        Whether it has a result, which the other attributes are of.
    arguments : tuple of Argument
        Those that may name files.
    flags : frozenset of str
        ``O_WRONLY``, ``AT_SYMLINK_NOFOLLOW``, ... of a call that opens, asks or starts
    real : str
        The path that was opened, links resolved; empty if there is none, or it was removed.
    error : str
        ``ENOENT``, ...; empty if all went well.
    child : int or None
        The process that it started; 0 if it started none, None if the line does not say.
    peer : str or None
        What a socket was connected with: ``network``, or the name of a local one.
    directory : str
        The working directory, if the line says it.
    goes_up : bool
        Whether ``..`` is in it: what that means depends on links that are there now.
    """

    name: str
    does: Does
    has_ended: bool
    arguments: tuple[Argument, ...]
    flags: frozenset[str]
    real: str
    error: str
    child: int | None
    peer: str | None
    directory: str
    goes_up: bool


def kind(text: str) -> Does | None:
    """What a call does, from how its line begins; None if it does not count."""
    named = _CALL.match(text)
    return TRACED.get(named[1]) if named else None


def parse(text: str) -> Call | None:
    """A call from what follows the time in a line; None if it is not one that counts.

    Where a process has its variables is another place each time, and does not matter.
    """
    end = max(text.rfind('"'), text.rfind(">")) + 1  # of the last string or path
    return _parse(text[:end] + _ADDRESS.sub("0x0", text[end:]))


@lru_cache(MOST)
def _parse(text: str) -> Call | None:
    named = _CALL.match(text)
    does = TRACED.get(named[1]) if named else None
    if named is None or does is None:
        return None
    # A path may look like a result.
    masked = _STRING.sub(lambda string: "x" * len(string[0]), text)
    result = _RESULT.match(text, masked.rfind(") = ")) if ") = " in masked else None
    end = result.start() + 1 if result else len(text)
    arguments = text[named.end() : end]
    named_files = tuple(_arguments(arguments, does))
    here = (each.text for each in named_files if each.descriptor == HERE and each.text)
    return Call(
        name=named[1],
        does=does,
        has_ended=result is not None and result[1] != "?",
        arguments=named_files,
        flags=_flags(_STRING.sub("", arguments)) if does in _WITH_FLAGS else frozenset(),
        real=unescape(result[2]) if result and result[2] and not result[3] else "",
        error=(result[4] or "") if result else "",
        child=None if result is None else int(result[1]) if result[1].isdigit() else 0,
        peer=_peer(arguments) if does is Does.CONNECT else None,
        directory=next(here, ""),
        goes_up=".." in arguments,
    )


@lru_cache
def _flags(arguments: str) -> frozenset[str]:
    return frozenset(_FLAGS.findall(arguments))


def _arguments(text: str, does: Does) -> Iterator[Argument]:
    """File descriptors and strings, up to the last one that names a file."""
    missing = 2 if does in _WITH_TWO_PATHS else 1
    for argument in _ARGUMENT.finditer(text):
        descriptor, place, name = argument.groups()
        path = place if name is None else name
        yield Argument(descriptor or "", None if path is None else unescape(path))
        missing -= name is not None
        if not missing:
            return


def _peer(arguments: str) -> str | None:
    """Whom a socket was connected with; None if that is this machine, or nobody."""
    socket = _SOCKET.search(arguments)
    if socket is None:
        return None
    if socket[1] == "UNIX":
        return socket[2] + unescape(socket[3] or "")
    if socket[1] in ("INET", "INET6") and not _LOCAL.search(arguments):
        return "network"
    return None


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
