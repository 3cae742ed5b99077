"""The attributes of Snakemake's objects that this package reads, with their types.

What is not here is not used, and mypy says so. Nothing of this exists when a program runs: the
objects are Snakemake's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

class File(str):
    """An input or output, ``snakemake.io._IOFile``: a path with flags."""

    flags: dict[str, Any]
    is_storage: bool
    is_directory: bool
    storage_object: Any

    async def exists_local(self) -> bool: ...
    async def remove(self, remove_non_empty_dir: bool = ..., only_local: bool = ...) -> None: ...

class Files(list[File]):
    """``snakemake.io.Namedlist``."""

    def _get_names(self) -> Iterator[tuple[str, tuple[int, int | None]]]: ...
    def _allitems(self) -> Iterator[tuple[str | None, Any]]: ...
    def _add_name(self, name: str) -> None: ...
    def _set_name(self, name: str, index: int, end: int | None = ...) -> None: ...
    def items(self) -> Iterable[tuple[str, Any]]: ...

class Rule:
    """``snakemake.rules.Rule``."""

    name: str
    workflow: Workflow
    norun: bool
    shellcmd: str | None
    run_func: Any
    script: Any
    notebook: Any
    wrapper: Any
    is_handover: bool
    is_template_engine: bool
    template_engine: Any
    cwl: Any
    cache: Any
    basedir: Any
    module_globals: dict[str, Any]
    params: Any
    resources: Mapping[str, Any]
    shadow_depth: str | None
    input: Files
    output: Files
    benchmark: File | None

    def expand_params(self, *arguments: Any) -> tuple[Files, Any]: ...
    def expand_resources(self, *arguments: Any, **more: Any) -> Any: ...
    def is_producer(self, path: str) -> bool: ...

class Job:
    """``snakemake.jobs.Job``."""

    dag: DAG
    rule: Rule
    input: Files
    output: Files
    log: Files
    params: Files
    benchmark: File | None
    wildcards: Any
    wildcards_dict: Any
    resources: Any
    is_checkpoint: bool
    is_run: bool
    is_shadow: bool
    shadow_dir: str | None
    conda_env: Any
    conda_env_spec: Any
    container_img_url: str | None
    env_modules: Any

    def format_wildcards(self, string: str, **variables: Any) -> str: ...
    def products(self, include_logfiles: bool = True) -> Iterator[File]: ...
    def shadowed_path(self, file: File) -> File: ...
    def _path_to_source_file(self, source: Any) -> Any: ...

class IOCache:
    """``snakemake.iocontainers``: what Snakemake remembers of files while it builds its DAG."""

    active: bool
    exists_in_storage: MutableMapping[Any, Any]
    exists_local: MutableMapping[Any, Any]
    mtime: MutableMapping[Any, Any]
    checksum: MutableMapping[Any, Any]

class Persistence:
    """``snakemake.persistence``: Snakemake's metadata of what was made in a directory."""

    path: Path

    lock: Any
    lock_warn_only: Any

    metadata: Callable[[File], Any]
    def _get_key(self, file: File) -> str: ...
    def _filter_incomplete_keys(self, keys: Collection[str]) -> Iterable[str]: ...
    def params_changed(self, job: Job) -> Any: ...
    def input_changed(self, job: Job) -> Any: ...
    def code_changed(self, job: Job) -> Any: ...
    def software_stack_changed(self, job: Job) -> Any: ...
    def has_outdated_metadata(self, job: Job) -> bool: ...

class DAG:
    """``snakemake.dag.DAG``."""

    workflow: Workflow
    jobs: Iterable[Job]
    dependencies: Mapping[Job, Mapping[Job, set[File]]]
    depending: Mapping[Job, Mapping[Job, set[File]]]
    targetjobs: set[Job]
    targetfiles: set[File]
    targetrules: set[Rule]
    untilrules: set[str]
    untilfiles: set[str]
    forcerules: set[Rule]
    forcefiles: set[File]
    omitforce: set[Job]
    _jobid: Mapping[Job, int]
    _reason: dict[Job, Any]
    _running: Iterable[Any]
    job_factory: Any
    output_index: Any
    sanitize_local_storage_copies: Any
    list_untracked: Callable[[], None]
    replace_job: Any
    update_needrun: Any

    def bfs(self, direction: Any, *jobs: Job) -> Iterator[Job]: ...
    def toposorted(self) -> Iterator[Iterable[Job]]: ...
    def needrun_jobs(self) -> Iterable[Job]: ...
    def in_until(self, job: Job) -> bool: ...
    def in_omitfrom(self, job: Job) -> bool: ...
    def needrun(self, job: Job) -> bool: ...
    def has_unfinished_queue_input_jobs(self) -> bool: ...

class Workflow:
    """``snakemake.workflow.Workflow``."""

    dag: DAG
    persistence: Persistence
    iocache: IOCache
    rules: Iterable[Rule]
    config: dict[str, Any]
    globals: dict[str, Any]
    vanilla_globals: dict[str, Any]
    included: Iterator[Any]
    sourcecache: Any
    envvars: Iterable[str]
    is_main_process: bool
    local_exec: bool
    subprocess_exec: bool
    dryrun: bool
    touch: bool
    executor_plugin: Any
    main_snakefile: str
    workflow_settings: Any
    scheduler: Any
    storage_settings: Any
    storage_registry: Any
    modifier: Any
    _prepare_dag: Any
    _build_dag: Any
    deployment_settings: Any
    execution_settings: Any
