"""What is missed by who looks where results are reused."""

import time

import pytest

from snakemake_storage_plugin_seqstore.observe import born
from snakemake_storage_plugin_seqstore.workflow.products import Absent


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    if not born(str(tmp_path / "old")):
        pytest.skip("this file system does not say when a file was made")
    time.sleep(0.05)
    return tmp_path


def test_a_folder_that_is_there_is_not_looked_into(here):
    absent = Absent(["old/x", "none/x", "none/in/y", "made/x", "z"], lambda path: "made" in path)
    assert absent.at(str(here)) == ["made/x", "z"]  # the folder `none` is made before a job runs
    assert absent.at(str(here / "old")) == ["old/x"]
    assert absent.at(str(here / "none")) == ["none/x", "none/in/y"]
    assert absent.at(str(here / "none" / "in")) == ["none/in/y"]
    absent.make_folders()
    assert {path.name for path in here.iterdir()} == {"old", "none"}
    assert absent.at(str(here)) == ["made/x", "z"]


def test_what_comes_while_a_job_looks_is_missed(here):
    """Also while it comes: its folder is made before it."""
    began = time.time_ns() - 10**7
    absent = Absent(["old/x", "old/y", "new/x"], lambda path: "new" in path)
    (here / "new").mkdir()
    assert absent.at(str(here), began) == ["new/x"]
    (here / "new" / "x").touch()
    (here / "old" / "y").touch()
    assert absent.at(str(here), began) == ["old/y", "new/x"]
    later = time.time_ns() + 10**9
    assert absent.at(str(here), later) == []
