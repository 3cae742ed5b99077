"""A payload that anything wrote to after it was published is never used."""

import mmap
import os
import shutil
import time
import types

import pytest

from snakemake_storage_plugin_seqstore import transfer
from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.query import Query
from snakemake_storage_plugin_seqstore.store import Materialisation, Store, evidence, filesystem
from snakemake_storage_plugin_seqstore.store import marker as markers

from .people import NEEDS_ROOT, as_user, open_way_to

SECOND = 10**9
SIZES = (100, filesystem.SMALL + 100)


@pytest.fixture
def reads(monkeypatch):
    """The payloads that were read in full."""
    found = []
    real = filesystem.digest_of
    monkeypatch.setattr(
        filesystem, "digest_of", lambda file, *size: found.append(file) or real(file, *size)
    )
    return found


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def publish(store, make, size=100):
    version = store.publish("files", "a", make(b"x" * size)).version
    return version, store.objects.path(version.digest)


def flip(path):
    with path.open("r+b") as file:
        file.seek(50)
        file.write(b"y")


def flip_mapped(path):
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[50] = ord("y")


def grow_and_shrink(path):
    size = path.stat().st_size
    flip(path)
    with path.open("ab") as file:
        file.write(b"z")
    os.truncate(path, size)


def replace(path):
    other = path.with_name("other")
    shutil.copy2(path, other)
    flip(other)
    other.rename(path)


WAYS = (flip, flip_mapped, grow_and_shrink, replace)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("are_times_restored", [False, True])
@pytest.mark.parametrize("write", WAYS)
def test_what_was_written_to_is_not_used(store, make, write, are_times_restored, size):
    version, path = publish(store, make, size)
    before = path.stat()
    path.chmod(0o644)
    write(path)
    if are_times_restored:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        later(path)
    path.chmod(0o444)
    assert path.stat().st_size == version.size
    for reader in (store, Store(store.root)):
        assert reader.find("files", "a") is None
        assert not reader.has_payload(version)
        assert not reader.renew(version)  # whatever was wrong with it stays seen
    assert store.publish("files", "a", make(b"x" * size)).version == version
    assert store.find("files", "a").version == version
    assert path.read_bytes() == b"x" * size


def later(path):
    """As if what was done to a file last had been done a minute after what was done before.

    Nobody can set that time.
    """
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 60 * SECOND))


def test_nothing_is_read_where_times_tell(store, make, tmp_path, reads):
    for size in SIZES:
        version, _ = publish(store, make, size)
        reads.clear()
        for _ in range(3):
            assert Store(store.root).find("files", "a")
            assert Store(store.root).renew(version)
        assert reads == []


@pytest.mark.parametrize("change", ["chmod", "copy", "copy without times", "restored"])
def test_what_was_only_moved_is_read_once(store, make, tmp_path, reads, change):
    _, path = publish(store, make)
    if change == "chmod":
        later(path)
        path.chmod(0o440)
    elif change.startswith("copy"):
        shutil.copytree(
            store.root,
            tmp_path / "copy",
            copy_function=shutil.copy2 if change == "copy" else shutil.copy,
        )
        store = Store(tmp_path / "copy")
        if change == "copy":
            later(store.objects.path(path.parent.name + path.name))
    else:
        os.utime(path, (1_000_000_000, 1_000_000_000))
    reads.clear()
    assert store.find("files", "a")
    assert len(reads) == 1
    assert Store(store.root).find("files", "a")
    assert len(reads) == 1


def test_sharing_keeps_the_evidence(store, make, reads, monkeypatch):
    before = os.umask(0o077)
    try:
        _, path = publish(store, make)
        monkeypatch.setattr(evidence, "_SLACK", SECOND // 10)
        time.sleep(0.2)
        markers.create(store.root, shared=True)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o040
    reads.clear()
    assert store.find("files", "a")
    assert reads == []


@NEEDS_ROOT
def test_who_cannot_set_its_times_remembers(store, make, tmp_path, reads, monkeypatch):
    _, path = publish(store, make)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    (tmp_path / "cache").mkdir(mode=0o777)
    (tmp_path / "cache").chmod(0o777)
    open_way_to(store.root)
    # Long after it changed: what changed just now can change again and look the same.
    real = evidence.time.time_ns
    monkeypatch.setattr(
        evidence, "time", types.SimpleNamespace(time_ns=lambda: real() + 60 * SECOND)
    )

    def look():
        for _ in range(3):
            assert Store(store.root).find("files", "a")
        return len(reads)

    reads.clear()
    assert as_user(look) == 1
    assert as_user(look) == 0
    path.chmod(0o644)
    flip(path)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert as_user(lambda: Store(store.root).find("files", "a") is not None) == 0


@pytest.mark.parametrize(
    ("modified", "changed", "holds"),
    [
        (0, 97, True),
        (0.9, 97.0, True),  # whole seconds
        (0, 0, False),  # it was written to
        (97, 0, False),
        (0, 60, False),
        (0, 160, False),
        (0, 3600, False),
    ],
)
def test_the_rule(modified, changed, holds):
    times = {"st_mtime_ns": int(modified * SECOND), "st_ctime_ns": int(changed * SECOND)}
    assert evidence.holds(types.SimpleNamespace(**times, st_mode=0o100444)) == holds
    assert not evidence.holds(types.SimpleNamespace(**times, st_mode=0o010444))  # a pipe


def decay(path):
    """Change a payload as a disk does, of which its times tell nothing."""
    path.chmod(0o644)
    flip(path)
    with path.open("rb") as file:
        evidence.give(file.fileno(), filesystem.clock(path.parents[2]))


@pytest.mark.parametrize("how", Materialisation)
@pytest.mark.parametrize("size", SIZES)
def test_decay_is_found_once_in_a_while_and_by_each_copy(
    store, make, tmp_path, monkeypatch, how, size
):
    _, path = publish(store, make, size)
    decay(path)
    assert store.find("files", "a")
    is_link = how is Materialisation.SYMLINK and os.geteuid() != 0
    monkeypatch.setattr(transfer._chance, "randrange", lambda most: most - 1, raising=False)
    if size > filesystem.SMALL and is_link:
        transfer.retrieve(store, Query.parse("seqstore://files/a"), tmp_path / "target", how)
    monkeypatch.setattr(transfer._chance, "randrange", lambda most: 0, raising=False)
    with pytest.raises(DamageError, match="changed on disk"):
        transfer.retrieve(store, Query.parse("seqstore://files/a"), tmp_path / "other", how)
    assert not (tmp_path / "other").exists()
    assert store.find("files", "a") is None  # it is set aside
    assert len(list(store.objects.damaged.iterdir())) == 1


def test_a_node_whose_clock_is_ahead(store, make, monkeypatch):
    store.publish("files", "before", make())
    monkeypatch.setattr(filesystem, "_ahead", {})
    real = filesystem.time.time_ns
    monkeypatch.setattr(filesystem.time, "time_ns", lambda: real() + 3600 * SECOND)
    entry = store.publish("files", "a", make(b"a"))
    assert abs(entry.time - real()) < 5 * SECOND
    assert evidence.holds(store.objects.path(entry.version.digest).stat())
