"""The line that turns reuse on, and what is bound by it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from snakemake_storage_plugin_seqstore.workflow.snakemake_api import (
    OLDEST,
    is_supported,
    providers,
)

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.execution import Executions
    from snakemake_storage_plugin_seqstore.workflow.files import StoredFile
    from snakemake_storage_plugin_seqstore.workflow.observing import Mode
    from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

Bound: TypeAlias = tuple["Reuse", "Executions"]  # what answers, and what is told of jobs

_workflows: list[weakref.ref[Any]] = []  # those that are bound


def reuse(
    workflow: Any,
    ignore_file_names: bool | Iterable[str] = False,
    observe: Mode = "auto",
    secret: Iterable[str] = (),
) -> None:
    """Reuse what the store has: a computation whose result is known is never scheduled again.

    Stands once in a Snakefile, anywhere. The outputs of rules that are in the store are then there
    by provenance: if the same command with the same inputs, params and software was run by anybody,
    in any workflow that shares the store.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        The Snakefile's global ``workflow``.
    ignore_file_names : bool or iterable of str, optional
        Whether the names of inputs and outputs do not matter, for all rules or for those that are
        named. By default they do, as programs may write them into their results. Suffixes always
        matter.
    observe : {"auto", "required", "off"}, optional
        Whether it is seen what jobs read beyond what they declare: where that is possible, or
        so that a result that was not observed is never reused, or not at all.
    secret : iterable of str, optional
        Names of params, such as passwords, of which records keep a digest only.

    Raises
    ------
    WorkflowError
        If Snakemake is too old, or an argument is something else.

    Examples
    --------
    ::

        import snakemake_storage_plugin_seqstore as seqstore
        seqstore.reuse(workflow)
    """
    from snakemake_interface_common.exceptions import WorkflowError

    from snakemake_storage_plugin_seqstore.workflow import snakemake_changes
    from snakemake_storage_plugin_seqstore.workflow.execution import Executions
    from snakemake_storage_plugin_seqstore.workflow.hooks import Settings
    from snakemake_storage_plugin_seqstore.workflow.observing import MODES, Observing
    from snakemake_storage_plugin_seqstore.workflow.reuse import Reuse

    if not is_supported():
        raise WorkflowError(f"seqstore.reuse() needs Snakemake {OLDEST} or newer.")
    if isinstance(ignore_file_names, str) or not isinstance(ignore_file_names, bool | Iterable):
        raise WorkflowError(
            "seqstore.reuse(): ignore_file_names is True or a list of rule names, not "
            f"{ignore_file_names!r}."
        )
    if observe not in MODES:
        raise WorkflowError(
            f"seqstore.reuse(): observe is one of {', '.join(MODES)}, not {observe!r}."
        )
    if isinstance(secret, str):
        raise WorkflowError("seqstore.reuse(): secret is a list of names of params.")
    everywhere = ignore_file_names is True
    rules = frozenset(() if isinstance(ignore_file_names, bool) else ignore_file_names)

    def nameless(rule: Any) -> bool:
        return everywhere or rule.name in rules

    if bound := _settings(workflow):
        bound[0].nameless = nameless
        bound[0].observing.mode = observe
        bound[0].secret = frozenset(secret)
        return
    # What is loaded by now stays: to look through it whenever garbage is collected takes longer
    # than all that is done here.
    gc.freeze()
    answers = Reuse(workflow, nameless, Observing(observe))
    answers.secret = frozenset(secret)
    executions = Executions(answers)
    workflow.workflow_settings = Settings(workflow.workflow_settings, workflow, answers, executions)
    snakemake_changes.run_again(workflow, executions.is_to_run_again)
    snakemake_changes.keep_paths_in_place(workflow)
    snakemake_changes.keep_outputs_in_place(workflow)
    snakemake_changes.when_dag_is_built(workflow, answers.tell_of_dag)
    _workflows.append(weakref.ref(workflow))


def binding(file: StoredFile) -> Bound | None:
    """What is bound to the workflow of a storage object, once it has a DAG."""
    alive = [workflow for reference in _workflows if (workflow := reference()) is not None]
    if len(alive) > 1:  # in a program that uses Snakemake as a library
        alive = [each for each in alive if file.provider in providers(each)]
    bound = _settings(alive[-1]) if alive else None
    return bound if bound and bound[0].is_ready else None


def _settings(workflow: Any) -> Bound | None:
    # Snakemake's own settings have no such attribute.
    found: Bound | None = getattr(workflow.workflow_settings, "seqstore", None)
    return found
