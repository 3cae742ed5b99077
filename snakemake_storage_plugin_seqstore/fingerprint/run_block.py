"""What a `run:` block does: its code and the globals that it reads, recursively."""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import logging
import os
import site
import string
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.python_source import formatted_names, names_in
from snakemake_storage_plugin_seqstore.fingerprint.source_names import (
    EVERYTHING,
    Import,
    SourceNames,
    Way,
)
from snakemake_storage_plugin_seqstore.fingerprint.symbols import Places, Symbol
from snakemake_storage_plugin_seqstore.fingerprint.values import Values, no_form
from snakemake_storage_plugin_seqstore.provenance import canonical

SourceOf = Callable[[str], str | None]
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_CONFIG: Mapping[str, Way] = {"config": ("config",)}
_OF_JOB: Mapping[str, Way] = {
    "wildcards": ("wildcards",),
    "resources": ("resources",),
    "rule": ("rule",),
}
_SHOWN = 200  # characters of a value; of a longer one its digest is kept
_OF_CLASSES = frozenset(
    (
        *("__dict__", "__weakref__", "__module__", "__qualname__", "__firstlineno__", "__doc__"),
        *("__static_attributes__", "__dataclass_fields__", "__dataclass_params__", "_abc_impl"),
        *("__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    )
)
_DESCRIPTORS = (
    *(types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType),
    *(types.MethodDescriptorType, types.ClassMethodDescriptorType, types.MethodWrapperType),
)
_HELPERS = "snakemake.utils"  # whose objects hold what users put into them


@dataclass(frozen=True)
class RunBlock:
    """What counts of a `run:` block, whatever the job.

    Parameters
    ----------
    parts : dict
        ``code``, a digest, and ``globals`` by name: texts that `canonical` takes.
    names : SourceNames
        Config keys, wildcards, resources, variables and modules that the code names.
    local_modules : tuple of str
        Paths of the modules' files that its globals come from and that are not installed.
    commands : tuple of str
        Literal commands that it gives to ``shell``, with symbols for what is formatted into them.
    """

    parts: dict[str, Any]
    names: SourceNames
    local_modules: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def read_run_block(
    run_func: FunctionType,
    namespace: Mapping[str, Any],
    source_of: SourceOf,
    places: Places = (),
    snakemake_globals: Mapping[str, Any] | None = None,
) -> RunBlock:
    """Read a `run:` block.

    Parameters
    ----------
    run_func : function
        The function that Snakemake made of it, ``rule.run_func``.
    namespace : mapping
        The globals of the rule's module.
    source_of : callable
        Gives for the ``co_filename`` of a code object the Python source that it was compiled from,
        with the same line numbers (for a Snakefile what Snakemake's parser makes of it), or None.
        Without it the code object itself counts.
    places : tuple of (str, Symbol)
        Directories that do not count.
    snakemake_globals : mapping, optional
        What Snakemake puts into each Snakefile (``workflow.vanilla_globals``): such objects do not
        count as long as they are the same.

    Raises
    ------
    Unknown
        If it reads a global that has no form; the message names it.
    """
    reader = _Reader(namespace, source_of, places, snakemake_globals or {})
    code = reader.code(run_func.__code__, namespace, is_block=True)
    return RunBlock(
        {"code": code, "globals": dict(sorted(reader.found.items()))},
        reader.names,
        tuple(sorted(reader.local_modules)),
        tuple(reader.commands),
    )


class _Reader:
    """Follows code through the globals that it reads."""

    def __init__(
        self,
        namespace: Mapping[str, Any],
        source_of: SourceOf,
        places: Places,
        snakemake_globals: Mapping[str, Any],
    ) -> None:
        self.found: dict[str, str] = {}
        self.names = SourceNames()
        self.local_modules: set[str] = set()
        self.commands: dict[str, None] = {}
        self._values = Values(places, other=self._other)
        self._source_of = source_of
        self._vanilla = snakemake_globals
        self._namespaces: dict[int, str] = {id(namespace): ""}
        self._kept: list[Any] = []  # so that no other object gets the same id

    def code(self, code: CodeType, namespace: Mapping[str, Any], is_block: bool = False) -> str:
        """Digest of what code does; notes what it reads."""
        read = set(_globals(code))
        node = _node(code, self._source_of(code.co_filename))
        if node is None:
            names = _names_of_code(code)
            self.names |= EVERYTHING if is_block else names
            form: Any = _form_of_code(code, self._values)
            texts = [text for text in _constants(code) if isinstance(text, str)]
        else:
            roots = {**(_CONFIG if "config" in read else {}), **(_OF_JOB if is_block else {})}
            self.names |= names_in(node, roots)
            form = [_form(each, self._values) for each in _parts(node, is_block)]
            self._note_commands(node)
            constants = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
            texts = [text for text in constants if isinstance(text, str)]
        if "shell" in read:  # it formats texts with the globals
            read |= {name for text in texts for name, _ in formatted_names(text)} - _locals(code)
        for name in sorted(read & namespace.keys()):
            self._global(namespace, name)
        return _sha256(canonical(form))

    def _global(self, namespace: Mapping[str, Any], name: str) -> None:
        value = namespace[name]
        if name == "config" or (name in self._vanilla and self._vanilla[name] is value):
            return  # of the config the keys count that code names
        if id(namespace) not in self._namespaces:
            self._kept.append(namespace)
            home = str(namespace.get("__name__", "")) if _home(namespace) else ""
            self._namespaces[id(namespace)] = f"{home or len(self._namespaces)}."
        label = self._namespaces[id(namespace)] + name
        if label not in self.found:
            self.found[label] = "..."  # while it is described
            self.found[label] = _shown(self._values.describe(value, f"the global {name}"))

    def _note_commands(self, node: ast.AST) -> None:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and call.args and isinstance(call.func, ast.Name):
                first = call.args[0]
                if call.func.id == "shell" and isinstance(first, ast.Constant):
                    self.commands[_with_symbols(str(first.value))] = None

    def _other(self, value: Any, name: str) -> Any:
        if value is os.environ:
            return ("environ",)
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, logging.Logger | logging.LoggerAdapter):
            return ("logger",)
        if isinstance(value, FunctionType):
            return self._function(value, name)
        if isinstance(value, type):
            return self._class(value, name)
        if isinstance(value, types.BuiltinFunctionType):
            owner = value.__self__
            if owner is None or isinstance(owner, ModuleType):
                return ("builtin", value.__module__ or "", value.__qualname__)
            return ("method", self._values.describe(owner, name), value.__name__)
        if isinstance(value, _DESCRIPTORS):
            return ("descriptor", value.__name__)
        parts = _parts_of_callable(value)
        if parts is not None:
            kind = type(value).__name__
            return (kind, [self._values.describe(part, name) for part in parts])
        return self._object(value, name)

    def _module(self, module: ModuleType) -> Any:
        file = getattr(module, "__file__", None)
        if file and not _is_installed(file):
            self.local_modules.add(os.path.abspath(file))
        return ("module", module.__name__)

    def _function(self, value: FunctionType, name: str) -> Any:
        home = _home(value.__globals__)
        closure = []
        if home is not None:
            self._module(home)
            if not _is_local(home) and _has(home, value.__qualname__, value):
                return ("function", home.__name__, value.__qualname__)
        for cell in value.__closure__ or ():
            try:
                closure.append(self._values.describe(cell.cell_contents, name))
            except ValueError:
                closure.append(("empty",))
        if home is not None and not _is_local(home):
            return ("function", home.__name__, value.__qualname__, closure)
        defaults = (value.__defaults__, value.__kwdefaults__)
        described = [self._values.describe(each, f"a default of {name}") for each in defaults]
        return ("function", self.code(value.__code__, value.__globals__), closure, described)

    def _class(self, value: type, name: str) -> Any:
        home = _home_of_class(value)
        if home is not None:
            self._module(home)
            if not _is_local(home):
                return ("class", value.__module__, value.__qualname__)
        if issubclass(value, tuple) and hasattr(value, "_fields"):
            return ("named tuple", value.__qualname__, list(value._fields))
        members = {
            key: self._values.describe(part, f"{name}.{key}")
            for key, part in sorted(vars(value).items())
            if key not in _OF_CLASSES
        }
        bases = [self._values.describe(base, name) for base in value.__bases__]
        return ("class", value.__name__, bases, members)

    def _object(self, value: Any, name: str) -> Any:
        kind = type(value)
        home = _home_of_class(kind)
        if home is not None and kind.__module__ != _HELPERS and not _is_local(home):
            if kind.__module__.partition(".")[0] == "snakemake":
                return ("snakemake", kind.__qualname__)
            raise no_form(value, name)
        slots = {slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ())}
        held = {slot: getattr(value, slot) for slot in sorted(slots) if hasattr(value, slot)}
        if not held and not hasattr(value, "__dict__"):
            raise no_form(value, name)
        held |= vars(value) if hasattr(value, "__dict__") else {}
        described = {
            key: self._values.describe(part, f"{name}.{key}") for key, part in held.items()
        }
        return ("object", self._values.describe(kind, name), described)


def _parts_of_callable(value: Any) -> tuple[Any, ...] | None:
    """What a callable or descriptor is made of that stands around others."""
    match value:
        case types.MethodType():
            return (value.__self__, value.__func__)
        case functools.partial():
            return (value.func, value.args, value.keywords)
        case staticmethod() | classmethod():
            return (value.__func__,)
        case property():
            return (value.fget, value.fset, value.fdel)
        case functools.cached_property():
            return (value.func,)
        case functools._lru_cache_wrapper():
            return (value.__wrapped__,)
    return None


# --- code ---


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _codes(value)


def _globals(code: CodeType) -> Iterator[str]:
    """Names of the globals that code reads."""
    for each in _codes(code):
        for step in dis.get_instructions(each):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                yield step.argval


def _locals(code: CodeType) -> set[str]:
    return {
        name
        for each in _codes(code)
        for name in (*each.co_varnames, *each.co_cellvars, *each.co_freevars)
    }


def _constants(code: CodeType) -> Iterator[Any]:
    for each in _codes(code):
        yield from each.co_consts


def _names_of_code(code: CodeType) -> SourceNames:
    """What can be told without a source: modules, and whether the config is read."""
    steps = [step for each in _codes(code) for step in dis.get_instructions(each)]
    modules = dict.fromkeys(step.argval for step in steps if step.opname == "IMPORT_NAME")
    reads_config = any(name == "config" for name in _globals(code))
    config: frozenset[Way] = frozenset({()}) if reads_config else frozenset()
    return SourceNames(config=config, imports=tuple(map(Import, modules)))


def _form_of_code(code: CodeType, values: Values) -> Any:
    """A form of a code object: what it does, not where it stands."""
    return (
        code.co_code,
        [
            _form_of_code(each, values)
            if isinstance(each, CodeType)
            else values.describe(each, "code")
            for each in code.co_consts
        ],
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        code.co_exceptiontable,
    )


def _node(code: CodeType, source: str | None) -> _Function | None:
    """The function of a code object in its source; None if that is not there or not clear."""
    if source is None:
        return None
    found = _functions(source).get((code.co_firstlineno, code.co_name), [])
    return found[0] if len(found) == 1 else None


@functools.lru_cache(maxsize=64)
def _functions(source: str) -> dict[tuple[int, str], list[_Function]]:
    found: dict[tuple[int, str], list[_Function]] = {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found.setdefault((node.lineno, "<lambda>"), []).append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            line = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found.setdefault((line, node.name), []).append(node)
    return found


def _parts(node: _Function, is_block: bool) -> list[ast.AST]:
    """What counts of a function: not its name; of a block not the arguments either."""
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    return [*body] if is_block else [node.args, *body]


def _form(node: Any, values: Values) -> Any:
    """A form of a node: without places in the source, comments and docstrings."""
    if isinstance(node, ast.Constant):
        return ("constant", values.describe(node.value, "code"))
    if isinstance(node, ast.AST):
        fields = [
            (name, _form(value, values))
            for name, value in ast.iter_fields(node)
            if value not in (None, []) and name not in ("ctx", "kind", "type_comment")
        ]
        return (type(node).__name__, fields)
    if isinstance(node, list):
        return [_form(each, values) for each in node if not _is_docstring(each)]
    return node


def _is_docstring(node: Any) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def _with_symbols(command: str) -> str:
    """A command as it is given to ``shell``, with symbols for its fields."""
    try:
        parts = [*string.Formatter().parse(command)]
    except ValueError:
        return command
    return "".join(text + (Symbol(name) if name is not None else "") for text, name, *_ in parts)


# --- where things come from ---


def _home(namespace: Mapping[str, Any]) -> ModuleType | None:
    """The module whose globals these are; None for those of a Snakefile."""
    name = namespace.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return module if module is not None and vars(module) is namespace else None


def _home_of_class(kind: type) -> ModuleType | None:
    """The module that a class is from; None for one of a Snakefile, or made by a function."""
    module = sys.modules.get(kind.__module__ or "")
    return module if module is not None and _has(module, kind.__qualname__, kind) else None


def _has(module: ModuleType, name: str, value: Any) -> bool:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value


def _is_local(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and not _is_installed(str(file))


def _is_installed(path: str) -> bool:
    """Whether a path belongs to Python or an installed package."""
    return path.startswith(_prefixes()) or path.endswith(".zip")


@functools.cache
def _prefixes() -> tuple[str, ...]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.__file__)]
    every = {form for path in paths for form in (path, os.path.realpath(path))}
    return tuple(sorted(f"{path}/" for path in every))


def _shown(form: Any) -> str:
    text = canonical(form, "global")
    return text if len(text) <= _SHOWN else _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
