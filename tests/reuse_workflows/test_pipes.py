"""Jobs that are connected by pipes: what reads a pipe is found by all that was told and read."""

import pytest

from tests.reuse_workflows.conftest import HANGS, IN_STORE, REUSE, Project
from tests.reuse_workflows.test_special import PROCESSES

IN_PLACE, NAMED = "in place", "named"
CORES = ("--cores", "4")

# Each letter is a job. a | b, c | d & file | e, f and g | h, i in a script | j in a shadow.
PIPES = """
    CONFIG = {"num_a": 1, "num_b": 1, "num_c": 1, "num_e": 1} | config

    rule all:
        input: stored("b.txt"), stored("d.txt"), stored("e.txt"), stored("h.txt"), stored("j.txt")

    rule a:
        input: "in.txt"
        output: pipe("ab")
        params: num=CONFIG["num_a"]
        shell: "ran a; (cat {input} $(printf %s%s si de); echo a {params.num}) > {output}"

    rule b:
        input: "ab"
        output: stored("b.txt")
        params: num=CONFIG["num_b"]
        shell: "ran b; (cat {input}; echo b {params.num}) > {output}"

    rule c:
        input: "in.txt"
        output: pipe("cd")
        log: "c.log"
        params: num=CONFIG["num_c"]
        shell: "ran c; date > {log}; (cat {input}; echo c {params.num}) > {output}; sleep 0.5"

    rule d:
        input: "cd"
        output: pipe("de"), stored("d.txt")
        shell: "ran d; tee {output[1]} < {input} > {output[0]}"

    rule e:
        input: "de", "other.txt"
        output: stored("e.txt")
        params: num=CONFIG["num_e"]
        shell: "ran e; (cat {input}; echo e {params.num}) > {output}"

    rule f:
        input: "{name}.txt"
        output: pipe("{name}.fh")
        shell: "ran f; cat {input} > {output}"

    rule h:
        input: first="in.fh", second="other.fh"
        output: stored("h.txt")
        shell: "ran h; cat {input.first} > {output}; cat {input.second} >> {output}"

    rule i:
        input: "in.txt"
        output: pipe("ij")
        script: "i.py"

    rule j:
        input: "ij"
        output: stored("j.txt")
        shadow: "minimal"
        shell: "ran j; cp {input} x; cat x > {output}"
    """
ALL = list("abcdeffhij")


def write(project: Project, mode: str, observe: str) -> tuple[str, ...]:
    """Write the workflow, in place or with names in the store; return Snakemake's options."""
    query = 'storage.seqstore(f"seqstore://files/{name}")' if mode == NAMED else "name"
    stored = f"def stored(name):\n    return {query}\n"
    header = REUSE.replace("(workflow)", f"(workflow, observe={observe!r})") + stored
    project.write(PIPES)
    path = project.directory / "Snakefile"
    path.write_text(header + path.read_text().removeprefix(REUSE))
    project.write("in\n", "in.txt")
    project.write("other\n", "other.txt")
    project.write("side\n", "side")
    project.write(
        """
        import subprocess
        from helper import WORD
        subprocess.run(["ran", "i"], check=True)
        with open(snakemake.output[0], "w") as out:
            out.write(WORD + open(snakemake.input[0]).read())
        """,
        "i.py",
    )
    project.write('WORD = "word"\n', "helper.py")
    project.made = (*(f"{name}.txt" for name in "bdehj"), "c.log")
    return (*CORES, *(IN_STORE if mode == IN_PLACE else ()))


@pytest.mark.parametrize(
    ("mode", "observe"),
    [
        pytest.param(IN_PLACE, "auto", marks=pytest.mark.slow),
        pytest.param(NAMED, "auto", marks=pytest.mark.slow),
        pytest.param(IN_PLACE, "off", marks=pytest.mark.slow),
        pytest.param(NAMED, "off", marks=pytest.mark.slow),
    ],
)
def test_pipes(project, mode, observe):
    """They rest here and in a clone; what changes runs again with what it is connected to."""
    how = write(project, mode, observe)
    assert project.run(*how).computed == ALL
    assert project.stored("b.txt") == "in\nside\na 1\nb 1\n"
    assert project.stored("e.txt") == "in\nc 1\nother\ne 1\n"
    assert project.stored("h.txt") == "in\nother\n"
    assert project.stored("j.txt") == "wordin\n"
    assert project.run(*how).did_nothing
    clone = project.clone()
    assert clone.run(*how, "--dry-run").did_nothing
    done = clone.run(*how)
    assert done.did_nothing
    assert done.messages[0].startswith("seqstore: 5 outputs of 5 jobs are reused")
    assert clone.run(*how).did_nothing

    # What a job that fills a pipe is told, what one that reads it is, and both undone.
    for changed, computed in (("a=2", "ab"), ("c=2", "cde"), ("b=2", "ab"), ("e=2", "cde")):
        change = ("--config", f"num_{changed}")
        assert project.run(*how, *change).computed == list(computed)
        assert project.run(*how, *change).did_nothing
        assert clone.run(*how, *change).did_nothing
    assert project.run(*how).did_nothing
    assert clone.run(*how).did_nothing

    # What a job reads that fills a pipe, declared and not.
    project.write("new\n", "other.txt")
    assert project.run(*how).computed == list("cdeffh")
    assert project.stored("h.txt") == "in\nnew\n"
    project.write('WORD = "new"\n', "helper.py")
    assert project.run(*how).computed == ["i", "j"]
    project.write("new\n", "side")
    expected = ["a", "b"] if observe == "auto" else []
    done = project.run(*how)
    assert done.computed == expected
    if expected:
        assert any("side has changed" in message for message in done.messages)
        assert project.stored("b.txt") == "in\nnew\na 1\nb 1\n"
    assert project.run(*how).did_nothing
    assert project.clone("changed").run(*how).did_nothing

    # All as it was: each result is found again.
    assert clone.run(*how).did_nothing
    for name, text in (("other.txt", "other\n"), ("helper.py", 'WORD = "word"\n')):
        project.write(text, name)
    project.write("side\n", "side")
    assert project.run(*how).did_nothing


FAILING = """
    rule all:
        input: storage.seqstore("seqstore://files/b.txt")

    rule a:
        output: pipe("ab")
        params: num=config["num"]
        retries: 1
        shell: "ran a; echo {params.num} > {output}; sleep 2; test -e good || ! touch $TOUCHED"

    rule b:
        input: "ab"
        output: storage.seqstore("seqstore://files/b.txt")
        retries: 1
        shell: "ran b; cat {input} > {output}"
    """


@pytest.mark.slow
def test_what_fills_a_pipe_fails(project):
    """What read it before that counts for nothing, also if both are tried again."""
    project.write(FAILING)
    number = ("--config", "num=3")
    elsewhere = str(project.directory.parent / "elsewhere")
    for touched in (elsewhere, "good"):  # with the second, another attempt succeeds
        project.environment["TOUCHED"] = touched
        process = project.start(*number)  # the oldest Snakemake prints a traceback of its own
        printed = process.communicate(timeout=HANGS)[0]
        assert (process.returncode == 0) == (touched == "good"), printed
        assert (project.store.find("files", "b.txt") is not None) == (touched == "good")
    assert sorted(project.computed.read_text().split()) == list("aaaabbbb")
    project.computed.unlink()
    assert project.stored("b.txt") == "3\n"
    assert project.run(*number).did_nothing
    assert project.clone().run(*number).did_nothing


@pytest.mark.slow
@pytest.mark.parametrize("mode", [IN_PLACE, NAMED])
def test_pipes_on_a_cluster(project, mode):
    """A process of its own runs all that is connected."""
    how = write(project, mode, "auto")
    assert project.run(*how, *PROCESSES).computed == ALL
    assert project.run(*how).did_nothing
    clone = project.clone()
    assert clone.run(*how, *PROCESSES).did_nothing
    project.write("new\n", "side")
    assert project.run(*how, *PROCESSES).computed == ["a", "b"]
    assert project.stored("b.txt") == "in\nnew\na 1\nb 1\n"
    assert clone.run(*how).did_nothing


@pytest.mark.slow
def test_a_pipe_that_nobody_knows(project):
    """What it is made of is not known: its reader runs again in a clone, and rests where it ran."""
    project.write(
        """
        class Odd:
            __slots__ = ("a",)

        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule a:
            output: pipe("ab")
            params: odd=Odd(), num=config["num"]
            shell: "ran a; echo {params.num} > {output}"

        rule b:
            input: "ab"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; cat {input} > {output}"
        """
    )
    done = project.run("--config", "num=3")
    assert done.computed == ["a", "b"]
    assert any("what rule a writes into ab" in message for message in done.messages)
    assert project.run("--config", "num=3").did_nothing
    assert project.run("--config", "num=4").computed == ["a", "b"]
    assert project.stored("b.txt") == "4\n"
    assert project.clone().run("--config", "num=4").computed == ["a", "b"]
