"""Outputs that contain the absolute path of the working directory, as lists of files do."""

import os
import shutil

import pytest

from snakemake_storage_plugin_seqstore import record_report
from tests.reuse_workflows.conftest import IN_STORE

RULES = """
    rule all:
        input: "out/used.txt", "out/report.txt"

    rule a:
        input: "in.txt"
        output: "out/a.txt"
        shell: "ran a; cp {input} {output}"

    rule list:
        input: "out/a.txt"
        output: LISTED
        shell: "ran list; MAKE"

    rule use:
        input: listed=LISTED, a="out/a.txt"
        output: "out/used.txt"
        params: config.get("title", "a")
        shell: "ran use; (cat $(cat USE); echo {params}) > {output}"

    rule report:
        input: "out/a.txt"
        output: "out/report.txt"
        shell: "ran report; realpath -s {input} > {output}"
    """
LIST = {
    "LISTED": "'out/a.list'",
    "MAKE": "ls $PWD/{input} > {output}",
    "USE": "{input.listed}",
}
KINDS = {
    "file": {},
    "directory": {
        "LISTED": "directory('out/lists')",
        "MAKE": "mkdir -p {output}/b; ls $PWD/{input} > {output}/b/a.list",
        "USE": "{input.listed}/b/a.list",
    },
    "flag": {
        "LISTED": "touch('out/a.done')",
        "MAKE": "ls $PWD/{input} > out/a.list",
        "USE": "out/a.list",
    },
    "target": {"LISTED": "'out/used.txt.list'"},
}
SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind != "file"]


def write(project, kind):
    rules = RULES
    for name, text in (LIST | KINDS[kind]).items():
        rules = rules.replace(name, text)
    if kind == "target":
        rules = rules.replace('"out/report.txt"\n', '"out/report.txt", "out/used.txt.list"\n', 1)
    project.write(rules)
    project.made = ("out",)


def titled(where, title):
    done = where.run(*IN_STORE, "--config", f"title={title}")
    return done.computed, where.read("out/used.txt").split(), done.printed


@pytest.mark.parametrize("kind", ["file", *SLOW])
def test_a_list_of_absolute_paths_leads_to_no_other_directory(project, kind):
    write(project, kind)
    project.write("one\n", "in.txt")
    assert titled(project, "a")[:2] == (["a", "list", "report", "use"], ["one", "a"])
    clone, third = project.clone(), project.clone("third")
    project.write("two\n", "in.txt")
    assert titled(project, "a")[:2] == (["a", "list", "report", "use"], ["two", "a"])
    # At rest nothing is made again, and what nobody reads is brought as it is.
    assert titled(clone, "a")[:2] == ([], ["one", "a"])
    assert clone.read("out/report.txt") == f"{project.directory}/out/a.txt\n"
    computed, used, printed = titled(clone, "b")
    assert (computed, used) == (["list", "use"], ["one", "b"])
    assert (
        f"contains the path of the directory in which it was made, {project.directory}" in printed
    )
    assert titled(clone, "b")[:2] == ([], ["one", "b"])
    assert titled(third, "b")[:2] == ([], ["one", "b"])
    assert titled(third, "c")[:2] == (["list", "use"], ["one", "c"])
    # The one that made it goes on from what it has.
    assert titled(project, "b")[:2] == (["use"], ["two", "b"])
    assert not list(project.store.records.nondeterministic())
    key = project.store.names.key("files", "out/report.txt")
    found = record_report.document(next(iter(project.store.find_records(key))))
    assert found["contains the path of"] in map(str, (project.directory, clone.directory))


@pytest.mark.slow
def test_a_directory_that_is_moved_or_copied_keeps_what_contains_its_path(project):
    write(project, "file")
    project.write("one\n", "in.txt")
    titled(project, "a")
    copy = project.clone("copy")
    shutil.rmtree(copy.directory)
    shutil.copytree(project.directory, copy.directory)
    assert titled(copy, "a")[:2] == ([], ["one", "a"])
    assert titled(copy, "c")[:2] == (["use"], ["one", "c"])
    shutil.copytree(project.directory, old := project.directory.parent / "old")
    moved = project.clone("moved")
    shutil.rmtree(moved.directory)
    os.rename(project.directory, moved.directory)
    os.rename(old, project.directory)  # so that the paths lead somewhere, as for Snakemake
    assert titled(moved, "a")[:2] == ([], ["one", "a"])
    assert titled(moved, "b")[:2] == (["use"], ["one", "b"])


@pytest.mark.slow
def test_a_longer_name_is_another_path(project):
    write(project, "file")
    project.write(
        project.read("Snakefile").replace("ls $PWD/{input}", "echo $PWD-1/x $PWD.txt {input}"),
        reuse=False,
    )
    project.write("one\n", "in.txt")
    used = project.read("Snakefile").replace("cat $(cat", "echo $(cat")
    project.write(used, reuse=False)
    assert titled(project, "a")[0] == ["a", "list", "report", "use"]
    assert titled(project.clone(), "b")[0] == ["use"]


CHECKPOINT = """
    def listed(wildcards):
        with open(checkpoints.list.get().output[0]) as file:
            return file.read().split()

    rule all:
        input: "out/used.txt"

    rule a:
        input: "in.txt"
        output: "out/a.txt"
        shell: "ran a; cp {input} {output}"

    checkpoint list:
        input: "out/a.txt"
        output: "out/a.list"
        shell: "ran list; ls $PWD/{input} > {output}"

    rule use:
        input: listed
        output: "out/used.txt"
        params: config.get("title", "a")
        shell: "ran use; (cat {input}; echo {params}) > {output}"
    """


@pytest.mark.slow
def test_a_checkpoint_that_lists_absolute_paths(project):
    project.write(CHECKPOINT)
    project.write("one\n", "in.txt")
    assert titled(project, "a")[:2] == (["a", "list", "use"], ["one", "a"])
    assert project.run(*IN_STORE, "--config", "title=a").did_nothing
    clone = project.clone()
    project.write("two\n", "in.txt")
    assert titled(project, "a")[1] == ["two", "a"]
    assert "use" in titled(clone, "b")[0]
    assert clone.read("out/used.txt") == "one\nb\n"
    assert clone.run(*IN_STORE, "--config", "title=b").did_nothing
