"""Publishing, finding, listing, removing: what a user of the store sees."""

import hashlib
import json
import multiprocessing
import os
import stat
import threading
import time

import pytest

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, StoreError
from snakemake_storage_plugin_seqstore.store import (
    Materialisation,
    Store,
    filesystem,
    marker,
    materialise,
)
from snakemake_storage_plugin_seqstore.store.filesystem import SMALL
from snakemake_storage_plugin_seqstore.store.version_log import TICK


def read(store, collection, name):
    entry = store.find(collection, name)
    return store.objects.path(entry.version.digest).read_bytes()


def files(store):
    return sorted(
        os.path.relpath(os.path.join(directory, file), store.root)
        for directory, _, names in os.walk(store.root)
        for file in names
    )


def test_what_is_published_is_found(store, make):
    assert store.find("files", "a/b.txt") is None
    before = time.time()
    published = store.publish("files", "a/b.txt", make(b"hello"))
    found = Store(store.root).find("files", "a/b.txt")
    assert found == published
    assert found.version.digest == hashlib.sha256(b"hello").hexdigest()
    assert (found.version.kind, found.version.size, found.version.executable) == ("file", 5, False)
    assert before <= found.mtime <= time.time() + 0.01
    assert read(store, "files", "a/b.txt") == b"hello"


def test_a_payload_is_under_its_digest_read_only_and_stored_once(store, make):
    for name in ("a", "b/c"):
        store.publish("files", name, make(b"same"))
    digest = hashlib.sha256(b"same").hexdigest()
    payloads = [file for file in files(store) if file.startswith("objects/")]
    assert payloads == [f"objects/{digest[:2]}/{digest[2:]}"]
    assert stat.S_IMODE(store.objects.path(digest).stat().st_mode) == 0o444


def test_a_payload_shares_no_inode_with_its_source(store, make):
    source = make(b"mine")
    store.publish("files", "a", source)
    source.write_bytes(b"changed")
    assert read(store, "files", "a") == b"mine"


def test_the_same_content_has_the_same_id_in_every_store(store, make, tmp_path):
    one = store.publish("files", "a", make(b"x"))
    other = Store(tmp_path / "other").publish("tracks", "b", make(b"x"))
    assert one.id == other.id
    assert one.id != store.publish("files", "a", make(b"y")).id


def test_a_name_means_what_was_published_last(store, make):
    first = store.publish("files", "a", make(b"1"))
    second = store.publish("files", "a", make(b"2"))
    assert read(store, "files", "a") == b"2"
    assert store.find("files", "a", first.version.digest) == first
    again = store.publish("files", "a", make(b"1"))
    assert read(store, "files", "a") == b"1"
    assert first.time < second.time < again.time
    assert [stamp.digest for stamp in store.history("files", "a")] == [
        first.version.digest,
        second.version.digest,
    ]


def test_a_slow_clock_does_not_bring_the_old_version_back(store, make, monkeypatch):
    first = store.publish("files", "a", make(b"1"))
    monkeypatch.setattr(time, "time_ns", lambda: first.time - 300 * 10**9)
    second = store.publish("files", "a", make(b"2"))
    assert second.time == first.time + TICK
    assert read(store, "files", "a") == b"2"
    assert store.remove("files", "a")
    assert store.find("files", "a") is None


def test_times_are_exact_as_floats_and_on_disk(store, make, tmp_path):
    entry = store.publish("files", "a", make())
    target = tmp_path / "copy"
    materialise(store, entry, target, Materialisation.COPY)
    assert target.stat().st_mtime == entry.mtime
    os.utime(target, (entry.mtime, entry.mtime))
    assert target.stat().st_mtime_ns == entry.time


def test_removing_keeps_the_bytes_and_other_names(store, make):
    store.publish("files", "a", make(b"x"))
    store.publish("files", "b", make(b"x"))
    assert store.remove("files", "a")
    assert not store.remove("files", "a")
    assert store.find("files", "a") is None
    assert read(store, "files", "b") == b"x"
    store.publish("files", "a", make(b"x"))
    assert read(store, "files", "a") == b"x"


def test_touching_renews_the_time_alone(store, make):
    entry = store.publish("files", "a", make())
    touched = store.touch("files", "a")
    assert touched.time > entry.time
    assert touched.version == entry.version
    assert store.find("files", "a") == touched
    assert len(store.history("files", "a")) == 1
    with pytest.raises(StoreError, match="no files/missing"):
        store.touch("files", "missing")


def test_names_below_names(store, make):
    for name in ("a", "a/b", "a/b.json/c", "x" * 255, "a/é ?#%"):
        store.publish("files", name, make(name.encode()))
    for name in ("a", "a/b", "a/b.json/c", "x" * 255, "a/é ?#%"):
        assert read(store, "files", name) == name.encode()
    assert store.find("files", "a/b.json") is None
    assert list(store.under("files")) == ["a", "a/b", "a/b.json/c", "a/é ?#%", "x" * 255]


def test_listing_by_prefix(store, make):
    for name in ("s1/x.bw", "s2/x.bw", "t/x.bw", "s1x"):
        store.publish("tracks", name, make())
    store.publish("files", "s1/y", make())
    store.remove("tracks", "s2/x.bw")
    assert list(store.under("tracks", "s")) == ["s1/x.bw", "s1x"]
    assert list(store.under("tracks", "s1/")) == ["s1/x.bw"]
    assert list(store.under("tracks", "none/")) == []
    assert list(store.under("genomes")) == []


def test_directories(store, tmp_path):
    source = tmp_path / "source"
    (source / "sub/empty").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "sub/run.sh").write_text("#!/bin/sh\n")
    (source / "sub/run.sh").chmod(0o755)
    (source / "sub/up").symlink_to("../a.txt")
    (tmp_path / "outside").write_text("out")
    (source / "out").symlink_to(tmp_path / "outside")
    (source / ".snakemake_timestamp").touch()
    entry = store.publish("files", "d", source)
    assert (entry.version.kind, entry.version.size) == ("tree", 1 + 10 + 3)

    (source / ".snakemake_timestamp").unlink()
    os.utime(source / "a.txt", (0, 0))
    assert store.publish("files", "d", source).version == entry.version  # content, not times

    target = tmp_path / "target"
    materialise(store, entry, target, Materialisation.COPY)
    assert sorted(p.relative_to(target).as_posix() for p in target.rglob("*")) == [
        "a.txt", "out", "sub", "sub/empty", "sub/run.sh", "sub/up",
    ]  # fmt: skip
    assert (target / "a.txt").read_text() == "a"
    assert (target / "out").read_text() == "out"
    assert not (target / "out").is_symlink()
    assert os.readlink(target / "sub/up") == "../a.txt"
    assert os.access(target / "sub/run.sh", os.X_OK)
    assert not os.access(target / "a.txt", os.X_OK)
    assert target.stat().st_mtime_ns == entry.time

    (source / "sub/empty").rmdir()
    assert store.publish("files", "d", source).version.digest != entry.version.digest


@pytest.mark.parametrize("kind", ["fifo", "dangling", "directory link"])
def test_what_a_directory_may_not_contain(store, tmp_path, kind):
    source = tmp_path / "source"
    source.mkdir()
    odd = source / "odd"
    if kind == "fifo":
        os.mkfifo(odd)
    else:
        odd.symlink_to(tmp_path / "nowhere" if kind == "dangling" else tmp_path)
    with pytest.raises(InputError, match="odd"):
        store.publish("files", "d", source)
    assert store.find("files", "d") is None


def test_a_missing_or_cut_payload_counts_as_missing_and_heals(store, make, caplog):
    for damage in ("missing", "cut"):
        entry = store.publish("files", "a", make(b"content"))
        path = store.objects.path(entry.version.digest)
        if damage == "cut":
            path.chmod(0o644)
            path.write_bytes(b"con")
        else:
            path.unlink()
        assert store.find("files", "a") is None
        assert "files/a" in caplog.text
        store.publish("files", "a", make(b"content"))
        assert read(store, "files", "a") == b"content"


def test_a_missing_member_of_a_directory_counts_as_missing(store, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_text("a")
    (source / "b").write_text("b")
    entry = store.publish("files", "d", source)
    store.objects.path(hashlib.sha256(b"b").hexdigest()).unlink()
    assert store.find("files", "d") is None
    store.publish("files", "d", source)
    assert store.find("files", "d").version == entry.version


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"digest": "x"}', b"\xff"])
def test_a_damaged_record_counts_as_missing(store, make, caplog, content):
    store.publish("files", "a", make())
    record = store.history("files", "a")[0].path
    record.chmod(0o644)
    record.write_bytes(content)
    assert store.find("files", "a") is None
    assert "files/a" in caplog.text
    store.publish("files", "a", make(b"new"))
    assert read(store, "files", "a") == b"new"


def test_changed_bytes_of_the_same_size_are_found_when_asked(store, make):
    entry = store.publish("files", "a", make(b"content"))
    path = store.objects.path(entry.version.digest)
    path.chmod(0o644)
    path.write_bytes(b"c0ntent")
    with pytest.raises(DamageError, match="files/a"):
        store.verify(entry.version, "files/a")
    assert store.find("files", "a") is None
    assert [p.read_bytes() for p in store.objects.damaged.iterdir()] == [b"c0ntent"]
    store.publish("files", "a", make(b"content"))
    store.verify(store.find("files", "a").version, "it")


def test_an_unknown_format_is_refused_by_name(store, make):
    store.publish("files", "a", make())
    path = store.root / marker.MARKER
    path.unlink()
    path.write_text(json.dumps({"format": 7, "more": []}))
    for use in (
        lambda s: s.find("files", "a"),
        lambda s: s.publish("files", "a", make()),
        lambda s: list(s.under("files")),
    ):
        with pytest.raises(StoreError, match="format 7"):
            use(Store(store.root))


def test_a_damaged_marker_is_refused(store, make):
    store.publish("files", "a", make())
    path = store.root / marker.MARKER
    path.unlink()
    path.write_text("{")
    with pytest.raises(StoreError, match=r"seqstore\.json is damaged"):
        Store(store.root).find("files", "a")


def test_a_foreign_directory_is_not_touched(tmp_path, make):
    foreign = tmp_path / "home"
    foreign.mkdir()
    (foreign / "thesis.tex").touch()
    store = Store(foreign)
    assert store.find("files", "a") is None
    with pytest.raises(StoreError, match=r"not a store, and not empty \(it has thesis.tex\)"):
        store.publish("files", "a", make())
    assert os.listdir(foreign) == ["thesis.tex"]


def test_a_store_that_lost_its_marker_can_be_made_one_again(store, make):
    store.publish("files", "a", make())
    store.use("p", {("files", "b"): store.find("files", "a").version})
    (store.root / marker.MARKER).unlink()
    marker.create(store.root)
    assert Store(store.root).find("files", "a")


def test_looking_creates_nothing(store):
    assert store.find("files", "a") is None
    assert list(store.under("files")) == []
    assert not store.remove("files", "a")
    assert not store.root.exists()


def test_nothing_unfinished_is_left(store, make):
    store.publish("files", "a", make())
    assert os.listdir(store.objects.staging) == []


@pytest.mark.parametrize(
    ("umask", "shared"), [(0o022, False), (0o077, False), (0o000, False), (0o077, True)]
)
def test_permissions(tmp_path, make, umask, shared):
    before = os.umask(umask)
    try:
        store = Store(tmp_path / "store")
        marker.create(store.root, shared)
        store.publish("files", "a/b", make())
    finally:
        os.umask(before)
    for directory, _, names in os.walk(store.root):
        mode = os.stat(directory).st_mode
        assert not mode & stat.S_IWOTH
        if shared:
            assert mode & stat.S_ISGID
            assert mode & stat.S_IRWXG == stat.S_IRWXG
        for name in names:
            mode = stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode)
            assert mode == 0o444 & ~umask | (0o040 if shared else 0)


@pytest.mark.parametrize("size", [10, SMALL + 1])
def test_nobody_else_may_write_to_what_is_unfinished(store, make, monkeypatch, size):
    modes = []
    real = filesystem.share
    monkeypatch.setattr(
        filesystem,
        "share",
        lambda file, root: modes.append(os.fstat(file).st_mode) or real(file, root),
    )
    before = os.umask(0o000)
    try:
        store.publish("files", "a", make(b"x" * size))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(mode) for mode in modes} == {0o444}


def _publish(root, source, name, times):
    store = Store(root)
    for number in range(times):
        path = source.with_name(f"{name}-{number}")
        path.write_text(f"{number}")
        store.publish("files", name, path)
        store.publish("files", "same", path)


def test_many_processes_publish_at_the_same_time(tmp_path):
    root = tmp_path / "store"
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_publish, args=(root, tmp_path / "x", f"w{number}", 15))
        for number in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    store = Store(root)
    assert list(store.under("files")) == ["same", "w0", "w1", "w2", "w3"]
    assert {read(store, "files", f"w{number}") for number in range(4)} == {b"14"}
    assert read(store, "files", "same") == b"14"  # whoever was last
    assert len([file for file in files(store) if file.startswith("objects/")]) == 15
    assert os.listdir(store.objects.staging) == []


def test_readers_never_see_a_name_without_its_payload(store, make, tmp_path):
    store.publish("files", "a", make(b"0"))
    stop = threading.Event()
    seen = []

    def look():
        reader = Store(store.root)
        while not stop.is_set():
            entry = reader.find("files", "a")
            seen.append(reader.objects.path(entry.version.digest).read_bytes() if entry else None)

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(60):
        store.publish("files", "a", make(str(number % 7).encode()))
    stop.set()
    thread.join()
    assert None not in seen
    assert len(set(seen)) > 1


def test_a_long_copy_shows_its_progress(store, make, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(filesystem, "LARGE", 5 * SMALL)
    monkeypatch.setattr(filesystem, "clone", lambda reader, writer: False)
    caplog.set_level("INFO")
    store.publish("files", "a", make(b"12345" * SMALL, "long.bin"))
    assert f"copied long.bin: {5 * SMALL:,} bytes" in caplog.text
    materialise(store, store.find("files", "a"), tmp_path / "mine.bin", Materialisation.COPY)
    assert f"copied mine.bin: {5 * SMALL:,} bytes" in caplog.text
    caplog.clear()
    store.publish("files", "a", make(b"1234" * SMALL, "short.bin"))
    assert caplog.text == ""


@pytest.mark.parametrize("size", [10, SMALL + 10])
def test_nothing_gets_its_place_before_it_is_durable(store, make, monkeypatch, size):
    store.publish("files", "other", make(b"other"))
    durable, moved = set(), []
    fsync, rename = os.fsync, os.rename

    def note_fsync(file):
        durable.add(os.fstat(file).st_ino)
        fsync(file)

    def check_rename(source, target, *, src_dir_fd, dst_dir_fd):
        moved.append(os.stat(source, dir_fd=src_dir_fd).st_ino in durable)
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", check_rename)
    store.publish("files", "a", make(b"x" * size))
    assert moved == [True, True]  # the payload and its name
