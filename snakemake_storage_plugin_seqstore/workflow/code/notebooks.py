"""Notebooks as Python: the code of their cells, without what Jupyter keeps beside it."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress

from snakemake_storage_plugin_seqstore.unknown import Unknown

# What IPython has beside Python: commands, Python that is looked at, and how results are shown.
_COMMAND_CELLS = ("bash", "sh", "system", "sx", "!", "writefile", "html", "markdown", "latex")
_PYTHON_CELLS = ("time", "timeit", "capture", "prun")
_COMMAND_LINES = ("system", "sx")
_PYTHON_LINES = ("time", "timeit", "prun")
_HARMLESS_LINES = ("matplotlib", "config", "autoreload", "precision")


def code(text: str, name: str) -> tuple[str, str]:
    """The kernel of a Python notebook, and the code of its cells.

    Parameters
    ----------
    text : str
        The notebook.
    name : str
        Its name.

    Raises
    ------
    Unknown
        If it is none in Python, or a magic command runs code that the text does not show.
    """
    try:
        document = json.loads(text)
        language = document["metadata"]["language_info"]["name"]
        kernel = document["metadata"].get("kernelspec", {}).get("name", "")
        found = [
            "".join(cell["source"])
            for cell in document["cells"]
            if cell["cell_type"] == "code"
            and "snakemake-job-properties" not in cell.get("metadata", {}).get("tags", [])
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unknown(f"{name} is no notebook that can be read") from None
    if str(language).lower() != "python":
        raise Unknown(f"{name} is not in Python: it cannot be told what it depends on")
    return str(kernel), "\n\n".join(_cell(source, name) for source in found)


def _cell(source: str, name: str) -> str:
    """A cell as Python, with what IPython adds to it as strings."""
    if source.lstrip().startswith("%%"):
        head, _, body = source.lstrip().partition("\n")
        magic, _, argument = head[2:].partition(" ")
        if magic in _COMMAND_CELLS:
            return f"_ipython({source!r})"
        if magic in _PYTHON_CELLS:  # code may stand behind %%timeit, too
            setup = argument if magic == "timeit" else ""
            return f"_ipython({head!r})\n{setup}\n{_cell(body, name)}"
        raise _unseen_magic(name, f"%%{magic}")
    with suppress(SyntaxError, ValueError):
        ast.parse(source)
        return source  # a line within parentheses or quotes may begin with %
    return "\n".join(_plain(line, name) for line in source.splitlines())


def _plain(line: str, name: str) -> str:
    match = re.match(r"(\s*)([\w, ]+=\s*)?([!%].*)", line)
    if match is None:
        return line
    indent, assigned, added = match[1], match[2] or "", match[3]
    magic, _, argument = added[1:].partition(" ")
    if added.startswith("%") and magic in _PYTHON_LINES:
        return f"{indent}_ipython({added!r})\n{indent}{assigned}{argument.strip() or 'None'}"
    is_shown = added.startswith("!") or magic in _COMMAND_LINES
    if is_shown or magic in _HARMLESS_LINES or added.split() == ["%load_ext", "autoreload"]:
        return f"{indent}{assigned}_ipython({added!r})"
    raise _unseen_magic(name, f"%{magic}")


def _unseen_magic(name: str, magic: str) -> Unknown:
    return Unknown(f"{name} uses {magic}, so that it may run code that cannot be seen")
