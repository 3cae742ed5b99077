"""A directory with files, and commands that are observed in it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.observe import Accesses, Observation, probe

Run = Callable[..., Accesses]


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, where there is one."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(dir=parent) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """No variables of a Python that may be active; this one's programs are not first."""
    kept = ("HOME", "LANG", "TMPDIR")
    path = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])
    return {key: os.environ[key] for key in kept if key in os.environ} | {"PATH": path}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A working directory with a few files."""
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (work / "a.txt").write_text("a\n")
    (work / "b.txt").write_text("b\n")
    (work / "sub" / "c.txt").write_text("c\n")
    (work / "names").write_text("a\nb\n")
    (work / "linked").symlink_to("sub")
    return work


@pytest.fixture
def run(tmp_path: Path, work: Path, clean_environment: dict[str, str]) -> Run:
    """Run a command in the working directory: ``run(command, code=0)``."""

    def run(command: str, code: int = 0) -> Accesses:
        observation = Observation(probe(), tmp_path / "observation")
        process = subprocess.run(
            [observation.shell, "-c", command],
            cwd=work,
            env=clean_environment | {"PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        assert process.returncode == code
        accesses = observation.finish()
        assert os.listdir(tmp_path / "observation") == ["bash"]
        return accesses

    return run
