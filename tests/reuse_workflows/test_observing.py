"""Each observation belongs to its job, whatever kinds of jobs run at the same time."""

import re

import pytest

from snakemake_storage_plugin_seqstore.observe import probe
from tests.reuse_workflows.conftest import IN_STORE

pytestmark = pytest.mark.skipif(not probe().available, reason=probe().reason)

# Each job reads a file of its own that it does not declare.
KINDS = """
    import subprocess

    LONG = "#" * 70_000

    rule all:
        input: expand("out/{kind}.{n}.txt", kind=KINDS, n=range(2))

    rule shell:
        output: "out/shell.{n}.txt"
        shell: "sleep 0.{wildcards.n}; cat side/shell.{wildcards.n} > {output}"

    rule background:
        output: "out/background.{n}.txt"
        shell: "(sleep 3; cat side/late) & cat side/background.{wildcards.n} > {output}"

    rule child:
        output: "out/child.{n}.txt"
        shell: "bash -c 'sh -c \\"cat side/child.{wildcards.n}\\"' > {output}"

    rule long:
        output: "out/long.{n}.txt"
        params: long=LONG
        shell: "cat side/long.{wildcards.n} > {output}\\n{params.long}"

    rule benchmarked:
        output: "out/benchmarked.{n}.txt"
        benchmark: "bench/{n}.tsv"
        shell: "sleep 0.2; cat side/benchmarked.{wildcards.n} > {output}"

    rule block:
        output: "out/block.{n}.txt"
        run:
            text = open(f"side/block.{wildcards.n}").read()
            open(output[0], "w").write(text)

    rule block_of_commands:
        output: "out/block_of_commands.{n}.txt"
        run:
            shell("cat side/block_of_commands.{wildcards.n} > {output}")
            subprocess.run(["cat", f"side/more.{wildcards.n}"], check=True)

    rule script:
        output: "out/script.{n}.txt"
        script: "script.py"

    rule shadowed:
        output: "out/shadowed.{n}.txt"
        shadow: "shallow"
        shell: "cat side/shadowed.{wildcards.n} > {output}"

    rule grouped:
        output: "out/grouped.{n}.txt"
        group: "g"
        shell: "cat side/grouped.{wildcards.n} > {output}"

    rule retried:
        output: "out/retried.{n}.txt"
        retries: 1
        shell:
            "mkdir retry.{wildcards.n} || cat side/retried.{wildcards.n} > {output}; "
            "test -s {output}"
"""
NAMES = re.findall(r"rule (\w+):", KINDS)[1:]
SCRIPT = (
    'open(snakemake.output[0], "w").write(open(f"side/script.{snakemake.wildcards.n}").read())\n'
)


def test_jobs_of_all_kinds_at_the_same_time(project):
    project.write(KINDS.replace("kind=KINDS", f"kind={NAMES!r}"))
    project.write(SCRIPT, "script.py")
    for kind in [*NAMES, "more"]:
        for n in range(2):
            project.write(f"{kind} {n}\n", f"side/{kind}.{n}")
    project.write("late\n", "side/late")
    project.run(*IN_STORE, "--cores=8")
    seen = {}
    for key in project.store.records:
        (record,) = project.store.find_records(key)
        assert record.is_observed, record.rule
        output = record.about["outputs"][0]
        seen[output] = {
            place.partition("side/")[2] for place in record.reads.files if "side/" in place
        }
    expected = {f"out/{kind}.{n}.txt": {f"{kind}.{n}"} for kind in NAMES for n in range(2)}
    for n in range(2):
        expected[f"out/block_of_commands.{n}.txt"].add(f"more.{n}")
    assert seen == expected


def test_jobs_that_run_at_once_may_write_to_one_log(project):
    """What a job wrote may change before it is recorded: that takes long for a large output."""
    project.write(
        """
        rule all:
            input: storage.seqstore(["seqstore://files/large.txt", "seqstore://files/busy.txt"])

        rule large:
            output: storage.seqstore("seqstore://files/large.txt")
            shell: "ran large; echo large >> run.log; head -c 60000000 /dev/zero > {output}"

        rule busy:
            output: storage.seqstore("seqstore://files/busy.txt")
            shell:
                "ran busy; for i in $(seq 300); do echo busy >> run.log; sleep 0.01; done;"
                " echo busy > {output}"
        """
    )
    done = project.run()
    assert done.computed == ["busy", "large"]
    assert [line for line in done.messages if "changed" in line] == []
    assert project.run().did_nothing
    assert project.clone().run().did_nothing


def test_what_jobs_without_a_record_leave_does_not_count_in_a_listing(project):
    """Neither does a folder that has only that and what others left; one of the user's does."""
    project.write(
        """
        rule all:
            input: "names.txt"

        rule recorded:
            output: "p.txt"
            shell: "ran p; mkdir -p logs; echo 1 | tee logs/p.log data/p.log > {output}"

        rule rejected:
            output: "q.txt"
            shell:
                "ran q; cat data/side.txt > {output}; echo more >> data/side.txt; mkdir -p logs;"
                " echo 1 | tee logs/q.log data/q.log; ln -s ../data/source.txt logs/q.source"

        rule names:
            input: "p.txt", "q.txt"
            output: "names.txt"
            shell: "ran names; ls . > {output}"
        """
    )
    project.write("1\n", "data/side.txt")
    project.write("1\n", "data/source.txt")
    done = project.run(*IN_STORE)
    assert done.computed == ["names", "p", "q"]
    assert "what rule rejected made is not reused elsewhere" in done.printed
    assert project.run(*IN_STORE).did_nothing
    project.write("2\n", "more/source.txt")
    assert project.run(*IN_STORE).computed == ["names"]


def test_what_a_job_that_still_runs_has_made_does_not_count_in_a_listing(project):
    """Neither does a link to what is older."""
    project.write("1\n", "data/source.txt")
    project.write(
        """
        rule all:
            input: "names.txt", "slow.txt"

        rule slow:
            output: "slow.txt"
            shell: "ran slow; ln -s data/source.txt link; echo 1 > made; sleep 5; echo 1 > {output}"

        rule names:
            output: "names.txt"
            shell: "ran names; sleep 2; ls . > {output}"
        """
    )
    project.made = ("names.txt", "slow.txt", "link", "made")
    assert project.run(*IN_STORE).computed == ["names", "slow"]
    assert project.run(*IN_STORE).did_nothing
    clone = project.clone()
    done = clone.run(*IN_STORE)
    assert done.did_nothing, done.printed
