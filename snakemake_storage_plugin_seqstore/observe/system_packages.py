"""Packages of the system: what dpkg and rpm have installed, and which of them are its base.

The base is what the system itself says that it can't be without, all that this needs, and data
that is built from the same sources.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

_FIELDS = re.compile(r"^([\w-]+): (.*(?:\n .*)*)$", re.MULTILINE)
_NEED = re.compile(r"\s*([^\s:(|,]+)")
_BASE_PRIORITIES = ("required", "important")
_SECONDS = 60
_LINE = "[%{=NAME}\t%{=VERSION}-%{=RELEASE}\t" + "{kind}\t%{{tag}}\n]"


class Dpkg:
    """Debian's packages.

    Parameters
    ----------
    root : str
        Where the system is installed.
    """

    def __init__(self, root: str = "/") -> None:
        self._directory = Path(root, "var/lib/dpkg")

    def owner(self, path: str) -> str | None:
        """The name of the package that a file came with."""
        ways = _ways(path)
        # Most files that jobs read are of the base, whose lists are few.
        found = next((self._base_files[way] for way in ways if way in self._base_files), None)
        if found is None:
            found = next((self._other_files[way] for way in ways if way in self._other_files), None)
        return found

    def version(self, name: str) -> str | None:
        """The version of a package that is installed."""
        package = self._packages.get(name)
        return package["Version"] if package else None

    @cached_property
    def _packages(self) -> dict[str, dict[str, str]]:
        try:
            text = (self._directory / "status").read_text(errors="replace")
        except OSError:
            return {}
        found = {}
        for paragraph in text.split("\n\n"):
            fields = dict(_FIELDS.findall(paragraph))
            if fields.get("Status", "").endswith(" installed") and "Version" in fields:
                found[fields["Package"]] = fields
        return found

    @cached_property
    def base(self) -> frozenset[str]:
        """The packages that everything needs."""
        provided: dict[str, list[str]] = {}
        needs: dict[str, list[str]] = {}
        for name, fields in self._packages.items():
            provided.setdefault(name, []).append(name)
            for other in _names(fields.get("Provides", "")):
                provided.setdefault(other, []).append(name)
            needs[name] = _names(fields.get("Pre-Depends", "") + "," + fields.get("Depends", ""))
        first = [
            name
            for name, fields in self._packages.items()
            if fields.get("Essential") == "yes" or fields.get("Priority") in _BASE_PRIORITIES
        ]
        base = _closure(first, needs, provided)
        # Data that is built from the same source belongs to it, as the locales do to libc.
        sources = {self._source(name) for name in base}
        data = (n for n, fields in self._packages.items() if fields["Architecture"] == "all")
        return base.union(name for name in data if self._source(name) in sources)

    def _source(self, name: str) -> str:
        """The name of the source that a package is built from."""
        return self._packages[name].get("Source", name).split(" ")[0]

    @cached_property
    def _base_files(self) -> dict[str, str]:
        return self._list(self.base)

    @cached_property
    def _other_files(self) -> dict[str, str]:
        return self._list(self._packages.keys() - self.base)

    def _list(self, packages: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in packages:
            lists = [f"{name}.list"]
            with suppress(KeyError):
                lists.append(f"{name}:{self._packages[name]['Architecture']}.list")
            for file in lists:
                with suppress(OSError):
                    text = os.fsdecode((self._directory / "info" / file).read_bytes())
                    found.update(dict.fromkeys(text.split("\n"), name))
        return found


class Rpm:
    """RPM's packages.

    Parameters
    ----------
    root : str
        Where the system is installed.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = root

    def owner(self, path: str) -> str | None:
        """The name of the package that a file came with."""
        files = self._said[1]
        return next((files[way] for way in _ways(path) if way in files), None)

    def version(self, name: str) -> str | None:
        """The version of a package that is installed."""
        return self._said[0].get(name)

    @property
    def base(self) -> frozenset[str]:
        """What everything needs: the shell and what it needs."""
        return self._said[2]

    @cached_property
    def _said(self) -> tuple[dict[str, str], dict[str, str], frozenset[str]]:
        versions: dict[str, str] = {}
        files: dict[str, str] = {}
        needs: dict[str, list[str]] = {}
        provided: dict[str, list[str]] = {}
        for name, version, kind, value in self._rows():
            versions[name] = version
            if kind == "file":
                files[value] = name
                provided.setdefault(value, []).append(name)
            elif kind == "needs":
                needs.setdefault(name, []).append(value)
            else:
                provided.setdefault(value, []).append(name)
        first = [files[path] for path in ("/usr/bin/bash", "/usr/bin/cat") if path in files]
        return versions, files, _closure(first, needs, provided)

    def _rows(self) -> Iterable[list[str]]:
        program = shutil.which("rpm")
        if program is None or not Path(self._root, "var/lib/rpm").exists():
            return
        form = "".join(
            _LINE.replace("{kind}", kind).replace("{{tag}}", f"{{{tag}}}")
            for kind, tag in (("file", "FILENAMES"), ("needs", "REQUIRES"), ("is", "PROVIDES"))
        )
        with suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(
                [program, "--root", self._root, "-qa", "--queryformat", form],
                capture_output=True,
                timeout=_SECONDS,
                stdin=subprocess.DEVNULL,
            ).stdout
            for line in os.fsdecode(said).split("\n"):
                row = line.split("\t")
                if len(row) == 4:
                    yield row


def _ways(path: str) -> tuple[str, ...]:
    """A file's paths: with ``/usr`` and without, which are one place by now."""
    return (path, path[4:]) if path.startswith("/usr/") else (path, f"/usr{path}")


def _names(needs: str) -> list[str]:
    return [
        found[1]
        for part in needs.replace("|", ",").split(",")
        if part.strip() and (found := _NEED.match(part))
    ]


def _closure(
    first: Iterable[str], needs: Mapping[str, list[str]], provided: Mapping[str, list[str]]
) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for need in needs.get(name, ()):
                waiting += provided.get(need, ())
    return frozenset(found)
