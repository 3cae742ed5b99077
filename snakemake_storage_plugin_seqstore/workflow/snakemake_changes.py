"""What Snakemake is made to forget, and what it is given in place of its own: for one workflow."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from functools import cache, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.workflow import garbage
from snakemake_storage_plugin_seqstore.workflow.files import Provider, stored
from snakemake_storage_plugin_seqstore.workflow.snakemake_api import is_streamed, is_updated

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import DAG, File, Job, Workflow


_RUN_AGAIN = "_seqstore_run_again"  # an attribute of workflows


def forget_answers(workflow: Workflow, jobs: Iterable[Job]) -> None:
    """Have Snakemake ask again what it asked before it knew what depends on checkpoints.

    It makes a job anew once its checkpoint is there, but remembers what it knew of its outputs.
    """
    known = workflow.iocache
    for job in jobs:
        for file in job.products():
            if file.is_storage:
                for answers in (known.exists_in_storage, known.mtime, known.checksum):
                    answers.pop(file, None)


def forget_reasons(workflow: Workflow) -> None:
    """Have Snakemake forget why jobs had to run, as its DAG has changed: it looks at them anew."""
    workflow.dag._reason.clear()


def tell_of_replaced(dag: DAG, replaced: Callable[[], None]) -> None:
    """Have Snakemake tell when it has replaced jobs in its DAG, before it looks which have to run.

    Their numbers may be what they were. In between it asks for files many times.
    """
    replace_job, look = dag.replace_job, dag.update_needrun
    pending: list[Job] = []

    async def replace_and_note(job: Job, *arguments: Any, **settings: Any) -> None:
        await replace_job(job, *arguments, **settings)
        pending.append(job)

    async def tell_and_look(*arguments: Any, **settings: Any) -> None:
        if pending:
            pending.clear()
            replaced()
        await look(*arguments, **settings)

    dag.replace_job, dag.update_needrun = replace_and_note, tell_and_look


def schedule(workflow: Workflow, missing: Mapping[Job, Iterable[File]]) -> None:
    """Have Snakemake schedule jobs for outputs that it does not find missing by itself."""
    for job, files in missing.items():
        reason = workflow.dag._reason[job]
        for file in files:
            # What a job updates is there: Snakemake would warn of it as of a surprise.
            (reason.updated_input if is_updated(file) else reason.missing_output).add(file)


class _Metadata(dict[str, Any]):
    """Metadata of a file, as newer and as older versions of Snakemake ask for them."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


def overrule_metadata(
    workflow: Workflow,
    is_settled: Callable[[Job], bool],
    of_record: Callable[[File], Mapping[str, Any] | None],
) -> None:
    """Have Snakemake see no change in jobs whose outputs are settled by their provenance.

    Its own metadata are of the last run here, which may have been another one. Of what did not run
    here it has none; reports and summaries get those of the record.

    Parameters
    ----------
    of_record : callable
        What Snakemake keeps of a file, from the record that answers for it; None if none does.
    """
    persistence = workflow.persistence
    read = persistence.metadata

    @wraps(read)
    def metadata(file: File) -> Any:
        found = read(file)
        if not found and (known := of_record(file)):
            return _Metadata(known)
        return found

    persistence.metadata = metadata

    def overruled(ask: Callable[..., Any], unchanged: Any) -> Callable[..., Any]:
        def answer(job: Job, **more: Any) -> Any:
            return unchanged if is_settled(job) else ask(job, **more)

        return answer

    for name, unchanged in (
        ("params_changed", ()),
        ("input_changed", ()),
        ("code_changed", ()),
        ("software_stack_changed", ()),
        ("has_metadata", True),
        ("has_outdated_metadata", False),
    ):
        setattr(persistence, name, overruled(getattr(persistence, name), unchanged))


def when_dag_is_built(workflow: Workflow, do: Callable[[], None]) -> None:
    """Have something done as soon as Snakemake knows the DAG that a run begins with."""
    from snakemake_interface_common.exceptions import WorkflowError

    build = workflow._build_dag

    def built() -> None:
        with garbage.searched_rarely():
            build()
        try:
            do()
        except SeqstoreError as error:
            raise WorkflowError(str(error)) from None

    workflow._build_dag = built


def spare_rounds(workflow: Workflow) -> None:
    """Have Snakemake's scheduler look for jobs no more often, and ask no more, than it needs.

    When jobs may start at a limited rate, as by default, it looks for more of them a second after
    each look, also after one that started none: so looks add up, and the longer jobs take, the more
    of the processor goes into looks. Each job that was started is looked after already.

    At each look it asks for the size of each input of all jobs that could start, to order them. A
    size that it knows is not asked for again: these inputs are complete.
    """
    scheduler = workflow.scheduler
    if scheduler is None or "_schedule_reevalutation" in vars(scheduler):
        return
    look_again, ask_sizes = scheduler._schedule_reevalutation, scheduler.update_input_sizes

    def look_again_if_needed(delay: float) -> None:
        waits_for_queue = workflow.dag.has_unfinished_queue_input_jobs()
        if waits_for_queue or not scheduler._last_job_selection_empty:
            look_again(delay)

    async def ask_unknown_sizes(jobs: Iterable[Job]) -> None:
        known, jobs = scheduler._input_sizes, [*jobs]
        await ask_sizes([job for job in jobs if any(known.get(file) is None for file in job.input)])
        if any(file not in known for job in jobs for file in job.input):
            await ask_sizes(jobs)  # when it knows many, it forgets those that are not asked for

    scheduler._schedule_reevalutation = look_again_if_needed
    scheduler.update_input_sizes = ask_unknown_sizes


def run_again(workflow: Workflow, is_to_run_again: Callable[[Job, bool], bool]) -> None:
    """Have Snakemake's executor ask of each job that ended or failed whether it runs again.

    Parameters
    ----------
    is_to_run_again : callable
        Is given the job, and whether it failed.
    """
    setattr(workflow, _RUN_AGAIN, is_to_run_again)
    _let_executors_ask()


@cache  # for all workflows of this process
def _let_executors_ask() -> None:
    """Give Snakemake's executors another method: they are made after all that could be told."""
    from snakemake.executors.local import Executor

    run_once = Executor.cached_or_run

    def run(executor: Any, job: Job, *arguments: Any) -> None:
        is_to_run_again = getattr(executor.workflow, _RUN_AGAIN, lambda job, has_failed: False)
        while True:
            try:
                run_once(executor, job, *arguments)
            except Exception as error:
                if _is_by_signal(error) or not is_to_run_again(job, True):
                    raise
            else:
                if not is_to_run_again(job, False):
                    return

    Executor.cached_or_run = run


def _is_by_signal(error: BaseException | None) -> bool:
    """Whether a command was ended by a signal, as by Ctrl-C; shells add 128 to its number."""
    while error is not None:
        status = getattr(error, "returncode", 0)
        if status < 0 or status > 128:
            return True
        error = error.__cause__ or error.__context__
    return False


def set_shell_executable(executable: os.PathLike[str]) -> None:
    """Have Snakemake start another shell, by its own setting."""
    from snakemake.shell import shell

    shell.executable(executable)


@cache
def _in_place_path() -> Any:
    from snakemake.io import AnnotatedString

    class InPlacePath(AnnotatedString):  # type: ignore[misc]
        """The path of a file in its own place, with Snakemake's flags.

        Snakemake drops the mark of a stored path where that equals the path in the rule: it does
        not equal a path that is not marked. It is asked what any ``Path`` is, too.
        """

        def __getattr__(self, name: str) -> Any:
            return getattr(Path(str(self)), name)

        def __eq__(self, other: object) -> bool:
            is_marked = isinstance(other, InPlacePath) or getattr(other, "is_storage", False)
            return bool(is_marked) and str.__eq__(self, other)

        def __ne__(self, other: object) -> bool:
            return not self == other

        __hash__ = str.__hash__

    return InPlacePath


def in_place_path(path: str) -> Any:
    """The local path of a file in its own place, as Snakemake marks it as stored."""
    return _in_place_path()(path)


def keep_paths_in_place(workflow: Workflow) -> None:
    """Let the default provider, if it is of this plugin, leave files in their own places.

    What the Snakefile names by queries gets a provider of its own.
    """
    from snakemake import io

    registry, settings = workflow.storage_registry, workflow.storage_settings
    default = registry.default_storage_provider
    if default is None or getattr(default, "in_place", None) is None:
        return
    prefix = settings.default_storage_prefix or ""
    default.in_place = prefix if prefix.endswith("/") else f"{prefix}/"
    default.mark = workflow.modifier.path_modifier.apply_default_storage
    for name, provider in registry._storages.items():
        if provider is default:
            registry._storages[name] = type(default)(
                local_prefix=default.local_prefix,
                logger=default.logger,
                wait_for_free_local_storage=default.wait_for_free_local_storage,
                settings=default.settings,
                keep_local=default.keep_local,
                retrieve=default.retrieve,
            )
    for name in ("expand", "collect"):
        if plain := workflow.vanilla_globals.get(name):
            workflow.vanilla_globals[name] = workflow.globals[name] = _with_marks(plain, default)
    # For who imports it from now on; another workflow of this process may have put its own there.
    io.expand = _with_marks(inspect.unwrap(io.expand), default)
    _accept_paths_in_place()


def _with_marks(expand: Callable[..., Any], default: Provider) -> Callable[..., Any]:
    """Snakemake's ``expand``, which also takes paths in their own places, as `rules.a.output` is.

    It refuses patterns that are marked as stored: the mark is taken off, and set again.
    """

    @wraps(expand)
    def expanded(patterns: Any, *combinators: Any, **wildcards: Any) -> Any:
        if not callable(patterns):
            patterns = [patterns] if isinstance(patterns, str | os.PathLike) else patterns
            patterns = [*map(_unmarked, patterns)]
        found = expand(patterns, *combinators, **wildcards)
        if callable(found):  # Snakemake asks it when wildcards are known
            return found
        return [_marked(path, default.mark) for path in found]

    return expanded


@cache  # for all workflows of this process
def _accept_paths_in_place() -> None:
    """Have Snakemake accept paths in their own places where it refuses local paths of stored files.

    These lead to wherever a local prefix is, and no wildcard of a query is in them.
    """
    from snakemake import io, jobs

    check = jobs.check_template_output
    formatting = getattr(io, "AnnotatedStringFormatMixin", None)  # newer versions refuse

    def check_others(job: Job) -> None:
        others = [file for file in job.input if not _is_in_place(file)]
        check(SimpleNamespace(input=others, output=job.output))

    jobs.check_template_output = check_others
    if formatting is None:
        return
    format_path = formatting.format

    def formatted(path: Any, *values: Any, **named: Any) -> Any:
        ours = stored(path)
        if ours is None or not ours.is_in_place:
            return format_path(path, *values, **named)
        return _marked(format_path(_unmarked(path), *values, **named), ours.provider.mark)

    formatting.format = formatted


def _is_in_place(path: Any) -> bool:
    ours = stored(path)
    return ours is not None and ours.is_in_place


def _unmarked(pattern: Any) -> Any:
    """A path in its own place without the mark; that a module's prefix is in it stays noted."""
    from snakemake.io import AnnotatedString

    if not _is_in_place(pattern):
        return pattern
    path = AnnotatedString(str(pattern))  # without constraints of wildcards
    path.flags.update(pattern.flags)
    del path.flags["storage_object"]
    return path


def _marked(path: Any, mark: Callable[[Any], Any]) -> Any:
    """A path with the mark again, if it was taken off: else Snakemake sets it where it is used."""
    from snakemake.io import AnnotatedString
    from snakemake.path_modifier import PATH_MODIFIER_FLAG

    if PATH_MODIFIER_FLAG not in getattr(path, "flags", {}):
        return path
    marked = AnnotatedString(str(path))
    marked.flags.update(mark(path).flags)
    return marked


def keep_outputs_in_place(workflow: Workflow) -> None:
    """Have Snakemake leave an output in its own place until the job that makes it anew starts.

    Whenever its DAG has changed, it removes the local copies of all that will be made, in a dry
    run as well, before anything is asked of the store. A file in its own place is no copy.
    """
    prepare = workflow._prepare_dag

    async def remove_copies() -> None:
        dag = workflow.dag
        groups = (job.jobs if job.is_group() else (job,) for job in dag._running)
        running = {job for jobs in groups for job in jobs}
        for job in dag.needrun_jobs():
            for file in () if job in running else job.output:
                ours = stored(file)
                is_copy = file.is_storage and not (ours and ours.is_in_place)
                if is_copy and not is_streamed(file) and await file.exists_local():
                    await file.remove(remove_non_empty_dir=True, only_local=True)

    def prepared(*arguments: Any, **settings: Any) -> None:
        prepare(*arguments, **settings)
        workflow.dag.sanitize_local_storage_copies = remove_copies
        workflow.dag.list_untracked = _listing_untracked(workflow.dag)

    workflow._prepare_dag = prepared


def _listing_untracked(dag: DAG) -> Callable[[], None]:
    """Snakemake's ``--list-untracked``, for which what is stored is in no place of its own."""
    list_all = dag.list_untracked

    def list_others() -> None:
        files = (file for job in dag.jobs for file in (*job.input, *job.output))
        known = {os.path.relpath(file) for file in files if _is_in_place(file)}
        with redirect_stdout(io.StringIO()) as said:
            list_all()
        for path in said.getvalue().splitlines():
            if path not in known:
                print(path)

    return list_others
