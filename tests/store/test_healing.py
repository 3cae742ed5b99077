"""What changed on disk, or cannot be read, costs at most the work of making it again."""

import errno
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, StoreError
from snakemake_storage_plugin_seqstore.store import Record, Store, filesystem, maintenance, marker
from snakemake_storage_plugin_seqstore.store.background import Background, Task, pack

LONG_AGO = 1_000_000_000


@pytest.fixture
def directory(tmp_path):
    """A directory to be published."""
    found = tmp_path / "directory"
    found.mkdir()
    (found / "member").write_text("member")
    return found


def flip(path, bit=0):
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1 << bit
    path.chmod(0o644)
    path.write_bytes(content)


def grow_old(store):
    for directory, below, files in os.walk(store.root):
        for name in (*below, *files):
            os.utime(os.path.join(directory, name), (LONG_AGO, LONG_AGO), follow_symlinks=False)


def is_at(file, name):
    """Whether a descriptor is of a directory of this name."""
    return os.readlink(f"/proc/self/fd/{file}").endswith(f"/{name}")


def fail_for(monkeypatch, module, name, fails, number):
    """Let a call fail for some of its first arguments."""
    real = getattr(module, name)

    def call(path, *args, **kwargs):
        if fails(path):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(module, name, call)


@pytest.mark.parametrize("size", [100, filesystem.SMALL + 100])
def test_damaged_bytes_of_the_right_size_are_written_again(store, make, size):
    entry = store.publish("files", "a", make(b"x" * size))
    flip(store.objects.path(entry.version.digest))
    store.publish("files", "a", make(b"x" * size))
    store.verify(entry.version, "a")


def test_a_damaged_manifest_counts_as_missing_and_is_written_again(store, directory):
    entry = store.publish("files", "d", directory)
    flip(store.objects.path(entry.version.digest))
    assert store.find("files", "d") is None
    store.publish("files", "d", directory)
    assert store.find("files", "d")


def test_a_damaged_manifest_is_set_aside_when_it_is_verified(store, directory):
    entry = store.publish("files", "d", directory)
    flip(store.objects.path(entry.version.digest))
    with pytest.raises(DamageError, match=r"bytes of d changed on disk.*set aside"):
        store.verify(entry.version, "d")
    assert not store.objects.path(entry.version.digest).exists()
    assert len(list(store.objects.damaged.iterdir())) == 1


def test_what_is_set_aside_is_evidence_from_then_on(store, make):
    entry = store.publish("files", "a", make())
    store.remove("files", "a")
    grow_old(store)
    store.objects.set_aside(entry.version.digest)
    assert maintenance.collect_garbage(store, 0).litter == []


def test_a_bad_sector_is_damage(store, make, monkeypatch):
    bad = store.publish("files", "a", make(b"bad")).version
    good = store.publish("files", "b", make(b"good")).version
    fail_for(monkeypatch, filesystem, "sha256_of", lambda path: path.name in bad.digest, errno.EIO)
    monkeypatch.setattr(store.objects.is_sound.__func__, "__defaults__", (filesystem.sha256_of,))
    assert list(maintenance.damaged(store)) == [bad.digest]
    assert store.objects.is_sound(good.digest)


def test_damage_in_a_store_that_cannot_be_written_is_told(store, make, monkeypatch):
    entry = store.publish("files", "a", make())
    flip(store.objects.path(entry.version.digest))

    def refuse(digest):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(store.objects, "set_aside", refuse)
    with pytest.raises(DamageError, match=r"cannot be set aside: .*Permission denied"):
        store.verify(entry.version, "a")


def test_bytes_that_the_disk_lost_are_not_relied_on(store, make, monkeypatch):
    version = store.add(make())
    with monkeypatch.context() as patch:
        fail_for(patch, os, "fsync", lambda _: True, errno.EIO)
        with pytest.raises(StoreError):
            store.assign("files", "a", version)
    # The next fsync of the same file would say that all is well.
    assert not store.has_payload(version)
    assert store.find("files", "a") is None


def test_a_damaged_record_hides_no_other_and_is_written_again(store, make):
    def record(content):
        return Record("ab" * 32, (store.add(make(content)),), (True,), {}, 1.0, "a")

    store.add_record(record(b"1"))
    second = store.add_record(record(b"2"))
    path = next(store.records.directory.rglob(f"*{second.digest}.json"))
    flip(path)
    assert [found.outputs for found in store.find_records("ab" * 32)] == [record(b"1").outputs]
    store.add_record(record(b"2"))
    assert store.find_records("ab" * 32)[0].outputs == record(b"2").outputs


def test_a_version_that_cannot_be_opened_counts_as_missing(store, make, caplog):
    stamp = store.history("files", store.publish("files", "a", make()).name)[0]
    stamp.path.unlink()
    stamp.path.symlink_to("nowhere")
    assert store.find("files", "a") is None
    assert "files/a" in caplog.text


def test_an_unreadable_source_is_no_matter_of_the_store(store, make, directory, monkeypatch):
    make()
    unreadable = ("source", "member")
    fail_for(monkeypatch, os, "open", lambda path: Path(path).name in unreadable, errno.EACCES)
    for source in (directory.parent / "source", directory):
        with pytest.raises(InputError, match=r"cannot read .*Permission denied"):
            store.add(source)
    monkeypatch.undo()
    fail_for(monkeypatch, os, "scandir", lambda path: "directory" in str(path), errno.EACCES)
    with pytest.raises(InputError, match=r"cannot list .*Permission denied"):
        store.add(directory)


def test_garbage_is_not_collected_where_names_cannot_be_seen(store, make, monkeypatch):
    store.publish("files", "lab/a", make())
    grow_old(store)
    with monkeypatch.context() as patch:
        fail_for(patch, os, "scandir", lambda file: is_at(file, "lab"), errno.EIO)
        with pytest.raises(StoreError, match=r"cannot list .*lab"):
            maintenance.collect_garbage(store, 0)
        with pytest.raises(StoreError, match=r"cannot list .*lab"):
            list(store.under("files"))
    assert store.find("files", "lab/a")


@pytest.mark.parametrize("bit", range(8))
def test_garbage_is_not_collected_where_a_manifest_cannot_be_read(store, directory, bit):
    entry = store.publish("files", "d", directory)
    grow_old(store)
    flip(store.objects.path(entry.version.digest), bit)
    with pytest.raises(StoreError, match=r"names/files/d .*seqstore verify"):
        maintenance.collect_garbage(store, 0)
    assert len(list(store.objects)) == 2
    store.objects.set_aside(entry.version.digest)
    assert len(maintenance.collect_garbage(store, 0).payloads) == 1


def test_what_is_added_again_is_not_garbage(store, make):
    store.publish("files", "a", make())
    store.remove("files", "a")
    grow_old(store)
    version = store.add(make())
    assert maintenance.collect_garbage(store, 0).payloads == []
    store.assign("files", "b", version)
    assert store.find("files", "b")


def test_what_a_name_follows_is_not_garbage(store, make):
    version = store.add(make())
    grow_old(store)
    store.follow("files", "b", version, "key")
    assert store.find("files", "b")
    assert time.time() - store.objects.path(version.digest).stat().st_mtime < 160


def test_an_old_payload_of_somebody_else_is_written_again(store, make, monkeypatch):
    version = store.add(make())
    grow_old(store)
    before = store.objects.path(version.digest).stat()
    with monkeypatch.context() as patch:
        fail_for(patch, os, "utime", lambda _: True, errno.EPERM)
        assert store.add(make()) == version
    after = store.objects.path(version.digest).stat()
    assert (after.st_ino, after.st_mtime > LONG_AGO) != (before.st_ino, False)
    assert maintenance.collect_garbage(store, 0).payloads == []


def test_garbage_is_collected_by_two_while_others_publish(store, make):
    """What one finds, another one may have taken or finished a moment later."""
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for turn in range(100):
                    if number < 2:
                        maintenance.collect_garbage(Store(store.root), 0)
                    else:
                        name = f"{number}/{turn % 3}"
                        version = Store(store.root).add(make(b"%d" % (turn % 7), f"s{number}"))
                        os.utime(store.objects.path(version.digest), (LONG_AGO, LONG_AGO))
                        Store(store.root).publish(
                            "files", name, make(b"%d" % (turn % 7), f"s{number}")
                        )
                        for _ in range(1000):
                            if Store(store.root).find("files", name):
                                break
                            time.sleep(0.01)  # one may look whether it is old
                        else:
                            raise AssertionError(name)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4


def test_a_removed_file_that_nfs_keeps_is_passed_over(store, make, monkeypatch):
    store.publish("files", "a", make())
    (store.objects.staging / ".nfs0001").touch()
    (store.objects.staging / "litter").touch()
    grow_old(store)
    fail_for(monkeypatch, os, "unlink", lambda path: ".nfs" in str(path), errno.EBUSY)
    assert [path.name for path in maintenance.collect_garbage(store, 0).litter] == ["litter"]


def test_what_a_killed_process_left_is_done_at_the_end(store, make, caplog):
    background = Background()
    version = store.add(make())
    task = Task((str(store.root),), Store.assign, ("files", "a", version, ""), "it")
    background.submit(pack([task]))
    os.kill(background._process.pid, signal.SIGKILL)
    del background
    assert list(store.under("files")) == ["a"]


def test_a_store_can_be_shared_later(store, make, directory):
    before = os.umask(0o077)
    try:
        store.publish("files", "a", make())
        store.publish("files", "d", directory)
        assert stat.S_IMODE(store.root.stat().st_mode) == 0o700
        marker.create(store.root, shared=True)
        for path in (store.root, *store.root.rglob("*")):
            wanted = stat.S_IRWXG | stat.S_ISGID if path.is_dir() else stat.S_IRGRP
            assert path.stat().st_mode & wanted == wanted
            assert not path.stat().st_mode & stat.S_IRWXO
        store.publish("files", "new/b", make(b"new"))
        new = store.names.directory / "files" / "new"
        assert stat.S_IMODE(new.stat().st_mode) == 0o2770
    finally:
        os.umask(before)


def test_a_store_that_is_somebody_elses_is_not_shared(store, make, monkeypatch):
    store.publish("files", "a", make())
    fail_for(monkeypatch, os, "chmod", lambda _: True, errno.EPERM)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(StoreError, match=r"cannot share .*only its owner"):
        marker.create(store.root, shared=True)


def test_what_is_renewed_is_there_whole(store, directory):
    version = store.add(directory)
    for digest in store.payloads(version):
        os.utime(store.objects.path(digest), (0, 0))
    assert store.renew(version)
    assert maintenance.collect_garbage(store, 0).payloads == []
    member = next(m.digest for m in store.members(version) if m.digest)
    store.objects.path(member).unlink()
    assert not store.renew(version)
    store.objects.path(version.digest).unlink()
    assert not store.renew(version)
