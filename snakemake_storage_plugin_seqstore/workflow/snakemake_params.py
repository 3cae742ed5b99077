"""The params and resources of Snakemake's jobs: what a job is told, wherever it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Files, Job

_SCHEDULED = frozenset(
    re.findall(
        r"\w+",
        "_cores _nodes cores nodes threads mem mem_mb mem_mib disk disk_mb disk_mib runtime tmpdir "
        "walltime time_min partition queue qos account cluster constraint clusters reservation mpi "
        "tasks ntasks tasks_per_node tasks_per_gpu cpus_per_task cpus_per_gpu mem_per_cpu "
        "mem_mb_per_cpu gpu gpus gpu_model gpu_manufacturer gres licenses exclusive nice",
    )
)


def is_scheduled(name: str) -> bool:
    """Whether a resource only says how a job is run; users invent others, which count."""
    return name in _SCHEDULED or name.startswith("slurm_")


class _AsDeclared:
    """Stands for a job where its params are evaluated: with what does not count set to one value.

    Threads, memory and the like are those of the machine or the profile, and an attempt is the
    first one, so that a param that follows from them is the same everywhere.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def resources(self) -> Any:
        return _Declared(self._job)


class _Declared:
    """The resources of a job, as its params see them."""

    _CORES = 8
    _OTHER = 8000  # MB, minutes

    def __init__(self, job: Job) -> None:
        self._job = job

    def __getattr__(self, name: str) -> Any:
        if name == "_cores":
            return self._CORES
        if name == "tmpdir":
            return "tmpdir"
        if is_scheduled(name):
            if name not in self._job.rule.resources:
                raise AttributeError(name)
            return self._OTHER
        return declared_resource(self._job, name)

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


def declared_resource(job: Job, name: str) -> Any:
    """The value of a resource that the user invented, at the first attempt.

    Raises
    ------
    AttributeError
        If there is no such resource.
    Unknown
        If it cannot be evaluated yet.
    """
    if name not in job.rule.resources:
        raise AttributeError(name)
    try:
        found = job.rule.expand_resources(job.wildcards_dict, job.input, 1)
        value = getattr(found, name)
    except AttributeError:
        raise
    except Exception as error:
        raise Unknown(f"its resource {name} cannot be evaluated yet: {error}") from None
    if str(value) == "<TBD>":
        raise Unknown(f"its resource {name} is not known yet")
    return value


def declared_params(job: Job) -> Files:
    """The params of a job as they are told, without making them final for it.

    Raises
    ------
    NotYet
        If they cannot be evaluated yet.
    """
    rule = job.rule
    if not rule.params:
        return job.params
    for stand_in in (_AsDeclared(job), job):  # a function may not take the one
        try:
            params, _ = rule.expand_params(job.wildcards_dict, job.input, job.output, stand_in)
            return params
        except Exception as error:
            failure = error
    raise NotYet(f"its params cannot be evaluated yet: {failure}")


def with_params(params: Files, values: list[Any]) -> Any:
    """The same params, named or not, with other values."""
    found: Any = type(params)()
    for (name, _), value in zip(params._allitems(), values, strict=True):
        found.append(value)
        if name is not None:
            found._add_name(name)
    return found


def with_inputs_in_order(job: Job, order: Sequence[int]) -> Job:
    """A job like another one whose inputs come in another order, and with the names that they had.

    Parameters
    ----------
    order : sequence of int
        The places of its inputs, in that order.
    """
    other, files = copy(job), copy(job.input)
    files[:] = [job.input[place] for place in order]
    moved = {place: number for number, place in enumerate(order)}
    for name, (start, end) in job.input._get_names():
        now = [moved[place] for place in range(start, start + 1 if end is None else end)]
        files._set_name(name, min(now, default=0), end if end is None else max(now, default=-1) + 1)
    other.input = files
    return other


class _Hidden(str):
    """Stands for a secret param, and for whatever part of it a command has."""

    def __new__(cls) -> _Hidden:
        return super().__new__(cls, "(secret)")

    def __getitem__(self, index: Any) -> str:
        return self

    def __getattr__(self, name: str) -> Any:
        return self


def hidden(params: Files, secret: frozenset[str]) -> Files:
    """The same params without the values of those that are secret."""
    values = [_Hidden() if name in secret else value for name, value in params._allitems()]
    found: Files = with_params(params, values)
    return found


def texts(params: Files) -> dict[str, str]:
    """Params for people, by name or number."""
    items = enumerate(params._allitems())
    return {str(name if name is not None else number): str(part) for number, (name, part) in items}
