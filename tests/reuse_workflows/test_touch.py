"""``--touch`` lets outputs stand, in this working directory, whatever they were made from."""

import os

import pytest

from tests.reuse_workflows.conftest import IN_STORE

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


PLAIN = """
    WORD = "{word}"

    rule all:
        input: "out/c.txt", "out/d.txt"

    rule a:
        input: "in.txt"
        output: temp("a.tmp")
        shell: "ran a; sleep 1; tr a-z A-Z < {{input}} > {{output}}"

    rule b:
        input: "a.tmp"
        output: "b.txt"
        shell: "ran b; rev {{input}} > {{output}}"

    rule c:
        input: "b.txt"
        output: "out/c.txt"
        threads: 2
        shell: "ran c; sleep 1; sh add.sh {{input}} {{threads}} > {{output}}"

    rule d:
        input: "a.tmp"
        output: "out/d.txt"
        params: num=config.get("num", 3)
        shell: "ran d; (cat {{input}}; echo {{params.num}} {{WORD}}) > {{output}}"
    """


@pytest.fixture
def finished(project):
    """A directory that plain Snakemake finished, with the lines added since."""
    project.write(PLAIN.format(word="x"), reuse=False)
    project.write("abc\n", "in.txt")
    project.write("cat $1\n", "add.sh")
    assert project.run(root=False).computed == ["a", "b", "c", "d"]
    assert not (project.directory / "a.tmp").exists()
    project.write(PLAIN.format(word="x"))
    return project


def test_what_plain_snakemake_made_is_taken_over(finished):
    """Also what was made from temporaries that are gone; of these the run is known."""
    done = finished.run("-c1", *IN_STORE, "--touch")
    assert done.computed == [] and "the files of 4 jobs are taken over." in done.printed
    assert "stand here alone" not in done.printed
    assert finished.run(*IN_STORE).did_nothing
    clone = finished.clone()
    assert clone.run(*IN_STORE).did_nothing
    assert clone.read("out/c.txt") == "CBA\n"
    record = next(
        each
        for key in finished.store.records
        for each in finished.store.find_records(key)
        if each.rule == "c"
    )
    assert record.seconds >= 1
    # The temporary is made again where it is needed, and what was made of it, too.
    done = clone.run(*IN_STORE, *NEW)
    assert done.computed == ["a", "b", "d"]
    assert clone.run(*IN_STORE, *NEW).did_nothing
    assert finished.run(*IN_STORE).did_nothing
    assert not list(finished.store.records.nondeterministic())


def replaced_by_an_older_file(project):
    path = project.directory / "in.txt"
    project.write("xyz\n", "in.txt")
    os.utime(path, (1_500_000_000, 1_500_000_000))


EDITS = {
    "input": (replaced_by_an_older_file, "abcd", "ZYX\n"),
    "global": (lambda project: project.write(PLAIN.format(word="y")), "abd", "CBA\n"),
    "script": (lambda project: project.write("cat $1 $1\n", "add.sh"), "c", "CBA\nCBA\n"),
    "output": (lambda project: project.write("mine\n", "out/c.txt"), "c", "CBA\n"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_nobody_else_takes_what_may_have_been_made_otherwise(finished, edit):
    """Snakemake does not see these edits, so its metadata are those of the rules as they are."""
    change, computed, expected = EDITS[edit]
    change(finished)
    assert f"({computed[0]}" in finished.run(*IN_STORE, "--touch").printed
    assert finished.run(*IN_STORE).did_nothing
    clone = finished.clone()
    assert clone.run(*IN_STORE).computed == list(computed)
    assert clone.read("out/c.txt") == expected


def test_temporaries_that_are_gone_are_touched(project):
    project.write(PLAIN.format(word="x"))
    project.write("abc\n", "in.txt")
    project.write("cat $1\n", "add.sh")
    project.run(*IN_STORE)
    for digest, _ in list(project.store.objects):
        path = project.store.objects.path(digest)
        if path.read_text() == "ABC\n":  # as garbage collection does
            path.unlink()
    for word in ("sleep 2", "sleep 3"):
        project.write(PLAIN.format(word="x").replace("sleep 1; tr", f"{word}; tr"))
        assert project.run(*IN_STORE, "--touch").computed == []
        assert project.run(*IN_STORE).did_nothing
