"""A function, by its source or else its code object: what it does, and what it reads."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.python_source import (
    formatted_names,
    names_in,
    ways_in,
)
from snakemake_storage_plugin_seqstore.fingerprint.source_names import (
    Import,
    SourceNames,
    Way,
    of_ways,
)
from snakemake_storage_plugin_seqstore.fingerprint.values import Values

_Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_UNCOUNTED = ("ctx", "kind", "type_comment")  # fields of nodes


class FunctionSource:
    """A function.

    Parameters
    ----------
    code : code object
        What Python made of it.
    source : str or None
        The text that it was compiled from, with the same line numbers.
    """

    def __init__(self, code: CodeType, source: str | None) -> None:
        found = _functions(source).get((code.co_firstlineno, code.co_name), []) if source else []
        self._node = found[0] if len(found) == 1 else None  # of two lambdas in a line: the code
        self._codes = [*_codes(code)]

    @property
    def has_source(self) -> bool:
        """Whether its source is there."""
        return self._node is not None

    @cached_property
    def globals(self) -> set[str]:
        """Names of the globals that it reads; if it calls ``shell``, those in its texts, too."""
        steps = [step for each in self._codes for step in dis.get_instructions(each)]
        read = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        if "shell" in read:
            formatted = {name for text in self._texts() for name, _ in formatted_names(text)}
            read |= formatted - self._locals()
        return read

    @cached_property
    def attributes(self) -> set[str]:
        """Names of all attributes that it may read of an object."""
        return {name for each in self._codes for name in each.co_names}

    def form(self, values: Values, is_block: bool) -> Any:
        """What it does: without its name, comments, docstrings; of a block only the body."""
        if self._node is None:
            return _form_of_code(self._codes[0], values)
        body = [self._node.body] if isinstance(self._node, ast.Lambda) else self._node.body
        return _form([*body] if is_block else [self._node.args, *body], values)

    def names(self, roots: Mapping[str, Way]) -> SourceNames:
        """What it names, see :func:`names_in`; without a source all of the config that it reads."""
        if self._node is not None:
            return names_in(self._node, roots)
        steps = [step for each in self._codes for step in dis.get_instructions(each)]
        modules = dict.fromkeys(step.argval for step in steps if step.opname == "IMPORT_NAME")
        config = [roots["config"]] if "config" in roots else []
        return of_ways(config, imports=tuple(map(Import, modules)))

    def keys(self, name: str) -> set[Way]:
        """By which keys it reads a global mapping; the empty one is all of it."""
        return ways_in(self._node, {name: ()}) if self._node is not None else {()}

    def commands(self) -> Iterator[str]:
        """Texts that it gives to ``shell``."""
        for call in ast.walk(self._node) if self._node is not None else ():
            if isinstance(call, ast.Call) and call.args and isinstance(call.func, ast.Name):
                first = call.args[0]
                is_text = isinstance(first, ast.Constant) and isinstance(first.value, str)
                if call.func.id == "shell" and is_text:
                    yield first.value  # type: ignore[attr-defined]

    def _texts(self) -> Iterator[str]:
        constants = [value for each in self._codes for value in each.co_consts]
        yield from (value for value in constants if isinstance(value, str))

    def _locals(self) -> set[str]:
        first, *inner = self._codes
        names = {*first.co_varnames, *first.co_cellvars, *first.co_freevars}
        return names.union(*(each.co_varnames for each in inner))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _codes(value)


@lru_cache(maxsize=64)
def _functions(source: str) -> dict[tuple[int, str], list[_Node]]:
    """The functions of a source by their first line and name."""
    found: dict[tuple[int, str], list[_Node]] = {}
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


def _form(node: Any, values: Values) -> Any:
    if isinstance(node, ast.Constant):
        return ("constant", _constant(node.value, values))
    if isinstance(node, ast.AST):
        fields = [
            (name, _form(value, values))
            for name, value in ast.iter_fields(node)
            if value not in (None, []) and name not in _UNCOUNTED
        ]
        return (type(node).__name__, fields)
    if isinstance(node, list):
        return [_form(each, values) for each in node if not _is_docstring(each)]
    return node


def _constant(value: Any, values: Values) -> Any:
    return values.text(value) if isinstance(value, str) else values.describe(value, "its code")


def _is_docstring(node: Any) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def _form_of_code(code: CodeType, values: Values) -> Any:
    constants = [
        _form_of_code(each, values) if isinstance(each, CodeType) else _constant(each, values)
        for each in code.co_consts
    ]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    arguments = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return (code.co_code, constants, names, arguments, code.co_exceptiontable)
