"""Files that jobs update: what was there before counts, as an input does."""

import shutil

import pytest

from tests.reuse_workflows.conftest import AS_USER, IN_STORE
from tests.reuse_workflows.test_special import PROCESSES, number

UPDATED = """
    rule all:
        input: "table.txt", "after.txt"

    rule add:
        input: "in.txt"
        output: update("table.txt")
        params: num=config["num"]
        shell:
            "ran add; (cat {input} $(printf %s%s si de); echo {params.num}) >> {output}; "
            "test ! -e fail"

    rule after:
        input: "table.txt"
        output: "after.txt"
        shell: "ran after; cp {input} {output}"
    """


@pytest.fixture
def updated(project):
    """in.txt, num and side are added to table.txt -> after.txt, all in place."""
    project.write(UPDATED)
    project.write("in\n", "in.txt")
    project.write("side\n", "side")
    project.made = ("table.txt", "after.txt")
    return project


@pytest.mark.parametrize("observe", ["auto", pytest.param("off", marks=pytest.mark.slow)])
def test_a_file_that_is_updated(updated, observe):
    """It rests when it was updated; a change is added to what is there, here and in a clone."""
    updated.write(f"    seqstore.reuse(workflow, observe={observe!r})\n{UPDATED}")
    steps = [(3, "side\n"), (4, "side\n")] + [(4, "new\n")] * (observe == "auto")
    clone, table = updated.clone(), ""
    for value, side in steps:
        updated.write(side, "side")
        assert updated.run(*IN_STORE, *number(value)).computed == ["add", "after"]
        table += f"in\n{side}{value}\n"
        assert updated.read("table.txt") == updated.read("after.txt") == table
        assert updated.run(*IN_STORE, *number(value)).did_nothing
        assert updated.read("table.txt") == table
        clone.write(side, "side")
        assert clone.run(*IN_STORE, *number(value)).did_nothing
        assert clone.read("table.txt") == table
        assert clone.stored("after.txt") == table
    # From nothing.
    fresh = updated.clone("fresh")
    assert fresh.run(*IN_STORE, *number(value)).computed == ["add", "after"]
    shutil.rmtree(fresh.directory / ".snakemake")  # nor is it updated twice without that
    assert fresh.run(*IN_STORE, *number(value)).did_nothing
    assert fresh.read("table.txt") == f"in\n{side}{value}\n"
    # The number is as it was, what is there is not.
    assert updated.run(*IN_STORE, *number(3)).computed == ["add", "after"]
    assert updated.read("table.txt") == f"{table}in\n{side}3\n"


@pytest.mark.slow
@pytest.mark.parametrize("user", [(), AS_USER], ids=["root", "user"])
def test_a_file_of_the_user_that_is_updated(updated, user):
    """What it began from is an input by its content; a job that fails leaves what was there."""
    updated.prefix = user
    updated.write("mine\n", "table.txt")
    other = updated.clone("other")
    other.prefix = user
    updated.write("", "fail")
    assert updated.run(*IN_STORE, *number(3), fails=True).computed == ["add"]
    assert updated.read("table.txt") == "mine\n"
    (updated.directory / "fail").unlink()
    assert updated.run(*IN_STORE, *number(3)).computed == ["add", "after"]
    table = "mine\nin\nside\n3\n"
    assert updated.read("table.txt") == updated.read("after.txt") == table
    updated.write("", "fail")
    assert updated.run(*IN_STORE, *number(4), fails=True).computed == ["add"]
    assert updated.read("table.txt") == table
    (updated.directory / "fail").unlink()
    assert updated.run(*IN_STORE, *number(3)).did_nothing
    # Elsewhere with the same, with nothing, with something else.
    other.write("mine\n", "table.txt")
    assert other.run(*IN_STORE, *number(3)).did_nothing
    assert other.read("table.txt") == other.stored("after.txt") == table
    third = updated.clone("third")
    third.write("other\n", "table.txt")
    assert third.run(*IN_STORE, *number(3)).computed == ["add", "after"]
    assert third.read("table.txt") == "other\nin\nside\n3\n"
    # What the user does with it later is left alone, and read as it is.
    updated.write("edited\n", "table.txt")
    assert updated.run(*IN_STORE, *number(3)).computed == ["after"]
    assert updated.read("table.txt") == updated.read("after.txt") == "edited\n"
    assert updated.run(*IN_STORE, *number(3)).did_nothing
    assert updated.run(*IN_STORE, *number(4)).computed == ["add", "after"]
    assert updated.read("table.txt") == "edited\nin\nside\n4\n"


@pytest.mark.slow
def test_a_file_that_is_updated_on_a_cluster(updated):
    for value, table in ((3, "in\nside\n3\n"), (4, "in\nside\n3\nin\nside\n4\n")):
        assert updated.run(*IN_STORE, *PROCESSES, *number(value)).computed == ["add", "after"]
        assert updated.read("table.txt") == updated.read("after.txt") == table
        assert updated.run(*IN_STORE, *number(value)).did_nothing
    clone = updated.clone()
    for value in (3, 4):
        assert clone.run(*IN_STORE, *PROCESSES, *number(value)).did_nothing
    assert clone.read("table.txt") == clone.read("after.txt") == table


BEFORE = """
    rule all:
        input: stored("before.txt"), "table.txt", stored("out.txt")

    rule before:
        input: before_update("table.txt")
        output: stored("before.txt")
        params: num=config.get("before", 1)
        shell: "ran before; (cat {input}; echo {params.num}) > {output}"

    rule add:
        input: "in.txt"
        output: update("table.txt")
        params: num=config["num"]
        shell: "ran add; (cat {input}; echo {params.num}) >> {output}"

    rule after:
        input: "table.txt"
        output: stored("out.txt")
        shell: "ran after; cp {input} {output}"
    """


@pytest.mark.slow
@pytest.mark.parametrize("how", [(), IN_STORE], ids=["named", "in place"])
def test_what_is_read_before_it_is_updated(project, how):
    """It counts by its content; who reads it before gets it before."""
    query = "name" if how else 'storage.seqstore(f"seqstore://files/{name}")'
    project.write(f"""
    def stored(name):
        return {query}
    {BEFORE}""")
    project.made = ("before.txt", "out.txt")
    project.write("mine\n", "table.txt")
    project.write("in\n", "in.txt")
    clone, late = project.clone(), project.clone("late")
    table = "mine\n"
    for value in (3, 4):
        computed = ["add", "after", "before"] if value == 3 else ["add", "after"]
        assert project.run(*how, *number(value)).computed == computed
        assert project.stored("before.txt") == f"{table}1\n"
        table += f"in\n{value}\n"
        assert project.read("table.txt") == project.stored("out.txt") == table
        assert project.run(*how, *number(value)).computed == ["before"]  # its input is another one
        assert project.stored("before.txt") == f"{table}1\n"
        assert project.run(*how, *number(value)).did_nothing
    if not how:
        return  # Snakemake decides about local files
    assert clone.run(*how, *number(3)).did_nothing
    assert clone.read("before.txt") == "mine\n1\n"
    assert clone.read("out.txt") == clone.read("table.txt") == "mine\nin\n3\n"
    assert clone.run(*how, *number(3)).did_nothing
    assert clone.read("before.txt") == "mine\nin\n3\n1\n"
    # What is in the store of the update waits for who reads what was there before.
    done = late.run(*how, *number(3), "before=2")
    assert "before" in done.computed
    assert late.read("before.txt") == "mine\n2\n"
    assert late.read("table.txt") == late.read("out.txt") == "mine\nin\n3\n"
