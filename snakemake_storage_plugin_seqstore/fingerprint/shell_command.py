"""What a shell command names literally: programs, scripts, variables. By a grammar of bash."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from snakemake_storage_plugin_seqstore.fingerprint.interpreters import (
    ALL_VARIABLES,
    BUILTINS,
    CONTAINERS,
    LISTS_VARIABLES,
    NAMES_VARIABLES,
    RUNNERS,
    Interpreter,
    Runner,
    interpreter,
    plain_name,
)

if TYPE_CHECKING:
    from tree_sitter import Parser

_SYMBOL = "\ue000"  # in place of NUL, which the grammar takes for no part of a word
_COMPUTED = "\ue001"  # in place of what the text does not say
_DEPTH = 4  # of commands within texts within commands
_SETS = ("read", "mapfile", "readarray", "getopts", "printf", "unset")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r'\\([$`"\\\n])')
_WIDE = re.compile("[^\0-\xff]")
_AS_WIDE = {2: "é", 3: "ée", 4: "éé"}  # by length in UTF-8
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Script:
    """A script that an interpreter is given.

    Parameters
    ----------
    language : str
        ``python``, ``R``, ``bash``, ``perl``, ... as in the table of interpreters.
    path : str
        As written, perhaps with symbols; empty for code that is part of the command.
    text : str
        Code that is part of the command: ``python -c``, a heredoc without variables.
    module : str
        The module of ``python -m``.
    """

    language: str
    path: str = ""
    text: str = ""
    module: str = ""


@dataclass(frozen=True)
class ShellCommand:
    """What a command names literally.

    Parameters
    ----------
    programs : tuple of str
        Words in command position, in their order, each once, perhaps with symbols; no builtins
        and own functions.
    scripts : tuple of Script
        What interpreters are given.
    sourced : tuple of str
        Files that ``source`` or ``.`` is given.
    variables : frozenset of str
        Environment variables that it names before it sets them itself.
    is_container : bool
        Whether it runs a container: what is in there cannot be seen.
    is_complete : bool
        False if the grammar could not tell all of it, or a program's name is computed.
    """

    programs: tuple[str, ...] = ()
    scripts: tuple[Script, ...] = ()
    sourced: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    is_container: bool = False
    is_complete: bool = True


@lru_cache(maxsize=4096)
def read_command(text: str) -> ShellCommand:
    """Read a shell command, in which files may be symbols; it never fails."""
    reader = _Reader()
    reader.read(text, _DEPTH)
    return ShellCommand(
        tuple(reader.programs),
        tuple(reader.scripts),
        tuple(reader.sourced),
        frozenset(reader.variables),
        any(plain_name(name) in CONTAINERS for name in reader.programs),
        reader.is_complete,
    )


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


@dataclass(slots=True, eq=False)
class _Node:
    """A node of a tree, in Python alone: those of the library refer to memory of their tree."""

    type: str
    source: bytes
    start: int
    end: int
    is_named: bool
    has_error: bool
    field: str
    parent: _Node | None
    children: list[_Node]

    @property
    def named(self) -> list[_Node]:
        """Its children but for punctuation."""
        return [child for child in self.children if child.is_named]

    def child(self, field: str) -> _Node | None:
        """The first child of a field."""
        return next((child for child in self.children if child.field == field), None)


def _nodes(source: bytes) -> list[_Node]:
    """The nodes of the tree of a command in their order; the first is its root.

    The scanner of the grammar looks characters up in a table of 256, without a look at their size.
    So the others are letters for it, of as many bytes.
    """
    narrow = _WIDE.sub(lambda wide: _AS_WIDE[len(wide[0].encode())], source.decode())
    tree = _parser().parse(narrow.encode())
    cursor = tree.walk()
    nodes: list[_Node] = []
    around: _Node | None = None
    while True:
        found, field = cursor.node, cursor.field_name or ""
        assert found is not None
        at = (source, found.start_byte, found.end_byte)
        node = _Node(found.type, *at, found.is_named, found.has_error, field, around, [])
        nodes.append(node)
        if around is not None:
            around.children.append(node)
        if cursor.goto_first_child():
            around = node
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return nodes
            around = around.parent if around is not None else None


class _Reader:
    def __init__(self) -> None:
        self.programs: dict[str, None] = {}
        self.scripts: dict[Script, None] = {}
        self.sourced: dict[str, None] = {}
        self.variables: set[str] = set()
        self.is_complete = True
        self._functions: set[str] = set()

    def read(self, text: str, depth: int) -> None:
        """Read a command, or one that stands in another as a text."""
        if depth == 0:
            self.is_complete = False
            return
        source = text.replace("\0", _SYMBOL).encode(errors="replace")
        nodes = _nodes(source)
        self.is_complete &= not nodes[0].has_error
        self._functions |= {
            _text(name)
            for node in nodes
            if node.type == "function_definition" and (name := node.child("name"))
        }
        self._read_variables(nodes)
        for node in nodes:
            if node.type == "command" and not node.has_error:
                words = [*map(_word, _words(node))]
                self._command(words, _heredoc(node), depth)

    def _command(self, words: Sequence[str], heredoc: str, depth: int) -> None:
        """Note what a program runs, and what that runs in turn."""
        program, *arguments = words or [""]
        if not _is_literal(program):
            self.is_complete = False
            return
        name = plain_name(program)
        if name == "eval":
            self._text_of_shell(arguments, depth)
        elif name in ("source", ".") and arguments:
            self._note(self.sourced, arguments[0])
        if program and program not in BUILTINS and program not in self._functions:
            self._note(self.programs, program)
        if name in LISTS_VARIABLES and not arguments:
            self.variables.add(ALL_VARIABLES)
        if name in NAMES_VARIABLES:
            self.variables.update(word for word in arguments if word.isidentifier())
        if found := interpreter(program):
            self._script(found, arguments, heredoc, depth)
        elif runner := RUNNERS.get(name):
            self._run(runner, arguments, depth)

    def _run(self, runner: Runner, arguments: Sequence[str], depth: int) -> None:
        """Note the program that a runner is given."""
        if runner.after:
            starts = (at for at, word in enumerate(arguments) if word in runner.after.split())
            arguments = arguments[next(starts, len(arguments)) + 1 :]
        values, skipped = runner.values.split(), runner.skipped
        rest = iter(enumerate(arguments))
        for at, word in rest:
            if word.startswith("-"):
                if _takes_value(word, values):
                    next(rest, None)
            elif _ASSIGNMENT.match(word):
                continue  # env A=1 program
            elif skipped:
                skipped -= 1
            elif runner.is_text:
                self._text_of_shell([*takewhile(_is_no_separator, arguments[at:])], depth)
                return
            else:
                self._command(arguments[at:], "", depth)
                return

    def _script(
        self, found: Interpreter, arguments: Sequence[str], heredoc: str, depth: int
    ) -> None:
        """Note the script that an interpreter is given."""
        inline, module, script = found.inline.split(), found.module.split(), found.script.split()
        values = [*found.values.split(), *inline, *module, *script]
        given, rest = False, iter(arguments)
        for word in rest:
            option, joined, value = word.partition("=")
            if word == "-":
                break
            if not word.startswith(("-", "+")):
                if found.is_first and not given:
                    self._note_script(word, Script(found.language, path=word))
                return
            if joined and option in script:
                given = self._note_script(value, Script(found.language, path=value))
            if joined or not _takes_value(word, values):
                continue
            following = next(rest, "")
            if _takes_value(word, inline):
                given = True
                self._inline(found.language, following, depth)
            elif _takes_value(word, module):
                self._note_script(following, Script(found.language, module=following))
                return
            elif _takes_value(word, script):
                given = self._note_script(following, Script(found.language, path=following))
        if heredoc and not given:
            self._inline(found.language, heredoc, depth)

    def _inline(self, language: str, text: str, depth: int) -> None:
        if language == "bash":
            self._text_of_shell([text], depth)
        else:
            self._note_script(text, Script(language, text=text))

    def _text_of_shell(self, words: Sequence[str], depth: int) -> None:
        self.is_complete &= all(map(_is_literal, words))
        if all(map(_is_literal, words)):
            self.read(" ".join(words), depth - 1)

    def _note_script(self, word: str, script: Script) -> bool:
        """Note a script that a word of the command says."""
        if _is_literal(word):
            parts = (script.path, script.text, script.module)
            self.scripts[Script(script.language, *map(_with_symbols, parts))] = None
        self.is_complete &= _is_literal(word)
        return True

    def _note(self, found: dict[str, None], word: str) -> None:
        if _is_literal(word):
            found[_with_symbols(word)] = None
        self.is_complete &= _is_literal(word)

    def _read_variables(self, nodes: list[_Node]) -> None:
        """Note variables that are read where the text did not set them before."""
        set_from: dict[str, int] = {}
        for node in nodes:
            for name in _names_set(node):
                set_from[name] = min(set_from.get(name, node.end), node.end)
            if node.type == "for_statement" and (loop := node.child("variable")):
                set_from[_text(loop)] = min(set_from.get(_text(loop), loop.end), loop.end)
        for node in nodes:
            if node.type != "variable_name" or _is_set(node):
                continue
            name = _text(node)
            if _NAME.fullmatch(name) and set_from.get(name, node.end + 1) > node.start:
                self.variables.add(name)


def _is_set(variable: _Node) -> bool:
    """Whether the name of a variable stands where it is set, not where it is read."""
    node = variable
    if node.parent is not None and node.parent.type == "subscript":
        node = node.parent
    around = node.parent
    if around is None:
        return False
    if around.type in ("variable_assignment", "for_statement"):
        return node.field in ("name", "variable")
    return around.type in ("declaration_command", "unset_command")


def _names_set(node: _Node) -> Iterator[str]:
    if node.type == "variable_assignment":
        is_for_one_command = node.parent is not None and node.parent.type == "command"
        name = node.child("name")
        if name is not None and not is_for_one_command:
            yield _text(name)
    elif node.type == "command":
        program, *rest = [*_words(node)] or [node]
        if _text(program) in _SETS:
            yield from (_text(word) for word in rest if _NAME.fullmatch(_text(word)))


def _words(command: _Node) -> Iterator[_Node]:
    """The nodes of a command's name and arguments."""
    for child in command.children:
        if child.field == "name":
            yield from child.children
    yield from (child for child in command.children if child.field == "argument")


def _heredoc(command: _Node) -> str:
    """What is given to a command by a heredoc in which nothing is replaced."""
    around = command.parent
    while around is not None and around.type in ("pipeline", "list"):
        around = around.parent
    if around is None or around.type != "redirected_statement":
        return ""
    for child in around.children:
        if child.type == "heredoc_redirect":
            for body in child.children:
                if body.type == "heredoc_body" and not any(
                    child.is_named for child in body.children
                ):
                    return _text(body)
    return ""


def _word(node: _Node) -> str:
    """The value of a word, with a mark for each part that is computed."""
    text, kind = _text(node), node.type
    if kind in ("word", "number"):
        return _ESCAPED.sub(r"\1", text)
    if kind == "raw_string":
        return text[1:-1]
    if kind == "string":
        inner = [child for child in node.named if child.type != "string_content"]
        for child in inner:
            text = text.replace(_text(child), _COMPUTED, 1)
        return _ESCAPED_IN_QUOTES.sub(r"\1", text[1:-1])
    if kind == "concatenation":
        return "".join(map(_word, node.children))
    return _COMPUTED


def _is_literal(word: str) -> bool:
    return _COMPUTED not in word


def _is_no_separator(word: str) -> bool:
    return not word.startswith(":::")


def _takes_value(word: str, options: Sequence[str]) -> bool:
    """Whether an option, or the last of several in one word, takes the word behind it."""
    if word in options:
        return True
    is_cluster = len(word) > 2 and word[0] in "-+" and word[1:].isalpha()
    return is_cluster and f"{word[0]}{word[-1]}" in options and f"{word[0]}{word[1]}" not in options


def _with_symbols(text: str) -> str:
    return text.replace(_SYMBOL, "\0")


def _text(node: _Node) -> str:
    return node.source[node.start : node.end].decode(errors="replace")
