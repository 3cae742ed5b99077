"""The command of a job as it counts: with symbols in place of what does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.fingerprint.symbols import Symbol
from snakemake_storage_plugin_seqstore.unknown import Unknown
from snakemake_storage_plugin_seqstore.workflow import (
    input_numbers,
    snakemake_api,
    snakemake_params,
)

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job

_SYMBOL = re.compile("\0[^\0]*\0")


def symbolic(job: Job, params: Any) -> str:
    """The command of a job with the values that count, and symbols for those that do not.

    The wildcards, params and globals of the rule's own module are real.
    """
    files = {kind: _symbols(getattr(job, kind), kind) for kind in ("output", "log")}
    files["input"] = _symbols(job.input, "input", input_numbers.numbers(job))
    return _formatted(job, params, files)


def is_command_of(job: Job, params: Any, command: str) -> bool:
    """Whether a command is that of a job, whatever its threads and the like were.

    Raises
    ------
    Unknown
        If the job's cannot be formatted.
    """
    files = {kind: getattr(job, kind) for kind in ("input", "output", "log")}
    parts = _SYMBOL.split(_formatted(job, params, files))
    return re.fullmatch(r"\S*".join(map(re.escape, parts)), command) is not None


def _formatted(job: Job, params: Any, files: dict[str, Any]) -> str:
    rule = job.rule
    values = {
        **files,
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
        assert rule.shellcmd is not None
        return snakemake_api.formatted(rule.shellcmd, **{**rule.module_globals, **values})
    except Unknown:
        raise
    except Exception as error:
        raise Unknown(f"its command cannot be formatted: {error}") from None


class _Resources:
    """The resources of a job in its command: symbols, or for those that users invent, values."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __getattr__(self, name: str) -> Any:
        if snakemake_params.is_scheduled(name):
            return Symbol(f"resources.{name}")
        return snakemake_params.declared_resource(self._job, name)

    def __getitem__(self, index: Any) -> Any:
        raise Unknown("it formats a resource by its position")

    def __format__(self, spec: str) -> str:
        return Symbol("resources")


def _symbols(files: Any, kind: str, numbers: Iterable[int] | None = None) -> Any:
    """The files of a job, by position and name, as symbols with their numbers."""
    number = iter(range(len(files)) if numbers is None else numbers)
    return type(files)(toclone=files, custom_map=lambda file: Symbol(f"{kind}:{next(number)}"))
