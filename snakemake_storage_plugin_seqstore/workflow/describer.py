"""From a Snakemake job to its Provenance: everything that can change what the job does."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from functools import cached_property, partial
from typing import Any

from snakemake_storage_plugin_seqstore import bundled
from snakemake_storage_plugin_seqstore.provenance import NotCanonical, canonical
from snakemake_storage_plugin_seqstore.store import Version
from snakemake_storage_plugin_seqstore.workflow import (
    command,
    conventions,
    mentions,
    unseen,
    variables,
)
from snakemake_storage_plugin_seqstore.workflow.code import reading, run, scripts
from snakemake_storage_plugin_seqstore.workflow.code.followed import Followed
from snakemake_storage_plugin_seqstore.workflow.code.reading import Named
from snakemake_storage_plugin_seqstore.file_hashes import Contents
from snakemake_storage_plugin_seqstore.workflow.deployment import deployed
from snakemake_storage_plugin_seqstore.workflow.description import (
    Description,
    Operation,
    digest_of,
)
from snakemake_storage_plugin_seqstore.workflow.directories import Directories
from snakemake_storage_plugin_seqstore.workflow.files import label, may_be_made
from snakemake_storage_plugin_seqstore.workflow.jobs import declared_paths, written_paths
from snakemake_storage_plugin_seqstore.workflow.lists import is_list
from snakemake_storage_plugin_seqstore.workflow.plain import Plain
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import NotYet, Unknown

_TOLD = ("code", "globals", "command", "config", "source")  # by a Snakefile, and by its config
_INPUT = re.compile(r"\0input:(\d+)\0")
_BESIDE_INPUT = re.compile(r"""[^\s;|&()<>"'`]\0input:|\0input:\d+\0[^\s;|&()<>"'`]""")
_INPUT_ASSIGNED = re.compile(r"""\w=["']?\0input:""")
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
    before : Describer, optional
        One that was made earlier: what cannot have changed since is taken from it.
    """

    def __init__(
        self,
        workflow: Any,
        contents: Contents,
        nameless: Callable[[Any], bool],
        is_made: Callable[[str], bool],
        before: Describer | None = None,
    ) -> None:
        directories: Directories = before.surroundings.directories if before else Directories()
        self.surroundings: Surroundings = Surroundings(contents, is_made, directories)
        self._workflow = workflow
        self._nameless = nameless
        self._commands: dict[Any, str] = {}
        self._fixed_commands: dict[Any, str] = before._fixed_commands if before else {}
        self._known: dict[Any, Operation] = before._known if before else {}
        self._environment = dict(os.environb)
        known = before is not None and before._environment == self._environment
        self._plain: dict[tuple[Any, ...], Plain] = before._plain if before and known else {}
        self._operations: dict[tuple[Any, ...], tuple[Operation, bool]] = {}
        self._followed: dict[tuple[Any, ...], Followed] = {}
        self._known_places: dict[Any, command.Places] = before._known_places if before else {}

    def describe(self, job: Any, inputs: Sequence[Version], at_start: bool = False) -> Description:
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
        params = job.params if at_start else _evaluated(job)
        own_wrapper = bundled.operation(job.rule.wrapper) if job.rule.wrapper else None
        nameless = own_wrapper is not None or self._nameless(job.rule)
        try:
            operation, files = self._operation(job, params, own_wrapper)
            outputs = [_demands(file, job) for file in job.output]
            contents = [each.identity for each in inputs]
            places = self._places(job.rule)
            varying = {
                "inputs": _roles(job.input, contents, nameless, places),
                "outputs": _roles(job.output, outputs, nameless, places),
                "params": _params(job, params, places),
                "files": files,
            }
            return Description(operation, inputs, varying)
        except Unknown:
            raise
        except NotCanonical as error:
            raise Unknown(_not_canonical(params) or str(error)) from None
        except Exception as error:  # a job that is not understood is computed
            raise Unknown(f"it is not understood: {type(error).__name__}: {error}") from error

    def instructions(self, job: Any) -> str:
        """Digest of what a Snakefile tells a job to do, and with which files.

        Raises
        ------
        Unknown
            If it cannot be told.
        """
        parts = self._operation(job, job.params, None)[0].parts
        told = {name: parts[name] for name in _TOLD if name in parts}
        try:
            params = _params(job, job.params, self._places(job.rule))
            return digest_of({**told, "params": params, "files": declared_paths(job)})
        except NotCanonical as error:
            raise Unknown(str(error)) from None

    def _operation(
        self, job: Any, params: Any, own_wrapper: str | None
    ) -> tuple[Operation, dict[str, str]]:
        """What a job does, and the undeclared files that it names."""
        rule = job.rule
        if own_wrapper:
            return Operation(own_wrapper, {}), self._files(job, params)
        if rule.shellcmd is not None:
            text = self._command(job, params)
            shell = job.resources["shell_exec"] if "shell_exec" in rule.resources else ""
            given = self._scripts_given(job)
            whole = (text, deployed(job, self.surroundings.contents), shell, given)
            if whole not in self._operations:
                self._operations[whole] = self._shell_operation(rule, whole)
            operation, is_plain = self._operations[whole]
            if is_plain:
                return operation, self._files(job, params)
            followed = self._follow(rule, text, given)
            commands = (_with_inputs(job, text), *self._around, *followed.texts)
            return operation, self._files(job, params, commands, followed.named)
        if rule.script or rule.notebook or rule.wrapper:
            kind, parts = scripts.script_parts(job, params, self.surroundings)
        elif rule.run_func is not None:
            kind, parts = "run", run.run_parts(job, params, self.surroundings)
        else:
            raise Unknown("it does nothing that could be described")
        files = parts.pop("files", {}) | self._files(job, params)
        parts |= self._of_all_jobs
        return Operation(kind, parts), files

    def _command(self, job: Any, params: Any) -> str:
        """The command with symbols; formatted once where it is the same for all jobs of a rule."""
        rule = job.rule
        shape = tuple(
            (len(files), tuple(files._get_names())) for files in (job.input, job.output, job.log)
        )
        fields = command.fields(rule.shellcmd)
        known = self._fixed_commands if fields <= command.SYMBOLS else self._commands
        text = known.get((rule, shape))
        if text is None:
            text = command.symbolic(job, params)
            if fields.isdisjoint(("params", "wildcards", "resources")):
                known[rule, shape] = text
        return text

    def _shell_operation(self, rule: Any, whole: tuple[Any, ...]) -> tuple[Operation, bool]:
        """What a command does, and whether it names nothing but programs."""
        text, _, _, given = whole
        what = rule, whole, reading.shell_settings()
        plain = self._plain.get(what)
        if plain and plain.holds(self.surroundings):
            return plain.operation, True
        parts, candidates = self._shell(rule, *whole)
        operation = Operation("shell", parts | self._of_all_jobs)
        # Its parts are texts only, so that equal ones have the same digest.
        if self._known.get(rule) != operation:
            self._known[rule] = operation
        operation = self._known[rule]
        missing = self._missing(rule, text, given)
        programs = self.surroundings.software.evidence(candidates)
        if missing is None or programs is None:
            return operation, False
        if dict(os.environb) == self._environment:
            self._plain[what] = Plain(operation, missing, programs)
        return operation, True

    def _missing(self, rule: Any, text: str, given: tuple[str, ...]) -> set[str] | None:
        """The files that a command would name, were they there; None if it may name others."""
        if given or _is_beside_input(text) or _assigns_input(text):
            return None
        return self._follow(rule, text, given).missing

    def _shell(
        self, rule: Any, text: str, software: str | None, shell: str, given: tuple[str, ...]
    ) -> tuple[dict[str, Any], Set[str]]:
        """What counts of a command, and the words that may name programs."""
        executable, *around = reading.shell_settings()
        before, after, _ = self._around
        followed = self._follow(rule, text, given)
        whole = " ".join([before, text, after, *followed.texts])
        unseen.refuse(whole)
        words = mentions.words(whole)
        named = followed.named
        candidates = words | {executable} | variables.words_in_values(whole) | followed.listed
        if named:
            candidates |= named.words()
        programs = {} if software else self.surroundings.software.programs(candidates)
        names = variables.named(whole) | followed.variables
        names |= conventions.variables(words.union(programs))
        environment = self.surroundings.environment(names)
        if named:
            environment |= named.environment(
                self.surroundings, followed.imported.reading.reads_environment
            )
        packages = self.surroundings.packages.of(sorted(followed.imported.packages))
        parts = {
            "command": command.without_places(text, self._places(rule)),
            "shell": (os.path.basename(executable), *around, shell),
            "software": software or programs | packages,
            "modules": followed.imported.digests,
            "environment": environment,
        }
        return parts, candidates

    def _follow(self, rule: Any, text: str, given: tuple[str, ...]) -> Followed:
        """The scripts that a command runs: those that it names, and those that it is given."""
        key = rule, text, given
        if key not in self._followed:
            texts = (text, *self._around)
            self._followed[key] = Followed(self.surroundings, rule, texts, given)
        return self._followed[key]

    def _scripts_given(self, job: Any) -> tuple[str, ...]:
        """Paths of the sources among a job's inputs that are scripts."""
        return tuple(
            str(file)
            for file in job.input
            if not file.is_storage
            and reading.is_named_as_script(str(file))
            and reading.language_of(str(file), self.surroundings.contents)
            and not may_be_made(self._workflow, file)
        )

    def _lists_given(self, job: Any) -> Iterator[str]:
        """Paths of the sources among a job's inputs that may name what it reads besides."""
        for file in job.input:
            if is_list(file) and not file.is_storage and not self.surroundings.is_made(file):
                yield str(file)

    def _files(
        self, job: Any, params: Any, commands: Iterable[str] = (), named: Named | None = None
    ) -> dict[str, str]:
        """What undeclared files contain that commands, scripts, params or declared lists name."""
        found = named.files(job, self.surroundings) if named else {}
        texts = [*commands, *map(str, _strings(list(params)))]
        undeclared: dict[str, str] = {}
        if naming := list(filter(self.surroundings.mentions.names_files, texts)):
            declared, written = declared_paths(job), written_paths(job)
            for text in naming:
                undeclared |= self.surroundings.mentions.files(text, declared, written)
        if lists := list(self._lists_given(job)):
            undeclared |= self.surroundings.mentions.listed(lists, declared_paths(job))
        if undeclared:
            places = self._places(job.rule)
            found |= {command.without_places(path, places): undeclared[path] for path in undeclared}
        return dict(sorted(found.items()))

    def _places(self, rule: Any) -> command.Places:
        if rule not in self._known_places:
            self._known_places[rule] = command.places(rule)
        return self._known_places[rule]

    @cached_property
    def _around(self) -> tuple[str, str, str]:
        return reading.around_commands()

    @cached_property
    def _of_all_jobs(self) -> dict[str, Any]:
        return {"locale": variables.locale(), "variables": self._declared_variables}

    @cached_property
    def _declared_variables(self) -> dict[str, str]:
        return self.surroundings.environment({*self._workflow.envvars, *conventions.OF_ALL})


def _is_beside_input(text: str) -> bool:
    return _BESIDE_INPUT.search(text) is not None  # {input}.idx


def _assigns_input(text: str) -> bool:
    return "${" in text and _INPUT_ASSIGNED.search(text) is not None  # i={input}; cat ${i%.txt}.idx


def _with_inputs(job: Any, text: str) -> str:
    """A command with the paths of inputs where it may make other paths of them."""
    if _is_beside_input(text):
        return _INPUT.sub(lambda match: str(job.input[int(match.group(1))]), text)
    return _INPUT.sub(partial(_local_input, job), text) if _assigns_input(text) else text


def _local_input(job: Any, match: re.Match[str]) -> str:
    """The path of an input beside which there may be others; what is stored has none."""
    file = job.input[int(match.group(1))]
    return match.group() if file.is_storage else str(file)


def _evaluated(job: Any) -> Any:
    """The params of a job, without making them final for it."""
    if not job.rule.params:
        return job.rule.params
    try:
        params, _ = job.rule.expand_params(job.wildcards_dict, job.input, job.output, job)
    except Exception as error:
        raise NotYet(f"its params cannot be evaluated yet: {error}") from None
    for name, value in params._allitems():
        if any(str(text) == "<TBD>" for text in _strings([value])):
            raise NotYet(f"its param {name} is not known yet")
    return params


def _roles(
    files: Any, contents: list[str], nameless: bool, places: command.Places
) -> tuple[Any, ...]:
    """The files by position, and their names: (name, start, end), with no end for a single one.

    Programs like ``md5sum`` write the path that they are given into their results.
    """
    names = [_suffix(str(file)) if nameless else _name(file, places) for file in files]
    ranges = sorted((start, end or -1, name) for name, (start, end) in files._get_names())
    return tuple(zip(names, contents, strict=True)), tuple(ranges)


def _name(file: Any, places: command.Places) -> str:
    """The path of a file without places; Snakemake copies sources to wherever it has its cache."""
    if file.flags.get("sourcecache_entry"):
        return os.path.basename(str(file))
    return command.without_places(label(file), places)


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


def _not_canonical(params: Any) -> str:
    """Which param has no canonical form, in words."""
    for name, value in params._allitems():
        try:
            canonical(value, f"its param {name}")
        except NotCanonical as error:
            return str(error)
    return ""


def _params(job: Any, params: Any, places: command.Places) -> tuple[Any, ...]:
    """Names and values, without the places of the job's own files."""
    if not params:
        return ()
    replaced = {path: command.Symbol(kind) for kind, path in _own_files(job)}
    return tuple((name, _without(value, replaced, places)) for name, value in params._allitems())


def _own_files(job: Any) -> Iterable[tuple[str, str]]:
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


def _without(value: Any, replaced: dict[str, command.Symbol], places: command.Places) -> Any:
    """A value with symbols in place of the job's own files and of directories."""
    kind = type(value)
    if isinstance(value, str):
        if value in replaced:
            return str(replaced[value])
        return command.without_places(str(value), places)
    if kind is dict:
        return {
            _without(key, replaced, places): _without(part, replaced, places)
            for key, part in value.items()
        }
    if kind in (list, tuple, set, frozenset):
        return kind(_without(part, replaced, places) for part in value)
    return value
