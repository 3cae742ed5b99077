"""What the user is told: few lines, in words, on what is reused and what is not."""

import pytest

from tests.reuse_workflows.conftest import CHAIN, IN_STORE


def only(done, *parts):
    """The one message that has these parts."""
    found = [line for line in done.messages if all(part in line for part in parts)]
    assert len(found) == 1, done.printed
    return found[0]


def test_one_line_sums_up(chain):
    chain.run()
    only(chain.run("--dry-run"), "2 outputs of 2 jobs are reused; computing them took")
    clone = chain.clone()
    done = clone.run("--verbose", "--dry-run")
    assert len([line for line in done.messages if "reused: seqstore://files/" in line]) == 2
    assert [line for line in clone.run().messages if "reused: " in line] == []


def test_one_line_says_what_differs(chain):
    chain.run()
    assert "param num" not in chain.run().printed
    done = chain.run("--dry-run", "--config", "num=4")
    assert "param k: 3 -> 4" in only(done, "files/b.txt is not what it was")
    assert "reason: Missing output files: seqstore://files/b.txt" in done.printed
    assert "Forced" not in done.printed
    chain.write(CHAIN.replace("rev {input}", "cat {input}"))
    line = only(chain.run("--dry-run"), "files/b.txt is not what it was")
    assert "command changed" in line
    assert "rev" in line and "cat" in line
    chain.write(CHAIN)
    chain.write("abd\n", "in.txt")
    line = only(chain.run("--dry-run"), "files/a.txt is not what it was")
    assert "input in.txt: content changed" in line


SHARED = """
    import dataclasses

    VV = int(config.get("vv", 1))
    shell.prefix(f"VV={VV}; ")
    config["deep"] = {"a": {"b": VV, "c": "x"}}
    TABLE = {"names": ["a", "b"], "top": {"number": VV, "other": ["long"] * 100}}

    @dataclasses.dataclass
    class Options:
        level: int

    rule all:
        input: "a1.txt", "a2.txt", "p.txt", "r.txt", "s.txt"

    rule a:
        output: "a{n}.txt"
        shell: "echo {wildcards.n} > {output}"

    rule p:
        output: "p.txt"
        params: tree={"x": [1, {"y": VV}]}, options=Options(VV), names=["n"] * VV, same={"k": 1}
        shell: "echo > {output}"

    rule r:
        output: "r.txt"
        run:
            with open(output[0], "w") as file:
                print(TABLE["top"], config["deep"]["a"], file=file)

    rule s:
        output: "s.txt"
        script: "s.py"
    """


def test_what_is_the_same_for_many_outputs_is_one_line(project):
    project.write(SHARED)
    script = "open(snakemake.output[0], 'w').write(str(snakemake.config['deep']))\n"
    project.write(script, "s.py")
    project.run(*IN_STORE)
    done = project.run(*IN_STORE, "--dry-run", "--config", "vv=2")
    assert sorted(line.removeprefix("seqstore: ") for line in done.messages) == [
        '2 outputs (r.txt, s.txt) are not what they were: config["deep"]["a"]["b"]: 1 -> 2.',
        "5 outputs (a1.txt, a2.txt, p.txt, ...) are not what they were: "
        'shell prefix: "VV=1; " -> "VV=2; ".',
        'p.txt is not what it was: param tree["x"][1]["y"]: 1 -> 2; '
        'param options.level: 1 -> 2; param names: ["n"] -> ["n", "n"].',
        'r.txt is not what it was: global TABLE["top"]["number"]: 1 -> 2.',
    ]


@pytest.mark.parametrize("force", [(), ("--forceall",)])
def test_with_many_targets_and_a_checkpoint_nothing_is_summed_up_twice(project, force):
    project.write(
        """
        def read(wildcards):
            return checkpoints.split.get().output[0] and "l.txt"

        rule all:
            input: expand("{n}.txt", n=range(3)), "joined.txt"

        rule one:
            output: "{n}.txt"
            shell: "echo {wildcards.n} > {output}"

        checkpoint split:
            input: "0.txt"
            output: "split.txt"
            shell: "cat {input} > {output}"

        rule later:
            output: "l.txt"
            shell: "echo later > {output}"

        rule join:
            input: read
            output: "joined.txt"
            shell: "cat {input} > {output}"
        """
    )
    project.run(*IN_STORE)
    (project.directory / "joined.txt").unlink()
    targets = "1.txt", "joined.txt", "all"
    found = [line for line in project.run(*IN_STORE, *force, *targets).messages if "reused" in line]
    told = [line.partition(";")[0] for line in found]
    assert told == ([] if force else ["seqstore: 5 outputs of 5 jobs are reused"])


def test_a_script_that_changed_is_named(project):
    rules = """
        rule a:
            output: storage.seqstore("seqstore://files/a.txt")
            HOW
        """
    script = "open(snakemake.output[0], 'w').write('TEXT')\n"
    for kind, place in (("script", "scripts/x.py"), ("wrapper", "file:wrapper")):
        source = "wrapper/wrapper.py" if kind == "wrapper" else place
        project.write("dependencies: [python]\n", "wrapper/environment.yaml")
        project.write(rules.replace("HOW", f'{kind}: "{place}"'))
        project.write(script.replace("TEXT", "1"), source)
        project.run()
        project.write(script.replace("TEXT", "2"), source)
        line = only(project.run("--dry-run"), "files/a.txt is not what it was")
        assert line.endswith(f"files/a.txt is not what it was: {kind} {place} changed.")


def test_what_cannot_be_reused_is_said_once_with_the_reason(project):
    project.write(
        """
        rule all:
            input: storage.seqstore(expand("seqstore://files/{n}.txt", n=range(3)))

        rule one:
            output: storage.seqstore("seqstore://files/{n}.txt")
            params: what=object()
            shell: "ran {wildcards.n}; echo {wildcards.n} > {output}"
        """
    )
    done = project.run()
    assert done.computed == ["0", "1", "2"]
    assert "(3 jobs)" in only(done, "rule one is not reused")
    assert project.run().did_nothing


def test_a_param_that_cannot_be_told_is_named(project):
    project.write(
        """
        rule one:
            output: storage.seqstore("seqstore://files/a.txt")
            params: what=object()
            shell: "echo > {output}"
        """
    )
    assert "what" in only(project.run("--dry-run"), "rule one is not reused")


@pytest.mark.parametrize("other", ['"other.txt"', 'storage.seqstore("seqstore://files/a.txt")'])
def test_an_output_that_is_missing_is_told_by_snakemake(project, other):
    project.write(
        f"""
        rule:
            output: {other}, "missing.txt"
            shell: "ran a; echo > {{output[0]}}"
        """
    )
    done = project.run("--latency-wait=0", fails=True)
    assert "MissingOutputException" in done.printed
    assert done.messages == []


@pytest.mark.parametrize("other", ['"other.txt"', 'storage.seqstore("seqstore://files/a.txt")'])
def test_an_output_that_cannot_be_read_is_not_recorded(project, other):
    project.write(
        f"""
        rule:
            output: {other}, directory("results")
            shell: "ran a; echo > {{output[0]}}; mkdir {{output[1]}}; mkfifo {{output[1]}}/pipe"
        """
    )
    done = project.run()
    only(done, "is not recorded", "pipe")
    assert list(project.store.records) == []


def test_an_error_in_a_job_is_snakemakes_own(project):
    project.write(
        """
        rule:
            output: storage.seqstore("seqstore://files/a.txt")
            shell: "ran a; exit 3"
        """
    )
    done = project.run(fails=True)
    assert done.status == 1
    assert done.messages == []


def test_a_root_that_is_no_store_is_an_error_before_any_job_runs(project, tmp_path):
    project.write(
        """
        rule:
            output: local("a.txt")
            shell: "ran a; echo > {output}"
        """
    )
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.tex").touch()
    done = project.run(*IN_STORE, fails=True)
    assert f"{tmp_path}/store is not a store" in done.printed
    assert done.computed == []


def test_a_file_below_the_working_directory_is_called_as_in_the_snakefile(project):
    project.write(
        """
        rule:
            input: "data/in.txt"
            output: "a.txt"
            shell: "echo 1 > {output}; echo 2 > new; mv new {input}"
        """
    )
    project.write("1\n", "data/in.txt")
    line = only(project.run(*IN_STORE), "is not reused elsewhere")
    assert line.endswith(" made is not reused elsewhere: it changes its input data/in.txt.")


def test_outputs_that_are_there_before(project):
    """They are replaced, as nobody knows what made them; a line says so first, and once."""
    project.write(
        """
        rule a:
            output: "out.txt"
            shell: "ran a; echo made > {output}"
        """
    )
    project.write("by hand\n", "out.txt")
    said = "seqstore: out.txt is here, but no run with seqstore made it"
    assert any(line.startswith(said) for line in project.run(*IN_STORE, "-n").messages)
    assert project.read("out.txt") == "by hand\n"
    done = project.run(*IN_STORE)
    assert [line.startswith(said) for line in done.messages] == [True]
    assert (done.computed, project.read("out.txt")) == (["a"], "made\n")
    assert not any(said in line for line in project.run(*IN_STORE).messages)
