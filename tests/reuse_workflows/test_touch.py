"""``--touch`` lets outputs stand, in this working directory, whatever they were made from."""

import pytest

pytestmark = pytest.mark.slow

NEW = ("--config", "num=4")

STORED = """
    rule all:
        input: "out.txt"

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        shell: "ran a; tr a-z A-Z < {input} > {output}"

    rule b:
        input: storage.seqstore("seqstore://files/a.txt")
        output: storage.seqstore("seqstore://files/b.txt")
        params: num=config.get("num", 3)
        shell: "ran b; (cat {input}; echo {params.num}) > {output}"

    rule c:
        input: storage.seqstore("seqstore://files/b.txt")
        output: "out.txt"
        shell: "ran c; cat {input} > {output}"
    """


@pytest.fixture
def touched(project):
    """A finished workflow whose source is edited, and whose outputs are touched."""
    project.write(STORED)
    project.write("abc\n", "in.txt")
    assert project.run().computed == ["a", "b", "c"]
    project.write("xyz\n", "in.txt")
    assert project.run("--touch").computed == []
    return project


def test_an_edit_does_not_count(touched):
    assert touched.run().did_nothing
    assert touched.run("--dry-run").did_nothing
    assert touched.read("out.txt") == "ABC\n3\n"


def test_what_is_touched_counts_here_alone(touched):
    clone = touched.clone()
    assert clone.run().computed == ["a", "b", "c"]
    assert clone.read("out.txt") == "XYZ\n3\n"


def test_what_somebody_really_made_counts_more(touched):
    touched.clone().run()
    assert touched.run().computed == ["c"]
    assert touched.read("out.txt") == "XYZ\n3\n"


def test_another_edit_counts(touched):
    touched.write("uvw\n", "in.txt")
    assert touched.run().computed == ["a", "b", "c"]
    assert touched.read("out.txt") == "UVW\n3\n"


def test_what_is_made_from_it_is_found_by_its_content(touched):
    assert touched.run(*NEW).computed == ["b", "c"]
    assert touched.read("out.txt") == "ABC\n4\n"
    clone = touched.clone()
    clone.write("abc\n", "in.txt")
    assert clone.run(*NEW).computed == ["c"]
    assert clone.read("out.txt") == "ABC\n4\n"


def test_an_edit_that_snakemake_does_not_see(project):
    project.write(
        """
        rule:
            output: storage.seqstore("seqstore://files/a.txt")
            shell: "ran a; cat in.txt > {output}"
        """
    )
    project.write("abc\n", "in.txt")
    assert project.run().computed == ["a"]
    project.write("xyz\n", "in.txt")
    assert project.run("--touch").computed == []
    assert project.run().did_nothing
    assert project.stored("a.txt") == "abc\n"
    assert project.clone().run().computed == ["a"]


def test_forcing_makes_it_anew(touched):
    assert touched.run("--forcerun", "a").computed == ["a", "b", "c"]
    assert touched.read("out.txt") == "XYZ\n3\n"
    assert touched.clone().run().computed == ["c"]


def test_what_was_never_made_is_not_touched(project):
    project.write(STORED)
    project.write("abc\n", "in.txt")
    project.finish(project.start("--touch"))
    assert not project.store.root.exists()
    assert project.run().computed == ["a", "b", "c"]
