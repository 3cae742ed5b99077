"""A store that several people share: what others may read, and what nobody may change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.store import marker

NOBODY = 65534


@pytest.fixture
def other(workflow, environment, tmp_path):
    """Run Snakemake in the workflow's directory as somebody who is not root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    for directory in (tmp_path, *tmp_path.parents):
        if directory != Path("/") and directory.stat().st_uid == 0:
            directory.chmod(directory.stat().st_mode | 0o055)
    home = tmp_path / "home"
    home.mkdir()
    for directory in (home, workflow.directory):
        os.chown(directory, NOBODY, NOBODY)
    probe = [sys.executable, "-c", "import snakemake_storage_plugin_seqstore, snakemake"]
    variables = environment | {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": variables}
    if subprocess.run(probe, cwd=home, capture_output=True, **who).returncode:
        pytest.skip("this Python cannot be read by others")

    def run(*arguments, fails=False):
        root = str(workflow.store.root)
        command = [sys.executable, "-m", "snakemake", "--cores", "1"]
        done = subprocess.run(
            [*command, "--storage-seqstore-root", root, *arguments],
            cwd=workflow.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **who,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    return run


@pytest.mark.parametrize("how", ["symlink", "reflink", "copy"])
def test_an_input_of_somebody_else_is_used_as_configured(workflow, other, tmp_path, how):
    (tmp_path / "a").write_text("a")
    entry = workflow.store.publish("files", "a.txt", tmp_path / "a")
    workflow.write(
        """
        rule:
            input: storage.seqstore("seqstore://files/a.txt")
            output: "out.txt"
            shell: "(readlink {input} || echo copy) > {output}; (echo more >> {input}) || true"
        """
    )
    other("--storage-seqstore-materialize", how)
    made = (workflow.directory / "out.txt").read_text().strip()
    payload = workflow.store.objects.path(entry.version.digest)
    assert made == (str(payload) if how == "symlink" else "copy")
    workflow.store.verify(entry)


PUBLISH = """
    rule:
        output: storage.seqstore("seqstore://files/b.txt")
        shell: "echo b > {output}"
    """


def test_a_store_that_one_may_only_read_says_so(workflow, other, tmp_path):
    (tmp_path / "a").write_text("a")
    workflow.store.publish("files", "a.txt", tmp_path / "a")
    workflow.write(PUBLISH)
    printed = other(fails=True)
    assert "Permission denied" in printed
    assert "seqstore init --shared" in printed
    assert workflow.store.find("files", "b.txt") is None


def test_a_shared_store_takes_from_everybody_in_the_group(workflow, other, tmp_path):
    marker.create(workflow.store.root, shared=True)
    (tmp_path / "a").write_text("a")
    workflow.store.publish("files", "a.txt", tmp_path / "a")
    for path in (workflow.store.root, *workflow.store.root.rglob("*")):
        os.chown(path, 0, NOBODY)
        if path.is_dir():
            path.chmod(0o2775)
    workflow.write(PUBLISH)
    other()
    assert workflow.read("b.txt") == "b\n"
    (tmp_path / "b").write_text("root was here")
    workflow.store.publish("files", "b.txt", tmp_path / "b")
    assert workflow.read("b.txt") == "root was here"
