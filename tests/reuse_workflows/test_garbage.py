"""What `seqstore gc` leaves to the workflows that use a store."""

import shutil
import time

import pytest

from snakemake_storage_plugin_seqstore.store import Store, filesystem, maintenance

from .conftest import IN_STORE

_YEAR = 365 * 86400 * 10**9  # ns
_RULES = """
    rule all:
        input: "out/b.txt", "out/d"

    rule a:
        input: "in.txt"
        output: "out/a.txt"
        log: "out/a.log"
        shell: "ran a; cat {input} > {output}; (echo log; cat {input}) > {log}"

    rule t:
        input: "in.txt"
        output: temp("out/t.txt")
        shell: "ran t; (cat {input}; echo temporary) > {output}"

    rule b:
        input: "out/a.txt", "out/t.txt"
        output: "out/b.txt"
        shell: "ran b; (cat {input}; echo b) > {output}"

    rule d:
        input: "out/a.txt", "out/a.log"
        output: directory("out/d")
        shell: "ran d; mkdir {output}; (cat {input}; echo d) > {output}/x"
    """


@pytest.fixture
def collect(monkeypatch):
    """Collect a store's garbage in a year; give what is there afterwards."""

    def collect(project):
        with monkeypatch.context() as patch:
            patch.setattr(filesystem, "clock", lambda _: time.time_ns() + _YEAR)
            maintenance.collect_garbage(project.store, 30 * 86400)
        return {text for text in project.payloads() if not text.startswith("{")}

    return collect


def used(project, name):
    """Which projects use a file, or made it."""
    found = project.store.projects("files", name)
    return sorted(each.rpartition("-")[0] for each in found)


def test_what_a_clone_took_over_is_its_own(project, collect):
    """Whatever becomes of it where it was made; but not its temporaries."""
    project.write(_RULES)
    project.write("one\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["a", "b", "d", "t"]
    clone, other = project.clone(), project.clone("other")
    (project.store.root / "projects").write_text("in the way")
    assert clone.run(*IN_STORE).did_nothing
    (project.store.root / "projects").unlink()
    assert used(project, "out/b.txt") == ["work"]
    assert clone.run(*IN_STORE).did_nothing  # what could not be noted is noted now
    other.write(_RULES.replace("echo b)", "echo c)"))
    assert other.run(*IN_STORE).computed == ["b"]  # with the temporary
    assert used(project, "out/b.txt") == used(project, "out/d") == ["clone", "other", "work"]
    assert used(project, "out/t.txt") == []
    project.write("two\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["a", "b", "d", "t"]
    all_ = "{0}\n", "log\n{0}\n", "{0}\nlog\n{0}\nd\n", "{0}\n{0}\ntemporary\nb\n"
    ones, twos = ({text.format(number) for text in all_} for number in ("one", "two"))
    assert collect(project) == ones | twos | {"one\none\ntemporary\nc\n"}
    shutil.rmtree(clone.directory / "out")
    assert clone.run(*IN_STORE).did_nothing
    assert clone.read("out/b.txt") == "one\none\ntemporary\nb\n"
    assert clone.read("out/d/x") == "one\nlog\none\nd\n"
    second = Store(project.store.root.with_name("second"))
    shutil.copytree(project.store.root, second.root)
    shutil.rmtree(second.root / "projects")
    clone.store = second
    assert clone.run(*IN_STORE).did_nothing  # a store that is new to it knows it from now on
    assert [each.rpartition("-")[0] for each in second.uses.projects] == ["clone"]
    clone.store = project.store
    clone.write("two\n", "in.txt")  # then it uses what the first one uses
    assert clone.run(*IN_STORE).did_nothing
    shutil.rmtree(project.store.root / "projects")  # as if there was no other clone
    assert collect(project) == twos | {"one\none\ntemporary\nc\n"}
    assert clone.run(*IN_STORE).did_nothing


def test_a_copy_of_a_directory_is_a_project_of_its_own(project, collect):
    """What it changes is not changed for the other one."""
    project.write(_RULES)
    project.write("one\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["a", "b", "d", "t"]
    copy = project.clone("copy")
    shutil.rmtree(copy.directory)
    shutil.copytree(project.directory, copy.directory, symlinks=True)
    assert copy.run(*IN_STORE).did_nothing
    assert used(project, "out/b.txt") == ["copy", "work"]
    copy.write("two\n", "in.txt")
    assert copy.run(*IN_STORE).computed == ["a", "b", "d", "t"]
    assert copy.run(*IN_STORE).did_nothing
    assert "one\none\ntemporary\nb\n" in collect(project)
    assert used(project, "out/b.txt") == ["copy", "work"]
    shutil.rmtree(project.directory / "out")
    assert project.run(*IN_STORE).did_nothing
    assert project.read("out/b.txt") == "one\none\ntemporary\nb\n"


def test_temporaries_behind_a_checkpoint_are_not_missed(project, collect):
    """Once functions have read its directory, the checkpoint is no job of the DAG any more."""
    project.write(
        """
        rule all:
            input: "out/all.txt"

        checkpoint parts:
            input: "in.txt"
            output: directory("out/parts")
            shell: "ran parts; mkdir {output}; for i in 1 2; do cp {input} {output}/$i.p; done"

        def processed(wildcards):
            parts = checkpoints.parts.get().output[0]
            return expand("out/t.{i}", i=sorted(glob_wildcards(f"{parts}/{{i}}.p").i))

        rule process:
            input: "out/parts/{i}.p"
            output: temp("out/t.{i,[0-9]}")
            shell: "ran process{wildcards.i}; (cat {input}; echo temporary) > {output}"

        rule gather:
            input: processed
            output: "out/all.txt"
            shell: "ran gather; cat {input} > {output}"
        """
    )
    project.write("one\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["gather", "parts", "process1", "process2"]
    assert "one\ntemporary\n" not in collect(project)
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    shutil.rmtree(clone.directory / "out")
    assert clone.run(*IN_STORE).did_nothing
    clone.write("two\n", "out/parts/2.p")  # what the user puts there is read as it is
    assert clone.run(*IN_STORE).computed == ["gather", "process1", "process2"]
