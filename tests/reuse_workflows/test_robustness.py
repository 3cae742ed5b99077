"""Stores that cannot be written, are damaged, or are used by several at the same time."""

import os
import shutil
import subprocess

import pytest

from tests.reuse_workflows.conftest import AS_USER, CHAIN, IN_STORE

pytestmark = pytest.mark.slow

OTHERS = 65534
NEW = ("--config", "num=4")


def give_away(store):
    """Let the store belong to somebody else."""
    for path in (store.root, *store.root.rglob("*")):
        mode = path.stat().st_mode
        os.chown(path, OTHERS, OTHERS)
        path.chmod(mode)


@pytest.fixture
def user(chain):
    """The chain, run by somebody who is not root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give the store to somebody else")
    if subprocess.run([*AS_USER, "true"], capture_output=True).returncode:
        pytest.skip("needs user namespaces")
    chain.prefix = AS_USER
    return chain


def test_a_store_that_one_may_only_read(user):
    user.run()
    give_away(user.store)
    before = user.listing()
    clone = user.clone()
    clone.prefix = AS_USER
    assert clone.run().computed == ["c"]
    done = clone.run(*NEW)
    assert done.computed == ["b", "c"]
    assert clone.read("out.txt") == "CBA\n4\n"
    said = [line for line in done.printed.splitlines() if "Permission denied" in line]
    assert len(said) == 1, done.printed
    assert "nobody else can reuse them" in said[0]
    assert clone.run(*NEW).did_nothing
    assert clone.run().computed == ["c"]
    assert clone.run(*NEW).computed == ["c"]
    assert clone.read("out.txt") == "CBA\n4\n"
    assert user.listing() == before


def test_links_to_what_a_store_did_not_take(user):
    """They lead into the working directory's own store, and are as good as others."""
    user.made = ("a.txt", "out.txt")
    user.write(
        """
        rule all:
            input: "out.txt"

        rule a:
            input: "in.txt"
            output: "a.txt"
            shell: "ran a; cp {input} {output}"

        rule b:
            input: "a.txt"
            output: "out.txt"
            shell: "ran b; rev {input} > {output}"
        """
    )
    user.run(*IN_STORE)
    give_away(user.store)
    clone = user.clone()
    clone.prefix = AS_USER
    clone.write("xyz\n", "in.txt")
    done = clone.run(*IN_STORE)
    assert done.computed == ["a", "b"]
    assert (clone.directory / "a.txt").is_symlink()
    assert "changed while" not in done.printed
    assert clone.run(*IN_STORE).did_nothing


def test_a_copied_input_can_be_made_again(user):
    """The program cp gives to a copy the mode of what it copies."""
    user.write(CHAIN.replace("cat {input} > {output}", "cp {input} {output}"))
    user.run()
    clone = user.clone()
    clone.prefix = AS_USER
    clone.run()
    assert clone.run(*NEW).computed == ["b", "c"]


def records(store):
    return [path for path in (store.root / "records").rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", [b"", b"{garbage", b"\xff\x00"], ids=["empty", "json", "bytes"])
def test_damaged_records(chain, damage):
    chain.run()
    for path in records(chain.store):
        path.chmod(0o644)
        path.write_bytes(damage)
    done = chain.clone().run()
    assert done.computed == ["a", "b", "c"]
    assert any("counts as missing" in line for line in done.messages)
    assert chain.run().did_nothing
    assert chain.clone("other").run().computed == ["c"]


@pytest.mark.parametrize("damage", ["gone", "truncated"])
def test_the_payload_of_a_target_is_damaged(chain, damage):
    chain.run()
    entry = chain.store.find("files", "b.txt")
    path = chain.store.objects.path(entry.version.digest)
    path.chmod(0o644)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"C")
    clone = chain.clone()
    assert clone.run().computed == ["b", "c"]
    assert clone.read("out.txt") == "CBA\n3\n"
    assert chain.run().did_nothing


def test_what_is_downstream_of_an_evicted_intermediate_is_found(chain):
    chain.run()
    chain.drop_payload("a.txt")
    clone = chain.clone()
    assert clone.run().computed == ["c"]
    assert clone.run().did_nothing
    assert chain.run().did_nothing
    # A new result needs the intermediate again, which is made by the same job.
    assert clone.run(*NEW).computed == ["a", "b", "c"]
    assert chain.run(*NEW).computed == ["c"]


def test_a_changed_payload_is_found_when_it_is_verified(chain):
    chain.run()
    entry = chain.store.find("files", "b.txt")
    path = chain.store.objects.path(entry.version.digest)
    path.chmod(0o644)
    path.write_text("XXX\n3\n")
    clone = chain.clone()
    assert clone.run("--storage-seqstore-verify", "sha256").computed == ["b", "c"]
    assert clone.read("out.txt") == "CBA\n3\n"


@pytest.mark.parametrize("how_many", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_the_same_in_several_directories_at_once(chain, how_many):
    clones = [chain.clone(f"clone{number}") for number in range(how_many)]
    started = [clone.start() for clone in clones]
    for clone, process in zip(clones, started, strict=True):
        done = clone.finish(process)
        assert done.status == 0, done.printed
        assert clone.read("out.txt") == "CBA\n3\n"
    assert chain.payloads() == ["ABC\n", "CBA\n3\n"]
    for clone in clones[:2]:
        assert clone.run().did_nothing
    assert chain.run().computed == ["c"]


def test_a_store_that_is_full(chain):
    """A small filesystem of its own, in a namespace of its own."""
    prefix = ("unshare", "--mount", "--", "sh", "-c")
    root = chain.store.root
    root.mkdir()
    script = f'mount -t tmpfs -o size=64k none "{root}" && exec "$@"'
    if subprocess.run([*prefix, f'mount -t tmpfs none "{root}"'], capture_output=True).returncode:
        pytest.skip("needs mount namespaces")
    chain.prefix = (*prefix, script, "sh")
    chain.write("abcdefgh" * 20_000, "in.txt")
    done = chain.run()
    assert "No space left on device" in done.printed
    assert "Results stay in this working directory" in done.printed
    assert done.computed == ["a", "b", "c"]
    assert chain.run().did_nothing
    chain.prefix = ()
    shutil.rmtree(root)
    assert chain.run().did_nothing
    assert chain.clone().run().computed == ["a", "b", "c"]
