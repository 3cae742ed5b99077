"""Which listings of directories are Python's own search for modules, and what it then loaded. Pure.

Python's importer asks for the status of a directory three times (is it an archive? is it a
directory? has it changed?), lists it, and from then on asks for files that it knows to be there.
When the directory has changed since, it asks once, lists it again, and goes on with its search.
A script's own ``os.listdir`` does neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.observe.log import Action
from snakemake_storage_plugin_seqstore.observe.system_calls import Does

_SUFFIXES = (".py", ".pyc", ".so")
_FIRST = 3
_CACHE = "__pycache__"


@dataclass(slots=True)
class _Thread:
    asked: str = ""  # the directory whose status was asked for last
    times: int = 0  # how often, without anything else in between
    opened: str = ""  # the same directory, opened right after that; links resolved
    listing: str = ""  # the directory that is being listed
    doubtful: bool = False  # perhaps a search: what comes next says it


class Searches:
    """Tells searches from listings while events go by."""

    def __init__(self) -> None:
        self._threads: dict[int, _Thread] = {}
        self._searched: dict[str, str] = {}  # links resolved, to the path that was asked for
        self._listed: set[str] = set()
        self._files: set[str] = set()

    def add(self, pid: int, action: Action) -> None:
        """Take note of what a thread does next."""
        thread = self._threads.get(pid)
        if thread is None or (action.does is Does.EXECUTE and not action.error):
            thread = self._threads[pid] = _Thread()
        if action.does is Does.LIST:
            if thread.listing != action.path:
                self._list(thread, action.path)
            return
        if thread.doubtful and not self._is_search(action.path):
            self._listed.add(thread.listing)
        thread.listing, thread.doubtful = "", False
        if action.does is Does.ASK and not action.error:
            thread.times = thread.times + 1 if action.path == thread.asked else 1
            thread.asked, thread.opened = action.path, ""
        elif action.does is Does.OPEN and not action.error and action.path == thread.asked:
            thread.opened = action.real
        else:
            thread.asked, thread.times, thread.opened = "", 0, ""
        if action.does is Does.OPEN and not action.error and action.path.endswith(_SUFFIXES):
            self._files.add(action.path)

    def listings(self) -> Iterable[str]:
        """Directories, links resolved, that were listed for their names."""
        return self._listed | {
            thread.listing for thread in self._threads.values() if thread.doubtful
        }

    def modules(self) -> dict[str, frozenset[str]]:
        """Directories that were searched, links resolved, each with names that were loaded.

        Directories of packages are left out: what is in them is asked for by its own name. A file
        further below is loaded through packages alone: a script that lies somewhere below a
        directory in which modules are looked for is none of it.
        """
        packages = {_home(file) for file in self._files if _is_init(file)}
        roots = {path: real for real, path in self._searched.items() if path not in packages}
        names: set[str] = set()
        for file in self._files:
            for directory in _parents(_home(file)):
                if directory in roots:
                    names.add(_name(file, directory))
                if directory not in packages and directory not in roots:
                    break
        found = frozenset(names)
        return dict.fromkeys(roots.values(), found)

    def _list(self, thread: _Thread, directory: str) -> None:
        thread.listing = directory
        if thread.opened == directory and thread.times >= _FIRST:
            self._searched[directory] = thread.asked
        elif thread.opened == directory and directory in self._searched:
            thread.doubtful = True
        else:
            self._listed.add(directory)
        thread.asked, thread.times, thread.opened = "", 0, ""

    def _is_search(self, path: str) -> bool:
        searched = self._searched.values()
        directory = path.rpartition("/")[0]
        return path in searched or (
            path.endswith(_SUFFIXES)
            and (directory in searched or directory.rpartition("/")[0] in searched)
        )


def _home(file: str) -> str:
    directory = file.rpartition("/")[0]
    return directory.removesuffix(f"/{_CACHE}")


def _is_init(file: str) -> bool:
    return file.rpartition("/")[2].startswith("__init__.")


def _name(file: str, root: str) -> str:
    name = file[len(root) + 1 :].partition("/")[0]
    if name == _CACHE:
        name = file.rpartition("/")[2]
    return name.partition(".")[0]


def _parents(path: str) -> Iterable[str]:
    """A directory, and those above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
