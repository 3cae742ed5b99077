"""Files in their own places behave as local files do without the plugin."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE

pytestmark = pytest.mark.slow


def test_a_failed_job_leaves_nothing_in_its_place(project):
    """Else the next run would take it for the user's own file, and read it."""
    project.write(
        """
        rule all:
            input: "out.txt"

        rule a:
            output: "a.txt", directory("folder")
            params: num=config.get("num", 3)
            shell: "ran a; echo half > {output[0]}; mkdir -p {output[1]}; test {params.num} = 3;"
                " echo whole > {output[0]}"

        rule b:
            input: "a.txt"
            output: "out.txt"
            params: other=config.get("other", 1)
            shell: "ran b; cat {input} > {output}"
        """
    )
    assert project.run(*IN_STORE).computed == ["a", "b"]
    assert project.run(*IN_STORE, "--config", "num=4", fails=True).computed == ["a"]
    assert not (project.directory / "a.txt").exists()
    assert not (project.directory / "folder").exists()
    assert project.run(*IN_STORE, "--config", "other=2").computed == ["b"]
    assert project.read("out.txt") == "whole\n"


def test_what_is_updated_is_what_is_there(project):
    rules = """
        assert exists("sum.txt") and not exists("none.txt")

        rule all:
            input: "sum.txt", "out.txt"

        rule b:
            input: before_update("sum.txt")
            output: "out.txt"
            shell: "ran b; cat {input} > {output}"

        rule a:
            input: "in.txt"
            output: update("sum.txt")
            shell: "ran a; cat in.txt >> {output}; EXIT"
        """
    project.write(rules.replace("EXIT", "true"))
    project.write("0\n", "sum.txt")
    project.write("1\n", "in.txt")
    assert project.run(*IN_STORE, "--forcerun", "a").computed == ["a", "b"]
    assert (project.read("sum.txt"), project.read("out.txt")) == ("0\n1\n", "0\n")
    project.write("2\n", "in.txt")
    assert "a" in project.run(*IN_STORE, "--forcerun", "a").computed
    assert project.read("sum.txt") == "0\n1\n2\n"
    # What a failed job did to it, Snakemake undoes.
    project.write(rules.replace("EXIT", "exit 1"))
    assert "a" in project.run(*IN_STORE, "--forcerun", "a", fails=True).computed
    assert project.read("sum.txt") == "0\n1\n2\n"


def test_patterns_of_other_rules_are_expanded(project):
    """Also in a module, whose prefix is in them already."""
    project.write(
        """
        module inner:
            snakefile: "inner.smk"
            prefix: "inner"

        use rule * from inner as inner_*

        rule c:
            output: "c.{x,[0-9]}.txt"
            shell: "ran c{wildcards.x}; echo c > {output}"

        rule all:
            default_target: True
            input: "d.txt", expand(rules.inner_b.output, x=["1"])

        from snakemake.io import expand
        import helpers

        rule d:
            input: expand(rules.c.output, x=["1"]), helpers.every(rules.c.output, ["2"])
            output: "d.txt"
            shell: "ran d; cat {input} > {output} # first"
        """
    )
    project.write(
        """
        import snakemake.io

        def every(pattern, values):
            return snakemake.io.expand(pattern, x=values)
        """,
        "helpers.py",
    )
    project.write(
        """
        rule a:
            output: temp("a.{x}.txt")
            shell: "ran a{wildcards.x}; echo a > {output}"

        rule b:
            input: expand(rules.a.output, x=["1", "2"])
            output: "b.{x}.txt"
            shell: "ran b; cat {input} > {output}"
        """,
        "inner.smk",
    )
    first = project.run(*IN_STORE)
    assert first.computed == ["a1", "a2", "b", "c1", "c2", "d"]
    assert "input: c.1.txt (retrieve from storage), c.2.txt (retrieve" in first.printed
    assert project.read("inner/b.1.txt") == "a\na\n"
    assert project.run(*IN_STORE).did_nothing
    project.made = ("inner", "c.1.txt", "c.2.txt", "d.txt")
    clone = project.clone()
    snakefile = clone.directory / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace("# first", "# second"))
    assert clone.run(*IN_STORE).computed == ["d"]
    assert clone.read("d.txt") == "c\nc\n"


def test_a_directory_has_to_be_marked(project):
    project.write(
        """
        rule a:
            output: "folder"
            shell: "mkdir {output}"
        """
    )
    done = project.run(*IN_STORE, fails=True)
    assert "folder, which rule a made, is a directory" in done.printed


def test_a_block_without_output(project):
    project.write(
        """
        rule all:
            input: "a.txt"
            run:
                shell("ran all")

        rule a:
            output: "a.txt"
            shell: "ran a; echo 1 > {output}"
        """
    )
    assert project.run(*IN_STORE).computed == ["a", "all"]


def test_a_temporary_that_only_its_group_reads(project):
    project.write(
        """
        rule all:
            input: "c.txt"

        rule a:
            output: temp("a.txt")
            group: "g"
            shell: "ran a; echo a > {output}"

        rule b:
            input: "a.txt"
            output: "b.txt"
            group: "g"
            shell: "ran b; cat {input} > {output}"

        rule c:
            input: "b.txt"
            output: "c.txt"
            group: "g"
            shell: "ran c; test ! -e a.txt; cat {input} > {output}"
        """
    )
    project.write('#!/bin/sh\nsh "$1" > job.log 2>&1 &\necho 1\n', "submit")
    (project.directory / "submit").chmod(0o755)
    cluster = ("--executor", "cluster-generic", "--cluster-generic-submit-cmd", "./submit", "-j2")
    assert project.run(*IN_STORE, *cluster).computed == ["a", "b", "c"]
    assert not (project.directory / "a.txt").exists()
    assert project.run(*IN_STORE).did_nothing
    assert project.clone().run(*IN_STORE).did_nothing
