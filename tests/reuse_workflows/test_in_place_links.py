"""Files in place are clones where the filesystem has them, else links: what jobs make of that."""

import os
import subprocess

import pytest

from tests.filesystems import CLONING, mounted
from tests.reuse_workflows.conftest import AS_USER, IN_STORE, Project

COPIES = (*IN_STORE, "--storage-seqstore-materialize", "copy")
# Each does to its input what it may not do to a file of the store.
CHANGING = """
    rule all:
        input: "gzip.txt", "append.txt", "sort.txt", "sqlite.txt", "mode.txt"

    rule a:
        output: "{name}.in"
        shell: "ran a.{wildcards.name}; seq 20000 -1 1 > {output}"

    rule gzip:
        input: "gzip.in"
        output: "gzip.txt"
        shell: "ran gzip; gzip -k {input}; zcat {input}.gz | wc -l > {output}"

    rule append:
        input: "append.in"
        output: "append.txt"
        shell: "ran append; echo more >> {input}; wc -l < {input} > {output}"

    rule sort:
        input: "sort.in"
        output: "sort.txt"
        shell: "ran sort; sort -n -o {input} {input}; head -1 {input} > {output}"

    rule mode:
        input: "mode.in"
        output: "mode.txt"
        shell: "ran mode; chmod u+w {input}; echo more >> {input}; wc -l < {input} > {output}"

    rule base:
        output: "base.sqlite"
        run:
            import sqlite3
            shell("ran base")
            with sqlite3.connect(output[0]) as base:
                base.execute("create table t (a int)")
            base.close()

    rule sqlite:
        input: "base.sqlite"
        output: "sqlite.txt"
        run:
            import sqlite3
            shell("ran sqlite")
            with sqlite3.connect(input[0]) as base:
                base.execute("insert into t values (1)")
                with open(output[0], "w") as file:
                    print(base.execute("select count(*) from t").fetchone()[0], file=file)
            base.close()
    """
READERS = ["append", "gzip", "mode", "sort", "sqlite"]
MAKERS = ["a.append", "a.gzip", "a.mode", "a.sort", "base"]
RESULTS = {"append": 20001, "gzip": 20000, "mode": 20001, "sort": 1, "sqlite": 1}


def results(project):
    return {name: int(project.read(f"{name}.txt")) for name in RESULTS}


def check_that_it_rests(project, options):
    project.write(CHANGING)
    done = project.run(*options)
    assert done.computed == sorted(MAKERS + READERS)
    assert not any("links to read-only" in line for line in done.messages)
    assert results(project) == RESULTS
    assert project.run(*options).did_nothing
    assert results(project) == RESULTS
    # Others get what the makers made.
    project.made = tuple(path.name for path in project.directory.iterdir() if path.is_file())
    clone = project.clone()
    clone.write(CHANGING)
    assert set(clone.run(*options).computed) <= set(READERS)
    assert results(clone) == RESULTS
    assert clone.run(*options).did_nothing
    for digest, _ in project.store.objects:
        assert project.store.objects.is_sound(digest)


@pytest.mark.slow
@pytest.mark.parametrize("user", ["root", "ordinary"])
@pytest.mark.parametrize("kind", CLONING)
def test_jobs_that_change_their_inputs_have_clones(project, tmp_path, kind, user):
    with mounted(kind, tmp_path / "mounted") as place:
        there = Project(place / "work", place / "store", project.environment)
        there.prefix = AS_USER if user == "ordinary" else ()
        check_that_it_rests(there, IN_STORE)
        assert not [path for path in there.directory.rglob("*.in") if path.is_symlink()]


@pytest.mark.slow
def test_jobs_that_change_their_inputs_have_copies(project):
    check_that_it_rests(project, COPIES)


@pytest.fixture
def linked(project):
    """A project of an ordinary user, whose inputs are links."""
    if os.geteuid() or subprocess.run([*AS_USER, "true"], capture_output=True).returncode:
        pytest.skip("shares the test's directory with another user, who needs a namespace")
    project.prefix = AS_USER
    return project


LINKS = (*IN_STORE, "--storage-seqstore-materialize", "symlink")
ONE = """
    rule all:
        input: "b.txt"

    rule a:
        output: "a.txt", directory("folder")
        shell: "ran a; seq 9 > {{output[0]}}; mkdir {{output[1]}}; seq 9 > {{output[1]}}/x"

    rule b:
        input: "a.txt", "folder"
        output: "b.txt"
        {command}
    """


def hints(done):
    return [
        line
        for line in done.messages
        if "to a read-only file of the store" in line or "to read-only files" in line
    ]


@pytest.mark.parametrize(
    "command",
    [
        'shell: "gzip -c < {input[0]} > {output}; gzip -k {input[0]}"',  # does not follow links
        'shell: "echo more >> {input[0]}; cp {input[0]} {output}"',
        'shell: "sort -o {input[1]}/x {input[1]}/x; cp {input[1]}/x {output}"',
        'shell: "cp {input[0]} {output}; echo more >> {output}"',  # a copy is read-only, too
        'run: open(input[0], "a").write("more"); open(output[0], "w").close()',
    ],
    ids=["no-links", "append", "in-folder", "copy", "run"],
)
def test_a_job_that_fails_for_links_is_tried_again_with_files(linked, command):
    linked.write(ONE.format(command=command))
    done = linked.run(*LINKS)
    assert len(hints(done)) == 1
    assert done.computed == ["a"]
    assert linked.run(*LINKS).did_nothing


LOOKING = {
    "copy": "cp -r {input[3]} {output}.d; stat -c %F {output}.d/x",
    "find": "find {input[3]} -type f -name x",
    "import": "python3 {input[1]} 2> /dev/null",
    "lists": "cat {input[0]}; basename $(realpath {input[0]})",
    "leads": "cd $(dirname $(readlink -f {input[0]})); ls a.txt; cat a.txt",
    "stat": "stat -c '%F %s' {input[0]}",
    "tar": "tar -xOf <(tar -c {input[0]})",
}
FOLLOWING = (
    "cat {input[0]} {input[3]}/*; ls -l {input[0]} | wc -l; realpath -s {input[0]} | wc -l;"
    " python3 -c 'print(open(\"{input[0]}\").read())'; wc -l < $(echo {input[3]}/*);"
    " cp {input[0]} taken; cat taken; rm -f taken"
)
SOURCES = """
    rule all:
        input: {targets}

    rule a:
        output: multiext("{{name}}/", "a.txt", "main.py", "beside.py"), directory("{{name}}/folder")
        shell:
            "seq 9 > {{output[0]}}; mkdir {{output[3]}}; seq 9 > {{output[3]}}/x;"
            " echo 'import beside' > {{output[1]}}; echo 'print(8)' > {{output[2]}}"
    """


def looking(more, where='"{name}.txt"'):
    """A workflow in which each rule looks at its inputs in another way."""
    commands = LOOKING | {"follows": FOLLOWING}
    rules = SOURCES.format(targets=", ".join(where.replace("{name}", kind) for kind in commands))
    for kind, command in commands.items():
        rules += f"""
    rule {kind}:
        input: expand(rules.a.output, name="{kind}")
        output: {where.replace("{name}", kind)}
        shell: {f"ran {kind}{more}; ({command}) > {{output}}"!r}
    """
    return rules


@pytest.mark.parametrize(
    "where", ['"{name}.txt"', pytest.param('local("{name}.txt")', marks=pytest.mark.slow)]
)
def test_rules_that_look_at_links_run_again_with_files(linked, where):
    plain = linked.clone()
    plain.write(looking(""), reuse=False)
    plain.run(root=False)
    linked.write(looking("", where))
    done = linked.run(*LINKS)
    results = {kind: plain.read(f"{kind}.txt") for kind in (*LOOKING, "follows")}
    assert {kind: linked.read(f"{kind}.txt") for kind in results} == results
    assert all(results.values())
    assert done.computed == sorted([*results, *LOOKING])
    assert len(hints(done)) == len(LOOKING), done.printed
    assert linked.run(*LINKS).did_nothing
    # The next jobs of these rules have files at once.
    linked.write(looking("; : more", where))
    assert linked.run(*LINKS).computed == sorted(results)
    # What was made with files is for everybody.
    if "local" not in where:
        linked.made = (*results, *(f"{name}.txt" for name in results), "copy.txt.d")
        clone = linked.clone()
        clone.prefix = linked.prefix
        assert clone.run(*LINKS).did_nothing
        assert {kind: clone.read(f"{kind}.txt") for kind in results} == results


@pytest.mark.parametrize("kind", ["shell", pytest.param("run", marks=pytest.mark.slow)])
def test_links_that_another_job_replaces_while_one_looks(linked, kind):
    """Whether jobs run in this process, as with `shell`, or in processes of their own."""
    looks = "find o -type f | sort > {output}; "
    waits = "for _ in $(seq 300); do test ! -e {0} || break; sleep 0.1; done"
    first = f"{waits.format('looked')}; {looks} test ! -s {{output}} || : > found"
    second = f"{looks} : > looked; {waits.format('found')}"
    commands = [repr(each) for each in (first, second)]
    linked.write(
        """
        rule all:
            input: "first", "second"

        rule a:
            output: "o/{{name}}"
            shell: "ran a; echo {{wildcards.name}} > {{output}}"

        rule first:
            input: "o/1", "o/2"
            output: "first"
            {0}: {1}

        rule second:
            input: "o/3"
            output: "second"
            {0}: {2}
        """.format(kind, *(each if kind == "shell" else f"shell({each})" for each in commands))
    )
    linked.run(*LINKS, "--", "o/1", "o/2", "o/3")
    done = linked.run(*LINKS)
    for name in ("first", "second"):
        assert linked.read(name) == "o/1\no/2\no/3\n", done.printed


def test_a_job_that_looks_at_links_and_changes_files_is_not_shared(linked):
    """It cannot run again at once, as it would find what it left: it does the next time."""
    linked.write("1\n", "log.txt")
    command = 'shell: "ran b; stat -c %F {input[0]} > {output}; echo 2 >> log.txt; wc -l log.txt"'
    linked.write(ONE.format(command=command))
    linked.made = ("a.txt", "b.txt", "folder")
    first = linked.run(*LINKS)
    assert first.computed == ["a", "b"]
    assert any("again the next time" in hint for hint in hints(first)), first.printed
    assert linked.run(*LINKS).computed == ["b"]
    assert linked.read("b.txt") == "regular file\n"
    assert linked.run(*LINKS).did_nothing


LEFT = """
    rule all:
        input: "b.txt", "c1.txt", "c2.txt"

    rule a:
        output: "rep/{name}.txt"
        shell: "seq 9 > {output}"

    rule flag:
        input: expand("rep/{i}.txt", i=range(4))
        output: touch("done")

    rule b:
        input: "done", "rep/1.txt"
        output: "b.txt"
        log: "b.log"
        resources: attempt=lambda wildcards, attempt: attempt
        shell:
            "mkdir work ../beside; echo 1 >> {log}; echo {resources.attempt} >> work/new;"
            " gzip -k {input[1]}; tar cf - rep | tar tvf - | grep -c ^l > work/links || true;"
            " cat {log} work/* > {output}; rm -f rep/*.gz"

    rule c:
        input: "done"
        output: "c{number}.txt"
        shell:
            "find rep -type f -name '*.txt' | sort > {output}; sleep 1;"
            " grep -rh 9 rep >> {output}"
    """


def test_the_second_try_finds_what_the_first_one_found(linked):
    """Also for links that are no inputs, and where the first one failed."""
    snakefile = LEFT.replace(
        'log: "b.log"', 'log: "b.log"\n        resources: attempt=lambda w, attempt: attempt'
    )
    linked.write(snakefile)
    done = linked.run(*LINKS)
    assert linked.read("b.txt") == "1\n0\n1\n", done.printed
    names = "".join(f"rep/{number}.txt\n" for number in range(4))
    for name in ("c1.txt", "c2.txt"):
        assert linked.read(name) == names + "9\n" * 4, done.printed
    assert linked.run(*LINKS).did_nothing


def test_a_job_that_fails_by_itself_is_not_tried_over_and_over(linked):
    linked.write(ONE.format(command='shell: "ran b; ls -l {input[0]} > {output}; false"'))
    assert linked.run(*LINKS, fails=True).computed == ["a", "b", "b"]
    assert linked.run(*LINKS, fails=True).computed == ["b"]


def test_a_job_that_writes_to_the_store_through_a_link_is_explained(linked):
    command = "chmod u+w {input[0]}; echo more >> {input[0]}; cp {input[0]} {output}"
    linked.write(ONE.format(command=f'shell: "{command}"'))
    done = linked.run(*LINKS)
    assert len(hints(done)) == 1, done.printed
    # The payload is not used any more, but made again, and the rule has a file.
    assert linked.run(*LINKS).computed == ["a"]
    assert "more" not in linked.stored("a.txt")
    assert linked.read("b.txt") == linked.stored("a.txt") + "more\n"
    assert linked.run(*LINKS).did_nothing


@pytest.mark.parametrize(
    "command",
    [
        'shell: "cat {input[0]} {input[1]}/* > {output}; false"',
        'shell: "cat {input[0]} > {output}; mkdir /proc/none; false"',
        'shell: "cat $(find {input[1]}/ -name x) > {output}; sort {input[0]}; cat none"',
        "run: raise ValueError(open(input[0]).read())",
    ],
)
def test_a_job_that_fails_for_something_else_is_not(linked, command):
    linked.write(ONE.format(command=command))
    assert not hints(linked.run(*LINKS, fails=True))


def test_a_rule_that_fails_unobserved_has_files_from_then_on(linked):
    linked.write(
        """
        seqstore.reuse(workflow, observe="off")

        rule all:
            input: "b.txt", "c.txt"

        rule a:
            output: "a.txt"
            shell: "echo 1 > {output}"

        rule b:
            input: "a.txt"
            output: "{name}.txt"
            shell: "echo more >> {input}; touch {output}"

        ruleorder: a > b
        """
    )
    done = linked.run(*LINKS, "--keep-going", fails=True)
    assert {"rule b" in hint for hint in hints(done)} == {True}
    assert not hints(linked.run(*LINKS))


def test_a_container_sees_files(linked, programs):
    docker = linked.directory / "bin" / "docker"
    docker.parent.mkdir(parents=True)
    docker.write_text("#!/bin/sh\nstat -c %F a.txt folder/x > b.txt\n")
    docker.chmod(0o755)
    path = f"{docker.parent}{os.pathsep}{linked.environment['PATH']}"
    linked.environment = linked.environment | {"PATH": path}
    linked.write(ONE.format(command='shell: "docker run image"'))
    linked.run(*LINKS)
    assert linked.read("b.txt") == "regular file\n" * 2


def test_a_protected_file_that_is_fetched_is_no_link(linked):
    """Snakemake changes its mode: by a link that of the payload, which may be somebody else's."""
    linked.write(
        """
        rule all:
            input: "b.txt"

        rule a:
            input: "in.txt"
            output: "a.txt"
            shell: "ran a; sort {input} > {output}"

        rule b:
            input: "a.txt"
            output: protected("b.txt")
            shell: "ran b; cat {input} > {output}"
        """
    )
    linked.write("2\n1\n", "in.txt")
    assert linked.run(*LINKS).computed == ["a", "b"]
    linked.made = ("a.txt", "b.txt")
    clone = linked.clone()
    clone.prefix = linked.prefix
    clone.write("1\n2\n", "in.txt")
    assert clone.run(*LINKS).computed == ["a"]
    path = clone.directory / "b.txt"
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o444
    assert clone.run(*LINKS).did_nothing


def test_a_copy_that_a_job_keeps_can_be_written_to_by_the_next_one(linked):
    """As that of a file could: the mode of what is behind a link is of the store."""
    linked.write(
        """
        rule all:
            input: "b.txt"

        rule a:
            output: "a.txt"
            params: x=config.get("num", 1)
            shell: "ran a; echo {params.x} > {output}"

        rule b:
            input: "a.txt"
            output: "b.txt"
            shell: "ran b; mkdir -p kept; cp {input} kept/; sort kept/a.txt > {output}"
        """
    )
    for number in ("1", "2", "3"):
        done = linked.run(*LINKS, "--config", f"num={number}")
        assert done.computed == ["a", "b"]
        assert (linked.directory / "a.txt").is_symlink()
        assert linked.read("b.txt") == f"{number}\n"


def test_what_a_job_unpacks_is_no_link_that_became_a_file(linked):
    """It has an old time. A job that lists it would run again and again."""
    linked.write(
        """
        rule all:
            input: "names", "copies"

        rule tar:
            input: "d.tar"
            output: "names"
            shell: "ran tar; mkdir -p e; tar xf {input} -C e; ls e/d > {output}"

        rule copy:
            input: "d"
            output: directory("copy"), "copies"
            shell:
                "ran copy; cp -a {input} {output[0]};"
                " (cd {output[0]}; find . -type f) > {output[1]}"
        """
    )
    linked.write("x\n", "d/x")
    os.utime(linked.directory / "d/x", (10**9, 10**9))
    subprocess.run(["tar", "cf", "d.tar", "d"], cwd=linked.directory, check=True)
    done = linked.run(*LINKS)
    assert done.computed == ["copy", "tar"] and "runs again" not in done.printed
    assert (linked.read("names"), linked.read("copies")) == ("x\n", "./x\n")
    assert linked.run(*LINKS).did_nothing


def test_jobs_that_would_write_to_links(linked):
    """Also where they do not mind, update their output, or have copies in a shadow directory."""
    linked.write(
        """
        rule all:
            input: "sorted", "updated", "shadowed"

        rule make:
            output: "made"
            shell: "ran make; printf 'b\\\\na\\\\n' > {output}"

        rule sort:
            input: "made"
            output: "sorted"
            shell: "ran sort; sort -o {input} {input} || true; head -1 {input} > {output}"

        rule other:
            output: "other"
            shell: "ran other; echo other > {output}"

        rule update:
            input: "other"
            output: update("updated")
            shell: "ran update; cp -a {input} part; cat part >> {output}; rm part"

        rule shadow:
            input: "other"
            output: "shadowed"
            shadow: "copy-minimal"
            shell: "ran shadow; echo more >> {input}; cat {input} > {output}"
        """
    )
    done = linked.run(*LINKS)
    assert {*done.computed} == {"make", "sort", "other", "update", "shadow"}
    expected = {"sorted": "a\n", "updated": "other\n", "shadowed": "other\nmore\n"}
    assert {name: linked.read(name) for name in expected} == expected
    assert linked.run(*LINKS).did_nothing
