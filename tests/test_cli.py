"""The command line, as a user calls it."""

import errno
import grp
import gzip
import json
import os
import subprocess
import sys
import uuid

import pytest
from click.testing import CliRunner

from snakemake_storage_plugin_seqstore import SequenceStore, Store, cli_workflow
from snakemake_storage_plugin_seqstore.store import filesystem, marker


@pytest.fixture
def seqstore(tmp_path):
    """Run the command on a store; return what it printed."""
    marker.create(tmp_path / "store", False)

    def run(*arguments, fails=False, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "snakemake_storage_plugin_seqstore", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "SNAKEMAKE_STORAGE_SEQSTORE_ROOT": str(tmp_path / "store")}
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    return run


@pytest.fixture
def database(tmp_path):
    (tmp_path / "p.fasta").write_text(">a one\nMKV\n>b two\nMKVLA\n")
    SequenceStore.build(tmp_path / "p.sqlite", [tmp_path / "p.fasta"])
    return tmp_path / "p.sqlite"


def test_put_ls_get(seqstore, tmp_path, database):
    printed = seqstore("put", database, "sequences/p.sqlite")
    digest = printed.partition("sha256=")[2].strip()
    seqstore("put", tmp_path / "p.fasta", "seqstore://files/in/p.fasta")
    assert seqstore("ls").split() == [
        "seqstore://sequences/p.sqlite",
        "seqstore://files/in/p.fasta",
    ]
    assert seqstore("ls", "files/in/").split() == ["seqstore://files/in/p.fasta"]
    assert "starts with" in seqstore("ls", "files/other", fails=True)
    assert "starts with" in seqstore("ls", "../../etc", fails=True)
    fields = seqstore("ls", "-l", "seqstore://sequences/").strip().split("\t")
    assert fields[1:] == [
        str(database.stat().st_size),
        digest,
        "-",
        "seqstore://sequences/p.sqlite",
    ]
    seqstore("get", f"sequences/p.sqlite?sha256={digest}", "copy.sqlite")
    assert (tmp_path / "copy.sqlite").read_bytes() == database.read_bytes()
    seqstore("get", "sequences/p.sqlite?length=4-", "long.fasta")
    assert (tmp_path / "long.fasta").read_text() == ">b two\nMKVLA\n"
    assert "exists" in seqstore("get", "sequences/p.sqlite", "copy.sqlite", fails=True)


def test_rm_history_gc(seqstore, tmp_path):
    for text in ("1", "22"):
        (tmp_path / "x").write_text(text)
        seqstore("put", "x", "files/x")
    seqstore("rm", "files/x")
    lines = [line.split("\t")[1] for line in seqstore("history", "files/x").splitlines()]
    assert lines[0] == "removed"
    assert [len(line) for line in lines[1:]] == [64, 64]
    assert "not an entry" in seqstore("rm", "files/x", fails=True)
    assert "not in the store" in seqstore("get", "files/x", "y", fails=True)
    assert seqstore("ls") == ""
    store = Store(tmp_path / "store")
    old = 1_000_000_000
    for stamp in store.history("files", "x"):
        name = f"{int(stamp.path.name.partition('-')[0]) - 60 * 86400 * 10**9:020d}"
        os.utime(stamp.path, (old, old))
        stamp.path.rename(stamp.path.with_name(name + stamp.path.name[20:]))
    for digest, _ in store.objects:
        os.utime(store.objects.path(digest), (old, old))
    planned = seqstore("gc", "--older-than", "30d", "-n").splitlines()
    assert planned[-1].startswith("would remove 2 payloads, 2 old")
    kinds = [line.split("\t")[0] for line in planned[1:-1]]
    assert kinds == ["payload"] * 2 + ["old version"] * 2
    assert all((tmp_path / "store" / line.split("\t")[1]).exists() for line in planned[1:-1])
    assert seqstore("gc").splitlines()[-1].startswith("removed 2 payloads, 2 old versions")
    assert "0\t0 payloads\tstored" in seqstore("du").splitlines()


def test_verify(seqstore, tmp_path):
    (tmp_path / "x").write_text("x")
    digest = seqstore("put", "x", "files/x").partition("sha256=")[2].strip()
    assert seqstore("verify").startswith("verified 1 payloads")
    payload = Store(tmp_path / "store").objects.path(digest)
    payload.chmod(0o644)
    payload.write_text("y")
    assert digest in seqstore("verify", fails=True)
    assert "damaged" not in seqstore("verify")
    seqstore("put", "x", "files/x")
    seqstore("get", "files/x", "back")
    assert (tmp_path / "back").read_text() == "x"


def test_init(seqstore, tmp_path):
    seqstore("--root", tmp_path / "lab", "init", "--shared")
    assert (tmp_path / "lab").stat().st_mode & 0o7777 == 0o2775
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "x").touch()
    assert "not a store" in seqstore("--root", tmp_path / "home", "init", fails=True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("put", "p.fasta", "sequences/p.sqlite"), "SQLite"),
        (("put", "p.fasta", "sequences/p.sqlite?gids=1"), "is a view"),
        (("put", "p.fasta", "files/../x"), "'..'"),
        (("put", "p.fasta", "files/{x}"), "has wildcards"),
        (("put", "missing", "files/x"), "missing"),
        (("gc", "--older-than", "soon"), "30d"),
        (("gc", "--older-than", "3y"), "30d"),
        (("get", "s3://x/y", "z"), "seqstore://"),
    ],
)
def test_errors_are_for_people(seqstore, database, arguments, reason):
    assert reason in " ".join(seqstore(*arguments, fails=True).split())


def invoke(root, *words):
    """Run the command in this process, where it is to fail; return what it printed."""
    done = CliRunner().invoke(cli_workflow.main, ["--root", str(root), *map(str, words)])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    return done.output


def test_what_does_not_exist_is_exit_code_1(tmp_path):
    (tmp_path / "x").write_text("x")
    Store(tmp_path / "store").publish("files", "x", tmp_path / "x")
    for words in (
        ("get", "files/nosuch", tmp_path / "y"),
        ("get", "files/x?sha256=" + "0" * 64, tmp_path / "y"),
        ("history", "files/nosuch"),
        ("show", "files/nosuch"),
        ("rm", "files/nosuch"),
        ("ls", "files/nosuch"),
    ):
        assert invoke(tmp_path / "store", *words).count("\n") == 1
    assert "is not in the store" in invoke(tmp_path / "store", "show", "files/nosuch")
    assert "not made by a rule" in invoke(tmp_path / "store", "show", "files/x")
    printed = invoke(tmp_path / "store", "get", "files/x", tmp_path / "nosuch/y")
    assert f"there is no directory {tmp_path}/nosuch" in printed
    (tmp_path / "link").symlink_to("nowhere")
    assert "exists" in invoke(tmp_path / "store", "get", "files/x", tmp_path / "link")


COMMANDS = [
    ("put", __file__, "files/x"),
    ("compute", "transform.log", __file__),
    ("ls",),
    ("ls", "-l", "files/"),
    ("get", "files/x", "y"),
    ("history", "files/x"),
    ("show", "files/x"),
    ("undeclared",),
    ("rm", "files/x"),
    ("projects",),
    ("forget", "p"),
    ("du",),
    ("verify",),
    ("nondeterministic",),
    ("gc",),
    ("gc", "-n"),
]


def test_each_command_that_needs_a_store_is_among_them():
    makes_or_needs_none = {"init", "operations", "why"}
    assert {
        words[0] for words in COMMANDS
    } == cli_workflow.main.commands.keys() - makes_or_needs_none


@pytest.mark.parametrize("root", ["missing", "foreign", "file"])
def test_a_root_that_is_no_store(tmp_path, root):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    for words in COMMANDS:
        printed = invoke(tmp_path / root, *words)
        state = "does not exist" if root == "missing" else "is no store"
        assert f"{tmp_path / root} {state}" in printed
    assert not (tmp_path / "missing").exists()
    assert os.listdir(tmp_path / "foreign") == ["thesis.tex"]


def test_rm_removes_all_or_nothing(seqstore, tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
        seqstore("put", name, f"files/{name}")
    assert "files/nosuch" in seqstore("rm", "files/a", "files/nosuch", "files/b", fails=True)
    assert len(seqstore("ls").split()) == 2
    seqstore("rm", "files/a", "files/b", "files/a")
    assert seqstore("ls") == ""


def test_projects_are_forgotten_all_or_none(seqstore, tmp_path):
    (tmp_path / "x").write_text("x")
    seqstore("put", "x", "files/x")
    assert seqstore("projects") == ""
    store = Store(tmp_path / "store")
    version = store.find("files", "x").version
    store.assign("files", "y", version, project="one-1")
    store.use("two-2", {("files", "x"): version, ("files", "y"): version})
    lines = [line.split("\t") for line in seqstore("projects").splitlines()]
    assert [line[1:] for line in lines] == [["1", "one-1"], ["2", "two-2"]]
    assert "two-2" in seqstore("ls", "-l", "files/x")
    assert "no project 'three'" in seqstore("forget", "two-2", "three", fails=True)
    assert len(seqstore("projects").splitlines()) == 2
    seqstore("forget", "two-2", "one-1")
    assert seqstore("projects") == ""
    assert seqstore("ls") == "seqstore://files/x\n"


def test_a_closed_pipe_is_no_error(seqstore, tmp_path):
    (tmp_path / "x").write_text("x")
    seqstore("put", "x", "files/x")
    store = Store(tmp_path / "store")
    path = store.history("files", "x")[0].path
    for number in range(3000):
        folder = store.names.directory / "files" / ("n" * 200) / str(number) / "@"
        folder.mkdir(parents=True)
        os.link(path, folder / path.name)
    command = f"{sys.executable} -m snakemake_storage_plugin_seqstore --root store ls | head -1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.parametrize("kind", ["pipe", "device", "directory with a pipe"])
def test_what_is_neither_file_nor_directory_is_refused(seqstore, tmp_path, kind):
    if kind == "device":
        source = "/dev/zero"
    else:
        (tmp_path / "d").mkdir()
        os.mkfifo(tmp_path / "d" / "pipe")
        source = tmp_path / "d" / ("pipe" if kind == "pipe" else "")
    assert "neither a file" in seqstore("put", source, "files/x", fails=True)


def test_an_unfinished_put_is_seen_and_goes(seqstore, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(b"x" * 1_000_000)
    program = """
import os, signal, sys
from pathlib import Path
from snakemake_storage_plugin_seqstore.store import Store, filesystem
filesystem.clone = lambda reader, writer: False
filesystem.share = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Store("store").publish("files", "big", Path("big"))
"""
    (tmp_path / "x").write_text("x")
    seqstore("put", "x", "files/x")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path)
    assert done.returncode < 0
    assert "1000000\t1 files\tunfinished" in seqstore("du").splitlines()
    # This process is not gone.
    (tmp_path / "store/tmp" / filesystem.temporary_name()).write_text("of this process")
    assert "unfinished\ttmp/" in seqstore("gc", "--older-than", "0s", "-n")
    printed = seqstore("gc", "--older-than", "0s").splitlines()[-1]
    assert "and 1 unfinished files: 1000000 bytes" in printed
    assert "15\t1 files\tunfinished" in seqstore("du").splitlines()


def test_a_full_disk_does_not_keep_a_name(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    (tmp_path / "x").write_text("x")
    store.publish("files", "x", tmp_path / "x")

    class Full:
        def __init__(self, *_):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(filesystem, "Unfinished", Full)
    assert store.remove("files", "x")
    assert store.find("files", "x") is None
    assert not store.remove("files", "x")
    assert [stamp.digest for stamp in store.history("files", "x")] == [None]


def test_sharing_names_the_group(seqstore, tmp_path):
    printed = seqstore("init", "--shared")
    group = grp.getgrgid((tmp_path / "store").stat().st_gid).gr_name
    assert f"in the group {group} may add" in printed
    assert "chgrp" in printed


def test_json(seqstore, tmp_path):
    def rows(*words, fails=False):
        lines = seqstore(*words, "--json", fails=fails).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    (tmp_path / "x").write_text("x")
    (row,) = rows("put", "x", "files/x")
    assert row["query"] == "seqstore://files/x"
    digest = row["sha256"]
    assert rows("ls") == [{"query": "seqstore://files/x"}]
    (row,) = rows("ls", "-l")
    assert (row["size"], row["sha256"]) == (1, digest)
    assert [row["sha256"] for row in rows("history", "files/x")] == [digest]
    assert {"bytes": 1, "count": 1, "what": "stored"} in rows("du")
    assert rows("gc", "-n") == [{"payloads": 0, "versions": 0, "unfinished": 0, "bytes": 0}]
    assert rows("nondeterministic") == rows("verify") == []
    path = Store(tmp_path / "store").objects.path(digest)
    path.chmod(0o644)
    path.write_text("y")
    (row,) = rows("verify", fails=True)
    assert row["sha256"] == digest
    seqstore("rm", "files/x")
    assert [row["sha256"] for row in rows("history", "files/x")] == [None, digest]


def test_show_says_what_is_in_tracks_and_genomes(seqstore, tmp_path):
    (tmp_path / "x.bedGraph").write_text("chr1\t0\t10\t3\nchr1\t10\t20\t7\n")
    (tmp_path / "g.fa").write_text(">chr1\nACGN\n")
    (tmp_path / "g.fa.fai").write_text("chr1\t4\t6\t4\t5\n")
    for file, query in (
        ("x.bedGraph", "tracks/x.bedGraph"),
        ("g.fa", "genomes/g.fa"),
        ("g.fa.fai", "genomes/g.fa.fai"),
        ("g.fa", "files/g.fa"),
    ):
        seqstore("put", file, query)
    lines = seqstore("show", "tracks/x.bedGraph").splitlines()
    assert {"summary  kind: signal", "summary  covered: 20", "summary  mean: 5.0"} <= set(lines)
    records = len(list(Store(tmp_path / "store").records))
    found = json.loads(seqstore("show", "--json", "tracks/x.bedGraph"))["summary"]
    assert (found["chromosomes"], found["intervals"], found["max"]) == (1, 2, 7)
    assert len(list(Store(tmp_path / "store").records)) == records == 1  # it is kept
    assert "summary  GC: 0.666667" in seqstore("show", "genomes/g.fa")
    for query in ("genomes/g.fa.fai", "files/g.fa"):
        assert "no record says how" in seqstore("show", query, fails=True)


def test_a_track_is_checked_against_its_genome(seqstore, tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGT\n")
    (tmp_path / "good.bed").write_text("chr1\t0\t8\n")
    (tmp_path / "past.bed").write_text("chr1\t0\t9\n")
    (tmp_path / "name.bed").write_text("1\t0\t8\n")
    seqstore("put", "g.fa", "genomes/g.fa")
    for genome in ("g.fa", "genomes/g.fa", "seqstore://genomes/g.fa"):
        seqstore("put", "--genome", genome, "good.bed", "tracks/good.bed")
        past = seqstore("put", "--genome", genome, "past.bed", "tracks/past.bed", fails=True)
        assert "line 1: the end is past the chromosome, which has 8 bp" in past
        name = seqstore("put", "--genome", genome, "name.bed", "tracks/name.bed", fails=True)
        assert "the genome has no chromosome '1'; it has chr1" in name
    wrong = seqstore("put", "--genome", "g.fa", "good.bed", "files/good.bed", fails=True)
    assert "is no track" in wrong
    assert seqstore("ls", "tracks") == "seqstore://tracks/good.bed\n"


@pytest.fixture
def depth(tmp_path):
    (tmp_path / "depth.bedGraph").write_text("chr1\t0\t4\t2\nchr1\t4\t8\t7\n")
    (tmp_path / "genome.fa").write_text(">chr1\nACGTGGGG\n")
    return tmp_path / "depth.bedGraph"


def test_compute(seqstore, tmp_path, depth):
    made = seqstore("compute", "transform.log", depth, "base=2", "pseudocount=1").strip()
    for source in ("tracks/depth.bedGraph", "seqstore://genomes/genome.fa", "files/depth"):
        seqstore("put", tmp_path / "genome.fa" if "genome" in source else depth, source)
    named = ("pseudocount=1", "tracks/depth.bedGraph", "--name", "tracks/log.bw")
    assert seqstore("compute", "transform.log", *named).split() == [
        made,
        "seqstore://tracks/log.bw",
    ]
    before = seqstore("history", "tracks/log.bw")
    assert json.loads(seqstore("compute", "transform.log", *named, "--json")) == {
        "id": made,
        "query": "seqstore://tracks/log.bw",
    }
    assert seqstore("history", "tracks/log.bw") == before
    seqstore("get", "tracks/log.bw?format=bedgraph", "log.bedGraph")
    lines = (tmp_path / "log.bedGraph").read_text().splitlines()
    values = [float(line.split()[3]) for line in lines]
    assert values == pytest.approx([1.5849625, 3])
    assert "transform.log" in seqstore("show", "tracks/log.bw")
    # Ids, several inputs, texts that are packed, inputs of other collections.
    ratio = (
        "compute",
        "combine",
        "method=ratio",
        made,
        depth,
        "--name",
        "tracks/ratio.bedGraph.gz",
    )
    seqstore(*ratio)
    seqstore("get", "tracks/ratio.bedGraph.gz", "ratio.gz")
    assert gzip.decompress((tmp_path / "ratio.gz").read_bytes()).startswith(b"chr1\t0\t4\t0.79")
    gc = seqstore("compute", "genome.gc", "genomes/genome.fa", "size=4")
    assert seqstore("compute", "genome.gc", "genome.fa", "size=4") == gc
    binary = ("compute", "transform.threshold", depth, "min=3", "binary=true")
    seqstore(*binary, "--name", "tracks/high.bedGraph")
    seqstore("get", "tracks/high.bedGraph", "high")
    assert (tmp_path / "high").read_text() == "chr1\t0\t4\t0\nchr1\t4\t8\t1\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            "transform.lg depth.bedGraph",
            "no operation 'transform.lg' (there are transform.",
        ),
        ("transform.log nothing.bw", "there is no file nothing.bw (inputs are queries such as"),
        ("transform.log tracks/x.bw", "seqstore://tracks/x.bw is not in the store"),
        ("transform.log tracks/x.bw?region=chr1", "is no entry of the store"),
        (f"transform.log {uuid.UUID(int=0)}", "there is no track or genome '00000000-"),
        ("transform.log depth.bedGraph bas=2", "has no parameter 'bas' (there are base, pseudoc"),
        ("transform.log depth.bedGraph base=x", "'base' must be a finite number, not 'x'"),
        ("transform.log depth.bedGraph depth.bedGraph", "takes track: 2 inputs are not right"),
        (
            "transform.log genomes/genome.fa",
            "must be signal or interval or table, not genome",
        ),
        ("transform.bin depth.bedGraph", "transform.bin needs the parameter 'size'"),
        ("transform.log depth.bedGraph base=2 --name files/x.bw", "cannot be the name of a track"),
        ("transform.scale depth.bedGraph --name tracks/x.bb", "is not written as bigbed"),
        ("transform.threshold depth.bedGraph binary=maybe", "must be a boolean, not 'maybe'"),
    ],
)
def test_what_cannot_be_computed(seqstore, tmp_path, depth, words, error):
    seqstore("put", "genome.fa", "genomes/genome.fa")
    assert error in seqstore("compute", *words.split(), fails=True)
    assert not list(Store(tmp_path / "store").under("tracks"))


def test_operations(seqstore):
    listed = [line.split("\t") for line in seqstore("operations").splitlines()]
    assert ["transform.log", "The logarithm of each value."] in listed
    schemas = [json.loads(line) for line in seqstore("operations", "--json").splitlines()]
    assert [schema["id"] for schema in schemas] == [line[0] for line in listed]
    about = seqstore("operations", "combine")
    assert "param\tmethod\tmean|sum|min|max|diff|ratio|log2ratio\trequired\t" in about
    assert "param\tpseudocount\tnumber\tdefault 0\t" in about
    assert "input\tothers\tsignal, several\t" in about
    assert "there is no operation" in seqstore("operations", "x", fails=True)


def test_why_takes_the_root(seqstore, tmp_path):
    (tmp_path / "Snakefile").write_text(
        "import snakemake_storage_plugin_seqstore as seqstore\n"
        "seqstore.reuse(workflow)\n"
        "rule a:\n    output: storage.seqstore('seqstore://files/a')\n    shell: 'touch {output}'\n"
    )
    seqstore("--root", tmp_path / "other", "init")
    assert seqstore("--root", "other", "why").startswith(f"the store is {tmp_path / 'other'}.\n")
    assert seqstore("why").startswith(f"the store is {tmp_path / 'store'}.\n")
    assert f"{tmp_path}/nosuch does not exist" in seqstore("--root", "nosuch", "why", fails=True)


def test_undeclared_looks_into_the_store_of_the_workflow(seqstore, tmp_path, environment):
    (tmp_path / "Snakefile").write_text(
        "import snakemake_storage_plugin_seqstore as seqstore\n"
        "seqstore.reuse(workflow)\n"
        "rule a:\n    output: 'a.txt'\n    shell: 'cat side.txt > {output}'\n"
    )
    (tmp_path / "side.txt").touch()
    (tmp_path / "profiles/default").mkdir(parents=True)
    (tmp_path / "profiles/default/config.yaml").write_text(
        "default-storage-provider: seqstore\n"
        "default-storage-prefix: seqstore://files\n"
        f"storage-seqstore-root: {tmp_path}/own\n"
    )
    snakemake = [sys.executable, "-m", "snakemake", "-c1", "-q"]
    subprocess.run(snakemake, cwd=tmp_path, env=environment, check=True)
    expected = 'rule a:\n    input:\n        "side.txt",  # 1 job\n'
    assert seqstore("undeclared") == seqstore("--root", "own", "undeclared") == expected
    seqstore("--root", "other", "init")
    assert seqstore("--root", "other", "undeclared") == ""
    subprocess.run(snakemake, cwd=tmp_path, env=environment, check=True)
    assert seqstore("undeclared") == expected


def test_what_is_wrong_with_a_workflow_is_all_that_why_says(seqstore, tmp_path):
    printed = seqstore("why", fails=True)
    assert printed.startswith("Error: No Snakefile found") and printed.count("\n") == 1
    (tmp_path / "Snakefile").write_text("rule a:\n    input: 'nonsense'\n")
    printed = seqstore("why", fails=True)
    assert printed.startswith("Error: MissingInputException") and "nonsense" in printed
    (tmp_path / "Snakefile").write_text("rule a:\n    output: 'a'\n    shell: 'echo {nothing}'\n")
    printed = seqstore("why", fails=True)
    assert "nothing" in printed and "Host:" not in printed and "Building" not in printed
    (tmp_path / "Snakefile").write_text("rule a:\n    output: 'a'\n    shell: 'touch {output}'\n")
    printed = seqstore("why")
    assert printed.startswith("This run does not use seqstore.") and printed.count("seqstore") == 3
    assert "\nJob stats:" in printed and "output files have to be generated" in printed
