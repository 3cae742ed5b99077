"""A clone gets the files that its run is asked for, as plain Snakemake would make them."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE

pytestmark = pytest.mark.slow

RULES = """
    rule all:
        input: expand("o/c{n}.txt", n=range(2)), "o/d.txt", "o/first.txt"

    rule a:
        output: "o/a{n}.txt"
        shell: "ran a; echo {wildcards.n} > {output}"

    rule b:
        input: "o/a{n}.txt"
        output: "o/b{n}.txt", "o/e{n}.txt"
        shell: "ran b; cat {input} > {output[0]}; cat {input} > {output[1]}"

    rule t:
        input: "o/a{n}.txt"
        output: temp("o/t{n}.txt")
        shell: "ran t; (cat {input}; echo t) > {output}"

    rule c:
        input: "o/b{n}.txt", "o/t{n}.txt"
        output: "o/c{n}.txt"
        params: k=config.get("num", 1)
        shell: "ran c; (cat {input}; echo {params.k}) > {output}"

    rule first:
        output: "o/first.txt", "o/second.txt"
        shell: "ran first; echo first > {output[0]}; echo second > {output[1]}"

    rule d:
        input: "o/b0.txt"
        output: "o/d.txt"
        shell: "ran d; cat {input} > {output}"
    """


@pytest.fixture
def finished(project):
    """a -> b, t -> c, d: run once, in their own places."""
    project.write(RULES)
    project.made = ("o",)
    project.run(*IN_STORE)
    return project


def there(project):
    """The files that are in their places."""
    return " ".join(sorted(path.name for path in (project.directory / "o").glob("*")))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--until", "b"), "b0.txt b1.txt e0.txt e1.txt"),
        (("--until", "b", "d"), "b0.txt b1.txt d.txt e0.txt e1.txt"),
        (("--until", "o/b0.txt"), "b0.txt"),
        (("o/c1.txt", "--until", "b"), "b1.txt e1.txt"),
        (
            ("--omit-from", "c"),
            "b0.txt b1.txt d.txt e0.txt e1.txt first.txt second.txt t0.txt t1.txt",
        ),
        (("--omit-from", "d", "--until", "c"), "b0.txt c0.txt c1.txt e0.txt first.txt second.txt"),
        (("--batch", "all=1/4"), "c0.txt"),
        (("o/b1.txt",), "b1.txt"),
        (("d",), "d.txt"),
        (("first", "all"), "c0.txt c1.txt d.txt first.txt second.txt"),
        (("d", "o/b1.txt", "o/a0.txt"), "a0.txt b1.txt d.txt"),
    ],
)
def test_a_clone_gets_what_its_run_is_asked_for(finished, arguments, expected):
    clone = finished.clone()
    for _ in range(2):
        assert clone.run(*IN_STORE, *arguments).did_nothing
        assert there(clone) == expected


def test_what_a_run_leaves_out_is_neither_told_nor_touched(finished):
    done = finished.run(*IN_STORE, "--until", "b", "--config", "num=2")
    assert done.computed == []
    assert "is not what it was" not in done.printed
    assert finished.read("o/c0.txt") == "0\n0\nt\n1\n"
    assert finished.run(*IN_STORE).did_nothing  # c still is what it was


def test_what_is_asked_for_and_gone_is_made_though_what_was_made_of_it_is_there(finished):
    clone = finished.clone()
    for digest, _ in finished.store.objects:
        path = finished.store.objects.path(digest)
        if path.read_text() in ("0\nt\n", "1\nt\n"):
            path.unlink()
    assert clone.run(*IN_STORE, "--until", "t").computed == ["t", "t"]
    assert there(clone).endswith("t0.txt t1.txt")
    assert clone.run(*IN_STORE).did_nothing


BEFORE_CHECKPOINTS = """
    def names(wildcards):
        return checkpoints.split.get(n=wildcards.n).output

    rule all:
        input: "o/last1.txt", "o/last2.txt"

    checkpoint split:
        output: "o/split{n}.txt"
        shell: "ran split; echo {wildcards.n} > {output}"

    rule part:
        input: names
        output: "o/part{n}.txt"
        shell: "ran part; cat {input} > {output}"

    rule last:
        input: "o/part{n}.txt"
        output: "o/last{n}.txt"
        shell: "ran last; cat {input} > {output}"
    """


@pytest.mark.parametrize(
    ("arguments", "computed", "expected"),
    [
        (("--omit-from", "o/part1.txt"), "last part split split", "last2 part2 split1 split2"),
        (("--omit-from", "part"), "split split", "split1 split2"),
        (("--until", "part"), "part part split split", "part1 part2 split1 split2"),
        (("--until", "split"), "split split", "split1 split2"),
    ],
)
def test_what_a_first_run_leaves_out_behind_checkpoints(project, arguments, computed, expected):
    project.write(BEFORE_CHECKPOINTS)
    done = project.run(*IN_STORE, *arguments)
    assert " ".join(sorted(done.computed)) == computed
    assert there(project) == " ".join(f"{name}.txt" for name in expected.split())
    assert project.run(*IN_STORE, *arguments).did_nothing
    clone = project.clone()
    assert clone.run(*IN_STORE, *arguments).did_nothing
    assert there(clone).split() == there(project).split()
