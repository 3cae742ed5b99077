"""What stands behind a checkpoint is never an old result, whatever became of the checkpoint."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE
from tests.reuse_workflows.test_looking import LOOKS

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
        output: report("joined.txt")
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
    split.write("other\n", "source.txt")
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


def files(project):
    """The files in a working directory but what Snakemake itself keeps there."""
    kept = (".snakemake/seqstore", ".snakemake/storage")
    found = (path for path in project.directory.rglob("*") if not path.is_dir())
    paths = [str(path.relative_to(project.directory)) for path in found]
    return {path for path in paths if path.startswith(kept) or not path.startswith(".snakemake")}


def test_looking_brings_none(split):
    clone = split.clone()
    for look in LOOKS:
        for project in (split, clone):
            before = files(project)
            project.finish(project.start(*IN_STORE, *look))
            assert files(project) == before, look
    clone.run(*IN_STORE, "--report", "report.html")
    assert clone.run(*IN_STORE).did_nothing
    assert split.run(*IN_STORE).did_nothing


def test_a_local_copy_that_a_killed_run_left(split):
    left = split.directory / ".snakemake/storage/seqstore/files/other.txt"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("half\n")
    assert split.run(*IN_STORE, "--config", "other=new").computed == ["join", "other"]
    assert split.stored("joined.txt") == "1\n2\nnew\n1\n"


def test_an_output_in_its_place_stays_until_its_job_runs(project):
    project.write(
        """
        rule all:
            input: "out/a.txt", "out/b.txt"

        rule a:
            output: "out/a.txt"
            params: config.get("value", 1)
            shell: "ran a; echo {params} > {output}"

        checkpoint split:
            output: "out/split.txt"
            params: config.get("value", 1)
            shell: "ran split; echo {params} > {output}"

        rule b:
            input: lambda wildcards: checkpoints.split.get().output
            output: "out/b.txt"
            shell: "ran b; cp {input} {output}"
        """
    )
    assert project.run(*IN_STORE).computed == ["a", "b", "split"]
    project.run(*IN_STORE, "--dry-run", "--config", "value=2")
    assert project.read("out/a.txt") == "1\n"
    assert project.read("out/b.txt") == "1\n"
    assert project.run(*IN_STORE).did_nothing
    (project.directory / "out/b.txt").unlink()
    project.write("mine\n", "out/b.txt")
    project.run(*IN_STORE, "--dry-run", "--config", "value=2")
    assert project.read("out/b.txt") == "mine\n"


def test_a_checkpoint_behind_a_checkpoint_follows_back(project):
    project.write(
        """
        rule all:
            input: "out/made.txt"

        checkpoint first:
            output: directory("out/parts")
            params: config.get("parts", 3)
            shell: "ran first; mkdir {output}; for i in `seq {params}`; do echo > {output}/$i; done"

        rule count:
            input:
                lambda wildcards: expand(
                    "{folder}/{number}",
                    folder=checkpoints.first.get().output[0],
                    number=glob_wildcards("out/parts/{number,[0-9]+}").number,
                )
            output: "out/count.txt"
            shell: "ran count; cat {input} | wc -l > {output}"

        checkpoint second:
            input: "out/count.txt"
            output: "out/number.txt"
            shell: "ran second; cp {input} {output}"

        rule made:
            input:
                lambda wildcards: expand(
                    "out/{i}.txt", i=range(int(open(checkpoints.second.get().output[0]).read()))
                )
            output: "out/made.txt"
            shell: "ran made; cat {input} > {output}"

        rule one:
            output: "out/{i}.txt"
            shell: "ran one; echo {wildcards.i} > {output}"
        """
    )
    arguments = (*IN_STORE, "--config", "parts=2")
    project.run(*IN_STORE)
    assert project.read("out/made.txt") == "0\n1\n2\n"
    project.run(*arguments)
    assert project.read("out/made.txt") == "0\n1\n"
    assert project.run(*IN_STORE).computed == []
    assert project.read("out/made.txt") == "0\n1\n2\n"
    assert project.run(*IN_STORE).did_nothing
    assert project.run(*arguments).computed == []
    assert project.read("out/made.txt") == "0\n1\n"
    assert project.run(*arguments).did_nothing


def test_what_the_user_put_in_the_place_of_one_stays(project):
    """Functions read it, and so do jobs; its job runs when what it is told changes."""
    project.write(
        """
        def names(wildcards):
            with checkpoints.split.get().output[0].open() as file:
                return [f"out/{name}.txt" for name in file.read().split()]

        rule all:
            input: "out/all.txt"

        checkpoint split:
            output: "out/split.txt"
            params: config.get("value", "a b")
            shell: "ran split; echo {params} > {output}"

        rule one:
            output: "out/{name}.txt"
            shell: "ran {wildcards.name}; echo {wildcards.name} > {output}"

        rule join:
            input: names
            output: "out/all.txt"
            shell: "ran join; cat {input} > {output}"
        """
    )
    assert project.run(*IN_STORE).computed == ["a", "b", "join", "split"]
    (project.directory / "out/split.txt").unlink()
    project.write("a c\n", "out/split.txt")
    for look in (("--dry-run",), ("--report", "report.html"), ()):
        done = project.run(*IN_STORE, *look)
        assert "out/split.txt is not what the workflow made" in done.printed
        assert project.read("out/split.txt") == "a c\n"
    assert done.computed == ["c", "join"]
    assert project.read("out/all.txt") == "a\nc\n"
    assert project.run(*IN_STORE).did_nothing
    assert project.run(*IN_STORE, "--config", "value=b").computed == ["join", "split"]
    assert project.read("out/split.txt") == "b\n"
    assert project.read("out/all.txt") == "b\n"
