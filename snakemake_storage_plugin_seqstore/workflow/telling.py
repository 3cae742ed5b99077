"""From a job to what it is told: everything of the key of its result."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from snakemake_storage_plugin_seqstore import bundled
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.fingerprint.handed import with_handed
from snakemake_storage_plugin_seqstore.fingerprint.plain import PlainReader, PlainReads
from snakemake_storage_plugin_seqstore.fingerprint.run_block import RunBlock, read_run_block
from snakemake_storage_plugin_seqstore.fingerprint.script_source import (
    counted_source,
    names_in_sources,
)
from snakemake_storage_plugin_seqstore.fingerprint.shell_command import ShellCommand, read_command
from snakemake_storage_plugin_seqstore.fingerprint.source_names import SourceNames, Way, of_ways
from snakemake_storage_plugin_seqstore.fingerprint.symbols import (
    Places,
    Symbol,
    Whole,
    without_places,
)
from snakemake_storage_plugin_seqstore.fingerprint.task import Operation, Told
from snakemake_storage_plugin_seqstore.fingerprint.values import Values
from snakemake_storage_plugin_seqstore.fingerprint.variables import salted
from snakemake_storage_plugin_seqstore.provenance import NotCanonical
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.unknown import Unknown
from snakemake_storage_plugin_seqstore.workflow import (
    input_numbers,
    snakemake_api,
    snakemake_params,
    snakemake_sources,
)
from snakemake_storage_plugin_seqstore.workflow.counted_files import demands, roles_of
from snakemake_storage_plugin_seqstore.workflow.deployment import deployed
from snakemake_storage_plugin_seqstore.workflow.named_parts import digests, named_parts
from snakemake_storage_plugin_seqstore.workflow.symbolic_command import symbolic
from snakemake_storage_plugin_seqstore.workflow.track_operation import provenance_of

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.workflow.snakemake_types import Job, Rule, Workflow

# A command that has nothing else is the same for all jobs of a rule.
_SYMBOLS = frozenset(
    ("input", "output", "log", "threads", "jobid", "bench_iteration", "rule", "name", "rulename")
)


@dataclass(frozen=True)
class Code:
    """The code of a job, as far as it is the same for other jobs of its rule.

    Parameters
    ----------
    operation : Operation
        What is done.
    names : SourceNames
        What the code names literally of its job; nothing for a command, which is formatted.
    command : ShellCommand or None
        What a shell command names.
    folder : str or None
        Where a script is.
    in_workdir : bool
        Whether Python finds modules in the working directory.
    local_modules : tuple of str
        Local modules that a `run:` block uses.
    """

    operation: Operation
    names: SourceNames = SourceNames()  # noqa: RUF009 it is frozen
    command: ShellCommand | None = None
    folder: str | None = None
    in_workdir: bool = False
    local_modules: tuple[str, ...] = ()


class Teller:
    """Says what the jobs of a workflow are told.

    Parameters
    ----------
    workflow : Workflow
        The workflow.
    nameless : callable
        Says of a rule whether the names of its files do not matter.
    secret : frozenset of str
        Names of params of which only a digest may be kept.
    contents : Contents
        Says what local files contain.
    """

    def __init__(
        self,
        workflow: Workflow,
        nameless: Callable[[Rule], bool],
        secret: frozenset[str],
        contents: Contents,
    ) -> None:
        self._workflow = workflow
        self._nameless = nameless
        self._secret = secret
        self._contents = contents
        self._workdir = os.getcwd()
        self._texts: dict[Any, str] = {}
        self._places: dict[Rule, Places] = {}
        self._codes: dict[tuple[Any, ...], Code | Unknown] = {}
        self._jobs: dict[Job, tuple[Any, Code]] = {}

    def anew(self, contents: Contents) -> Teller:
        """One that reads all sources again; what does not change in a run it knows."""
        teller = copy(self)
        teller._contents = contents
        teller._codes, teller._jobs = {}, {}
        return teller

    def tell(
        self, job: Job, inputs: Sequence[Version], before: Sequence[Version | None] = ()
    ) -> Told:
        """What a job is told.

        Parameters
        ----------
        inputs : sequence of Version
            What its inputs contain, in their order.
        before : sequence of Version or None
            What is there before of the outputs that it updates, in their order.

        Raises
        ------
        Unknown
            If it cannot be told.
        """
        try:
            return self._told(job, *self._params_and_code(job), inputs, before)
        except NotCanonical as error:
            raise Unknown(str(error)) from None

    def instructions(self, job: Job) -> str:
        """Digest of what a job is told but for its inputs' content; empty if that is unknown.

        The process of a job reads the Snakefile again: what it is told must be the same there.
        """
        try:
            return self.tell(job, [Version("", "file", 0)] * len(job.input)).key
        except Unknown:
            return ""

    def plain_reads(self, job: Job) -> PlainReads:
        """What is plain from the code of a job, as files are now; nothing if that is unknown."""
        code = self._known_code(job)
        if code is None:
            return PlainReads()
        reader = self._reader(job)
        found = reader.of_source(code.names, code.folder, code.in_workdir, code.local_modules)
        return found | reader.of_command(code.command) if code.command else found

    def named_in(self, job: Job, paths: Iterable[str]) -> dict[str, str]:
        """What sources that a job read name of ``snakemake`` which its own script does not name.

        R, Julia and bash share it with what they source.

        Returns
        -------
        dict of str to str
            By its way, as JSON, the SHA-256 of what it is; nothing if that is unknown.
        """
        rule = job.rule
        if not (rule.script or rule.notebook or rule.wrapper):
            return {}
        ways = names_in_sources(paths, _content).ways
        code = self._known_code(job) if ways else None
        return self._digests(job, sorted(ways - code.names.ways, key=repr)) if code else {}

    def behind(self, job: Job, ways: Iterable[str]) -> dict[str, str]:
        """What is behind ways from ``snakemake`` now, as `named_in` has it."""
        return self._digests(job, map(tuple, map(json.loads, ways)))

    def _digests(self, job: Job, ways: Iterable[Way]) -> dict[str, str]:
        try:
            return digests(job, ways, self._values(job))
        except (Unknown, NotCanonical):
            return {}

    def runs_container(self, job: Job) -> bool:
        """Whether the command of a job starts a container, into which nobody sees."""
        code = self._known_code(job)
        return code is not None and code.command is not None and code.command.is_container

    def _known_code(self, job: Job) -> Code | None:
        try:
            return self._params_and_code(job)[1]
        except (Unknown, NotCanonical):
            return None

    def _reader(self, job: Job) -> PlainReader:
        """What follows code to local files, as they are now."""
        symbols: dict[str, str] = {}
        for place, symbol in self.places(job.rule):
            symbols.setdefault(str(symbol), place)
        for number, file in enumerate(input_numbers.in_order(job)):
            symbols[str(Symbol(f"input:{number}"))] = str(file)
        return PlainReader(self._workdir, _content, snakemake_sources.module_path(), symbols)

    def _params_and_code(self, job: Job) -> tuple[Any, Code]:
        """What a job is told besides its files.

        Raises
        ------
        Unknown, NotCanonical
            If it cannot be told.
        """
        if job not in self._jobs:
            params = self._params(job)
            self._jobs[job] = params, self._code(job, params)
        return self._jobs[job]

    def _code(self, job: Job, params: Any) -> Code:
        rule = job.rule
        software = deployed(job, self._contents)
        shell = snakemake_api.shell_settings()
        if rule.wrapper and (own := bundled.operation(rule.wrapper)):
            return Code(Operation(own, {}))
        if rule.is_template_engine:
            return self._template(rule)
        if rule.norun:
            return Code(Operation("nothing", {}))
        if rule.shellcmd is not None:
            text = without_places(self._command(job, params), self.places(rule))
            declared = snakemake_params.declared_resource
            executable = declared(job, "shell_exec") if "shell_exec" in rule.resources else ""
            key: tuple[Any, ...] = (text, software, shell, executable)
        elif source := rule.script or rule.notebook or rule.wrapper:
            text = _formatted_path(str(source), job, params)
            key = (rule.name, text, software, shell)
        elif rule.run_func is not None:
            key = (rule.name, software, shell)
        else:
            raise Unknown("it does nothing that could be described")
        if key not in self._codes:
            try:
                self._codes[key] = self._read(job, key, software)
            except Unknown as reason:
                self._codes[key] = reason
        if isinstance(code := self._codes[key], Unknown):
            raise code
        return code

    def places(self, rule: Rule) -> Places:
        """Directories that do not count: where a job runs, its workflow, and copies of them."""
        if rule not in self._places:
            self._places[rule] = tuple(self._find_places(rule))
        return self._places[rule]

    def _find_places(self, rule: Rule) -> Iterator[tuple[str, Symbol]]:
        found = {self._workdir: Symbol("workdir")}
        if basedir := snakemake_sources.basedir(rule):
            found[basedir] = Symbol("basedir")
        if repository := snakemake_sources.repository(rule):
            found.setdefault(repository, Symbol("repository"))
        found.pop("/", None)
        copies = snakemake_sources.source_copies(self._workflow)
        copied = {f"{copies}{place}": symbol for place, symbol in found.items()}
        yield from (*found.items(), *copied.items(), *self._source_caches, *self._local_copies)

    @cached_property
    def _source_caches(self) -> Places:
        caches = snakemake_sources.source_caches(self._workflow)
        return tuple((path, Symbol(f"sources:{number}")) for number, path in enumerate(caches))

    @cached_property
    def _local_copies(self) -> Places:
        prefix = self._workflow.storage_settings.local_storage_prefix
        return ((str(prefix), Symbol("storage")),) if os.path.isabs(prefix) else ()

    def _read(self, job: Job, key: tuple[Any, ...], software: tuple[str, ...]) -> Code:
        rule = job.rule
        if rule.shellcmd is not None:
            text, _, shell, executable = key
            parts = {"command": text, "shell": (*shell, executable), "software": software}
            prefix, suffix = shell[1:]
            whole = "\n".join(part for part in (prefix, text, suffix) if part)
            return Code(self._operation("shell", parts), command=read_command(whole))
        if rule.run_func is not None and not (rule.script or rule.notebook or rule.wrapper):
            block = self._block(rule)
            parts = block.parts | {"shell": key[-1], "software": software}
            command = read_command("\n".join(block.commands)) if block.commands else None
            return Code(
                self._operation("run", parts),
                block.names,
                command,
                in_workdir=True,
                local_modules=block.local_modules,
            )
        return self._script(job, key[1], key[-1], software)

    def _script(
        self, job: Job, path: str, shell: tuple[str, ...], software: tuple[str, ...]
    ) -> Code:
        rule = job.rule
        kind = "script" if rule.script else "notebook" if rule.notebook else "wrapper"
        if kind == "wrapper":
            file = snakemake_sources.wrapper_script(path, self._workflow)
        else:
            file = snakemake_sources.source_file(path, rule)
        name = file.get_filename()
        counted, names = counted_source(snakemake_sources.source_text(file, self._workflow), name)
        parts = {
            "source": hashlib.sha256(counted.encode()).hexdigest(),
            "language": os.path.splitext(name)[1],
            "shell": shell[1:],
            "software": software,
        }
        folder = snakemake_sources.source_folder(file)
        in_workdir = kind == "notebook"
        names = with_handed(names, self._reader(job), folder, in_workdir)
        return Code(self._operation(kind, parts), names, folder=folder, in_workdir=in_workdir)

    def _block(self, rule: Rule) -> RunBlock:
        return read_run_block(
            rule.run_func,
            rule.module_globals,
            lambda path: snakemake_sources.python_of_snakefile(self._workflow, path),
            self.places(rule),
            self._workflow.vanilla_globals,
        )

    def _template(self, rule: Rule) -> Code:
        """A template, which is an input, and may use all that the engine is handed."""
        names = of_ways([("config",), ("wildcards",)])
        return Code(self._operation("template", {"engine": str(rule.template_engine)}), names)

    def _operation(self, kind: str, parts: dict[str, Any]) -> Operation:
        """What is done, with the variables that the workflow declares."""
        declared = salted(self._workflow.envvars, os.environ)
        kept = {name: part for name, part in parts.items() if part}
        return Operation(kind, kept | ({"variables": declared} if declared else {}))

    def _command(self, job: Job, params: Any) -> str:
        """The command with symbols; formatted once where it is the same for all jobs of a rule."""
        rule = job.rule
        shape = tuple(
            (len(files), tuple(files._get_names())) for files in (job.input, job.output, job.log)
        )
        assert rule.shellcmd is not None
        if (rule, shape) in self._texts:
            return self._texts[rule, shape]
        text = symbolic(job, params)
        if snakemake_api.fields(rule.shellcmd) <= _SYMBOLS:
            self._texts[rule, shape] = text
        return text

    def _params(self, job: Job) -> Any:
        """The params that a job is told, with digests in place of those that are secret."""
        params = snakemake_params.declared_params(job)
        if self._secret.isdisjoint(name for name, _ in params._get_names()):
            return params
        digests = [
            Whole(f"secret:{salted([name], {name: str(value)})[name]}")
            if name in self._secret
            else value
            for name, value in params._allitems()
        ]
        return snakemake_params.with_params(params, digests)

    def _values(self, job: Job) -> Values:
        files = {"input": input_numbers.in_order(job), "output": job.output, "log": job.log}
        return Values(self.places(job.rule), files)

    def _told(
        self,
        job: Job,
        params: Any,
        code: Code,
        inputs: Sequence[Version],
        before: Sequence[Version | None],
    ) -> Told:
        rule, places, values = job.rule, self.places(job.rule), self._values(job)
        nameless = not code.operation.parts or self._nameless(rule)
        in_order = input_numbers.in_order(job)
        versions = [inputs[place] for place in input_numbers.places(job)]
        contents = [version.identity for version in versions]
        ancient: dict[str, str] = {}
        for number, file in enumerate(in_order):
            if snakemake_api.is_ancient(file):
                ancient[str(number)], contents[number] = contents[number], "ancient"
        varying: dict[str, Any] = {
            "inputs": roles_of(in_order, input_numbers.names(job), contents, nameless, places),
            "outputs": roles_of(
                job.output,
                dict(job.output._get_names()),
                [demands(file, job) for file in job.output],
                nameless,
                places,
            ),
            "params": tuple(
                (name, values.describe(value, f"its param {name}"))
                for name, value in (params._allitems() if rule.params else ())
            ),
        }
        if before:
            varying["before"] = tuple(each.identity if each else "" for each in before)
        varying |= dict(named_parts(job, code.names, values))
        counted = [
            (each.kind, each.digest)
            for number, each in enumerate(versions)
            if str(number) not in ancient
        ]
        made = provenance_of(job, params, inputs)
        return Told(code.operation, counted, varying, ancient, made)


def _formatted_path(path: str, job: Job, params: Any) -> str:
    """The path of a source, which may depend on wildcards and params."""
    if "{" not in path:
        return path
    try:
        return snakemake_api.formatted(path, wildcards=job.wildcards, params=params)
    except Exception as error:
        raise Unknown(f"the path {path} cannot be formatted: {error}") from None


def _content(path: str) -> bytes | None:
    """What a source contains; None if it is not there."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
