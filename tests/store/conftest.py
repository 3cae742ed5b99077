import shutil
import tempfile
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.store import Store


@pytest.fixture
def tmp_path():
    """A directory of a test, outside of pytest's: another run of pytest closes that to others."""
    path = Path(tempfile.mkdtemp(prefix="seqstore-test-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def make(tmp_path):
    """Write a file to be published; return its path."""

    def make(content: bytes = b"content", name: str = "source", mode: int = 0o644):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return make
