"""Garbage collection and verification."""

import os
import subprocess

import pytest

from snakemake_storage_plugin_seqstore.store import Store, filesystem, maintenance

DAY = 86400.0


@pytest.fixture
def age(store, monkeypatch):
    """Let so many days go by."""
    real, passed = filesystem.clock, []
    monkeypatch.setattr(filesystem, "clock", lambda root: real(root) + sum(passed))

    def age(days):
        passed.append(int(days * DAY) * 10**9)

    return age


def contents(store):
    return sorted(store.objects.path(digest).read_bytes() for digest, _ in store.objects)


def test_what_is_meant_stays_however_old(store, make, tmp_path, age):
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "member").write_text("member")
    store.publish("files", "a", make(b"a"))
    store.publish("files", "d", directory)
    age(1000)
    removed = maintenance.collect_garbage(store, 0)
    assert (removed.payloads, removed.versions, removed.litter, removed.bytes) == ([], [], [], 0)
    assert store.find("files", "a") and store.find("files", "d")


def test_superseded_and_removed_content_goes_by_age(store, make, age):
    old = store.publish("files", "a", make(b"old"))
    store.publish("files", "gone", make(b"gone"))
    age(10)
    store.publish("files", "a", make(b"new"))
    store.remove("files", "gone")
    age(5)
    assert maintenance.collect_garbage(store, 6 * DAY).payloads == []
    assert store.find("files", "a", old.version.digest)  # a pin still finds it
    planned = maintenance.collect_garbage(store, 4 * DAY, dry_run=True)
    assert contents(store) == [b"gone", b"new", b"old"]
    done = maintenance.collect_garbage(store, 4 * DAY)
    assert sorted(done.payloads) == sorted(planned.payloads)
    assert (len(done.payloads), len(done.versions), done.bytes) == (2, 2, len("old") + len("gone"))
    assert contents(store) == [b"new"]
    assert store.find("files", "a", old.version.digest) is None
    assert store.find("files", "gone") is None


def test_an_hour_of_grace_whatever_age_is_asked_for(store, make):
    store.publish("files", "a", make(b"1"))
    store.publish("files", "a", make(b"2"))
    (store.objects.staging / "unfinished").touch()
    assert maintenance.collect_garbage(store, 0) == maintenance.Removed()


def test_litter_of_killed_processes_goes_by_age(store, make, age):
    store.publish("files", "a", make())
    (store.objects.staging / "unfinished").write_text("12345")
    age(2)
    removed = maintenance.collect_garbage(store, DAY)
    assert [path.name for path in removed.litter] == ["unfinished"]
    assert removed.bytes == 5
    assert list(store.objects.staging.iterdir()) == []


def test_unfinished_files_go_only_where_their_process_is_known_to_be_gone(store, make):
    store.publish("files", "a", make())
    process = subprocess.Popen(["true"])
    process.wait()
    machine, _, rest = filesystem.temporary_name().partition("-")
    gone = f"{machine}-{process.pid}-x"
    others = f"{'0' * len(machine)}-{process.pid}-x"  # of a process on another node
    for name in (gone, others, f"{machine}-{rest}", f"{machine}-no-number"):
        (store.objects.staging / name).touch()
    removed = maintenance.collect_garbage(store, 0)
    assert [path.name for path in removed.litter] == [gone]


def test_what_is_published_meanwhile_stays(store, make, age, monkeypatch):
    """Somebody publishes the same content between the first look and the removal."""
    store.publish("files", "a", make(b"content"))
    store.remove("files", "a")
    age(10)
    real = os.rename

    def rename(source, target, **directories):
        monkeypatch.setattr(os, "rename", real)
        # Found in place, so nothing is written; then the payload is taken away.
        assert Store(store.root).publish("files", "b", make(b"content"))
        real(source, target, **directories)

    monkeypatch.setattr(os, "rename", rename)
    assert maintenance.collect_garbage(store, DAY).payloads == []
    entry = store.find("files", "b")
    store.verify(entry.version, "it")


def test_a_damaged_record_does_not_cost_its_payload(store, tmp_path, age):
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "member").write_text("member")
    store.publish("files", "d", directory)
    record = store.history("files", "d")[0].path
    record.chmod(0o644)
    record.write_text("")
    age(100)
    assert maintenance.collect_garbage(store, DAY).payloads == []
    assert len(contents(store)) == 2


def test_damaged_payloads_are_found(store, make):
    store.publish("files", "a", make(b"sound"))
    entry = store.publish("files", "b", make(b"damaged"))
    assert list(maintenance.damaged(store)) == []
    path = store.objects.path(entry.version.digest)
    path.chmod(0o644)
    path.write_bytes(b"d4maged")
    assert list(maintenance.damaged(store)) == [entry.version.digest]


def test_an_empty_store_has_no_garbage(store):
    assert maintenance.collect_garbage(store, 0, dry_run=True) == maintenance.Removed()
    assert not store.root.exists()
