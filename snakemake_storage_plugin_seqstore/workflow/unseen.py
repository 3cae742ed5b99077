"""What a command or code asks or starts that nobody can look at: it is computed then."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from typing import NoReturn

from snakemake_storage_plugin_seqstore.unknown import Unknown

_STARTS = ("run", "exec", "activate", "start", "shell")
_ASKS_GIT = re.findall(
    r"\S+",
    "rev-parse describe log show status diff branch tag rev-list ls-files ls-tree cat-file "
    "symbolic-ref name-rev shortlog blame config archive",
)
# By a program, the words that make it start other software, or tell of sources or a store.
_WORDS = {
    **dict.fromkeys(("docker", "podman", "nerdctl", "udocker", "singularity"), _STARTS),
    **dict.fromkeys(("apptainer", "enroot", "sarus", "conda", "mamba", "micromamba"), _STARTS),
    **dict.fromkeys(("pixi", "uv", "poetry", "pipenv", "hatch", "guix"), _STARTS),
    "nix": (*_STARTS, "develop"),
    "git": _ASKS_GIT,
    "hg": ("id", "identify", "log", "summary", "parent", "status"),
    "svn": ("info", "log", "status", "propget"),
    "seqstore": ("get", "ls", "history", "du"),
}
_IN_SHELLS = {"module": ("load", "add"), "spack": ("load", "env"), "source": ("activate",)}
_OPTIONS = r"(?:-\S{1,200}\s+(?:[^-\s]\S{0,200}\s+)??){0,6}?"
_CALLS = "|".join(
    rf"{program}\s+{_OPTIONS}(?:{'|'.join(words)})\b(?!-)"
    for program, words in {**_WORDS, **_IN_SHELLS}.items()
)
_IN_TEXT = re.compile(rf"(?<![\w.-])(?:{_CALLS}|nix-shell\b|ch-run\b|shifter\s|ml\s+\w)")
_ALL_VARIABLES = re.compile(r"(?:^|[;&|({\n])\s*(?:(?:env|printenv)\s*\||envsubst\b)")


@lru_cache
def refuse(text: str) -> None:
    """Refuse a command whose software or answers cannot be told from here.

    Raises
    ------
    Unknown
        If it starts software that is not declared, asks for the history of its sources, or reads
        all environment variables.
    """
    if match := _IN_TEXT.search(text):
        _refuse(match.group())
    if match := _ALL_VARIABLES.search(text):
        command = match.group().lstrip(";&|({ \n")
        raise Unknown(
            f"its command has `{command}`, which reads all environment variables",
            "name those that it needs",
        )


def refuse_calls(strings: Set[str]) -> None:
    """Refuse code for the same, where it gives programs their words one by one.

    Raises
    ------
    Unknown
        If it does that.
    """
    for program in sorted(strings & _WORDS.keys()):
        if words := strings & {*_WORDS[program]}:
            _refuse(f"{program} {min(words)}")


def _refuse(command: str) -> NoReturn:
    raise Unknown(
        f"it runs `{command}`",
        "declare it: container, conda, envmodules, an input or a param",
    )
