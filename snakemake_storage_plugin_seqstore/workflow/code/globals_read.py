"""The globals that the code of a Snakefile reads, as texts that are the same everywhere."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, ClassVar

from snakemake_storage_plugin_seqstore.provenance import NotCanonical, canonical
from snakemake_storage_plugin_seqstore.workflow.code import bytecode
from snakemake_storage_plugin_seqstore.workflow.code.module_states import ModuleStates
from snakemake_storage_plugin_seqstore.workflow.code.modules import Imported, Modules, is_installed
from snakemake_storage_plugin_seqstore.workflow.code.python_source import Reading
from snakemake_storage_plugin_seqstore.workflow.code.values import Values, refused
from snakemake_storage_plugin_seqstore.workflow.surroundings import Surroundings
from snakemake_storage_plugin_seqstore.unknown import Unknown

_SHOWN = 200  # characters of a value; of a longer one its digest is kept
_HARMLESS = frozenset(("shell", "logger", "expand", "multiext", "WorkflowError"))
_OF_CLASSES = frozenset(
    (
        *("__dict__", "__weakref__", "__module__", "__qualname__", "__firstlineno__"),
        *("__static_attributes__", "__dataclass_fields__", "__dataclass_params__", "_abc_impl"),
        *("__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    )
)


class Globals:
    """Follows code through the globals that it reads.

    Parameters
    ----------
    rule : snakemake.rules.Rule
        The rule whose code it is.
    surroundings : Surroundings
        What is around the jobs of this pass.

    Attributes
    ----------
    found : dict
        The globals that are read, by name, each as a text.
    strings, packages : set of str
        Strings of the code; modules of installed packages among the globals.
    commands, reads_environment : bool
        As in :class:`bytecode.Names`, of all code.
    """

    def __init__(self, rule: Any, surroundings: Surroundings) -> None:
        self.found: dict[str, Any] = {}
        self.strings: set[str] = set()
        self.packages: set[str] = set()
        self.commands = False
        self.reads_environment = False
        self.modules = Modules(surroundings)
        self.values = Values(rule, self._other)
        self._rule = rule
        self._vanilla = rule.workflow.vanilla_globals
        self._reading = Reading()  # of modules that it imports, or that its globals are from
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no other object gets the same id
        self._places: dict[int, str] = {}
        self._states = ModuleStates(
            lambda value, name: _shown(self.values.describe(value, name), name)
        )
        self._inside = 0  # modules

    def code(self, code: CodeType, namespace: dict[str, Any]) -> bytecode.Names:
        """Read the globals that code reads."""
        names = bytecode.names(code)
        self.strings |= names.strings
        self._reading.imports |= names.imports
        self.commands |= names.commands
        self.reads_environment |= names.reads_environment
        for name in sorted(names.globals):
            self.reads(namespace, name, names.globals[name])
        return names

    def reads(self, namespace: dict[str, Any], name: str, keys: set[tuple[Any, ...]]) -> None:
        """Note a global that is read, or what is behind some keys of it."""
        if name not in namespace:
            return  # a builtin, or defined when it runs
        place = self._places.setdefault(id(namespace), f"{len(self._places)}:")
        place = "" if namespace is self._rule.module_globals else place
        value = namespace[name]
        if type(value) is not dict or () in keys:
            keys = {()}
        for key in sorted(keys, key=repr):
            label = place + name + "".join(f"[{part!r}]" for part in key)
            if label in self.found:
                continue
            self.found[label] = "..."  # while it is described
            if key:
                form = self.values.of_mapping(value, key, name)
            else:
                form = self._known(value, name) or self.values.describe(value, name)
            self.found[label] = _shown(form, label)

    def everything(self, namespace: dict[str, Any]) -> None:
        """Note all values of a Snakefile: a command that is computed may name any of them."""
        for name, value in sorted(namespace.items()):
            top = (type(value).__module__ or "").partition(".")[0]
            of_snakemake = name.startswith("__") or name in self._vanilla or top == "snakemake"
            if not of_snakemake and not isinstance(value, ModuleType | type | Callable):
                self.reads(namespace, name, {()})
        self.reads(namespace, "config", {()})

    def imported(self) -> Imported:
        """What the imports come to."""
        self._reading.strings.clear()
        while True:
            # Snakemake runs these blocks by `python -m`, wherever it was started itself.
            found = self.modules.follow(
                self._reading, None, local_first=True, from_working_directory=True
            )
            loaded = list(self._states.loaded(found.files))
            if not loaded:
                return found
            for module in loaded:
                state = self._state(module, module.__name__.partition(".")[0])
                self.found[f"module {module.__name__}"] = _shown(state, module.__name__)

    def _known(self, value: Any, name: str) -> Any:
        """What Snakemake puts into every Snakefile."""
        if name not in self._vanilla or self._vanilla[name] is not value:
            return None
        if name in _HARMLESS:
            return ("snakemake", name)
        if isinstance(value, FunctionType | type) and str(value.__module__).startswith("snakemake"):
            self.packages.add("snakemake")
            return ("snakemake", value.__qualname__)
        return None

    def _other(self, value: Any, name: str) -> Any:
        if value is os.environ:
            self.reads_environment = True
            return ("environ",)
        if isinstance(value, ModuleType):
            return self._module(value, name)
        if id(value) in self._numbers:
            return ("again", self._numbers[id(value)])
        self._numbers[id(value)] = len(self._numbers)
        self._kept.append(value)
        if isinstance(value, logging.Logger | logging.LoggerAdapter):
            return ("logger",)
        for kind, describe in self._kinds.items():
            if isinstance(value, kind):
                return describe(self, value, name)
        return self._object(value, name)

    def _module(self, module: ModuleType, name: str) -> Any:
        top = module.__name__.partition(".")[0]
        file = getattr(module, "__file__", None) or ""
        if top == "snakemake":
            self.packages.add("snakemake")
        elif top in sys.stdlib_module_names and (not file or is_installed(file)):
            return ("module", module.__name__)
        elif file and is_installed(file):
            self.packages.add(top)
        elif file or getattr(module, "__path__", None):
            return ("module", module.__name__, self._state(module, top))
        else:
            raise refused(module, name)
        return ("module", module.__name__)

    def _state(self, module: ModuleType, top: str) -> Any:
        """What a local module holds: its source counts, and what was put into it since."""
        self._reading.imports.add(top)
        before = set(self.values.strings)
        self._inside += 1
        try:
            return self._states.of(module)
        finally:
            self._inside -= 1
            # Modules know where they are: that is no directory that they read.
            around = _above(module)
            new = self.values.strings - before
            self.values.strings -= {text for text in new if os.path.abspath(text) in around}

    def _function(self, value: FunctionType, name: str) -> Any:
        home = _home(value.__globals__)
        closure = []
        for cell in value.__closure__ or ():
            try:
                closure.append(self.values.describe(cell.cell_contents, name))
            except ValueError:
                closure.append(("empty",))
        if home is not None:
            held = vars(value) if _is_local(home) else {}
            put = {key: part for key, part in sorted(held.items()) if key != "__wrapped__"}
            form = self.values.describe(put, name)
            return ("function", value.__qualname__, self._module(home, name), closure, form)
        self.code(value.__code__, value.__globals__)
        return (
            ("function", value.__name__, bytecode.digest(value.__code__), closure),
            self.values.describe(value.__defaults__, name),
            self.values.describe(value.__kwdefaults__, name),
            self.values.describe(dict(sorted(vars(value).items())), name),
        )

    def _class(self, value: type, name: str) -> Any:
        if value.__module__ == "builtins":
            return ("class", value.__qualname__)
        self.commands |= value.__module__ == "snakemake.shell"  # under another name
        home = sys.modules.get(value.__module__) if value.__module__ else None
        name_in_home = value.__qualname__.partition(".")[0]
        is_made = "<locals>" in value.__qualname__  # by a function, from what that was given
        if home is not None and not is_made and getattr(home, name_in_home, None):
            return ("class", value.__qualname__, self._module(home, name))
        members = {
            key: self.values.describe(part, f"{name}.{key}")
            for key, part in vars(value).items()
            if key not in _OF_CLASSES
        }
        bases = [self.values.describe(base, name) for base in value.__bases__]
        kind = self.values.describe(type(value), name) if type(value) is not type else None
        return ("class", value.__name__, kind, bases, members)

    def _builtin(self, value: Any, name: str) -> Any:
        owner = value.__self__
        if owner is None or isinstance(owner, ModuleType):
            module = value.__module__ or ""
            if module in sys.modules:
                self._module(sys.modules[module], name)
            return ("builtin", module, value.__qualname__)
        return ("method", self.values.describe(owner, name), value.__name__)

    def _method(self, value: Any, name: str) -> Any:
        parts = (value.__self__, value.__func__)
        return ("method", [self.values.describe(part, name) for part in parts])

    def _partial(self, value: Any, name: str) -> Any:
        parts = (value.func, value.args, value.keywords)
        return ("partial", [self.values.describe(part, name) for part in parts])

    def _wrapped(self, value: Any, name: str) -> Any:
        return (type(value).__name__, self.values.describe(value.__func__, name))

    def _cached(self, value: Any, name: str) -> Any:
        return ("cached", self.values.describe(value.__wrapped__, name))

    def _property(self, value: Any, name: str) -> Any:
        parts = (value.fget, value.fset, value.fdel)
        return ("property", [self.values.describe(part, name) for part in parts])

    def _object(self, value: Any, name: str) -> Any:
        kind = type(value)
        home = sys.modules.get(kind.__module__) if kind.__module__ else None
        is_local = self._inside and home is not None and _is_local(home)
        if home is not None and not is_local and hasattr(home, kind.__qualname__.partition(".")[0]):
            # Snakemake's own modules hold what belongs to this run, such as the workflow.
            own = kind.__module__.partition(".")[0] == "snakemake"
            for constant, part in vars(home).items():
                if part is value and not own:
                    return ("constant", constant, self._module(home, name))
            raise refused(value, name)
        if any(base.__module__ == "builtins" and base is not object for base in kind.__mro__):
            raise refused(value, name)
        slots = {slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ())}
        held = {slot: getattr(value, slot) for slot in sorted(slots) if hasattr(value, slot)}
        held |= getattr(value, "__dict__", {})
        described = {key: self.values.describe(part, f"{name}.{key}") for key, part in held.items()}
        return ("object", self.values.describe(kind, name), described)

    _kinds: ClassVar[dict[Any, Callable[[Globals, Any, str], Any]]] = {
        FunctionType: _function,
        type: _class,
        BuiltinFunctionType: _builtin,
        MethodType: _method,
        functools.partial: _partial,
        (staticmethod, classmethod): _wrapped,
        property: _property,
        functools._lru_cache_wrapper: _cached,
    }


def _above(module: ModuleType) -> set[str]:
    """The directory of a module, the working directory, and all that are above them."""
    places = (Path(module.__file__ or "").absolute().parent, Path.cwd())
    return {str(path) for place in places for path in (place, *place.parents)}


def _is_local(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and not is_installed(str(file))


def _home(namespace: dict[str, Any]) -> ModuleType | None:
    """The module whose globals these are; None for those of a Snakefile."""
    name = namespace.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return module if module is not None and vars(module) is namespace else None


def _shown(form: Any, name: str) -> str:
    try:
        text = canonical(form, name)
    except NotCanonical as error:
        raise Unknown(str(error)) from None
    return text if len(text) <= _SHOWN else hashlib.sha256(text.encode()).hexdigest()
