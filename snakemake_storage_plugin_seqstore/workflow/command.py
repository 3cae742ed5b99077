"""A rule's shell command as it counts: with symbols in place of what does not count."""

from __future__ import annotations

import os
import re
import string
from functools import lru_cache
from typing import Any

from snakemake_storage_plugin_seqstore.unknown import Unknown

# What a scheduler gives to a job, and says nothing about what it does.
SCHEDULED = frozenset(
    re.findall(
        r"\w+",
        "_cores _nodes cores nodes threads mem mem_mb mem_mib disk disk_mb disk_mib runtime tmpdir "
        "walltime time_min partition queue qos account cluster constraint clusters reservation mpi "
        "tasks ntasks tasks_per_node tasks_per_gpu cpus_per_task cpus_per_gpu mem_per_cpu "
        "mem_mb_per_cpu gpu gpus gpu_model gpu_manufacturer gres licenses exclusive nice",
    )
)


# A command that has nothing else is the same for all jobs of a rule.
SYMBOLS = frozenset(
    ("input", "output", "log", "threads", "jobid", "bench_iteration", "rule", "name", "rulename")
)


def is_scheduled(name: str) -> bool:
    """Whether a resource only says how a job is run; users invent others, which count."""
    return name in SCHEDULED or name.startswith("slurm_")


class Symbol(str):
    """Stands for a value that does not count; framed by NUL, which no command contains."""

    __slots__ = ()

    def __new__(cls, name: str) -> Symbol:
        """Frame a name."""
        return super().__new__(cls, f"\0{name}\0")

    def __format__(self, spec: str) -> str:
        return f"{self}:{spec}" if spec else str(self)

    def __getitem__(self, index: Any) -> str:
        raise Unknown("it formats a part of a path, a number of threads or the like")

    def __getattr__(self, name: str) -> Any:
        raise Unknown("it formats a part of a path, a number of threads or the like")


Places = tuple[tuple[str, Symbol], ...]


class _Resources:
    """The resources of a job: symbols, or for those that the user invented, values."""

    def __init__(self, job: Any) -> None:
        self._job = job

    def __getattr__(self, name: str) -> Any:
        if is_scheduled(name):
            return Symbol(f"resources.{name}")
        return known_resource(self._job, name)

    def __getitem__(self, index: Any) -> Any:
        raise Unknown("it formats a resource by its position")

    def __format__(self, spec: str) -> str:
        return Symbol("resources")


def known_resource(job: Any, name: str) -> Any:
    """The value of a resource that the user invented.

    Raises
    ------
    Unknown
        If it cannot be evaluated yet.
    """
    try:
        value = getattr(job.resources, name)
    except AttributeError:
        raise
    except Exception as error:
        raise Unknown(f"its resource {name} cannot be evaluated yet: {error}") from None
    if str(value) == "<TBD>":
        raise Unknown(f"its resource {name} is not known yet")
    return value


@lru_cache
def fields(pattern: str) -> frozenset[str]:
    """Names of the variables that a command formats."""
    found = set()
    for _, name, spec, _ in string.Formatter().parse(pattern):
        if name is not None:
            found.add(re.split(r"[.\[]", name, maxsplit=1)[0])
            found |= fields(spec or "")
    return frozenset(found)


def symbolic(job: Any, params: Any) -> str:
    """Return the shell command of a job with the values that count, and its places.

    The wildcards, params and globals of the rule's own module are real; input, output, log,
    threads, jobid and the resources that a scheduler gives are symbols.

    Raises
    ------
    Unknown
        If the command cannot be formatted.
    """
    from snakemake.utils import format as format_command

    rule = job.rule
    values = {
        "input": symbols(job.input, "input"),
        "output": symbols(job.output, "output"),
        "log": symbols(job.log, "log"),
        "params": params,
        "wildcards": job.wildcards,
        "threads": Symbol("threads"),
        "resources": _Resources(job),
        "jobid": Symbol("jobid"),
        "bench_iteration": Symbol("bench_iteration"),
        "rule": rule.name,
        "name": rule.name,
        "rulename": rule.name,
    }
    try:
        command: str = format_command(rule.shellcmd, **{**rule.module_globals, **values})
    except Unknown:
        raise
    except Exception as error:
        raise Unknown(f"its command cannot be formatted: {error}") from None
    return command


def symbols(files: Any, kind: str) -> Any:
    """The files of a job, by position and name, as symbols."""
    numbers = iter(range(len(files)))
    return type(files)(toclone=files, custom_map=lambda file: Symbol(f"{kind}:{next(numbers)}"))


def places(rule: Any) -> Places:
    """The working directory and the workflow's own one, and symbols for them; the longer first."""
    found = {os.getcwd(): Symbol("workdir")}
    if basedir := _local(rule.basedir):
        found[basedir] = Symbol("basedir")
    found.pop("/", None)
    return tuple(sorted(found.items(), key=lambda item: len(item[0]), reverse=True))


def without_places(text: str, places: Places) -> str:
    """Put symbols in place of directories."""
    for place, symbol in places:
        text = text.replace(place, symbol)
    return text


def _local(basedir: Any) -> str | None:
    if basedir is None:
        return None
    path = basedir.get_path_or_uri(secret_free=True)
    return str(path) if os.path.isabs(path) else None
