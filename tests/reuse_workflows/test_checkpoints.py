"""What stands behind a checkpoint is never an old result, whatever became of the checkpoint."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE

pytestmark = pytest.mark.slow

WORKFLOW = """
    def parts(wildcards):
        folder = checkpoints.split.get().output[0]
        names = glob_wildcards(f"{folder}/{{name,x.}}").name
        return [f"part/{name}.txt" for name in sorted(names)]

    rule all:
        input: "joined.txt"

    rule prepare:
        input: local("in.txt")
        output: local("out/prepared.txt")
        shell: "ran prepare; cp {input} {output}"

    checkpoint split:
        input: local("out/prepared.txt")
        output: directory("parts")
        shell: "ran split; mkdir -p {output}; split -a 1 -l 1 {input} {output}/x"

    rule part:
        input: "parts"
        output: "part/{name}.txt"
        shell: "ran {wildcards.name}; cat {input}/{wildcards.name} > {output}"

    rule join:
        input: parts, config.get("source", "other.txt")
        output: "joined.txt"
        params: end=config.get("end", 1)
        shell: "ran join; (cat {input}; echo {params.end}) > {output}"

    rule other:
        output: "other.txt"
        params: other=config.get("other", "other")
        shell: "ran other; echo {params.other} > {output}"
    """


@pytest.fixture
def split(project):
    """A finished workflow with a checkpoint that is a directory in the store."""
    project.write(WORKFLOW)
    project.write("1\n2\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["join", "other", "prepare", "split", "xa", "xb"]
    assert project.run(*IN_STORE).did_nothing
    return project


@pytest.mark.parametrize("source", ["other.txt", "source.txt"], ids=["made", "a source"])
@pytest.mark.parametrize("lost", [(), ("parts",)], ids=["there", "payload gone"])
def test_a_param_behind_it_changes(split, source, lost):
    split.write("other\n", "out/source.txt")
    split.store.publish("files", "source.txt", split.directory / "out/source.txt")
    for end in (2, 3, 2):
        for name in lost:
            split.drop_payload(name)
        arguments = (*IN_STORE, "--config", f"end={end}", f"source={source}")
        split.run(*arguments)
        assert split.stored("joined.txt") == f"1\n2\nother\n{end}\n"
        assert split.run(*arguments).did_nothing


@pytest.mark.parametrize("forced", [(), ("--forcerun", "split"), ("--forceall",)])
def test_members_of_another_version_do_not_stay(split, forced):
    split.write("3\n", "in.txt")
    done = split.run(*IN_STORE, *forced)
    assert {"join", "prepare", "split", "xa"} == set(done.computed) - {"other"}
    assert split.stored("joined.txt") == "3\nother\n1\n"
    assert split.run(*IN_STORE).did_nothing


def test_a_local_copy_that_a_killed_run_left(split):
    left = split.directory / ".snakemake/storage/seqstore/files/other.txt"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("half\n")
    assert split.run(*IN_STORE, "--config", "other=new").computed == ["join", "other"]
    assert split.stored("joined.txt") == "1\n2\nnew\n1\n"
