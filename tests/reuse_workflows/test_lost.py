"""What a store has lost, but a working directory still has in its place, is not made again."""

import shutil

import pytest

from tests.reuse_workflows.conftest import IN_STORE

COPIES = (*IN_STORE, "--storage-seqstore-materialize=copy")
RULES = """
    rule all:
        input: "c.txt"

    rule a:
        input: "in.txt"
        output: "a.txt", directory("folder")
        shell: "ran a; cat {input} beside.txt > {output[0]}; mkdir {output[1]};"
            " rev {input} > {output[1]}/x"

    rule b:
        input: "a.txt"
        output: protected("b.txt")
        shell: "ran b; cat {input} > {output}"

    rule c:
        input: "folder", "b.txt"
        output: "c.txt"
        shell: "ran c; cat {input[0]}/x {input[1]} > {output}"
    """


@pytest.fixture
def finished(project):
    project.write(RULES)
    project.write("abc\n", "in.txt")
    project.write("1\n", "beside.txt")
    assert project.run(*COPIES).computed == ["a", "b", "c"]
    return project


def test_all_of_a_store_is_lost(finished):
    shutil.rmtree(finished.store.root)
    assert finished.run(*COPIES, "-n").did_nothing
    assert not finished.store.root.exists()
    assert finished.run(*COPIES).did_nothing
    assert finished.stored("c.txt") == finished.read("c.txt") == "cba\nabc\n1\n"
    assert finished.run(*COPIES).did_nothing
    finished.made = ("a.txt", "b.txt", "c.txt", "folder")
    clone = finished.clone()
    assert clone.run(*COPIES).did_nothing
    clone.write("2\n", "beside.txt")  # what a job was seen to read counts as before
    assert clone.run(*COPIES).computed == ["a", "b", "c"]
    finished.write("2\n", "beside.txt")
    assert finished.run(*COPIES).did_nothing
    assert finished.read("c.txt") == "cba\nabc\n2\n"


@pytest.mark.parametrize("name", ["a.txt", "folder", "c.txt"])
def test_one_file_of_a_store_is_lost(finished, name):
    finished.drop_payload(name)
    assert finished.run(*COPIES).did_nothing
    finished.made = ("a.txt", "b.txt", "c.txt", "folder")
    clone = finished.clone()
    assert clone.run(*COPIES, name).did_nothing
    assert clone.read("folder/x" if name == "folder" else name)


def test_what_is_not_what_was_lost_is_made_again(finished):
    finished.drop_payload("c.txt")
    finished.write("edited\n", "c.txt")
    assert finished.run(*COPIES).computed == ["c"]
    assert finished.read("c.txt") == "cba\nabc\n1\n"


def test_what_was_made_otherwise_is_made_again(finished):
    """What it read has changed, besides."""
    for name in ("a.txt", "folder"):
        finished.drop_payload(name)
    finished.write("2\n", "beside.txt")
    (finished.directory / "b.txt").unlink()
    assert "a" in finished.run(*COPIES).computed
    assert finished.read("c.txt") == "cba\nabc\n2\n"


TEMPORARIES = """
    rule all:
        input: "d.txt", "kept.txt"

    rule t:
        input: "in.txt"
        output: temp("t.txt")
        shell: "ran t; cat {input} beside.txt > {output}"

    rule u:
        input: "t.txt"
        output: temp("u.txt"), "kept.txt"
        log: "u.log"
        shell: "ran u; cat {input} | tee {output[0]} > {output[1]}; echo u > {log}"

    rule d:
        input: "u.txt"
        output: "d.txt"
        shell: "ran d; cat {input} > {output}"
    """


def test_temporaries_are_lost_with_a_store(project):
    """They are gone anyway: as long as nobody reads them, nothing is made again."""
    project.write(TEMPORARIES)
    project.write("abc\n", "in.txt")
    project.write("1\n", "beside.txt")
    assert project.run(*COPIES).computed == ["d", "t", "u"]
    for _ in range(2):
        shutil.rmtree(project.store.root)
        assert project.run(*COPIES, "-n").did_nothing
        assert not project.store.root.exists()
        assert project.run(*COPIES).did_nothing
        assert project.run(*COPIES).did_nothing
        project.made = ("d.txt", "kept.txt", "u.log")
        clone = project.clone()
        assert clone.run(*COPIES).did_nothing
        assert clone.read("d.txt") == clone.read("kept.txt") == "abc\n1\n"
    shutil.rmtree(project.store.root)
    project.write("2\n", "beside.txt")
    assert project.run(*COPIES).computed == ["d", "t", "u"]
    assert project.read("d.txt") == "abc\n2\n"
