"""What loaded local modules hold beyond their sources: other code may have changed them since."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from snakemake_storage_plugin_seqstore.workflow.code.modules import is_installed
from snakemake_storage_plugin_seqstore.unknown import Unknown


class ModuleStates:
    """Describes what modules hold, each once.

    Parameters
    ----------
    describe : callable
        Describes a value, given its name, as a text.
    """

    def __init__(self, describe: Callable[[Any, str], str]) -> None:
        self._describe = describe
        self._seen: set[str] = set()

    def of(self, module: ModuleType) -> Any:
        """What a local module holds, but for what its source says.

        Raises
        ------
        Unknown
            If it holds what cannot be described, and may not be what its source made.
        """
        if module.__name__ in self._seen:
            return "again"
        self._seen.add(module.__name__)
        file = getattr(module, "__file__", None)
        if file is None:
            return "namespace"
        if not file.endswith(".py"):
            return os.path.basename(file)
        return self._members(module, vars(module), Path(file).read_text())

    def loaded(self, files: Iterable[str]) -> Iterator[ModuleType]:
        """The modules of some files that this process has loaded and that were not seen yet."""
        wanted = set(files)
        names = tuple(map(os.path.basename, wanted))
        for module in list(sys.modules.values()):
            if isinstance(module, ModuleType) and module.__name__ not in self._seen:
                file = vars(module).get("__file__")
                if (
                    isinstance(file, str)
                    and file.endswith(names)
                    and os.path.abspath(file) in wanted
                ):
                    yield module

    def _members(self, module: ModuleType, members: Any, text: str) -> dict[str, Any]:
        held = {
            name: self._member(module, name, value, text)
            for name, value in sorted(members.items())
            if not name.startswith("__") and name != "_abc_impl"
        }
        return {name: form for name, form in held.items() if form is not None}

    def _member(self, module: ModuleType, name: str, value: Any, text: str) -> Any:
        """What counts of a member of a module or of a class in it; None if its source says all."""
        if isinstance(value, ModuleType) or _is_of_source(value, module, name):
            return None
        if isinstance(value, type) and "<locals>" not in value.__qualname__:
            if value.__module__ == module.__name__:
                return self._members(module, vars(value), text) or None
            home = sys.modules.get(value.__module__)
            if home is not None and hasattr(home, value.__qualname__.partition(".")[0]):
                return None
        try:
            return self._describe(value, name)
        except Unknown:
            # Something like a lock or a parser: nobody but the source puts it there.
            if _is_foreign(value) and re.search(rf"\b{re.escape(name)}\b", text):
                return None
            raise


def _is_of_source(value: Any, module: ModuleType, name: str) -> bool:
    """Whether a value is a function that the source of a module defines by that name."""
    return (
        isinstance(value, FunctionType)
        and value.__globals__ is vars(module)
        and value.__qualname__.rpartition(".")[2] == name
        and not value.__closure__
        and not vars(value)
    )


def _is_foreign(value: Any) -> bool:
    """Whether a value is of a type that an installed package defines; no function, no container."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return not isinstance(value, FunctionType | list | tuple | dict | set | frozenset)
    home = sys.modules.get(kind.__module__)
    file = getattr(home, "__file__", None) if home else None
    return home is not None and (file is None or is_installed(file))
