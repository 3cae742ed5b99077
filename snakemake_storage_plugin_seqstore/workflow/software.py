"""The software that a job runs with: what is really in effect, as values that can be compared."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import sys
import sysconfig
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from snakemake_storage_plugin_seqstore.workflow import mentions
from snakemake_storage_plugin_seqstore.workflow.contents import Contents
from snakemake_storage_plugin_seqstore.workflow.unknown import Unknown

_PROGRAM = re.compile(r"[\w.+-]+|.*/.*")
_PYTHON = re.compile(r"python[\d.]*")
_SHELL = re.compile(r"(?:ba|da|k|z)?sh")


class Software:
    """The programs on the search path, and the Python in which Snakemake runs.

    Parameters
    ----------
    contents : Contents
        Says what files contain.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._found: dict[str, tuple[dict[str, str], frozenset[str]]] = {}
        self._environments: dict[Path, str] = {}

    def programs(self, words: Iterable[str]) -> dict[str, str]:
        """What the programs that words resolve to contain, by word."""
        found: dict[str, set[str]] = {}  # two paths may end in one name
        waiting, seen = [*words], set()
        while waiting:
            word = waiting.pop()
            if word in seen or not _PROGRAM.fullmatch(word):
                continue
            seen.add(word)
            if word not in self._found:
                self._found[word] = self._program(word)
            digests, called = self._found[word]
            for name, digest in digests.items():
                found.setdefault(name, set()).add(digest)
            waiting += called
        return {name: " ".join(sorted(digests)) for name, digests in sorted(found.items())}

    def _program(self, word: str) -> tuple[dict[str, str], frozenset[str]]:
        """What a program contains, and the words in it that may name others that it runs."""
        path = _which(word)
        if path is None:
            return {}, frozenset()
        name = os.path.basename(word)
        try:
            interpreter = interpreter_of(self._contents.head(path))
            if interpreter is None:
                found = {name: self._contents.version(path).digest}
                if _PYTHON.fullmatch(os.path.basename(path)):
                    found[f"{name} packages"] = self.packages_beside(Path(path))
                return found, frozenset()
            if _PYTHON.fullmatch(os.path.basename(interpreter)):
                # Programs that pip installs begin with the path of their environment.
                body = Path(path).read_bytes().partition(b"\n")[2]
                return {name: _sha256(body)}, frozenset((interpreter,))
            found = {name: self._contents.version(path).digest}
            called = {interpreter}
            if _SHELL.fullmatch(os.path.basename(interpreter)):
                called |= mentions.words(Path(path).read_text(errors="replace"))
        except OSError as error:
            raise Unknown(f"the program {path} cannot be read: {error}") from None
        return found, frozenset(called)

    def packages_beside(self, python: Path) -> str:
        """A digest of all packages that are installed for a Python interpreter."""
        if python not in self._environments:
            names = [f"python*/{kind}-packages/*.dist-info" for kind in ("site", "dist")]
            prefixes = {python.parent.parent, python.resolve().parent.parent}
            found = [
                path
                for prefix in sorted(prefixes)
                for library in ("lib", "lib64", "local/lib")
                for name in (*names, "python3/dist-packages/*.dist-info")
                for path in sorted((prefix / library).glob(name))
            ]
            self._environments[python] = _sha256(
                "\n".join(self._package(path.stem, _read(path)) for path in found).encode()
            )
        return self._environments[python]

    def packages_of(self, modules: Iterable[str]) -> dict[str, str]:
        """Versions of the packages that provide modules, and of all that these require.

        Modules of the standard library belong to the interpreter; what no package provides is left
        out.
        """
        found: dict[str, str] = {}
        waiting = [name for module in modules for name in self._providers.get(module, ())]
        while waiting:
            name = _normal(waiting.pop())
            if name in found:
                continue
            try:
                package = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            url = package.read_text("direct_url.json")
            found[name] = self._package(f"{name}-{package.version}", url)
            for requirement in package.requires or ():
                if "extra ==" not in requirement and (match := re.match(r"[\w.-]+", requirement)):
                    waiting.append(match.group())
        return dict(sorted(found.items()))

    @cached_property
    def python(self) -> str:
        """Version and implementation of the Python in which Snakemake runs."""
        return f"{sys.implementation.cache_tag} {sys.version.split()[0]} {sysconfig.get_platform()}"

    @cached_property
    def _providers(self) -> dict[str, list[str]]:
        return dict(importlib.metadata.packages_distributions())

    def _package(self, label: str, url: str | None) -> str:
        """Name and version of a package; of one that is edited in place, also its sources."""
        if not url or '"editable": true' not in url:
            return label
        match = re.search(r'"url": *"([^"]+)"', url)
        root = Path(unquote(urlsplit(match.group(1)).path)) if match else Path("/nonexistent")
        sources = sorted(
            path
            for path in root.rglob("*.py")
            if not any(part.startswith(".") for part in path.relative_to(root).parts)
        )
        digests = (f"{path.relative_to(root)} {self._contents.digest(path)}" for path in sources)
        return f"{label} {_sha256(chr(10).join(digests).encode())}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _which(word: str) -> str | None:
    """Where a shell finds a program; as ``shutil.which``, which asks more often."""
    directories = [""] if "/" in word else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for directory in directories:
        path = os.path.join(directory, word)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None


def _read(dist_info: Path) -> str | None:
    try:
        return (dist_info / "direct_url.json").read_text()
    except OSError:
        return None


def interpreter_of(start: bytes) -> str | None:
    """The program that runs a script, by its first line; None if it is no script."""
    if not start.startswith(b"#!"):
        return None
    parts = start[2:].partition(b"\n")[0].decode(errors="replace").split()
    if parts and os.path.basename(parts[0]) == "env":
        parts = [part for part in parts[1:] if not part.startswith("-") and "=" not in part]
    return parts[0] if parts else None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
