"""Runs that were stopped in the middle, and what a working directory remembers being damaged."""

import shutil
import signal

import pytest

pytestmark = pytest.mark.slow

WAITS = """
    rule all:
        input: "out.txt"

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        shell: "cp {input} {output}; ran a"

    rule b:
        input: storage.seqstore("seqstore://files/a.txt")
        output: storage.seqstore("seqstore://files/b.txt")
        shell: "echo half > {output}; ran b waits; rev {input} > {output}"

    rule c:
        input: storage.seqstore("seqstore://files/b.txt")
        output: "out.txt"
        shell: "cp {input} {output}; ran c"
    """


@pytest.fixture
def waiting(project, tmp_path):
    """A workflow whose rule b waits, as long as the file ``wait`` is there."""
    project.write(WAITS)
    project.write("abc\n", "in.txt")
    project.environment["WAIT"] = str(tmp_path / "wait")
    (tmp_path / "wait").touch()
    return project


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
@pytest.mark.parametrize("again", [(), ("--rerun-incomplete",)], ids=["plain", "rerun-incomplete"])
def test_an_interrupted_run_goes_on_where_it_was(waiting, tmp_path, how, again):
    assert waiting.interrupt("b", how).computed == ["a", "b"]
    assert waiting.store.find("files", "b.txt") is None
    (tmp_path / "wait").unlink()
    if how is signal.SIGKILL:
        waiting.run("--unlock")
    done = waiting.run(*again)
    assert done.computed == ["b", "c"]
    assert waiting.read("out.txt") == "cba\n"
    assert waiting.run().did_nothing


@pytest.mark.parametrize("forced", [("--forceall",), ("--forcerun", "a")], ids=["all", "a"])
def test_a_checkpoint_is_forced_after_a_run_was_killed(waiting, tmp_path, forced):
    """Its copy, which functions read, goes while Snakemake builds its DAG."""
    get = "lambda wildcards: checkpoints.a.get().output[0]"
    waiting.write(
        WAITS.replace("rule a:", "checkpoint a:").replace(
            'input: storage.seqstore("seqstore://files/a.txt")', f"input: {get}"
        )
    )
    waiting.interrupt("b", signal.SIGKILL)
    waiting.run("--unlock")
    (tmp_path / "wait").unlink()
    assert waiting.run(*forced, "--rerun-incomplete").computed == ["a", "b", "c"]
    assert waiting.run(*forced).computed[0] == "a"
    assert waiting.run().did_nothing


def test_an_interrupted_run_takes_what_somebody_made_meanwhile(waiting, tmp_path):
    waiting.interrupt("b", signal.SIGKILL)
    (tmp_path / "wait").unlink()
    assert waiting.clone().run().computed == ["b", "c"]
    waiting.run("--unlock")
    assert waiting.run().computed == ["c"]
    assert waiting.read("out.txt") == "cba\n"
    assert waiting.run().did_nothing


def test_an_interrupted_forced_run_leaves_the_result_that_was_there(waiting, tmp_path):
    (tmp_path / "wait").unlink()
    waiting.run()
    (tmp_path / "wait").touch()
    waiting.interrupt("b", signal.SIGINT, "--forcerun", "b")
    (tmp_path / "wait").unlink()
    done = waiting.run("--rerun-incomplete")
    assert "a" not in done.computed
    assert waiting.stored("b.txt") == "cba\n"
    assert waiting.read("out.txt") == "cba\n"
    assert waiting.clone().run().computed == ["c"]
    assert waiting.run().did_nothing


def test_a_killed_job_publishes_nothing(waiting, tmp_path):
    (tmp_path / "wait").unlink()
    waiting.write(WAITS.replace("ran b waits", "ran b; kill -9 $$"))
    assert waiting.run(fails=True).computed == ["a", "b"]
    assert waiting.store.find("files", "b.txt") is None
    assert waiting.payloads() == ["abc\n"]
    waiting.write(WAITS)
    assert waiting.run().computed == ["b", "c"]


@pytest.mark.parametrize("damage", ["removed", "garbage", "of another kind", "unreadable as text"])
def test_what_a_working_directory_remembers_may_be_lost(chain, damage):
    for number in (3, 4):
        chain.run("--config", f"num={number}")
    memory = chain.directory / ".snakemake/seqstore"
    if damage == "removed":
        shutil.rmtree(memory)
    else:
        content = {
            "garbage": b"{garbage",
            "of another kind": b'[{"claims": [1, 2]}]',
            "unreadable as text": b"\xff\xfe\x00",
        }[damage]
        for path in [path for path in memory.rglob("*") if path.is_file()]:
            path.write_bytes(content)
    assert set(chain.run("--config", "num=3").computed) == {"c"}
    assert chain.read("out.txt") == "CBA\n3\n"
    assert chain.run("--config", "num=3").did_nothing


def test_results_that_only_this_directory_knows_are_made_again_once_it_forgets(project):
    """What cannot be described is there by this working directory's claim alone."""
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule b:
            output: storage.seqstore("seqstore://files/b.txt")
            params: what=object()
            shell: "ran b; echo cba > {output}"
        """
    )
    assert project.run().computed == ["b"]
    assert project.run().did_nothing
    shutil.rmtree(project.directory / ".snakemake/seqstore")
    assert project.run().computed == ["b"]
    assert project.run().did_nothing
    project.store.publish("files", "b.txt", project.directory / "Snakefile")
    assert project.clone().run().computed == ["b"]
    assert project.stored("b.txt") == "cba\n"
