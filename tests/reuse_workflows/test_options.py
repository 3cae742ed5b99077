"""Snakemake's options for what to run, with reuse on."""

import re
import subprocess
import sys

import pytest

from tests.reuse_workflows.conftest import CHAIN, IN_STORE

pytestmark = pytest.mark.slow

NEW = ("--config", "num=4")

# Gives something else each time that it is computed.
RANDOM = """
    rule all:
        input: "out.txt"

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        shell: "ran a; head -c 9 /dev/urandom | base64 > {output}"

    rule b:
        input: storage.seqstore("seqstore://files/a.txt")
        output: storage.seqstore("seqstore://files/b.txt")
        shell: "ran b; rev {input} > {output}"

    rule c:
        input: storage.seqstore("seqstore://files/b.txt")
        output: "out.txt"
        shell: "ran c; rev {input} > {output}"
    """


@pytest.fixture
def random(project):
    project.write(RANDOM)
    project.write("abc\n", "in.txt")
    return project


@pytest.mark.parametrize("where", ["work", "clone"])
def test_forceall_computes_and_the_new_result_wins(random, where):
    random.run()
    first = random.stored("a.txt")
    here = random if where == "work" else random.clone()
    assert here.run("--forceall").computed == ["a", "b", "c"]
    second = here.stored("a.txt")
    assert second != first
    assert here.read("out.txt") == second
    assert here.run().did_nothing
    other = random.clone("other")
    assert other.run().computed == ["c"]
    assert other.read("out.txt") == second


@pytest.mark.parametrize(
    ("how", "computed"),
    [
        (("--forcerun", "b"), ["b", "c"]),
        (("--forcerun", "a"), ["a", "b", "c"]),
        (("--force", "out.txt"), ["c"]),
        (("--force", "b"), ["b"]),
    ],
)
def test_forcing_a_part_in_a_clone(random, how, computed):
    random.run()
    clone = random.clone()
    if "out.txt" in how:
        assert clone.run().computed == ["c"]
    assert clone.run(*how).computed == computed
    assert clone.run().computed == ([] if "c" in computed else ["c"])
    assert clone.read("out.txt") == clone.stored("a.txt")
    assert clone.run().did_nothing


def test_what_is_not_deterministic_can_be_listed(random):
    random.run()
    command = [sys.executable, "-m", "snakemake_storage_plugin_seqstore", "--root"]
    command += [str(random.store.root), "nondeterministic"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""
    random.run("--forcerun", "a")
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t")[1:] for line in listed.splitlines()]
    found = [stamp.digest for stamp in random.store.history("files", "a.txt")]
    assert rows == [["a", "seqstore/files/a.txt", digest] for digest in found]


def test_touch_never_makes_an_old_result_count_for_new_input(chain):
    chain.run()
    assert chain.run("--touch").computed == []
    assert chain.run().did_nothing
    chain.write("xyz\n", "in.txt")
    chain.finish(chain.start("--touch"))
    clone = chain.clone()
    assert clone.run().computed == ["a", "b", "c"]
    assert clone.read("out.txt") == "ZYX\n3\n"
    assert clone.stored("a.txt") == "XYZ\n"
    assert chain.run().computed == ["c"]  # what was really computed counts more
    assert chain.read("out.txt") == "ZYX\n3\n"


def test_switching_with_times_as_the_only_trigger(chain):
    trigger = ("--rerun-triggers", "mtime")
    for number, computed in ((3, "abc"), (4, "bc"), (3, "c"), (4, "c")):
        done = chain.run(*trigger, "--config", f"num={number}")
        assert done.computed == list(computed)
        assert chain.read("out.txt") == f"CBA\n{number}\n"
    chain.write("abc\n", "in.txt")
    # The time of what is found is raised to that of its input, so Snakemake runs what is local.
    assert chain.run(*trigger, *NEW).computed == ["c"]
    chain.write("abd\n", "in.txt")
    assert chain.run(*trigger, *NEW).computed == ["a", "b", "c"]
    assert chain.read("out.txt") == "DBA\n4\n"
    assert chain.run(*trigger, *NEW).did_nothing


@pytest.mark.slow
def test_forced_jobs_that_start_before_anything_is_known(project):
    """Snakemake asks nothing if all is forced; to resolve thousands of jobs takes a while."""
    project.write(
        """
        import time
        from snakemake_storage_plugin_seqstore.workflow.resolve import Resolution

        def slowly(self, jobs, conditions, resolve=Resolution.resolve):
            time.sleep(0.5)
            return resolve(self, jobs, conditions)

        Resolution.resolve = slowly

        rule all:
            input: storage.seqstore(expand("seqstore://files/out/{name}.txt", name=["a", "b"]))

        rule:
            input: storage.seqstore("seqstore://files/source/in.txt")
            output: storage.seqstore("seqstore://files/out/{name}.txt")
            shell: "ran {wildcards.name}; cat {input} > {output}"
        """
    )
    project.write("abc\n", "in.txt")
    project.store.publish("files", "source/in.txt", project.directory / "in.txt")
    for arguments in ((), ("--forceall",)):
        assert project.run(*arguments).computed == ["a", "b"]
        assert project.run().did_nothing


def test_deleting_all_output_destroys_nothing(chain):
    chain.run()
    payloads = chain.payloads()
    chain.run("--delete-all-output")
    assert not (chain.directory / "out.txt").exists()
    assert chain.payloads() == payloads
    clone = chain.clone()
    assert clone.run().computed == ["c"]
    assert chain.run().computed == ["c"]
    assert chain.read("out.txt") == "CBA\n3\n"
    assert chain.run().did_nothing


DEFAULT = ("--default-storage-provider", "seqstore", "--default-storage-prefix", "seqstore://files")

EVERYTHING = """
    rule all:
        input: "done.txt"

    rule parts:
        input: local("in.txt")
        output: directory("parts")
        log: "logs/parts.log"
        shell: "ran parts; mkdir -p {output}/sub; cp {input} {output}/sub/x; echo made > {log}"

    rule intermediate:
        input: "parts"
        output: temp("intermediate.txt")
        shell: "ran intermediate; cat {input}/sub/x > {output}"

    rule done:
        input: "intermediate.txt"
        output: protected("done.txt")
        params: num=config.get("num", 3)
        shell: "ran done; (cat {input}; echo {params.num}) > {output}"
    """


@pytest.fixture
def everything(project):
    """All files but one in the store, some temporary, a directory, protected."""
    project.write(EVERYTHING)
    project.write("abc\n", "in.txt")
    return project


def test_everything_in_the_store(everything):
    assert everything.run(*DEFAULT).computed == ["done", "intermediate", "parts"]
    assert everything.stored("done.txt") == "abc\n3\n"
    assert everything.run(*DEFAULT).did_nothing
    clone = everything.clone()
    assert clone.run(*DEFAULT).did_nothing
    assert clone.run(*DEFAULT, *NEW).computed in (["done"], ["done", "intermediate"])
    assert clone.stored("done.txt") == "abc\n4\n"
    assert clone.run(*DEFAULT).did_nothing
    assert everything.run(*DEFAULT, *NEW).did_nothing
    assert everything.run(*DEFAULT, "--delete-temp-output").computed == []
    assert everything.run(*DEFAULT).did_nothing
    assert clone.run(*DEFAULT, "--notemp", "--config", "num=5").computed in (
        ["done"],
        ["done", "intermediate"],
    )
    assert clone.run(*DEFAULT, "--config", "num=6").computed in (["done"], ["done", "intermediate"])


def test_forcing_everything_in_the_store(everything):
    everything.run(*DEFAULT, "--notemp")
    assert everything.run(*DEFAULT, "--forceall").computed == ["done", "intermediate", "parts"]
    assert everything.run(*DEFAULT).did_nothing
    everything.write("abd\n", "in.txt")
    assert everything.run(*DEFAULT).computed == ["done", "intermediate", "parts"]
    assert everything.stored("done.txt") == "abd\n3\n"
    everything.write("abc\n", "in.txt")
    assert everything.run(*DEFAULT).did_nothing


def test_a_benchmark_in_the_store(project):
    project.write(
        """
        rule:
            output: "b.txt"
            benchmark: "b.tsv"
            shell: "ran b; echo b > {output}"
        """
    )
    assert project.run(*DEFAULT).computed == ["b"]
    assert project.stored("b.tsv").startswith("s\t")
    assert project.run(*DEFAULT).did_nothing
    assert project.clone().run(*DEFAULT).computed in ([], ["b"])


def test_a_benchmark_that_a_rule_did_not_have(project):
    """What is fetched has another number of logs and benchmarks than its record."""
    snakefile = """
        rule b:
            input: "a.txt"
            output: "b.txt"
            shell: "ran b; cat {input} > {output}"

        rule a:
            output: "a.txt"
            shell: "ran a; echo a > {output}"
        """
    project.write(snakefile)
    assert project.run(*IN_STORE).computed == ["a", "b"]
    project.write(
        snakefile.replace("echo a", "echo  a").replace(
            'output: "b.txt"', 'output: "b.txt"\n            benchmark: "b.tsv"'
        )
    )
    done = project.run(*IN_STORE)
    assert done.computed == ["a"] and "rule b was not computed but fetched" in done.printed
    assert project.read("b.tsv").startswith("s\t")
    assert project.run(*IN_STORE).did_nothing


def test_keep_going_keeps_what_was_made(project):
    project.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/good.txt"), storage.seqstore("seqstore://files/bad.txt")

        rule good:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/good.txt")
            shell: "ran good; cp {input} {output}"

        rule bad:
            input: "in.txt"
            output: storage.seqstore("seqstore://files/bad.txt")
            shell: "ran bad; cp {input} {output}; [ -z ${{BROKEN:-}} ]"
        """
    )
    project.write("abc\n", "in.txt")
    project.environment["BROKEN"] = "yes"
    assert project.run("--keep-going", fails=True).computed == ["bad", "good"]
    assert project.store.find("files", "bad.txt") is None
    assert project.run("--keep-going", fails=True).computed == ["bad"]
    del project.environment["BROKEN"]
    assert project.run("--keep-going").computed == ["bad"]
    assert project.run().did_nothing


def test_until_and_omit_from(chain):
    assert chain.run("--until", "a").computed == ["a"]
    clone = chain.clone()
    assert clone.run("--omit-from", "c").computed == ["b"]
    assert clone.run("--until", "b").computed == []
    assert chain.run().computed == ["c"]
    assert chain.run("--until", "b").did_nothing


def test_kept_local_copies_follow(chain):
    keep = "--keep-storage-local-copies"
    for number, computed in ((3, "abc"), (4, "bc"), (3, "c"), (4, "c")):
        assert chain.run(keep, "--config", f"num={number}").computed == list(computed)
        assert chain.read("out.txt") == f"CBA\n{number}\n"
        assert chain.run(keep, "--config", f"num={number}").did_nothing
    copy = chain.directory / ".snakemake/storage/seqstore/files/b.txt"
    assert copy.read_text() == "CBA\n4\n"


def test_metadata_may_go(chain):
    chain.run("--drop-metadata")
    assert chain.run().did_nothing
    chain.run("--forceall")
    chain.run("--cleanup-metadata", "out.txt")
    chain.run("--unlock")
    assert chain.run().did_nothing


def test_an_output_in_batches(project):
    project.write(
        """
        rule all:
            input: storage.seqstore(expand("seqstore://files/{n}.txt", n=range(4)))

        rule one:
            output: storage.seqstore("seqstore://files/{n}.txt")
            shell: "ran {wildcards.n}; echo {wildcards.n} > {output}"
        """
    )
    assert project.run("--batch", "all=1/2").computed == ["0", "1"]
    clone = project.clone()
    assert clone.run("--batch", "all=1/2").computed == []
    assert clone.run("--batch", "all=2/2").computed == ["2", "3"]
    assert project.run().did_nothing


def test_a_cache_of_the_user_is_left_alone(project, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    project.environment["SNAKEMAKE_OUTPUT_CACHE"] = str(cache)
    project.write(
        """
        rule all:
            input: "out.txt"

        rule a:
            input: "in.txt"
            output: "a.txt"
            cache: True
            shell: "ran a; cp {input} {output}"

        rule b:
            input: "a.txt"
            output: storage.seqstore("seqstore://files/b.txt")
            shell: "ran b; cp {input} {output}"

        rule c:
            input: "a.txt", storage.seqstore("seqstore://files/b.txt")
            output: "out.txt"
            shell: "ran c; cat {input} > {output}"
        """
    )
    project.write("abc\n", "in.txt")
    assert project.run("--cache").computed == ["a", "b", "c"]
    assert len(list(cache.iterdir())) == 1
    assert project.run("--cache").did_nothing
    clone = project.clone()
    (clone.directory / "a.txt").unlink()
    assert clone.run("--cache").computed == ["c"]
    assert clone.read("out.txt") == "abc\nabc\n"
    assert clone.run("--cache").did_nothing


def test_a_report_in_a_clone(project):
    """Of jobs that ran elsewhere it says how long they took, as summaries do what they ran."""
    project.write(
        """
        rule all:
            input: "b.txt"

        rule a:
            output: report("a.txt")
            shell: "sleep 0.5; echo a > {output}"

        rule b:
            input: "a.txt"
            output: report("b.txt")
            shell: "cat {input} > {output}"
        """
    )
    project.run(*IN_STORE)
    project.made = ("a.txt", "b.txt")
    clone = project.clone()
    assert clone.run(*IN_STORE).did_nothing
    assert "Missing metadata" not in clone.run(*IN_STORE, "--report", "report.html").printed
    times = re.findall(r'"runtime":\s*([0-9.]+)', clone.read("report.html"))
    assert len(times) == 2 and max(map(float, times)) >= 0.5
    rows = [line.split("\t") for line in clone.run(*IN_STORE, "-D").printed.splitlines()]
    commands = {row[0]: row[5] for row in rows if len(row) > 5}
    assert commands["b.txt"] == "cat a.txt > b.txt"
    assert clone.run(*IN_STORE).did_nothing


def test_a_trusted_io_cache(chain):
    """Written by a dry run, for the next run of the same workflow."""
    for settings, computed in (((), "abc"), (NEW, "bc"), ((), "c")):
        chain.run("--dry-run", *settings)
        assert chain.run("--trust-io-cache", *settings).computed == list(computed)
        assert chain.read("out.txt") == ("CBA\n4\n" if settings else "CBA\n3\n")
        assert chain.run(*settings).did_nothing


def test_another_backend_of_metadata(chain):
    help_text = chain.run("--help").printed
    if "--persistence-backend" not in help_text:
        pytest.skip("this Snakemake has none")
    backend = ("--persistence-backend", "db")
    for number, computed in ((3, "abc"), (4, "bc"), (3, "c")):
        assert chain.run(*backend, "--config", f"num={number}").computed == list(computed)
        assert chain.read("out.txt") == f"CBA\n{number}\n"
        assert chain.run(*backend, "--config", f"num={number}").did_nothing


def test_an_edited_rule_is_followed_and_found_again(chain):
    chain.run()
    chain.write(CHAIN.replace("rev {input}", "cat {input}"))
    assert chain.run().computed == ["b", "c"]
    assert chain.read("out.txt") == "ABC\n3\n"
    chain.write(CHAIN)
    assert chain.run().computed == ["c"]
    assert chain.read("out.txt") == "CBA\n3\n"
    assert chain.run().did_nothing
