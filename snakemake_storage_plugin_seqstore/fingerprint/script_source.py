"""What scripts of any language and notebooks name literally."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from snakemake_storage_plugin_seqstore.fingerprint.python_source import read_python
from snakemake_storage_plugin_seqstore.fingerprint.shell_command import read_command
from snakemake_storage_plugin_seqstore.fingerprint.source_names import (
    EVERYTHING,
    SourceNames,
    Way,
    of_ways,
)

_LANGUAGES = {".py": "python", ".r": "R", ".rmd": "R", ".jl": "julia", ".sh": "bash", ".rs": "rust"}
_SHARED = ("R", "julia", "bash")
_STRING = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\''
_COMMENT = re.compile(rf"({_STRING})|#[^\n]*", re.DOTALL)
_CHUNK = re.compile(r"^[ \t]*```+\s*\{(\w+)[^}\n]*\}\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_CHUNK_INLINE = re.compile(r"`r\s([^`]+)`")
_LITERAL = r"""["']([^"'\n]*)["']"""
_START = re.compile(r"(?<![\w.$@\"'/-])snakemake\b(?!\s*(?:::|=[^=]|<-))")
# How a language writes the way from `snakemake` to a value: one step, and what a script sources.
_R_STEP = re.compile(rf"@(\w+)|\$(\w+)|\[\[?\s*{_LITERAL}\s*\]?\]|\$`([^`]+)`")
_R_SOURCED = re.compile(rf"\b(?:sys\.)?source\(\s*(?:file\s*=\s*)?{_LITERAL}")
_R_VARIABLE = re.compile(rf"\bSys\.getenv\(\s*(?:x\s*=\s*)?{_LITERAL}")
_JULIA_STEP = re.compile(rf"\.(\w+)|\[\s*{_LITERAL}\s*\]")
_JULIA_SOURCED = re.compile(rf"\binclude\(\s*{_LITERAL}\s*\)")
_JULIA_VARIABLE = re.compile(rf"\bENV\[\s*{_LITERAL}\s*\]|\bget\(\s*ENV\s*,\s*{_LITERAL}")
_OTHER_STEP = re.compile(r"""(?:\.|->|\$|@|\[\s*["'])(\w*)""")
# How other languages read a variable: Perl, Ruby and PHP, awk, JavaScript, C and its kin.
_VARIABLE = re.compile(
    r"""\b_?ENV\{["']?(\w+)["']?\}|\b_?(?:ENV|ENVIRON)\[["'](\w+)["']\]|"""
    r"""\bprocess\.env\.(\w+)|\bgetenv\(["'](\w+)["']\)"""
)
_OF_BASH = re.compile(
    r"\bsnakemake(?:_(config|wildcards|resources))?\b(?:\[\s*[\"']?([\w.-]+)[\"']?\s*\])?"
)


def language_of(name: str) -> str:
    """Language of a script by the suffix of its name, as Snakemake tells it; empty if unknown."""
    return _LANGUAGES.get(os.path.splitext(name)[1].lower(), "")


def counted_source(text: str, name: str) -> tuple[str, SourceNames]:
    """Return what counts of a script or notebook of some file name, and what it names."""
    if name.endswith(".ipynb"):
        language, kernel, source = notebook_source(text)
        names = read_script(source, language) if language else EVERYTHING
        return f"{language}\n{kernel}\n{source}", names
    if name.lower().endswith(".rmd"):
        return text, _read_markdown(text)
    return text, read_script(text, language_of(name))


def names_in_sources(paths: Iterable[str], read: Callable[[str], bytes | None]) -> SourceNames:
    """What sources name of ``snakemake`` in languages where it is known in all that is sourced."""
    found = SourceNames()
    for path in paths:
        language = language_of(path)
        if language in _SHARED and (content := read(path)) is not None:
            found |= read_script(content.decode(errors="replace"), language)
    return found


@lru_cache(maxsize=1024)
def read_script(text: str, language: str) -> SourceNames:
    """Read the source of a script: Python, R, bash, Julia; of others which parts they name."""
    return _READERS.get(language, _read_other)(text)


def notebook_source(text: str) -> tuple[str, str, str]:
    """Return the language of a notebook, the name of its kernel, and the source of its code cells.

    Outputs, numbers of executions and the cell that Snakemake itself puts in do not count. Text
    that is no notebook is returned as it is, with an empty language and kernel.
    """
    try:
        document = json.loads(text)
        metadata = document.get("metadata", {})
        kernel = metadata.get("kernelspec", {})
        language = str(metadata.get("language_info", {}).get("name") or kernel.get("language", ""))
        name = str(kernel.get("name", ""))
        cells = [
            "".join(cell["source"])
            for cell in document["cells"]
            if cell["cell_type"] == "code"
            and "snakemake-job-properties" not in cell.get("metadata", {}).get("tags", [])
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", "", text
    is_python = language.lower() in ("python", "ipython")
    return "python" if is_python else language, name, "\n\n".join(cells)


def _read_notebook_python(text: str) -> SourceNames:
    """Read Python, in which lines may be commands of IPython."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        text = re.sub(r"^([ \t]*)(?:[\w, ]+=[ \t]*)?[!%].*$", r"\1pass", text, flags=re.MULTILINE)
    return read_python(text)


def _read_markdown(text: str) -> SourceNames:
    found = read_script("\n".join(_CHUNK_INLINE.findall(text)), "R")
    for language, code in _CHUNK.findall(text):
        found |= read_script(code, "R" if language == "r" else language)
    return found


def _read_r(text: str) -> SourceNames:
    code = _COMMENT.sub(lambda match: match[1] or "", text)
    return of_ways(
        _ways(code, _R_STEP),
        variables=frozenset(_R_VARIABLE.findall(code)),
        sourced=tuple(dict.fromkeys(_R_SOURCED.findall(code))),
    )


def _read_julia(text: str) -> SourceNames:
    code = _COMMENT.sub(lambda match: match[1] or "", text)
    return of_ways(
        _ways(code, _JULIA_STEP),
        variables=frozenset(one or other for one, other in _JULIA_VARIABLE.findall(code)),
        sourced=tuple(dict.fromkeys(_JULIA_SOURCED.findall(code))),
    )


def _read_bash(text: str) -> SourceNames:
    command = read_command(text)
    ways: set[Way] = set()
    for kind, key in _OF_BASH.findall(text):
        if kind:
            ways.add((kind, key) if key else (kind,))
        elif key == "rule":
            ways.add(("rule",))
    return of_ways(ways, variables=command.variables, sourced=command.sourced)


def _read_other(text: str) -> SourceNames:
    """Read a language of which no more is known than that names stand in it as they are."""
    found = (next(filter(None, names)) for names in _VARIABLE.findall(text))
    parts = {way[:1] for way in _ways(text, _OTHER_STEP)}
    return of_ways(parts, variables=frozenset(found))


def _ways(code: str, step: re.Pattern[str]) -> Iterator[Way]:
    """The ways from `snakemake` to values, step by step as far as they are literal."""
    without_strings = re.sub(_STRING, '""', code, flags=re.DOTALL)
    for start in _START.finditer(without_strings):
        if not step.match(without_strings, start.end()):
            yield ()  # the whole object; in a string it is but a word
    for start in _START.finditer(code):
        way: list[str] = []
        at = start.end()
        while match := step.match(code, at):
            way.append(next(filter(None, match.groups()), ""))
            at = match.end()
        if way:
            yield tuple(way)


_READERS: dict[str, Callable[[str], SourceNames]] = {
    "python": _read_notebook_python,
    "R": _read_r,
    "julia": _read_julia,
    "bash": _read_bash,
}
