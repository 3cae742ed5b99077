"""How scripts, notebooks and wrappers are described: by source, imports and what they read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from snakemake_storage_plugin_seqstore.workflow.code import interpreters, notebooks, reading
from snakemake_storage_plugin_seqstore.workflow.code.modules import Imported, Modules
from snakemake_storage_plugin_seqstore.workflow.code.python_source import (
    COUNTED,
    EVERYTHING,
    Reading,
    read,
)
from snakemake_storage_plugin_seqstore.workflow.deployment import deployed
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import Unknown

_LANGUAGES = {".R": "R", ".Rmd": "R", ".jl": "Julia", ".rs": "Rust", ".sh": "bash"}


@dataclass
class _Script:
    """A source as far as it is the same for all jobs of a rule."""

    parts: dict[str, Any]
    attributes: set[str]
    named: reading.Named


_SCRIPTS: WeakKeyDictionary[Any, dict[Any, _Script]] = WeakKeyDictionary()


def script_parts(job: Any, params: Any, surroundings: Surroundings) -> tuple[str, dict[str, Any]]:
    """Describe the script, notebook or wrapper of a job.

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
    (str, dict)
        The operation, and what counts by name.

    Raises
    ------
    Unknown
        If it cannot be told what the code depends on.
    """
    rule = job.rule
    known = _SCRIPTS.setdefault(surroundings, {})
    path = rule.script or rule.notebook or rule.wrapper
    kind = "script" if rule.script else "notebook" if rule.notebook else "wrapper"
    formatted = _format(str(path), job, params)
    software = deployed(job, surroundings.contents)
    key = (rule.name, formatted, software)
    if key not in known:
        known[key] = _describe(kind, formatted, job, software, surroundings)
    script = known[key]
    return kind, script.parts | reading.of_job(job, script.attributes, script.named, surroundings)


def _describe(
    kind: str, path: str, job: Any, software: str | None, surroundings: Surroundings
) -> _Script:
    rule = job.rule
    parts: dict[str, Any] = {}
    if kind == "wrapper":
        source_file, parts["declared software"] = _wrapper(path, job)
    else:
        source_file = _source_file(path, rule)
    text = _text(source_file, rule)
    name = source_file.get_filename()
    folder = _folder(source_file)
    modules = Modules(surroundings)
    _, *around = reading.shell_settings()
    suffix = os.path.splitext(name)[1]
    sourced: list[str] = []
    if suffix == ".py" or (kind == "notebook" and suffix == ".ipynb"):
        language = "Python"
        if suffix == ".ipynb":
            parts["kernel"], text = notebooks.code(text, name)
            interpreters.refuse_foreign_kernel(parts["kernel"], software)
        # A kernel has the working directory on its search path.
        found = modules.follow(read(text, name), folder, from_working_directory=kind == "notebook")
        strings = set(found.reading.strings)
    elif kind != "notebook" and suffix in _LANGUAGES:
        language = _LANGUAGES[suffix]
        sourced = _sourced(text, folder) if language == "bash" and folder else []
        found = Imported(Reading(beside=True, attributes={EVERYTHING}, reads_environment=True))
        strings = {text, *sourced} if language == "bash" else reading.names_in(text)
    else:
        raise Unknown(f"it cannot be told what {name} depends on")
    attributes = set(found.reading.attributes)
    keys = {()} if EVERYTHING in attributes else found.reading.config
    parts["config"] = reading.config(rule, keys, strings)
    named = modules.follow_scripts(found, {*strings, *around}, rule)
    if language == "Python":
        parts["software"] = interpreters.of_python(found, job, software, surroundings)
    else:
        sources = [text, *_sources(suffix, folder, named)]
        parts["software"] = interpreters.of_other(
            language, suffix, "\n".join(sources), software, surroundings
        )
        parts["user libraries"] = interpreters.user_libraries(language, surroundings)
    if found.reading.beside or found.reading.changes_path:
        if folder is None:
            raise Unknown(f"{name} may read what is beside it, at {source_file}")
        parts["beside"] = modules.below(folder)
        paths = found.reading.strings if language == "Python" else reading.names_in(text)
        for more in sourced:
            paths |= reading.names_in(more)
        parts["near"] = modules.near(folder, paths)
    parts |= {
        "source": hashlib.sha256(text.encode()).hexdigest(),
        "language": suffix,
        "shell": tuple(around),
        "modules": found.digests,
        "unpickled": modules.unpickled(found.reading, [folder] if folder else []),
        "programs": {} if software else named.programs(surroundings),
        "environment": named.environment(surroundings, found.reading.reads_environment),
    }
    return _Script(parts, set(COUNTED) if EVERYTHING in attributes else attributes, named)


def _sourced(text: str, folder: str) -> list[str]:
    """Contents of the shell scripts beside a script, or near it, that it or one of them names."""
    bases = (Path(folder), Path(folder).parent)
    scripts = [path for base in bases for path in base.glob("*/*.*sh")]
    scripts += Path(folder).rglob("*.*sh")
    waiting, found = [text], dict[Path, str]()
    while waiting:
        words = waiting.pop()
        for path in scripts:
            if path not in found and path.name in words and path.is_file():
                found[path] = path.read_text(errors="replace")
                waiting.append(found[path])
    return sorted(found.values())


def _sources(suffix: str, folder: str | None, named: reading.Named) -> Iterator[str]:
    """Contents of the scripts in R that one of them may source."""
    if suffix in (".R", ".Rmd"):
        below = [str(path) for path in Path(folder).rglob("*.[Rr]*")] if folder else []
        for path in sorted({*below, *named.paths}):
            if path.lower().endswith((".r", ".rmd")) and os.path.isfile(path):
                yield Path(path).read_text(errors="replace")


def _format(path: str, job: Any, params: Any) -> str:
    """The path of a source, which may depend on wildcards and params."""
    if "{" not in path:
        return path
    from snakemake.utils import format as format_path

    try:
        return str(format_path(path, wildcards=job.wildcards, params=params))
    except Exception as error:
        raise Unknown(f"the path {path} cannot be formatted: {error}") from None


def _source_file(path: str, rule: Any) -> Any:
    from snakemake.sourcecache import infer_source_file

    return infer_source_file(path, rule.basedir)


def _wrapper(path: str, job: Any) -> tuple[Any, str | None]:
    """The script of a wrapper, and the content of its environment file."""
    from snakemake import wrapper

    workflow = job.rule.workflow
    prefix = workflow.workflow_settings.wrapper_prefix
    try:
        source_file = wrapper.get_script(path, workflow.sourcecache, prefix=prefix)
        environment = wrapper.get_conda_env(path, prefix=prefix)
    except Exception as error:
        raise Unknown(f"its wrapper {path} cannot be found: {error}") from None
    if isinstance(source_file, dict):
        raise Unknown(f"its wrapper {path} cannot be found")
    try:
        return source_file, _text(environment, job.rule)
    except Unknown:
        return source_file, None


def _text(source_file: Any, rule: Any) -> str:
    """A source, as Snakemake will run it: from the same cache."""
    try:
        with rule.workflow.sourcecache.open(source_file) as file:
            content = file.read()
    except Exception as error:
        raise Unknown(f"{source_file} cannot be read: {error}") from None
    return str(content if isinstance(content, str) else content.decode())


def _folder(source_file: Any) -> str | None:
    if not source_file.is_local:
        return None
    return os.path.dirname(os.path.abspath(str(source_file.get_path_or_uri(secret_free=True))))
