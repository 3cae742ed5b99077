"""What Snakemake's jobs are to us: what they write, what only a run makes, what is special."""

from __future__ import annotations

from functools import cache
from typing import Any

from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown

_SPECIAL = frozenset(("pipe", "service", "update", "before_update", "nodelocal", "from_queue"))
_STREAMED = frozenset(("pipe", "service"))


def declared_paths(job: Any) -> list[str]:
    """Paths of the inputs, outputs, log and benchmark of a job."""
    return [*map(str, job.input), *written_paths(job)]


def written_paths(job: Any) -> list[str]:
    """Paths of the outputs, log and benchmark of a job."""
    return [str(file) for file in (*job.output, *job.log, job.benchmark) if file is not None]


def script_path(job: Any) -> list[str]:
    """Local path of the script or notebook of a job, if it has one."""
    source = job.rule.script or job.rule.notebook
    if not source:
        return []
    path = job._path_to_source_file(source).get_path_or_uri(secret_free=True)
    return [str(path)]


def is_spawned(job: Any) -> bool:
    """Whether Snakemake runs a job in a process of its own, which reads the Snakefile again."""
    settings = job.dag.workflow.execution_settings
    return bool(job.is_run or job.is_shadow) and not settings.use_threads


def traces(job: Any) -> list[Any]:
    """The log files and the benchmark of a job: only a run makes them."""
    return [*job.log, *([job.benchmark] if job.benchmark else [])]


def needed_traces(job: Any) -> list[Any]:
    """Those of its traces that a target or another job asks for."""
    found = traces(job)
    if not found:
        return []
    needed = [job.dag.targetfiles, *job.dag.depending[job].values()]
    return [file for file in found if any(file in files for files in needed)]


def waits(job: Any) -> bool:
    """Whether the inputs of a job are known only when a checkpoint is there."""
    return any(file.flags.get("checkpoint_target") for file in job.input)


def refuse_special(job: Any) -> None:
    """Refuse what cannot be described at all.

    Raises
    ------
    Unknown
        If the job streams, changes what was there, or hands over to another system.
    """
    rule = job.rule
    if waits(job):
        raise NotYet("its inputs are not known before a checkpoint")
    for file in (*job.input, *job.output):
        if special := _SPECIAL & _marks(file):
            raise Unknown(f"it has a file that is marked {min(special)}")
    for maker, files in job.dag.dependencies[job].items():
        if _streams(maker.rule):
            for file in maker.output:
                if file in files and (special := _STREAMED & _marks(file)):
                    raise Unknown(f"it reads a file that is marked {min(special)}")
    if rule.is_handover or rule.cwl is not None or rule.is_template_engine:
        raise Unknown("it is a handover, CWL or template rule")


@cache
def _streams(rule: Any) -> bool:
    """Whether a rule has a pipe or a service among its outputs."""
    return any(_STREAMED & _marks(file) for file in rule.output)


def _marks(file: Any) -> set[str]:
    return {name for name, value in file.flags.items() if value}
