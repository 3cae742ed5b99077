"""Jobs that change what is behind a flag: databases, tables that grow, folders of files."""

import pytest

from tests.reuse_workflows.conftest import IN_STORE, REUSE

CHECKPOINT = """
    checkpoint count:
        input: "out/init.done"
        output: "out/count.txt"
        shell: "echo 1 > {output}"

    rule counted:
        output: "out/{number}.txt"
        shell: "echo {wildcards.number} > {output}"

    def counted(wildcards):
        with open(checkpoints.count.get().output[0]) as file:
            return f"out/{file.read().strip()}.txt"
    """
RULES = """
    rule all:
        input: @TARGETS@

    @MORE@

    rule init:
        output: touch("out/init.done")
        shell: '''ran init; @INIT@'''

    rule ready:
        input: "out/init.done"
        output: touch("out/ready.done")

    rule load:
        input: "@BEFORE@", "in.txt"
        output: @LOADED@
        shell: '''ran load; @LOAD@'''

    rule loaded:
        input: "out/load.done"
        output: touch("out/loaded.done")

    rule query:
        input: @AFTER@
        output: "out/query.txt"
        params: config.get("title", "a")
        shell: '''ran query; (@QUERY@; echo {params}) > {output}'''
    """
TABLE = {
    "INIT": "echo new > out/t.txt",
    "LOAD": 'sed -i "1s/$/ $(cat in.txt)/" out/t.txt',
    "QUERY": "cat out/t.txt",
    "TARGETS": "'out/query.txt'",
    "BEFORE": "out/init.done",
    "AFTER": "'out/load.done'",
    "MORE": "",
    "LOADED": "touch('out/load.done')",
}
SQL = "python -c \"import sqlite3; db = sqlite3.connect('out/t.db'); {}; db.commit()\""
KINDS = {
    "edited": {},
    "appended": {
        "INIT": "echo -n new > out/t.txt",
        "LOAD": 'echo -n " $(cat in.txt)" >> out/t.txt',
        "QUERY": "cat out/t.txt; echo",
    },
    "database": {
        "INIT": "rm -f out/t.db; " + SQL.format("db.execute('create table t(v)')"),
        "LOAD": SQL.format("db.execute('insert into t values (?)', (open('in.txt').read(),))"),
        "QUERY": "echo -n 'new '; "
        + SQL.format("print(' '.join(v.strip() for v, in db.execute('select v from t')))"),
    },
    "folder": {
        "INIT": "rm -rf out/d; mkdir out/d; echo new > out/d/1",
        "LOAD": 'sed -i "1s/$/ $(cat in.txt)/" out/d/*',
        "QUERY": "cat out/d/*",
    },
    "flags of flags": {"BEFORE": "out/ready.done", "AFTER": "'out/loaded.done'"},
    "targets": {"TARGETS": "'out/init.done', 'out/load.done', 'out/query.txt'"},
    "checkpoint": {"MORE": CHECKPOINT, "AFTER": "'out/load.done', counted"},
    "another folder": {
        "INIT": "test ! -e db/t.txt; mkdir -p db; echo new > db/t.txt",
        "LOAD": 'sed -i "1s/$/ $(cat in.txt)/" db/t.txt',
        "QUERY": "cat db/t.txt",
    },
    "no flag": {"LOADED": "'out/load.done'", "LOAD": TABLE["LOAD"] + "; echo 1 > {output}"},
}
SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind != "edited"]


def write(project, kind, header=REUSE):
    rules = RULES
    for name, text in (TABLE | KINDS[kind]).items():
        rules = rules.replace(f"@{name}@", text)
    project.write(rules, reuse=False)
    project.write(header + project.read("Snakefile"), reuse=False)
    project.made = ("out", "db")


@pytest.mark.parametrize("kind", ["edited", *SLOW])
def test_what_is_behind_a_flag_is_changed(project, kind):
    write(project, kind)

    def run(where, value, title="a"):
        where.write(f"{value}\n", "in.txt")
        done = where.run(*IN_STORE, "--config", f"title={title}")
        if done.computed:
            again = where.run(*IN_STORE, "--config", f"title={title}")
            assert again.did_nothing, done.printed + again.printed
        return done.computed, " ".join(where.read("out/query.txt").split())

    everything = ["init", "load", "query"]
    assert run(project, "v1") == (everything, "new v1 a")
    clone = project.clone()
    assert run(clone, "v1") == ([], "new v1 a")
    in_folder = kind in ("folder", "another folder")  # which is brought to nobody
    assert run(clone, "v1", "b") == (everything if in_folder else ["query"], "new v1 b")
    # What is there is changed once more, as Snakemake does it. That is nothing for others.
    assert run(project, "v2") == (["load", "query"], "new v1 v2 a")
    assert run(project.clone("other"), "v2") == (everything, "new v2 a")
    assert run(project, "v2") == ([], "new v1 v2 a")
    assert run(project, "v2", "b") == (["query"], "new v1 v2 b")


@pytest.mark.slow
def test_unobserved_jobs_that_change_what_is_behind_a_flag_rest(project):
    write(project, "edited", REUSE.replace("(workflow)", "(workflow, observe='off')"))
    project.write("v1\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["init", "load", "query"]
    assert project.run(*IN_STORE).did_nothing
    assert project.clone().run(*IN_STORE).did_nothing
    project.write("v2\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["load", "query"]
    assert project.run(*IN_STORE).did_nothing
    assert project.read("out/query.txt") == "new v1 v2\na\n"


BLOCKS = """
    import sqlite3

    def base():
        return sqlite3.connect("out/t.db")

    rule all:
        input: "out/query.txt"

    rule init:
        output: touch("out/init.done")
        run:
            shell("ran init; rm -f out/t.db")
            with base() as db:
                db.execute("create table t(v)")

    rule load:
        input: "out/init.done", "in.txt"
        output: touch("out/load.done")
        run:
            shell("ran load")
            with base() as db, open(input[1]) as file:
                db.execute("insert into t values (?)", (file.read(),))

    rule query:
        input: "out/load.done"
        output: "out/query.txt"
        params: config.get("title", "a")
        run:
            shell("ran query")
            with base() as db, open(output[0], "w") as file:
                print(db.execute("select v from t").fetchall(), params[0], file=file)
    """


def test_blocks_of_python_that_fill_a_database(project):
    project.write(BLOCKS)
    project.write("v1", "in.txt")
    project.made = ("out",)
    assert project.run(*IN_STORE).computed == ["init", "load", "query"]
    assert project.run(*IN_STORE).did_nothing
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    assert clone.run(*IN_STORE, "--config", "title=b").computed == ["query"]
    assert clone.read("out/query.txt") == "[('v1',)] b\n"


LOADERS = r"""
    rule all:
        input: "out/query.txt"

    rule init:
        output: touch("out/init.done")
        shell: "ran init; echo new > out/t.txt"

    rule load:
        input: "out/init.done", "{name}.txt"
        output: touch("out/{name}.done")
        resources: one=1
        shell: '''ran {wildcards.name}; sed -i "1s/$/ $(cat {input[1]})/" out/t.txt'''

    rule query:
        input: "out/A.done", "out/B.done"
        output: "out/query.txt"
        params: config.get("title", "a")
        shell: "ran query; (tr ' ' '\n' < out/t.txt | sort; echo {params}) > {output}"
    """


def test_loaders_without_an_order(project):
    """What one of them left does not have what the other one adds."""
    project.write(LOADERS)
    project.made = ("out",)
    for name in "AB":
        project.write(f"{name}1\n", f"{name}.txt")
    one = (*IN_STORE, "--resources", "one=1")
    assert project.run(*one).computed == ["A", "B", "init", "query"]
    assert project.run(*one).did_nothing
    for number, changed in enumerate(("", "A", "B", "AB")):
        clone = project.clone(f"clone{number}")
        for name in changed:
            clone.write(f"{name}2\n", f"{name}.txt")
        clone.run(*one, "--config", "title=b")
        expected = [f"{name}{2 if name in changed else 1}" for name in "AB"]
        assert clone.read("out/query.txt").split() == [*expected, "new", "b"]
        assert clone.run(*one, "--config", "title=b").did_nothing


BETWEEN = """
    rule all:
        input: "out/query.txt"

    rule init:
        output: touch("out/init.done")
        shell: "ran init; test ! -e out/t.txt; echo new > out/t.txt"

    rule middle:
        input: "out/init.done"
        output: "out/middle.txt"
        params: config.get("title", "a")
        shell: "ran middle; cat out/t.txt > {output}; echo {params} >> {output}"

    rule load:
        input: "out/init.done", "out/middle.txt"
        output: touch("out/load.done")
        shell: '''ran load; sed -i "1s/$/ one/" out/t.txt'''

    rule query:
        input: "out/load.done"
        output: "out/query.txt"
        shell: "ran query; cat out/t.txt > {output}"
    """


def test_a_reader_between_jobs_that_change_a_file(project):
    """When it runs again it reads what the job after it left, as without seqstore, and rests."""
    project.write(BETWEEN)
    project.made = ("out",)
    assert project.run(*IN_STORE).computed == ["init", "load", "middle", "query"]
    assert project.run(*IN_STORE).did_nothing
    assert project.clone().run(*IN_STORE).did_nothing
    title = (*IN_STORE, "--config", "title=b")
    assert project.run(*title).computed == ["load", "middle", "query"]
    assert project.read("out/query.txt") == "new one one\n"
    assert project.run(*title).did_nothing
    fresh = project.clone("fresh")
    fresh.run(*title)
    assert fresh.read("out/middle.txt") == "new\nb\n"
    assert fresh.read("out/query.txt") == "new one\n"
    assert fresh.run(*title).did_nothing


@pytest.mark.parametrize("declared", ['input: "in.txt"', "threads: 1"])
def test_what_an_earlier_run_left_behind_a_flag(project, declared):
    """It is of another run than that whose result the flag has, as a source was switched back."""
    project.write(
        """
        rule all:
            input: expand("r/{s}.txt", s=config.get("samples", "A").split("_")), "out.txt"

        rule build:
            @DECLARED@
            output: touch("built")
            shell: "ran build; mkdir -p d; cat in.txt > d/x.txt; cat in.txt > y.txt"

        rule align:
            input: "built"
            output: "r/{s}.txt"
            shell: "ran {wildcards.s}; cat d/x.txt > {output}"

        rule index:
            input: "built"
            output: "index.txt"
            shell: "echo i > {output}"

        rule use:
            input: "index.txt"
            output: "out.txt"
            shell: "ran use; cat y.txt > {output}"
    """.replace("@DECLARED@", declared)
    )
    for content, computed in (("1", True), ("2", True), ("1", False), ("2", False), ("1", False)):
        project.write(content, "in.txt")
        done = project.run(*IN_STORE)
        assert done.computed == (["A", "build", "use"] if computed else [])
        assert (project.read("r/A.txt"), project.read("out.txt")) == (content, content)
        assert project.run(*IN_STORE).did_nothing
    assert project.read("d/x.txt") == "2"
    done = project.run(*IN_STORE, "--config", "samples=A_B")
    assert (done.computed, project.read("r/B.txt")) == (["B", "build"], "1")
    assert "d/x.txt, which goes with it, is not here as it was made" in done.printed
    assert project.run(*IN_STORE, "--config", "samples=A_B").did_nothing
    project.write("edited", "d/x.txt")  # by the user: that counts
    assert project.run(*IN_STORE, "--config", "samples=A_B_C").computed == ["C"]
    assert project.read("r/C.txt") == "edited"
    assert project.run(*IN_STORE, "--config", "samples=A_B_C").did_nothing


def test_behind_a_flag_further_up(project):
    """A job that runs in a clone finds it, too: what is between is fetched."""
    project.write("""
        rule all:
            input: expand("r/{s}.txt", s=config.get("samples", "A").split("_"))

        rule build:
            output: touch("db/.built")
            shell: "ran build; mkdir -p db/data; echo hello > db/data/x.txt"

        rule index:
            input: "db/.built"
            output: "index.txt"
            shell: "ran index; echo i > {output}"

        rule align:
            input: "index.txt"
            output: "r/{s}.txt"
            shell: "ran {wildcards.s}; cat db/data/x.txt > {output} || echo none > {output}"
    """)
    project.made = ("r", "db", "index.txt")
    assert project.run(*IN_STORE).computed == ["A", "build", "index"]
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    assert clone.run(*IN_STORE, "--config", "samples=A_B").computed == ["B", "build"]
    assert clone.read("r/B.txt") == "hello\n"
    for each in (clone, project):
        assert each.run(*IN_STORE, "--config", "samples=A_B").did_nothing


def test_a_folder_in_which_jobs_leave_files_that_are_not_recorded(project):
    """What they leave is theirs in the next run, too."""
    project.write("""
        SAMPLES = open("samples.txt").read().split()

        rule all:
            input: "report.txt"

        rule load:
            output: touch("flags/{s}.loaded")
            shell: "ran {wildcards.s}; echo {wildcards.s} >> log.db; sort -o log.db log.db; "
                "mkdir -p logs; echo ok > logs/{wildcards.s}.log"

        rule stats:
            input: expand("flags/{s}.loaded", s=SAMPLES)
            output: "stats.txt"
            shell: "ran stats; cat log.db > {output}"

        rule report:
            input: "stats.txt"
            output: "report.txt"
            shell: "ran report; ls logs > {output}"
    """)
    for samples, computed in (("A B", ["A", "B"]), ("A B C", ["C"])):
        project.write(samples, "samples.txt")
        done = project.run(*IN_STORE, "--cores=1")
        assert done.computed == [*computed, "report", "stats"]
        assert "not reused elsewhere: changed in place: log.db" in done.printed
        assert project.run(*IN_STORE).did_nothing


def test_what_a_job_leaves_that_changes_its_own_input(project):
    """It is known by what the job was told as it left its input."""
    project.write("""
        rule all:
            input: "report.txt"

        rule sort:
            input: "in.txt"
            output: "sorted.txt"
            shell: "ran sort; sort -o {input} {input}; cp {input} {output}; "
                "mkdir -p logs; echo ok > logs/sort.log"

        rule report:
            input: "sorted.txt"
            output: "report.txt"
            shell: "ran report; (cat {input}; ls logs) > {output}"
    """)
    project.write("2\n1\n", "in.txt")
    done = project.run(*IN_STORE)
    assert (done.computed, project.read("report.txt")) == (["report", "sort"], "1\n2\nsort.log\n")
    for _ in range(2):
        assert project.run(*IN_STORE).did_nothing


CHAIN = """
    rule all:
        input: "report.txt"

    rule create:
        output: touch("create.done")
        params: num=config["num"]
        shell: "ran create; echo {params.num} > db.txt"

    rule load:
        input: "create.done", "in.txt"
        output: touch("load.done")
        shell: "ran load; cat in.txt >> db.txt"

    rule report:
        input: "load.done"
        output: "report.txt"
        shell: "ran report; cat db.txt > {output}"
    """


@pytest.mark.parametrize("at_once", [True, False])
def test_back_to_an_earlier_param_while_a_later_job_runs(project, at_once):
    """It does not add to what was begun with the other param."""

    def run(n, source):
        project.write(source, "in.txt")
        return project.run(*IN_STORE, "--config", f"num={n}").computed

    project.write(CHAIN)
    assert run(1, "p\n") and run(2, "p\n") == ["create", "load", "report"]
    if not at_once:
        assert run(1, "p\n") == []
    assert run(1, "q\n") == ["create", "load", "report"]
    assert project.read("report.txt") == "1\nq\n"
    assert run(1, "q\n") == []


def test_jobs_that_replace_a_database_one_after_the_other(project):
    """What the first one left is known although the second one replaced it."""
    load = """
    rule load{n}:
        input: "{before}.done", "in{n}.txt"
        output: touch("load{n}.done")
        shell: "ran load{n}; cat db.txt {{input[1]}} > t; mv t db.txt"
    """
    loads = load.format(n=1, before="create") + load.format(n=2, before="load1")
    project.write(
        CHAIN.replace(
            '"load.done"\n        output: "report', '"load2.done"\n        output: "report'
        )
        + loads
    )
    first = ("--config", "num=c")
    project.write("p\n", "in1.txt")
    project.write("r\n", "in2.txt")
    assert project.run(*IN_STORE, *first).computed == ["create", "load1", "load2", "report"]
    project.write("q\n", "in1.txt")
    assert project.run(*IN_STORE, *first).computed == ["load1", "load2", "report"]
    for _ in range(2):
        assert project.run(*IN_STORE, *first).did_nothing
    assert project.read("report.txt") == "c\np\nr\nq\nr\n"  # as plain Snakemake has it


def test_a_flag_that_is_a_final_target(project):
    """A job that makes nothing else runs where Snakemake would have run it."""
    project.write(CHAIN.replace('input: "report.txt"', 'input: "create.done"'))
    for n, computed in ((1, ["create"]), (2, ["create"]), (1, ["create"])):
        assert project.run(*IN_STORE, "--config", f"num={n}").computed == computed
        assert project.read("db.txt") == f"{n}\n"
        assert project.run(*IN_STORE, "--config", f"num={n}").did_nothing
    assert project.clone().run(*IN_STORE, "--config", "num=1").did_nothing


@pytest.mark.parametrize("folder", ["", pytest.param("hidden/", marks=pytest.mark.slow)])
def test_beside_an_output_that_is_no_flag(project, folder):
    """A new reader finds the index of the output, not that of another run."""
    reader = """
    rule read:
        input: "a.txt"
        output: "read.txt"
        shell: "ran read; cat {input} @a.idx > {output}"
    """
    text = """
    rule all:
        input: "TARGET"

    rule index:
        output: "a.txt"
        params: num=config["num"]
        shell: "ran index; mkdir -p ./@; echo {params.num} > {output}; echo i{params.num} > @a.idx"
    """
    project.made = ("a.txt", "read.txt", "a.idx", "hidden")
    project.write(text.replace("TARGET", "a.txt").replace("@", folder))
    for n, computed in ((1, ["index"]), (2, ["index"]), (1, [])):
        assert project.run(*IN_STORE, "--config", f"num={n}").computed == computed
    project.write((text.replace("TARGET", "read.txt") + reader).replace("@", folder))
    assert project.run(*IN_STORE, "--config", "num=1").computed == ["index", "read"]
    assert project.read("read.txt") == "1\ni1\n"
    for each in (project, clone := project.clone()):
        assert each.run(*IN_STORE, "--config", "num=1").did_nothing
    again = reader.replace("ran read;", "ran read; :;")
    clone.write((text.replace("TARGET", "read.txt") + again).replace("@", folder))
    assert clone.run(*IN_STORE, "--config", "num=1").computed == ["index"] * bool(folder) + ["read"]
    assert clone.read("read.txt") == "1\ni1\n"
