"""From a Snakemake job to its Provenance: everything that can change what the job does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import NotCanonical, Provenance, content_id
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow import command, mentions
from snakemake_storage_plugin_seqstore.workflow.contents import Contents
from snakemake_storage_plugin_seqstore.workflow.deployment import deployed
from snakemake_storage_plugin_seqstore.workflow.software import Software
from snakemake_storage_plugin_seqstore.workflow.unknown import NotYet, Unknown

_COMPRESSED = (".gz", ".bgz", ".bz2", ".xz", ".zst", ".lz4", ".Z")


class Describer:
    """Describes the jobs of a workflow, as its files, programs and variables are now.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        The workflow.
    contents : Contents
        Says what files contain.
    nameless : callable
        Says of a rule whether the names of its files do not matter.
    is_made : callable
        Says whether the workflow makes a path or something below it.
    """

    def __init__(self, workflow: Any, contents: Contents, nameless: Any, is_made: Any) -> None:
        self.contents = contents
        self.mentions = mentions.Mentions(contents, is_made)
        self.software = Software(contents)
        self._workflow = workflow
        self._nameless = nameless

    def provenance(self, job: Any, inputs: Sequence[Version], at_start: bool = False) -> Provenance:
        """Describe a job.

        Parameters
        ----------
        job : snakemake.jobs.Job
            The job.
        inputs : sequence of Version
            What its inputs contain, in their order.
        at_start : bool
            Whether the job is about to start, so that what it was given is final.

        Raises
        ------
        Unknown
            If it cannot be told what the job depends on.
        """
        nameless = self._nameless(job.rule)
        params = job.params if at_start else _evaluated(job)
        parts: dict[str, Any] = {
            "inputs": _roles(job.input, [_content(version) for version in inputs], nameless),
            "outputs": _roles(job.output, [_demands(file, job) for file in job.output], nameless),
            "params": self._params(job, params),
            "locale": mentions.locale(),
            "variables": self._declared_variables,
        }
        operation, more = self._operation(job, params)
        parts |= more
        parts["files"] = parts.get("files", {}) | self._named_by_params(job, params)
        provenance = Provenance(
            operation,
            tuple(sorted(content_id(version.kind, version.digest) for version in inputs)),
            tuple(sorted(parts.items())),
        )
        try:
            provenance.digest()
        except NotCanonical as error:
            raise Unknown(str(error)) from None
        return provenance

    def _operation(self, job: Any, params: Any) -> tuple[str, dict[str, Any]]:
        rule = job.rule
        software = deployed(job)
        if rule.shellcmd is not None:
            return "shell", self._shell(job, params, software)
        raise Unknown("only shell commands can be reused so far")

    def _shell(self, job: Any, params: Any, software: str | None) -> dict[str, Any]:
        from snakemake.shell import shell

        text = command.symbolic(job, params)
        settings = (shell._process_prefix, shell._process_suffix)
        whole = " ".join(filter(None, (settings[0], text, settings[1])))
        executable = shell.get_executable() or "/bin/sh"
        return {
            "command": text,
            "shell": (os.path.basename(executable), *settings),
            "software": software or self.software.programs(mentions.words(whole) | {executable}),
            "files": self.mentions.files(whole, declared_paths(job)),
            "environment": self.environment(mentions.variables(whole)),
        }

    def _params(self, job: Any, params: Any) -> tuple[Any, ...]:
        """Names and values, without the places of the job's own files."""
        replaced = {path: command.Symbol(kind) for kind, path in _places(job)}
        return tuple(
            (name, _without(value, replaced, job.rule)) for name, value in params._allitems()
        )

    def _named_by_params(self, job: Any, params: Any) -> dict[str, str]:
        texts = [str(value) for value in _strings(list(params))]
        declared = declared_paths(job)
        found: dict[str, str] = {}
        for text in texts:
            found |= self.mentions.files(text, declared)
        return found

    def environment(self, names: Iterable[str]) -> dict[str, str]:
        """Salted values of the environment variables that are set."""
        return {
            name: mentions.salted(name, os.environ[name])
            for name in sorted(names)
            if name in os.environ
        }

    @cached_property
    def _declared_variables(self) -> dict[str, str]:
        return self.environment(self._workflow.envvars)


def declared_paths(job: Any) -> list[str]:
    """Paths of the inputs, outputs, log and benchmark of a job."""
    return [
        str(file) for file in (*job.input, *job.output, *job.log, job.benchmark) if file is not None
    ]


def script_path(job: Any) -> list[str]:
    """Local path of the script or notebook of a job, if it has one."""
    source = job.rule.script or job.rule.notebook
    if not source:
        return []
    path = job._path_to_source_file(source).get_path_or_uri(secret_free=True)
    return [str(path)]


def refuse_special(job: Any) -> None:
    """Refuse what cannot be described at all.

    Raises
    ------
    Unknown
        If the job streams, changes what was there, or hands over to another system.
    """
    rule = job.rule
    for file in (*job.input, *job.output):
        for flag in ("pipe", "service", "update", "before_update", "nodelocal", "from_queue"):
            if file.flags.get(flag):
                raise Unknown(f"it has a file that is marked {flag}")
    if rule.is_handover or rule.cwl is not None or rule.is_template_engine:
        raise Unknown("it is a handover, CWL or template rule")
    if job.env_modules:
        raise Unknown("environment modules do not say which software they load")


def _evaluated(job: Any) -> Any:
    """The params of a job, without making them final for it."""
    try:
        params, _ = job.rule.expand_params(job.wildcards_dict, job.input, job.output, job)
    except Exception as error:
        raise NotYet(f"its params cannot be evaluated yet: {error}") from None
    for name, value in params._allitems():
        if any(str(text) == "<TBD>" for text in _strings([value])):
            raise NotYet(f"its param {name} is not known yet")
    return params


def _roles(files: Any, contents: list[str], nameless: bool) -> tuple[Any, ...]:
    """The files by position, and their names: (name, start, end), with no end for a single one."""
    names = [_suffix(str(file)) if nameless else os.path.basename(file) for file in files]
    ranges = sorted((start, end or -1, name) for name, (start, end) in files._get_names())
    return tuple(zip(names, contents, strict=True)), tuple(ranges)


def _content(version: Version) -> str:
    return f"{version.kind}:{version.digest}" + (":x" if version.executable else "")


def _demands(file: Any, job: Any) -> str:
    """What Snakemake demands of an output before it accepts it."""
    demands = ["directory"] if file.is_directory else []
    if ensure := file.flags.get("ensure"):
        checksum = ensure.get("checksum")
        if callable(checksum):
            checksum = checksum(job.wildcards)
        demands.append(
            f"ensure {ensure['non_empty']} {ensure.get('checksum_algorithm')}:{checksum}"
        )
    return " ".join(demands)


def _suffix(path: str) -> str:
    """What a program may tell the format by: ``.fasta.gz`` of ``a.b.fasta.gz``."""
    stem, suffix = os.path.splitext(os.path.basename(path))
    return os.path.splitext(stem)[1] + suffix if suffix in _COMPRESSED else suffix


def _places(job: Any) -> Iterable[tuple[str, str]]:
    for kind in ("input", "output", "log"):
        for number, file in enumerate(getattr(job, kind)):
            yield f"{kind}:{number}", str(file)


def _strings(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, str | os.PathLike):
            yield value
        elif isinstance(value, dict):
            yield from _strings([*value.keys(), *value.values()])
        elif isinstance(value, list | tuple | set | frozenset):
            yield from _strings(value)


def _without(value: Any, replaced: dict[str, command.Symbol], rule: Any) -> Any:
    """A value with symbols in place of the job's own files and of directories."""
    kind = type(value)
    if isinstance(value, str):
        if value in replaced:
            return str(replaced[value])
        return command.without_places(str(value), rule)
    if kind is dict:
        return {
            _without(key, replaced, rule): _without(part, replaced, rule)
            for key, part in value.items()
        }
    if kind in (list, tuple, set, frozenset):
        return kind(_without(part, replaced, rule) for part in value)
    return value
