"""Everything that shapes a DAG, with reuse on: right results, and nothing to do afterwards."""

import os

import pytest

from tests.reuse_workflows.conftest import IN_STORE


def everything(project, computed, *arguments):
    """Run; then nothing is to be done, here and in a fresh clone."""
    assert project.run(*arguments).computed == sorted(computed)
    assert project.run(*arguments).did_nothing
    clone = project.clone()
    assert clone.run(*arguments).did_nothing
    return clone


CHECKPOINT = """
    def parts(wildcards):
        folder = checkpoints.split.get().output[0]
        names = [line.strip() for line in open(folder)]
        return storage.seqstore([f"seqstore://files/part/{name}.txt" for name in names])

    rule all:
        input: storage.seqstore("seqstore://files/joined.txt")

    checkpoint split:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/names.txt")
        shell: "ran split; sort {input} > {output}"

    rule part:
        output: storage.seqstore("seqstore://files/part/{name}.txt")
        shell: "ran part-{wildcards.name}; echo {wildcards.name} > {output}"

    rule join:
        input: parts
        output: storage.seqstore("seqstore://files/joined.txt")
        shell: "ran join; cat {input} > {output}"
    """


def test_a_checkpoint_with_other_content(project):
    project.write(CHECKPOINT)
    for text, computed in (
        ("y\nx\n", ["join", "part-x", "part-y", "split"]),
        ("z\nx\n", ["join", "part-z", "split"]),
        ("y\nx\n", []),
    ):
        project.write(text, "in.txt")
        assert project.run().computed == computed
        assert project.stored("joined.txt") == "".join(sorted(text.splitlines(True)))
    assert project.clone().run().computed == []


def test_a_checkpoint(project):
    project.write(CHECKPOINT)
    project.write("y\nx\n", "in.txt")
    clone = everything(project, ["join", "part-x", "part-y", "split"])
    clone.write("z\nx\n", "in.txt")
    assert clone.run().computed == ["join", "part-z", "split"]
    assert clone.stored("joined.txt") == "x\nz\n"
    assert clone.run().did_nothing
    clone.write("y\nx\n", "in.txt")
    assert clone.run().did_nothing
    project.write("z\nx\n", "in.txt")
    assert project.run().did_nothing


def test_a_checkpoint_that_gives_the_same_for_other_input(project):
    project.write(CHECKPOINT)
    project.write("y\nx\n", "in.txt")
    project.run()
    project.run()
    project.write("x\ny\n", "in.txt")
    assert project.run().computed == ["split"]
    assert project.stored("joined.txt") == "x\ny\n"


def test_two_chained_checkpoints(project):
    project.write(
        """
        def names(wildcards):
            lines = open(checkpoints.one.get().output[0])
            return storage.seqstore([f"seqstore://files/first/{line.strip()}" for line in lines])

        def again(wildcards):
            lines = open(checkpoints.two.get().output[0])
            return storage.seqstore([f"seqstore://files/second/{line.strip()}" for line in lines])

        rule all:
            input: storage.seqstore("seqstore://files/end.txt")

        checkpoint one:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/one.txt")
            shell: "ran one; cp {input} {output}"

        rule first:
            output: storage.seqstore("seqstore://files/first/{name}")
            shell: "ran first-{wildcards.name}; echo {wildcards.name}{wildcards.name} > {output}"

        checkpoint two:
            input: names
            output: storage.seqstore("seqstore://files/two.txt")
            shell: "ran two; cat {input} > {output}"

        rule second:
            output: storage.seqstore("seqstore://files/second/{name}")
            shell: "ran second-{wildcards.name}; echo {wildcards.name} > {output}"

        rule end:
            input: again
            output: storage.seqstore("seqstore://files/end.txt")
            shell: "ran end; cat {input} > {output}"
        """
    )
    project.write("x\n", "in.txt")
    assert project.run().computed == ["end", "first-x", "one", "second-xx", "two"]
    assert project.run().did_nothing
    clone = project.clone()
    assert clone.run().computed == []  # the second checkpoint is fetched
    assert clone.run().did_nothing
    assert clone.stored("end.txt") == "xx\n"
    clone.write("x\ny\n", "in.txt")
    assert clone.run().computed == ["end", "first-y", "one", "second-yy", "two"]
    assert clone.stored("end.txt") == "xx\nyy\n"
    assert project.run().did_nothing
    for text, made in (("x\ny\n", "xx\nyy\n"), ("x\n", "xx\n")):
        project.write(text, "in.txt")
        assert project.run().computed == []
        assert project.run().did_nothing
        assert project.stored("end.txt") == made


def test_input_functions_and_params_from_inputs(project):
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/b/2.txt")

        rule a:
            input: lambda wildcards: f"in{wildcards.n}.txt"
            output: storage.seqstore("seqstore://files/a/{n}.txt")
            shell: "ran a; cp {input} {output}"

        rule b:
            input: lambda w: storage.seqstore(f"seqstore://files/a/{int(w.n) - 1}.txt")
            output: storage.seqstore("seqstore://files/b/{n}.txt")
            params:
                n=lambda wildcards: int(wildcards.n) * 2,
                size=lambda wildcards, input: len(input),
            threads: lambda wildcards: int(wildcards.n)
            resources: mem_mb=lambda wildcards, attempt: attempt * 10
            shell: "ran b; (cat {input}; echo {params.n} {params.size}) > {output}"
        """
    )
    project.write("abc\n", "in1.txt")
    everything(project, ["a", "b"])
    assert project.stored("b/2.txt") == "abc\n4 1\n"


def test_groups_retries_priorities_and_local_rules(project):
    project.write(
        """
        localrules: a

        rule all:
            input: storage.seqstore("seqstore://files/c.txt")

        rule a:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/a.txt")
            group: "together"
            priority: 5
            shell: "ran a; cp {input} {output}"

        rule b:
            input: storage.seqstore("seqstore://files/a.txt")
            output: storage.seqstore("seqstore://files/b.txt")
            group: "together"
            retries: 2
            shell: "ran b; [ -e $AGAIN ] || {{ touch $AGAIN; exit 1; }}; rev {input} > {output}"

        rule c:
            input: storage.seqstore("seqstore://files/b.txt")
            output: storage.seqstore("seqstore://files/c.txt")
            shell: "ran c; rev {input} > {output}"
        """
    )
    project.environment["AGAIN"] = str(project.directory.parent / "again")
    project.write("abc\n", "in.txt")
    everything(project, ["a", "b", "b", "c"])
    assert project.stored("c.txt") == "abc\n"


@pytest.mark.parametrize("kind", ["minimal", "shallow"])  # Snakemake: no "full" with storage
def test_shadow(project, kind):
    project.write(
        f"""
        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule a:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/a.txt"), "out/here.txt"
            shadow: "{kind}"
            shell: "ran a; echo > litter.txt; tee {{output}} < {{input}}"

        rule b:
            input: "out/here.txt", storage.seqstore("seqstore://files/a.txt")
            output: storage.seqstore("seqstore://files/b.txt")
            shadow: "{kind}"
            shell: "ran b; cat {{input}} > {{output}}"
        """
    )
    project.write("abc\n", "in.txt")
    everything(project, ["a", "b"])
    assert project.stored("b.txt") == "abc\nabc\n"
    assert not (project.directory / "litter.txt").exists()
    project.write("abd\n", "in.txt")
    assert project.run().computed == ["a", "b"]
    assert project.stored("b.txt") == "abd\nabd\n"


def test_benchmark_and_log(project):
    """A log or a benchmark that somebody needs is made, by running the job."""
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/a.txt"), "out/log.txt"

        rule a:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/a.txt")
            log: "out/a.log"
            benchmark: "out/a.tsv"
            shell: "ran a; cp {input} {output}; echo made > {log}"

        rule log:
            input: "out/a.log"
            output: "out/log.txt"
            shell: "ran log; cp {input} {output}"
        """
    )
    project.write("abc\n", "in.txt")
    assert project.run().computed == ["a", "log"]
    assert project.run().did_nothing
    clone = project.clone()
    assert clone.run().computed == ["a", "log"]
    assert clone.read("out/log.txt") == "made\n"
    assert clone.read("out/a.tsv").startswith("s\t")
    assert clone.run().did_nothing


def test_pipes(project):
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/c.txt")

        rule a:
            input: "in.txt"
            output: pipe("a.pipe")
            shell: "ran a; cat {input} > {output}"

        rule b:
            input: "a.pipe"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; rev {input} > {output}"

        rule c:
            input: storage.seqstore("seqstore://files/b.txt")
            output: storage.seqstore("seqstore://files/c.txt")
            shell: "ran c; rev {input} > {output}"
        """
    )
    project.write("abc\n", "in.txt")
    assert project.run().computed == ["a", "b", "c"]
    assert project.run().did_nothing
    project.write("abd\n", "in.txt")
    assert project.run().computed == ["a", "b", "c"]
    assert project.stored("c.txt") == "abd\n"
    assert project.run().did_nothing
    clone = project.clone()
    assert clone.run().did_nothing
    assert clone.stored("c.txt") == "abd\n"
    assert clone.run().did_nothing


@pytest.mark.slow
@pytest.mark.parametrize("how", ["pipe", "service"])
def test_a_pipe_or_a_service_in_its_place(project, how):
    serve = "echo abc > {output}; sleep 600" if how == "service" else "echo abc > {output}"
    project.write(
        f"""
        rule all:
            input: "out/b.txt", "out/done.txt"

        rule a:
            output: {how}("out/handed")
            shell: "ran a; sleep 2; {serve}"

        rule b:
            input: "out/handed"
            output: "out/b.txt"
            shell: "ran b; cat {{input}} > {{output}}"

        checkpoint c:
            output: "out/c.txt"
            shell: "ran c; echo > {{output}}"

        rule d:
            input: lambda wildcards: checkpoints.c.get().output
            output: "out/done.txt"
            shell: "ran d; cp {{input}} {{output}}"
        """
    )
    assert project.run(*IN_STORE).computed == ["a", "b", "c", "d"]
    assert project.read("out/b.txt") == "abc\n"
    assert not os.path.lexists(project.directory / "out/handed")
    assert project.run(*IN_STORE).did_nothing
    assert project.run(*IN_STORE, "--forcerun", "a").computed == ["a", "b"]
    assert project.read("out/b.txt") == "abc\n"


@pytest.mark.slow
@pytest.mark.parametrize("shadow", ["minimal", "copy-minimal", "shallow", "full"])
def test_a_job_that_lists_its_shadow_directory(project, shadow):
    project.write(
        f"""
        rule a:
            input: "data/in.txt"
            output: "out/a.txt"
            shadow: "{shadow}"
            shell: "ran a; ls > {{output}}; ls data >> {{output}}; cat data/in.t* >> {{output}}"
        """
    )
    project.write("abc\n", "data/in.txt")
    project.write("def\n", "data/other.txt")
    assert project.run(*IN_STORE, "--cores=1").computed == ["a"]
    assert project.run(*IN_STORE).did_nothing
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    assert clone.read("out/a.txt") == project.read("out/a.txt")


def test_a_pipe_that_a_killed_run_left_is_not_read(project):
    project.write(
        """
        rule:
            input: "a.pipe"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; cat {input} > {output}"
        """
    )
    os.mkfifo(project.directory / "a.pipe")
    project.run("--dry-run")


def test_services(project):
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule serve:
            output: service("a.service")
            shell: "ran serve; echo abc > a.data; touch {output}; sleep 600"

        rule b:
            input: "a.service"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; while [ ! -s a.data ]; do sleep 0.1; done; cp a.data {output}"
        """
    )
    assert project.run().computed == ["b", "serve"]
    assert project.run().did_nothing


def test_update_and_before_update(project):
    project.write(
        """
        rule all:
            input: "out/all.txt"

        rule a:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/a.txt")
            shell: "ran a; cp {input} {output}"

        rule add:
            input: storage.seqstore("seqstore://files/a.txt")
            output: update("out/all.txt")
            shell: "ran add; cat {input} >> {output}"
        """
    )
    for text, computed in (("1\n", ["a", "add"]), ("2\n", ["a", "add"]), ("1\n", ["add"])):
        project.write(text, "in.txt")
        assert project.run().computed == computed
        assert project.run().did_nothing
    assert project.read("out/all.txt") == "1\n2\n1\n"


def test_ancient(project):
    project.write(
        """
        rule all:
            input: "out.txt"

        rule a:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/a.txt")
            shell: "ran a; cp {input} {output}"

        rule b:
            input: ancient(storage.seqstore("seqstore://files/a.txt"))
            output: "out.txt"
            shell: "ran b; cp {input} {output}"
        """
    )
    project.write("abc\n", "in.txt")
    assert project.run().computed == ["a", "b"]
    assert project.run().did_nothing
    assert project.clone().run().computed == ["b"]


def test_outputs_in_the_store_and_beside_it(project):
    project.write(
        """
        rule all:
            input: "out/c.txt"

        rule a:
            input: "in.txt"
            output:
                stored=storage.seqstore("seqstore://files/a.txt"),
                here="out/a.txt",
            shell: "ran a; cp {input} {output.stored}; rev {input} > {output.here}"

        rule b:
            input: "out/a.txt"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; cp {input} {output}"

        rule c:
            input: storage.seqstore("seqstore://files/b.txt"), storage.seqstore("seqstore://files/a.txt")
            output: "out/c.txt"
            shell: "ran c; cat {input} > {output}"
        """
    )
    for text, computed in (("abc", "abc"), ("abd", "abc"), ("abc", "ac")):
        project.write(f"{text}\n", "in.txt")
        assert project.run().computed == list(computed)
        assert project.read("out/c.txt") == f"{text[::-1]}\n{text}\n"
        assert project.run().did_nothing
    clone = project.clone()
    assert clone.run().computed == ["c"]
    assert clone.read("out/c.txt") == "cba\nabc\n"
    (project.directory / "out/a.txt").write_text("edited\n")
    project.run()
    assert project.clone("other").run().computed == ["c"]
    assert project.stored("b.txt") in ("cba\n", "edited\n")


def test_inputs_that_are_not_retrieved(project):
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/b.txt")

        rule a:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/a.txt")
            shell: "ran a; cp {input} {output}"

        rule b:
            input: storage.seqstore("seqstore://files/a.txt", retrieve=False)
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; echo {input} | tr / '\\n' | tail -n1 > {output}"
        """
    )
    project.write("abc\n", "in.txt")
    everything(project, ["a", "b"])


def test_several_stores(project, tmp_path):
    project.write(
        f"""
        storage lab: provider="seqstore", root="{tmp_path / "lab"}"
        storage mine: provider="seqstore", root="{tmp_path / "mine"}"

        rule all:
            input: storage.mine("seqstore://files/b.txt")

        rule a:
            input: "in.txt"
            output: storage.lab("seqstore://files/a.txt")
            shell: "ran a; cp {{input}} {{output}}"

        rule b:
            input: storage.lab("seqstore://files/a.txt")
            output: storage.mine("seqstore://files/b.txt"), storage.lab("seqstore://files/b.txt")
            shell: "ran b; cp {{input}} {{output[0]}}; rev {{input}} > {{output[1]}}"
        """
    )
    project.write("abc\n", "in.txt")
    assert project.run(root=False).computed == ["a", "b"]
    assert project.run(root=False).did_nothing
    clone = project.clone()
    assert clone.run(root=False).did_nothing
    project.write("abd\n", "in.txt")
    assert project.run(root=False).computed == ["a", "b"]


def test_scattergather_ruleorder_handover(project):
    project.write(
        """
        scattergather: split=2
        ruleorder: quick > slow

        rule all:
            input: storage.seqstore("seqstore://files/joined.txt"), "out/h.txt"

        rule scatter:
            input: "in.txt"
            output: storage.seqstore(scatter.split("seqstore://files/{scatteritem}.txt"))
            shell: "ran scatter; for o in {output}; do cp {input} $o; done"

        rule quick:
            input: storage.seqstore("seqstore://files/{scatteritem}.txt")
            output: storage.seqstore("seqstore://files/done-{scatteritem}.txt")
            shell: "ran quick; cp {input} {output}"

        rule slow:
            input: storage.seqstore("seqstore://files/{scatteritem}.txt")
            output: storage.seqstore("seqstore://files/done-{scatteritem}.txt")
            shell: "ran slow; cp {input} {output}"

        rule gather:
            input: storage.seqstore(gather.split("seqstore://files/done-{scatteritem}.txt"))
            output: storage.seqstore("seqstore://files/joined.txt")
            shell: "ran gather; cat {input} > {output}"

        rule hand:
            input: storage.seqstore("seqstore://files/joined.txt")
            output: "out/h.txt"
            handover: True
            shell: "ran hand; cp {input} {output}"
        """
    )
    project.write("abc\n", "in.txt")
    assert project.run().computed == ["gather", "hand", "quick", "quick", "scatter"]
    assert project.run().did_nothing
    assert project.clone().run().computed == ["hand"]


def test_modules_includes_and_sources(project):
    project.write(
        """
        storage: provider="seqstore"

        include: "rules/first.smk"

        module other:
            snakefile: "other/Snakefile"
            config: dict(config, letter="q")

        use rule * from other as other_*

        rule all:
            default_target: True
            input: storage.seqstore("seqstore://files/second.txt")
        """
    )
    project.write(
        """
        rule first:
            input: workflow.source_path("table.txt")
            output: storage.seqstore("seqstore://files/first.txt")
            shell: "ran first; cp {input} {output}"
        """,
        "rules/first.smk",
    )
    project.write("table\n", "rules/table.txt")
    project.write(
        """
        import snakemake_storage_plugin_seqstore as seqstore
        seqstore.reuse(workflow)

        storage: provider="seqstore"

        rule second:
            input: storage.seqstore("seqstore://files/first.txt")
            output: storage.seqstore("seqstore://files/second.txt")
            params: letter=config["letter"]
            shell: "ran second; (cat {input}; echo {params.letter}) > {output}"
        """,
        "other/Snakefile",
    )
    everything(project, ["first", "second"])
    assert project.stored("second.txt") == "table\nq\n"
    project.write("other\n", "rules/table.txt")
    assert project.run().computed == ["first", "second"]
    assert project.stored("second.txt") == "other\nq\n"


@pytest.mark.parametrize("where", ["before", "after", "twice", "end"])
def test_the_line_may_stand_anywhere(project, where):
    line = "import snakemake_storage_plugin_seqstore as seqstore\nseqstore.reuse(workflow)\n"
    storage = f'storage: provider="seqstore", root="{project.store.root}"\n'
    rule = (
        "rule:\n"
        '    output: storage.seqstore("seqstore://files/a.txt")\n'
        '    shell: "ran a; echo a > {output}"\n'
    )
    text = {
        "before": line + storage + rule,
        "after": storage + line + rule,
        "twice": line + storage + line + rule,
        "end": storage + rule + line,
    }[where]
    (project.directory / "Snakefile").write_text(text)
    assert project.run(root=False).computed == ["a"]
    assert project.run(root=False).did_nothing
    assert project.clone().run(root=False).did_nothing


def test_a_provider_that_is_declared_again_stays_bound(project):
    """As included files and modules do; else a file would be what anybody published by its name."""
    project.write(
        """
        storage: provider="seqstore"

        rule:
            output: storage.seqstore("seqstore://files/a.txt")
            shell: "ran a; echo a > {output}"

        storage: provider="seqstore"
        """
    )
    project.store.publish("files", "a.txt", project.directory / "Snakefile")
    assert project.run().computed == ["a"]
    assert project.stored("a.txt") == "a\n"
    assert project.run().did_nothing


def test_the_scheduler_looks_again_only_for_jobs_that_it_started(project):
    project.write("""
        rule all:
            input: [storage.seqstore(f"seqstore://files/{i}.txt") for i in range(6)]

        rule one:
            output: storage.seqstore("seqstore://files/{i}.txt")
            shell: "ran {wildcards.i}; sleep 0.6; echo {wildcards.i} > {output}"
    """)
    done = project.run("--cores", "1", "--verbose")
    assert len(done.computed) == 6
    # Once when it ended and once, as jobs may start at a limited rate, a second after it began.
    assert done.printed.count("Ready jobs: ") <= 2 * 6 + 1


def test_the_scheduler_prefers_large_inputs(project):
    """It asks for their sizes once."""
    project.write("""
        rule all:
            input: expand("out/{n}.txt", n=[1, 20, 300, 5000])

        rule make:
            input: "in.txt"
            output: "1.txt", "300.txt", "20.txt"
            shell: "for file in {output}; do head -c ${{file%.txt}} {input} > $file; done"

        rule one:
            input: "{n}.txt"
            output: "out/{n}.txt"
            shell: "echo {wildcards.n} >> order; wc -c {input} > {output}"
    """)
    for name in ("in.txt", "5000.txt"):
        project.write("x" * 5000, name)
    project.run(*IN_STORE, "--cores", "1", "--scheduler", "greedy")
    assert project.read("order").split() == ["5000", "300", "20", "1"]
