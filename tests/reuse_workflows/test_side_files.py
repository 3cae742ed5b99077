"""What jobs make without declaring it goes with what they declare, and so do their reports."""

import threading
import time

from tests.reuse_workflows.conftest import IN_STORE

INDEXED = """
    rule all:
        input: "out/read.txt"

    rule table:
        input: "in.txt"
        output: "out/x.txt"
        shell:
            "ran table; cp {input} {output[0]}; rev {input} > {output[0]}.idx;"
            " rm -f out/more; grep long {input} > out/more || rm out/more"

    rule read:
        input: "out/x.txt"
        output: "out/read.txt"
        params: config.get("param", 1)
        shell: "ran read; (cat out/x.txt out/x.txt.idx out/mor[e] || :; echo {params}) > {output}"
    """


def test_an_index_that_nobody_declares_goes_back_with_its_file(project):
    project.write(INDEXED)
    project.made = ("out",)

    def read(text, param):
        project.write(text, "in.txt")
        done = project.run(*IN_STORE, "--config", f"param={param}")
        return done.computed, project.read("out/read.txt")

    assert read("ab\n", 1) == (["read", "table"], "ab\nba\n1\n")
    assert read("cd long\n", 1) == (["read", "table"], "cd long\ngnol dc\ncd long\n1\n")
    assert read("ab\n", 1) == ([], "ab\nba\n1\n")
    assert read("ab\n", 2) == (["read"], "ab\nba\n2\n")
    assert read("ab\n", 2) == ([], "ab\nba\n2\n")
    assert read("cd long\n", 2) == (["read"], "cd long\ngnol dc\ncd long\n2\n")
    # What somebody wrote there is left alone.
    project.write("mine\n", "out/more")
    assert read("ab\n", 3) == (["read"], "ab\nba\nmine\n3\n")


def test_an_index_that_comes_to_be_declared_stays(project):
    declared = INDEXED.replace('output: "out/x.txt"', 'output: "out/x.txt", "out/x.txt.idx"')
    project.write("ab\n", "in.txt")
    project.made = ("out",)
    for rules, computed in (
        (INDEXED, ["read", "table"]),
        (declared, ["table"]),
        (INDEXED, []),
        (declared, []),
    ):
        project.write(rules)
        assert project.run(*IN_STORE).computed == computed
        assert project.read("out/x.txt.idx") == "ba\n"


REPORTS = """
    rule all:
        input: "out/summary.txt"

    rule trim:
        input: "in.txt"
        output: "out/trimmed.txt", "out/trim.report"
        shell: "ran trim; cp {input} {output[0]}; echo trimmed > {output[1]}"

    rule map:
        input: "out/trimmed.txt"
        output: "out/mapped.txt"
        shell: "ran map; rev {input} > {output}"

    rule summary:
        input: "out/mapped.txt"
        output: "out/summary.txt"
        params: config.get("title", "a")
        shell: "ran summary; (cat $(find out -name '*.report'); echo {params}) > {output}"
    """


def test_reports_that_a_job_looked_for_are_there_in_a_clone(project):
    project.write(REPORTS)
    project.write("ab\n", "in.txt")
    project.made = ("out",)
    assert project.run(*IN_STORE).computed == ["map", "summary", "trim"]
    clone = project.clone()
    titled = (*IN_STORE, "--config", "title=b")
    assert clone.run(*titled).computed == ["summary"]
    assert clone.read("out/summary.txt") == "trimmed\nb\n"
    assert project.run(*titled).did_nothing
    assert project.read("out/summary.txt") == "trimmed\nb\n"


LOGGED = """
    rule all:
        input: "out/sum.txt"

    rule a:
        output: "out/a.txt"
        log: "logs/a.log"
        shell: "ran a; date +%N > {log}; echo a > {output}"

    rule sum:
        input: "out/a.txt"
        output: "out/sum.txt"
        params: config.get("title", "a")
        shell: "ran sum; cat logs/a.log > {output}; echo {params} >> {output}"
    """


def test_a_log_of_another_run_with_the_same_result_rests(project):
    project.write(LOGGED)
    assert project.run(*IN_STORE).computed == ["a", "sum"]
    assert project.run(*IN_STORE, "--forcerun", "a").computed == ["a", "sum"]
    assert project.run(*IN_STORE).did_nothing
    titled = (*IN_STORE, "--config", "title=b")
    assert project.run(*titled).computed == ["sum"]
    assert project.run(*titled).did_nothing
    assert project.read("out/sum.txt") == project.read("logs/a.log") + "b\n"


def test_a_new_reader_of_what_was_left_elsewhere(project):
    """It fails once, and says for what; then that is made again."""
    text = """
    rule all:
        input: "TARGET"

    rule map:
        output: "a.bam"
        shell: "ran map; echo a > {output}; echo i > {output}.bai"
    """
    reader = """
    rule call:
        input: "a.bam"
        output: "a.vcf"
        shell: "ran call; cat {input} {input}.bai > {output}"
    """
    project.made = ("a.bam", "a.bam.bai")
    project.write(text.replace("TARGET", "a.bam"))
    assert project.run(*IN_STORE).computed == ["map"]
    clone = project.clone()
    clone.write(text.replace("TARGET", "a.vcf") + reader)
    failed = clone.run(*IN_STORE, fails=True)
    assert failed.computed == ["call"]
    assert "rule call looked for a.bam.bai, which rule map leaves without" in failed.printed
    done = clone.run(*IN_STORE)
    assert (done.computed, clone.read("a.vcf")) == (["call", "map"], "a\ni\n")
    assert "a.bam is made again: a.bam.bai, which goes with it" in done.printed
    assert clone.run(*IN_STORE).did_nothing


def test_scratch_files_of_another_run_are_no_reason_to_run_again(project):
    """`cp` asks before it writes; what the job left itself is nobody's file."""
    project.write(
        """
        rule all:
            input: "out.txt", "looked.txt"

        rule look:
            output: "looked.txt"
            params: x=config.get("num", 1)
            shell: "ran look; echo {params.x} > {output}; touch tmp/k{params.x}; "
                "cat tmp/k1 tmp/k2 2> /dev/null || true"

        rule tool:
            output: "out.txt"
            params: x=config.get("num", 1)
            shell: "ran tool; echo {params.x} > tmp/src; cp tmp/src tmp/copy; "
                "cat tmp/copy > {output}"
        """
    )
    project.write("", "tmp/here")
    both = ["look", "tool"]
    for number, computed in (("1", both), ("2", both), ("1", []), ("2", []), ("1", [])):
        assert project.run(*IN_STORE, "--config", f"num={number}").computed == computed
        assert project.read("out.txt") == project.read("looked.txt") == f"{number}\n"
    project.write("mine\n", "tmp/copy")  # nobody's run left that
    assert project.run(*IN_STORE, "--config", "num=2").computed == ["tool"]
    project.write("mine\n", "tmp/k2")
    assert project.run(*IN_STORE, "--config", "num=1").computed == ["look"]


def test_a_file_that_a_job_leaves_by_a_param_counts_for_those_after_it(project):
    """And for no others, as one that lists what is there before."""
    project.write(
        """
        V = config.get("num", 1)

        rule all:
            input: "k.txt", "after.txt"

        rule n:
            input: "x.in"
            output: "n.txt"
            params: v=V
            shell: "ran n; cp {input} {output}; [ {params.v} = 1 ] || echo idx{params.v} > n.idx"

        rule k:
            input: "n.txt"
            output: "k.txt"
            shell: "ran k; cat {input} > {output}; test ! -e n.idx || cat n.idx >> {output}"

        rule list:
            input: "x.in"
            output: "list.txt"
            shell: "ran list; ls > {output}"

        rule after:
            input: "list.txt", "k.txt"
            output: "after.txt"
            shell: "ran after; echo > {output}; rm -f tmp.*; echo > tmp.$RANDOM$RANDOM"
        """
    )
    project.write("one\n", "x.in")
    for number, computed in (("1", 4), ("1", 0), ("2", 3), ("2", 0), ("1", 0), ("2", 0)):
        done = project.run(*IN_STORE, "--config", f"num={number}")
        assert len(done.computed) == computed, done.printed
        idx = "" if number == "1" else "idx2\n"
        assert project.read("k.txt") == "one\n" + idx


def test_what_jobs_leave_in_the_directory_of_another_one(project):
    """As an index beside a file in it: it is theirs, and not what that directory contains."""
    snakefile = """
        rule all:
            input: "out/x.txt", "out/y.txt", "out/z.txt"

        rule source:
            input: "source"
            output: "out/z.txt"
            shell: "ran source; rev {input}/z > {input}/z.idx; ls {input} > {output}"

        rule get:
            input: "in.txt"
            output: directory("d")
            shell: "ran get; mkdir -p {output}/deep; cp {input} {output}/deep/main"

        rule index:
            input: "d"
            output: touch("d.indexed")
            shell:
                "ran index; mkdir -p {input}/new;"
                " rev {input}/deep/main | tee {input}/new/x > {input}/deep/idx"

        rule use:
            input: "d", "d.indexed"
            output: "out/x.txt"
            shell: "ran use; cat {input[0]}/deep/main {input[0]}/deep/idx > {output}"

        rule other:
            input: "d"
            output: "out/y.txt"
            priority: 1
            shell:
                "ran other; while [ ! -e {input}/deep/idx ]; do sleep 0.1; done;"
                " ls {input}/deep/main > {output}"
        """
    project.write(snakefile)
    project.write("one\n", "in.txt")
    project.write("z\n", "source/z")
    first = project.run(*IN_STORE)
    assert first.computed == ["get", "index", "other", "source", "use"]
    assert "changed while rule" not in first.printed
    assert project.run(*IN_STORE).did_nothing
    project.made = ("out", "d", "d.indexed")
    clone = project.clone()
    (clone.directory / "source/z.idx").unlink()
    assert clone.run(*IN_STORE).did_nothing
    clone.write(snakefile.replace("/deep/idx > {output}", "/deep/idx in.txt > {output}"))
    assert clone.run(*IN_STORE).computed == ["use"]
    assert clone.read("out/x.txt") == "one\neno\none\n"
    assert clone.run(*IN_STORE).did_nothing
    project.write("two\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["get", "index", "other", "use"]
    project.write("one\n", "in.txt")
    assert project.run(*IN_STORE).did_nothing
    assert project.read("d/deep/main") == project.read("out/x.txt")[:4] == "one\n"
    project.write(snakefile.replace("/deep/main {input", "/deep/main in.txt {input"))
    assert project.run(*IN_STORE).computed == ["use"]
    assert project.read("out/x.txt") == "one\none\neno\n"
    project.write("mine\n", "d/deep/mine")  # what is the user's counts
    assert project.run(*IN_STORE).computed == ["index", "other", "use"]


def test_a_file_that_the_user_adds_while_a_job_reads_its_directory(project):
    """Nothing excuses it: the other job that reads it was fetched, so it makes nothing there."""
    snakefile = """
        rule slow:
            input: "shared", "fetched.txt"
            output: "slow.txt"
            params: config.get("par")
            shell:
                'ran slow; ls {input[0]} > {output}; wait=${{WAIT:-}};'
                ' [ ! "$wait" ] || touch $wait/started;'
                ' while [ "$wait" ] && [ ! -e {input[0]}/new ]; do sleep 0.1; done'

        rule fetched:
            input: "shared", "a.txt"
            output: "fetched.txt"
            shell: "ran fetched; cat {input[0]}/x {input[1]} > {output}"

        rule a:
            output: "a.txt"
            shell: "ran a; echo a > {output}"
        """
    project.write(snakefile)
    project.write("x\n", "shared/x")
    assert project.run(*IN_STORE).computed == ["a", "fetched", "slow"]
    project.write(snakefile.replace("echo a", "echo  a"))
    signs = project.directory.parent / "signs"
    signs.mkdir()
    project.environment["WAIT"] = str(signs)

    def add():
        while not (signs / "started").exists():
            time.sleep(0.05)
        project.write("new\n", "shared/new")

    user = threading.Thread(target=add)
    user.start()
    done = project.run(*IN_STORE, "--config", "par=1")
    user.join()
    assert done.computed == ["a", "slow"]
    assert "shared changed while rule slow ran" in done.printed


def test_many_jobs_fill_a_directory_of_another_one(project):
    """They do so at the same time, anew when they change, and again where it is made anew."""
    snakefile = """
        rule all:
            input: "report", expand("{x}.done", x=[*"abcdef"])

        rule report:
            output: directory("report")
            params: config.get("page", 1)
            shell: "ran report; mkdir -p {output}; echo page {params} > {output}/index.html"

        rule plot:
            input: "report"
            output: touch("{x}.done")
            params: config.get("plot", 1)
            shell:
                "ran plot.{wildcards.x}; mkdir -p report/plots; sleep 0.2;"
                " (cat {input}/index.html; echo plot {params}) > report/plots/{wildcards.x};"
                " sleep 0.1"
        """
    project.write(snakefile)
    plots = [f"plot.{x}" for x in "abcdef"]

    def run(computed, page=1, plot=1):
        settings = ("--config", f"page={page}", f"plot={plot}")
        done = project.run(*IN_STORE, *settings)
        assert done.computed == computed and "changed while rule" not in done.printed
        assert project.run(*IN_STORE, *settings).did_nothing
        for x in "abcdef":
            assert project.read(f"report/plots/{x}") == f"page {page}\nplot {plot}\n"

    run([*plots, "report"])
    run(plots, plot=2)
    run([*plots, "report"], page=2)
    run(plots)  # the page is there, but not what they left in it
    project.made = ("report", *(f"{x}.done" for x in "abcdef"))
    done = project.clone().run(*IN_STORE)
    assert done.did_nothing and any(
        "report/plots/a and 5 more, which goes with it but is not declared" in each
        for each in done.messages
    )
