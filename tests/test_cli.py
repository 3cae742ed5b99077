"""The command line, as a user calls it."""

import os
import subprocess
import sys

import pytest

from snakemake_storage_plugin_seqstore import SequenceStore, Store


@pytest.fixture
def seqstore(tmp_path):
    """Run the command; return what it printed."""

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
