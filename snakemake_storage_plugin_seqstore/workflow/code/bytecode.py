"""What a code object reads, as far as its instructions say; and a digest of what it does."""

from __future__ import annotations

import dis
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from snakemake_storage_plugin_seqstore.provenance import canonical
from snakemake_storage_plugin_seqstore.workflow.code import composed
from snakemake_storage_plugin_seqstore.workflow.code.python_source import without_dots
from snakemake_storage_plugin_seqstore.unknown import Unknown

# Names in braces, which `shell` looks up: {name}, {name[key]...}
_FORMATTED = re.compile(r"\{([A-Za-z_]\w*)((?:\[\w+\])*)")
_UNSEEN = frozenset(
    ("exec", "eval", "compile", "globals", "__import__", "__builtins__", "breakpoint")
)
_LOCALS = frozenset(("locals", "vars", "dir"))
_FRAMES = frozenset(
    ("_getframe", "currentframe", "f_globals", "__globals__", "__annotations__", "f_back")
)
_HIDDEN = {"stack": "inspect", "modules": "sys"}  # attributes that matter of these modules alone
_ENVIRONS = frozenset(("environ", "environb"))
_SKIPPED = frozenset(("EXTENDED_ARG", "CACHE", "PUSH_NULL", "PRECALL", "NOP", "RESUME"))
_FSTRING = ("FORMAT_", "BUILD_STRING", "CONVERT_VALUE", "LOAD_", "BINARY_SUBSCR", "KW_NAMES")
_UNSEEN_MODULES = frozenset(("runpy", "imp", "builtins", "code", "importlib.util", "__main__"))


@dataclass
class Names:
    """What code reads by name.

    Parameters
    ----------
    globals : dict
        Keys that it reads of global names: the empty tuple for the whole value.
    arguments : set of str
        Local names of the outermost code that are read, in it or in nested code.
    imports : set of str
        Modules that it imports.
    strings : set of str
        Its strings, also with ``{}`` for what is computed in them; not the docstrings.
    attributes : set of str
        Names of the attributes that it reads, of whatever object.
    whole_frame : bool
        Whether all local names may be read.
    commands : bool
        Whether it runs commands that its strings do not show whole.
    reads_environment : bool
        Whether it reads environment variables by names among its strings.
    """

    globals: dict[str, set[tuple[Any, ...]]] = field(default_factory=dict)
    arguments: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    whole_frame: bool = False
    commands: bool = False
    reads_environment: bool = False


def digest(code: CodeType) -> str:
    """Digest of what a code object does; not of where it stands, nor of its own name."""
    return hashlib.sha256(canonical(_form(code)).encode()).hexdigest()


def _form(code: CodeType) -> tuple[Any, ...]:
    return (
        code.co_code,
        [_constant(value) for value in code.co_consts],
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        code.co_exceptiontable,
    )


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return ("code", value.co_name, _form(value))
    if isinstance(value, tuple):
        return ("tuple", [_constant(part) for part in value])
    if isinstance(value, frozenset):
        return ("frozenset", sorted(canonical(_constant(part)) for part in value))
    if isinstance(value, slice):
        return ("slice", [_constant(part) for part in (value.start, value.stop, value.step)])
    return ("ellipsis",) if value is Ellipsis else value


def names(code: CodeType) -> Names:
    """What a code object reads, with the code in it.

    Raises
    ------
    Unknown
        If it runs code that cannot be seen.
    """
    found = Names()
    _read(code, found, True)
    found.strings = without_dots(found.strings, found.attributes | found.globals.keys())
    return found


def _read(code: CodeType, found: Names, outermost: bool) -> None:
    instructions = list(dis.get_instructions(code))
    found.strings.update(composed.strings(instructions))
    steps = [step for step in instructions if step.opname not in _SKIPPED]
    for number, step in enumerate(steps):
        operation, value = step.opname, step.argval
        after = steps[number + 1 :]
        if _loads_global(operation):
            _global(value, after, found)
        elif operation == "IMPORT_NAME":
            _import(value, found)
        elif operation in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
            if _HIDDEN.get(value) in code.co_names:
                raise _hidden(value)
            _attribute(value, after, found)
        elif operation.startswith(("LOAD_CONST", "RETURN_CONST")):
            found.strings.update(_strings(value))
        elif outermost and "STORE" not in operation and ("FAST" in operation or _cell(operation)):
            found.arguments.update(value if isinstance(value, tuple) else (value,))
    for text in [text for value in code.co_consts for text in _strings(value)]:
        for name, keys in _FORMATTED.findall(text):
            if name in code.co_varnames or name in code.co_cellvars or name in code.co_freevars:
                if outermost:
                    found.arguments.add(name)
            else:
                parts = tuple(re.findall(r"\[(\w+)\]", keys))
                numeric = any(part.isdigit() for part in parts)
                found.globals.setdefault(name, set()).add(() if numeric else parts)
    for value in code.co_consts:
        if isinstance(value, CodeType):
            _read(value, found, False)


def _loads_global(operation: str) -> bool:
    return operation.startswith("LOAD_") and (
        "GLOBAL" in operation or operation in ("LOAD_NAME", "LOAD_FROM_DICT_OR_DEREF")
    )


def _cell(operation: str) -> bool:
    return operation in ("LOAD_DEREF", "LOAD_CLOSURE", "LOAD_CLASSDEREF", "MAKE_CELL")


def _global(name: str, after: list[dis.Instruction], found: Names) -> None:
    if name in _UNSEEN:
        raise Unknown(f"its code calls {name}, so that it may run code that cannot be seen")
    found.whole_frame |= name in _LOCALS
    if name in ("shell", "format"):
        found.commands |= not _is_literal(after)
    if name in _ENVIRONS or name == "getenv":
        _environment(name, after, found)
    found.globals.setdefault(name, set()).add(_keys(after))


def _keys(after: list[dis.Instruction]) -> tuple[Any, ...]:
    """The constant keys by which a value is subscripted at once."""
    keys: list[Any] = []
    steps = iter(after)
    for key in steps:
        if key.opname in ("LOAD_METHOD", "LOAD_ATTR") and key.argval == "get":
            key = next(steps, key)
            return (*keys, key.argval) if _is_key(key) else tuple(keys)
        subscript = next(steps, None)
        if not _is_key(key) or subscript is None:
            break
        is_subscript = subscript.opname == "BINARY_SUBSCR" or subscript.argrepr == "[]"
        if not is_subscript:
            break
        keys.append(key.argval)
    return tuple(keys)


def _is_key(step: dis.Instruction) -> bool:
    return step.opname.startswith("LOAD_CONST") and type(step.argval) is str


def _is_literal(after: list[dis.Instruction]) -> bool:
    """Whether the first argument of a call is a string, formatted by the compiler at most."""
    steps = []
    for step in after:
        if step.opname.startswith("CALL"):
            break
        if not step.opname.startswith(_FSTRING):
            return False
        steps.append(step)
    if not steps:
        return False
    rest = steps[1:]
    if _is_key(steps[0]):
        return not (rest and rest[0].opname in ("LOAD_ATTR", "LOAD_METHOD"))
    while rest and rest[0].opname == "LOAD_ATTR":
        rest = rest[1:]
    is_formatted = bool(rest) and rest[0].opname.startswith(("FORMAT_", "CONVERT_"))
    return is_formatted and any(step.opname == "BUILD_STRING" for step in rest)


def _import(module: str, found: Names) -> None:
    if module in _UNSEEN_MODULES:
        raise Unknown(f"its code uses {module}, so that it may run code that cannot be seen")
    top = module.partition(".")[0]
    found.imports.add(module if top == "snakemake" else top)
    found.commands |= top == "snakemake"  # perhaps `shell` under another name


def _attribute(name: str, after: list[dis.Instruction], found: Names) -> None:
    if name in _FRAMES or name in ("import_module", "spec_from_file_location"):
        raise _hidden(name)
    found.attributes.add(name)
    if name in _ENVIRONS or name == "getenv":
        _environment(name, after, found)
    found.reads_environment |= name in ("expandvars", "expanduser")


def _hidden(name: str) -> Unknown:
    return Unknown(f"its code uses {name}, so that it may read what cannot be seen")


def _environment(name: str, after: list[dis.Instruction], found: Names) -> None:
    """Note that variables are read; their names must be among the strings."""
    found.reads_environment = True
    steps = iter(after)
    first = next(steps, None)
    if first is None:
        return
    if name != "getenv" and first.opname in ("LOAD_METHOD", "LOAD_ATTR"):
        if first.argval in ("copy", "update"):
            return
        if first.argval not in ("get", "setdefault", "pop"):
            raise _computed_variable()  # items() and the like
        first = next(steps, first)
    if _is_key(first) or (name != "getenv" and not first.opname.startswith(("LOAD_", "GET_ITER"))):
        return
    raise _computed_variable()


def _computed_variable() -> Unknown:
    return Unknown("its code reads environment variables whose names are computed")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | frozenset):
        for part in value:
            yield from _strings(part)
