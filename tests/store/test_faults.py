"""A crash, a full disk or a refused call at any point leaves the old state or the new one."""

import errno
import os
import resource
import shutil
import signal
import subprocess
from functools import partial

import pytest

from snakemake_storage_plugin_seqstore.errors import StoreError
from snakemake_storage_plugin_seqstore.store import (
    Record,
    Store,
    background,
    filesystem,
    maintenance,
    marker,
)
from snakemake_storage_plugin_seqstore.store.background import Task

from .people import NEEDS_ROOT, as_user, open_way_to

KEY = "0" * 64  # of a computation
LARGE = filesystem.SMALL
CALLS = ("fsync", "rename", "mkdir", "unlink", "open", "chmod", "utime")
_CHANGES = os.O_CREAT | os.O_DIRECTORY


class Trap:
    """Counts the calls of `os` that change a disk, and does something at one of them."""

    def __init__(self, monkeypatch, at, action):
        self.count = 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(getattr(os, name), at, action))

    def _wrap(self, call, at, action):
        def wrapper(*args, **kwargs):
            if call.__name__ == "open" and not args[1] & _CHANGES:
                return call(*args, **kwargs)  # a source is read
            self.count += 1
            if self.count == at:
                action()
            return call(*args, **kwargs)

        return wrapper


def tree(tmp_path):
    source = tmp_path / "directory"
    source.mkdir(exist_ok=True)
    (source / "a").write_text("a")
    (source / "b").write_text("b")
    return source


def change(store, source, kind):
    if kind == "remove":
        store.remove("files", "x")
    elif kind == "touch":
        store.touch("files", "x")
    elif kind == "look":  # its evidence is renewed
        path = store.objects.path(store.history("files", "x")[0].digest)
        path.touch()
        store.find("files", "x")
        store.records.all(KEY)
        store.names.remove("files", "y")
        store.touch("files", "x")
    elif kind == "gc":
        maintenance.collect_garbage(store, 0)
    elif kind == "job":
        end_job(store, source)
    else:
        store.publish("files", "x", source)


def end_job(store, source):
    """What is done when a job has made something: in its thread, and then in the background."""
    roots, told = (str(store.root),), []
    version = store.add(source)
    record = Record(KEY, (version,), (True,), {}, 1.0, "rule")
    tasks = [
        Task(roots, Store.assign, ("files", "x", version, KEY), "files/x", version),
        Task(roots, Store.add_record, (record,), "what made files/x"),
    ]
    background.run(tasks, told.append, set())
    if told:
        raise StoreError("\n".join(told))


def content(store):
    """The content of the name, checked byte by byte; None if it means nothing."""
    entry = store.find("files", "x")
    if entry is None:
        return None
    store.verify(entry.version, "it")
    return entry.version.digest


def steps(tmp_path, monkeypatch, source, kind):
    """How many calls a change makes."""
    with monkeypatch.context() as patch:
        store = prepared(tmp_path / "dry", tmp_path)
        content(store)
        trap = Trap(patch, -1, None)
        change(store, source, kind)
    assert trap.count > 2
    return trap.count


def prepared(root, tmp_path):
    """A store with an old content, something that garbage collection takes, and litter."""
    store = Store(root)
    for text in ("garbage", "old"):
        (tmp_path / "text").write_text(text)
        store.publish("files", "x", tmp_path / "text")
    (store.objects.staging / "litter").touch()
    long_ago = 1_000_000_000
    for path in (store.objects.staging / "litter", *(store.root / "objects").rglob("*")):
        os.utime(path, (long_ago, long_ago))
    first = store.history("files", "x")
    for number, stamp in enumerate(first):
        age = (long_ago - number) * 10**9
        os.utime(stamp.path, (long_ago, long_ago))
        stamp.path.rename(stamp.path.with_name(f"{age:020d}-{stamp.digest}.json"))
    return store


def to_publish(tmp_path, kind):
    if kind == "directory":
        return tree(tmp_path)
    (tmp_path / "new").write_text("new" * (LARGE if kind == "large" else 1))
    return tmp_path / "new"


@pytest.mark.parametrize(
    "kind", ["file", "large", "directory", "job", "remove", "touch", "gc", "look"]
)
def test_a_crash_leaves_the_old_state_or_the_new_one(tmp_path, monkeypatch, kind):
    source = to_publish(tmp_path, kind)
    seen = set()
    for at in range(1, steps(tmp_path, monkeypatch, source, kind) + 1):
        store = prepared(tmp_path / f"store{at}", tmp_path)
        old = content(store)
        child = os.fork()
        if child == 0:
            with monkeypatch.context() as patch:
                Trap(patch, at, lambda: os.kill(os.getpid(), signal.SIGKILL))
                change(store, source, kind)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        after = content(Store(store.root))
        seen.add("old" if after == old else "none" if after is None else "new")
        if record := next(iter(Store(store.root).find_records(KEY)), None):
            assert record.outputs[0].digest == after  # what is recorded is there
        change(Store(store.root), source, kind)  # whoever comes next is not in the way of anything
        done = content(Store(store.root))
        assert done is None if kind == "remove" else done is not None
    # The last call of the others does it.
    assert seen == ({"old", "new"} if kind in ("file", "large", "directory", "job") else {"old"})


@pytest.mark.parametrize("kind", ["file", "large", "directory", "job", "remove", "touch", "look"])
def test_a_failing_call_is_reported_and_leaves_no_litter(tmp_path, monkeypatch, kind):
    source = to_publish(tmp_path, kind)

    def fail():
        raise OSError(errno.ENOSPC, "No space left on device")

    for at in range(1, steps(tmp_path, monkeypatch, source, kind) + 1):
        store = prepared(tmp_path / f"store{at}", tmp_path)
        (store.objects.staging / "litter").unlink()
        old = content(store)
        with monkeypatch.context() as patch:
            Trap(patch, at, fail)
            try:
                change(store, source, kind)
            except StoreError as error:
                assert "No space left" in str(error)
                assert "files/x" in str(error) or str(source) in str(error)
        after = content(Store(store.root))
        assert after in (old, None) if kind == "remove" else after is not None
        left = list(store.objects.staging.iterdir())
        assert len(left) <= 1  # the one whose unlink was made to fail


def test_a_full_disk_loses_nothing(tmp_path):
    """A real limit on the size of files, in a process of its own."""
    store = prepared(tmp_path / "store", tmp_path)
    (store.objects.staging / "litter").unlink()
    old = content(store)
    big = tmp_path / "big"
    big.write_bytes(b"x" * 300_000)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            store.publish("files", "x", big)
        except StoreError as error:
            os._exit(0 if "File too large" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert content(Store(store.root)) == old
    assert list(store.objects.staging.iterdir()) == []


@NEEDS_ROOT
def test_a_store_of_somebody_else_is_readable_and_refuses_to_be_written(tmp_path):
    open_way_to(tmp_path)
    store = prepared(tmp_path / "store", tmp_path)

    def use():
        entry = Store(store.root).find("files", "x")
        assert entry is not None
        try:
            Store(store.root).publish("files", "y", tmp_path / "text")
        except StoreError as error:
            assert "Permission denied" in str(error)
            assert "init --shared" in str(error)
            return 0
        return 1

    assert as_user(use) == 0
    assert Store(store.root).find("files", "y") is None


@pytest.fixture
def small_disk(tmp_path):
    """A filesystem with few inodes; gives its directory, and what mounts it again."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "none", disk]
        if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")

    mount("nr_inodes=60")
    yield disk, mount
    subprocess.run(["umount", disk], check=True)


def test_a_name_is_removed_where_inodes_have_run_out(small_disk, tmp_path):
    disk, _ = small_disk
    (tmp_path / "x").write_text("x")
    store = Store(disk / "store")
    store.publish("files", "x", tmp_path / "x")
    with pytest.raises(OSError, match="No space left"):
        for number in range(100):
            (disk / f"{number}").touch()
    (tmp_path / "x").write_text("y")
    with pytest.raises(StoreError, match=r"cannot write files/x .*No space left.*store/tmp/"):
        Store(disk / "store").publish("files", "x", tmp_path / "x")
    assert Store(disk / "store").remove("files", "x")
    assert Store(disk / "store").find("files", "x") is None
    assert list(store.under("files")) == []


def test_a_store_that_became_read_only(small_disk, tmp_path):
    disk, mount = small_disk
    (tmp_path / "x").write_text("x")
    store = Store(disk / "store")
    version = store.publish("files", "x", tmp_path / "x").version
    os.utime(store.objects.path(version.digest), (1, 1))  # it has to be read
    mount("remount,ro")
    assert Store(disk / "store").find("files", "x")
    with pytest.raises(StoreError, match="Read-only file system"):
        store.publish("files", "y", tmp_path / "x")
    assert maintenance.collect_garbage(store, 0) == maintenance.Removed()


@pytest.fixture
def exfat(tmp_path):
    """Mounts a filesystem that has one mode for all files, with a umask; gives its directory."""
    (tmp_path / "image").write_bytes(bytes(32 << 20))
    disk = tmp_path / "disk"
    disk.mkdir()
    ran = partial(subprocess.run, capture_output=True, text=True)
    programs = ("mkfs.exfat", "mount.exfat-fuse", "losetup")
    if os.geteuid() or not all(map(shutil.which, programs)):
        pytest.skip("exFAT cannot be mounted here")
    ran(["mkfs.exfat", tmp_path / "image"], check=True)
    device = ran(["losetup", "--find", "--show", tmp_path / "image"]).stdout.strip()

    def mount(umask):
        if ran(["mount.exfat-fuse", "-o", f"umask={umask}", device, disk]).returncode:
            pytest.skip("exFAT cannot be mounted here")
        return disk

    yield mount
    ran(["umount", disk], check=True)
    ran(["losetup", "--detach", device], check=True)


@pytest.mark.parametrize("umask", ["000", "002", "022"])
@pytest.mark.parametrize("is_shared", [False, True])
def test_a_filesystem_with_one_mode_for_all_files(exfat, tmp_path, umask, is_shared):
    """A store is made there unless everybody, or not the group that shares it, could write."""
    root = exfat(umask) / "store"
    (tmp_path / "x").write_text("x")
    if umask == "000" or (umask == "022" and is_shared):
        with pytest.raises((OSError, StoreError), match="has to be mounted with umask") as told:
            marker.create(root, is_shared)
        assert "init --shared" not in str(told.value) and str(root) in str(told.value)
        assert list(root.iterdir()) == []
        return
    marker.create(root, is_shared)
    Store(root).publish("files", "x", tmp_path / "x")
    assert Store(root).find("files", "x")
    assert not any(path.stat().st_mode & 0o002 for path in root.rglob("*"))
    if umask == "022":
        with pytest.raises(StoreError, match=r"cannot share .*/store: .*umask=022, or 002 for a"):
            marker.create(root, shared=True)
