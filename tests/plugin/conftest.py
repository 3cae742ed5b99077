import textwrap
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore import SequenceStore, Store
from tests.conftest import assert_no_traceback


class Workflow:
    """A workflow in a directory of its own, run by a real Snakemake process."""

    def __init__(self, directory: Path, store: Path, snakemake) -> None:
        self.directory = directory
        self.store = Store(store)
        self._snakemake = snakemake
        directory.mkdir(exist_ok=True)

    def write(self, snakefile: str) -> None:
        (self.directory / "Snakefile").write_text(textwrap.dedent(snakefile))

    def run(self, *arguments: str, fails: bool = False, root: bool = True) -> str:
        """Run Snakemake; return what it printed."""
        settings = ["--storage-seqstore-root", str(self.store.root)] if root else []
        printed = self._snakemake(self.directory, *settings, *arguments, fails=fails).stdout
        assert_no_traceback(printed)
        return printed

    def read(self, name: str, collection: str = "files") -> str:
        """Content of an entry of the store."""
        entry = self.store.find(collection, name)
        assert entry is not None, f"{collection}/{name} is not in the store"
        self.store.verify(entry.version, "it")
        return self.store.objects.path(entry.version.digest).read_text()


@pytest.fixture
def workflow(tmp_path, snakemake):
    return Workflow(tmp_path / "work", tmp_path / "store", snakemake)


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "proteins.fasta"
    path.write_text(
        ">sp|P1|ONE first protein\nMKVLA\n"
        ">sp|P2|TWO second protein\nMKVLAMKVLAMKVLA\n"
        ">tr|Q3|THREE third one\nMKVLAMKVLAMKVLAMKVLAMKVLAMKVLA\n"
    )
    return path


@pytest.fixture
def database(tmp_path, fasta):
    path = tmp_path / "proteins.sqlite"
    SequenceStore.build(path, [fasta])
    return path
