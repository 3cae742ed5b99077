"""What Python source names literally: modules, keys of the config, wildcards, variables."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.source_names import (
    EVERYTHING,
    Import,
    SourceNames,
    Way,
    of_ways,
)

OF_SCRIPTS: Mapping[str, Way] = {"snakemake": ()}
_LISTING = ("items", "keys", "values", "_get_names", "_allitems")
_NAMESPACES = ("globals", "locals", "vars", "dir")
_UNSEEN = ("exec", "eval")  # such code may name anything
_FIELD = re.compile(r"\{\s*([A-Za-z_]\w*)((?:\.\w+|\[[^\][{}]*\])*)")
_STEP = re.compile(r"\.(\w+)|\[([^\]]*)\]")


@lru_cache(maxsize=1024)
def read_python(text: str) -> SourceNames:
    """Read the source of a script; one that does not parse names everything. It never fails.

    ``snakemake`` as a whole, kept or handed to code that is not an imported function, names
    everything; of imported functions that get it `SourceNames.handed_to` tells the modules.
    """
    try:
        return names_in(ast.parse(text), OF_SCRIPTS)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return EVERYTHING


def names_in(tree: ast.AST, roots: Mapping[str, Way]) -> SourceNames:
    """What code names.

    Parameters
    ----------
    tree : ast.AST
        The code.
    roots : mapping of str to tuple
        Names of objects that stand for ``snakemake``, ``()``, or for a part of it, ``("config",)``.
    """
    reader = _Reader(tree, roots)
    return of_ways(
        reader.ways,
        variables=frozenset(reader.variables),
        imports=tuple(dict.fromkeys(reader.imports)),
        handed_to=frozenset(reader.handed_to),
    )


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
    def __init__(self, tree: ast.AST, roots: Mapping[str, Way], are_mappings: bool = False) -> None:
        self.ways: set[Way] = set()
        self.variables: set[str] = set()
        self.imports: list[Import] = []
        self.handed_to: set[str] = set()
        self._roots = dict(roots)
        self._origins: dict[str, str] = {}  # modules of imported names
        self._functions: dict[str, ast.arguments] = {}  # of this source
        self._are_mappings = are_mappings
        self._prepare(tree)
        self.visit(tree)

    def _prepare(self, tree: ast.AST) -> None:
        """Note what names stand for in all of the source: imports, functions, other names."""
        stored: Counter[str] = Counter()
        assigned: dict[str, ast.expr] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                stored[node.id] += 1
            elif isinstance(node, ast.arg):
                stored[node.arg] += 1
            elif isinstance(node, ast.FunctionDef):
                self._functions[node.name] = node.args
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    module = alias.name if alias.asname else alias.name.partition(".")[0]
                    self._origins[alias.asname or module] = alias.name
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                self._origins |= {alias.asname or alias.name: module for alias in node.names}
            elif isinstance(node, ast.Assign):
                given = [target.id for target in node.targets if isinstance(target, ast.Name)]
                assigned |= dict.fromkeys(given, node.value)
        for name, value in assigned.items():  # config = snakemake.config
            self._stands_for(name, value, stored)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in calls:  # main(snakemake.config)
            for number, keyword, value in _given(call):
                name = self._parameter(call.func, number, keyword)
                self._stands_for(name, value, stored)

    def _stands_for(self, name: str, value: ast.expr, stored: Counter[str]) -> None:
        way = self._way(value) if stored[name] == 1 and name not in self._roots else None
        if way is not None:
            self._roots[name] = way

    def _parameter(self, function: ast.expr, number: int, keyword: str) -> str:
        """The parameter of a function of this source that gets an argument; empty if unknown."""
        arguments = self._functions.get(function.id) if isinstance(function, ast.Name) else None
        if arguments is None:
            return ""
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        return keyword or (names[number] if number < len(names) else "")

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
            if isinstance(function, ast.Attribute) and function.attr == "get":
                return self._step(self._way(function.value), node.args[0])
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

    def visit_Call(self, node: ast.Call) -> None:
        name = _called(node)
        if name in _UNSEEN or (name in _NAMESPACES and not node.args):
            self.ways.add(())
        first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        last = node.func.attr if isinstance(node.func, ast.Attribute) else name
        if isinstance(first, str):
            if last in ("import_module", "__import__"):
                stripped = first.lstrip(".")
                self.imports.append(Import(stripped, (), len(first) - len(stripped)))
            elif last == "getenv" or (last in ("get", "pop", "setdefault") and _is_environ(node)):
                self.variables.add(first)
        self.visit(node.func)
        for number, keyword, argument in _given(node):
            way = self._way(argument)
            if way is None or not self._is_handed(way, node.func, number, keyword):
                self.visit(argument)

    def _is_handed(self, way: Way, function: ast.expr, number: int, keyword: str) -> bool:
        """Whether what a function gets is noted elsewhere: where it is used, or as handed on."""
        if self._roots.get(self._parameter(function, number, keyword)) == way:
            return True
        root: Any = function
        while isinstance(root, ast.Attribute):
            root = root.value
        origin = self._origins.get(root.id) if isinstance(root, ast.Name) else None
        if origin is None or way or self._are_mappings:
            return False
        self.handed_to.add(origin)
        return True

    def visit_Expr(self, node: ast.Expr) -> None:
        """``try: snakemake`` reads nothing."""
        if not isinstance(node.value, ast.Name):
            self.generic_visit(node)

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


def _called(node: ast.AST) -> str:
    """The plain name of a function that is called."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _last(node: ast.AST) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _is_environ(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and _last(node.func.value) == "environ"
