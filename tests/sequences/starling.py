"""Loads the real SequenceStore of starling, which our files must go both ways with.

The whole package needs torch and more; this one module needs nothing but zstandard.
"""

import importlib.util
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

REQUIREMENT = "idptools-starling==2.0.2"
_MEMBER = "idptools_starling-2.0.2/starling/search/store.py"


def load(cache: Path) -> ModuleType:
    """Return the module ``starling.search.store``, fetched with pip once and kept in ``cache``."""
    source = cache / _MEMBER
    if not source.exists():
        _fetch(cache)
    spec = importlib.util.spec_from_file_location("starling_search_store", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _fetch(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", cache]
    process = subprocess.run(
        [*command, REQUIREMENT], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    archives = list(cache.glob("*.tar.gz"))
    if not archives:
        reason = f"pip could not download {REQUIREMENT}: {process.stdout[-2000:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with tarfile.open(archives[0]) as archive:
        member = archive.extractfile(_MEMBER)
        assert member is not None
        content = member.read()
    source = cache / _MEMBER
    source.parent.mkdir(parents=True, exist_ok=True)
    part = source.with_suffix(f".{os.getpid()}")
    part.write_bytes(content)
    os.replace(part, source)
