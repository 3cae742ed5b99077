"""A job that is new in a clone, and looks for what reused jobs made, finds it there."""

import shutil

import pytest

from tests.reuse_workflows.conftest import IN_STORE

MADE = """
    rule all:
        input: {targets}

    rule trim:
        output: "o/trim/{{i}}.fq", report="o/trim/reports/{{i}}.txt"
        log: "logs/trim/{{i}}.log"
        shell: "ran trim; echo {{wildcards.i}} | tee {{output}} > {{log}}"

    rule map:
        input: "o/trim/{{i}}.fq"
        output: "o/map/{{i}}.bam", temp("o/map/{{i}}.temp")
        shell: "ran map; cp {{input}} {{output[0]}}; cp {{input}} {{output[1]}}"
    """
LOOKING = {
    "scan": "{{ grep -rh --include='*.txt' . o || true; }} | sort",
    "module": "python3 -c 'import pathlib;"
    ' print(sorted(map(str, pathlib.Path("o").rglob("*.txt"))))\'',
    "one": "cat o/trim/reports/2.txt || true",
    "fails": "cat o/trim/*.fq",
    "logs": "cat $(find logs -name '*.log' | sort)",
    "changes": "echo 1 >> counter; cat counter o/trim/reports/1.txt || true",
    "inputs": "cat {input}; ls o/map; test -e o/none.txt || echo none",
}

KINDS = [kind for kind in LOOKING if kind != "changes"]


def looking(kinds, title=""):
    """The workflow with rules that look for what is not declared."""
    targets = [*(f'"{kind}.txt"' for kind in kinds), '"o/map/1.bam"', '"o/map/2.bam"']
    rules = MADE.format(targets=", ".join(targets))
    for kind in kinds:
        rules += f"""
    rule {kind}:
        input: "o/map/1.bam", "o/map/2.bam"
        output: "{kind}.txt"
        shell: {f"ran {kind}{title}; ({LOOKING[kind]}) > {{output}}"!r}
    """
    return rules


def test_a_job_finds_what_reused_jobs_made(project):
    plain = project.clone("plain")
    plain.write(looking(KINDS), reuse=False)
    plain.run(root=False)
    results = {kind: plain.read(f"{kind}.txt") for kind in KINDS}
    assert all(results.values())
    project.write(looking([]))
    project.made = ("o", "logs")
    project.run(*IN_STORE)
    clone = project.clone()
    for kind, expected in results.items():
        clone.write(looking([kind]))
        done = clone.run(*IN_STORE)
        again = [kind] * (kind != "inputs")
        assert done.computed == [kind, *again], done.printed
        assert (": it looked for" in done.printed) is bool(again)
        assert clone.read(f"{kind}.txt") == expected
        assert not (clone.directory / "o/map/1.temp").exists()
        for folder in ("o", "logs"):
            shutil.rmtree(clone.directory / folder, ignore_errors=True)
    # Nobody has to do it a second time, and where all is in place it is done once.
    clone.made = ("o", "logs", *(f"{kind}.txt" for kind in KINDS))
    for other in (clone, clone.clone("other")):
        other.write(looking(KINDS))
        assert other.run(*IN_STORE).did_nothing
    project.write(looking(KINDS, title="; :"))
    assert project.run(*IN_STORE).computed == sorted(KINDS)
    assert {kind: project.read(f"{kind}.txt") for kind in KINDS} == results


def test_a_rule_that_looked_before_finds_it_at_once(project):
    project.write(looking(["scan"]))
    project.made = ("o", "logs", "scan.txt")
    project.run(*IN_STORE)
    clone = project.clone()
    clone.write(looking(["scan"], title="; :"))
    assert clone.run(*IN_STORE).computed == ["scan"]
    assert clone.read("scan.txt") == project.read("scan.txt")


def test_a_job_that_changed_files_does_not_run_again(project):
    """It would find what it left: it runs again the next time, and is not for others."""
    project.write("0\n", "counter")
    project.write(looking([]))
    project.made = ("o", "logs")
    project.run(*IN_STORE)
    clone = project.clone()
    clone.write(looking(["changes"]))
    done = clone.run(*IN_STORE)
    assert done.computed == ["changes"]
    assert "again the next time" in done.printed
    assert clone.run(*IN_STORE).computed == ["changes"]
    assert clone.run(*IN_STORE).did_nothing
    clone.made = ("o", "logs", "changes.txt")
    other = clone.clone("other")
    assert other.run(*IN_STORE).computed == ["changes"]


def test_what_is_read_in_a_directory_output_rests(project):
    project.write(
        """
        rule all:
            input: "b.txt"

        rule a:
            output: directory("o/{i}")
            shell: "ran a; mkdir -p {output}/x/y {output}/none; echo {wildcards.i} > {output}/x/y/m"

        rule flag:
            input: "o/1", "o/2"
            output: touch("done")

        rule b:
            input: "done"
            output: "b.txt"
            shell: "ran b; (cat o/*/x/*/m; ls o/1/none; find o/2 -type f -name m) > {output}"
        """
    )
    project.made = ("o", "done", "b.txt")
    assert project.run(*IN_STORE).computed == ["a", "a", "b"]
    assert project.run(*IN_STORE).did_nothing
    clone = project.clone()
    assert clone.run(*IN_STORE, "-n").did_nothing
    assert clone.run(*IN_STORE).did_nothing


def test_jobs_that_look_for_the_same_at_the_same_time(project):
    snakefile = MADE.format(targets="'o/map/1.bam', 'o/map/2.bam'")
    project.write(snakefile)
    project.made = ("o", "logs")
    project.run(*IN_STORE)
    clone = project.clone()
    clone.write(
        MADE.format(targets="'1.scan', '2.scan'")
        + """
    rule scan:
        input: "o/map/1.bam", "o/map/2.bam"
        output: "{name}.scan"
        shell: "ran scan; find o -name '*.fq' | sort > {output}; sleep 1"
    """
    )
    done = clone.run(*IN_STORE)
    assert set(done.computed) == {"scan"}, done.printed
    for name in ("1.scan", "2.scan"):
        assert clone.read(name) == "o/trim/1.fq\no/trim/2.fq\n", done.printed
    assert clone.run(*IN_STORE).did_nothing


@pytest.mark.parametrize("kind", ["shell", "run"])
def test_what_was_brought_for_another_while_a_job_ran(project, kind):
    """Whether jobs run in this process, as with `shell`, or in processes of their own."""
    project.write(MADE.format(targets="'o/map/1.bam', 'o/map/2.bam'"))
    project.made = ("o", "logs")
    project.run(*IN_STORE)
    clone = project.clone()
    waits = "for _ in $(seq 300); do test ! -e {0} || break; sleep 0.1; done"
    looks = "find o -name '*.fq' | sort > {output}; "
    command = (
        f"case {{output}} in first) {waits.format('looked')}; esac; {looks}"
        f"case {{output}} in first) test ! -s {{output}} || : > found;; "
        f"second) : > looked; {waits.format('found')}; esac"
    )
    body = repr(command) if kind == "shell" else f"shell({command!r})"
    clone.write(
        MADE.format(targets="'first', 'second'")
        + f"""
    rule scan:
        input: "o/map/1.bam", "o/map/2.bam"
        output: "{{name}}"
        wildcard_constraints: name="first|second"
        {kind}: {body}
    """
    )
    done = clone.run(*IN_STORE)
    for name in ("first", "second"):
        assert clone.read(name) == "o/trim/1.fq\no/trim/2.fq\n", done.printed


def test_what_is_brought_is_brought_once(project):
    """Also for a job that removes or touches what it finds."""
    project.write(MADE.format(targets="'o/map/1.bam', 'o/map/2.bam'"))
    project.made = ("o", "logs")
    project.run(*IN_STORE)
    clone = project.clone()
    clone.write(
        MADE.format(targets="'removes', 'touches'")
        + """
    rule removes:
        input: "o/map/1.bam"
        output: "removes"
        shell: "ran removes; ls o/trim > {output} || true; rm -f o/trim/*.fq"

    rule touches:
        input: "o/map/2.bam"
        output: "touches"
        shell: "ran touches; find o -name '*.txt' > {output}; chmod -R u+w o; touch o/trim/*/*"
    """
    )
    done = clone.run(*IN_STORE, "-c1", "--keep-going")
    assert 2 <= len(done.computed) <= 4, done.printed


def test_a_name_that_is_looked_for_in_the_working_directory(project):
    """A shell lists it: the folders that the workflow makes are there, and nothing is missed."""
    project.write(
        """
        rule all:
            input: "c.txt"

        rule a:
            output: "deep/er/a.txt"
            shell: "ran a; echo a > {output}"

        rule b:
            input: "deep/er/a.txt"
            output: "b.txt"
            shell: "ran b; cp {input} {output}"

        rule c:
            input: "b.txt"
            output: "c.txt"
            params: x=config.get("num", 1)
            shell: "ran c; cat {input} > part.2.Q; echo {params.x} >> part.2.Q; "
                "ls -d */ > dirs.log; mv part.2.* {output}"
        """
    )
    assert project.run(*IN_STORE).computed == ["a", "b", "c"]
    project.made = ("b.txt", "c.txt", "deep", "dirs.log")
    clone = project.clone()
    assert clone.run(*IN_STORE, "--config", "num=2").computed == ["c"]
    assert (clone.read("c.txt"), clone.read("dirs.log")) == ("a\n2\n", "deep/\n")
    assert [*(clone.directory / "deep").iterdir()] == []
    assert clone.run(*IN_STORE, "--config", "num=2").did_nothing
