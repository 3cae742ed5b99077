"""Loads the real SequenceStore of starling, for measurements and for tests.

The package around it needs torch and more; this one module needs nothing but zstandard.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from bench.errors import NotInstalled

VERSION = "2.0.2"
_MEMBER = f"idptools_starling-{VERSION}/starling/search/store.py"


def load(cache: Path) -> Any:
    """Return the class, whose package is fetched with pip once and kept in ``cache``.

    Raises
    ------
    NotInstalled
        If pip cannot fetch it.
    """
    source = cache / _MEMBER
    if not source.exists():
        _fetch(cache, source)
    spec = importlib.util.spec_from_file_location("starling_search_store", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SequenceStore


def _fetch(cache: Path, source: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--dest", cache, f"idptools-starling=={VERSION}"]
    process = subprocess.run(command, capture_output=True, text=True)
    archives = list(cache.glob("idptools_starling-*.tar.gz"))
    if not archives:
        reason = process.stderr.strip()[-2000:]
        raise NotInstalled(f"pip could not download idptools-starling: {reason}")
    with tarfile.open(archives[0]) as archive:
        member = archive.extractfile(_MEMBER)
        assert member is not None
        content = member.read()
    source.parent.mkdir(parents=True, exist_ok=True)
    part = source.with_suffix(f".{os.getpid()}")  # others may do the same now
    part.write_bytes(content)
    part.replace(source)
