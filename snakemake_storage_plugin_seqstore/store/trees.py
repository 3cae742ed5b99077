"""Directories as payloads: a manifest of what is in them, itself stored under its SHA-256.

The manifest is canonical JSON, so a directory's identity is its content: names, bytes, executable
bits and relative links, but neither times nor owners.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.store import parsing
from snakemake_storage_plugin_seqstore.store.parsing import (
    MalformedError,
    each,
    fields,
    flag,
    natural,
    one_of,
    optional,
    printable,
    relative_path,
    sha256,
)
from snakemake_storage_plugin_seqstore.store.version import Kind, Version, is_executable

VERSION = 1
LARGEST = 1 << 26  # bytes of a manifest, of some 400,000 files: who has to read one needs memory
_START = b'{"members":'
IGNORED = ".snakemake_timestamp"  # where Snakemake keeps the time of a directory


@dataclass(frozen=True)
class Member:
    """One member of a directory; `path` is relative to it.

    A regular file has a digest, a link has a target, an empty directory has neither.
    """

    path: str
    digest: str | None = None
    size: int = 0
    executable: bool = False
    link: str | None = None


def describe(
    directory: Path, add_file: Callable[[Path], tuple[str, int]], without: Container[str] = ()
) -> tuple[Version, bytes]:
    """What a directory contains, and its manifest; see :func:`scan`."""
    version, manifest = _summed_up(scan(directory, add_file, without))
    if len(manifest) > LARGEST:
        raise InputError(
            f"the directory {directory} has too many files",
            "pack it into an archive, or make fewer of them an output",
        )
    return version, manifest


def part(members: Iterable[Member], path: str) -> Version | None:
    """What a file or directory in a directory contains; None if there is no such thing, or a link.

    Parameters
    ----------
    path : str
        Relative to the directory.
    """
    start, below = f"{path}/", []
    for member in members:
        if member.path == path:
            if member.digest:
                return Version(member.digest, "file", member.size, member.executable)
            return None if member.link else _summed_up([])[0]
        if member.path.startswith(start):
            below.append(replace(member, path=member.path.removeprefix(start)))
    return _summed_up(below)[0] if below else None


def _summed_up(members: list[Member]) -> tuple[Version, bytes]:
    manifest = dump(members)
    digest = hashlib.sha256(manifest).hexdigest()
    return Version(digest, "tree", sum(member.size for member in members)), manifest


def scan(
    directory: Path, add_file: Callable[[Path], tuple[str, int]], without: Container[str] = ()
) -> list[Member]:
    """List a directory, handing each regular file to `add_file`, which returns its digest and size.

    A link is kept as a link when it points into the directory, else what it points to is taken.

    Parameters
    ----------
    without : container of str
        Paths of files that are passed over, and folders with nothing else in them.

    Raises
    ------
    InputError
        If there is something that is neither file, directory nor link, a link leads nowhere, or a
        directory cannot be listed.
    """
    return [_member(directory, path, add_file) for path in _walk(directory, without)]


def _walk(directory: Path, without: Container[str]) -> Iterator[Path]:
    try:
        entries = list(os.scandir(directory))
    except OSError as error:
        raise InputError(f"cannot list {directory}: {error.strerror}") from error
    for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
        path = Path(entry.path)
        if entry.name == IGNORED:
            continue
        if entry.is_dir(follow_symlinks=False):
            below = list(_walk(path, without))
            if below or not any(each.name != IGNORED for each in path.iterdir()):
                yield from below or [path]
        elif entry.path not in without:
            yield path


def _member(root: Path, path: Path, add_file: Callable[[Path], tuple[str, int]]) -> Member:
    relative = path.relative_to(root).as_posix()
    if path.is_symlink() and _points_into(relative, target := os.readlink(path)):
        return Member(relative, link=target)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(
            f"{path} is a link that leads nowhere", "remove it from the output"
        ) from None
    if stat.S_ISREG(mode):
        digest, size = add_file(path)
        return Member(relative, digest, size, is_executable(mode))
    if stat.S_ISDIR(mode) and not path.is_symlink():
        return Member(relative)
    raise InputError(
        f"{path} is neither a file, a directory nor a link into its own directory",
        "remove it from the output, or copy what it points to",
    )


def _points_into(path: str, target: str) -> bool:
    """Whether a link that is a member of a directory leads to something in it, if to anything.

    First up, not beyond the directory, and then down: on its way down it may pass other such links.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return (
        0 < len(os.fsencode(target)) < 4096
        and not target.startswith("/")
        and "\0" not in target
        and ups <= path.count("/")
        and ".." not in parts[ups:]
    )


def dump(members: list[Member]) -> bytes:
    """The canonical bytes of a manifest."""
    rows = [
        {key: value for key, value in vars(member).items() if value}
        for member in sorted(members, key=lambda member: os.fsencode(member.path))
    ]
    return json.dumps(
        {"tree": VERSION, "members": rows}, sort_keys=True, separators=(",", ":")
    ).encode()


def kind(payload: Path) -> Kind:
    """Whether a payload is a file or a manifest, by its first bytes, where nothing else says it."""
    with parsing.opened(payload) as (file, _):
        return "tree" if os.read(file, len(_START)) == _START else "file"


def load(content: bytes) -> list[Member]:
    """Read a manifest back.

    Raises
    ------
    MalformedError
        If `content` is not a manifest of this version, or its members would not all be in the
        directory.
    """
    return list(_loaded(content))


@lru_cache(maxsize=2)  # Snakemake asks for a directory several times in a row
def _loaded(content: bytes) -> tuple[Member, ...]:
    document = _FORM(parsing.load(content))
    members: tuple[Member, ...] = document["members"]
    kinds = {member.path: member for member in members}
    if len(kinds) < len(members):
        raise MalformedError("two members of it have the same path")
    folders = {folder for path in kinds for folder in above(path)}
    if inside := folders & kinds.keys():
        raise MalformedError(f"its member '{printable(min(inside))[:80]}' is no directory")
    return members


def _parse(row: Any) -> Member:
    member = Member(**_MEMBER(row))
    if member.link is not None:
        if member.digest or member.size or member.executable:
            raise MalformedError("one of its links is a file too")
        if not _points_into(member.path, member.link):
            raise MalformedError(f"its link '{printable(member.path)[:80]}' leads out of it")
    elif not member.digest and (member.size or member.executable):
        raise MalformedError("one of its files has no digest")
    return member


def _link(value: Any) -> str:
    if type(value) is not str:
        raise MalformedError("it is no target of a link")
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        raise MalformedError("it is no target of a link") from None
    return value


def above(path: str) -> Iterator[str]:
    """The directories that a path goes through."""
    position = path.find("/")
    while position >= 0:
        yield path[:position]
        position = path.find("/", position + 1)


_MEMBER = fields(
    path=relative_path,
    digest=optional(sha256, None),
    size=optional(natural, 0),
    executable=optional(flag, False),
    link=optional(_link, None),
)
_FORM = fields(tree=one_of(VERSION), members=each(_parse))
