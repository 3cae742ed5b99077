"""Whole workflows, run by real Snakemake processes."""

import hashlib
import os
import shutil

import pytest

from snakemake_storage_plugin_seqstore import SequenceStore, Store

NOTHING = "Nothing to be done"

TWO_STEPS = """
    rule all:
        input: storage.seqstore("seqstore://files/b.txt")

    rule a:
        input: "in.txt"
        output: storage.seqstore("seqstore://files/a.txt")
        shell: "tr a-z A-Z < {input} > {output}"

    rule b:
        input: storage.seqstore("seqstore://files/a.txt")
        output: storage.seqstore("seqstore://files/b.txt")
        shell: "rev {input} > {output}"
    """


def test_outputs_are_stored_and_found(workflow):
    workflow.write(TWO_STEPS)
    (workflow.directory / "in.txt").write_text("abc\n")
    workflow.run()
    assert workflow.read("a.txt") == "ABC\n"
    assert workflow.read("b.txt") == "CBA\n"
    assert NOTHING in workflow.run()


def test_a_changed_input_is_followed(workflow):
    workflow.write(TWO_STEPS)
    for text in ("abc\n", "abd\n", "abc\n"):
        (workflow.directory / "in.txt").write_text(text)
        workflow.run()
        assert workflow.read("b.txt") == text.strip().upper()[::-1] + "\n"
        assert NOTHING in workflow.run()


def test_a_rerun_with_the_same_result_settles(workflow):
    workflow.write(TWO_STEPS)
    (workflow.directory / "in.txt").write_text("abc\n")
    workflow.run()
    os.utime(workflow.directory / "in.txt")
    (workflow.directory / "in.txt").write_text("abc\n")
    workflow.run("--rerun-triggers", "mtime")
    assert NOTHING in workflow.run("--rerun-triggers", "mtime")


@pytest.mark.parametrize("how", ["--forceall", "--delete-all-output", "--touch"])
def test_force_delete_and_touch(workflow, how):
    workflow.write(TWO_STEPS)
    (workflow.directory / "in.txt").write_text("abc\n")
    workflow.run()
    before = workflow.store.find("files", "b.txt")
    if how == "--touch":
        (workflow.directory / "in.txt").write_text("abd\n")
    workflow.run(how)
    after = workflow.store.find("files", "b.txt")
    if how == "--delete-all-output":
        assert after is None
        workflow.run()
        assert workflow.read("b.txt") == "CBA\n"
    else:
        assert after.version == before.version
        assert after.time > before.time
    assert NOTHING in workflow.run()


def test_looking_writes_nothing(workflow):
    workflow.write(TWO_STEPS)
    (workflow.directory / "in.txt").write_text("abc\n")
    for look in ("--dry-run", "--summary", "--list-changes=code", "--dag"):
        workflow.run(look)
    assert not workflow.store.root.exists()
    workflow.run()
    content = sorted(map(str, workflow.store.root.rglob("*")))
    for look in ("--dry-run", "--summary", "--list-changes=code", "--dag"):
        workflow.run(look)
    assert sorted(map(str, workflow.store.root.rglob("*"))) == content


def test_a_failed_job_stores_nothing(workflow):
    workflow.write(
        """
        rule:
            output: storage.seqstore("seqstore://files/half.txt")
            shell: "echo half > {output}; exit 1"
        """
    )
    workflow.run(fails=True)
    assert workflow.store.find("files", "half.txt") is None


@pytest.mark.parametrize("where", ["cli", "environment", "snakefile", "default"])
def test_the_root_reaches_every_process(workflow, environment, where):
    """Scripts and run blocks are run by Snakemake processes of their own."""
    directory = ""
    if where == "snakefile":
        directory = f'storage: provider="seqstore", root="{workflow.store.root}"'
    if where == "environment":
        environment["SNAKEMAKE_STORAGE_SEQSTORE_ROOT"] = str(workflow.store.root)
    if where == "default":
        workflow.store = Store(workflow.directory / "below" / ".seqstore")
        directory = 'workdir: "below"'
    workflow.write(
        f"""
        {directory}
        rule all:
            input: storage.seqstore("seqstore://files/script.txt")

        rule run_block:
            output: storage.seqstore("seqstore://files/run.txt")
            run:
                with open(output[0], "w") as file:
                    file.write("run")

        rule script:
            input: storage.seqstore("seqstore://files/run.txt")
            output: storage.seqstore("seqstore://files/script.txt")
            script: "write.py"
        """
    )
    (workflow.directory / "write.py").write_text(
        "open(snakemake.output[0], 'w').write(open(snakemake.input[0]).read() + ' script')"
    )
    workflow.run(root=where == "cli")
    assert workflow.read("script.txt") == "run script"
    assert NOTHING in workflow.run(root=where == "cli")


def test_several_stores(workflow, tmp_path):
    lab, mine = Store(tmp_path / "lab"), Store(tmp_path / "mine")
    workflow.write(
        f"""
        storage lab: provider="seqstore", root="{lab.root}"
        storage mine: provider="seqstore", root="{mine.root}", materialize="copy"

        rule:
            input: storage.lab("seqstore://files/a.txt")
            output: storage.mine("seqstore://files/a.txt")
            shell: "cat {{input}} {{input}} > {{output}}"
        """
    )
    (tmp_path / "a.txt").write_text("a")
    lab.publish("files", "a.txt", tmp_path / "a.txt")
    workflow.run(root=False)
    assert lab.find("files", "a.txt").version.size == 1
    assert mine.find("files", "a.txt").version.size == 2


def test_tagged_roots_on_the_command_line_are_refused_where_they_would_be_lost(workflow, tmp_path):
    """Snakemake hands them to job processes as `tag:root`, which would be another store."""
    workflow.write(
        """
        storage lab: provider="seqstore"

        rule:
            output: storage.lab("seqstore://files/a.txt")
            run:
                open(output[0], "w").close()
        """
    )
    root = f"lab::{tmp_path / 'lab'}"
    printed = workflow.run("--storage-seqstore-root", root, root=False, fails=True)
    assert "Give each root in the Snakefile" in printed
    assert sorted(path.name for path in workflow.directory.iterdir()) == [".snakemake", "Snakefile"]


def test_globbing_lists_the_store(workflow, tmp_path):
    (tmp_path / "x").write_text("x")
    for name in ("s1.bw", "s2.bw", "sub/s3.bw", "s4.bam"):
        workflow.store.publish("tracks", name, tmp_path / "x")
    workflow.write(
        """
        samples, = glob_wildcards(storage.seqstore("seqstore://tracks/{sample,[^/]+}.bw"))
        print("samples:", *sorted(samples))

        rule:
            input: storage.seqstore(expand("seqstore://tracks/{s}.bw", s=samples))
            output: "out.txt"
            shell: "cat {input} > {output}"
        """
    )
    assert "samples: s1 s2\n" in workflow.run()
    assert (workflow.directory / "out.txt").read_text() == "xx"


def test_wildcards_in_names_and_views(workflow, database):
    workflow.store.publish("sequences", "proteins.sqlite", database)
    workflow.write(
        """
        LENGTHS = ["1-9", "10-20", "20-"]

        rule all:
            input: storage.seqstore([f"seqstore://files/proteins/{n}.fasta" for n in LENGTHS])

        rule:
            input: storage.seqstore("seqstore://sequences/{db}.sqlite?length={length}")
            output: storage.seqstore("seqstore://files/{db}/{length}.fasta")
            shell: "cat {input} > {output}"
        """
    )
    workflow.run()
    assert workflow.read("proteins/1-9.fasta") == ">sp|P1|ONE first protein\nMKVLA\n"
    assert workflow.read("proteins/10-20.fasta").startswith(">sp|P2|TWO")
    assert workflow.read("proteins/20-.fasta").startswith(">tr|Q3|THREE")
    assert NOTHING in workflow.run()


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("gids=2,0", [">sp|P1|ONE", ">tr|Q3|THREE"]),
        ("name=sp%7C*", [">sp|P1|ONE", ">sp|P2|TWO"]),
        ("header=*second+protein", [">sp|P2|TWO"]),
        ("length=15", [">sp|P2|TWO"]),
        ("name=none*", []),
    ],
)
def test_every_kind_of_view_passes_a_shell(workflow, database, view, expected):
    workflow.store.publish("sequences", "p.sqlite", database)
    workflow.write(
        f"""
        rule:
            input: storage.seqstore("seqstore://sequences/p.sqlite?{view}")
            output: "out.txt"
            shell: "cut -d' ' -f1 {{input}} | grep '^>' > {{output}} || true"
        """
    )
    workflow.run()
    assert (workflow.directory / "out.txt").read_text().split() == expected


def test_a_database_is_validated_before_it_is_published(workflow, database, fasta):
    workflow.write(
        """
        rule:
            output: storage.seqstore("seqstore://sequences/p.sqlite")
            shell: "cp {config[source]} {output}"
        """
    )
    printed = workflow.run("--config", f"source={fasta}", fails=True)
    assert "p.sqlite" in printed
    assert "SQLite" in printed
    assert workflow.store.find("sequences", "p.sqlite") is None
    workflow.run("--config", f"source={database}")
    entry = workflow.store.find("sequences", "p.sqlite")
    with SequenceStore.open_reader(workflow.store.objects.path(entry.version.digest)) as reader:
        assert len(reader) == 3


DEFAULT = ("--default-storage-provider", "seqstore", "--default-storage-prefix", "seqstore://files")


def test_as_default_provider_everything_may_live_in_the_store(workflow):
    workflow.write(
        """
        rule all:
            input: "done.txt"

        rule make_directory:
            input: local("in.txt")
            output: directory("results/parts")
            log: "logs/make.log"
            benchmark: "benchmarks/make.tsv"
            shell:
                "mkdir -p {output}/sub; cp {input} {output}/sub/a; touch {output}/b; "
                "echo made > {log}"

        rule intermediate:
            input: "results/parts"
            output: temp("results/intermediate.txt")
            shell: "find {input} -type f -name '[ab]' | sort | xargs -n1 basename > {output}"

        rule keep:
            input: "results/intermediate.txt"
            output: protected("results/kept.txt")
            shell: "cp {input} {output}"

        rule checked:
            input: "results/kept.txt"
            output: ensure("done.txt", non_empty=True, sha256=config["sum"])
            shell: "cp {input} {output}"
        """
    )
    (workflow.directory / "in.txt").write_text("in")
    digest = hashlib.sha256(b"b\na\n").hexdigest()
    printed = workflow.run(*DEFAULT, "--config", f"sum={'0' * 64}", fails=True)
    assert "checksums that differ" in printed
    assert workflow.store.find("files", "done.txt") is None
    workflow.run(*DEFAULT, "--config", f"sum={digest}")
    assert workflow.read("done.txt") == "b\na\n"
    assert workflow.read("results/kept.txt") == "b\na\n"
    assert workflow.read("logs/make.log") == "made\n"
    assert workflow.store.find("files", "benchmarks/make.tsv")
    assert workflow.store.find("files", "results/parts").version.kind == "tree"
    assert workflow.store.find("files", "results/intermediate.txt") is None
    assert not (workflow.directory / "results").exists()
    assert NOTHING in workflow.run(*DEFAULT, "--config", f"sum={digest}")


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_ensure_is_checked_before_anything_is_stored(workflow, algorithm):
    workflow.write(
        f"""
        rule:
            output: ensure(storage.seqstore("seqstore://files/a.txt"), {algorithm}=config["sum"])
            shell: "printf a > {{output}}"
        """
    )
    workflow.run("--config", "sum=0123", fails=True)
    assert workflow.store.find("files", "a.txt") is None
    workflow.run("--config", f"sum={hashlib.new(algorithm, b'a').hexdigest()}")
    assert workflow.read("a.txt") == "a"


def test_an_executable_stays_one(workflow):
    workflow.write(
        """
        rule all:
            input: storage.seqstore("seqstore://files/out.txt")
        rule tool:
            output: storage.seqstore("seqstore://files/tool")
            shell: "printf '#!/bin/sh\\necho ran' > {output}; chmod +x {output}"
        rule use:
            input: storage.seqstore("seqstore://files/tool")
            output: storage.seqstore("seqstore://files/out.txt")
            shell: "{input} > {output}"
        """
    )
    workflow.run()
    shutil.rmtree(workflow.directory / ".snakemake")
    workflow.store.remove("files", "out.txt")
    workflow.run()
    assert workflow.read("out.txt") == "ran\n"


def test_a_damaged_entry_is_made_again(workflow):
    workflow.write(TWO_STEPS)
    (workflow.directory / "in.txt").write_text("abc\n")
    workflow.run()
    entry = workflow.store.find("files", "b.txt")
    workflow.store.objects.path(entry.version.digest).unlink()
    printed = workflow.run()
    assert "counts as missing" in printed
    assert workflow.read("b.txt") == "CBA\n"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("seqstore://files/../x", "'..'"),
        ("seqstore://reads/x", "unknown collection"),
        ("seqstore://sequences/p.sqlite?lenght=3", "unknown key 'lenght'"),
    ],
)
def test_a_bad_query_is_explained(workflow, query, reason):
    workflow.write(
        f'rule:\n    input: storage.seqstore("{query}")\n    output: "x"\n    shell: "true"'
    )
    printed = workflow.run(fails=True)
    assert query in printed
    assert reason in printed


def test_a_missing_input_is_named(workflow):
    workflow.write(
        """
        rule:
            input: storage.seqstore("seqstore://files/nobody/made.txt")
            output: "x"
            shell: "true"
        """
    )
    assert "nobody/made.txt" in workflow.run(fails=True)


def test_a_foreign_root_is_refused(workflow, tmp_path):
    workflow.write(TWO_STEPS)
    (workflow.directory / "in.txt").write_text("abc\n")
    workflow.store = Store(tmp_path)
    (tmp_path / "thesis.tex").touch()
    assert "is not a store, and not empty" in workflow.run(fails=True)


def test_keeping_local_copies(workflow):
    workflow.write(TWO_STEPS)
    (workflow.directory / "in.txt").write_text("abc\n")
    workflow.run("--keep-storage-local-copies")
    copy = workflow.directory / ".snakemake/storage/seqstore/files/b.txt"
    assert copy.read_text() == "CBA\n"
    (workflow.directory / "in.txt").write_text("abd\n")
    workflow.run("--keep-storage-local-copies")
    assert copy.read_text() == "DBA\n"
