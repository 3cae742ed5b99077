"""How `run:` blocks are described: by their code, and the globals that it reads, recursively."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from snakemake_storage_plugin_seqstore.workflow.code import bytecode, reading
from snakemake_storage_plugin_seqstore.workflow.code.globals_read import Globals
from snakemake_storage_plugin_seqstore.workflow.deployment import deployed
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import Unknown

# Arguments of the function that Snakemake makes of a block: what counts otherwise, or not at all.
_UNCOUNTED = frozenset(
    (
        *("input", "output", "params", "threads", "log", "jobid", "bench_record", "shadow_dir"),
        *("cleanup_scripts", "is_shell", "edit_notebook", "runtime_paths"),
        "__is_snakemake_rule_func",
    )
)
# Statements of a Snakefile that set what a package keeps to itself.
_SETTING = re.compile(
    r"^[^\s#].*\b(?:(?:seed|set_option|set_printoptions|seterr|setlocale|set_theme)\(|rcParams\b)",
    re.MULTILINE,
)
_COUNTED = frozenset(("wildcards", "resources", "rule"))


@dataclass
class _Block:
    """A block as far as it is the same for all jobs of its rule."""

    parts: dict[str, Any]
    arguments: set[str]
    commands: bool
    named: reading.Named


_BLOCKS: WeakKeyDictionary[Any, dict[str, _Block | Unknown]] = WeakKeyDictionary()


def run_parts(job: Any, params: Any, surroundings: Surroundings) -> dict[str, Any]:
    """Describe the `run:` block of a job.

    Parameters
    ----------
    job : snakemake.jobs.Job
        The job.
    params : snakemake.io.Params
        Its params.
    surroundings : Surroundings
        What is around the jobs of this pass.

    Returns
    -------
    dict
        What counts, by name.

    Raises
    ------
    Unknown
        If it cannot be told what the code depends on.
    """
    rule = job.rule
    blocks = _BLOCKS.setdefault(surroundings, {})
    if rule.name not in blocks:
        try:
            blocks[rule.name] = _describe(rule, surroundings)
        except Unknown as error:
            blocks[rule.name] = error
    block = blocks[rule.name]
    if isinstance(block, Unknown):
        raise Unknown(str(block))
    if block.commands and any("{" in str(value) for value in params):
        raise Unknown("its code may run a command that is given by its params, with names in it")
    parts = block.parts | reading.of_job(job, block.arguments, block.named, surroundings)
    # For its commands; the block itself runs in Snakemake's Python.
    if software := deployed(job, surroundings.contents):
        parts["software"] = {**parts["software"], "deployed": software}
    return parts


def _refuse_settings(workflow: Any) -> None:
    """Refuse blocks that may depend on a seed or an option of a package that the Snakefile sets.

    Raises
    ------
    Unknown
        If it sets one, which is kept where no code shows it.
    """
    for source in workflow.included:
        try:
            with workflow.sourcecache.open(source) as file:
                setting = _SETTING.search(file.read())
        except Exception as error:
            raise Unknown(f"{source} cannot be read: {error}") from None
        if setting:
            raise Unknown(
                f"its Snakefile changes a package by `{setting.group().strip()}...`",
                "do that in the block that needs it",
            )


def _describe(rule: Any, surroundings: Surroundings) -> _Block:
    _refuse_settings(rule.workflow)
    reader = Globals(rule, surroundings)
    code = rule.run_func.__code__
    own = reader.code(code, rule.module_globals)
    arguments = own.arguments & set(code.co_varnames[: code.co_argcount])
    if own.whole_frame:
        arguments |= _COUNTED
    if reader.commands:
        arguments.add("wildcards")
        reader.everything(rule.module_globals)
    if unknown := sorted(arguments - _UNCOUNTED - _COUNTED):
        raise Unknown(f"its code reads {unknown[0]}")
    uses_shell = reader.commands or "shell" in reader.found
    shell, *around = reading.shell_settings() if uses_shell else ("",)
    found = reader.imported()
    strings = {*reader.strings, *reader.values.strings, *found.reading.strings, *around}
    named = reader.modules.follow_scripts(found, strings, rule)
    packages = {*found.packages, *reader.packages}
    software = {
        "Python": surroundings.packages.python,
        **{name: "missing" for name in found.missing},
        **surroundings.packages.of(sorted(packages - {"snakemake"})),
    }
    if any(name.partition(".")[0] == "snakemake" for name in packages):
        software["Snakemake"] = reading.snakemake_version()
    parts = {
        "code": bytecode.digest(code),
        "globals": dict(sorted(reader.found.items())),
        "modules": found.digests,
        "unpickled": reader.modules.unpickled(found.reading, reader.modules.search_path()),
        "shell": tuple(around),
        "software": software,
        "programs": named.programs(surroundings) | surroundings.software.programs([shell]),
        "environment": named.environment(
            surroundings, reader.reads_environment or found.reading.reads_environment
        ),
    }
    return _Block(parts, arguments & _COUNTED, reader.commands, named)
