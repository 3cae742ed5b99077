"""What several tests need: Snakemake as users run it."""

import compileall
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

import snakemake_storage_plugin_seqstore

# How long an example takes depends on what else the machine does.
settings.register_profile(
    "no deadline", deadline=None, max_examples=int(os.environ.get("SEQSTORE_FUZZ_INPUTS", 100))
)
settings.load_profile("no deadline")

# Programs that tests start inherit an ignored SIGINT, as under nohup or in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Compile this package once: where Python writes no byte code, each run would do so."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(snakemake_storage_plugin_seqstore.__file__).parent, quiet=2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """More workers than cores: at the end of each run, Snakemake waits for up to a second."""
    return (os.cpu_count() or 1) * 3 // 2


def assert_no_traceback(printed: str) -> None:
    """Users see no traceback of Snakemake or of this package. What a job prints is its own."""
    of_ours = r' *File ".*/(site-packages/snakemake|snakemake_storage_plugin_seqstore)/'
    assert not re.search(rf"Traceback .*:\n( .*\n)*?{of_ours}", printed), printed


@pytest.fixture(autouse=True)
def package_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the plugin does to the package's logger: it hangs it below Snakemake's."""
    logger = logging.getLogger("snakemake_storage_plugin_seqstore")
    monkeypatch.setattr(logger, "parent", logger.parent)


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has set nothing, with this Python's programs first."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE_")}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
    }


@pytest.fixture
def snakemake(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Snakemake in a directory: ``snakemake(directory, *arguments, fails=False)``.

    Returns the finished process; everything that Snakemake printed is its ``stdout``.
    """

    def run(directory: Path, *arguments: str, fails: bool = False) -> subprocess.CompletedProcess:
        process = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert (process.returncode != 0) == fails, process.stdout
        return process

    return run
