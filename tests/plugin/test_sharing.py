"""A store that several people share: what others may read, and what nobody may change."""

import os
import subprocess
import sys

import pytest

from snakemake_storage_plugin_seqstore.store import marker

OTHERS = 65534
# A user namespace takes the rights of root away but leaves this Python readable, wherever it is.
AS_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


@pytest.fixture
def user(workflow, environment):
    """Run Snakemake in the workflow's directory as somebody who is not root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give the store to somebody else")
    if subprocess.run([*AS_USER, "true"], capture_output=True).returncode:
        pytest.skip("needs user namespaces")

    def run(*arguments, fails=False):
        root = str(workflow.store.root)
        command = [*AS_USER, sys.executable, "-m", "snakemake", "--cores", "1"]
        done = subprocess.run(
            [*command, "--storage-seqstore-root", root, *arguments],
            cwd=workflow.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    return run


def give_away(store, group=OTHERS):
    """Let the store belong to somebody else."""
    for path in (store.root, *store.root.rglob("*")):
        mode = path.stat().st_mode
        os.chown(path, OTHERS, group)
        path.chmod(mode)


@pytest.mark.parametrize("how", ["symlink", "reflink", "copy"])
def test_an_input_of_somebody_else_is_used_as_configured(workflow, user, tmp_path, how):
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
    give_away(workflow.store)
    user("--storage-seqstore-materialize", how)
    made = (workflow.directory / "out.txt").read_text().strip()
    payload = workflow.store.objects.path(entry.version.digest)
    assert made == (str(payload) if how == "symlink" else "copy")
    workflow.store.verify(entry.version, "it")


PUBLISH = """
    rule:
        output: storage.seqstore("seqstore://files/b.txt")
        shell: "echo b > {output}"
    """


def test_a_store_that_one_may_only_read_says_so(workflow, user, tmp_path):
    (tmp_path / "a").write_text("a")
    workflow.store.publish("files", "a.txt", tmp_path / "a")
    give_away(workflow.store)
    workflow.write(PUBLISH)
    printed = user(fails=True)
    assert "Permission denied" in printed
    assert "seqstore init --shared" in printed
    assert workflow.store.find("files", "b.txt") is None


def test_a_shared_store_takes_from_everybody_in_the_group(workflow, user, tmp_path):
    marker.create(workflow.store.root, shared=True)
    (tmp_path / "a").write_text("a")
    for name in ("a.txt", "b.txt"):
        workflow.store.publish("files", name, tmp_path / "a")
    give_away(workflow.store, group=os.getegid())
    workflow.store.remove("files", "b.txt")
    workflow.write(PUBLISH)
    user()
    assert workflow.read("b.txt") == "b\n"
    (tmp_path / "b").write_text("root was here")
    workflow.store.publish("files", "b.txt", tmp_path / "b")
    assert workflow.read("b.txt") == "root was here"
