"""What Snakemake shows without running anything: it agrees with reuse, and changes nothing."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE, NOTHING

pytestmark = pytest.mark.slow

STORED = """
    rule all:
        input: storage.seqstore("seqstore://files/b.txt")

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        shell: "ran a; tr a-z A-Z < {input} > {output}"

    rule b:
        input: storage.seqstore("seqstore://files/a.txt")
        output: report(storage.seqstore("seqstore://files/b.txt"), category="letters")
        params: num=config.get("num", 3)
        shell: "ran b; (rev {input}; echo {params.num}) > {output}"
    """
NEW = ("--config", "num=4")


@pytest.fixture
def stored(project):
    """in.txt -> a -> b(num), both in the store."""
    project.write(STORED)
    project.write("abc\n", "in.txt")
    return project


def table(printed):
    """The rows of a summary, by file."""
    lines = [line.split("\t") for line in printed.splitlines() if "\t" in line]
    return {row[0]: dict(zip(lines[0], row, strict=True)) for row in lines[1:]}


LOOKS = (
    ("--dry-run",),
    ("--summary",),
    ("--detailed-summary",),
    ("--lint",),
    ("--rulegraph",),
    ("--list-untracked",),
    ("--list-changes=code",),
    ("--list-changes=input",),
    ("--list-changes=params",),
    ("--dag",),
    ("--unlock",),
)


@pytest.mark.slow
def test_looking_writes_nothing_to_the_store(chain):
    for look in LOOKS:
        chain.finish(chain.start(*look))
    assert not chain.store.root.exists()
    chain.run()
    before = chain.listing()
    clone = chain.clone()
    for look in LOOKS:
        done = clone.finish(clone.start(*look, *NEW))
        assert done.computed == [], look
        assert clone.listing() == before, look
    assert clone.finish(clone.start("--touch", *NEW)).computed == []
    assert clone.listing().keys() == before.keys()
    assert clone.run().computed == ["c"]


def test_results_in_their_own_places_are_tracked(project):
    project.write(
        """
        rule a:
            input: "in.txt"
            output: "res/a.txt"
            shell: "ran a; rev {input} > {output}"
        """
    )
    project.write("abc\n", "in.txt")
    project.write("mine\n", "note.md")
    assert project.run(*IN_STORE).computed == ["a"]
    listed = project.run(*IN_STORE, "--list-untracked").printed.splitlines()
    assert {"Snakefile", "note.md"} <= {*listed} and not {"res/a.txt", "in.txt"} & {*listed}


def test_nothing_is_listed_after_a_hit(stored):
    stored.run()
    clone = stored.clone()
    changed = STORED.replace("rev {input};", "cat {input} | rev;")
    clone.write(changed)
    clone.run(*NEW)
    stored.write(changed)
    for what in ("code", "input", "params"):
        done = stored.run(f"--list-changes={what}", *NEW)
        assert "b.txt" not in [line.rsplit("/", 1)[-1] for line in done.printed.splitlines()]
    assert stored.run("--dry-run", *NEW).did_nothing
    assert stored.run(*NEW).did_nothing
    assert stored.run(*NEW, "--rerun-triggers", "mtime").did_nothing


def test_what_snakemake_lists_as_changed_is_what_is_new(stored):
    """Snakemake does list what changed and has not been made yet."""
    stored.run()
    assert "files/b.txt" in stored.run("--list-changes=params", *NEW).printed


@pytest.mark.parametrize("how", ["--summary", "--detailed-summary"])
def test_a_summary_in_a_clone_says_that_all_is_there(stored, how):
    stored.run()
    clone = stored.clone()
    rows = table(clone.run(how).printed)
    assert [(row["status"], row["plan"]) for row in rows.values()] == [("ok", "no update")] * 2
    rows = table(clone.run(how, *NEW).printed)
    plans = {name.rsplit("/", 1)[-1]: (row["status"], row["plan"]) for name, row in rows.items()}
    assert plans == {"a.txt": ("ok", "no update"), "b.txt": ("missing", "update pending")}


def test_a_report_in_a_clone_has_the_results(stored):
    stored.run()
    clone = stored.clone()
    assert clone.run().did_nothing
    clone.run("--report", "report.html")
    report = clone.read("report.html")
    assert "letters" in report
    assert "b.txt" in report
    assert clone.run().did_nothing


def test_a_report_in_a_clone_where_nothing_was_run(stored):
    stored.run()
    clone = stored.clone()
    clone.run("--report", "report.html")
    assert "b.txt" in clone.read("report.html")
    assert NOTHING in clone.run().printed
