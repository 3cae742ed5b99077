"""Strings that code composes: f-strings, sums and %, with ``{}`` for what is computed in them.

What it replaces in strings is among them, as :func:`replacement` writes it.
"""

from __future__ import annotations

import ast
import dis
import re
from collections.abc import Iterator

from snakemake_storage_plugin_seqstore.workflow.replaced import replacement

_FIELD = re.compile(r"%(?:\(\w*\))?[-#0 +]*[\d*]*(?:\.[\d*]+)?[diouxXeEfFgGcrsa]")
_COMPUTED = "{}"
_REPLACE = ("replace", "sub")  # of strings, of re


def strings(steps: list[dis.Instruction]) -> Iterator[str]:
    """The strings that the instructions of a code object compose."""
    for number, step in enumerate(steps):
        if step.opname == "BUILD_STRING" or step.opname == "BINARY_OP":
            text = _ending(steps, number)[0]
            if text.replace(_COMPUTED, ""):
                yield text
        elif step.argval in _REPLACE and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            after = [each for each in steps[number + 1 : number + 6] if each.opname != "CACHE"]
            given = [each.argval for each in after[:2] if each.opname.startswith("LOAD_CONST")]
            if len(given) == 2 and all(isinstance(part, str) for part in given):
                yield replacement(*given)


def _ending(steps: list[dis.Instruction], end: int) -> tuple[str, int]:
    """What the value that an instruction pushes is, and where its computation begins."""
    if end < 0:
        return _COMPUTED, 0
    step = steps[end]
    if step.opname.startswith("LOAD_CONST"):
        return (step.argval if isinstance(step.argval, str) else _COMPUTED), end
    if step.opname == "BUILD_STRING":
        return _joined(steps, end, step.arg or 0)
    if step.opname == "BINARY_OP" and step.argrepr in ("+", "+=", "%", "%="):
        right, start = _ending(steps, _before(steps, end))
        left, start = _ending(steps, _before(steps, start))
        if step.argrepr.startswith("+"):
            return left + right, start
        return with_fields(left), start
    return _COMPUTED, _start(steps, end)


def _joined(steps: list[dis.Instruction], end: int, count: int) -> tuple[str, int]:
    parts: list[str] = []
    start = end
    for _ in range(count):
        text, start = _ending(steps, _before(steps, start))
        parts.insert(0, text)
    return "".join(parts), start


def _before(steps: list[dis.Instruction], number: int) -> int:
    """The instruction before one, without those that leave the stack as it is."""
    number -= 1
    while number >= 0 and steps[number].opname in ("CACHE", "NOP", "EXTENDED_ARG", "RESUME"):
        number -= 1
    return number


def _start(steps: list[dis.Instruction], end: int) -> int:
    """Where the computation of the value begins that an instruction pushes."""
    missing, number = 1, end
    while number >= 0:
        step = steps[number]
        missing -= dis.stack_effect(step.opcode, step.arg, jump=False)
        if missing <= 0:
            return number
        number -= 1
    return 0


def with_fields(text: str) -> str:
    """A string that is formatted by %, with ``{}`` for its fields."""
    return _FIELD.sub(_COMPUTED, text)


def of_replacement(node: ast.Call) -> str:
    """What ``text.replace("old", "new")`` or `re.sub` replaces; empty for another call."""
    if getattr(node.func, "attr", "") not in _REPLACE or len(node.args) < 2:
        return ""
    old, new = map(of_node, node.args[:2])
    return "" if _COMPUTED in old + new else replacement(old, new)


def of_node(node: ast.AST) -> str:
    """A string that an expression composes; ``{}`` if all of it is computed."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else _COMPUTED
    if isinstance(node, ast.JoinedStr):
        return "".join(map(of_node, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return of_node(node.left) + of_node(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return with_fields(of_node(node.left))
    return _COMPUTED
