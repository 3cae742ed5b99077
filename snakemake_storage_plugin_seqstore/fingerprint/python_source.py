"""What Python source names literally: modules, keys of the config, wildcards, variables."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import copy
from functools import lru_cache

from snakemake_storage_plugin_seqstore.fingerprint.source_names import (
    EVERYTHING,
    Handed,
    Import,
    SourceNames,
    Way,
    of_ways,
)

OF_SCRIPTS: Mapping[str, Way] = {"snakemake": ()}
_LISTING = ("items", "keys", "values", "_get_names", "_allitems")
_LOOKUPS = ("get", "setdefault", "pop")
_COPIES = {"copy.copy", "copy.deepcopy"}
_WRITERS = {"snakemake.utils.update_config"}  # of their first argument they read nothing
_NAMESPACES = ("globals", "locals", "vars", "dir")
_UNSEEN = ("exec", "eval")  # such code may name anything
_FIELD = re.compile(r"\{\s*([A-Za-z_]\w*)((?:\.\w+|\[[^\][{}]*\])*)")
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_STEP = re.compile(r"\.(\w+)|\[([^\]]*)\]")


@lru_cache(maxsize=1024)
def read_python(text: str) -> SourceNames:
    """Read the source of a script; one that does not parse names everything. It never fails.

    ``snakemake`` as a whole, kept or handed to what is no function of this source, names
    everything. What imported functions get is in `SourceNames.handed`.
    """
    try:
        return names_in(ast.parse(text), OF_SCRIPTS, hands_on=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return EVERYTHING


def names_in(tree: ast.AST, roots: Mapping[str, Way], hands_on: bool = False) -> SourceNames:
    """What code names.

    Parameters
    ----------
    tree : ast.AST
        The code.
    roots : mapping of str to tuple
        Names of objects that stand for ``snakemake``, ``()``, or for a part of it, ``("config",)``.
    hands_on : bool
        Whether somebody follows them into imported functions. Else what these get counts whole.
    """
    reader = _Reader(tree, roots, hands_on=hands_on)
    return of_ways(
        reader.ways,
        variables=frozenset(reader.variables),
        imports=tuple(dict.fromkeys(reader.imports)),
        handed=frozenset(reader.handed),
        changes_path=reader.changes_path,
    )


@lru_cache(maxsize=1024)
def read_function(text: str, function: str, handed: Handed) -> SourceNames | None:
    """Read what a function of a module names of what it is handed; None if there is none such.

    One that the module imports itself is handed on.
    """
    try:
        reader = _Reader(ast.parse(text), {}, hands_on=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return reader.of_function(function, handed)


def ways_in(tree: ast.AST, roots: Mapping[str, Way]) -> set[Way]:
    """The ways from objects that code goes: ``("a", "b")`` for ``table["a"]["b"]``."""
    return _Reader(tree, roots, are_mappings=True).ways


def formatted_names(text: str) -> Iterator[tuple[str, Way]]:
    """Names in braces in a text that is formatted, each with the steps behind it."""
    if "{" in text:
        for name, steps in _FIELD.findall(text):
            keys = [(one or other).strip("'\" ") for one, other in _STEP.findall(steps)]
            yield name, tuple(int(key) if key.isdecimal() else key for key in keys)


class _Reader(ast.NodeVisitor):
    def __init__(
        self,
        tree: ast.AST,
        roots: Mapping[str, Way],
        are_mappings: bool = False,
        hands_on: bool = False,
    ) -> None:
        self.ways: set[Way] = set()
        self.variables: set[str] = set()
        self.imports: list[Import] = []
        self.handed: set[Handed] = set()
        self.changes_path = False
        self._roots = dict(roots)
        self._origins: dict[str, set[str]] = {}  # dotted names of what is imported, by name
        self._functions: dict[str, list[_Function]] = {}  # by name; those of classes have others
        self._followed: set[tuple[_Function, str, Way, bool]] = set()
        self._is_kept = True  # what the function returns
        self._are_mappings = are_mappings
        self._hands_on = hands_on
        methods = {
            each for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for each in node.body
        }
        self._shared: set[str] = set()  # names that functions give a meaning elsewhere
        self._assigned: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, _Function) and node not in methods:
                self._functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self._assigned.add(node.id)
            elif isinstance(node, ast.Attribute) and _dotted(node) == ["sys", "path"]:
                self.changes_path = True
            elif isinstance(node, ast.Global | ast.Nonlocal):
                self._shared |= {*node.names}
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    module = alias.name if alias.asname else alias.name.partition(".")[0]
                    self._origins.setdefault(alias.asname or module, set()).add(module)
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (f"{node.module}." if node.module else "")
                for alias in node.names:
                    name = alias.asname or alias.name
                    self._origins.setdefault(name, set()).add(module + alias.name)
        self._name_parts(tree)
        self.generic_visit(tree)

    def _name_parts(self, scope: ast.AST) -> None:
        """Note the names that always stand for the same part: ``config = snakemake.config``."""
        stored = Counter(_stored(scope))
        for name, value in _assigned(scope):
            way = self._way(value)
            is_known = name in self._roots or name in self._shared
            if way is not None and stored[name] == 1 and not is_known:
                self._roots[name] = way

    def _inside(self, scope: ast.AST, roots: Mapping[str, Way]) -> _Reader:
        """One that notes what it finds in the same places, in a function or class."""
        local = {*_stored(scope)} - self._shared
        inside = copy(self)
        inside._roots = {name: way for name, way in self._roots.items() if name not in local}
        inside._roots |= roots
        inside._is_kept = True
        if not isinstance(scope, ast.ClassDef):  # what is assigned there is read of its objects
            inside._name_parts(scope)
        return inside

    def visit_FunctionDef(self, node: _Function | ast.ClassDef) -> None:
        """What has its own names in its body, not in its defaults."""
        inside = self._inside(node, {})
        for part in ast.iter_child_nodes(node):
            (inside if part in node.body else self).visit(part)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def of_function(self, name: str, handed: Handed) -> SourceNames | None:
        """What a function of this source names of what it gets; None if that is not known."""
        self.ways.clear()
        self.handed.clear()
        called = ast.Name(name)
        if not self._hand(handed.way, called, handed.number, handed.keyword, handed.is_kept):
            return None
        handed_on = frozenset(self.handed)
        return of_ways(self.ways, handed=handed_on, changes_path=self.changes_path)

    def _way(self, node: ast.AST | None) -> Way | None:
        """The way from `snakemake` to what an expression gives; None for anything else."""
        if isinstance(node, ast.Name):
            return self._roots.get(node.id)
        if isinstance(node, ast.Attribute):
            way = self._way(node.value)
            if way is None or node.attr in _LISTING or node.attr.startswith("__"):
                return way
            is_mapping = self._are_mappings or way[:1] == ("config",)
            return None if is_mapping else (*way, node.attr)
        if isinstance(node, ast.Subscript):
            return self._step(self._way(node.value), node.slice)
        if isinstance(node, ast.Call) and node.args:
            function = node.func
            if isinstance(function, ast.Attribute) and function.attr in _LOOKUPS:
                return self._step(self._way(function.value), node.args[0])
            if self._origin_of(function) & _COPIES or _called(node) == "dict":
                return self._way(node.args[0]) if not node.args[1:] + node.keywords else None
            if isinstance(function, ast.Name) and function.id in ("getattr", "hasattr"):
                return self._step(self._way(node.args[0]), node.args[1] if node.args[1:] else None)
        return None

    def _step(self, way: Way | None, key: ast.AST | None) -> Way | None:
        if way is None or not isinstance(key, ast.Constant):
            return None
        return (*way, key.value) if isinstance(key.value, str | int) else None

    def visit(self, node: ast.AST) -> None:
        """Note a way as a whole; else look at the parts."""
        way = self._way(node)
        if way is None:
            super().visit(node)
            return
        if not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            self.ways.add(way)
        for part in ast.walk(node):  # what `get` gives if there is no such key
            for argument in part.args[1:] if isinstance(part, ast.Call) else ():
                self.visit(argument)

    def _origin_of(self, function: ast.expr) -> set[str]:
        """The dotted names that an imported function may have."""
        steps = _dotted(function)
        return {".".join([each, *steps[1:]]) for each in self._origins.get("".join(steps[:1]), ())}

    def visit_Assign(self, node: ast.Assign) -> None:
        way = self._way(node.value)
        if way is None or any(self._way(target) != way for target in node.targets):
            self.generic_visit(node)  # else it only gives another name

    def visit_Compare(self, node: ast.Compare) -> None:
        """``"a" in snakemake.config`` reads one key; ``"snakemake" in globals()`` nothing."""
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            other = node.comparators[0]
            way = self._step(self._way(other), node.left)
            if way is not None:
                self.ways.add(way)
                return
            if _called(other) in _NAMESPACES and isinstance(node.left, ast.Constant):
                return
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call, is_kept: bool = True) -> None:
        name = _called(node)
        if name in _UNSEEN or (name in _NAMESPACES and not node.args):
            self.ways.add(())
        first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        last = node.func.attr if isinstance(node.func, ast.Attribute) else name
        if isinstance(first, str):
            if last in ("import_module", "__import__"):
                stripped = first.lstrip(".")
                self.imports.append(Import(stripped, (), len(first) - len(stripped)))
            elif last == "getenv" or (last in _LOOKUPS and _is_environ(node)):
                self.variables.add(first)
        self.visit(node.func)
        self._visit_arguments(node, is_kept)

    def _visit_arguments(self, node: ast.Call, is_kept: bool = True) -> None:
        for number, keyword, argument in _given(node):
            way = self._way(argument)
            if way is None or not self._hand(way, node.func, number, keyword, is_kept):
                self.visit(argument)

    def _hand(
        self, way: Way, called: ast.expr, number: int, keyword: str, is_kept: bool = True
    ) -> bool:
        """Follow a part into the function that gets it; whether that could be done."""
        steps = _dotted(called)
        functions = self._functions.get(steps[0], []) if steps else []
        origins = self._origin_of(called)
        if not steps or steps[0] in self._assigned:
            return False
        if not origins and len(steps) == len(functions) == 1:
            return self._follow(way, functions[0], number, keyword, is_kept)
        if not origins or functions or not self._hands_on or not (keyword or number >= 0):
            return False
        if not (origins <= _WRITERS and number == 0):
            self.handed |= {Handed(each, number, keyword, way, is_kept) for each in origins}
        return True

    def _follow(
        self, way: Way, function: _Function, number: int, keyword: str, is_kept: bool
    ) -> bool:
        arguments = function.args
        in_order = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        by_name = [*in_order, *(each.arg for each in arguments.kwonlyargs)]
        name = in_order[number] if 0 <= number < len(in_order) else keyword
        if name not in by_name or function.decorator_list:
            return False
        inside = self._inside(function, {name: way})
        inside._is_kept = is_kept
        again = [value for other, value in _assigned(function) if other == name]
        is_other = any(inside._way(value) != way for value in again)
        if is_other or [*_stored(function)].count(name) > 1 + len(again):
            return False
        if (function, name, way, is_kept) not in self._followed:
            self._followed.add((function, name, way, is_kept))
            for part in function.body:
                inside.visit(part)
        return True

    def visit_Return(self, node: ast.Return) -> None:
        """What is returned is read, if somebody keeps it."""
        if self._is_kept or self._way(node.value) is None:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """``try: snakemake`` reads nothing, nor does ``snakemake.config.update(...)``."""
        call = node.value
        if not isinstance(call, ast.Call) or self._way(call) is not None:
            if not isinstance(call, ast.Name):
                self.visit(call)
            return
        function = call.func
        writes = isinstance(function, ast.Attribute) and function.attr == "update"
        if writes and self._way(getattr(function, "value", None)) is not None:
            self._visit_arguments(call)
        else:
            self.visit_Call(call, is_kept=False)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _last(node.value) in ("environ", "environb") and isinstance(node.ctx, ast.Load):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            if isinstance(key, str | bytes):
                self.variables.add(key if isinstance(key, str) else key.decode(errors="replace"))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Commands that are formatted: ``shell("echo {snakemake.wildcards.s}")``."""
        if isinstance(node.value, str):
            for name, steps in formatted_names(node.value):
                if name in self._roots:
                    self.ways.add((*self._roots[name], *steps))

    def visit_Import(self, node: ast.Import) -> None:
        self.imports += [Import(alias.name) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        names = tuple(alias.name for alias in node.names)
        self.imports.append(Import(node.module or "", names, node.level))


def _given(call: ast.Call) -> Iterator[tuple[int, str, ast.expr]]:
    """The arguments of a call by their position, or by their name."""
    for number, argument in enumerate(call.args):
        yield number, "", argument
    for keyword in call.keywords:
        yield -1, keyword.arg or "", keyword.value


def _in_scope(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, class or module, without what is in its functions and classes."""
    waiting = [*ast.iter_child_nodes(scope)]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, _Function | ast.ClassDef):
            waiting[:0] = ast.iter_child_nodes(node)


def _assigned(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a function, class or module assigns something, each time with that."""
    for node in _in_scope(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value


def _stored(scope: ast.AST) -> Iterator[str]:
    """The names to which a function, class or module gives a meaning, each time that it does."""
    for node in _in_scope(scope):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, _Function | ast.ClassDef):
            yield node.name


def _dotted(node: ast.AST) -> list[str]:
    """``["a", "b"]`` for ``a.b``; empty for anything else."""
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return [*before, node.attr] if before else []
    return [node.id] if isinstance(node, ast.Name) else []


def _called(node: ast.AST) -> str:
    """The plain name of a function that is called."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _last(node: ast.AST) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _is_environ(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and _last(node.func.value) == "environ"
