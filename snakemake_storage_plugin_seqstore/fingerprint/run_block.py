"""What a `run:` block does: its code and the globals that it reads, recursively."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import site
import string
import struct
import sys
import sysconfig
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.function_source import FunctionSource
from snakemake_storage_plugin_seqstore.fingerprint.source_names import EVERYTHING, SourceNames, Way
from snakemake_storage_plugin_seqstore.fingerprint.symbols import Places, Symbol
from snakemake_storage_plugin_seqstore.fingerprint.values import (
    CONTAINERS,
    MAPPINGS,
    Values,
    no_form,
)
from snakemake_storage_plugin_seqstore.provenance import canonical

SourceOf = Callable[[str], str | None]
_CONFIG: Mapping[str, Way] = {"config": ("config",)}
_OF_JOB: Mapping[str, Way] = {
    "wildcards": ("wildcards",),
    "resources": ("resources",),
    "rule": ("rule",),
}
_SHOWN = 200  # characters of a value that are kept; of a longer one, or part, its digest is
_MOST_SHOWN = 10_000  # characters of a mapping, part by part
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
        function = FunctionSource(code, self._source_of(code.co_filename))
        roots = {
            **(_CONFIG if "config" in function.globals else {}),
            **(_OF_JOB if is_block else {}),
        }
        named = function.names(roots)
        self.names |= EVERYTHING | named if is_block and not function.has_source else named
        self.commands |= dict.fromkeys(map(_with_symbols, function.commands()))
        spaces: list[tuple[Mapping[str, Any], set[str]]] = [(namespace, function.globals)]
        for space, read in spaces:  # which grows: what is read of a local module is a global, too
            for name in sorted(read & space.keys()):
                self._global(space, name, function)
                value = space[name]
                is_local = isinstance(value, ModuleType) and _is_local(value)
                if is_local and all(each is not vars(value) for each, _ in spaces):
                    spaces.append((vars(value), function.attributes))
        return _sha256(canonical(function.form(self._values, is_block)))

    def _global(self, namespace: Mapping[str, Any], name: str, function: FunctionSource) -> None:
        value = namespace[name]
        if name == "config" or (name in self._vanilla and self._vanilla[name] is value):
            return  # of the config the keys count that code names
        if id(namespace) not in self._namespaces:
            self._kept.append(namespace)
            home = str(namespace.get("__name__", "")) if _home(namespace) else ""
            self._namespaces[id(namespace)] = f"{home or len(self._namespaces)}."
        keys = function.keys(name) if type(value) is dict else {()}
        for key in {()} if () in keys else keys:
            label = self._namespaces[id(namespace)] + "".join(
                [name, *(f"[{each!r}]" for each in key)]
            )
            if label not in self.found:
                self.found[label] = "..."  # while it is described
                if key:
                    form = self._values.of_keys(value, frozenset({key}), f"the global {name}")
                else:
                    form = self._values.describe(value, f"the global {name}")
                self.found[label] = _shown(form)

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
        if file and not is_installed(file):
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
        made = value._fields if hasattr(value, "_fields") else ()  # by `namedtuple`
        members = {
            key: self._values.describe(part, f"{name}.{key}")
            for key, part in sorted(vars(value).items())
            if key not in _OF_CLASSES and not (made and (key in made or key.startswith("_")))
        }
        bases = [self._values.describe(base, name) for base in value.__bases__]
        return ("class", value.__name__, bases, members, made)

    def _object(self, value: Any, name: str) -> Any:
        kind = type(value)
        home = _home_of_class(kind)
        if home is not None and kind.__module__ != _HELPERS and not _is_local(home):
            if kind.__module__.partition(".")[0] == "snakemake":
                return ("snakemake", kind.__qualname__)
            raise no_form(value, name)
        if not hasattr(value, "__dict__") and not hasattr(kind, "__slots__"):
            raise no_form(value, name)  # not of a class in Python
        held: dict[str, Any] = dict(getattr(value, "__dict__", {}))
        for base in kind.__mro__[:-1]:
            named = base.__dict__.get("__slots__", ())
            slots = (named,) if isinstance(named, str) else tuple(named)
            if base in CONTAINERS:
                held[f"({base.__name__})"] = base(value)
            elif _is_larger(base, len(slots)):
                raise no_form(value, name)
            held |= {slot: getattr(value, slot) for slot in slots if hasattr(value, slot)}
        described = {
            key: self._values.describe(part, f"{name}.{key}") for key, part in sorted(held.items())
        }
        return ("object", self._values.describe(kind, name), described)


def _is_larger(kind: type, slots: int) -> bool:
    """Whether objects of a class hold more than Python shows: slots, a dict, a weak reference."""
    base = kind.__base__ or object
    return kind.__basicsize__ - base.__basicsize__ > struct.calcsize("P") * (slots + 2)


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


def _with_symbols(command: str) -> str:
    """A command as it is given to ``shell``, with symbols for its fields."""
    try:
        parts = [*string.Formatter().parse(command)]
    except ValueError:
        return command
    return "".join(text + (Symbol(name) if name is not None else "") for text, name, *_ in parts)


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
    return bool(file) and not is_installed(str(file))


def is_installed(path: str) -> bool:
    """Whether a path belongs to Python or an installed package."""
    return path.startswith(_prefixes()) or path.endswith(".zip")


@functools.cache
def _prefixes() -> tuple[str, ...]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.__file__)]
    every = {form for path in paths for form in (path, os.path.realpath(path))}
    return tuple(sorted(f"{path}/" for path in every))


def _shown(form: Any) -> str:
    """What is kept of a global, so that it can be said what has changed in it."""
    text = canonical(form, "global")
    if len(text) > _SHOWN:
        short = canonical(_shortened(form, text), "global")
        text = short if len(short) <= _MOST_SHOWN else canonical(("digest", _sha256(text)))
    return text


def _shortened(form: Any, text: str) -> Any:
    """A form with digests in place of what is long; of mappings, in place of their parts."""
    if len(text) <= _SHOWN:
        return form
    match form:
        case (str(kind), *more, list(items)) if kind in MAPPINGS:
            return (kind, *more, [(key, _shortened(part, canonical(part))) for key, part in items])
        case ("value", part):
            return ("value", _shortened(part, canonical(part)))
        case ((tuple(way), state),):  # what is behind a key
            return ((way, _shortened(state, canonical(state))),)
    return ("digest", _sha256(text))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
