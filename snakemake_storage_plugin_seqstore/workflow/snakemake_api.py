"""What Snakemake knows of jobs, files and rules, and how it works inside.

Which attributes of its objects are read, `snakemake_types` says. The functions here ask what takes
more than one of them. `snakemake_params` and `snakemake_sources` ask for params and sources,
`snakemake_changes` puts objects of ours in Snakemake's way.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cache, lru_cache
from inspect import unwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown

OLDEST = "9.23.1"  # the oldest Snakemake that is supported

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import (
        File,
        Files,
        Job,
        Rule,
        Workflow,
    )

_SPECIAL = frozenset(("service", "nodelocal", "from_queue"))


def is_supported() -> bool:
    """Whether the Snakemake that is installed is new enough for reuse."""
    import snakemake

    return _parts(snakemake.__version__) >= _parts(OLDEST)


def _parts(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".")[:3] if part.isdigit())


def is_target(job: Job) -> bool:
    """Whether a job only asks for files, as `rule all` does."""
    return job.rule.norun and not job.output


def is_asked_for(job: Job, file: File) -> bool:
    """Whether Snakemake looks itself if an output is missing with which a run ends."""
    dag = job.dag
    if job not in dag.targetjobs:
        return False
    asked = (job.rule in dag.targetrules, file in dag.targetfiles)
    return any(asked) or any(file in files for files in depending(job).values())


def is_kept(job: Job, file: File) -> bool:
    """Whether Snakemake stores an output where a job runs.

    The process of a job on a cluster leaves out a temporary that no other job needs.
    """
    return file not in job.dag.workflow.storage_settings.unneeded_temp_files


def is_spawned(job: Job) -> bool:
    """Whether Snakemake runs a job in a process of its own, which reads the Snakefile again."""
    settings = job.dag.workflow.execution_settings
    in_process = settings.use_threads or job.rule.is_template_engine
    return bool(job.is_run or job.is_shadow) and not in_process


def is_python_block(job: Job) -> bool:
    """Whether a job is code that runs in Snakemake's own process: a `run:` block."""
    return bool(job.is_run) and not job.rule.is_template_engine


def deploys(job: Job, method: str) -> bool:
    """Whether Snakemake deploys software by a method: ``conda``, ``apptainer``, ``env-modules``."""
    methods = job.dag.workflow.deployment_settings.deployment_method
    if not methods:
        return False
    from snakemake.settings.types import DeploymentMethod

    return DeploymentMethod.parse_choice(method) in methods


def runs_in_container(job: Job) -> bool:
    """Whether Snakemake starts the commands of a job in a container."""
    return bool(job.container_img_url) and deploys(job, "apptainer")


def hides_programs(job: Job) -> bool:
    """Whether a name in a command means another program than it means to Snakemake."""
    return runs_in_container(job) or bool(job.env_modules and deploys(job, "env-modules"))


def environment(job: Job) -> str:
    """The directory of the conda environment that Snakemake deploys for a job; empty if none.

    One that the user made and gave by its name is wherever conda has it.
    """
    if not job.conda_env_spec or not deploys(job, "conda") or job.conda_env is None:
        return ""
    address = str(job.conda_env.address)
    return os.path.abspath(address) if os.sep in address else ""


def traces(job: Job) -> list[File]:
    """The log files and the benchmark of a job: only a run makes them."""
    # Snakemake makes what a rule does not have anew whenever it is asked for.
    benchmark = job.benchmark if job.rule.benchmark else None
    return [*job.log, *([benchmark] if benchmark else [])]


def needed_traces(job: Job) -> list[File]:
    """Those of its traces that a target or another job asks for."""
    found = traces(job)
    if not found:
        return []
    needed = [job.dag.targetfiles, *depending(job).values()]
    return [file for file in found if any(file in files for files in needed)]


def config_of(rule: Rule) -> dict[Any, Any]:
    """The config as the rules of a module see it."""
    found = rule.module_globals.get("config")
    return found if isinstance(found, dict) else rule.workflow.config


def touches(workflow: Workflow) -> bool:
    """Whether the user says by ``--touch`` that what is here stands."""
    return workflow.executor_plugin is not None and bool(workflow.touch)


# The DAG is only looked at: to ask it for a job that it does not know adds to it, while another
# thread may go through it.


def makers(job: Job) -> Mapping[Job, Set[File]]:
    """The jobs that make what a job reads, with these files."""
    found: Mapping[Job, Set[File]] = job.dag.dependencies.get(job, {})
    return found


def depending(job: Job) -> Mapping[Job, Set[File]]:
    """The jobs that read what a job makes, and those that only ask for it, with these files."""
    found: Mapping[Job, Set[File]] = job.dag.depending.get(job, {})
    return found


def readers(job: Job) -> list[Job]:
    """The jobs that read what a job makes."""
    return [reader for reader in depending(job) if not is_target(reader)]


def write_benchmark(job: Job, seconds: float) -> None:
    """Write the benchmark of a job of which only the time is known."""
    from snakemake.benchmark import BenchmarkRecord, write_benchmark_records

    path = str(job.benchmark)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    write_benchmark_records([BenchmarkRecord(running_time=seconds)], path, False)


def waits(job: Job) -> bool:
    """Whether the inputs of a job are known only when a checkpoint is there."""
    return any(file.flags.get("checkpoint_target") for file in job.input)


def awaited(job: Job) -> Iterator[tuple[Rule, tuple[str, ...], str]]:
    """Outputs of checkpoints that a job waits for, each with what the job is in any DAG."""
    outputs = tuple(map(str, job.output))
    for file in job.input:
        if file.flags.get("checkpoint_target"):
            yield job.rule, outputs, str(file)


def refuse_special(job: Job) -> None:
    """Refuse what cannot be described at all.

    Raises
    ------
    Unknown
        If the job talks to a service, or hands over to another system.
    """
    rule = job.rule
    if waits(job):
        raise NotYet("its inputs are not known before a checkpoint")
    for file in (*job.input, *job.output):
        if not _SPECIAL.isdisjoint(file.flags) and (special := _SPECIAL & _marks(file)):
            raise Unknown(f"it has a file that is marked {min(special)}")
    if any(file.flags.get("service") for _, _, file in _streamed(job)):
        raise Unknown("it talks to a service")
    if rule.is_handover or rule.cwl is not None:
        raise Unknown("it is a handover or CWL rule")


class Pipe(NamedTuple):
    """A pipe that a job reads.

    Parameters
    ----------
    maker : Job
        The job that fills it.
    number : int
        Its place among that one's outputs.
    """

    maker: Job
    number: int


def pipes(job: Job) -> dict[str, Pipe]:
    """The pipes that a job reads, by path, in the order of its inputs."""
    found = {
        str(file): Pipe(maker, number)
        for maker, number, file in _streamed(job)
        if file.flags.get("pipe")
    }
    return {path: found[path] for path in map(str, job.input) if path in found} if found else {}


def is_updated(file: File) -> bool:
    """Whether an output is what was there before, with something added."""
    return bool(file.flags.get("update"))


def is_before_update(file: File) -> bool:
    """Whether an input is what is there before a job of this run updates it."""
    return bool(file.flags.get("before_update"))


def is_ancient(file: File) -> bool:
    """Whether an input is older than what is made from it, by the user's word."""
    return bool(file.flags.get("ancient"))


def read_before_update(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    """The jobs that read files before others update them, by path."""
    jobs = list(jobs)
    found: dict[str, list[Job]] = {}
    if any(_updates(job.rule) for job in jobs):
        for job in jobs:
            for file in filter(is_before_update, job.input):
                found.setdefault(str(file), []).append(job)
    return found


@cache
def _updates(rule: Rule) -> bool:
    return any(map(is_updated, rule.output))


@cache
def unpacks(rule: Rule) -> bool:
    """Whether a function gives inputs of a rule with their names, to ``unpack()``."""
    from snakemake.io import is_flagged

    return any(is_flagged(file, "unpack") for file in rule.input)


def is_pipe(file: File) -> bool:
    """Whether an output is a pipe."""
    return bool(file.flags.get("pipe"))


def is_streamed(file: File) -> bool:
    """Whether an output is a pipe or a service: there only while its readers run."""
    flags = file.flags
    return bool(flags.get("pipe") or flags.get("service"))


def pipe_readers(job: Job) -> list[Job]:
    """The jobs that read the pipes of a job."""
    if not _streams(job.rule):
        return []
    readers = depending(job).items()
    made = filter(is_pipe, job.output)
    return [reader for file in made for reader, files in readers if file in files]


def _streamed(job: Job) -> Iterator[tuple[Job, int, File]]:
    """The pipes and services that a job uses, with their makers and their places there."""
    for maker, files in makers(job).items():
        if _streams(maker.rule):
            for number, file in enumerate(maker.output):
                if file in files and is_streamed(file):
                    yield maker, number, file


@cache
def _streams(rule: Rule) -> bool:
    """Whether a rule has a pipe or a service among its outputs."""
    return any(map(is_streamed, rule.output))


def _marks(file: File) -> set[str]:
    return {name for name, value in file.flags.items() if value}


def may_be_made(workflow: Workflow, path: str) -> bool:
    """Whether a rule of a workflow could make a path, were its inputs there."""
    return any(rule.is_producer(path) for rule in workflow.rules)


def command_as_run(job: Job, params: Files) -> str:
    """The command of a job with all values, or the script, for people.

    Parameters
    ----------
    params : Files
        The params as they may be told.
    """
    rule = job.rule
    if rule.shellcmd is None:
        return str(rule.script or rule.notebook or rule.wrapper or "")
    try:
        return str(job.format_wildcards(rule.shellcmd, params=params))
    except Exception:  # it only informs
        return rule.shellcmd


@lru_cache
def fields(pattern: str) -> frozenset[str]:
    """Names of the variables that a command formats."""
    found = set()
    for _, name, spec, _ in string.Formatter().parse(pattern):
        if name is not None:
            found.add(re.split(r"[.\[]", name, maxsplit=1)[0])
            found |= fields(spec or "")
    return frozenset(found)


def formatted(text: str, **values: Any) -> str:
    """A command or path with values, as Snakemake formats it."""
    from snakemake.utils import format as format_text

    return str(format_text(text, **values))


def only_looks(workflow: Workflow) -> bool:
    """Whether Snakemake is to change nothing: a dry run, ``--summary``, ``--dag`` and the like.

    It takes the lock of a working directory unless that is so.
    """
    persistence = workflow.persistence
    return bool(persistence.lock == persistence.lock_warn_only)


def metadata(job: Job, file: File) -> Any:
    """What Snakemake itself noted of the run that made an output; None if it noted nothing."""
    return unwrap(job.dag.workflow.persistence.metadata)(file)


def unchanged_metadata(job: Job) -> list[Any]:
    """What Snakemake noted of the run that made each output of a job.

    Nothing, if that run had other code, params, inputs or software, or if that cannot be told, as
    an old Snakemake noted less.
    """
    persistence = job.dag.workflow.persistence
    said = [metadata(job, file) for file in job.output]
    if not all(each and each.endtime for each in said) or persistence.has_outdated_metadata(job):
        return []
    changed = (
        bool(persistence.params_changed(job))
        or any(persistence.input_changed(job))
        or any(persistence.code_changed(job))
        or any(persistence.software_stack_changed(job))
    )
    return [] if changed else said


def shell_settings() -> tuple[str, str, str]:
    """How Snakemake runs commands: the name of the shell, and what comes before and after them."""
    from snakemake.shell import shell

    executable = shell.get_executable() or "/bin/sh"
    return (
        os.path.basename(os.fspath(executable)),
        shell._process_prefix or "",
        shell._process_suffix or "",
    )


def shell_executable() -> Any:
    """What Snakemake starts as shell."""
    from snakemake.shell import shell

    return shell.get_executable()


def providers(workflow: Workflow) -> list[Any]:
    """The storage providers of a workflow that are of this plugin."""
    registry = workflow.storage_registry
    found = [*registry._storages.values(), registry.default_storage_provider]
    ours = (each for each in found if getattr(each, "materialisation", None) is not None)
    return list({id(each): each for each in ours}.values())
