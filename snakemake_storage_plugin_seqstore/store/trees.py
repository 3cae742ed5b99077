"""Directories as payloads: a manifest of what is in them, itself stored under its SHA-256.

The manifest is canonical JSON, so a directory's identity is its content: names, bytes, executable
bits and relative links, but neither times nor owners.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.store.version import Kind, Version

VERSION = 1
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


def describe(directory: Path, add_file: Callable[[Path], tuple[str, int]]) -> tuple[Version, bytes]:
    """What a directory contains, and its manifest; see :func:`scan`."""
    members = scan(directory, add_file)
    manifest = dump(members)
    digest = hashlib.sha256(manifest).hexdigest()
    return Version(digest, "tree", sum(member.size for member in members)), manifest


def scan(directory: Path, add_file: Callable[[Path], tuple[str, int]]) -> list[Member]:
    """List a directory, handing each regular file to `add_file`, which returns its digest and size.

    A link is kept as a link when it points into the directory, else what it points to is taken.

    Raises
    ------
    InputError
        If there is something that is neither file, directory nor link, a link leads nowhere, or a
        directory cannot be listed.
    """
    return [_member(directory, path, add_file) for path in _walk(directory)]


def _walk(directory: Path) -> Iterator[Path]:
    try:
        entries = list(os.scandir(directory))
    except OSError as error:
        raise InputError(f"cannot list {directory}: {error.strerror}") from error
    for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
        path = Path(entry.path)
        if entry.name == IGNORED:
            continue
        if entry.is_dir(follow_symlinks=False):
            below = list(_walk(path))
            yield from below or [path]
        else:
            yield path


def _member(root: Path, path: Path, add_file: Callable[[Path], tuple[str, int]]) -> Member:
    relative = path.relative_to(root).as_posix()
    if path.is_symlink() and _points_into(root, path):
        return Member(relative, link=os.readlink(path))
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(
            f"{path} is a link that leads nowhere", "remove it from the output"
        ) from None
    if stat.S_ISREG(mode):
        digest, size = add_file(path)
        return Member(relative, digest, size, bool(mode & stat.S_IXUSR))
    if stat.S_ISDIR(mode) and not path.is_symlink():
        return Member(relative)
    raise InputError(
        f"{path} is neither a file, a directory nor a link into its own directory",
        "remove it from the output, or copy what it points to",
    )


def _points_into(root: Path, link: Path) -> bool:
    target = os.readlink(link)
    if os.path.isabs(target):
        return False
    inside = os.path.normpath(link.parent.relative_to(root) / target)
    return inside != ".." and not inside.startswith("../")


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
    with payload.open("rb") as file:
        return "tree" if file.read(len(_START)) == _START else "file"


def load(content: bytes) -> list[Member]:
    """Read a manifest back.

    Raises
    ------
    ValueError
        If `content` is not a manifest of this version.
    """
    document: Any = json.loads(content)
    if not isinstance(document, dict) or document.get("tree") != VERSION:
        raise ValueError("not a manifest of a directory")
    return [Member(**row) for row in document["members"]]
