"""Packages of conda environments and of Python installations."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import re
from contextlib import suppress
from functools import cached_property
from pathlib import Path

_NORMAL = re.compile(r"[-_.]+")
_SITE = re.compile(r"(.*/lib(?:64)?/python3(?:\.\d+)?)/(?:site|dist)-packages/")
_LIBRARY = re.compile(r".*/lib(?:64)?/python3\.\d+/")
_VERSION = re.compile(r'^#define\s+PY_VERSION\s+"([^"]+)"', re.MULTILINE)


def normal(name: str) -> str:
    """A distribution's name as names are compared."""
    return _NORMAL.sub("-", name).lower()


class CondaFiles:
    """What a conda environment consists of.

    Parameters
    ----------
    prefix : str
        The environment's directory.
    """

    base: frozenset[str] = frozenset()  # nothing in an environment is needed by everything

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def owner(self, path: str) -> str | None:
        """The name of the package that a file came with."""
        return self._files.get(path[len(self._prefix) + 1 :])

    def version(self, name: str) -> str | None:
        """Version and build of a package that is installed."""
        return self._versions.get(name)

    @cached_property
    def _versions(self) -> dict[str, str]:
        # NAME-VERSION-BUILD.json
        found = {}
        for file in Path(self._prefix, "conda-meta").glob("*.json"):
            name, version, build = ("--" + file.stem).rsplit("-", 2)
            found[name.lstrip("-")] = f"{version}-{build}"
        return found

    @cached_property
    def _files(self) -> dict[str, str]:
        found = {}
        for file in Path(self._prefix, "conda-meta").glob("*.json"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                package = json.loads(file.read_bytes())
                found.update(dict.fromkeys(package["files"], package["name"]))
        return found


class PythonFiles:
    """What pip installed below a prefix, and the Python that stands there itself.

    Parameters
    ----------
    prefix : str
        The directory with ``lib/python3.x``.
    """

    base: frozenset[str] = frozenset()

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.rstrip("/")
        self._files: dict[str, dict[str, str]] = {}

    def owner(self, path: str) -> str | None:
        """The name of the distribution that a file came with."""
        site = _SITE.match(path)
        if site is not None:
            return self._of(site[0].rstrip("/")).get(path)
        if self._python and (_LIBRARY.match(path) or path.startswith(f"{self._prefix}/bin/python")):
            return "python"
        for folder in Path(self._prefix).glob("lib*/python3*/*-packages"):
            if path in self._of(str(folder)):  # a program
                return self._of(str(folder))[path]
        return None

    def version(self, name: str) -> str | None:
        """The version of a distribution that is installed."""
        return self._python if name == "python" else self._versions.get(name)

    @cached_property
    def _versions(self) -> dict[str, str]:
        found = {}
        for info in Path(self._prefix).glob("lib*/python3*/*-packages/*.dist-info"):
            name, _, version = info.name.removesuffix(".dist-info").partition("-")
            found[normal(name)] = version
        return found

    def _of(self, folder: str) -> dict[str, str]:
        if folder not in self._files:
            self._files[folder] = _distributed(folder)
        return self._files[folder]

    @cached_property
    def _python(self) -> str | None:
        for header in Path(self._prefix).glob("include/python3*/patchlevel.h"):
            with suppress(OSError):
                found = _VERSION.search(header.read_text(errors="replace"))
                if found:
                    return found[1]
        return None


def _distributed(folder: str) -> dict[str, str]:
    """Files in a folder of packages, each with the name of its distribution."""
    found = {}
    for record in Path(folder).glob("*.dist-info/RECORD"):
        name = normal(record.parent.name.partition("-")[0])
        with (
            suppress(OSError, csv.Error),
            record.open(newline="", errors="surrogateescape") as file,
        ):
            for row in csv.reader(file):
                if row and not row[0].startswith(".."):
                    found[f"{folder}/{row[0]}"] = name
                elif row:
                    found[os.path.normpath(f"{folder}/{row[0]}")] = name
    return found


def own_distributions() -> frozenset[str]:
    """Names of this package, of Snakemake, and of all that Snakemake needs.

    What only this package needs is not loaded by jobs but for their own sake.
    """
    found = {"snakemake-storage-plugin-seqstore"}
    waiting = ["snakemake"]
    while waiting:
        name = normal(waiting.pop())
        if name in found:
            continue
        found.add(name)
        with suppress(importlib.metadata.PackageNotFoundError):
            for need in importlib.metadata.requires(name) or ():
                if "extra ==" not in need.partition(";")[2]:
                    waiting.append(re.split(r"[^\w.-]", need, maxsplit=1)[0])
    return frozenset(found)
