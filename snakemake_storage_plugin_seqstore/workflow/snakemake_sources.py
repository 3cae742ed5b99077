"""Snakefiles, scripts and wrappers as Snakemake finds them: where they are, and what is in them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tokenize
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore.fingerprint.run_block import is_installed
from snakemake_storage_plugin_seqstore.unknown import Unknown

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job, Rule, Workflow


def script_path(job: Job) -> list[str]:
    """Local path of the script or notebook of a job, if it has one."""
    source = job.rule.script or job.rule.notebook
    if not source:
        return []
    return [str(job._path_to_source_file(source).get_path_or_uri(secret_free=True))]


def basedir(rule: Rule) -> str | None:
    """The directory of the Snakefile of a rule, if it is a local one."""
    if rule.basedir is None:
        return None
    path = rule.basedir.get_path_or_uri(secret_free=True)
    return str(path) if os.path.isabs(path) else None


@cache  # each job asks
def repository(rule: Rule) -> str | None:
    """The directory that holds a workflow, its rules and its scripts, if it is a local one.

    In Snakemake's standard layout it is that of the folder ``workflow``, of a module too; else
    that of the main Snakefile, if the rule is of a Snakefile below it.
    """
    from snakemake.common import SNAKEFILE_CHOICES

    base = basedir(rule)
    if base is None:
        return None
    layouts = [choice for choice in SNAKEFILE_CHOICES if len(choice.parts) > 1]
    folders = [Path(base), *Path(base).parents]
    for folder in folders:
        if any((folder / layout).is_file() for layout in layouts):
            return str(folder)
    main = Path(os.path.abspath(rule.workflow.main_snakefile)).parent
    return str(main) if main in folders else base


def digest(workflow: Workflow) -> str:
    """Digest of the Snakefiles and the config of a workflow; empty if there is none."""
    try:
        texts = [_code(source_text(file, workflow)) for file in workflow.included]
        texts.append(json.dumps(workflow.config, default=_described))
    except (Unknown, TypeError, ValueError, RecursionError):
        return ""  # one cannot be read, or the config has keys of odd types, or holds itself
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _code(text: str) -> str:
    """A Snakefile without comments and empty lines."""
    left_out = (tokenize.COMMENT, tokenize.NL)
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return "\n".join(token.string for token in tokens if token.type not in left_out)
    except (tokenize.TokenError, SyntaxError):
        return text


def _described(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def source_file(path: str, rule: Rule) -> Any:
    """The file of a script or notebook."""
    from snakemake.sourcecache import infer_source_file

    return infer_source_file(path, rule.basedir)


def wrapper_script(path: str, workflow: Workflow) -> Any:
    """The file of a wrapper's script.

    Raises
    ------
    Unknown
        If it cannot be found.
    """
    from snakemake import wrapper

    prefix = workflow.workflow_settings.wrapper_prefix
    try:
        script = wrapper.get_script(path, workflow.sourcecache, prefix=prefix)
    except Exception as error:
        raise Unknown(f"its wrapper {path} cannot be found: {error}") from None
    if isinstance(script, dict):
        raise Unknown(f"its wrapper {path} cannot be found")
    return script


def source_copies(workflow: Workflow) -> str:
    """Where this run copies local sources to, as for ``source_path``: below it are whole paths."""
    return f"{workflow.sourcecache.runtime_cache_path}/file"


def source_caches(workflow: Workflow) -> tuple[str, ...]:
    """Where remote sources are copied to: for this run, and for all."""
    cache = workflow.sourcecache
    return str(cache.runtime_cache_path), str(cache.cache_path)


def source_text(file: Any, workflow: Workflow) -> str:
    """A source as Snakemake will run it: from the same cache.

    Raises
    ------
    Unknown
        If it cannot be read.
    """
    try:
        with workflow.sourcecache.open(file) as opened:
            content = opened.read()
    except Exception as error:
        raise Unknown(f"{file} cannot be read: {error}") from None
    return str(content if isinstance(content, str) else content.decode())


def source_folder(file: Any) -> str | None:
    """The directory of a source; None if it is remote."""
    if not file.is_local:
        return None
    return os.path.dirname(os.path.abspath(str(file.get_path_or_uri(secret_free=True))))


def module_path() -> tuple[str, ...]:
    """Where scripts find modules that are not installed, besides their own folder.

    Snakemake lets them look where it looks itself: it adds the folders of the Snakefiles.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = (path for path in sys.path if os.path.isdir(path) and not is_installed(f"{path}/"))
    return tuple(dict.fromkeys((*given, *paths)))


def python_of_snakefile(workflow: Workflow, path: str) -> str | None:
    """The Python source that Snakemake makes of a Snakefile; None for any other path."""
    from snakemake.parser import parse

    for file in workflow.included:
        if file.get_path_or_uri(secret_free=True) == path:
            try:
                return str(parse(file, workflow, linemap={}, rulecount=0)[0])
            except Exception:  # it was edited while the workflow runs
                return None
    return None
