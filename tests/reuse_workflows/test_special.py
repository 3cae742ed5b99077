"""What a rule may be beside input, output and command: run, rerun, switched and in a clone."""

import pytest

DEFAULT = ("--default-storage-provider", "seqstore", "--default-storage-prefix", "seqstore://files")


def number(value):
    return ("--config", f"num={value}")


LOG = """
    rule all:
        input: storage.seqstore("seqstore://files/a.txt"), "out/b.txt"

    rule a:
        output: storage.seqstore("seqstore://files/a.txt")
        log: "out/a.log"
        params: num=config["num"]
        shell: "ran a; echo {params.num} | tee {output} > {log}; [ {params.num} -gt 0 ]"

    rule b:
        input: "out/a.log"
        output: "out/b.txt"
        shell: "ran b; cp {input} {output}"
    """
# Each job in a process of its own, as on a cluster.
PROCESSES = (
    *("--executor", "cluster-generic", "--cluster-generic-submit-cmd", "sh", "--jobs", "1"),
    *("--seconds-between-status-checks", "1"),
)


@pytest.mark.parametrize(
    "how", [(), pytest.param(PROCESSES, marks=pytest.mark.slow)], ids=["here", "processes"]
)
def test_a_log_that_another_rule_reads(project, how):
    """It is of the run that made the result, not of the last run here."""
    project.write(LOG)
    for value in (3, 4, 3):
        assert project.run(*how, *number(value)).computed == ["a", "b"]
        assert project.read("out/b.txt") == project.stored("a.txt") == f"{value}\n"
        assert project.run(*how, *number(value)).did_nothing
    clone = project.clone()
    assert clone.run(*how, *number(4)).computed == ["a", "b"]
    assert clone.read("out/b.txt") == "4\n"


def test_a_log_of_a_failed_run(project):
    project.write(LOG)
    project.run(*number(3))
    assert project.run(*number(-1), fails=True).computed == ["a"]
    assert project.run(*number(3)).computed == ["a", "b"]
    assert project.read("out/b.txt") == "3\n"
    # What nobody asks for is not made for its own sake.
    project.run(*number(4))
    assert project.run(*number(3), "--", "a").did_nothing
    assert project.run(*number(3)).computed == ["a", "b"]
    assert project.read("out/b.txt") == "3\n"


@pytest.mark.slow
def test_a_benchmark_that_another_rule_reads(project):
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/a.txt"), storage.seqstore("seqstore://files/b.txt")

        rule a:
            output: storage.seqstore("seqstore://files/a.txt")
            benchmark: "out/a.tsv"
            params: num=config["num"]
            shell: "ran a; echo {params.num} > {output}"

        rule b:
            input: "out/a.tsv"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; cp {input} {output}"
        """
    )
    for value in (3, 4, 3):
        assert project.run(*number(value)).computed == ["a", "b"]
        assert project.stored("a.txt") == f"{value}\n"
        assert project.stored("b.txt") == project.read("out/a.tsv")
        assert project.run(*number(value)).did_nothing
    clone = project.clone()
    assert clone.run(*number(4)).computed == ["a", "b"]
    assert clone.stored("b.txt") == clone.read("out/a.tsv")
    assert clone.run(*number(4)).did_nothing


def test_services(project):
    """Nobody knows what a service says: nothing that asks it is found."""
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/c.txt")

        rule serve:
            output: service("a.service")
            params: num=config["num"]
            shell: "ran serve; echo {params.num} > $SERVED/a.data; touch {output}; sleep 600"

        rule b:
            input: "a.service"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; python ask.py > {output}"

        rule c:
            input: storage.seqstore("seqstore://files/b.txt")
            output: storage.seqstore("seqstore://files/c.txt")
            shell: "ran c; cp {input} {output}"
        """
    )
    project.write(
        """
        import os
        print(open(os.environ["SERVED"] + "/a." + "data").read(), end="")
    """,
        "ask.py",
    )
    project.environment["SERVED"] = str(project.directory.parent)
    for value, computed in ((3, "b c serve"), (4, "b c serve"), (3, "b serve")):
        assert project.run(*number(value)).computed == computed.split()
        assert project.stored("c.txt") == f"{value}\n"
        assert project.run(*number(value)).did_nothing
    clone = project.clone()
    assert clone.run(*number(4)).computed == ["b", "serve"]
    assert clone.stored("c.txt") == "4\n"
    assert clone.run(*number(4)).did_nothing


@pytest.mark.slow
def test_a_handover(project):
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule a:
            output: storage.seqstore("seqstore://files/a.txt")
            params: num=config["num"]
            handover: True
            shell: "ran a; echo {params.num} > {output}"

        rule b:
            input: storage.seqstore("seqstore://files/a.txt")
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; cp {input} {output}"
        """
    )
    for value, computed in ((3, ["a", "b"]), (4, ["a", "b"]), (3, ["a"])):
        assert project.run(*number(value)).computed == computed
        assert project.stored("b.txt") == f"{value}\n"
        assert project.run(*number(value)).did_nothing
    clone = project.clone()
    assert clone.run(*number(4)).computed == ["a"]
    assert clone.stored("b.txt") == "4\n"
    assert clone.run(*number(4)).did_nothing


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("jinja2", "num: {{ params.num }}\nname: {{ wildcards.name }}\nword: {{ config.word }}"),
        ("yte", "num: ?params.num\nname: ?wildcards.name\nword: ?config['word']"),
    ],
)
@pytest.mark.parametrize("how", [(), DEFAULT], ids=["named", "in place"])
def test_a_template(project, engine, text, how):
    """It is rendered once for all that the engine is handed: params, wildcards, config, itself."""
    project.write(
        f"""
        def stored(name):
            return name if {bool(how)} else storage.seqstore(f"seqstore://files/{{name}}")

        rule all:
            input: stored("b.txt")

        rule a:
            input: "a.template"
            output: stored("{{name}}.yaml")
            params: num=config["num"]
            template_engine: "{engine}"

        rule b:
            input: stored("a.yaml")
            output: stored("b.txt")
            shell: "ran b; cp {{input}} {{output}}"
        """
    )
    project.made = ("a.yaml", "b.txt")
    (project.directory / "a.template").write_text(text)
    rendered = "num: 3\nname: a\nword: w"
    first = ("--config", "num=3", "word=w")
    assert project.run(*how, *first).computed == ["b"]
    assert project.stored("b.txt").strip() == rendered
    assert project.run(*how, *first).did_nothing
    clone = project.clone()
    assert clone.run(*how, *first).did_nothing
    for config in (("num=4", "word=w"), ("num=4", "word=x")):
        assert project.run(*how, "--config", *config).computed == ["b"]
        assert project.run(*how, "--config", *config).did_nothing
        assert clone.run(*how, "--config", *config).did_nothing
    rendered = "num: 4\nname: a\nword: x"
    assert project.stored("b.txt").strip() == rendered
    # What is made of it is found though the template is another one that says the same.
    (project.directory / "a.template").write_text(text + "\n")
    assert "rule a:" in (done := project.run(*how, "--config", *config)).printed
    assert done.computed == ([] if project.stored("a.yaml").strip() == rendered else ["b"])
    assert project.run(*how, *first[:1], *config).did_nothing


def test_ancient(project):
    """What is made of it stands there, whatever becomes of it; elsewhere its content counts."""
    project.write("""
        rule all:
            input: "c.txt"

        rule a:
            output: "a.txt"
            params: num=config["num"]
            shell: "ran a; echo {params.num} > {output}"

        rule b:
            input: ancient("a.txt"), ancient("ref.txt")
            output: "b.txt"
            shell: "ran b; cat {input} > {output}"

        rule c:
            input: "b.txt"
            output: "c.txt"
            shell: "ran c; cp {input} {output}"
        """)
    project.made = ("a.txt", "b.txt", "c.txt")
    project.write("ref", "ref.txt")
    assert project.run(*DEFAULT, *number(3)).computed == ["a", "b", "c"]
    first = project.clone("first")
    project.write("edited", "ref.txt")
    assert project.run(*DEFAULT, *number(3)).did_nothing
    assert project.run(*DEFAULT, *number(4)).computed == ["a"]
    for _ in range(2):
        assert project.run(*DEFAULT, *number(4)).did_nothing
    assert project.read("c.txt") == "3\nref"
    clone = project.clone()
    done = clone.run(*DEFAULT, *number(4))
    assert (done.computed, clone.read("c.txt")) == (["b", "c"], "4\nedited")
    assert "its ancient input a.txt has changed; its ancient input ref.txt has" in done.printed
    assert first.run(*DEFAULT, *number(3)).did_nothing
    assert first.read("c.txt") == "3\nref"
    assert first.run(*DEFAULT, *number(4)).computed == ["b", "c"]  # b.txt was not there
    assert first.read("c.txt") == "4\nref"
    (project.directory / "b.txt").unlink()
    (project.directory / "c.txt").unlink()
    assert project.run(*DEFAULT, *number(4)).computed == []
    assert project.read("c.txt") == "4\nedited"
    for each in (project, clone, first):
        assert each.run(*DEFAULT, *number(4)).did_nothing


@pytest.mark.slow
def test_a_group_of_which_a_part_is_found(project):
    project.write(
        """
        localrules: c

        rule all:
            input: "out.txt"

        rule a:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/a.txt")
            group: "together"
            shell: "ran a; cp {input} {output}"

        rule b:
            input: storage.seqstore("seqstore://files/a.txt")
            output: storage.seqstore("seqstore://files/b.txt")
            group: "together"
            params: num=config["num"]
            shell: "ran b; (cat {input}; echo {params.num}) > {output}"

        rule c:
            input: storage.seqstore("seqstore://files/b.txt")
            output: "out.txt"
            shell: "ran c; cp {input} {output}"
        """
    )
    project.write("abc\n", "in.txt")
    for value, computed in ((3, "abc"), (4, "bc"), (3, "c")):
        assert project.run(*number(value)).computed == list(computed)
        assert project.read("out.txt") == f"abc\n{value}\n"
        assert project.run(*number(value)).did_nothing
    clone = project.clone()
    assert clone.run(*number(5)).computed == ["b", "c"]
    assert clone.read("out.txt") == "abc\n5\n"
    assert clone.run(*number(5)).did_nothing
    assert project.run(*number(5)).computed == ["c"]


@pytest.mark.slow
def test_a_group_with_a_flag(project):
    """What reads the flag counts by the run that made it, which is not stored before the end."""
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule a:
            output: storage.seqstore("seqstore://files/a.done")
            group: "together"
            params: num=config["num"]
            shell: "ran a; echo {params.num} > $(printf %s%s si de); : > {output}"

        rule b:
            input: storage.seqstore("seqstore://files/a.done")
            output: storage.seqstore("seqstore://files/b.txt")
            group: "together"
            shell: "ran b; cat $(printf %s%s si de) > {output}"
        """
    )
    for value in (3, 4):
        assert project.run(*number(value), *PROCESSES).computed == ["a", "b"]
        assert project.stored("b.txt") == f"{value}\n"
        assert project.run(*number(value)).did_nothing
    clone = project.clone()
    for value in (3, 4):
        assert clone.run(*number(value)).did_nothing
        assert clone.stored("b.txt") == f"{value}\n"


@pytest.mark.slow
def test_a_job_that_is_tried_again(project):
    """What it made when it failed counts for nothing."""
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule a:
            output: storage.seqstore("seqstore://files/a.txt")
            retries: 1
            params: num=config["num"]
            resources: mem_mb=lambda wildcards, attempt: 10 * attempt
            shell: "ran a; echo {resources.mem_mb} {params.num} > {output}; grep -q ^20 {output}"

        rule b:
            input: storage.seqstore("seqstore://files/a.txt")
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; cp {input} {output}"
        """
    )
    for value, computed in ((3, "aab"), (4, "aab"), (3, "")):
        assert project.run(*number(value)).computed == list(computed)
        assert project.stored("b.txt") == f"20 {value}\n"
        assert project.run(*number(value)).did_nothing
    assert "10 3\n" not in project.payloads()
    assert project.clone().run(*number(4)).did_nothing


@pytest.mark.slow
def test_outputs_with_flags(project):
    """All in the store: protected, by multiext, ensured, touched."""
    project.write(
        """
        rule all:
            input: "protected.txt", "done"

        rule a:
            output: protected("protected.txt"), *multiext("a", ".x", ".y.gz")
            params: num=config["num"]
            shell: "ran a; for o in {output}; do echo {params.num} > $o; done"

        rule b:
            input: "a.x"
            output: ensure("b.txt", non_empty=True)
            shell: "ran b; rev {input} > {output}"

        rule c:
            input: "b.txt"
            output: touch("done")
            shell: "ran c; test -s {input}"
        """
    )
    names = ("protected.txt", "a.x", "a.y.gz", "b.txt")
    for value, computed in ((3, "abc"), (4, "abc"), (3, "")):
        assert project.run(*DEFAULT, *number(value)).computed == list(computed)
        assert [project.stored(name) for name in names] == [f"{value}\n"] * 4
        assert project.stored("done") == ""
        assert project.run(*DEFAULT, *number(value)).did_nothing
    assert project.clone().run(*DEFAULT, *number(4)).did_nothing
    assert project.run(*DEFAULT, *number(4)).did_nothing
