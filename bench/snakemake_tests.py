"""Runs Snakemake's own tests with files in their own places: a plugin for pytest.

In the directory of an unpacked source distribution of Snakemake (``pip download --no-deps
--no-binary snakemake snakemake``), with this project's directory in ``PYTHONPATH``, as an ordinary
user::

    STORAGE=seqstore pytest -p bench.snakemake_tests -o addopts= -m "not needs_s3" tests/tests.py

``STORAGE`` is ``none``, ``fs`` (that plugin, over the test's directory) or ``seqstore``. Compare
which tests pass: many need conda, containers or the network.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

STORAGE = os.environ.get("STORAGE", "seqstore")
REUSE = "import snakemake_storage_plugin_seqstore as _seqstore; _seqstore.reuse(workflow)\n"


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a store of its own."""
    root = tmp_path_factory.mktemp("store")
    monkeypatch.setenv("SNAKEMAKE_STORAGE_SEQSTORE_ROOT", str(root))


def pytest_configure() -> None:
    """Let each run of Snakemake have a default storage provider."""
    if STORAGE == "none":
        return
    sys.path.insert(0, os.getcwd())
    common: Any = importlib.import_module("tests.common")
    plain = common.run

    def run(path: Any, *arguments: Any, **settings: Any) -> Any:
        if settings.get("default_storage_provider") or settings.get("no_tmpdir"):
            return plain(path, *arguments, **settings)
        snakefile = Path(path, settings.get("snakefile", "Snakefile"))
        if settings.get("tmpdir") is None:
            name = snakefile.parent.name
            with common.prepare_tmpdir(Path(path), name_slug=name, cleanup=False) as made:
                settings["tmpdir"] = made
        here = Path(os.fsdecode(settings["tmpdir"]))
        prefix = "seqstore://files" if STORAGE == "seqstore" else str(here.resolve())
        if STORAGE == "seqstore":
            _bind(here / snakefile.relative_to(path))
        if command := settings.get("shellcmd"):
            options = f"--default-storage-provider {STORAGE} --default-storage-prefix {prefix}"
            starts = re.compile(r"(^|&& *|; *|\| *)snakemake ")
            settings["shellcmd"] = starts.sub(rf"\1snakemake {options} ", command)
        settings |= {"default_storage_provider": STORAGE, "default_storage_prefix": prefix}
        return plain(path, *arguments, **settings)

    common.run = run


def _bind(snakefile: Path) -> None:
    text = snakefile.read_text() if snakefile.is_file() else REUSE
    if REUSE not in text:
        snakefile.write_text(REUSE + text)
