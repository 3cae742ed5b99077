"""Where workflows lie, and how their parts find each other: as public workflows do it."""

import shutil
import textwrap
from pathlib import Path

import pytest

from tests.reuse_workflows.conftest import IN_STORE, REUSE, Project

MAIN = (*IN_STORE, "-s", "../workflow/Snakefile")
FILES = {
    "workflow/Snakefile": f"""
        {REUSE.splitlines()[0]}
        {REUSE.splitlines()[1]}
        import os
        REPOSITORY = os.path.abspath("..")
        include: "rules/more.smk"

        rule all:
            input: "script.txt", "shell.txt", "copied.txt", "beside.txt"
        """,
    "workflow/rules/more.smk": """
        rule script:
            output: "script.txt"
            script: "../scripts/script.py"

        rule shell:
            output: "shell.txt"
            shell: "ran shell; python3 {workflow.basedir}/scripts/shell.py > {output}"

        rule beside:
            input: f"{REPOSITORY}/resources/beside.txt"
            output: "beside.txt"
            shell: "ran beside; cat {input} > {output}"

        rule copied:
            input: table=workflow.source_path("../../resources/table.txt"),
                x=workflow.source_path("../copied/x.py"),
                package=workflow.source_path("../copied/__init__.py")
            output: "copied.txt"
            script: "../copied/copied.py"
        """,
    "workflow/scripts/script.py": """
        import subprocess
        from common.names import NAME
        subprocess.run(["ran", "script"], check=True)
        open(snakemake.output[0], "w").write(NAME)
        """,
    "workflow/scripts/shell.py": "from common.names import NAME\nprint(NAME)\n",
    "workflow/scripts/common/names.py": "NAME = '1'\n",
    "workflow/copied/copied.py": """
        import subprocess
        from copied.x import X
        subprocess.run(["ran", "copied"], check=True)
        open(snakemake.output[0], "w").write(X + open(snakemake.input.table).read())
        """,
    "workflow/copied/x.py": "X = 'x'\n",
    "workflow/copied/__init__.py": "",
    "resources/table.txt": "a\n",
    "resources/beside.txt": "a\n",
    ".test/config.txt": "",
}


@pytest.fixture
def repository(project, tmp_path):
    """A workflow in the standard layout that is run in a folder beside it, as tests of it are."""
    for name, text in FILES.items():
        path = tmp_path / "one" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return _in(tmp_path / "one", project)


def _in(repository: Path, project: Project) -> Project:
    return Project(repository / ".test", project.store.root, project.environment)


def _cloned(project: Project, name: str) -> Project:
    old = project.directory.parent
    new = old.with_name(name)
    shutil.copytree(old, new, ignore=shutil.ignore_patterns(".snakemake", "*.txt.*", "__pycache__"))
    for made in ("script.txt", "shell.txt", "copied.txt", "beside.txt"):
        (new / ".test" / made).unlink(missing_ok=True)
    return _in(new, project)


def test_a_workflow_that_is_not_below_the_working_directory(repository):
    assert repository.run(*MAIN).computed == ["beside", "copied", "script", "shell"]
    assert repository.run(*MAIN).did_nothing
    other = _cloned(repository, "other")
    assert other.run(*MAIN).did_nothing
    names = "../workflow/scripts/common/names.py"
    other.write("NAME = '2'\n", names)  # its own, not that of the first one
    assert other.run(*MAIN).computed == ["script", "shell"]
    assert other.read("script.txt") + other.read("shell.txt") == "22\n"
    assert repository.run(*MAIN).did_nothing
    repository.write("NAME = '3'\n", names)
    third = _cloned(other, "third")
    assert third.run(*MAIN).did_nothing
    shutil.rmtree(repository.directory.parent)
    assert _cloned(other, "fourth").run(*MAIN).did_nothing
    third.write("b\n", "../resources/beside.txt")
    (line,) = (line for line in third.run(*MAIN).messages if "not what it was" in line)
    assert line.endswith("input repository/resources/beside.txt: content changed.")
    third.write("X = 'y'\n", "../workflow/copied/x.py")
    assert third.run(*MAIN).computed == ["copied"]
    assert third.read("copied.txt") == "ya\n"


SETS = """
    NAMES = {"buses", "lines", "links", "converters", "more", "still", "others"}

    rule all:
        input: "named.txt", "all.txt", "end.txt", "made.txt"

    rule made_of_it:
        input: **{n: f"in/{n}.csv" for n in NAMES}, rest=expand("in/{n}.csv", n=NAMES)
        output: "made.txt"
        params:
            first=lambda w, input: os.path.basename(input[0]),
            last=lambda w, input: input.rest[-1],
        shell: "ran made; echo {params.first} {params.last} {input.buses} > {output}"

    rule make:
        output: "in/{n}.csv"
        shell: "ran make; echo {wildcards.n} > {output}"

    rule named:
        input: unpack(lambda w: {n: f"in/{n}.csv" for n in NAMES})
        output: "named.txt"
        shell: "ran named; cat {input.buses} {input.lines} > {output}"

    rule unnamed:
        input: expand("in/{n}.csv", n=NAMES)
        output: "all.txt"
        shell: "ran unnamed; cat {input} > {output}"

    rule end:
        input: "all.txt"
        output: "end.txt"
        shell: "ran end; cat {input} > {output}"
    """


@pytest.mark.slow
def test_inputs_in_the_order_of_a_set(project):
    """It is another one in each process; what the user writes in another order is a change."""
    project.write(SETS)
    project.environment |= {"PYTHONHASHSEED": "1"}
    assert len(project.run(*IN_STORE).computed) == 7 + 4
    for seed in ("2", "3", "1", "4"):
        project.write(f"{SETS}\n    # turn {seed}\n")
        project.environment |= {"PYTHONHASHSEED": seed}
        assert project.run(*IN_STORE, "-n").did_nothing
        assert project.run(*IN_STORE).did_nothing
    project.environment |= {"PYTHONHASHSEED": "5"}
    project.made = ("all.txt", "end.txt", "named.txt", "in")
    clone = project.clone()  # names count, whatever their order is
    assert clone.run(*IN_STORE, "named.txt").did_nothing
    assert clone.read("named.txt") == "buses\nlines\n"
    made = project.read("all.txt")
    names = [line for line in made.splitlines() if line]
    project.write(SETS.replace("n=NAMES)", f"n={names[::-1]})"))
    assert "unnamed" in project.run(*IN_STORE).computed
    assert project.read("all.txt") == "".join(f"{name}\n" for name in names[::-1])
    assert project.read("end.txt") == project.read("all.txt")
    # The set is another one: what was made for it here before does not stand.
    project.write(SETS.replace(', "others"}', "}"))
    assert "unnamed" in project.run(*IN_STORE).computed
    assert "others" not in project.read("all.txt")


def test_checkpoints_that_a_function_asks_for_in_turn(project):
    project.write(
        """
        def found(wildcards):
            lines = [open(checkpoints.stat.get(n=n).output[0]).read() for n in (1, 2, 3)]
            return [f"part/{line.strip()}.txt" for line in lines]

        rule all:
            input: "all.txt"

        checkpoint stat:
            output: "stat/{n}.txt"
            shell: "ran stat{wildcards.n}; echo {wildcards.n} > {output}"

        rule part:
            output: "part/{n}.txt"
            shell: "ran part{wildcards.n}; echo {wildcards.n} > {output}"

        rule collect:
            input: found
            output: "all.txt"
            shell: "ran collect; cat {input} > {output}"
        """
    )
    parts = ["part1", "part2", "part3", "stat1", "stat2", "stat3"]
    assert project.run(*IN_STORE).computed == ["collect", *parts]
    assert project.run(*IN_STORE, "-n").did_nothing
    assert project.run(*IN_STORE).did_nothing
    project.made = ("all.txt", "part", "stat")
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    assert clone.run(*IN_STORE, "-n").did_nothing
    assert clone.read("all.txt") == "1\n2\n3\n"


def test_what_snakemake_refuses_of_copies_of_stored_files(project):
    """A path in its own place is formatted, and named in a template's output, like any other."""
    project.write("a: {{ 1 + 1 }} a.txt\n", "t.yaml")
    project.write(
        """
        rule all:
            input: lambda wildcards: rules.numbered.output.x.format(n=1), "report.yaml"

        rule numbered:
            output: x="out/{n}.txt"
            shell: "ran numbered; echo {wildcards.n} > {output}"

        rule a:
            output: "a.txt"
            shell: "ran a; echo 1 > {output}"

        rule render:
            input: template="t.yaml", a="a.txt"
            output: "report.yaml"
            template_engine: "jinja2"
        """
    )
    assert project.run(*IN_STORE).computed == ["a", "numbered"]
    assert project.read("report.yaml").strip() == "a: 2 a.txt"
    assert project.run(*IN_STORE).did_nothing
    project.made = ("out", "a.txt", "report.yaml")
    assert project.clone().run(*IN_STORE).did_nothing


def test_a_function_asks_for_several_checkpoints(project):
    """One leaves Snakemake's DAG as the other comes: it has as many jobs as before."""
    project.write(
        """
        def made(wildcards):
            asked = (checkpoints.A, checkpoints.B)
            return [f"e/{x}" for each in asked for x in open(each.get().output[0]).read().split()]

        rule all:
            input: "two.txt"

        rule two:
            input: made
            output: "two.txt"
            shell: "ran two; cat {input} > {output}"

        checkpoint A:
            output: "A.txt"
            shell: "ran A; echo a b > {output}"

        checkpoint B:
            output: "B.txt"
            shell: "ran B; echo x > {output}"

        rule e:
            output: "e/{x}"
            shell: "ran e; echo {wildcards.x} > {output}"
        """
    )
    assert project.run(*IN_STORE).computed == ["A", "B", "e", "e", "e", "two"]
    project.made = ("A.txt", "B.txt", "two.txt", "e")
    for targets in ((), ("two.txt",)):
        clone = project.clone(f"clone{len(targets)}")
        assert clone.run(*IN_STORE, *targets).computed == []
        assert clone.read("two.txt") == "a\nb\nx\n"
        assert clone.run(*IN_STORE, *targets).did_nothing
    shutil.rmtree(project.store.root)
    assert project.run(*IN_STORE).computed == []
    assert project.read("two.txt") == "a\nb\nx\n"
    assert project.run(*IN_STORE).did_nothing


def test_members_of_a_checkpoint_that_its_own_pattern_fits(project):
    project.write(
        """
        import os

        def parts(wildcards):
            folder = checkpoints.split.get(s=wildcards.s).output[0]
            return sorted(f"{folder}/{name}" for name in os.listdir(folder) if name[0] != ".")

        rule all:
            input: "a.cat", "b.cat"

        checkpoint split:
            input: "in.txt"
            output: directory("out/{s}")
            shell: "ran split; mkdir {output}; cd {output}; for i in $(cat $OLDPWD/{input});"
                " do echo $i > $i; done"

        rule cat:
            input: parts
            output: "{s}.cat"
            shell: "ran cat; cat {input} > {output}"
        """
    )
    project.write("1 2\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["cat", "cat", "split", "split"]
    assert project.read("a.cat") == project.read("b.cat") == "1\n2\n"
    assert project.run(*IN_STORE).did_nothing
    project.made = ("out", "a.cat", "b.cat")
    clone = project.clone()
    assert clone.run(*IN_STORE).computed == []
    assert clone.read("a.cat") == "1\n2\n"
    project.write("1 2 3\n", "in.txt")
    assert project.run(*IN_STORE).computed == ["cat", "cat", "split", "split"]
    assert project.read("b.cat") == "1\n2\n3\n"


OPTIONAL = """
    try:
        import optional
        found = "there"
    except ImportError:
        found = "none"
    """


def test_an_optional_module_comes_to_be(project):
    project.write(
        """
        rule all:
            input: "script.txt", "shell.txt", "copied.txt"

        rule script:
            output: "script.txt"
            script: "scripts/script.py"

        rule shell:
            output: "shell.txt"
            shell: "ran shell; python3 scripts/shell.py > {output}"

        rule copied:
            input: workflow.source_path("scripts/beside.sh")
            output: "copied.txt"
            shell: "ran copied; bash {input} > {output}"
        """
    )
    ran = 'import subprocess\nsubprocess.run(["ran", "script"], check=True)\n'
    code = textwrap.dedent(OPTIONAL)
    project.write(f'{ran}{code}open(snakemake.output[0], "w").write(found)\n', "scripts/script.py")
    project.write(f"{code}print(found)\n", "scripts/shell.py")
    # Snakemake copies the script alone: beside the copy there is never anything.
    project.write("[ -e $(dirname $0)/side.txt ] || echo none\n", "scripts/beside.sh")
    project.write("", "scripts/side.txt")
    assert project.run(*IN_STORE).computed == ["copied", "script", "shell"]
    assert project.run(*IN_STORE).did_nothing
    project.made = ("script.txt", "shell.txt", "copied.txt")
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    project.write("", "scripts/unrelated.py")
    assert project.run(*IN_STORE).did_nothing
    for each in (clone, project):
        each.write("", "scripts/optional.py")
    assert clone.run(*IN_STORE).computed == ["script", "shell"]
    assert clone.read("script.txt") + clone.read("shell.txt") == "therethere\n"
    assert project.run(*IN_STORE).did_nothing
    assert project.read("shell.txt") == "there\n"


NESTED = """
    def parts(wildcards):
        with checkpoints.split.get().output.names.open() as names:
            return [f"counts/{n.strip()}.txt" for n in names]

    rule all:
        input: "all.txt", "counted.txt"

    rule gather:
        input: ORDER
        output: "all.txt"
        params: x=config.get("num", 1)
        shell: "ran gather; cat parts/* > {output}; echo {params.x} >> {output}"

    rule counted:
        input: parts
        output: "counted.txt"
        params: x=config.get("num", 1)
        shell: "ran counted; cat {input} > {output}; echo {params.x} >> {output}"

    rule count:
        input: "parts/{n}.list"
        output: "counts/{n}.txt"
        shell: "ran count; wc -l < {input} > {output}"

    checkpoint split:
        input: "in.txt"
        output: names="parts/names", folder=directory("parts")
        shell: "ran split; cp {input} parts/a.list; cp {input} parts/b.list; "
            "printf 'a\\nb\\n' > {output.names}"
    """


@pytest.mark.parametrize(
    "order",
    ['"parts/names", "parts"', pytest.param('"parts", "parts/names"', marks=pytest.mark.slow)],
)
def test_an_output_inside_a_directory_of_the_same_job(project, order):
    """One never comes without the other: the directory would not be what the job made."""
    project.write("x\n", "in.txt")
    project.write(NESTED.replace("ORDER", order))
    first = ["count", "count", "counted", "gather", "split"]
    assert project.run(*IN_STORE).computed == first
    assert project.run(*IN_STORE).did_nothing
    project.made = ("all.txt", "counted.txt", "counts", "parts")
    clone = project.clone()
    assert clone.run(*IN_STORE, "counted.txt").computed == []
    assert clone.run(*IN_STORE).computed == []
    for number, targets in enumerate(((), ("counted.txt",), ("all.txt",))):
        other = project.clone(f"other{number}")
        config = ("--config", f"num={number + 2}")
        done = other.run(*IN_STORE, *targets, *config)
        expected = {"all.txt": "gather", "counted.txt": "counted"}
        assert done.computed == sorted(expected[name] for name in targets or expected)
        assert not any("not what the workflow made" in line for line in done.messages)
        assert other.run(*IN_STORE, *targets, *config).did_nothing
        if "counted.txt" not in targets:
            assert other.read("all.txt") == f"x\nx\na\nb\n{number + 2}\n"


CHANGING = """
    rule all:
        input: "q.txt", "after.txt", "fam.count"

    rule after:
        input: "x.bim", "q.txt"
        output: "after.txt"
        shell: "ran after; cat {input[0]} > {output}"

    rule change:
        input: bim="x.bim", fixed="x.fixed"
        output: "q.txt"
        params: x=config.get("num", 1)
        shell: "ran change; mv {input.fixed} {input.bim}; echo {params.x} >> {input.bim}; "
            "echo done > {output}"

    rule fix:
        input: "x.bim"
        output: "x.fixed"
        shell: "ran fix; sed s/^/fixed/ {input} > {output}"

    rule make:
        input: "in.txt"
        output: "x.bim", "x.fam"
        shell: "ran make; cp {input} {output[0]}; echo fam > {output[1]}"

    rule count:
        input: "x.fam"
        output: "fam.count"
        shell: "ran count; wc -l < {input} > {output}"
    """


def test_a_job_that_replaces_its_input(project):
    """Who read it before rests; who reads it afterwards does so, and runs if that changes."""
    project.write("x\n", "in.txt")
    project.write(CHANGING)
    assert project.run(*IN_STORE).computed == ["after", "change", "count", "fix", "make"]
    assert project.read("after.txt") == "fixedx\n1\n"
    for _ in range(2):
        done = project.run(*IN_STORE)
        assert done.did_nothing
        assert not any("not what the workflow made" in line for line in done.messages)
    other = ("--config", "num=2")
    assert project.run(*IN_STORE, *other).computed == ["after", "change"]
    assert project.read("after.txt") == "fixedx\n2\n"
    assert project.run(*IN_STORE, *other).did_nothing
    project.write("mine\n", "x.bim")  # the user's own: everybody reads it
    done = project.run(*IN_STORE, *other)
    assert done.computed == ["after", "change", "fix"]
    assert any("x.bim is not what the workflow made" in line for line in done.messages)
    project.made = ("after.txt", "q.txt", "x.bim", "x.fam", "x.fixed", "fam.count")
    clone = project.clone()
    assert clone.run(*IN_STORE).computed == ["change"]  # what it makes besides, it says nowhere
    assert clone.read("after.txt") == "fixedx\n1\n"
    assert clone.run(*IN_STORE).did_nothing


def test_what_a_sourced_script_names_of_the_config_counts(project):
    """It knows `snakemake` as the script does that sources it, from wherever that is."""
    project.write(
        """
        config.setdefault("unrelated", 1)
        config.setdefault("word", "one")

        rule a:
            output: "a.txt"
            script: "scripts/a.sh"
        """
    )
    project.write("ran a\nfolder=lib\nsource $folder/words.sh\nsay\n", "scripts/a.sh")
    helper = 'say() { echo "${snakemake_config[word]}" > "${snakemake_output[0]}"; }\n'
    project.write(helper, "lib/words.sh")
    assert project.run(*IN_STORE).computed == ["a"]
    assert project.run(*IN_STORE, "--config", "unrelated=2").did_nothing
    changed = project.run(*IN_STORE, "--config", "word=two")
    assert changed.computed == ["a"] and "the config key word has changed" in changed.printed
    assert project.read("a.txt") == "two\n"
    assert project.run(*IN_STORE).did_nothing
    assert project.read("a.txt") == "one\n"
    clone = project.clone()
    (clone.directory / "a.txt").unlink()
    assert clone.run(*IN_STORE, "--config", "word=two", "unrelated=3").did_nothing
    assert clone.read("a.txt") == "two\n"


def test_a_file_becomes_executable_and_is_none_again(project):
    project.write(
        """
        rule all:
            input: "asked", "run", "found"

        rule asked:
            output: "asked"
            shell: "ran asked; (if [ -x tools/x ]; then tools/x; else echo no; fi) > {output}"

        rule run:
            output: "run"
            shell: "ran run; tools/x > {output} 2>/dev/null || echo no > {output}"

        rule found:
            output: "found"
            shell: "ran found; find tools -name 'x*' -perm -u+x > {output}"
        """
    )
    project.write("#!/bin/sh\necho yes\n", "tools/x")
    project.made = ("asked", "run", "found")
    assert project.run(*IN_STORE).computed == ["asked", "found", "run"]
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    (clone.directory / "tools/x").chmod(0o755)
    done = clone.run(*IN_STORE)
    assert done.computed == ["asked", "found", "run"]
    assert any("tools/x has become executable" in each for each in done.messages)
    assert [clone.read(name) for name in project.made] == ["yes\n", "yes\n", "tools/x\n"]
    assert clone.run(*IN_STORE).did_nothing
    (clone.directory / "tools/x").chmod(0o644)
    assert clone.run(*IN_STORE).did_nothing
    assert [clone.read(name) for name in project.made] == ["no\n", "no\n", ""]


@pytest.mark.parametrize("command", ["echo more >> {input}/x", "sed -i s/a/b/ {input}/x"])
def test_a_job_that_changes_a_file_in_a_directory_that_it_reads(project, command):
    """What it made stands here, as where it changes a file that it reads."""
    project.write(
        f"""
        rule all:
            input: "out"

        rule make:
            output: directory("d")
            shell: "ran make; mkdir -p {{output}}; echo a > {{output}}/x"

        rule change:
            input: "d"
            output: "out"
            shell: "ran change; {command}; cat {{input}}/x > {{output}}"
        """
    )
    done = project.run(*IN_STORE)
    assert done.computed == ["change", "make"] and "changed while rule" not in done.printed
    made = project.read("out")
    assert made == ("a\nmore\n" if "more" in command else "b\n")
    assert project.run(*IN_STORE).did_nothing
    project.made = ("out", "d")
    clone = project.clone()
    assert clone.run(*IN_STORE).computed == ["change"]
    assert clone.read("out") == made
    assert clone.run(*IN_STORE).did_nothing
