"""Whether what a job made says where files were: lists of files, sample maps, build directories.

The absolute path of the working directory in an output leads whoever follows it to this directory,
wherever the output is read. The name of a payload is that of an input which was a link.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from snakemake_storage_plugin_seqstore.store import MadeIn, Version

LARGEST = 16 << 20  # bytes of a file that is looked through
_PAYLOAD = re.compile(rb"(?<![0-9a-f])[0-9a-f]{62}(?![0-9a-f])")  # as a store names them
# What follows makes no longer name of a path. A full stop may end a sentence.
_ENDS = rb"(?!\.?[\w\x80-\xff+~-])"


@dataclass(frozen=True)
class Here:
    """The working directory.

    Parameters
    ----------
    path : str
        Its absolute path.
    project : str
        How stores know it, whatever its path is.
    former : tuple of str
        How they knew the directories of which it is a copy.
    """

    path: str
    project: str
    former: tuple[str, ...] = ()


def told_in(made: Iterable[tuple[str, Version]], here: Here) -> MadeIn | None:
    """The working directory, if a file, or one in a directory, has its absolute path in it.

    Parameters
    ----------
    made : iterable of (str, Version)
        Paths of what a job made, with what they contain; what cannot be read is left out.
    here : Here
        The working directory.
    """
    names = _names(here.path, os.environ.get("PWD", ""))
    least = min(map(len, names))
    paths = (path for path, version in made if version.kind == "tree" or version.size >= least)
    contents = _contents(paths, least)
    is_told = any(_is_in(name, content) for content in contents for name in names)
    return MadeIn(here.path, here.project) if is_told else None


def name_payloads(paths: Iterable[str], payloads: Iterable[str]) -> bool:
    """Whether a file, or one in a directory, has the name of a payload of a store in it.

    Parameters
    ----------
    payloads : iterable of str
        Their paths.
    """
    names = {os.fsencode(os.path.basename(path)) for path in payloads}
    contents = _contents(paths, min(map(len, names), default=0))
    return any(not names.isdisjoint(_PAYLOAD.findall(content)) for content in contents)


def is_elsewhere(made_in: MadeIn | None, here: Here) -> bool:
    """Whether an output says that it was made in another directory than this one."""
    if made_in is None:
        return False
    return made_in.path != here.path and made_in.project not in (here.project, *here.former)


@lru_cache
def _names(workdir: str, given: str) -> frozenset[bytes]:
    """The working directory as the system calls it, and as a shell does that came by a link."""
    names = {workdir}
    with suppress(OSError):
        if os.path.samefile(given, workdir):
            names.add(given)
    return frozenset(map(os.fsencode, names))


def _contents(paths: Iterable[str], least: int) -> Iterator[bytes]:
    """What is in files that are neither too large nor smaller than so many bytes."""
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                inside = (
                    os.path.join(folder, name)
                    for folder, _, names in os.walk(path)
                    for name in names
                )
                yield from _contents(inside, least)
            elif stat.S_ISREG(status.st_mode) and least <= status.st_size <= LARGEST:
                with open(path, "rb") as opened:
                    yield opened.read()


def _is_in(name: bytes, content: bytes) -> bool:
    first = content.find(name)  # fast where there is none
    return first >= 0 and re.compile(re.escape(name) + _ENDS).search(content, first) is not None
